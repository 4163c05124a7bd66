"""Training whose settings change on the way.

With the first settings until the switch: until at most a fraction of the points is unfit, or for so
many steps, or whatever comes first. From there with the second settings, from the weights that the
first have left, on the same points. Noise switched on or off like this tells when it acts
(Sclocchi, Geiger and Wyart, arXiv 2301.13703).

Both parts are calls of `langevin_sgd.training.run`. The second has ``start=`` the result of the
first and goes on with its random numbers; that of a perceptron starts from the weights alone, at
step 0 of batches of its own.

Nothing here imports an estimator: a change of how results are evaluated outdates none of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd.checks import as_instance, as_seed, convert_fields, require
from langevin_sgd.models.network_problem import NetworkProblem
from langevin_sgd.models.perceptron import Perceptron
from langevin_sgd.randomness import derive_seed
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.simulation.status import Status
from langevin_sgd.simulation.stop import Stop
from langevin_sgd.training import run
from langevin_sgd.training.network_engine import NetworkEngine
from langevin_sgd.training.perceptron_engine import PerceptronEngine

if TYPE_CHECKING:
    import xarray as xr

    from langevin_sgd.training.dispatch import Engine, Problem

AT_SWITCH = (
    "status",
    "steps",
    "t_star",
    "unfit_fraction",
    "weight_change",
    "norm",
    "signal",
    "noise",
)
"""Numbers of the first part that the result keeps, where there are some, as ``switch_...``."""


@dataclass(frozen=True, kw_only=True)
class Switch:
    """A change of settings on the way.

    Parameters
    ----------
    first, second
        Settings before and after.
    at
        When the change comes: where at most `Stop.unfit` of the points are unfit, after
        `Stop.max_steps` steps at the latest. Linear regression and the one-pass perceptron change
        after exactly that many.

    Raises
    ------
    InputError
        If a field is of another kind.

    Examples
    --------
    >>> loud, quiet = SGD(lr=1.0, batch_size=4), SGD(lr=1.0, batch_size=1024)
    >>> late_noise = Switch(first=quiet, second=loud, at=Stop(unfit=0.1))
    """

    first: SGD
    second: SGD
    at: Stop

    def __post_init__(self) -> None:
        convert_fields(self, {"first": _as_settings, "second": _as_settings, "at": _as_stop})


def _as_settings(name: str, value: Any) -> SGD:
    return as_instance(name, value, SGD)


def _as_stop(name: str, value: Any) -> Stop:
    return as_instance(name, value, Stop)


def run_switched(
    problem: Problem,
    switch: Switch,
    *,
    seed: int,
    replicas: int = 1,
    steps: int | None = None,
    stop: Stop | None = None,
    record: Any = None,
    engine: Engine | None = None,
) -> xr.Dataset:
    """Train with the first settings until the switch, and from there with the second.

    Parameters
    ----------
    problem, replicas, seed, engine
        As in `langevin_sgd.training.run`, of both parts; the seed must be given. A perceptron draws
        its batches after the switch with ``derive_seed(batch_seed, "after the switch")``.
    switch
        Settings, and when they change.
    steps, stop
        As there, of the second part.
    record
        As there, in the second part.

    Returns
    -------
    xarray.Dataset
        The result of the second part; times and counters of steps are those of both. With what the
        first part has left, (replica,) each: ``switch_status``, ``switch_steps``,
        ``switch_t_star``, ``switch_unfit_fraction``, ``switch_weight_change``, ``switch_norm``,
        ``switch_signal``, ``switch_noise``, those that the problem has. A replica that diverges in
        the first part has that status.

    Raises
    ------
    InputError
        If an argument is out of its range, or one that the problem does not take.
    """
    switch, seed = as_instance("switch", switch, Switch), as_seed("seed", seed)
    exact = not isinstance(problem, Perceptron | NetworkProblem)
    require(
        not exact or switch.at.max_steps is not None,
        "switch.at.max_steps",
        switch.at.max_steps,
        "must be given for this problem",
    )
    before = run(
        problem,
        switch.first,
        replicas=replicas,
        seed=seed,
        steps=switch.at.max_steps if exact else None,
        stop=None if exact else switch.at,
        engine=_keeping(engine, problem),
    )
    alone = isinstance(problem, Perceptron)
    after = run(
        problem,
        switch.second,
        replicas=replicas,
        seed=seed,
        steps=steps,
        stop=stop,
        record=record,
        start=before["final_weights"].values if alone else before,
        engine=_other_batches(engine, seed) if alone else engine,
    )
    if alone:
        after = _both(before, after, switch.first.lr)
    kept = {f"switch_{name}": before[name] for name in AT_SWITCH if name in before}
    return after.assign({name: one for name, one in kept.items() if one.dims == ("replica",)})


def _keeping(engine: Engine | None, problem: Problem) -> Engine | None:
    """The engine of the first part: networks must keep their weights."""
    if not isinstance(problem, NetworkProblem):
        return engine
    if engine is None:
        engine = NetworkEngine()
    return replace(engine, keep_weights=True) if isinstance(engine, NetworkEngine) else engine


def _other_batches(engine: Engine | None, seed: int) -> Engine:
    """The engine of a perceptron after the switch: the stop comes at a place that depends on the
    batches, which must not be met again.
    """
    used = PerceptronEngine() if engine is None else engine
    if not isinstance(used, PerceptronEngine):
        return used
    drawn = seed if used.batch_seed is None else used.batch_seed
    return replace(used, batch_seed=derive_seed(drawn, "after the switch"))


def _both(before: xr.Dataset, after: xr.Dataset, lr: float) -> xr.Dataset:
    """The second part of a perceptron's training, with times and counters of both."""
    moved = after["last_update_step"] > 0
    steps = before["steps"]
    counted = {name: before[name] + after[name] for name in ("steps", "updates", "visits")}
    joined = after.assign(counted)
    last = (steps + after["last_update_step"]).where(moved, before["last_update_step"])
    time = (lr * steps + after["t_star"]).where(moved, before["t_star"])
    diverged = before["status"] == Status.DIVERGED
    status = after["status"].where(~diverged, before["status"])
    joined = joined.assign(last_update_step=last, t_star=time, status=status)
    for name in ("last_update_step", "t_star", "status", *counted):
        joined[name] = joined[name].astype(np.asarray(after[name]).dtype)
        joined[name].attrs = after[name].attrs
    return joined
