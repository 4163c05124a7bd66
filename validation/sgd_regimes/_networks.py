"""Networks trained to zero hinge loss on images: what the claims about networks share.

Every replica has training set, initial weights and batches of its own, functions of (seed, number),
the same in all tasks: replicas of one number are paired whatever else differs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

import langevin_sgd as ls
from langevin_sgd.claims import Data
from langevin_sgd.experiments import GridLine

MEASURED = ("test_error", "t_star", "weight_change", "kernel_change")
"""Numbers of the end of every training."""


@dataclass(frozen=True, kw_only=True)
class NetworkRun:
    """Replicas of one training.

    Parameters
    ----------
    depth, width, activation
        Hidden layers D, their width h, and what is between them.
    points, test_points, images
        P, test points, and the data set; labels are the usual ones of the data set.
    alpha, temperature, batch_size
        Scale of the predictor, lr/(B h) and B.
    max_steps
        Steps after which a replica counts as unfinished.
    replicas, seed
        Replicas 0, 1, ... of the seed.
    probe_points
        Test points on which the tangent kernel is compared before and after.
    precision, device
        Of the arithmetic, and where it is done.
    """

    depth: int
    alpha: float
    temperature: float
    max_steps: int
    replicas: int
    seed: int
    width: int = 64
    activation: str = "relu"
    points: int = 256
    test_points: int = 1536
    images: str = "digits"
    batch_size: int = 16
    probe_points: int = 64
    precision: str = "float32"
    device: str = "cpu"

    @property
    def law(self) -> "ls.data.BinaryImages":
        """Training and test sets."""
        return ls.data.BinaryImages(
            name=self.images, points=self.points, test_points=self.test_points
        )

    @property
    def network(self) -> "ls.models.networks.FullyConnected":
        """The architecture."""
        return ls.models.networks.FullyConnected(
            dimension=self.law.dimension,
            width=self.width,
            depth=self.depth,
            activation=self.activation,
        )


def train(
    run: NetworkRun,
    data: Any = None,
    *,
    unfit: float = 0.0,
    noise: str = "sgd",
    keep_weights: bool = False,
    record: tuple[str, ...] = (),
    **more: Any,
) -> xr.Dataset:
    """Train by the settings of a run, on other data if some are given."""
    training = ls.training
    law = run.law if data is None else data
    lr = run.temperature * run.batch_size * run.width
    kernel = training.observables.KernelChange(points=run.probe_points)
    return training.run(
        ls.NetworkProblem(run.network, law, alpha=run.alpha),
        ls.SGD(lr=lr, batch_size=run.batch_size, sampling="without_replacement"),
        replicas=run.replicas,
        stop=ls.Stop(unfit=unfit, max_steps=run.max_steps),
        seed=run.seed,
        record=[*record, kernel],
        engine=training.NetworkEngine(
            noise=noise, precision=run.precision, device=run.device, keep_weights=keep_weights
        ),
        **more,
    )


@ls.sweep.task()
def train_nets(run: NetworkRun) -> xr.Dataset:
    """Train to zero loss: numbers of the end, (replica,)."""
    return train(run)


def fitted(one: xr.Dataset) -> np.ndarray:
    """Whether replicas reached zero loss, (replica,)."""
    return np.asarray(one["status"].values == 0)


def unfinished(data: Data, labels: Mapping[str, object] | list[str]) -> str | None:
    """Why trainings cannot be judged by their ends, if some have none."""
    count = sum(int((~fitted(data[label])).sum()) for label in labels)
    return f"{count} replicas did not reach zero loss" if count else None


def missing_images(*names: str) -> str | None:
    """Why a tier cannot be run on this machine, if data sets are not there."""
    missing = [name for name in dict.fromkeys(names) if not ls.data.has_images(name)]
    return (
        f"images of {', '.join(missing)} are not there; set LANGEVIN_SGD_DATA" if missing else None
    )


def logs(data: Data, labels: list[str], name: str, replicas: int | None = None) -> np.ndarray:
    """Logarithms of one number of several trainings, (training, replica), of the first replicas
    that all of them have.

    Parameters
    ----------
    data, labels
        Results, and which of them.
    name
        Variable.
    replicas
        How many; by default as many as the smallest training has.
    """
    count = min(data[label].sizes["replica"] for label in labels) if replicas is None else replicas
    return np.log(np.stack([data[label][name].values[:count] for label in labels]))


def line_through(
    data: Data,
    axis: str,
    labels: Mapping[float, str],
    quantities: Sequence[str] = MEASURED,
    **held: Any,
) -> GridLine:
    """A line through trainings, of the first replicas that all of them have.

    Parameters
    ----------
    data
        Results.
    axis, labels
        What differs along the line, and the label of the training at each of its values.
    quantities
        What was measured, by default the numbers of every training.
    held
        What the trainings share.
    """
    count = min(data[label].sizes["replica"] for label in labels.values())
    places = sorted(labels)
    runs = [data[labels[place]].isel(replica=slice(count)) for place in places]
    done = np.array([fitted(one) for one in runs])
    measured = {
        name: np.where(done, [one[name].values for one in runs], np.nan) for name in quantities
    }
    return GridLine(axis=axis, held=held, x=np.array(places), fitted=done, measured=measured)


def mean_series(
    label: str,
    x: tuple[float, ...] | list[float] | np.ndarray,
    values: np.ndarray,
    unit: np.ndarray | float = 1.0,
) -> ls.plotting.Series:
    """Geometric means over replicas of exp(`values`) (point, replica), divided by `unit`, with
    their errors.
    """
    mean = np.exp(values.mean(axis=1)) / unit
    return ls.plotting.Series(
        label, x, mean, mean * values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
    )
