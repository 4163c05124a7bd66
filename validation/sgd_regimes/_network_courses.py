"""Networks on their way: trainings in two orders, with Langevin noise, and with noise that is
switched on or off.

Replica r has the same points and initial weights wherever it appears with the same seed, so that
differences between treatments are taken replica by replica.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from langevin_sgd.validation.sgd_regimes._network_lines import Data, unfinished
from langevin_sgd.validation.sgd_regimes._networks import KERNEL, NetworkRun, train

import langevin_sgd as ls

LAZY_CHANGE = 0.1
"""Relative change of the tangent kernel up to which training counts as lazy."""


SIGNAL_AND_KERNEL = ("signal", KERNEL)


@dataclass(frozen=True, kw_only=True)
class SwitchedCourse:
    """A training that changes its settings on the way.

    Parameters
    ----------
    switch
        Settings before and after, and when they change, which is looked at every few steps.
    problem, stop, record, engine, replicas, seed, device
        Of `NetworkRun`.
    """

    problem: ls.NetworkProblem
    switch: ls.experiments.Switch
    stop: ls.Stop
    record: tuple[Any, ...]
    engine: ls.training.NetworkEngine
    replicas: int
    seed: int
    device: str = "cpu"

    @classmethod
    def of(cls, run: NetworkRun, switch: ls.experiments.Switch) -> SwitchedCourse:
        """The training of a run, with the settings of a switch instead of its own."""
        return cls(
            problem=run.problem,
            switch=switch,
            stop=run.stop,
            record=run.record,
            engine=run.engine,
            replicas=run.replicas,
            seed=run.seed,
        )


@ls.sweep.task()
def train_switched(case: SwitchedCourse) -> xr.Dataset:
    """Train to zero loss with a change of settings on the way: numbers of the end, (replica,)."""
    return ls.experiments.run_switched(
        case.problem,
        case.switch,
        replicas=case.replicas,
        stop=case.stop,
        seed=case.seed,
        record=case.record,
        engine=replace(case.engine, device=case.device),
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
def train_in_two_orders(run: NetworkRun) -> xr.Dataset:
    """Train on the same points in two orders, all else equal: signal and noise of the margins,
    (replica,).

    Batches are places in the training set, which hold other points when its order is reversed.
    Given points and initial weights the two ends have one law: the signal is their mean margin on
    the test points, the noise the root of half their mean square difference there, which is what
    the batches alone have left behind.
    """
    numbers = list(range(run.replicas))
    sets = [run.images.sample(run.seed, number) for number in numbers]
    reversed_sets = [(X[::-1], y[::-1], *test) for X, y, *test in sets]
    with_weights = replace(run, engine=replace(run.engine, keep_weights=True))
    result = train(with_weights, vary={"data": [sets, reversed_sets]})
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
    run: NetworkRun, number: int, weights: np.ndarray, X: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Margins y (f - f0), in units of 1/alpha, of one replica on its test points."""
    import torch

    module = run.problem.network.module(run.seed, number, precision="float64")
    points = torch.from_numpy(X).double()
    with torch.no_grad():
        before = module(points)
        torch.nn.utils.vector_to_parameters(torch.from_numpy(weights), module.parameters())
        change = module(points) - before
    return run.problem.alpha * y * change.numpy()
