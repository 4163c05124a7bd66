"""Blocks of states of a run, as every recorder sees them.

A simulator hands over blocks of snapshots; a recorder is blind to who made them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import as_array, as_count, require
from langevin_sgd.dataset import Variable


@dataclass(frozen=True)
class Snapshots:
    """States at some recorded steps.

    Parameters
    ----------
    steps
        (step,), numbers of updates made.
    position, velocity
        (step, replica, parameter); the velocity is the one that produced the position beside it.
    start
        (replica, parameter), positions at step 0 of the run.
    weight
        (step,), the time in steps that each state stands for: from halfway to the recorded step
        before it to halfway to the one after it, at both ends of a schedule half of its shortest
        gap outwards (so that equal gaps are equal times). One each by default.
    """

    steps: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    start: np.ndarray
    weight: np.ndarray | None = None

    @property
    def weights(self) -> np.ndarray:
        """The time that each state stands for, (step,)."""
        return np.ones(len(self.steps)) if self.weight is None else self.weight


Recorder = Callable[[Snapshots], dict[str, Variable]]
"""A function of a block of snapshots; every variable it returns has leading dimension ``step``."""


def coordinate_of(block: Snapshots, coordinate: int) -> np.ndarray:
    """Return one coordinate of (theta_1 ... theta_P, v_1 ... v_P), (step, replica)."""
    parameters = block.position.shape[2]
    require(
        0 <= coordinate < 2 * parameters,
        "coordinate",
        coordinate,
        f"must be from 0 to {2 * parameters - 1}",
    )
    part = block.position if coordinate < parameters else block.velocity
    return part[:, :, coordinate % parameters]


def as_edges(name: str, edges: np.ndarray) -> np.ndarray:
    """Check the edges of bins: at least two increasing numbers."""
    cuts = as_array(name, edges)
    usable = cuts.ndim == 1 and cuts.size > 1 and bool(np.all(np.diff(cuts) > 0))
    require(usable, name, edges, "must be at least two increasing numbers")
    return cuts


def as_index(name: str, value: int) -> int:
    """Check a number that counts from 0: of a step, of a coordinate."""
    return as_count(name, value, minimum=0)
