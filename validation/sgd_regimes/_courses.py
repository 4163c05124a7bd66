"""Perceptrons on their way: runs of given length, runs on fresh points, runs whose noise is
switched on or off.

`follow` and `train_switched` train on the points of a `PerceptronEnsemble`; replica r has the same
set wherever it appears with the same seed, so that differences between treatments are taken replica
by replica.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from langevin_sgd.validation.sgd_regimes._runs import PerceptronEnsemble

import langevin_sgd as ls


@dataclass(frozen=True, kw_only=True)
class Fresh:
    """Replicas of one-pass SGD, in which no point is used twice."""

    dimension: int
    chi: float
    temperature: float
    margin: float
    seed: int
    schedule: tuple[int, ...]
    batch_size: int = 1
    replicas: int = 64


@dataclass(frozen=True, kw_only=True)
class SwitchedEnsemble:
    """A training that changes its settings on the way.

    Parameters
    ----------
    run
        Problem, replicas and seed.
    switch
        Settings before and after, and when they change.
    """

    run: PerceptronEnsemble
    switch: ls.experiments.Switch


@ls.sweep.task()
def follow(run: PerceptronEnsemble) -> xr.Dataset:
    """Signal, noise and fraction of unfit points, (step, replica), up to the last step of the
    schedule.
    """
    result = ls.training.run(
        run.problem,
        run.settings,
        replicas=run.replicas,
        first_replica=run.first_replica,
        stop=ls.Stop(max_steps=run.schedule[-1]),
        seed=run.seed,
        schedule=run.schedule,
        engine=ls.training.PerceptronEngine(precision=run.precision),
    )
    names = {f"recorded_{name}": name for name in ("signal", "noise", "unfit_fraction")}
    return result[[*names]].rename(names)


@ls.sweep.task()
def follow_fresh(run: Fresh) -> xr.Dataset:
    """Signal and noise, (step, replica), of one-pass SGD."""
    settings = ls.SGD(lr=run.temperature * run.batch_size, batch_size=run.batch_size)
    problem = ls.models.OnePassPerceptron(dimension=run.dimension, chi=run.chi, margin=run.margin)
    return ls.training.run(
        problem,
        settings,
        replicas=run.replicas,
        steps=run.schedule[-1],
        schedule=run.schedule,
        seed=run.seed,
    )


@ls.sweep.task()
def train_switched(case: SwitchedEnsemble) -> xr.Dataset:
    """Train to zero loss with a change of settings on the way: numbers of the end, (replica,)."""
    run = case.run
    return ls.experiments.run_switched(
        run.problem,
        case.switch,
        replicas=run.replicas,
        seed=run.seed,
        engine=ls.training.PerceptronEngine(precision=run.precision),
    ).drop_vars("final_weights")


def steps_at(tau: tuple[float, ...], run: PerceptronEnsemble | Fresh) -> tuple[int, ...]:
    """Steps nearest to the times tau = lr * steps / d."""
    lr = run.temperature * run.batch_size
    return tuple(round(time * run.dimension / lr) for time in tau)


def times_of(run: PerceptronEnsemble | Fresh) -> np.ndarray:
    """Times tau of the schedule."""
    return np.array(run.schedule) * run.temperature * run.batch_size / run.dimension


def flow_of(
    run: PerceptronEnsemble | Fresh, tau: np.ndarray, **other: float
) -> tuple[np.ndarray, np.ndarray]:
    """Signal and noise by the flow for the settings of a run, some of them replaced by `other`."""
    settings = {"chi": run.chi, "margin": run.margin, "temperature": run.temperature} | other
    return ls.theory.perceptron.flow(tau, **settings)


def unfit_of(run: PerceptronEnsemble | Fresh, signal: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Fraction of fresh samples that weights of this signal and noise leave unfit."""
    return ls.theory.perceptron.averages(signal, noise, chi=run.chi, margin=run.margin).n


def at_steps(result: xr.Dataset, name: str) -> np.ndarray:
    """(step, replica) one recorded number."""
    return result[name].transpose("step", "replica").values
