"""The loop that every simulator runs in: chunks of steps, snapshots, recorders, divergence, progress, and the dataset.

A simulator is an `Engine`: it carries its own state, makes steps when told and hands over snapshots. Everything else
about a run happens here, once. Chunks are short (about 0.05 s), so that Ctrl-C is answered soon and a checkpoint can be
written between two of them; what an engine computes must not depend on where they end.

A replica has diverged at the first recorded step (the last step of a run counts as one) at which a coordinate is not a
finite number below `LIMIT`; from there on its snapshots are NaN, and it is flagged in ``status``, never dropped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from langevin_sgd import dataset
from langevin_sgd.checks import InputError, require
from langevin_sgd.record import Recorder, Snapshots, displacement

if TYPE_CHECKING:
    import xarray as xr

LIMIT = 1e100
"""A coordinate beyond this is a divergence: its square still fits a float64."""
CHUNK_SECONDS = 0.05
"""Time a chunk of steps should take."""
BUFFER_BYTES = 2**25
"""Memory that the snapshots of one chunk may take, if more than one snapshot."""


class Engine(Protocol):
    """A simulator that carries the state of all replicas."""

    def advance(self, first: int, stop: int, recorded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Go on from step `first` to step `stop`; return position and velocity, (step, replica, parameter) each, at
        the steps `recorded`, all of which satisfy first < step <= stop."""  # noqa: D205, D209

    def state(self) -> tuple[np.ndarray, np.ndarray]:
        """Return position and velocity now, (replica, parameter) each."""


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
    """

    recorders: Sequence[Recorder]
    start: np.ndarray
    diverged_step: np.ndarray
    _blocks: list[dict[str, dataset.Variable]] = field(default_factory=list)

    @classmethod
    def begin(cls, record: Recorder | Sequence[Recorder] | None, start: np.ndarray) -> Recording:
        """Begin an empty recording; `record` is one recorder, several, or ``None`` for the displacement."""
        recorders = (displacement(),) if record is None else (record,) if callable(record) else tuple(record)
        if not all(map(callable, recorders)):
            raise InputError(f"record = {record!r}: must be a recorder of langevin_sgd.record or a sequence of them")
        return cls(recorders, start, np.full(len(start), -1, np.int64))

    def add(self, steps: np.ndarray, position: np.ndarray, velocity: np.ndarray) -> None:
        """Record snapshots (step, replica, parameter); diverged replicas are overwritten with NaN."""
        if not len(steps):
            return
        self.notice_divergence(steps, position, velocity)
        lost = (self.diverged_step >= 0) & (steps[:, None] >= self.diverged_step)
        position[lost] = np.nan
        velocity[lost] = np.nan
        block = Snapshots(steps, position, velocity, self.start)
        found: dict[str, dataset.Variable] = {}
        for recorder in self.recorders:
            found.update(recorder(block))
        self._blocks.append(found)

    def notice_divergence(self, steps: np.ndarray, position: np.ndarray, velocity: np.ndarray) -> None:
        """Note the first of `steps` at which each replica is out of bounds, for those not noted yet."""
        # An overdamped path has no velocity: NaN in all of it is a convention, not a divergence.
        moving = velocity if np.isfinite(velocity).any() else position
        out = ~((np.abs(position) < LIMIT) & (np.abs(moving) < LIMIT)).all(axis=-1)
        new = out.any(axis=0) & (self.diverged_step < 0)
        self.diverged_step[new] = steps[out.argmax(axis=0)[new]]

    def variables(self) -> dict[str, dataset.Variable]:
        """Return all recorded variables, blocks joined along ``step``."""
        if not self._blocks:
            return {}
        first = self._blocks[0]
        return {
            name: (dims, np.concatenate([block[name][1] for block in self._blocks]), unit)
            for name, (dims, _, unit) in first.items()
        }

    def restore(self, variables: dict[str, dataset.Variable], diverged_step: np.ndarray) -> None:
        """Take up what a checkpoint kept of `variables` and `diverged_step`."""
        self._blocks = [variables] if variables else []
        self.diverged_step = diverged_step
