"""Which steps of a run are looked at, and the time that each stands for in averages over time.

A recorded step stands for the time from halfway to the one before it to halfway to the one after
it, at both ends of a schedule half of its shortest gap outwards, so that equal gaps are equal times
and a log-spaced schedule does not make the beginning of a run weigh more than its end.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from langevin_sgd.record.schedules import as_schedule


class Timetable:
    """The steps that recorders and accumulators see.

    Parameters
    ----------
    schedule
        (step,), increasing steps to record at.
    every_step
        Whether accumulators see every step; else they see the schedule.
    """

    def __init__(self, schedule: np.ndarray, *, every_step: bool = False) -> None:
        self.schedule, self.every_step = schedule, every_step
        gaps = np.diff(schedule) if len(schedule) > 1 else np.ones(1)
        outside = gaps.min(keepdims=True)
        around = np.concatenate([outside, gaps, outside]) if len(schedule) > 1 else np.ones(2)
        self._weight = (around[1:] + around[:-1]) / 2

    @classmethod
    def planned(
        cls, schedule: Sequence[int] | np.ndarray | None, steps: int, *, accumulating: bool
    ) -> Timetable:
        """Check the schedule of a run of so many steps: log-spaced by default, while accumulators,
        if there are any, then see every step.
        """
        every_step = schedule is None and accumulating
        return cls(as_schedule(schedule, steps), every_step=every_step)

    @property
    def begins_at_zero(self) -> bool:
        """Whether the start itself, step 0, is looked at."""
        return self.every_step or bool(self.schedule[0] == 0)

    def next_chunk(self, done: int, stop: int, most: int) -> tuple[int, np.ndarray]:
        """Return the end of the next chunk of steps, and which of them are looked at.

        Parameters
        ----------
        done, stop
            The chunk is to go from `done` to `stop`, or less far where more than `most` steps would
            be looked at.
        """
        if self.every_step:
            stop = min(stop, done + most)
            return stop, np.arange(done + 1, stop + 1)
        begin, end = np.searchsorted(self.schedule, [done, stop], side="right")
        if end - begin <= most:
            return stop, self.schedule[begin:end]
        return int(self.schedule[begin + most - 1]), self.schedule[begin : begin + most]

    def rows(self, done: int) -> int:
        """Return how many steps of the schedule lie at or before step `done`."""
        return int(np.searchsorted(self.schedule, done, side="right"))

    def weights(self, steps: np.ndarray) -> np.ndarray:
        """Return the time that some steps of the schedule stand for."""
        return self._weight[self._places(steps)]

    def is_scheduled(self, steps: np.ndarray) -> np.ndarray:
        """Return which of some steps are in the schedule."""
        return self.schedule[self._places(steps)] == steps

    def _places(self, steps: np.ndarray) -> np.ndarray:
        return np.minimum(np.searchsorted(self.schedule, steps), len(self.schedule) - 1)
