r"""T_max, T_opt and T_c on one line of a grid, as functions of averages over replicas.

    ln T_max = e_0 + sum_i (e_{i+1} - e_i) p_i        (Spearman and Karber)
    ln T_opt = -b/(2 a),    E_i ~ a (ln T_i)^2 + b ln T_i + c  by least squares over the window

e_i are the edges between temperatures, halfway in the logarithm, p_i is the fraction of replicas
that are fitted at T_i. T_max counts the temperatures at which a replica is fitted: where failing is
monotonic it is the middle between the last temperature that is fitted and the next.

E_i is the mean test error of all replicas. One that is not fitted counts with the worst error on
the line, so that failing is never an advantage and no replica is dropped where it fails. The window
holds the temperatures within a factor `REACH` of the one of least error, and its neighbours. There
is a best temperature only if the error at both ends of the window is above the least by more than
`DEPTH` standard errors of the difference, replica by replica: of errors that do not depend on T, or
whose temperatures are shuffled, nothing is handed out.

T_c is where the geometric mean over replicas of a quantity crosses a threshold, by a straight line
between neighbours in the log-log plane.

These are the estimators by which the claims ``optimal_temperature``, ``phase_diagram`` and
``crossover_temperature_networks`` are judged. As functions of averages they can be put together
into exponents, and errors follow from the jackknife over paired replicas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import InputError
from langevin_sgd.estimate import Estimate
from langevin_sgd.experiments.network_lines import GridLine
from langevin_sgd.measure import jackknife

REACH = 4.0
"""Factor in T up to which a parabola is laid through the errors on either side of the least."""
DEPTH = 5.0
"""Standard errors by which both ends of the window must be above the least error. The least of ten
equal errors seems lower than another of them by more than this with a probability of 1e-5."""
OUTSIDE = 0.1
"""Largest part of the replicas that may fail at the lowest temperature, or be fitted at the
highest, if T_max lies between them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Located:
    """A place on a line as a function of averages over replicas."""

    method: str
    samples: np.ndarray
    """(replica, part)"""
    logarithm: Callable[[np.ndarray], np.ndarray]
    """ln of the place, (n,), from averages (n, part)."""
    resolution: float = 0.0
    """Error of the logarithm that the grid leaves, whatever the number of replicas."""


def estimated(found: Located | Estimate) -> Estimate:
    """Value and error, or why there is none."""
    if isinstance(found, Estimate):
        return found
    # Nothing is left where the only fitted replica is left out.
    with np.errstate(invalid="ignore", divide="ignore"):
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


def slope_of(found: Sequence[Located], x: np.ndarray, left_out: int = 0) -> Estimate:
    """Least-squares slope of the logarithms of places against x, (place,), all places alike."""
    weight = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    ends = np.cumsum([one.samples.shape[1] for one in found])[:-1]

    def slope(averages: np.ndarray) -> np.ndarray:
        parts = np.split(averages, ends, axis=1)
        places = [one.logarithm(part) for one, part in zip(found, parts, strict=True)]
        return np.asarray(weight @ np.stack(places))

    value, error = jackknife(slope, np.concatenate([one.samples for one in found], axis=1))
    grid = np.sqrt(sum((w * one.resolution) ** 2 for w, one in zip(weight, found, strict=True)))
    return Estimate(
        value=float(value),
        standard_error=float(np.hypot(error, grid)),
        n_independent=len(found[0].samples),
        method=f"log-log slope through {len(found)} lines, jackknife over replicas",
        note=f"{left_out} lines left out" if left_out else "",
    )


# --- T_max ----------------------------------------------------------------------------------------


def largest(line: GridLine) -> Located | Estimate:
    """T_max by the number of temperatures at which each replica is fitted."""
    method = "Spearman-Karber estimate of the temperature of failure, geometric mean over replicas"
    if doubt := _not_enclosed(line):
        return Estimate.refused(doubt, method=method)
    x = np.log(line.x)
    inner = (x[1:] + x[:-1]) / 2
    edges = np.concatenate([[2 * x[0] - inner[0]], inner, [2 * x[-1] - inner[-1]]])
    thresholds = edges[0] + np.diff(edges) @ line.fitted
    above = np.clip(np.searchsorted(x, thresholds), 1, len(x) - 1)
    interval = float((x[above] - x[above - 1]).mean())
    # Where replicas scatter over half an interval or more the count interpolates between
    # temperatures; otherwise nothing is known of where in its interval the place lies.
    coarse = len(thresholds) < 2 or thresholds.std(ddof=1) < interval / 2
    return Located(
        method=method,
        samples=thresholds[:, None],
        logarithm=lambda averages: averages[:, 0],
        resolution=interval / np.sqrt(12) if coarse else 0.0,
    )


def _not_enclosed(line: GridLine) -> str:
    """Why T_max does not lie among the temperatures, or nothing."""
    count, replicas = len(line.x), line.fitted.shape[1]
    if count < 2:
        return f"the line has {count} temperatures, at least 2 needed"
    failed, fitted = int((~line.fitted[0]).sum()), int(line.fitted[-1].sum())
    if failed > OUTSIDE * replicas:
        return f"{failed} of {replicas} replicas are not fitted at the lowest temperature"
    if fitted > OUTSIDE * replicas:
        return f"{fitted} of {replicas} replicas are still fitted at the highest temperature"
    return ""


