r"""First times: known between two recorded steps only, and perhaps not reached at all.

A replica that has not passed when its run ends is *censored*: its time is longer than the run, by
how much is not known. A mean over the others is too short, since only early passages were seen.
What is known of every replica is how long it was at risk. For a constant rate k, with passages seen
at the ends of steps, each step at risk is passed with probability p = 1 - exp(-k), and the
likelihood p^n (1 - p)^(T - n) of n passages in T replica-steps at risk has its maximum at

    p = n/T,      k = -ln(1 - n/T) ~ n/T,
    standard error of k = sqrt(n / (1 - p)) / T ~ k/sqrt(n)

(Lawless, *Statistical Models and Methods for Lifetime Data* (2003), sections 3.2 and 4.1). That the
rate is constant is tested by Laplace's test (Cox and Lewis, *The Statistical Analysis of Series of
Events* (1966), section 3.3): the fraction of all time at risk that had gone by at a passage is then
uniform on (0, 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from langevin_sgd.checks import as_array, as_count, as_real, as_text, require
from langevin_sgd.dataset import provenance
from langevin_sgd.estimate import Estimate

FEWEST_PASSAGES = 10
"""Passages that an error bar of the rate, k/sqrt(n), needs."""
CONSTANT = 5.0
"""Standard deviations of Laplace's test beyond which a rate is not constant: by chance 6e-7."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Passage:
    """First steps at which series were at or below a level.

    Parameters
    ----------
    after, by
        (replica,): it happened after the recorded step `after` and by the recorded step `by`; NaN
        and infinity where it did not happen. A series that starts below has `after` = -infinity.
    """

    after: np.ndarray
    by: np.ndarray

    @property
    def reached(self) -> np.ndarray:
        """Whether it happened, (replica,); the others are censored."""
        return np.isfinite(self.by)

    @property
    def middle(self) -> np.ndarray:
        """Geometric middle of the interval, (replica,), for logarithmic schedules.

        It is `by` where `after` is below one.
        """
        return np.where(self.after >= 1, np.sqrt(np.maximum(self.after, 1) * self.by), self.by)


def first_at_or_below(steps: np.ndarray, series: np.ndarray, level: float = 0.0) -> Passage:
    """Find when series first were at or below a level, for instance an unfit fraction at zero.

    Parameters
    ----------
    steps
        (step,), increasing.
    series
        (step, replica); NaN is not below.
    level
        The level.

    Returns
    -------
    Passage

    Raises
    ------
    InputError
        If shapes do not match, steps do not increase, or the level is not finite.

    Examples
    --------
    >>> passed = first_at_or_below(np.array([0, 10, 20]),
    ...     np.array([[1.0, 1.0], [0.5, 0.2], [0.0, 0.1]]))
    >>> passed.after.tolist(), passed.by.tolist()
    ([10.0, nan], [20.0, inf])
    """
    level = as_real("level", level)
    steps, series = as_array("steps", steps, ndim=1), as_array("series", series, finite=False)
    require(bool((np.diff(steps) > 0).all()), "steps", steps, "must increase")
    fits = series.ndim == 2 and steps.shape == series.shape[:1] and steps.size > 0
    require(
        fits,
        "series",
        series.shape,
        f"must have shape ({steps.size}, replica), a row for each of the steps",
    )
    below = series <= level
    reached, first = below.any(axis=0), below.argmax(axis=0)
    before = np.where(first > 0, steps[np.maximum(first - 1, 0)], -np.inf)
    return Passage(
        after=np.where(reached, before, np.nan), by=np.where(reached, steps[first], np.inf)
    )


