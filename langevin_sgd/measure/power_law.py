r"""Power laws from measured points, with errors in both variables.

    ln y = ln A + b ln x,
    chi^2(b) = min_A sum_i (ln y_i - ln A - b ln x_i)^2 / (yy_i + b^2 xx_i - 2 b xy_i)

with xx, yy, xy the variances and the covariance of the errors of a point in the logarithms. Its
minimum is the maximum of the likelihood of a straight line through points whose true x are unknown
(York, Evensen, Lopez Martinez and Delgado, American Journal of Physics 72 (2004) 367, whose
iteration is used); the interval of b is where chi^2 exceeds its minimum by less than one.
Measurements by replica (`langevin_sgd.measure.logarithms`) get their errors from the jackknife over
replicas instead, which needs no assumption about what the points of one replica share; all points
then count alike, with variances (which matter where x scatters too) from all points together and
anew without each replica:
weights from a few replicas would scatter, and their errors be far too small. Where x is exact the
exponent is thus the mean of those of the replicas, and its error exact at any number of them.
Without any error the points count alike as well and the error follows from their scatter.

Range: Gaussian errors of the logarithms; a single power law over the window, which chi^2 tests,
`varied_windows` and `local_slopes` show, and `langevin_sgd.measure.scaling_corrections` goes
beyond.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import optimize, stats

from langevin_sgd.checks import as_array, as_count, as_flag, require
from langevin_sgd.estimate import Estimate
from langevin_sgd.measure.curve import Curve
from langevin_sgd.measure.jackknife import jackknife
from langevin_sgd.measure.logarithms import LogPoints, log_points

SMALLEST_P = 1e-3
"""Below this p-value of chi^2 an estimate says that the points do not follow the law."""
_ITERATIONS = 100
_WIDEST = 64.0


@dataclass(frozen=True, kw_only=True)
class PowerLaw:
    """y = amplitude * x^exponent.

    Parameters
    ----------
    exponent, amplitude
        Estimates; the amplitude is that at x = 1 and may be far from the points.
    chi_squared
        Squared distances of the points from the line in their errors, ``None`` where no error is
        known. With replicas the error is the same at all points, and holds what replicas do beyond
        shifting or tilting the line.
    degrees_of_freedom
        Points minus two.
    window
        Smallest and largest x of the points fitted; ``None`` where there is none.
    """

    exponent: Estimate
    amplitude: Estimate
    chi_squared: float | None
    degrees_of_freedom: int
    window: tuple[float, float] | None

    @property
    def p_value(self) -> float | None:
        """Probability of a larger chi^2 if the law holds.

        Points are independent with known errors; or, with replicas, with the same unknown error but
        for what moves the whole line.
        """
        return probability(self.chi_squared, self.degrees_of_freedom, self.exponent.n_independent)

    def at(self, x: Any) -> np.ndarray:
        """Return the law at `x`; NaN where the fit was refused."""
        places = as_array("x", x, finite=False, minimum=0.0)
        if self.amplitude.value is None or self.exponent.value is None:
            return np.full(places.shape, np.nan)
        law: np.ndarray = self.amplitude.value * places**self.exponent.value
        return law


def fit_power_law(
    x: Any,
    y: Any,
    *,
    x_error: Any = None,
    y_error: Any = None,
    window: tuple[float, float] | None = None,
) -> PowerLaw:
    """Fit y = A x^b.

    Parameters
    ----------
    x, y
        Positive: means (point,), or single measurements (point, replica), averaged in the
        logarithm; x may be exact, (point,), where y has replicas.
    x_error, y_error
        (point,) or a number, standard errors of means.
    window
        First and last x of the fit, both included; all points by default.

    Returns
    -------
    PowerLaw
        With estimates that are not valid for fewer than three points in the window, points or
        replicas that are not finite, replicas that do not scatter, or an x that its errors do not
        resolve.

    Raises
    ------
    InputError
        If shapes do not fit or a value is not positive.

    Examples
    --------
    >>> law = fit_power_law([1.0, 2.0, 4.0], [3.0, 6.0, 12.0], y_error=[0.1, 0.1, 0.1])
    >>> round(law.exponent.value, 9), round(law.amplitude.value, 9)
    (1.0, 3.0)
    """
    return _fitted(log_points(x, y, x_error, y_error).within(window))


def varied_windows(
    x: Any,
    y: Any,
    *,
    x_error: Any = None,
    y_error: Any = None,
    minimum: int = 3,
    both_ends: bool = False,
) -> tuple[PowerLaw, ...]:
    """Fits over windows of neighbouring points: what the choice of the window does to the exponent.

    Parameters
    ----------
    x, y, x_error, y_error
        See `fit_power_law`.
    minimum
        Fewest points of a window.
    both_ends
        Whether the large end is varied as well; by default windows end at the largest x, where
        asymptotic laws hold.

    Returns
    -------
    tuple of PowerLaw
        Widest first at each end; windows share points, and their estimates are not independent.
    """
    minimum, both_ends = as_count("minimum", minimum, minimum=3), as_flag("both_ends", both_ends)
    points = log_points(x, y, x_error, y_error)
    points = points[np.argsort(points.x)]
    ends = range(len(points), minimum - 1, -1) if both_ends else [len(points)]
    return tuple(
        _fitted(points[begin:end]) for end in ends for begin in range(max(end - minimum, 0) + 1)
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class LocalSlopes(Curve):
    """Slopes between points; neighbours share a point and are correlated.

    Parameters
    ----------
    covariance
        (slope, slope), of their errors.
    """

    covariance: np.ndarray


def local_slopes(
    x: Any, y: Any, *, x_error: Any = None, y_error: Any = None, span: int = 1
) -> LocalSlopes:
    """Slopes d ln y / d ln x between points, in the order of x.

    Parameters
    ----------
    x, y, x_error, y_error
        See `fit_power_law`; errors, or replicas, are needed.
    span
        Each slope is taken between a point and the one `span` further on.

    Returns
    -------
    LocalSlopes
        Over the geometric middle of each pair; NaN where a point is not finite, and with an
        infinite error where that of a point is.

    Raises
    ------
    InputError
        If there are too few points, or neither errors nor replicas.
    """
    span = as_count("span", span)
    points = log_points(x, y, x_error, y_error)
    points = points[np.argsort(points.x)]
    require(len(points) > span, "span", span, f"must be below the {len(points)} points")
    enough = points.known and (points.replicas is None or points.replicas > 1)
    require(enough, "y_error", y_error, "is needed, or at least two replicas")
    width = points.x[span:] - points.x[:-span]
    require(bool((width != 0).all()), "x", "equal values", "must differ between points")
    value = (points.y[span:] - points.y[:-span]) / width
    covariance = _slope_covariance(points, value, width, span)
    return LocalSlopes(
        x=np.exp((points.x[span:] + points.x[:-span]) / 2),
        value=value,
        standard_error=np.sqrt(np.diagonal(covariance)),
        n_independent=points.replicas,
        method="log-log slope, errors of its two points",
        covariance=covariance,
    )


def _slope_covariance(
    points: LogPoints, slope: np.ndarray, width: np.ndarray, span: int
) -> np.ndarray:
    """Covariance of slopes, each of which moves with its two points, to first order."""
    if points.samples is None:
        return _banded_covariance(points.xx, slope / width, span) + _banded_covariance(
            points.yy, 1 / width, span
        )
    moved = points.samples - np.stack([points.x, points.y])
    steps = (
        moved[:, 1, span:]
        - moved[:, 1, :-span]
        - slope * (moved[:, 0, span:] - moved[:, 0, :-span])
    ) / width
    covariance: np.ndarray = steps.T @ steps / (len(steps) * (len(steps) - 1))
    return covariance


def _banded_covariance(variance: np.ndarray, factor: np.ndarray, span: int) -> np.ndarray:
    """Covariance of factor_i (z_{i+span} - z_i) with independent z.

    A variance that is no number stays where it is.
    """
    covariance = np.diag(factor**2 * (variance[span:] + variance[:-span]))
    here = np.arange(len(factor) - span)
    shared = -factor[span:] * factor[:-span] * variance[span:-span]
    covariance[here, here + span] = covariance[here + span, here] = shared
    return covariance


# --- the straight line ----------------------------------------------------------------------------


def york(points: LogPoints) -> tuple[np.ndarray, np.ndarray]:
    """Slopes and intercepts (n,) of the lines through rows of points (n, point)."""
    slope = _through(
        points, points.x - points.x.mean(axis=1, keepdims=True), np.ones_like(points.x)
    )
    for _ in range(_ITERATIONS):
        weight, b = 1 / _variance(points, slope), slope[:, None]
        u, v = (part - _mean(part, weight) for part in (points.x, points.y))
        direction = weight * (u * points.yy + b * v * points.xx - (b * u + v) * points.xy)
        before, slope = slope, _through(points, direction, weight)
        if np.all(np.abs(slope - before) <= 1e-14 * (1 + np.abs(slope))):
            break
    weight = 1 / _variance(points, slope)
    return slope, (_mean(points.y, weight) - slope[:, None] * _mean(points.x, weight))[:, 0]


def _through(points: LogPoints, direction: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Slope sum W beta V / sum W beta U, with beta the `direction`.

    U and V are measured from their means with weight W.
    """
    u, v = (part - _mean(part, weight) for part in (points.x, points.y))
    slope: np.ndarray = (weight * direction * v).sum(axis=1) / (weight * direction * u).sum(axis=1)
    return slope


