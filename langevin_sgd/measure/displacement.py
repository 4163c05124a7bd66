r"""Displacement curves and diffusion exponents.

    MSD(t) = E |theta_t - theta_0|^2  ~  t^c ,      c = d log MSD / d log t

The mean over replicas is arithmetic, as in the law; the exponent is the slope of the least-squares
straight line through log MSD against log t. All recorded steps count alike: weights taken from the
scatter of a few replicas would scatter themselves, spoil the errors, and make the exponent of a run
another one than that of its law, which is the slope of the same line through the curve of the law.
Neighbouring points of a curve come from the same paths and are strongly correlated (an error taken
from the scatter about the line would be several times too small), so the whole fit is repeated
without each replica in turn: see `langevin_sgd.measure.jackknife`.

Range: independent replicas that scatter about one law; a slope over a window in which the curve
bends is an average of local slopes, which `local_exponents` shows, and a note says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from langevin_sgd.checks import InputError, as_array, as_count, as_integers, as_window, require
from langevin_sgd.estimate import Estimate, in_units
from langevin_sgd.measure.curve import Curve
from langevin_sgd.measure.jackknife import jackknife

BENT = 0.05
"""Change of the exponent between the halves of a window from which on the curve of a law is no
power law there.
"""
FASTEST = 4.0
"""Exponent of a noiseless start from rest, x ~ t^2, the fastest long growth of a stable run."""
SMALLEST_P = 1e-3
"""Probability below which a change of the exponent that replicas show is called resolved."""


def squared_displacements(run_or_arrays: Any) -> tuple[np.ndarray, np.ndarray]:
    """Steps (step,) and squared displacements (step, replica) of a run.

    Parameters
    ----------
    run_or_arrays
        A dataset with the variable ``squared_displacement`` over ``step`` and ``replica``, or the
        pair of arrays.

    Raises
    ------
    InputError
        If the variable is missing, shapes do not match, steps do not increase, or values are no
        real numbers, masked or negative.
    """
    steps, squared = _curve_or_replicas(run_or_arrays)
    require(
        squared.ndim == 2,
        "squared_displacement",
        squared.shape,
        f"must have shape ({steps.size}, replica)",
    )
    return steps, squared


def _curve_or_replicas(run_or_arrays: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return steps (step,) and squared displacements.

    These are by replica, (step, replica), or those of a law, (step,).
    """
    if isinstance(run_or_arrays, tuple | list):
        require(
            len(run_or_arrays) == 2,
            "run",
            run_or_arrays,
            "must be a dataset or the pair (steps, displacements)",
        )
        given, moved = run_or_arrays
    elif "squared_displacement" in getattr(run_or_arrays, "data_vars", ()):
        variable = run_or_arrays["squared_displacement"]
        over = "squared_displacement must be over step and replica"
        require(set(variable.dims) == {"step", "replica"}, "run", variable.dims, over)
        given, moved = variable["step"].values, variable.transpose("step", "replica").values
    else:
        raise InputError(
            "run: has no variable 'squared_displacement'; record it with record.displacement()"
        )
    steps = as_array("steps", given, ndim=1)
    squared = as_array("squared_displacement", moved, ndim=(1, 2), finite=False)
    shapes_match = steps.shape == squared.shape[:1]
    require(
        shapes_match,
        "squared_displacement",
        squared.shape,
        f"must have shape ({steps.size}, replica)",
    )
    require(bool((np.diff(steps) > 0).all()), "steps", steps, "must increase")
    require(not (squared < 0).any(), "squared_displacement", squared, "must be zero or above")
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
    scaled, exponent = in_units(squared, axis=1)
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        mean = np.ldexp(scaled.mean(axis=1), exponent[:, 0])
        scatter = scaled.std(axis=1, ddof=1) if replicas > 1 else np.full(steps.size, np.inf)
        error = np.ldexp(scatter / np.sqrt(replicas), exponent[:, 0])
    return Curve(
        x=steps,
        value=mean,
        standard_error=error,
        n_independent=replicas,
        method="mean over replicas",
    )


