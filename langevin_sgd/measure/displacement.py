r"""Displacement curves and diffusion exponents.

    MSD(t) = E |theta_t - theta_0|^2  ~  t^c ,      c = d log MSD / d log t

The mean over replicas is arithmetic, as in the law; the exponent is the slope of a weighted straight line through
log MSD against log t. Neighbouring points of a curve come from the same paths and are strongly correlated (an error
taken from the scatter about the line would be several times too small), so the whole fit is repeated without each
replica in turn: see `langevin_sgd.measure.jackknife`. The weights, one over the variance of each log MSD, are those of
the whole data set.

Range: independent replicas that scatter about one law; a slope over a window in which the curve bends is an average of
local slopes, which `local_exponents` shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from langevin_sgd.checks import InputError, as_count, require
from langevin_sgd.estimate import Estimate
from langevin_sgd.measure.curve import Curve
from langevin_sgd.measure.jackknife import jackknife


def squared_displacements(run_or_arrays: Any) -> tuple[np.ndarray, np.ndarray]:
    """Steps (step,) and squared displacements (step, replica) of a run.

    Parameters
    ----------
    run_or_arrays
        A dataset with the variable ``squared_displacement`` over ``step`` and ``replica``, or the pair of arrays.

    Raises
    ------
    InputError
        If the variable is missing or shapes do not match.
    """
    if isinstance(run_or_arrays, tuple):
        steps, squared = (np.asarray(part, dtype=float) for part in run_or_arrays)
    elif "squared_displacement" in run_or_arrays:
        variable = run_or_arrays["squared_displacement"].transpose("step", "replica")
        steps, squared = variable["step"].values.astype(float), variable.values
    else:
        raise InputError("run: has no variable 'squared_displacement'; record it with record.displacement()")
    shapes_match = squared.ndim == 2 and steps.shape == squared.shape[:1]
    require(shapes_match, "squared_displacement", squared.shape, f"must have shape ({steps.size}, replica)")
    return steps, squared


def displacement_curve(run_or_arrays: Any) -> Curve:
    """Mean square displacement with its standard error over replicas.

    Parameters
    ----------
    run_or_arrays
        See `squared_displacements`.

    Returns
    -------
    Curve
        Over steps; NaN where a replica is not finite, and errors of infinity with a single replica.
    """
    steps, squared = squared_displacements(run_or_arrays)
    replicas = squared.shape[1]
    error = squared.std(axis=1, ddof=1) / np.sqrt(replicas) if replicas > 1 else np.full(steps.size, np.inf)
    return Curve(
        x=steps,
        value=squared.mean(axis=1),
        standard_error=error,
        n_independent=replicas,
        method="mean over replicas",
    )


def mean_square_displacement(position: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Squared displacement at some lags, averaged over all starting times of stationary trajectories.

    Parameters
    ----------
    position
        (step, replica, parameter), recorded at equal intervals.
    lags
        (lag,), in recorded intervals, 1 <= lag < number of steps.

    Returns
    -------
    (lag, replica)
        With the lags it is what `displacement_curve` and `diffusion_exponent` take.

    Raises
    ------
    InputError
        If a lag does not fit the trajectories.
    """
    position = np.asarray(position, dtype=float)
    require(position.ndim == 3, "position", position.shape, "must have dimensions (step, replica, parameter)")
    lags = as_lags(lags, len(position), minimum=1)
    curve = np.empty((len(lags), position.shape[1]))
    for i, lag in enumerate(lags):
        moved = position[lag:] - position[:-lag]
        curve[i] = np.einsum("krp,krp->r", moved, moved) / len(moved)
    return curve


def as_lags(lags: np.ndarray, steps: int, *, minimum: int) -> np.ndarray:
    """Check lags: whole numbers, minimum <= lag < steps."""
    given = np.atleast_1d(np.asarray(lags))
    whole = np.issubdtype(given.dtype, np.integer)
    allowed = f"must be whole numbers from {minimum} to {steps - 1}"
    require(whole and given.size > 0 and given.min() >= minimum and given.max() < steps, "lags", lags, allowed)
    return given


