r"""Corrections to scaling: asymptotic exponents from points that have not reached the asymptote.

`correction_to_scaling` fits

    y = A x^b (1 + c x^-w),      w > 0,

in the logarithm, where b is the exponent at x -> infinity (Wegner, Physical Review B 5 (1972)
4529). Errors of x enter through the local slope of the law. `extrapolate` fits a sequence of values
by

    value(size) = limit + s_1 size^-w + s_2 size^-2w + ...

with given w (Privman (ed.), *Finite Size Scaling and Numerical Simulation of Statistical Systems*,
1990). Errors follow from those of the points (the profile of chi^2, which iminuit finds; the usual
covariance where the fit is linear), or from the jackknife over replicas, where all points count
alike (`langevin_sgd.measure.power_law` says why).

Range: one correction dominates, its exponent known or far from zero. The intervals are statistical:
they do not know that another w, or the next term, would have fitted as well. Compare several w,
orders, and windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from langevin_sgd.checks import InputError, as_array, as_count, as_positive, require
from langevin_sgd.covariance import as_covariance
from langevin_sgd.estimate import Estimate
from langevin_sgd.measure.jackknife import jackknife
from langevin_sgd.measure.logarithms import LogPoints, log_points
from langevin_sgd.measure.power_law import (
    chi_squared_of_replicas,
    exponential,
    misfit_note,
    noted,
    probability,
    york,
)

_SINGULAR = 1e-12
_LOG_LOWEST = -1e3
_POWERS = (0.02, 20.0)
_HIGHEST_ORDER = 100
_LARGEST_LOGARITHM = 700.0
_INSEPARABLE = 1e7
"""Largest condition of a fit; its square is inverted, so beyond it no digits are left."""
_NAMES = ("level", "exponent", "correction", "power")


@dataclass(frozen=True, kw_only=True)
class CorrectedPowerLaw:
    """y = amplitude * x^exponent * (1 + correction * (x / x_0)^-power).

    x_0 is the smallest x fitted.

    Parameters
    ----------
    exponent, amplitude
        Of the asymptotic law.
    correction
        Size of the correction at the smallest x of the window, relative to the asymptotic law.
    power
        Its exponent; without error where it was given.
    chi_squared, degrees_of_freedom
        Of the fit; ``None`` where no fit was made.
    window
        Smallest and largest x of the points fitted; ``None`` where there is none.
    """

    exponent: Estimate
    amplitude: Estimate
    correction: Estimate
    power: Estimate
    chi_squared: float | None
    degrees_of_freedom: int
    window: tuple[float, float] | None

    @property
    def p_value(self) -> float | None:
        """Probability of a larger chi^2 if the law holds (independent points)."""
        return probability(self.chi_squared, self.degrees_of_freedom, self.exponent.n_independent)


def correction_to_scaling(
    x: Any,
    y: Any,
    *,
    x_error: Any = None,
    y_error: Any = None,
    power: float | None = None,
    window: tuple[float, float] | None = None,
) -> CorrectedPowerLaw:
    """Fit y = A x^b (1 + c x^-w).

    Parameters
    ----------
    x, y, x_error, y_error, window
        As in `langevin_sgd.measure.fit_power_law`; errors, or replicas, are needed.
    power
        The exponent w > 0 of the correction where theory knows it; fitted by default, which takes
        good data.

    Returns
    -------
    CorrectedPowerLaw
        With estimates that are not valid where there are no more points than parameters, where
        points or replicas are not finite, or where the points do not bound the exponent (then with
        the best value).

    Raises
    ------
    InputError
        If shapes do not fit, a value is not positive, or there are neither errors nor replicas.
    """
    if power is not None:
        power = as_positive("power", power)
    points = log_points(x, y, x_error, y_error).within(window)
    require(points.known, "y_error", y_error, "is needed, or replicas")
    free = 3 if power is not None else 4
    freedom, method = max(len(points) - free, 0), "corrected power law, " + _origin(points)
    if reason := points.doubt(needed=free + 1):
        return _corrected(
            [Estimate.refused(reason, method=method)] * 4, None, freedom, points.window
        )
    points = points.alike()
    best = _minimum(points, power, _start(points, power))
    if not best.valid:
        reason = "no minimum of chi^2 was found"
        return _corrected(
            [Estimate.refused(reason, method=method)] * 4, None, freedom, points.window
        )
    chi_squared: float | None = float(best.fval)
    if points.samples is None:
        estimates = _from_profile(best, power, float(points.x.min()), method)
    else:
        estimates = _from_replicas(points, np.array(best.values), power, method)
        chi_squared = _chi_squared_of_replicas(points, np.array(best.values), power)
    note = misfit_note(chi_squared, freedom, points.replicas)
    return _corrected(
        [noted(estimate, note) for estimate in estimates], chi_squared, freedom, points.window
    )


def _corrected(
    estimates: Sequence[Estimate],
    chi_squared: float | None,
    freedom: int,
    window: tuple[float, float] | None,
) -> CorrectedPowerLaw:
    amplitude, exponent, correction, power = estimates
    return CorrectedPowerLaw(
        exponent=exponent,
        amplitude=amplitude,
        correction=correction,
        power=power,
        chi_squared=chi_squared,
        degrees_of_freedom=freedom,
        window=window,
    )


def _origin(points: LogPoints) -> str:
    return "profile of chi^2" if points.samples is None else "jackknife over replicas"


def _start(points: LogPoints, power: float | None) -> np.ndarray:
    """Line through the points, on whose slope the correction, first negligible, builds."""
    slope, level = york(points[None])
    first = float(points.x.min())
    return np.array([level[0] + slope[0] * first, slope[0], 0.01, power or 1.0])


def _minimum(points: LogPoints, power: float | None, start: np.ndarray) -> Any:
    """Minimise chi^2 over level, exponent, correction and power.

    Level (ln y without correction) and correction are those at the smallest x.
    """
    from iminuit import Minuit

    along = points.x - points.x.min()

    def cost(level: float, exponent: float, correction: float, power: float) -> float:
        decay = correction * np.exp(-power * along)
        if decay.min() <= -1:
            return -_LOG_LOWEST * len(along) * (1 - float(decay.min()))
        slope = exponent - power * decay / (1 + decay)
        off = points.y - level - exponent * along - np.log1p(decay)
        return float((off**2 / (points.yy + slope**2 * points.xx - 2 * slope * points.xy)).sum())

    minimiser = Minuit(cost, *start, name=_NAMES)
    minimiser.errordef, minimiser.tol = 1.0, 1e-4
    minimiser.limits["power"] = _POWERS
    minimiser.limits["correction"] = (-1 + 1e-9, None)
    minimiser.fixed["power"] = power is not None
    minimiser.migrad(ncall=4000)
    return minimiser


def _from_profile(best: Any, power: float | None, first: float, method: str) -> list[Estimate]:
    free = [name for name in _NAMES if not best.fixed[name] and name != "level"]
    try:
        best.minos(*free)
    except RuntimeError as failure:  # a profile that leaves the minimum it started from
        return [Estimate.refused(f"no interval: {failure}", method=method)] * 4
    values = dict(zip(_NAMES, best.values, strict=True))
    if not all(best.merrors[name].is_valid for name in free):
        reason = "the points do not bound the correction and with it the exponent"
        return [
            Estimate.refused(reason, value=value, method=method)
            for value in _reported(values, first)
        ]
    half = {name: (best.merrors[name].upper - best.merrors[name].lower) / 2 for name in free}
    covariance = np.array(best.covariance)
    level_error = np.sqrt(
        covariance[0, 0] - 2 * first * covariance[0, 1] + first**2 * covariance[1, 1]
    )
    return [
        exponential(values["level"] - first * values["exponent"], float(level_error), None, method),
        Estimate(value=values["exponent"], standard_error=half["exponent"], method=method),
        Estimate(value=values["correction"], standard_error=half["correction"], method=method),
        Estimate(
            value=values["power"],
            standard_error=half.get("power"),
            method=method if power is None else "given",
        ),
    ]


def _reported(values: dict[str, float], first: float) -> tuple[float, float, float, float]:
    amplitude = float(np.exp(values["level"] - first * values["exponent"]))
    return amplitude, values["exponent"], values["correction"], values["power"]


def _from_replicas(
    points: LogPoints, best: np.ndarray, power: float | None, method: str
) -> list[Estimate]:
    def fits(means: np.ndarray) -> np.ndarray:
        rows = points.of_moments(means)
        fitted = np.array(
            [_minimum(rows[n], power, best).values for n in range(len(means))], dtype=float
        )
        fitted[:, 0] -= fitted[:, 1] * rows.x.min(axis=1)
        return fitted

    value, error = jackknife(fits, points.moments())
    replicas = points.replicas
    shape = [
        Estimate(value=v, standard_error=e, n_independent=replicas, method=method)
        for v, e in zip(value[1:3], error[1:3], strict=True)
    ]
    given = Estimate(value=power, method="given")
    fitted = Estimate(
        value=float(value[3]), standard_error=float(error[3]), n_independent=replicas, method=method
    )
    level = exponential(float(value[0]), float(error[0]), replicas, method)
    return [level, *shape, fitted if power is None else given]


def _chi_squared_of_replicas(
    points: LogPoints, best: np.ndarray, power: float | None
) -> float | None:
    level, exponent, correction, fitted_power = best
    along = points.x - points.x.min()
    decay = correction * np.exp(-fitted_power * along)
    by_correction = np.exp(-fitted_power * along) / (1 + decay)
    derivatives = [np.ones_like(along), along, by_correction, -along * decay / (1 + decay)]
    design = np.stack(derivatives[: 4 if power is None else 3], axis=1)
    off = points.y - level - exponent * along - np.log1p(decay)
    slope = exponent - fitted_power * decay / (1 + decay)
    assert points.samples is not None
    return chi_squared_of_replicas(points.samples[:, 1] - slope * points.samples[:, 0], off, design)


# --- sequences ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Extrapolation:
    """limit + sum_n coefficient_n size^(-n power).

    Parameters
    ----------
    limit
        Value at infinite size.
    coefficients
        s_1, s_2, ...
    power
        The exponent w, as given.
    chi_squared, degrees_of_freedom
        Of the fit; ``None`` where the fit was refused.
    """

    limit: Estimate
    coefficients: tuple[Estimate, ...]
    power: float
    chi_squared: float | None
    degrees_of_freedom: int

    @property
    def p_value(self) -> float | None:
        """Probability of a larger chi^2 if the values follow the form (errors as given)."""
        return probability(self.chi_squared, self.degrees_of_freedom, self.limit.n_independent)


def extrapolate(
    size: Any, value: Any, *, error: Any = None, power: float = 1.0, order: int = 1
) -> Extrapolation:
    """Extrapolate a sequence of values, for instance local slopes, to infinite size.

    Parameters
    ----------
    size
        (point,), positive.
    value
        (point,), or (point, replica): single measurements, averaged.
    error
        Standard errors (point,), above zero, or the covariance (point, point) where values share
        data (``local_slopes(...).covariance``); only without replicas.
    power
        Exponent w > 0 of the leading correction, 1 by default: an analytic correction.
    order
        Number of corrections.

    Returns
    -------
    Extrapolation
        With estimates that are not valid where there are no more points than parameters, or values
        are not finite.

    Raises
    ------
    InputError
        If shapes do not fit, sizes are not positive, or there are neither errors nor replicas.

    Examples
    --------
    >>> extrapolate([1.0, 2.0, 4.0], [3.0, 2.5, 2.25],
    ...     error=[0.1, 0.1, 0.1]).limit.value.__round__(9)
    2.0
    """
    power = as_positive("power", power)
    order = as_count("order", order, maximum=_HIGHEST_ORDER)
    sizes = as_array("size", size, ndim=1)
    values = as_array("value", value, finite=False)
    fits = values.ndim in (1, 2) and len(values) == len(sizes)
    require(
        fits, "value", values.shape, f"must have shape ({sizes.size},) or ({sizes.size}, replica)"
    )
    require(sizes.size > 0, "size", size, "must hold at least one value")
    require(bool((sizes > 0).all()), "size", float(sizes.min()), "must be positive")
    within = order * power * abs(np.log(sizes.min())) < _LARGEST_LOGARITHM
    require(within, "power", power, "makes size^(order power) leave the range of doubles")
    covariance = _covariance(values, error)
    freedom = max(len(sizes) - order - 1, 0)
    method = f"fit in size^-{power:g} to order {order}, " + (
        "errors given" if values.ndim == 1 else "jackknife"
    )
    if reason := _doubt(values, covariance, order + 2):
        refused = Estimate.refused(reason, method=method)
        return Extrapolation(
            limit=refused,
            coefficients=(refused,) * order,
            power=power,
            chi_squared=None,
            degrees_of_freedom=freedom,
        )
    design = (sizes[:, None] / sizes.min()) ** (-power * np.arange(order + 1))
    if np.linalg.cond(design / np.sqrt(np.diagonal(covariance))[:, None]) > _INSEPARABLE:
        refused = Estimate.refused(
            f"sizes and errors do not tell {order + 1} terms apart", method=method
        )
        return Extrapolation(
            limit=refused,
            coefficients=(refused,) * order,
            power=power,
            chi_squared=None,
            degrees_of_freedom=freedom,
        )
    inverse = np.linalg.inv(covariance)
    normal = np.linalg.inv(design.T @ inverse @ design)
    rows = normal @ design.T @ inverse
    mean = values if values.ndim == 1 else values.mean(axis=1)
    off = mean - design @ (rows @ mean)
    if values.ndim == 1:
        best, errors, replicas = rows @ mean, np.sqrt(np.diagonal(normal)), None
        chi_squared: float | None = float(off @ inverse @ off)
    else:
        (best, errors), replicas = (
            jackknife(lambda means: means @ rows.T, values.T),
            values.shape[1],
        )
        chi_squared = chi_squared_of_replicas(values.T, off, design)
    note = misfit_note(chi_squared, freedom, replicas)
    estimates = [
        Estimate(value=b, standard_error=e, n_independent=replicas, method=method, note=note)
        for b, e in zip(best, errors, strict=True)
    ]
    scaled = tuple(
        estimates[n].scaled(float(sizes.min() ** (n * power))) for n in range(1, order + 1)
    )
    return Extrapolation(
        limit=estimates[0],
        coefficients=scaled,
        power=power,
        chi_squared=chi_squared,
        degrees_of_freedom=freedom,
    )


def _covariance(values: np.ndarray, error: Any) -> np.ndarray:
    """Covariance of values, as given, or that of points that count alike.

    The errors of the latter are left to the jackknife.
    """
    count = len(values)
    if values.ndim == 2:
        if error is not None:
            raise InputError(
                "error: comes from the replicas where replicas are given, leave it out"
            )
        return np.eye(count)
    require(error is not None, "error", error, "is needed, or replicas")
    given = as_array("error", error, finite=False)
    require(
        given.shape in ((count,), (count, count)),
        "error",
        given.shape,
        f"must have shape ({count},) or square",
    )
    if given.ndim == 2:
        return as_covariance("error", given) if np.isfinite(given).all() else given
    require(not (given < 0).any(), "error", error, "must be above zero")
    return np.diag(given**2)


def _doubt(values: np.ndarray, covariance: np.ndarray, needed: int) -> str:
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad or not np.isfinite(covariance).all():
        return f"{bad} of {values.size} values are not finite"
    if values.ndim == 2 and values.shape[1] < 2:
        return f"{values.shape[1]} replicas, at least 2 needed"
    if len(values) < needed:
        return f"{len(values)} points, at least {needed} needed"
    if values.ndim == 2 and (np.ptp(values, axis=1) == 0).any():
        return "replicas do not scatter at some size"
    deviations = np.sqrt(np.diagonal(covariance))
    singular = (
        not deviations.all()
        or np.linalg.eigvalsh(covariance / np.outer(deviations, deviations))[0] <= _SINGULAR
    )
    return "the covariance of the errors is singular" if singular else ""