def _mean(rows: np.ndarray, weight: np.ndarray) -> np.ndarray:
    mean: np.ndarray = (weight * rows).sum(axis=1, keepdims=True) / weight.sum(
        axis=1, keepdims=True
    )
    return mean


def _variance(points: LogPoints, slope: np.ndarray) -> np.ndarray:
    b = slope[:, None]
    variance: np.ndarray = points.yy + b**2 * points.xx - 2 * b * points.xy
    return variance


def line_cost(points: LogPoints) -> Callable[[float], float]:
    """chi^2 of a slope, with the best intercept."""

    def cost(slope: float) -> float:
        weight = 1 / _variance(points, np.array([slope]))
        off = (points.y - slope * points.x)[None]
        return float((weight * (off - _mean(off, weight)) ** 2).sum())

    return cost


def _fitted(points: LogPoints) -> PowerLaw:
    freedom, window = max(len(points) - 2, 0), points.window
    if reason := points.doubt(needed=3):
        refused = Estimate.refused(reason, method="log-log line")
        return PowerLaw(
            exponent=refused,
            amplitude=refused,
            chi_squared=None,
            degrees_of_freedom=freedom,
            window=window,
        )
    points = points.alike()
    slope, level = (float(part[0]) for part in york(points[None]))
    cost = line_cost(points)
    chi_squared: float | None = cost(slope)
    if points.samples is not None:
        exponent, amplitude = _from_replicas(points)
        design = np.stack([np.ones_like(points.x), points.x], axis=1)
        each = points.samples[:, 1] - slope * points.samples[:, 0]
        chi_squared = chi_squared_of_replicas(each, points.y - level - slope * points.x, design)
    else:
        # Without errors the scatter of the points sets the scale of chi^2.
        unit = 1.0 if points.known else cost(slope) / freedom
        exponent, amplitude = _from_profile(points, cost, slope, level, unit)
    known = chi_squared if points.known else None
    note = misfit_note(known, freedom, points.replicas)
    return PowerLaw(
        exponent=noted(exponent, note),
        amplitude=noted(amplitude, note),
        chi_squared=known,
        degrees_of_freedom=freedom,
        window=window,
    )


