"""How a run begins: its seed, its start, and random numbers that no run before it has used.

A start is an array of positions, a pair with the velocities, or the result of an earlier run, from
which the run goes on: one vocabulary for real SGD and for Langevin equations.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from langevin_sgd import dataset
from langevin_sgd.checks import LARGEST_COUNT, InputError, as_array, as_seed, require
from langevin_sgd.randomness import fresh_seed
from langevin_sgd.simulation.checkpoint import stored_seed
from langevin_sgd.simulation.earlier import (
    is_result,
    kept,
    provenance_of_start,
    require_same_replicas,
    steps_made,
)

if TYPE_CHECKING:
    import xarray as xr

Start: TypeAlias = "np.ndarray | tuple[np.ndarray, np.ndarray] | xr.Dataset | None"
"""Positions, positions and velocities, or the result of an earlier run."""


def resolve_seed(
    seed: int | None, checkpoint: Path | None = None, *, earlier: int | None = None
) -> int:
    """Return the seed of a run: the one that was given, else that of the checkpoint, else the one
    of an `earlier` run from which this one goes on, else fresh entropy.
    """
    if seed is None and checkpoint is not None:
        seed = stored_seed(checkpoint)
    if seed is None:
        seed = earlier
    return fresh_seed() if seed is None else as_seed("seed", seed)


def seed_of_start(start: Any) -> int | None:
    """Return the seed of an earlier result, ``None`` if the start is none."""
    seed: int | None = dataset.provenance(start).get("seed") if is_result(start) else None
    return seed


def as_start(name: str, value: Any, replicas: int, parameters: int) -> np.ndarray:
    """Check an initial condition: zeros for ``None``, else (parameter,) or (replica, parameter),
    finite.

    Returns
    -------
    (replica, parameter) float64, a copy
    """
    given = np.zeros(parameters) if value is None else as_array(name, value)
    shapes = (parameters,), (replicas, parameters)
    require(given.shape in shapes, name, given.shape, f"must have shape {shapes[0]} or {shapes[1]}")
    return np.array(np.broadcast_to(given, shapes[1]))


def require_steps(first_step: int, steps: int, substeps: int = 1) -> None:
    """Raise `InputError` if a step has a number that the counter of the random numbers cannot
    hold.
    """
    most = LARGEST_COUNT // substeps
    require(
        first_step + steps <= most,
        "steps",
        steps,
        f"must end at step {most} or before, it begins at {first_step}",
    )


def require_fresh_numbers(
    start: Any, *, seed: int, steps: int, per_step: Fraction = Fraction(1)
) -> None:
    """Raise `InputError` for a start that was made with random numbers of this run.

    Noise of steps that were made with it is correlated with the state it has led to, so that a run
    cut into pieces would not be one run. Only a ``final_position``, alone or in its result, knows
    which numbers have made it, not its bare values.

    Parameters
    ----------
    start
        As the user gave it: a run goes on after the steps of a result, and begins at step 0 with
        all else.
    seed, steps
        Of this run.
    per_step
        How far the counter of its random numbers goes on in a step.
    """
    goes_on = is_result(start)
    try:
        position = start["final_position"] if goes_on else start[0] if _is_pair(start) else start
        used = json.loads(getattr(position, "attrs", {})["random_numbers"])
        begun, end = int(used["first_step"]), int(used["first_step"]) + int(used["steps"])
        before = Fraction(used.get("per_step", 1))
        same_seed = used["seed"] == seed
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return
    if not same_seed:
        return
    if goes_on and per_step < before:
        # Others may have gone before it: a counter that only rises meets the numbers of none.
        raise InputError(
            f"seed = {seed}: the start was made with its random numbers, their counter goes on by "
            f"{before} a step there and by {per_step} here, so that some would be used again; "
            "give more substeps or another seed"
        )
    if not goes_on and begun * before < steps * per_step and end > 0:
        raise InputError(
            f"seed = {seed}: the start was made with its random numbers of steps {begun} to {end}; "
            "give the whole result as start to go on with the next ones, or another seed"
        )


# --- the start ------------------------------------------------------------------------------------


class StartOfRun(NamedTuple):
    """Where all replicas start."""

    position: np.ndarray
    """(replica, parameter)."""
    velocity: np.ndarray
    """(replica, parameter)."""
    at_rest: bool
    """Whether no velocity was given: then the first gradient of SGD is not damped."""
    first_step: int
    """Steps made before, whose random numbers are used up."""


def start_of_run(
    start: Any, *, kind: str, numbers: Sequence[int], parameters: int, has_velocity: bool = True
) -> StartOfRun:
    """Read where the replicas start.

    Parameters
    ----------
    start
        ``None`` for zeros at rest; an array, (parameter,) or (replica, parameter); a tuple of two,
        position and velocity; or the result of an earlier call.
    kind
        Kind of the results from which such a run can go on.
    numbers
        Numbers of the replicas.
    parameters
        Parameters of each.
    has_velocity
        Whether such a run has a velocity: else that of a result is not read.

    Raises
    ------
    InputError
        If it is none of these, or a result of another kind or of other replicas.
    """
    first_step, velocity = 0, None
    if is_result(start):
        stored = provenance_of_start(start, kind)
        require_same_replicas(start, numbers)
        first_step = steps_made(stored)
        position = kept(start, "final_position")
        velocity = kept(start, "final_velocity") if has_velocity else None
    elif _is_pair(start):
        position, velocity = start
    else:
        position = start
    return StartOfRun(
        as_start("start", position, len(numbers), parameters),
        as_start("start: velocity", velocity, len(numbers), parameters),
        at_rest=velocity is None,
        first_step=first_step,
    )


def _is_pair(start: Any) -> bool:
    """Whether a start is a position and a velocity, not an array."""
    try:
        return isinstance(start, tuple) and len(start) == 2 and all(map(np.ndim, start))
    except ValueError:  # rows of several lengths
        return False
