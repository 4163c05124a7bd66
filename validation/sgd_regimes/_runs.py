"""Perceptrons trained to zero loss: what the claims of this folder share.

Every replica has a training set and batches of its own, functions of (seed, replica), so that a
point of a grid is cut into tasks of a few replicas each without changing a number. The same
settings give the same task: claims that look at the same runs share them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

import langevin_sgd as ls


@dataclass(frozen=True, kw_only=True)
class PerceptronEnsemble:
    """Replicas of one training.

    Parameters
    ----------
    points, dimension, chi, margin
        P, d, depletion of the data law and margin kappa.
    temperature, batch_size
        lr/B and B.
    replicas, first_replica
        Replicas of this task, and the number of the first.
    seed
        Seed of all replicas, whatever the task they are in.
    sampling
        Of the batches.
    precision
        In which rows are stored.
    method
        Of `langevin_sgd.training.PerceptronEngine`.
    schedule
        Recorded steps; none by default.
    """

    points: int
    dimension: int
    chi: float
    temperature: float
    margin: float
    seed: int
    batch_size: int = 1
    replicas: int = 64
    first_replica: int = 0
    sampling: str = "without_replacement"
    precision: str = "float32"
    method: str = "auto"
    schedule: tuple[int, ...] = ()

    @property
    def settings(self) -> ls.SGD:
        """Settings of SGD."""
        lr = self.temperature * self.batch_size
        return ls.SGD(lr=lr, batch_size=self.batch_size, sampling=self.sampling)

    @property
    def problem(self) -> ls.Perceptron:
        """The law of the data, with the margin."""
        law = ls.data.DepletedSign(points=self.points, dimension=self.dimension, chi=self.chi)
        return ls.Perceptron(data=law, margin=self.margin)


@ls.sweep.task()
def train(run: PerceptronEnsemble) -> xr.Dataset:
    """Train to zero loss: numbers of the end (replica,), and what the schedule asks for (step,
    replica).
    """
    result = ls.training.run(
        run.problem,
        run.settings,
        replicas=run.replicas,
        first_replica=run.first_replica,
        seed=run.seed,
        schedule=run.schedule or None,
        engine=ls.training.PerceptronEngine(method=run.method, precision=run.precision),
    ).drop_vars("final_weights")
    theory, a, s = ls.theory.perceptron, result["signal"].values, result["noise"].values
    n = theory.averages(a, s, chi=run.chi, margin=run.margin).n
    return result.assign(
        unfit_fraction=("replica", n, {"units": "1"}),
        test_error=("replica", theory.test_error(a, s, chi=run.chi), {"units": "1"}),
    )


def parts(
    label: str, run: PerceptronEnsemble, count: int = 1
) -> Iterator[tuple[str, ls.sweep.Task]]:
    """Tasks of one point of a grid, cut into `count` of equal size, with their labels."""
    size, rest = divmod(run.replicas, count)
    if rest:
        raise ValueError(f"{run.replicas} replicas cannot be cut into {count} equal tasks")
    for k in range(count):
        part = replace(run, replicas=size, first_replica=run.first_replica + k * size)
        yield f"{label}, part {k}", train.at(part)


def joined(data: Mapping[str, xr.Dataset], label: str, name: str) -> np.ndarray:
    """One number per replica, (replica,) or (step, replica), from all tasks of a point of a
    grid.
    """
    found = [part[name].values for key, part in data.items() if key.startswith(f"{label}, part ")]
    return np.concatenate(found, axis=-1)


def censored(data: Mapping[str, xr.Dataset]) -> int:
    """Number of replicas that did not reach zero loss."""
    return sum(int((run["status"].values != 0).sum()) for run in data.values())
