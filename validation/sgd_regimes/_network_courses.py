"""Networks on their way: trainings in two orders, with Langevin noise, and with noise that is
switched on or off.

Replica r has the same points and initial weights wherever it appears with the same seed, so that
differences between treatments are taken replica by replica.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from langevin_sgd.validation.sgd_regimes._network_lines import Data, unfinished
from langevin_sgd.validation.sgd_regimes._networks import NetworkRun, train

import langevin_sgd as ls

LAZY_CHANGE = 0.1
"""Relative change of the tangent kernel up to which training counts as lazy."""


@dataclass(frozen=True, kw_only=True)
class Course(NetworkRun):
    """Replicas of one training.

    Parameters
    ----------
    noise
        Of `langevin_sgd.training.NetworkEngine`.
    schedule
        Recorded steps; none by default.
    """

    noise: str = "sgd"
    schedule: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SwitchedCourse:
    """A training that changes its settings on the way.

    Parameters
    ----------
    run
        Problem, replicas, seed and the largest number of steps, of either part.
    switch
        Settings before and after, and when they change, which is looked at every few steps.
    device
        ``cpu`` or ``cuda``.
    """

    run: Course
    switch: ls.experiments.Switch
    device: str = "cpu"


@ls.sweep.task()
def train_course(run: Course) -> xr.Dataset:
    """Train to zero loss: numbers of the end, (replica,), and on the schedule, (step, replica)."""
    return train(run, noise=run.noise, schedule=run.schedule or None, record=("signal",))


@ls.sweep.task()
def train_switched(case: SwitchedCourse) -> xr.Dataset:
    """Train to zero loss with a change of settings on the way: numbers of the end, (replica,)."""
    run, training = case.run, ls.training
    return ls.experiments.run_switched(
        run.problem,
        case.switch,
        replicas=run.replicas,
        stop=ls.Stop(max_steps=run.max_steps),
        seed=run.seed,
        record=["signal", training.observables.KernelChange(points=run.probe_points)],
        engine=training.NetworkEngine(noise=run.noise, precision=run.precision, device=case.device),
    )


def out_of_lazy(data: Data) -> str | None:
    """Why trainings are no test of a theory of the lazy regime: kernels have changed, or some are
    unfinished.
    """
    for label, result in data.items():
        change = float(result["kernel_change"].mean())
        if change > LAZY_CHANGE:
            return (
                f"{label}: the tangent kernel has changed by {change:.2f}, more than "
                f"{LAZY_CHANGE:g}"
            )
    return unfinished(data, list(data))


NUMBERS = ("status", "kernel_change", "test_error", "weight_change", "t_star")


@ls.sweep.task()
def train_in_two_orders(run: Course) -> xr.Dataset:
    """Train on the same points in two orders, all else equal: signal and noise of the margins,
    (replica,).

    Batches are places in the training set, which hold other points when its order is reversed.
    Given points and initial weights the two ends have one law: the signal is their mean margin on
    the test points, the noise the root of half their mean square difference there, which is what
    the batches alone have left behind.
    """
    numbers = list(range(run.replicas))
    sets = [run.law.sample(run.seed, number) for number in numbers]
    reversed_sets = [(X[::-1], y[::-1], *test) for X, y, *test in sets]
    result = train(run, sets, keep_weights=True, vary={"data": [sets, reversed_sets]})
    weights = result["final_weights"].values
    ends = np.array(
        [[margins_of(run, n, order[n], *sets[n][2:]) for n in numbers] for order in weights]
    )
    of_both = {name: result[name].values for name in NUMBERS}
    values = {
        "status": of_both["status"].max(axis=0),
        "kernel_change": of_both["kernel_change"].mean(axis=0),
        "signal": ends.mean(axis=(0, 2)),
        "noise": np.sqrt(((ends[0] - ends[1]) ** 2).mean(axis=1) / 2),
        "test_error": of_both["test_error"].mean(axis=0),
        "log_weight_change": np.log(of_both["weight_change"]).mean(axis=0),
        "log_t_star": np.log(of_both["t_star"]).mean(axis=0),
    }
    return ls.dataset.make(
        {name: (("replica",), found, "1") for name, found in values.items()},
        coords={"replica": numbers},
        kind="network_in_two_orders",
        seed=run.seed,
    )


def margins_of(
    run: Course, number: int, weights: np.ndarray, X: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Margins y (f - f0), in units of 1/alpha, of one replica on its test points."""
    import torch

    module = run.network.module(run.seed, number, precision="float64")
    points = torch.from_numpy(X).double()
    with torch.no_grad():
        before = module(points)
        torch.nn.utils.vector_to_parameters(torch.from_numpy(weights), module.parameters())
        change = module(points) - before
    return run.alpha * y * change.numpy()