def escape_rate(run_or_arrays: Any, *, name: str = "first_passage", first: int = 0) -> Estimate:
    """Rate of first passages per replica and step.

    Replicas that have not passed are counted by the time they have had.

    Parameters
    ----------
    run_or_arrays
        A run with a variable made by `langevin_sgd.record.first_passage`; or a pair (times, steps):
        the first step at which each replica had passed, (replica,), infinite or NaN where it had
        not, and the length of the run.
    name
        Name of the variable.
    first
        Step from which on passages count, so that the states have time to spread over the well;
        replicas that have passed by then are left out. The rate is that of the others, default 0.

    Returns
    -------
    Estimate
        Per step. Not valid with fewer than 10 passages, with replicas that diverged or start beyond
        the level, and where the rate is not constant in time.

    Raises
    ------
    InputError
        If there is no such variable, or times do not fit the length of the run.

    Examples
    --------
    >>> print(escape_rate(([3.0, 5.0, 6.0, 8.0, 11.0, 12.0, 17.0, 24.0, 26.0, 29.0, float("nan"),
    ...     float("nan")], 30)))
    0.051 +- 0.016
    """
    name, first = as_text("name", name), as_count("first", first, minimum=0)
    times, steps, diverged = _times(run_or_arrays, name)
    require(first < steps, "first", first, f"must be below the {steps} steps of the run")
    passed = np.isfinite(times)
    inside = bool(((times[passed] >= 0) & (times[passed] <= steps)).all())
    require(
        inside,
        name,
        times,
        f"must be steps from 0 to {steps}, infinite where the level was not passed",
    )
    method = "maximum likelihood of a constant rate, time at risk of all replicas"
    beyond = int((times == 0).sum())
    if diverged or beyond:
        reason = "diverged" if diverged else "start beyond the level"
        return Estimate.refused(
            f"{diverged or beyond} of {len(times)} replicas {reason}", method=method
        )
    waited = np.where(passed, times, steps) - first
    at_risk = waited > 0
    waited, passages = np.sort(waited[at_risk]), waited[at_risk & passed]
    count, total = len(passages), float(waited.sum())
    if count < FEWEST_PASSAGES:
        few = f"{count} passages in {total:g} replica-steps, at least {FEWEST_PASSAGES} needed"
        return Estimate.refused(few, value=count / total if total else None, method=method)
    if count == total:
        return Estimate.refused("all replicas passed in their first step", method=method)
    chance = count / total
    rate, error = -math.log1p(-chance), math.sqrt(count / (1 - chance)) / total
    # A passage happened half a step, on average, before it was seen.
    shift = float(_time_gone(waited, passages - 0.5).mean() / total - 0.5) * math.sqrt(12 * count)
    if abs(shift) > CONSTANT:
        when = "early" if shift < 0 else "late"
        note = (
            "the rate is not constant: "
            f"passages come too {when} by {abs(shift):.0f} standard deviations"
        )
        return Estimate.refused(note, value=rate, method=method)
    return Estimate(value=rate, standard_error=error, n_independent=count, method=method)


def _time_gone(waited: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Time at risk of all replicas up to each moment; `waited` (replica,) is sorted."""
    before = np.searchsorted(waited, moments)
    ended = np.concatenate([[0.0], np.cumsum(waited)])[before]
    gone: np.ndarray = ended + moments * (len(waited) - before)
    return gone


def _times(run_or_arrays: Any, name: str) -> tuple[np.ndarray, int, int]:
    """First passages (replica,), steps of the run, and how many replicas diverged."""
    if not hasattr(run_or_arrays, "data_vars"):
        pair = isinstance(run_or_arrays, list | tuple) and len(run_or_arrays) == 2
        require(pair, "run_or_arrays", run_or_arrays, "must be a run, or a pair (times, steps)")
        return (
            as_array(name, run_or_arrays[0], ndim=1, finite=False),
            as_count("steps", run_or_arrays[1]),
            0,
        )
    known = ", ".join(str(variable) for variable in run_or_arrays.data_vars)
    require(
        name in run_or_arrays.data_vars,
        "name",
        name,
        f"must be a variable of the run, one of {known}",
    )
    steps = as_count("steps", provenance(run_or_arrays)["settings"].get("steps"))
    diverged = int((run_or_arrays["status"].values != 0).sum()) if "status" in run_or_arrays else 0
    return as_array(name, run_or_arrays[name].values, ndim=1, finite=False), steps, diverged
