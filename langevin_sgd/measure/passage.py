"""First times of recorded series: known between two recorded steps only, and perhaps not reached at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import as_array, as_real, require


@dataclass(frozen=True, kw_only=True, eq=False)
class Passage:
    """First steps at which series were at or below a level.

    Parameters
    ----------
    after, by
        (replica,): it happened after the recorded step `after` and by the recorded step `by`; NaN and infinity where it
        did not happen. A series that starts below has `after` = -infinity.
    """

    after: np.ndarray
    by: np.ndarray

    @property
    def reached(self) -> np.ndarray:
        """Whether it happened, (replica,); the others are censored."""
        return np.isfinite(self.by)

    @property
    def middle(self) -> np.ndarray:
        """Geometric middle of the interval, (replica,), for logarithmic schedules; `by` where `after` is below one."""
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
    >>> found = first_at_or_below(np.array([0, 10, 20]), np.array([[1.0, 1.0], [0.5, 0.2], [0.0, 0.1]]))
    >>> found.after.tolist(), found.by.tolist()
    ([10.0, nan], [20.0, inf])
    """
    level = as_real("level", level)
    steps, series = as_array("steps", steps, ndim=1), as_array("series", series, finite=False)
    require(bool((np.diff(steps) > 0).all()), "steps", steps, "must increase")
    fits = series.ndim == 2 and steps.shape == series.shape[:1] and steps.size > 0
    require(fits, "series", series.shape, f"must have shape ({steps.size}, replica)")
    below = series <= level
    reached, first = below.any(axis=0), below.argmax(axis=0)
    before = np.where(first > 0, steps[np.maximum(first - 1, 0)], -np.inf)
    return Passage(after=np.where(reached, before, np.nan), by=np.where(reached, steps[first], np.inf))
