"""The dataset of networks whose training is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd import dataset
from langevin_sgd.simulation.status import Status, flags
from langevin_sgd.training.networks.state import Task
from langevin_sgd.training.request import RunRequest
from langevin_sgd.training.variants import by_variant, described

if TYPE_CHECKING:
    import xarray as xr


def make_result(task: Task, request: RunRequest, **provenance: Any) -> xr.Dataset:
    """Build the dataset of networks that `langevin_sgd.training.run` describes."""
    results = task.results
    variables: dict[str, dataset.Variable] = {
        name: (("replica",), values, unit) for name, (values, unit) in _columns(task).items()
    }
    for name, (dims, unit) in results.spec.items():
        variables[name] = (("replica", *dims), results.final[name], unit)
        if len(results.schedule):
            recorded = results.recorded[name]
            variables[f"recorded_{name}"] = (("step", "replica", *dims), recorded, unit)
    if "velocity" in results.kept:
        results.kept["velocity"] /= _rates(task)[:, None]
    for name, values in results.kept.items():
        unit = "w" if name == "weights" else "loss / w"
        variables[f"final_{name}"] = (("replica", "parameter"), values, unit)
    coords: dict[str, np.ndarray] = {"replica": np.array(request.numbers), **results.coords}
    if len(results.schedule):
        coords["step"] = results.schedule
    if request.vary is not None:
        provenance["vary"] = described(request.vary)
        variables = by_variant(variables, len(request.variants))
    made = dataset.make(variables, coords=coords, kind="network_run", **provenance)
    made["status"].attrs.update(flags())
    return made


def _rates(task: Task) -> np.ndarray:
    """Learning rates, (run,)."""
    return np.array([settings.lr for settings in task.numbers.settings])


def _columns(task: Task) -> dict[str, tuple[np.ndarray, str]]:
    """Numbers of each run, its settings and how long it took, with their units."""
    results, begun, numbers = task.results, task.begun, task.numbers
    lr = _rates(task)
    size = np.array([settings.batch_size for settings in numbers.settings])
    here = results.last_update > 0
    with np.errstate(over="ignore", under="ignore"):
        stopped = np.where(here, begun.time + lr * results.last_update, begun.t_star)
        time = begun.time + lr * results.steps
    t_star = np.where(results.status == Status.DIVERGED, np.nan, stopped)
    last_update = np.where(here, begun.steps + results.last_update, begun.last_update)
    return {
        "alpha": (np.array(numbers.alpha), "1"),
        "lr": (lr, "w^2 / loss"),
        "batch_size": (size, "1"),
        "momentum": (np.array([settings.momentum for settings in numbers.settings]), "1"),
        "temperature_per_width": (lr / (size * task.network.width), "w^2 / loss"),
        "points": (task.train.points, "1"),
        "status": (results.status, "1"),
        "t_star": (t_star, "lr * step"),
        "time": (np.where(np.isfinite(time), time, np.nan), "lr * step"),
        "last_update_step": (last_update, "step"),
        "steps": (begun.steps + results.steps, "step"),
    }
