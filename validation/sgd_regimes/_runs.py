"""Perceptrons trained to zero loss: what the claims of this folder share.

A run is the values that `langevin_sgd.training.run` takes; `perceptron_ensemble` makes them from
the numbers of the theory.

Every replica has a training set and batches of its own, functions of (seed, replica), so that a
point of a grid is cut into tasks of a few replicas each without changing a number. The same
settings give the same task: claims that look at the same runs share them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import xarray as xr

import langevin_sgd as ls

SINGLE = ls.training.PerceptronEngine(precision="float32")
"""Engine that stores rows in single precision."""
ZERO_LOSS = ls.Stop()
"""The end of training at zero loss, however long it takes."""


@dataclass(frozen=True, kw_only=True)
class PerceptronEnsemble:
    """Replicas of one training.

    Parameters
    ----------
    problem, settings, stop, engine
        As in `langevin_sgd.training.run`; by default training ends at zero loss, and rows are
        stored in single precision.
    seed
        Seed of all replicas, whatever the task they are in.
    replicas, first_replica
        Replicas of this task, and the number of the first.
    schedule
        Recorded steps; none by default.
    """

    problem: ls.Perceptron
    settings: ls.SGD
    seed: int
    stop: ls.Stop = ZERO_LOSS
    engine: ls.training.PerceptronEngine = SINGLE
    replicas: int = 64
    first_replica: int = 0
    schedule: tuple[int, ...] = ()

    @property
    def chi(self) -> float:
        """Depletion of the law of the points."""
        return cast("ls.data.DepletedSign", self.problem.data).chi


def perceptron_ensemble(
    *,
    points: int,
    dimension: int,
    chi: float,
    temperature: float,
    margin: float,
    seed: int,
    batch_size: int = 1,
    replicas: int = 64,
    engine: ls.training.PerceptronEngine = SINGLE,
) -> PerceptronEnsemble:
    """Replicas that are trained to zero loss, with batches drawn without replacement.

    Parameters
    ----------
    points, dimension, chi, margin
        P, d, depletion of the data law and margin kappa.
    temperature, batch_size
        lr/B and B.
    seed, replicas, engine
        Of `PerceptronEnsemble`.
    """
    law = ls.data.DepletedSign(points=points, dimension=dimension, chi=chi)
    lr = temperature * batch_size
    return PerceptronEnsemble(
        problem=ls.Perceptron(data=law, margin=margin),
        settings=ls.SGD(lr=lr, batch_size=batch_size, sampling="without_replacement"),
        seed=seed,
        replicas=replicas,
        engine=engine,
    )


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
        stop=run.stop,
        seed=run.seed,
        schedule=run.schedule or None,
        engine=run.engine,
    ).drop_vars("final_weights")
    theory, a, s = ls.theory.perceptron, result["signal"].values, result["noise"].values
    n = theory.averages(a, s, chi=run.chi, margin=run.problem.margin).n
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
