"""Schedules: the steps of a run at which it is recorded.

A schedule is an increasing array of whole steps. `every` is for times of one scale, `log_spaced`
for laws of diffusion and relaxation over many decades.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from langevin_sgd.checks import as_count, as_integers, require

LONGEST_SCHEDULE = 10**8
"""Steps that a schedule may have: 0.8 GB of them."""


def every(interval: int, *, steps: int, first: int = 0) -> np.ndarray:
    """Steps first, first + interval, ... up to and including `steps` where it falls on one.

    Examples
    --------
    >>> every(25, steps=100).tolist()
    [0, 25, 50, 75, 100]
    """
    interval = as_count("interval", interval)
    first = as_count("first", first, minimum=0)
    steps = as_count("steps", steps, minimum=first)
    _require_short("interval", interval, (steps - first) // interval)
    return np.arange(first, steps + 1, interval)


def log_spaced(*, steps: int, per_decade: int = 10, first: int = 1) -> np.ndarray:
    """Step 0 and about `per_decade` steps per factor of ten from `first` to `steps`.

    Examples
    --------
    >>> log_spaced(steps=100, per_decade=3).tolist()
    [0, 1, 2, 5, 10, 22, 46, 100]
    """
    per_decade = as_count("per_decade", per_decade)
    first = as_count("first", first)
    steps = as_count("steps", steps, minimum=first)
    count = per_decade * np.log10(steps / first)
    _require_short("per_decade", per_decade, count)
    points = np.rint(np.geomspace(first, steps, max(round(count) + 1, 2))[:-1]).astype(np.int64)
    return np.unique(np.concatenate([[0], points, [steps]]))


def _require_short(name: str, value: int, count: float) -> None:
    allowed = f"must give a schedule of fewer than {LONGEST_SCHEDULE:.0e} steps, not {count:.3g}"
    require(count < LONGEST_SCHEDULE, name, value, allowed)


def as_schedule(schedule: Sequence[int] | np.ndarray | None, steps: int) -> np.ndarray:
    """Check a schedule: increasing whole steps from 0 to `steps`; `log_spaced` by default.

    Raises
    ------
    InputError
        If a step lies outside, or the order is not increasing.
    """
    steps = as_count("steps", steps, minimum=0)
    if schedule is None:
        return log_spaced(steps=steps)
    given = as_integers("schedule", schedule)
    usable = given.ndim == 1 and given.size > 0 and given[0] >= 0 and given[-1] <= steps
    rising = usable and bool(np.all(np.diff(given) > 0))
    require(
        rising, "schedule", schedule, f"must be increasing whole numbers from 0 to steps = {steps}"
    )
    return given