def mean_square_displacement(position: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Squared displacement at some lags, averaged over all starts of stationary paths.

    Parameters
    ----------
    position
        (step, replica, parameter), recorded at equal intervals.
    lags
        (lag,), in recorded intervals, 1 <= lag < number of steps.

    Returns
    -------
    (lag, replica)
        NaN for a replica that is not finite. With the lags it is what `displacement_curve` and
        `diffusion_exponent` take.

    Raises
    ------
    InputError
        If a lag does not fit the trajectories.
    """
    position = as_array("position", position, finite=False)
    require(
        position.ndim == 3,
        "position",
        position.shape,
        "must have dimensions (step, replica, parameter)",
    )
    lags = as_lags(lags, len(position), minimum=1)
    curve = np.empty((len(lags), position.shape[1]))
    for i, lag in enumerate(lags):
        with np.errstate(over="ignore", invalid="ignore"):
            moved = position[lag:] - position[:-lag]
            curve[i] = np.einsum("krp,krp->r", moved, moved) / len(moved)
    return curve


def as_lags(lags: np.ndarray, steps: int, *, minimum: int) -> np.ndarray:
    """Return lags (lag,): whole numbers, minimum <= lag < steps.

    Raises
    ------
    InputError
        If they are not whole numbers in that range.
    """
    given = np.atleast_1d(as_integers("lags", lags))
    fits = given.ndim == 1 and given.size > 0 and given.min() >= minimum and given.max() < steps
    require(fits, "lags", lags, f"must be whole numbers from {minimum} to {steps - 1}")
    return given


def diffusion_exponent(run_or_arrays: Any, window: tuple[float, float]) -> Estimate:
    """Exponent c of MSD ~ t^c over a window, of a run or of the curve of a law.

    Parameters
    ----------
    run_or_arrays
        See `squared_displacements`; or the curve of a law as the pair of arrays (step,), (step,).
        At the same steps the exponent of a law is what that of its runs estimates.
    window
        First and last step of the fit, both included, 0 < first < last.

    Returns
    -------
    Estimate
        Without error for a curve. Not valid with fewer than three recorded steps in the window,
        fewer than two replicas, a replica that diverged, or replicas that do not scatter. A note
        says where the window holds no power law: where replicas resolve that the exponent of its
        second half is another one, or on a curve by `BENT`.

    Raises
    ------
    InputError
        If the variable is missing, shapes do not match, or the window is none.

    Examples
    --------
    >>> steps = np.array([1.0, 10.0, 100.0])
    >>> squared = steps[:, None] ** 0.5 * np.array([0.9, 1.0, 1.1])
    >>> round(diffusion_exponent((steps, squared), window=(1, 100)).value, 9)
    0.5
    >>> diffusion_exponent((steps, steps + steps**2), window=(1, 100)).note
    'not a power law in this window: the exponent is 1.74 in its first half and 1.96 in its second'
    """
    low, high = as_window("window", window)
    require(low > 0, "window", window, "must satisfy 0 < first step < last step")
    steps, squared = _curve_or_replicas(run_or_arrays)
    inside = (steps >= low) & (steps <= high)
    steps, squared = steps[inside], squared[inside]
    method = f"log-log fit, {low:g} <= step <= {high:g}"
    if squared.ndim == 1:
        return _exact_exponent(steps, squared, method)
    method += ", jackknife over replicas"
    if reason := _doubt(squared):
        return Estimate.refused(reason, method=method)
    rows = _line_and_halves(np.log(steps))
    (exponent, *halves, bend), errors = jackknife(lambda mean: np.log(mean) @ rows.T, squared.T)
    replicas = squared.shape[1]
    if max(halves) > FASTEST:
        return Estimate.refused(
            f"the run runs away: {_bent(halves)}", value=exponent, method=method
        )
    resolved = abs(bend) > stats.t.isf(SMALLEST_P / 2, replicas - 1) * errors[-1]
    note = _bent(halves) if resolved else ""
    return Estimate(
        value=exponent, standard_error=errors[0], n_independent=replicas, method=method, note=note
    )


def _exact_exponent(steps: np.ndarray, curve: np.ndarray, method: str) -> Estimate:
    """Exponent of a curve without errors."""
    fits = len(steps) >= 3 and bool(np.isfinite(curve).all() and (curve > 0).all())
    if not fits:
        reason = (
            f"{len(steps)} steps in the window, "
            "at least 3 needed with finite displacements above zero"
        )
        return Estimate.refused(reason, method=method)
    exponent, *halves, bend = _line_and_halves(np.log(steps)) @ np.log(curve)
    return Estimate(value=exponent, method=method, note=_bent(halves) if abs(bend) > BENT else "")


def _bent(halves: Sequence[float]) -> str:
    first, second = halves
    return (
        "not a power law in this window: "
        f"the exponent is {first:.3g} in its first half and {second:.3g} in its second"
    )


def _line_and_halves(x: np.ndarray) -> np.ndarray:
    """Rows (4, point) that take values to least-squares slopes over `x`.

    That of the straight line through all points; those of the first and of the second half, which
    share the point in the middle; the second less the first.
    """
    middle = len(x) // 2
    line, first, second = np.zeros((3, len(x)))
    for row, part in (
        (line, slice(None)),
        (first, slice(middle + 1)),
        (second, slice(middle, None)),
    ):
        off = x[part] - x[part].mean()
        row[part] = off / (off @ off)
    return np.stack([line, first, second, second - first])


def local_exponents(run_or_arrays: Any, *, span: int = 1) -> Curve:
    """Slope of log MSD between recorded steps, with errors over replicas.

    Parameters
    ----------
    run_or_arrays
        See `squared_displacements`; step 0 is left out.
    span
        Each slope is taken between a recorded step and the one `span` further on; larger is
        smoother.

    Returns
    -------
    Curve
        Over the geometric middle of each pair of steps; NaN where a replica is not finite or none
        has moved.

    Raises
    ------
    InputError
        If there are too few steps or replicas.
    """
    span = as_count("span", span)
    steps, squared = squared_displacements(run_or_arrays)
    steps, squared = steps[steps > 0], squared[steps > 0]
    require(
        len(steps) > span, "span", span, f"must be below the {len(steps)} recorded steps above zero"
    )
    require(
        squared.shape[1] >= 2, "replicas", squared.shape[1], "at least 2 are needed for an error"
    )
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
        return (
            f"{points} recorded steps in the window and {replicas} replicas, "
            "at least 3 and 2 needed"
        )
    if (squared.max(axis=1) <= 0).any() or (np.ptp(squared, axis=1) == 0).any():
        return "replicas do not move, or do not scatter, at some recorded step"
    return ""
