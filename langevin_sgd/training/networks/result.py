"""What a run of networks leaves behind: arrays over all replicas, and the dataset made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd import dataset
from langevin_sgd.training.networks.settings import Numbers

if TYPE_CHECKING:
    import xarray as xr

TRAINING, FITTED, STEP_LIMIT, DIVERGED, STUCK = range(-1, 4)
STATUSES = ("fitted", "step_limit", "diverged", "stuck")

_RECORDED = ("loss", "train_error", "unfit_fraction", "weight_change")
_UNITS = {"loss": "loss / alpha", "test_loss": "loss / alpha"}


class Results:
    """Arrays over all replicas of a run, filled as replicas end.

    Parameters
    ----------
    replicas, parameters, layers
        Their numbers; parameters is 0 if weights are not kept.
    schedule
        (step,) recorded steps.
    has_test, has_probe
        Whether there are test points, and points for the tangent kernel.
    """

    def __init__(
        self,
        replicas: int,
        parameters: int,
        layers: Sequence[str],
        schedule: np.ndarray,
        *,
        has_test: bool,
        has_probe: bool,
    ) -> None:
        names = [*_RECORDED, *(["test_loss", "test_error"] if has_test else [])]
        self.layers, self.schedule = list(layers), schedule
        self.status = np.full(replicas, TRAINING, np.int8)
        self.steps, self.last_update = np.zeros(replicas, np.int64), np.zeros(replicas, np.int64)
        self.recorded: dict[str, np.ndarray] = {name: np.full((len(schedule), replicas), np.nan) for name in names}
        extra = ["kernel_change"] if has_probe else []
        self.final: dict[str, np.ndarray] = {name: np.full(replicas, np.nan) for name in [*names, *extra]}
        self.final["layer_weight_change"] = np.full((replicas, len(layers)), np.nan)
        self.weights = np.full((replicas, parameters), np.nan)

    def record(self, places: slice, members: np.ndarray, measured: dict[str, np.ndarray]) -> None:
        """Store what was measured at some recorded steps; nothing of a replica that has diverged or is about to."""
        for name, values in self.recorded.items():
            if name in measured:
                values[places, members] = np.where(np.isfinite(measured[name]), measured[name], np.nan)

    def finish(
        self,
        members: np.ndarray,
        measured: dict[str, np.ndarray],
        weights: np.ndarray,
        *,
        status: int,
        steps: int,
        last_update: np.ndarray,
    ) -> None:
        """Store the end of some replicas."""
        self.status[members], self.steps[members], self.last_update[members] = status, steps, last_update
        for name, values in measured.items():
            self.final[name][members] = values
        if self.weights.shape[1] and status != DIVERGED:
            self.weights[members] = weights

    def ended(self) -> int:
        """Number of replicas whose training is over."""
        return int((self.status != TRAINING).sum())


def make_result(results: Results, numbers: Numbers, points: np.ndarray, width: int, **provenance: Any) -> xr.Dataset:
    """Build the dataset of `langevin_sgd.training.train_networks`, which describes it."""
    lr = np.array([settings.lr for settings in numbers.settings])
    size = np.array([settings.batch_size for settings in numbers.settings])
    stopped = np.where(results.status == DIVERGED, np.nan, lr * results.last_update)
    per_replica: dict[str, tuple[np.ndarray, str]] = {
        "alpha": (np.array(numbers.alpha), "1"),
        "lr": (lr, "w^2 / loss"),
        "batch_size": (size, "1"),
        "temperature_per_width": (lr / (size * width), "w^2 / loss"),
        "points": (points, "1"),
        "number": (np.array([number for _, number in numbers.draws]), "1"),
        "status": (results.status, "1"),
        "t_star": (stopped, "lr * step"),
        "last_update_step": (results.last_update, "step"),
        "steps": (results.steps, "step"),
    }
    variables: dict[str, dataset.Variable] = {
        name: (("replica",), values, unit) for name, (values, unit) in per_replica.items()
    }
    for name, measured in results.final.items():
        dims = ("replica", "layer") if measured.ndim == 2 else ("replica",)
        variables[name] = (dims, measured, _UNITS.get(name, "1"))
    coords: dict[str, np.ndarray] = {"replica": np.arange(len(lr)), "layer": np.array(results.layers)}
    if len(results.schedule):
        coords["step"] = results.schedule
        for name, measured in results.recorded.items():
            variables[f"recorded_{name}"] = (("step", "replica"), measured, _UNITS.get(name, "1"))
    if results.weights.shape[1]:
        variables["weights"] = (("replica", "parameter"), results.weights, "w")
    made = dataset.make(variables, coords=coords, kind="network_run", **provenance)
    made["status"].attrs.update(flag_values=np.arange(len(STATUSES), dtype=np.int8), flag_meanings=" ".join(STATUSES))
    return made
