r"""Boundaries in the phase diagram of networks: T_max, T_opt, T_c, and the powers of alpha or P
with which they move.

- T_max, beyond which training fails: for each replica the geometric middle between the highest
  temperature at which it fits its points and the next. Averaged in the logarithm.
- T_opt, of least test error: the mean of ln T over temperatures at which at least half of the runs
  are fitted, weighted with their number times the power -`SHARPNESS` of the error, that of each
  replica relative to its own mean. With 20 the weight falls by a factor e over 5 % of the error,
  about what a point is uncertain by.
- T_c, or alpha_c: where the geometric mean of a quantity, the relative change of the tangent kernel
  unless said, crosses a threshold; by straight lines between neighbouring points in the log-log
  plane.

In the feature regime, alpha << 1, a network homogeneous of degree L in its weights has T_max and
T_opt ~ alpha^k with k = (L - 2)/L: f = 1/alpha needs weights of order alpha^(-1/L), where f has a
curvature of order alpha^(-(L-2)/L), and learning rate times curvature decides on stability and
noise (Sclocchi, Geiger and Wyart, arXiv 2301.13703, with L = D + 1). In the lazy regime, alpha >>
1, T_c ~ P^-a.

All are functions of averages over replicas, and errors come from the jackknife, that of an exponent
from leaving a replica out on all lines together: replicas are paired over the grid. Only runs that
fit their points count. A boundary that the grid does not enclose is refused, and so is a T_opt of
errors that do not depend on T.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import stats

from langevin_sgd.checks import (
    InputError,
    as_choice,
    as_count,
    as_instance,
    as_positive,
    as_text,
    is_real,
    require,
)
from langevin_sgd.estimate import Estimate
from langevin_sgd.experiments.network_lines import GridLine, as_lines
from langevin_sgd.measure import jackknife

SHARPNESS = 20.0
"""Power of the test error in the weights of T_opt."""
FLAT = 0.01
"""Errors that a constant describes with a p-value above this have no best temperature."""
KERNEL_CHANGE = 0.3
"""Default threshold of |K - K0| / |K0|. Measured on digits with two hidden layers and alpha >> 1,
the change grows in proportion to T up to about here and saturates at 0.7 to 0.8, so that raising T
never reaches
one."""
BOUNDARIES = ("T_max", "T_opt", "T_c")


# --- what is measured -----------------------------------------------------------------------------


def largest_temperature(line: GridLine) -> Estimate:
    """Measure T_max, above which training fails.

    Parameters
    ----------
    line
        Along the temperature, from `lines_along`.

    Returns
    -------
    Estimate
        Its error holds that of the grid, the width of an interval over sqrt(12) in the logarithm,
        and is cautious where replicas scatter over several. Not valid if a replica is fitted at the
        highest temperature, or at none.
    """
    return _estimate(_largest(_as_line("line", line)))


def best_temperature(line: GridLine) -> Estimate:
    """Measure T_opt, at which the test error is least.

    Parameters
    ----------
    line
        Along the temperature, from `lines_along`.

    Returns
    -------
    Estimate
        Not valid where the errors are compatible with a constant, or least at an end of the grid.
    """
    return _estimate(_best(_as_line("line", line)))


def crossing(
    line: GridLine, threshold: float = KERNEL_CHANGE, *, quantity: str = "kernel_change"
) -> Estimate:
    """Measure where a quantity crosses a threshold: T_c along the temperature, alpha_c along alpha.

    Parameters
    ----------
    line
        Along any axis, from `lines_along`.
    threshold
        Positive; `KERNEL_CHANGE` by default.
    quantity
        ``kernel_change`` (default), ``weight_change``, ``t_star`` or ``test_error``.

    Returns
    -------
    Estimate
        Not valid if it is crossed nowhere on the line, or more than once.

    Raises
    ------
    InputError
        If the grid was computed without the quantity.
    """
    threshold, quantity = as_positive("threshold", threshold), as_text("quantity", quantity)
    return _estimate(_crossing(_as_line("line", line), threshold, quantity))


def boundary_exponent(
    boundary: Literal["T_max", "T_opt", "T_c"],
    lines: Sequence[GridLine],
    against: str,
    *,
    threshold: float = KERNEL_CHANGE,
    quantity: str = "kernel_change",
) -> Estimate:
    """Fit the power of alpha, or of another axis, with which a boundary moves.

    Parameters
    ----------
    boundary
        ``T_max``, ``T_opt`` or ``T_c``.
    lines
        Along the temperature; they differ in one axis.
    against
        That axis.
    threshold, quantity
        Of T_c, see `crossing`.

    Returns
    -------
    Estimate
        Slope of the least-squares line in the log-log plane, all lines alike, with a jackknife over
        the replicas of all lines together. Lines where the boundary is refused are left out, and
        their number is in the note; not valid for fewer than two others.

    Raises
    ------
    InputError
        If lines have different replicas, or no such axis.
    """
    boundary, lines = as_choice("boundary", boundary, BOUNDARIES), as_lines("lines", lines)
    threshold, quantity = as_positive("threshold", threshold), as_text("quantity", quantity)
    for line in lines:
        _as_line("lines", line)
        place = line.held[as_choice("against", against, line.held)]
        require(
            is_real(place) and place > 0,
            "against",
            against,
            "must be an axis of numbers above zero",
        )
    require(
        len({line.fitted.shape[1] for line in lines}) < 2,
        "lines",
        lines,
        "must have the same replicas",
    )
    find = {
        "T_max": _largest,
        "T_opt": _best,
        "T_c": lambda line: _crossing(line, threshold, quantity),
    }[boundary]
    found = [(line.held[against], find(line)) for line in lines]
    kept = [
        (place, one) for place, one in found if isinstance(one, _Located) and _estimate(one).valid
    ]
    if len({place for place, _ in kept}) < 2:
        return Estimate.refused(
            f"{boundary} is known on {len(kept)} of {len(lines)} lines, at least 2 needed"
        )
    left_out = len(lines) - len(kept)
    return _slope(np.log([place for place, _ in kept]), [one for _, one in kept], left_out)


def feature_exponent(degree: int) -> float:
    """k = (L - 2)/L of T_max and T_opt ~ alpha^k for a network homogeneous of degree L in its
    weights.

    Parameters
    ----------
    degree
        L >= 2; D + 1 for D hidden layers without biases.

    Examples
    --------
    >>> [feature_exponent(depth + 1) for depth in (1, 3)]
    [0.0, 0.5]
    """
    degree = as_count("degree", degree, minimum=2)
    return (degree - 2) / degree


def _as_line(name: str, line: Any) -> GridLine:
    """Return a line along which there is a logarithm."""
    found = as_instance(name, line, GridLine)
    require(
        bool((found.x > 0).all()), name, found.x, f"must be along values above zero of {found.axis}"
    )
    return found


# --- functions of averages over replicas ----------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Located:
    """A place on a line as a function of averages over replicas."""

    method: str
    samples: np.ndarray
    """(replica, part)"""
    logarithm: Callable[[np.ndarray], np.ndarray]
    """ln of the place, (n,), from averages (n, part)."""
    resolution: float = 0.0
    """Error of the logarithm that the grid leaves, whatever the number of replicas."""


def _estimate(found: _Located | Estimate) -> Estimate:
    """Value and error, or why there is none."""
    if isinstance(found, Estimate):
        return found
    with np.errstate(
        invalid="ignore", divide="ignore"
    ):  # nothing is left where the only fitted replica is left out
        value, error = jackknife(found.logarithm, found.samples)
    place = float(np.exp(value))
    if not np.isfinite(place + error):
        return Estimate.refused("not known without some of the replicas", method=found.method)
    whole = float(np.hypot(error, found.resolution))
    return Estimate(
        value=place,
        standard_error=place * whole,
        n_independent=len(found.samples),
        method=found.method,
    )


def _slope(x: np.ndarray, found: list[_Located], left_out: int) -> Estimate:
    weight = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    ends = np.cumsum([one.samples.shape[1] for one in found])[:-1]

    def slope(averages: np.ndarray) -> np.ndarray:
        parts = np.split(averages, ends, axis=1)
        return weight @ np.stack(
            [one.logarithm(part) for one, part in zip(found, parts, strict=True)]
        )

    value, error = jackknife(slope, np.concatenate([one.samples for one in found], axis=1))
    grid = np.sqrt(sum((w * one.resolution) ** 2 for w, one in zip(weight, found, strict=True)))
    return Estimate(
        value=float(value),
        standard_error=float(np.hypot(error, grid)),
        n_independent=len(found[0].samples),
        method=f"log-log slope through {len(found)} lines, jackknife over replicas",
        note=f"{left_out} lines left out" if left_out else "",
    )


def _largest(line: GridLine) -> _Located | Estimate:
    method = "middle between the last fitted temperature and the next, geometric mean over replicas"
    last = len(line.x) - 1 - line.fitted[::-1].argmax(axis=0)
    for count, why in (
        (int((~line.fitted.any(axis=0)).sum()), "fitted at no temperature"),
        (int(line.fitted[-1].sum()), "still fitted at the highest temperature"),
    ):
        if count:
            return Estimate.refused(f"{count} of {len(last)} replicas are {why}", method=method)
    low, high = np.log(line.x[last]), np.log(line.x[last + 1])
    return _Located(
        method=method,
        samples=(low + high)[:, None] / 2,
        logarithm=lambda averages: averages[:, 0],
        resolution=float((high - low).mean() / np.sqrt(12)),
    )


def _best(line: GridLine) -> _Located | Estimate:
    method = f"mean of ln T weighted with error^-{SHARPNESS:g}, jackknife over replicas"
    if doubt := _no_optimum(line):
        return Estimate.refused(doubt, method=method)
    enough = line.where(line.mostly_fitted)
    x, points, error = np.log(enough.x), len(enough.x), enough.measured["test_error"]
    # Where only some replicas are fitted it must not matter whether they have easy data: each
    # counts by its own mean.
    with np.errstate(invalid="ignore"):  # one without any error says nothing
        relative = error / (np.nansum(error, axis=0) / enough.fitted.sum(axis=0))
    known = np.isfinite(relative)

    def logarithm(averages: np.ndarray) -> np.ndarray:
        done, total = averages[:, :points], averages[:, points:]
        weight = done * (total / done) ** -SHARPNESS
        return (weight * x).sum(axis=1) / weight.sum(axis=1)

    samples = np.concatenate([known, np.where(known, relative, 0.0)]).T
    return _Located(method=method, samples=samples, logarithm=logarithm)


def _no_optimum(line: GridLine) -> str:
    """Why the test error has no least value on the line, or nothing."""
    enough = line.mostly_fitted
    if enough.sum() < 3:
        return f"half of the replicas are fitted at {enough.sum()} temperatures, at least 3 needed"
    error = line.measured["test_error"][enough]
    mean = np.nanmean(error, axis=1)
    if mean.min() == 0:
        return "the test error is zero"
    chance = _chance_of_constant(error[:, np.isfinite(error).all(axis=0)])
    if chance > FLAT:
        return (
            "the test error does not depend on the temperature within its errors (p = "
            f"{chance:.2g})"
        )
    least = int(mean.argmin())
    if least == 0:
        return "the test error is least at the lowest temperature"
    return (
        "the test error is least at the highest temperature"
        if enough[-1] and least == len(error) - 1
        else ""
    )


def _chance_of_constant(values: np.ndarray) -> float:
    """p-value of no difference between points (point, replica) that share replicas: two-way
    analysis of variance.
    """
    points, replicas = values.shape
    if replicas < 2:
        return 1.0
    off = values - values.mean(axis=0)
    between = off.mean(axis=1, keepdims=True)
    within = ((off - between) ** 2).sum() / (replicas - 1)
    ratio = replicas * (between**2).sum() / within if within > 0 else 0.0
    return float(stats.f.sf(ratio, points - 1, (points - 1) * (replicas - 1)))


def _crossing(line: GridLine, threshold: float, quantity: str) -> _Located | Estimate:
    if quantity not in line.measured:
        raise InputError(
            f"quantity = {quantity!r}: was not measured (kernel_change needs probe_points)"
        )
    method = (
        f"{quantity.replace('_', ' ')} = {threshold:g}, geometric mean over replicas "
        "interpolated, jackknife"
    )
    enough = np.flatnonzero(line.mostly_fitted)
    if len(enough) < 2:
        doubt = f"half of the replicas are fitted at {len(enough)} points, at least 2 needed"
        return Estimate.refused(doubt, method=method)
    fitted = line.fitted[enough]
    with np.errstate(divide="ignore"):  # a test error may be zero: there is no crossing then
        above = np.where(fitted, np.log(line.measured[quantity][enough] / threshold), 0.0)
    side = above.sum(axis=1) > 0
    change = np.flatnonzero(side[1:] != side[:-1])
    if len(change) != 1:
        where = (
            "more than once"
            if len(change)
            else f"nowhere, it is {'above' if side[0] else 'below'} it everywhere"
        )
        return Estimate.refused(
            f"{quantity.replace('_', ' ')} crosses {threshold:g} {where}", method=method
        )
    pair = slice(change[0], change[0] + 2)
    low, high = np.log(line.x[enough][pair])

    def logarithm(averages: np.ndarray) -> np.ndarray:
        first, second = (averages[:, 2:] / averages[:, :2]).T
        return low + (high - low) * first / (first - second)

    return _Located(
        method=method, samples=np.concatenate([fitted[pair], above[pair]]).T, logarithm=logarithm
    )