# --- T_opt ----------------------------------------------------------------------------------------


def best(line: GridLine) -> Located | Estimate:
    """T_opt by a parabola in ln T through the mean errors around the least."""
    method = "vertex of a parabola through mean test errors around the least, jackknife"
    if len(line.x) < 3:
        return Estimate.refused(
            f"the line has {len(line.x)} temperatures, at least 3 needed", method=method
        )
    if not line.fitted.any():
        return Estimate.refused("no replica is fitted at any temperature", method=method)
    errors = line.failures_as_worst("test_error")
    least = int(errors.mean(axis=1).argmin())
    window = _window(line.x, least)
    inside = errors[window]
    x = np.log(line.x[window] / line.x[least])
    # Rows of the inverse of the design matrix: coefficients are linear in the averages.
    bend, tilt, _ = np.linalg.pinv(np.stack([x**2, x, np.ones_like(x)], axis=1))

    def logarithm(averages: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.log(line.x[least]) - averages @ tilt / (2 * averages @ bend))

    if doubt := _no_optimum(inside, least - window.start, x, inside.mean(axis=1) @ bend):
        return Estimate.refused(doubt, method=method)
    place = float(logarithm(inside.mean(axis=1)[None])[0] - np.log(line.x[least]))
    if not x[0] <= place <= x[-1]:
        doubt = "the parabola around the least test error has its vertex outside its window"
        return Estimate.refused(doubt, method=method)
    return Located(method=method, samples=inside.T, logarithm=logarithm)


def _window(x: np.ndarray, least: int) -> slice:
    """Temperatures within a factor `REACH` of the one of least error, and its neighbours."""
    near = np.abs(np.log(x / x[least])) <= np.log(REACH) + 1e-9
    near[max(least - 1, 0) : least + 2] = True
    inside = np.flatnonzero(near)
    return slice(int(inside[0]), int(inside[-1]) + 1)


def _no_optimum(inside: np.ndarray, least: int, x: np.ndarray, bend: float) -> str:
    """Why there is no best temperature in a window of errors (temperature, replica), or nothing."""
    for end, side in ((0, "lower"), (len(x) - 1, "upper")):
        if end == least:
            return f"the test error is least at the {side} end of the temperatures"
        rise = inside[end] - inside[least]
        error = rise.std(ddof=1) / np.sqrt(len(rise)) if len(rise) > 1 else np.inf
        if not rise.mean() > DEPTH * error:
            shown = f"{rise.mean():.2g} +- {error:.2g}"
            return (
                f"there is no best temperature: at the {side} end of the window the test error "
                f"is above the least by {shown}, {DEPTH:g} standard errors needed"
            )
    return "" if bend > 0 else "the test errors around the least do not bend upwards"


# --- T_c ------------------------------------------------------------------------------------------


def crossed(line: GridLine, threshold: float, quantity: str) -> Located | Estimate:
    """T_c, or alpha_c, by straight lines through geometric means."""
    if quantity not in line.measured:
        raise InputError(
            f"quantity = {quantity!r}: was not measured (kernel_change needs probe_points)"
        )
    name = quantity.replace("_", " ")
    method = f"{name} = {threshold:g}, geometric mean over replicas interpolated, jackknife"
    enough = line.where(line.mostly_fitted)
    if len(enough.x) < 2:
        doubt = f"half of the replicas are fitted at {len(enough.x)} points, at least 2 needed"
        return Estimate.refused(doubt, method=method)
    with np.errstate(divide="ignore"):  # a test error may be zero: there is no crossing then
        logarithms = np.log(enough.measured[quantity] / threshold)
    above = np.where(enough.fitted, logarithms, 0.0)
    if doubt := _not_once(above.sum(axis=1) > 0):
        return Estimate.refused(f"{name} crosses {threshold:g} {doubt}", method=method)
    x, count = np.log(enough.x), len(enough.x)

    def logarithm(averages: np.ndarray) -> np.ndarray:
        return _crossing_of(x, averages[:, count:] / averages[:, :count])

    samples = np.concatenate([enough.fitted, above]).T
    return Located(method=method, samples=samples, logarithm=logarithm)


def _not_once(side: np.ndarray) -> str:
    """Why a curve that is above zero at some points, (point,), does not cross it exactly once."""
    changes = int((side[1:] != side[:-1]).sum())
    if changes == 1:
        return ""
    if changes:
        return "more than once"
    return f"nowhere, it is {'above' if side[0] else 'below'} it everywhere"


def _crossing_of(x: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """Where curves (n, point) first cross zero, (n,); NaN where they do not."""
    side = curves > 0
    changes = side[:, 1:] != side[:, :-1]
    left = changes.argmax(axis=1)
    rows = np.arange(len(curves))
    low, high = curves[rows, left], curves[rows, left + 1]
    found = x[left] + (x[left + 1] - x[left]) * low / (low - high)
    return np.where(changes.any(axis=1), found, np.nan)
