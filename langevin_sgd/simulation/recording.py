"""What is recorded of a run: recorders, accumulators, first passages, and who has diverged.

A recording is fed blocks of snapshots and knows nothing of who makes them: an engine of this
package, or the training loop of a user.

A replica has diverged at the first step looked at (the recorded steps and the last, every step
where accumulators see every step) at which a coordinate is not a finite number below
`langevin_sgd.simulation.status.LIMIT`, or earlier if the engine itself saw it; from there on its
snapshots are NaN, and it is flagged in ``status``, never dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from langevin_sgd import dataset
from langevin_sgd.checks import InputError, require
from langevin_sgd.record import Recorder, Snapshots, displacement
from langevin_sgd.record.accumulators import Accumulator
from langevin_sgd.record.passages import FirstPassage
from langevin_sgd.simulation.engine import Arrays
from langevin_sgd.simulation.status import LIMIT

RESERVED = ("final_position", "final_velocity", "status", "diverged_step")
"""Variables of every result, which no recorder may name."""

Record = Recorder | Accumulator | FirstPassage
"""Anything that can be recorded."""


@dataclass
class Recording:
    """What has been recorded of a run so far.

    Parameters
    ----------
    recorders
        Applied to every block of snapshots.
    start
        (replica, parameter), positions at step 0.
    diverged_step
        (replica,), step at which a replica was found diverged, -1 if it was not.
    accumulators
        Pairs of an accumulator and its totals.
    passages
        First passages that the simulator watches for.
    """

    recorders: Sequence[Recorder]
    start: np.ndarray
    diverged_step: np.ndarray
    accumulators: Sequence[tuple[Accumulator, dict[str, np.ndarray]]] = ()
    passages: Sequence[FirstPassage] = ()
    _blocks: list[dict[str, dataset.Variable]] = field(default_factory=list)

    @classmethod
    def begin(
        cls, record: Record | Sequence[Record] | None, start: np.ndarray, *, watches: bool = False
    ) -> Recording:
        """Begin an empty recording.

        Parameters
        ----------
        record
            One recorder, several, or ``None`` for the displacement.
        start
            (replica, parameter), positions at step 0.
        watches
            Whether the simulator can watch for first passages.
        """
        given = _as_records(record)
        passages = [item for item in given if isinstance(item, FirstPassage)]
        accumulators = [item for item in given if hasattr(item, "begin")]
        recorders = [item for item in given if callable(item) and not isinstance(item, type)]
        known = len(passages) + len(accumulators) + len(recorders) == len(given)
        require(
            known,
            "record",
            record,
            "must be a recorder of langevin_sgd.record or a sequence of them",
        )
        if passages and not watches:
            raise InputError(
                "record: first passages are watched for "
                "by sde.simulate with a compiled potential only"
            )
        totals = [(item, item.begin(start)) for item in accumulators]
        return cls(recorders, start, np.full(len(start), -1, np.int64), totals, passages)

    def add(
        self,
        steps: np.ndarray,
        position: np.ndarray,
        velocity: np.ndarray,
        *,
        weight: np.ndarray | None = None,
        kept: np.ndarray | None = None,
    ) -> None:
        """Record snapshots (step, replica, parameter); diverged replicas are overwritten with NaN.

        Parameters
        ----------
        steps, position, velocity, weight
            See `langevin_sgd.record.Snapshots`.
        kept
            (step,), which of them are in the schedule; the others are for accumulators alone.
            Default all.
        """
        if not len(steps):
            return
        self.notice_divergence(steps, position, velocity)
        lost = (self.diverged_step >= 0) & (steps[:, None] >= self.diverged_step)
        position[lost] = np.nan
        velocity[lost] = np.nan
        block = Snapshots(steps, position, velocity, self.start, weight)
        for accumulator, totals in self.accumulators:
            accumulator.add(totals, block)
        if kept is None or kept.all():
            self._blocks.append(self._observed(block))
        elif kept.any():
            self._blocks.append(
                self._observed(Snapshots(steps[kept], position[kept], velocity[kept], self.start))
            )

    def _observed(self, block: Snapshots) -> dict[str, dataset.Variable]:
        variables: dict[str, dataset.Variable] = {}
        for recorder in self.recorders:
            for name, (dims, values, unit) in recorder(block).items():
                if name in variables or name in RESERVED:
                    raise InputError(f"record: the variable {name!r} is recorded twice")
                if (
                    dims[:1] != ("step",)
                    or len(dims) != values.ndim
                    or len(values) != len(block.steps)
                ):
                    raise InputError(
                        f"record: {name!r} has dimensions {dims} and shape {values.shape}: "
                        f"must start with step, here of length {len(block.steps)}"
                    )
                variables[name] = dims, values, unit
        return variables

    def notice_divergence(
        self, steps: np.ndarray, position: np.ndarray, velocity: np.ndarray
    ) -> None:
        """Note the first of `steps` at which each replica is out of bounds, unless noted before."""
        # NaN in the velocity alone is no divergence: the path of an overdamped equation has no
        # velocity.
        out = (~(np.abs(position) < LIMIT) | (np.abs(velocity) >= LIMIT)).any(axis=-1)
        new = out.any(axis=0) & (self.diverged_step < 0)
        self.diverged_step[new] = steps[out.argmax(axis=0)[new]]

    def take_divergence(self, diverged_step: np.ndarray) -> None:
        """Note what the engine itself saw, (replica,), -1 for none, where nothing is noted yet."""
        new = (self.diverged_step < 0) & (diverged_step >= 0)
        self.diverged_step[new] = diverged_step[new]

    def variables(self, rows: int | None = None) -> dict[str, dataset.Variable]:
        """Return the recorded variables, joined along ``step``: the first `rows` steps, or all."""
        if not self._blocks:
            return {}
        first = self._blocks[0]
        joined = {
            name: (dims, np.concatenate([block[name][1] for block in self._blocks]), unit)
            for name, (dims, _, unit) in first.items()
        }
        return {name: (dims, values[:rows], unit) for name, (dims, values, unit) in joined.items()}

    def carried(self) -> dict[str, np.ndarray]:
        """Return copies of all accumulators' totals, by number and name, and who has diverged."""
        arrays = {
            f"total_{i}_{name}": values.copy()
            for i, (_, totals) in enumerate(self.accumulators)
            for name, values in totals.items()
        }
        return arrays | {"noticed_diverged_step": self.diverged_step.copy()}

    def accumulated(self) -> dict[str, dataset.Variable]:
        """Return the results of all accumulators."""
        variables: dict[str, dataset.Variable] = {}
        for accumulator, totals in self.accumulators:
            for name, variable in accumulator.result(totals).items():
                if name in variables:
                    raise InputError(f"record: the variable {name!r} is recorded twice")
                variables[name] = variable
        return variables

    def restore(self, arrays: Arrays, variables: Mapping[str, dataset.Variable]) -> None:
        """Take up what a checkpoint kept of `carried` and `variables`."""
        self._blocks = [dict(variables)] if variables else []
        self.diverged_step = arrays["noticed_diverged_step"]
        for i, (_, totals) in enumerate(self.accumulators):
            for name in totals:
                totals[name] = arrays[f"total_{i}_{name}"]

    def variable_names(self, velocity: np.ndarray) -> list[str]:
        """Names of all that will be recorded, sorted, found out on the start.

        Parameters
        ----------
        velocity
            (replica, parameter) at the start.

        Raises
        ------
        InputError
            If one is there twice.
        """
        block = self.trial(velocity)
        names = [name for recorder in self.recorders for name in recorder(block)]
        with np.errstate(all="ignore"):  # averages over nothing yet
            names += self.accumulated()
        names += [passage.name for passage in self.passages]
        for name in names:
            if names.count(name) > 1 or name in RESERVED:
                raise InputError(f"record: the variable {name!r} is recorded twice")
        return sorted(names)

    def trial(self, velocity: np.ndarray) -> Snapshots:
        """Return a block of one snapshot, the start, on which recorders are tried out."""
        position = self.start[None].copy()
        return Snapshots(np.zeros(1, np.int64), position, velocity[None].copy(), self.start)


def _as_records(record: Record | Sequence[Record] | None) -> tuple[Any, ...]:
    """What was given as one recorder, several, or ``None`` for the displacement, as a tuple."""
    if record is None:
        return (displacement(),)
    is_one = callable(record) or isinstance(record, FirstPassage) or hasattr(record, "begin")
    if is_one or isinstance(record, Mapping) or not isinstance(record, Iterable):
        return (record,)
    return tuple(record)
