"""Networks trained to zero hinge loss on images: what the claims about networks share.

Every replica has training set, initial weights and batches of its own, functions of (seed, number),
the same in all tasks: replicas of one number are paired whatever else differs.
"""

from dataclasses import dataclass, replace
from typing import Any

import xarray as xr

import langevin_sgd as ls


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

    @property
    def problem(self) -> "ls.NetworkProblem":
        """Network, data and scale of the predictor."""
        return ls.NetworkProblem(self.network, self.law, alpha=self.alpha)

    @property
    def settings(self) -> "ls.SGD":
        """Settings of SGD."""
        lr = self.temperature * self.batch_size * self.width
        return ls.SGD(lr=lr, batch_size=self.batch_size, sampling="without_replacement")


def train(
    run: NetworkRun,
    data: Any = None,
    *,
    noise: str = "sgd",
    keep_weights: bool = False,
    record: tuple[str, ...] = (),
    **more: Any,
) -> xr.Dataset:
    """Train by the settings of a run, on other data if some are given."""
    training = ls.training
    problem = run.problem if data is None else replace(run.problem, data=data)
    kernel = training.observables.KernelChange(points=run.probe_points)
    return training.run(
        problem,
        run.settings,
        replicas=run.replicas,
        stop=ls.Stop(max_steps=run.max_steps),
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
