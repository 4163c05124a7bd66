"""Where a call takes up networks: at their initial weights, or where an earlier call has left them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from langevin_sgd import dataset
from langevin_sgd.checks import InputError, require
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


def taken_up(start: xr.Dataset, network: Any, numbers: Numbers, parameters: int) -> Begun:
    """Read what an earlier call has left.

    Raises
    ------
    InputError
        If it has kept no weights, or was one of other networks.
    """
    stored = dataset.provenance(start)
    require(stored["kind"] == "network_run", "start", stored["kind"], "must be a result of train_networks")
    if "weights" not in start:
        raise InputError("start = a result without weights: train with keep_weights")
    _require_equal("seeds of the replicas", stored["seeds"], [seed for seed, _ in numbers.draws])
    _require_equal("numbers of the replicas", start["number"].values.tolist(), [number for _, number in numbers.draws])
    _require_equal("network", [stored["network"], start.sizes["parameter"]], [network.describe(), parameters])
    sampling = stored["settings"]["sampling"]
    if sampling == "epochs":
        sizes = [settings.batch_size for settings in numbers.settings]
        _require_equal("batch_size of epochs", start["batch_size"].values.tolist(), sizes)
    return Begun(
        steps=start["steps"].values,
        time=start["time"].values,
        last_update=start["last_update_step"].values,
        t_star=start["t_star"].values,
        weights=start["weights"].values,
        velocity=start["velocity"].values if "velocity" in start else None,
    )


def _require_equal(what: str, theirs: Any, ours: Any) -> None:
    if json.dumps(theirs, sort_keys=True) != json.dumps(ours, sort_keys=True):
        raise InputError(f"start = a result of other runs: differs in the {what}")


def as_in_start(start: xr.Dataset, seed: Any, replicas: Any) -> tuple[Any, Any]:
    """Seed and numbers of the replicas, those of the earlier call where they are not given."""
    stored = dataset.provenance(start)
    if seed is None:
        seed = stored.get("seeds") if stored.get("seed") is None else stored["seed"]
    return seed, start["number"].values.tolist() if replicas is None and "number" in start else replicas
