"""What to keep of a run: schedules of steps and recorders of observables.

A simulator hands over blocks of snapshots; a recorder reduces them to arrays over the recorded steps, so that memory
does not grow with the length of the run. A recorder is blind to who made the snapshots. One of your own is a function
of a `Snapshots` block that returns variables with leading dimension ``step``:

    def kinetic_energy(block):
        return {"kinetic_energy": (("step", "replica"), (block.velocity**2).sum(-1) / 2, "1")}
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import InputError, require, require_count
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
    """

    steps: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    start: np.ndarray


Recorder = Callable[[Snapshots], dict[str, Variable]]
"""A function of a block of snapshots; every variable it returns has leading dimension ``step``."""


# --- schedules -----------------------------------------------------------------------------------------------------


def every(interval: int, *, steps: int, first: int = 0) -> np.ndarray:
    """Steps first, first + interval, ... up to and including `steps` where it falls on one.

    Examples
    --------
    >>> every(25, steps=100).tolist()
    [0, 25, 50, 75, 100]
    """
    require_count("interval", interval)
    return np.arange(first, steps + 1, interval)


def log_spaced(*, steps: int, per_decade: int = 10, first: int = 1) -> np.ndarray:
    """Step 0 and about `per_decade` steps per factor of ten from `first` to `steps`.

    Examples
    --------
    >>> log_spaced(steps=100, per_decade=3).tolist()
    [0, 1, 2, 5, 10, 22, 46, 100]
    """
    require_count("per_decade", per_decade)
    require_count("steps", steps, minimum=first)
    count = round(per_decade * np.log10(steps / first)) + 1
    points = np.rint(np.geomspace(first, steps, max(count, 2)))
    return np.unique(np.concatenate([[0], points])).astype(np.int64)


def as_schedule(schedule: Sequence[int] | np.ndarray | None, steps: int) -> np.ndarray:
    """Check a schedule: increasing whole steps from 0 to `steps`; `log_spaced` by default.

    Raises
    ------
    InputError
        If a step lies outside, or the order is not increasing.
    """
    if schedule is None:
        return log_spaced(steps=steps)
    given = np.asarray(schedule)
    usable = given.ndim == 1 and given.size > 0 and np.issubdtype(given.dtype, np.integer)
    if not (usable and given[0] >= 0 and given[-1] <= steps and np.all(np.diff(given) > 0)):
        raise InputError(f"schedule = {_abridged(given)}: must be increasing whole numbers from 0 to steps = {steps}")
    return given.astype(np.int64)


def _abridged(values: np.ndarray) -> str:
    return np.array2string(values, threshold=6, edgeitems=2)


# --- recorders -----------------------------------------------------------------------------------------------------


def displacement() -> Recorder:
    """Record ``squared_displacement`` |theta_k - theta_0|^2 per replica, (step, replica)."""

    def observe(block: Snapshots) -> dict[str, Variable]:
        moved = block.position - block.start
        return {"squared_displacement": (("step", "replica"), np.einsum("krp,krp->kr", moved, moved), "theta^2")}

    return observe


def speed() -> Recorder:
    """Record ``squared_velocity`` |v_k|^2 per replica, (step, replica); times lr^2 it is the local displacement."""

    def observe(block: Snapshots) -> dict[str, Variable]:
        squared = np.einsum("krp,krp->kr", block.velocity, block.velocity)
        return {"squared_velocity": (("step", "replica"), squared, "v^2")}

    return observe


def states() -> Recorder:
    """Record whole ``position`` and ``velocity``, (step, replica, parameter): only for few parameters or steps."""

    def observe(block: Snapshots) -> dict[str, Variable]:
        dims = ("step", "replica", "parameter")
        return {"position": (dims, block.position.copy(), "theta"), "velocity": (dims, block.velocity.copy(), "v")}

    return observe


def eigenprojections(eigenvectors: np.ndarray, *, centre: np.ndarray | None = None) -> Recorder:
    """Record ``mode_position`` and ``mode_velocity``, (step, replica, eigenmode).

    Parameters
    ----------
    eigenvectors
        (parameter, eigenmode), for instance ``problem.eigenvectors[:, :3]``.
    centre
        (parameter,), subtracted from positions; zero by default.
    """
    vectors = np.asarray(eigenvectors, dtype=float)
    require(vectors.ndim == 2, "eigenvectors", vectors.shape, "must have shape (parameter, eigenmode)")
    shift = np.zeros(vectors.shape[1]) if centre is None else np.asarray(centre, dtype=float) @ vectors

    def observe(block: Snapshots) -> dict[str, Variable]:
        dims = ("step", "replica", "eigenmode")
        return {
            "mode_position": (dims, block.position @ vectors - shift, "theta"),
            "mode_velocity": (dims, block.velocity @ vectors, "v"),
        }

    return observe


def loss(function: Callable[[np.ndarray], np.ndarray]) -> Recorder:
    """Record ``loss`` = function(positions) per replica, (step, replica), for instance with ``problem.loss``."""

    def observe(block: Snapshots) -> dict[str, Variable]:
        return {"loss": (("step", "replica"), function(block.position), "loss")}

    return observe
