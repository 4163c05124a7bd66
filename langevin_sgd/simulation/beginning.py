"""How a run begins: its seed, its start, and random numbers that no run before it has used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from langevin_sgd.checks import LARGEST_COUNT, InputError, as_array, as_seed, require
from langevin_sgd.randomness import fresh_seed
from langevin_sgd.simulation.checkpoint import stored_seed


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
    start: Any, *, seed: int, first_step: int, steps: int, advice: str
) -> None:
    """Raise `InputError` for a start that is the end of a run with the same random numbers.

    Noise of steps that were made with it is correlated with the state it has led to, so that a run
    cut into pieces would not be one run. Only a ``final_position`` knows which numbers have made
    it, not its bare values. The `advice` says how to go on with the next ones; ``{end}`` in it is
    the step at which they begin.
    """
    try:
        used = json.loads(getattr(start, "attrs", {})["random_numbers"])
        begun, end = int(used["first_step"]), int(used["first_step"]) + int(used["steps"])
        again = used["seed"] == seed and begun < first_step + steps and first_step < end
    except (KeyError, TypeError, ValueError):
        return
    if again:
        raise InputError(
            f"seed = {seed}: the start was made with its random numbers of steps {begun} to {end}; "
            f"{advice.format(end=end)} to go on with the next ones, or another seed"
        )