def diffusion_exponent(run_or_arrays: Any, window: tuple[float, float]) -> Estimate:
    """Exponent c of MSD ~ t^c over a window.

    Parameters
    ----------
    run_or_arrays
        See `squared_displacements`.
    window
        First and last step of the fit, both included, 0 < first < last.

    Returns
    -------
    Estimate
        Not valid with fewer than three recorded steps in the window, fewer than two replicas, a replica that diverged,
        or replicas that do not scatter.

    Examples
    --------
    >>> steps = np.array([1.0, 10.0, 100.0])
    >>> squared = steps[:, None] ** 0.5 * np.array([0.9, 1.0, 1.1])
    >>> round(diffusion_exponent((steps, squared), window=(1, 100)).value, 9)
    0.5
    """
    low, high = window
    require(0 < low < high, "window", window, "must satisfy 0 < first step < last step")
    steps, squared = squared_displacements(run_or_arrays)
    inside = (steps >= low) & (steps <= high)
    steps, squared = steps[inside], squared[inside]
    method = f"weighted log-log fit, {low:g} <= step <= {high:g}, jackknife over replicas"
    doubt = _doubt(squared)
    if doubt:
        return Estimate.refused(doubt, method=method)
    value, error = jackknife(_slope(np.log(steps), _weights(squared)), squared.T)
    replicas = squared.shape[1]
    return Estimate(value=float(value), standard_error=float(error), n_independent=replicas, method=method)


def local_exponents(run_or_arrays: Any, *, span: int = 1) -> Curve:
    """Slope of log MSD between recorded steps, with errors over replicas.

    Parameters
    ----------
    run_or_arrays
        See `squared_displacements`; step 0 is left out.
    span
        Each slope is taken between a recorded step and the one `span` further on; larger is smoother.

    Returns
    -------
    Curve
        Over the geometric middle of each pair of steps.

    Raises
    ------
    InputError
        If there are too few steps or replicas.
    """
    span = as_count("span", span)
    steps, squared = squared_displacements(run_or_arrays)
    steps, squared = steps[steps > 0], squared[steps > 0]
    require(len(steps) > span, "span", span, f"must be below the {len(steps)} recorded steps above zero")
    require(squared.shape[1] >= 2, "replicas", squared.shape[1], "at least 2 are needed for an error")
    width = np.log(steps[span:] / steps[:-span])

    def slopes(mean: np.ndarray) -> np.ndarray:
        return np.log(mean[:, span:] / mean[:, :-span]) / width

    value, error = jackknife(slopes, squared.T)
    middle = np.sqrt(steps[span:] * steps[:-span])
    return Curve(
        x=middle,
        value=value,
        standard_error=error,
        n_independent=squared.shape[1],
        method="log-log slope, jackknife over replicas",
    )


def _doubt(squared: np.ndarray) -> str:
    """Why squared displacements (step, replica) cannot be fitted, or an empty string."""
    points, replicas = squared.shape
    bad = int(np.count_nonzero(~np.isfinite(squared).all(axis=0)))
    if bad:
        return f"{bad} of {replicas} replicas are not finite"
    if points < 3 or replicas < 2:
        return f"{points} recorded steps in the window and {replicas} replicas, at least 3 and 2 needed"
    if (squared.mean(axis=1) <= 0).any() or (squared.std(axis=1) == 0).any():
        return "replicas do not move, or do not scatter, at some recorded step"
    return ""


def _weights(squared: np.ndarray) -> np.ndarray:
    """One over the variance of log mean at each step, up to a factor."""
    weights: np.ndarray = squared.mean(axis=1) ** 2 / squared.var(axis=1, ddof=1)
    return weights


def _slope(x: np.ndarray, weights: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function that maps means (n, point) to the slopes (n,) of their logarithms against `x`."""
    offset = x - np.average(x, weights=weights)
    row = weights * offset / np.sum(weights * offset**2)
    return lambda mean: np.log(mean) @ row
