"""Perceptrons on their way: runs of given length, runs on fresh points, runs whose noise is
switched on or off.

`follow` and `train_switched` train on the points of a `PerceptronEnsemble`; replica r has the same
set wherever it appears with the same seed, so that differences between treatments are taken replica
by replica.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from langevin_sgd.validation.sgd_regimes._runs import SINGLE, ZERO_LOSS, PerceptronEnsemble

import langevin_sgd as ls


@dataclass(frozen=True, kw_only=True)
class Fresh:
    """Replicas of one-pass SGD, in which no point is used twice; the schedule ends the run."""

    problem: ls.models.OnePassPerceptron
    settings: ls.SGD
    seed: int
    schedule: tuple[int, ...]
    replicas: int = 64


@dataclass(frozen=True, kw_only=True)
class SwitchedEnsemble:
    """A training that changes its settings on the way.

    Parameters
    ----------
    switch
        Settings before and after, and when they change.
    problem, seed, stop, engine, replicas
        Of `PerceptronEnsemble`.
    """

    problem: ls.Perceptron
    switch: ls.experiments.Switch
    seed: int
    stop: ls.Stop = ZERO_LOSS
    engine: ls.training.PerceptronEngine = SINGLE
    replicas: int = 64

    @classmethod
    def of(cls, run: PerceptronEnsemble, switch: ls.experiments.Switch) -> SwitchedEnsemble:
        """The training of a run, with the settings of a switch instead of its own."""
        return cls(
            problem=run.problem,
            switch=switch,
            seed=run.seed,
            stop=run.stop,
            engine=run.engine,
            replicas=run.replicas,
        )


@ls.sweep.task()
def follow(run: PerceptronEnsemble) -> xr.Dataset:
    """Signal, noise and fraction of unfit points on the schedule, (step, replica); visits to unfit
    points up to the end, (replica,).
    """
    result = ls.training.run(
        run.problem,
        run.settings,
        replicas=run.replicas,
        first_replica=run.first_replica,
        stop=run.stop,
        seed=run.seed,
        schedule=run.schedule,
        engine=run.engine,
    )
    names = {f"recorded_{name}": name for name in ("signal", "noise", "unfit_fraction")}
    return result[[*names, "visits"]].rename(names)


@ls.sweep.task()
def follow_fresh(run: Fresh) -> xr.Dataset:
    """Signal and noise, (step, replica), of one-pass SGD."""
    return ls.training.run(
        run.problem,
        run.settings,
        replicas=run.replicas,
        steps=run.schedule[-1],
        schedule=run.schedule,
        seed=run.seed,
    )


@ls.sweep.task()
def train_switched(case: SwitchedEnsemble) -> xr.Dataset:
    """Train to zero loss with a change of settings on the way: numbers of the end, (replica,)."""
    return ls.experiments.run_switched(
        case.problem,
        case.switch,
        replicas=case.replicas,
        stop=case.stop,
        seed=case.seed,
        engine=case.engine,
    ).drop_vars("final_weights")


def up_to(run: PerceptronEnsemble, schedule: tuple[int, ...]) -> PerceptronEnsemble:
    """The same, recorded at some steps and ended by the last of them."""
    return replace(run, schedule=schedule, stop=ls.Stop(max_steps=schedule[-1]))


def steps_at(tau: tuple[float, ...], run: PerceptronEnsemble) -> tuple[int, ...]:
    """Steps nearest to the times tau = lr * steps / d."""
    return tuple(round(time * run.problem.dimension / run.settings.lr) for time in tau)


def times_of(run: PerceptronEnsemble) -> np.ndarray:
    """Times tau of the schedule."""
    return np.array(run.schedule) * run.settings.lr / run.problem.dimension


def flow_of(
    run: PerceptronEnsemble, tau: np.ndarray, **other: float
) -> tuple[np.ndarray, np.ndarray]:
    """Signal and noise by the flow for the settings of a run, some of them replaced by `other`."""
    own = {
        "chi": run.chi,
        "margin": run.problem.margin,
        "temperature": run.settings.temperature,
    }
    return ls.theory.perceptron.flow(tau, **own | other)


def finite_of(run: PerceptronEnsemble, tau: np.ndarray, dimension: int) -> np.ndarray:
    """Mean signal to first order in 1/d at the settings of a run, over that of the flow."""
    found = ls.theory.perceptron.finite_flow(
        tau,
        chi=run.chi,
        margin=run.problem.margin,
        temperature=run.settings.temperature,
        dimension=dimension,
        batch_size=run.settings.batch_size,
    )
    return np.asarray(found.signal / flow_of(run, tau)[0])


def lag(run: PerceptronEnsemble, tau: np.ndarray) -> np.ndarray:
    """Largest relative lag of the signal because points are met again (derived, leading order).

    A visit raises the margin of its point by about T, beyond the depth of unfit points, until the
    noise has relaxed, 2 (s/T)^2 d visits later. Of the P n points that would be unfit if they were
    fresh a share 2 (s/T)^2 d/(P n) has thus been pushed out. Growth is slower by this share, now
    and by less before, and the signal ~ time^(1/(chi+3)) smaller by 1/(chi+3) of it at most.
    """
    a, s = flow_of(run, tau)
    left = unfit_of(run, a, s) * run.problem.points / run.problem.dimension
    return np.asarray(2 * (s / run.settings.temperature) ** 2 / left / (run.chi + 3))


def unfit_of(run: PerceptronEnsemble, signal: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Fraction of fresh samples that weights of this signal and noise leave unfit."""
    return ls.theory.perceptron.averages(signal, noise, chi=run.chi, margin=run.problem.margin).n


def at_steps(result: xr.Dataset, name: str) -> np.ndarray:
    """(step, replica) one recorded number."""
    return result[name].transpose("step", "replica").values