def _from_replicas(points: LogPoints) -> tuple[Estimate, Estimate]:
    def fits(mean: np.ndarray) -> np.ndarray:
        return np.stack(york(points.of_moments(mean)), axis=1)

    value, error = jackknife(fits, points.moments())
    method, replicas = "log-log line through log means, jackknife over replicas", points.replicas
    slope = Estimate(value=value[0], standard_error=error[0], n_independent=replicas, method=method)
    return slope, exponential(float(value[1]), float(error[1]), replicas, method)


def _from_profile(
    points: LogPoints, cost: Callable[[float], float], slope: float, level: float, unit: float
) -> tuple[Estimate, Estimate]:
    weight = 1 / _variance(points, np.array([slope]))
    centre = float(_mean(points.x[None], weight)[0, 0])
    rough = float(np.sqrt(unit / (weight * (points.x - centre) ** 2).sum()))
    half = profile_half_width(cost, slope, rough, unit)
    counted = None if points.known else len(points) - 1
    method = "log-log line, errors " + (
        "given, profile of chi^2" if points.known else "from the scatter of the points"
    )
    if half is None:
        refused = Estimate.refused(
            "the errors of x do not resolve its range", value=slope, method=method
        )
        return refused, Estimate.refused(refused.note, value=float(np.exp(level)), method=method)
    level_error = float(np.sqrt(unit / weight.sum() + (centre * half) ** 2))
    exponent = Estimate(value=slope, standard_error=half, n_independent=counted, method=method)
    return exponent, exponential(level, level_error, counted, method)


