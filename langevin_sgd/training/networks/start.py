"""How a training begins: fresh weights, or the result of an earlier call."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from langevin_sgd.checks import InputError, as_array, as_integers, require
from langevin_sgd.models.networks.interface import Architecture
from langevin_sgd.simulation.earlier import (
    kept,
    provenance_of_start,
    require_equal,
    require_same_replicas,
)
from langevin_sgd.training.networks.settings import RunNumbers
from langevin_sgd.training.request import RunRequest

if TYPE_CHECKING:
    import xarray as xr


class Begun(NamedTuple):
    """What earlier calls have done with each replica."""

    steps: np.ndarray
    """(replica,) steps made."""
    time: np.ndarray
    """(replica,) sum of lr over them."""
    last_update: np.ndarray
    """(replica,) the last step with an unfit point in its batch, counted from 1; 0 for none."""
    t_star: np.ndarray
    """(replica,) the time of that step."""
    weights: np.ndarray | None = None
    """(replica, parameter) trained weights; ``None``: the initial ones."""
    velocity: np.ndarray | None = None
    """(replica, parameter); ``None``: zero."""


def from_the_beginning(numbers: RunNumbers) -> Begun:
    """Return a beginning that has no earlier call."""
    replicas = len(numbers.draws)
    steps, time = np.zeros((2, replicas), np.int64), np.zeros((2, replicas))
    return Begun(steps[0], time[0], steps[1], time[1])


def taken_up(
    request: RunRequest, network: Architecture, numbers: RunNumbers, parameters: int
) -> Begun:
    """Read what an earlier call has left.

    Raises
    ------
    InputError
        If it has kept no weights, or was one of other networks.
    """
    start = request.start
    stored = provenance_of_start(start, "network_run")
    require_same_replicas(start, request.numbers)
    if "final_weights" not in start:
        raise InputError(
            "start = a result without final_weights: train with NetworkEngine(keep_weights=True)"
        )
    require_equal("seed", stored.get("seed"), request.seed)
    there, ours = [start["final_weights"].shape[-1]], [parameters]
    require_equal("network", [stored.get("network"), there], [network.describe(), ours])
    runs, variants = len(numbers.draws), len(request.variants)
    if (stored.get("settings") or {}).get("sampling") == "epochs":
        sizes = [settings.batch_size for settings in numbers.settings]
        require_equal("batch_size of epochs", _whole(start, "batch_size", variants), sizes)
    shapes: dict[str, tuple[int, ...]] = {"time": (runs,), "t_star": (runs,)}
    states = [name for name in ("final_weights", "final_velocity") if name in start]
    shapes |= {name: (runs, parameters) for name in states}
    # A replica that has diverged has NaN for weights, and diverges again at once.
    variables = {
        name: as_array(
            f"start: {name}", _values(start, name, variants), shape=shapes[name], finite=False
        )
        for name in shapes
    }
    return Begun(
        steps=np.array(_whole(start, "steps", variants), np.int64),
        time=variables["time"],
        last_update=np.array(_whole(start, "last_update_step", variants), np.int64),
        t_star=variables["t_star"],
        weights=variables["final_weights"],
        velocity=variables.get("final_velocity"),
    )


def _values(start: xr.Dataset, name: str, variants: int) -> np.ndarray:
    """A variable with its runs one after the other; without variants it is that of each."""
    values = kept(start, name)
    if "variant" not in start[name].dims:
        return np.concatenate([values] * variants) if values.ndim else values
    require(
        start.sizes["variant"] == variants,
        "start",
        f"a result of {start.sizes['variant']} variants",
        f"must have {variants}, as many as vary, or none",
    )
    return values.reshape(-1, *values.shape[2:])


def _whole(start: xr.Dataset, name: str, variants: int) -> list[int]:
    """Whole numbers of zero or above, one for each run."""
    values = _values(start, name, variants)
    numbers: list[int] = as_integers(f"start: {name}", values, ndim=1, minimum=0).tolist()
    return numbers
