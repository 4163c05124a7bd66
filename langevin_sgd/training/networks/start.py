"""Where a call takes up networks: at their initial weights, or where an earlier call has left
them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from langevin_sgd import dataset
from langevin_sgd.checks import InputError, as_array, as_integers, require
from langevin_sgd.models.networks import Architecture
from langevin_sgd.training.networks.settings import Numbers

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


def from_the_beginning(numbers: Numbers) -> Begun:
    """No earlier call."""
    replicas = len(numbers.draws)
    steps, time = np.zeros((2, replicas), np.int64), np.zeros((2, replicas))
    return Begun(steps[0], time[0], steps[1], time[1])


def taken_up(start: xr.Dataset, network: Architecture, numbers: Numbers, parameters: int) -> Begun:
    """Read what an earlier call has left.

    Raises
    ------
    InputError
        If it has kept no weights, or was one of other networks.
    """
    stored = provenance_of(start)
    if "weights" not in start:
        raise InputError("start = a result without weights: train with keep_weights")
    _require_equal(
        "seeds of the replicas", stored.get("seeds"), [seed for seed, _ in numbers.draws]
    )
    _require_equal(
        "numbers of the replicas", _whole(start, "number"), [number for _, number in numbers.draws]
    )
    _require_equal(
        "network",
        [stored.get("network"), start["weights"].shape[-1:]],
        [network.describe(), [parameters]],
    )
    if stored.get("settings") == {"sampling": "epochs"}:
        sizes = [settings.batch_size for settings in numbers.settings]
        _require_equal("batch_size of epochs", _whole(start, "batch_size"), sizes)
    shapes: dict[str, tuple[int, ...]] = {
        "time": (len(numbers.draws),),
        "t_star": (len(numbers.draws),),
    }
    shapes |= {
        name: (len(numbers.draws), parameters) for name in ("weights", "velocity") if name in start
    }
    # A replica that has diverged has NaN for weights, and diverges again at once.
    found = {
        name: as_array(f"start: {name}", _values(start, name), shape=shapes[name], finite=False)
        for name in shapes
    }
    return Begun(
        steps=np.array(_whole(start, "steps"), np.int64),
        time=found["time"],
        last_update=np.array(_whole(start, "last_update_step"), np.int64),
        t_star=found["t_star"],
        weights=found["weights"],
        velocity=found.get("velocity"),
    )


def provenance_of(start: Any) -> dict[str, Any]:
    """Provenance of an earlier result.

    Raises
    ------
    InputError
        If it is no result of `langevin_sgd.training.train_networks`.
    """
    allowed = "must be a result of train_networks"
    require(hasattr(start, "attrs") and hasattr(start, "sizes"), "start", start, allowed)
    stored = dataset.provenance(start)
    require(stored.get("kind") == "network_run", "start", stored.get("kind"), allowed)
    return stored


def _values(start: xr.Dataset, name: str) -> np.ndarray:
    if name not in start:
        raise InputError(f"start = a result without {name}: must be one of train_networks, whole")
    values: np.ndarray = start[name].values
    return values


def _whole(start: xr.Dataset, name: str) -> list[int]:
    """Whole numbers of zero or above, one for each replica."""
    found: list[int] = as_integers(
        f"start: {name}", _values(start, name), ndim=1, minimum=0
    ).tolist()
    return found


def _require_equal(what: str, theirs: Any, ours: Any) -> None:
    if json.dumps(theirs, sort_keys=True) != json.dumps(ours, sort_keys=True):
        raise InputError(f"start = a result of other runs: differs in the {what}")


def as_in_start(start: xr.Dataset, seed: Any, replicas: Any) -> tuple[Any, Any]:
    """Seed and numbers of the replicas, those of the earlier call where they are not given."""
    stored = provenance_of(start)
    if seed is None:
        seed = stored.get("seeds") if stored.get("seed") is None else stored["seed"]
    return seed, _whole(start, "number") if replicas is None else replicas