def profile_half_width(
    cost: Callable[[float], float], best: float, rough: float, unit: float
) -> float | None:
    """Half the width of the interval in which `cost` exceeds its minimum by less than `unit`.

    It is None if the interval is unbounded.
    """
    if rough == 0:
        return 0.0
    level, ends = cost(best) + unit, []
    for side in (-1.0, 1.0):
        reach = side * rough
        while cost(best + reach) < level:
            reach *= 2
            if abs(reach) > _WIDEST * rough:
                return None
        ends.append(
            optimize.brentq(
                lambda b: cost(b) - level, best, best + reach, xtol=1e-12 * rough, rtol=1e-12
            )
        )
    return float(ends[1] - ends[0]) / 2


# --- shared with other fits -----------------------------------------------------------------------


def exponential(
    logarithm: float, error: float, n_independent: float | None, method: str
) -> Estimate:
    """Estimate of a quantity whose logarithm was estimated."""
    with np.errstate(over="ignore"):
        value = float(np.exp(logarithm))
    return Estimate(
        value=value, standard_error=value * error, n_independent=n_independent, method=method
    )


def probability(chi_squared: float | None, freedom: int, replicas: float | None) -> float | None:
    """Probability of a larger chi^2, ``None`` where it says nothing.

    Where the error itself comes from replicas (`chi_squared_of_replicas`) it is that of Fisher's F,
    whose lower degrees of freedom are those of all replicas but one.
    """
    if chi_squared is None or freedom < 1:
        return None
    if replicas is None:
        return float(stats.chi2.sf(chi_squared, freedom))
    return float(stats.f.sf(chi_squared / freedom, freedom, freedom * (replicas - 1)))


def chi_squared_of_replicas(
    samples: np.ndarray, off: np.ndarray, design: np.ndarray
) -> float | None:
    """Squared distances of points from a law in the error that their replicas show.

    Parameters
    ----------
    samples
        (replica, point), values whose means lie `off` the law.
    off
        (point,) distances from the law.
    design
        (point, parameter) derivatives of the law: what replicas share that moves it is no error of
        a point.

    Returns
    -------
    float or None
        ``None`` where replicas do not scatter about the law.
    """
    apart, shared = samples - samples.mean(axis=0), np.linalg.qr(design)[0]
    apart = apart - apart @ shared @ shared.T
    replicas, count = apart.shape
    variance = float((apart**2).sum()) / ((replicas - 1) * (count - design.shape[1]) * replicas)
    return float((off**2).sum()) / variance if variance > 0 else None


def misfit_note(chi_squared: float | None, freedom: int, replicas: int | None) -> str:
    """Say that the points do not follow the law, or nothing."""
    chance = probability(chi_squared, freedom, replicas)
    if chance is None or chance > SMALLEST_P:
        return ""
    return (
        "the points do not follow the law: "
        f"chi^2 = {chi_squared:.3g} for {freedom} degrees of freedom"
    )


def noted(estimate: Estimate, note: str) -> Estimate:
    """Return the estimate with a remark, unless it has one of its own."""
    return replace(estimate, note=estimate.note or note)
