"""Networks trained to zero hinge loss on images: what the claims about networks share.

A run is the values that `langevin_sgd.training.run` takes; `network_run` makes them from the
numbers of the theory.

Every replica has training set, initial weights and batches of its own, functions of (seed, number),
the same in all tasks: replicas of one number are paired whatever else differs.
"""

from dataclasses import dataclass, replace
from typing import Any, cast

import xarray as xr

import langevin_sgd as ls


@dataclass(frozen=True, kw_only=True)
class NetworkRun:
    """Replicas 0, 1, ... of one training.

    Parameters
    ----------
    problem, settings, stop, record, engine
        As in `langevin_sgd.training.run`.
    replicas, seed
        Number of replicas, and their seed.
    schedule
        Recorded steps; none by default.
    device
        Where the engine works, whatever it says itself: ``cpu`` or ``cuda``.
    """

    problem: ls.NetworkProblem
    settings: ls.SGD
    stop: ls.Stop
    record: tuple[Any, ...]
    engine: ls.training.NetworkEngine
    replicas: int
    seed: int
    schedule: tuple[int, ...] = ()
    device: str = "cpu"

    @property
    def images(self) -> ls.data.BinaryImages:
        """Training and test sets."""
        return cast("ls.data.BinaryImages", self.problem.data)


SINGLE = ls.training.NetworkEngine()
DOUBLE = ls.training.NetworkEngine(precision="float64")
"""Engines in single and in double precision."""
KERNEL = ls.training.observables.KernelChange(points=64)
"""The change of the tangent kernel on so many test points."""


def network_run(
    *,
    depth: int,
    alpha: float,
    temperature: float,
    max_steps: int,
    replicas: int,
    seed: int,
    width: int = 64,
    activation: str = "relu",
    points: int = 256,
    test_points: int = 1536,
    images: str = "digits",
    batch_size: int = 16,
    record: tuple[Any, ...] = (KERNEL,),
    engine: ls.training.NetworkEngine = SINGLE,
) -> NetworkRun:
    """Fully connected networks on images, trained with batches drawn without replacement.

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
    replicas, seed, record, engine
        Of `NetworkRun`.
    """
    law = ls.data.BinaryImages(name=images, points=points, test_points=test_points)
    network = ls.models.networks.FullyConnected(
        dimension=law.dimension, width=width, depth=depth, activation=activation
    )
    lr = temperature * batch_size * width
    return NetworkRun(
        problem=ls.NetworkProblem(network, law, alpha=alpha),
        settings=ls.SGD(lr=lr, batch_size=batch_size, sampling="without_replacement"),
        stop=ls.Stop(max_steps=max_steps),
        record=record,
        engine=engine,
        replicas=replicas,
        seed=seed,
    )


def train(run: NetworkRun, **more: Any) -> xr.Dataset:
    """Train the replicas of a run; `more` for `langevin_sgd.training.run`."""
    return ls.training.run(
        run.problem,
        run.settings,
        replicas=run.replicas,
        stop=run.stop,
        seed=run.seed,
        record=run.record,
        schedule=run.schedule or None,
        engine=replace(run.engine, device=run.device),
        **more,
    )


@ls.sweep.task()
def train_nets(run: NetworkRun) -> xr.Dataset:
    """Train to zero loss: numbers of the end, (replica,), and on the schedule, (step, replica)."""
    return train(run)
