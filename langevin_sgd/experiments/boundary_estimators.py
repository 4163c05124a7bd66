r"""T_max, T_opt and T_c on one line of a grid, as functions of averages over replicas.

    ln T_max = e_0 + sum_i (e_{i+1} - e_i) p_i        (Spearman and Karber)
    ln T_opt = sum_i w_i ln T_i / sum_i w_i,    w_i = p_i E_i^-s

e_i are the edges between temperatures, halfway in the logarithm, p_i is the fraction of replicas
that are fitted at T_i, E_i their mean test error and s = `SHARPNESS`. T_max counts the temperatures
at which a replica is fitted: where failing is monotonic it is the middle between the last
temperature that is fitted and the next. T_c is where the geometric mean over replicas of a quantity
crosses a threshold, by a straight line between neighbours in the log-log plane.

These are the estimators by which the claims ``optimal_temperature``, ``phase_diagram`` and
``crossover_temperature_networks`` are judged. As functions of averages they can be put together
into exponents, and errors follow from the jackknife over paired replicas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from langevin_sgd.checks import InputError
from langevin_sgd.estimate import Estimate
from langevin_sgd.experiments.network_lines import GridLine
from langevin_sgd.measure import jackknife

SHARPNESS = 20.0
"""Power of the test error in the weights of T_opt: the weight falls by a factor e over 5 % of the
error, about what a point is uncertain by."""
FLAT = 0.01
"""Errors that a constant describes with a p-value above this have no best temperature."""
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
    """T_opt by weights that fall steeply with the mean test error."""
    method = f"mean of ln T weighted with error^-{SHARPNESS:g}, jackknife over replicas"
    if doubt := _no_optimum(line):
        return Estimate.refused(doubt, method=method)
    x, count = np.log(line.x), len(line.x)

    def logarithm(averages: np.ndarray) -> np.ndarray:
        weight = _weights(averages[:, :count], averages[:, count:])
        return np.asarray((weight * x).sum(axis=1) / weight.sum(axis=1))

    error = np.where(line.fitted, line.measured["test_error"], 0.0)
    samples = np.concatenate([line.fitted, error]).T
    return Located(method=method, samples=samples, logarithm=logarithm)


def _weights(done: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Weights of temperatures, from averages over replicas of: fitted; its test error if so, else
    0.
    """
    error = np.where(done > 0, total, 1.0) / np.where(done > 0, done, 1.0)
    return np.asarray(done * error**-SHARPNESS)


def _no_optimum(line: GridLine) -> str:
    """Why the test error has no least value on the line, or nothing."""
    enough = line.mostly_fitted
    if enough.sum() < 3:
        return f"half of the replicas are fitted at {enough.sum()} temperatures, at least 3 needed"
    done = line.fitted.mean(axis=1)
    total = np.where(line.fitted, line.measured["test_error"], 0.0).mean(axis=1)
    if (total[done > 0] == 0).any():
        return "the test error is zero"
    error = line.measured["test_error"][enough]
    chance = _chance_of_constant(error[:, np.isfinite(error).all(axis=0)])
    if chance > FLAT:
        chances = f"within its errors (p = {chance:.2g})"
        return f"the test error does not depend on the temperature {chances}"
    least = int(np.nanmean(error, axis=1).argmin())
    if least == 0:
        return "the test error is least at the lowest temperature"
    if enough[-1] and least == len(error) - 1:
        return "the test error is least at the highest temperature"
    weight = _weights(done, total)
    if weight[~enough].sum() > weight.sum() / 2:
        return "the least errors are those of a few replicas where most are not fitted"
    return ""


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
