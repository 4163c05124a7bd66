"""The dataset of a finished training."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd import dataset
from langevin_sgd.data import DepletedSign
from langevin_sgd.models.perceptron import Perceptron
from langevin_sgd.randomness import derive_seed
from langevin_sgd.simulation.status import Status, flags
from langevin_sgd.training.perceptron.replica import RecordedWeights
from langevin_sgd.training.perceptron.start import STATE, Elapsed
from langevin_sgd.training.perceptron.state import (
    DIVERGED,
    FITTED,
    LAST_UPDATE,
    STATUS,
    STEP,
    UNFIT,
    UPDATES,
    VISITS,
    PerceptronState,
)

if TYPE_CHECKING:
    import xarray as xr


def make_result(
    problem: Perceptron,
    states: PerceptronState,
    snapshots: RecordedWeights,
    /,
    *,
    elapsed: Elapsed | None,
    by_events: bool,
    test_points: int,
    **provenance: Any,
) -> xr.Dataset:
    """Build the dataset of perceptrons that `langevin_sgd.training.run` describes.

    Parameters
    ----------
    problem, states, snapshots
        What was trained, its end, and what was recorded on the way.
    elapsed
        Steps of earlier calls, if there are any.
    by_events
        Whether the state is kept with which steps by events go on.
    test_points
        Points on which the test error is measured, 0 for none.
    """
    counters = states.counters
    status = counters[:, STATUS].astype(np.int8)
    if provenance["stop"]["unfit"]:
        status[status == FITTED] = Status.REACHED
    weights = states.weights[:, : problem.dimension].copy()
    times = _times(counters[:, LAST_UPDATE], provenance["settings"]["lr"], elapsed)
    variables: dict[str, dataset.Variable] = {
        "t_star": (("replica",), np.where(np.isfinite(times), times, np.nan), "lr * step"),
        "norm": (("replica",), np.linalg.norm(weights, axis=1), "w"),
        "final_weights": (("replica", "parameter"), weights, "w"),
        "status": (("replica",), status, "1"),
        "unfit": (("replica",), counters[:, UNFIT].copy(), "1"),
        "unfit_fraction": (("replica",), counters[:, UNFIT] / problem.points, "1"),
    }
    for name, number in (
        ("last_update_step", LAST_UPDATE),
        ("updates", UPDATES),
        ("visits", VISITS),
        ("steps", STEP),
    ):
        variables[name] = (
            ("replica",),
            counters[:, number].copy(),
            "step" if "step" in name else "1",
        )
    if elapsed is not None:
        variables["steps_before"] = (("replica",), elapsed.steps, "step")
        variables["time_before"] = (("replica",), elapsed.time, "lr * step")
    if by_events:
        variables |= _state_by_events(states, problem.dimension, provenance["stop"]["unfit"])
    if problem.from_law:
        for name, values in zip(
            ("signal", "noise"), problem.signal_and_noise(weights), strict=True
        ):
            variables[name] = (("replica",), values, "w")
    coords = {"replica": np.arange(len(weights)) + provenance["first_replica"]}
    if len(snapshots.steps):
        variables |= _recorded(problem, snapshots)
        coords["step"] = snapshots.steps
    if test_points and isinstance(problem.data, DepletedSign):
        errors = [
            _sample_test_error(problem.data, w, test_points, provenance["seed"], number)
            for w, number in zip(weights, coords["replica"].tolist(), strict=True)
        ]
        variables["sample_test_error"] = (("replica",), np.array(errors), "1")
    made = dataset.make(variables, coords=coords, kind="perceptron_run", **provenance)
    made["status"].attrs.update(flags())
    return made


def _times(last_update: np.ndarray, lr: float, elapsed: Elapsed | None) -> np.ndarray:
    """Times of the last updates, (replica,): those made with another learning rate keep theirs."""
    with np.errstate(over="ignore", under="ignore"):
        if elapsed is None:
            return lr * last_update
        since = last_update - elapsed.steps
        return np.where(since > 0, elapsed.time + lr * since, elapsed.t_star)


def _state_by_events(
    states: PerceptronState, dimension: int, unfit: float
) -> dict[str, dataset.Variable]:
    """What steps by events go on with; zero of replicas that never go on."""
    status = states.counters[:, STATUS]
    ended = (status == DIVERGED) | ((status == FITTED) & (unfit == 0))
    going = ~ended[:, None]
    values = (
        states.counters * going,
        states.references[..., :dimension] * going[..., None],
        states.levels * going[..., None],
    )
    second = (("counter",), ("level", "parameter"), ("level", "number"))
    return {
        name: (("replica", *dims), one, "w" if "parameter" in dims else "1")
        for name, dims, one in zip(STATE, second, values, strict=True)
    }


def _recorded(problem: Perceptron, snapshots: RecordedWeights) -> dict[str, dataset.Variable]:
    first, rest = snapshots.first.T, snapshots.rest.T
    columns = {
        "recorded_norm": (np.hypot(first, rest), "w"),
        "recorded_unfit_fraction": (snapshots.unfit.T / problem.points, "1"),
    }
    if problem.from_law:
        scale = math.sqrt(problem.dimension)
        columns |= {"recorded_signal": (first / scale, "w"), "recorded_noise": (rest / scale, "w")}
    return {name: (("step", "replica"), values, unit) for name, (values, unit) in columns.items()}


def _sample_test_error(
    law: DepletedSign, w: np.ndarray, points: int, seed: int, number: int
) -> float:
    """Fraction of a fresh sample on the wrong side."""
    X, y = replace(law, points=points).sample(derive_seed(seed, "test"), number)
    return float(np.mean(y * (X @ w) <= 0.0))
