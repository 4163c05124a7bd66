"""What a run of networks leaves behind: arrays over all replicas, and the dataset made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd import dataset
from langevin_sgd.training.networks.settings import Numbers
from langevin_sgd.training.networks.start import Begun

if TYPE_CHECKING:
    import xarray as xr

TRAINING, FITTED, STEP_LIMIT, DIVERGED, STUCK, TIME_LIMIT, REACHED = range(-1, 6)
STATUSES = ("fitted", "step_limit", "diverged", "stuck", "time_limit", "reached")

Spec = dict[str, tuple[tuple[str, ...], str]]
"""Variables: name -> (dimensions beside the replica, unit)."""


class Results:
    """Arrays over all replicas of a run, filled as replicas end.

    Parameters
    ----------
    replicas
        Their number.
    final, recorded
        What is measured at the end, and on the schedule.
    coords
        Values along the dimensions that variables may have.
    schedule
        (step,) recorded steps.
    kept
        Names of arrays over all trained weights to be kept, and the number of these weights.
    """

    def __init__(
        self,
        replicas: int,
        final: Spec,
        recorded: Spec,
        coords: dict[str, np.ndarray],
        schedule: np.ndarray,
        kept: tuple[Sequence[str], int],
    ) -> None:
        used = {dim for dims, _ in final.values() for dim in dims}
        self.coords = {name: values for name, values in coords.items() if name in used}
        self.spec, self.schedule = final, schedule
        self.status = np.full(replicas, TRAINING, np.int8)
        self.steps, self.last_update = np.zeros(replicas, np.int64), np.zeros(replicas, np.int64)
        sizes = {name: [len(coords[dim]) for dim in dims] for name, (dims, _) in final.items()}
        self.recorded = {
            name: np.full((len(schedule), replicas, *sizes[name]), np.nan) for name in recorded
        }
        self.final = {name: np.full((replicas, *sizes[name]), np.nan) for name in final}
        names, self.parameters = kept
        self.kept = {name: np.full((replicas, self.parameters), np.nan) for name in names}

    def record(self, places: slice, members: np.ndarray, measured: dict[str, np.ndarray]) -> None:
        """Store what was measured at some recorded steps; nothing of a replica that has diverged or
        is about to.
        """
        for name, values in self.recorded.items():
            if name in measured:
                values[places, members] = np.where(
                    np.isfinite(measured[name]), measured[name], np.nan
                )

    def finish(
        self,
        members: np.ndarray,
        measured: dict[str, np.ndarray],
        kept: dict[str, np.ndarray],
        *,
        status: int,
        steps: int,
        last_update: np.ndarray,
    ) -> None:
        """Store the end of some replicas."""
        self.status[members], self.steps[members], self.last_update[members] = (
            status,
            steps,
            last_update,
        )
        for name, values in measured.items():
            self.final[name][members] = values
        for name, weights in self.kept.items():
            if status != DIVERGED:
                weights[members] = kept.get(name, 0.0)

    def ended(self) -> int:
        """Number of replicas whose training is over."""
        return int((self.status != TRAINING).sum())

    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays that change, by name."""
        found: dict[str, np.ndarray] = {
            "status": self.status,
            "steps": self.steps,
            "last_update": self.last_update,
        }
        found |= {f"recorded_{name}": values for name, values in self.recorded.items()}
        return found | self.kept | {f"final_{name}": values for name, values in self.final.items()}


def make_result(
    results: Results,
    numbers: Numbers,
    begun: Begun,
    points: np.ndarray,
    width: int,
    **provenance: Any,
) -> xr.Dataset:
    """Build the dataset of `langevin_sgd.training.train_networks`, which describes it."""
    lr = np.array([settings.lr for settings in numbers.settings])
    size = np.array([settings.batch_size for settings in numbers.settings])
    momentum = np.array([settings.momentum for settings in numbers.settings])
    here = results.last_update > 0
    with np.errstate(over="ignore", under="ignore"):
        stopped = np.where(here, begun.time + lr * results.last_update, begun.t_star)
        time = begun.time + lr * results.steps
    per_replica: dict[str, tuple[np.ndarray, str]] = {
        "alpha": (np.array(numbers.alpha), "1"),
        "lr": (lr, "w^2 / loss"),
        "batch_size": (size, "1"),
        "momentum": (momentum, "1"),
        "temperature_per_width": (lr / (size * width), "w^2 / loss"),
        "points": (points, "1"),
        "number": (np.array([number for _, number in numbers.draws]), "1"),
        "status": (results.status, "1"),
        "t_star": (np.where(results.status == DIVERGED, np.nan, stopped), "lr * step"),
        "time": (np.where(np.isfinite(time), time, np.nan), "lr * step"),
        "last_update_step": (
            np.where(here, begun.steps + results.last_update, begun.last_update),
            "step",
        ),
        "steps": (begun.steps + results.steps, "step"),
    }
    variables: dict[str, dataset.Variable] = {
        name: (("replica",), values, unit) for name, (values, unit) in per_replica.items()
    }
    for name, (dims, unit) in results.spec.items():
        variables[name] = (("replica", *dims), results.final[name], unit)
    coords: dict[str, np.ndarray] = {"replica": np.arange(len(lr)), **results.coords}
    if len(results.schedule):
        coords["step"] = results.schedule
        for name, measured in results.recorded.items():
            dims, unit = results.spec[name]
            variables[f"recorded_{name}"] = (("step", "replica", *dims), measured, unit)
    if "velocity" in results.kept:
        results.kept["velocity"] /= lr[:, None]
    for name, values in results.kept.items():
        variables[name] = (
            ("replica", "parameter"),
            values,
            "w" if name == "weights" else "loss / w",
        )
    made = dataset.make(variables, coords=coords, kind="network_run", **provenance)
    made["status"].attrs.update(
        flag_values=np.arange(len(STATUSES), dtype=np.int8), flag_meanings=" ".join(STATUSES)
    )
    return made
