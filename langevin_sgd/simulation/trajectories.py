"""Trajectories: the steps of an engine, in chunks, looked at on a timetable and recorded.

Chunks are short (about `CHUNK_SECONDS`), so that Ctrl-C is answered soon and a checkpoint can be
written between two of them.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np

from langevin_sgd.checks import require
from langevin_sgd.simulation.checkpoint import digest
from langevin_sgd.simulation.engine import Carried, Engine
from langevin_sgd.simulation.memory import snapshots_at_once
from langevin_sgd.simulation.recording import Recording
from langevin_sgd.simulation.timetable import Timetable

CHUNK_SECONDS = 0.05
"""Time a chunk of steps should take."""


class Trajectories:
    """The paths of all replicas: a `langevin_sgd.simulation.engine.Workload`.

    Parameters
    ----------
    engine
        Its state is that of step 0.
    recording
        Filled on the way.
    timetable
        Which steps are looked at.
    steps
        Length of the run.

    Raises
    ------
    InputError
        If an accumulator begins after the last step.
    """

    unit = "step"
    keep_every = 0.0

    def __init__(
        self, engine: Engine, recording: Recording, timetable: Timetable, steps: int
    ) -> None:
        for accumulator, _ in recording.accumulators:
            first = getattr(accumulator, "first", 0)
            require(first <= steps, "first", first, f"must be at most the {steps} steps of the run")
        self.engine, self.recording, self.timetable = engine, recording, timetable
        self.total, self.done = steps, 0
        self._length = 1

    def advance(self, *, keeping: bool = False) -> None:
        """Make one chunk of steps and record it."""
        if self.done == 0 and self.timetable.begins_at_zero:
            self._show(np.zeros(1, np.int64), *(part[None].copy() for part in self.engine.state()))
        most = snapshots_at_once(self.recording.start)
        end = min(self.done + self._length, self.total)
        stop, seen = self.timetable.next_chunk(self.done, end, most)
        begun = time.perf_counter()
        position, velocity = self.engine.advance(self.done, stop, seen)
        if (lost := self.engine.diverged_step()) is not None:
            self.recording.take_divergence(lost)
        self._show(seen, position, velocity)
        self._length = _adapted(self._length, time.perf_counter() - begun)
        self.done = stop

    def carried(self) -> Carried:
        """Return the arrays of engine and recording, and what was recorded up to now."""
        # An interrupted chunk may have been recorded although its state was not kept: its rows are
        # left out, and it is recorded again.
        recorded = partial(self.recording.variables, self.timetable.rows(self.done))
        return Carried(self.done, {**self.engine.carried(), **self.recording.carried()}, recorded)

    def restore(self, carried: Carried) -> None:
        """Take up what was `carried`."""
        own = self.recording.carried()
        self.recording.restore(carried.arrays, carried.recorded())
        self.engine.restore(
            {name: values for name, values in carried.arrays.items() if name not in own}
        )
        self.done = carried.done

    def plan(self, done: int) -> dict[str, Any]:
        """Return the steps seen so far: those of the recorders, and those of the accumulators."""
        table, recording = self.timetable, self.recording
        steps = table.schedule[: table.rows(done)]
        planned = {}
        if recording.accumulators:
            weights = table.weights(steps)
            planned["averages"] = "every step" if table.every_step else digest(steps, weights)
        if recording.recorders:
            planned["schedule"] = digest(steps)
        return planned

    def finish(self) -> None:
        """Look at the last step too, whether it is in the schedule or not."""
        last = np.array([self.total])
        self.recording.notice_divergence(last, *(part[None] for part in self.engine.state()))

    def _show(self, steps: np.ndarray, position: np.ndarray, velocity: np.ndarray) -> None:
        """Hand states of some of the steps to the recording."""
        if self.timetable.every_step:
            kept = self.timetable.is_scheduled(steps)
            self.recording.add(steps, position, velocity, kept=kept)
        else:
            weight = self.timetable.weights(steps)
            self.recording.add(steps, position, velocity, weight=weight)


def _adapted(length: int, seconds: float) -> int:
    """Length of the next chunk: at most doubled, halved where a chunk took too long."""
    if seconds > 2 * CHUNK_SECONDS:
        return max(1, length // 2)
    return 2 * length if seconds < CHUNK_SECONDS / 2 else length
