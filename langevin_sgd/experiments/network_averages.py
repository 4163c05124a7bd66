"""Means over the replicas of a grid of networks, with errors.

A run that does not fit its points has no stopping time, and its test error is not that of a trained
network: such runs are left out and counted. It takes most replicas fitted for the rest to stand for
all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langevin_sgd.estimate import Estimate
from langevin_sgd.experiments.axes import as_result
from langevin_sgd.measure import geometric_mean
from langevin_sgd.simulation.status import Status

if TYPE_CHECKING:
    import xarray as xr

OBSERVED = (
    "mean_margin",
    "test_mean_margin",
    "gradient_noise",
    "noise_temperature",
    "signal",
    "noise",
)
"""What is averaged of that which was recorded, beside the kernel."""


@dataclass(frozen=True, kw_only=True)
class NetworkAverages:
    """Means over the fitted replicas of one point of a grid, and how many there are.

    Parameters
    ----------
    at
        What the point is made of, by name.
    ended
        Replicas by how they ended: ``fitted``, ``step_limit`` and so on.
    test_error
        Arithmetic mean; not valid, like the others, with fewer than two fitted replicas.
    t_star, weight_change
        Geometric means.
    kernel_change
        Geometric mean; ``None`` without probe points.
    observed
        Arithmetic means of what else was observed, by name.
    """

    at: dict[str, Any]
    ended: dict[str, int]
    test_error: Estimate
    t_star: Estimate
    weight_change: Estimate
    kernel_change: Estimate | None
    observed: dict[str, Estimate]

    @property
    def mostly_fitted(self) -> bool:
        """Whether at least half of the replicas are fitted."""
        return 2 * self.ended["fitted"] >= sum(self.ended.values())


def average_networks(result: xr.Dataset) -> list[NetworkAverages]:
    """Average the fitted replicas of every point.

    Parameters
    ----------
    result
        Of `langevin_sgd.experiments.Grid.collect`, for networks.

    Returns
    -------
    list of NetworkAverages
        In the order of the points. Points share training sets and initial weights, so their errors
        are correlated.
    """
    result = as_result("result", result, ("status", "test_error", "t_star", "weight_change"))
    return [_averages(result.isel(point=point)) for point in range(result.sizes["point"])]


def _averages(point: xr.Dataset) -> NetworkAverages:
    status = point["status"].values
    fitted = status == Status.FINISHED
    names = {code: "fitted" if code == Status.FINISHED else code.name.lower() for code in Status}
    return NetworkAverages(
        at={str(name): column.item() for name, column in point.coords.items()},
        ended={name: int((status == code).sum()) for code, name in names.items()},
        test_error=Estimate.from_samples(
            point["test_error"].values[fitted], method="mean over fitted replicas"
        ),
        t_star=geometric_mean(point["t_star"].values[fitted]),
        weight_change=geometric_mean(point["weight_change"].values[fitted]),
        kernel_change=geometric_mean(point["kernel_change"].values[fitted])
        if "kernel_change" in point
        else None,
        observed={
            name: Estimate.from_samples(
                point[name].values[fitted], method="mean over fitted replicas"
            )
            for name in OBSERVED
            if name in point
        },
    )
