"""How a training begins: from weights, or where an earlier result has left its replicas.

Plain steps go on from the weights and the counts of a result: batches are functions of the step,
epochs go on in their middle. Steps by events also need what `STATE` names; results of runs with a
step limit hold it. It is taken up whole, bit for bit, under the same settings and method; under
others events are only counted on, so that none is drawn twice, and the method begins anew. An event
that was drawn but not reached is then dropped: waiting times have no memory, the law is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from langevin_sgd.checks import InputError, as_array, as_integers, require
from langevin_sgd.kernels.layout import padded
from langevin_sgd.models.perceptron import Perceptron
from langevin_sgd.simulation.beginning import as_start
from langevin_sgd.simulation.earlier import (
    is_result,
    kept,
    provenance_of_start,
    require_equal,
    require_same_replicas,
)
from langevin_sgd.simulation.status import Status
from langevin_sgd.training.perceptron.state import (
    ACCELERATED,
    ARRIVAL,
    COUNTERS,
    DIVERGED,
    EVENT,
    LAST_UPDATE,
    LEVELS,
    MARK_STEP,
    MARK_UPDATES,
    METHOD,
    NUMBERS,
    PLAIN,
    RECORDED,
    STATUS,
    STEP,
    TRAINING,
    UNFIT,
    UPDATES,
    VISITS,
    PerceptronState,
    new_states,
)
from langevin_sgd.training.request import RunRequest

if TYPE_CHECKING:
    import xarray as xr

COUNTED = {
    "steps": STEP,
    "last_update_step": LAST_UPDATE,
    "updates": UPDATES,
    "visits": VISITS,
}
"""Variable of a result -> counter of which it is."""
STATE = ("final_counters", "final_references", "final_levels")
"""Variables that hold what steps by events go on with, beside the weights."""


class Elapsed(NamedTuple):
    """Steps of earlier calls with other learning rates, (replica,) each."""

    steps: np.ndarray
    """Steps made with them."""
    time: np.ndarray
    """Sum of lr over these steps."""
    t_star: np.ndarray
    """Time of the last step that changed the weights before this call."""


class Beginning(NamedTuple):
    """Where all replicas begin."""

    states: PerceptronState
    steps: np.ndarray
    """(replica,) steps made before this call."""
    elapsed: Elapsed | None
    """``None`` where the start is no result."""
    by_events: bool
    """Whether earlier calls have made steps by events, which are to be counted on."""


def may_skip(told: Mapping[str, Any]) -> bool:
    """Whether a run of this provenance may make steps by events."""
    plain_only = told["settings"]["sampling"] == "epochs" or told["stop"]["unfit"] > 0
    return not plain_only and told["engine"]["method"] != "plain"


def batch_seed_of(request: RunRequest) -> int:
    """Seed of the batches: that of the engine, else that of the start, else that of the run."""
    given: int | None = request.engine.batch_seed
    if given is None and is_result(request.start):
        engine = provenance_of_start(request.start, "perceptron_run").get("engine")
        earlier = engine.get("batch_seed") if isinstance(engine, dict) else None
        given = earlier if isinstance(earlier, int) else None
    return request.seed if given is None else given


def begin(request: RunRequest, problem: Perceptron, told: Mapping[str, Any]) -> Beginning:
    """Return where the replicas begin.

    Parameters
    ----------
    request, problem
        Of this call.
    told
        Its provenance.

    Raises
    ------
    InputError
        If the start is not of the right shape, or a result from which this run cannot go on.
    """
    replicas, start = len(request.numbers), request.start
    method = ACCELERATED if told["engine"]["method"] == "accelerated" else PLAIN
    if not is_result(start):
        weights = as_start("start", start, replicas, problem.dimension)
        return Beginning(new_states(weights, method), np.zeros(replicas, np.int64), None, False)
    stored = provenance_of_start(start, "perceptron_run")
    require_same_replicas(start, request.numbers)
    _require_same_points(stored, told)
    _require_fresh_shuffles(stored, told)
    shape = replicas, problem.dimension
    weights = as_array(
        "start: final_weights", kept(start, "final_weights"), shape=shape, finite=False
    )
    states = new_states(weights, method)
    for name, place in COUNTED.items():
        states.counters[:, place] = _whole(start, name, minimum=0)
    _take_up_events(states, start, stored, told)
    lost = _whole(start, "status", minimum=0) == Status.DIVERGED
    finite = np.isfinite(weights).all(axis=1)
    require(bool((finite | lost).all()), "start: final_weights", weights, "must be finite numbers")
    states.counters[lost, STATUS], states.counters[lost, UNFIT] = DIVERGED, problem.points
    steps = states.counters[:, STEP].copy()
    by_events = all(name in start for name in STATE)
    return Beginning(states, steps, _elapsed(start, stored, told, steps), by_events)


def _require_same_points(stored: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    """Raise `InputError` for a result of other replicas, or for one that does not say."""
    mend = 'give start=result["final_weights"].values and another PerceptronEngine.batch_seed'
    if "vary" in stored:
        raise InputError(f"start = one variant of a result: give all of them with vary, or {mend}")
    try:
        may_skip(stored)
        float(stored["settings"]["lr"])
        precision = stored["engine"]["precision"]
    except (KeyError, TypeError, ValueError):
        raise InputError(f"start = a result that does not say how it was made: {mend}") from None
    for what, theirs, ours in (
        ("seed", stored.get("seed"), told["seed"]),
        ("problem", stored.get("problem"), told["problem"]),
        ("precision", precision, told["engine"]["precision"]),
    ):
        require_equal(what, theirs, ours, mend=f"; {mend}")


def _require_fresh_shuffles(stored: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    """Raise `InputError` for epochs whose numbers may have been those of batches before.

    Shuffles are functions of the number of the epoch, which falls behind that of the step.
    """
    theirs, ours = stored["settings"], told["settings"]
    same = all(theirs.get(name) == ours[name] for name in ("sampling", "batch_size"))
    require(
        same or ours["sampling"] != "epochs",
        "sampling",
        ours["sampling"],
        "goes on from epochs of the same batch_size only; give these, or "
        'start=result["final_weights"].values and another PerceptronEngine.batch_seed',
    )


def _whole(start: xr.Dataset, name: str, *, minimum: int, ndim: int = 1) -> np.ndarray:
    return as_integers(f"start: {name}", kept(start, name), ndim=ndim, minimum=minimum)


def _take_up_events(
    states: PerceptronState,
    start: xr.Dataset,
    stored: Mapping[str, Any],
    told: Mapping[str, Any],
) -> None:
    """Go on with the method where it was, or begin it anew behind the events that are used up.

    Raises
    ------
    InputError
        If a replica is on its way by events and the result does not hold its state.
    """
    counters = states.counters
    counters[:, MARK_STEP] = counters[:, STEP]
    counters[:, MARK_UPDATES] = counters[:, UPDATES]
    unended = bool((_whole(start, "status", minimum=0) == Status.STEP_LIMIT).any())
    if not any(name in start for name in STATE) and not (unended and may_skip(stored)):
        return
    replicas, _, columns = states.references.shape
    theirs = _whole(start, "final_counters", minimum=-1, ndim=2)
    fits = theirs.shape == counters.shape
    require(fits, "start: final_counters", theirs, f"must have shape ({replicas}, {COUNTERS})")
    methods = bool(np.isin(theirs[:, METHOD], (PLAIN, ACCELERATED)).all())
    require(methods, "start: final_counters", theirs, "must hold methods that there are")
    alike = (
        stored["settings"] == told["settings"]
        and stored["engine"]["method"] == told["engine"]["method"]
        and may_skip(stored)
        and may_skip(told)
    )
    if not alike:
        counters[:, EVENT] = theirs[:, EVENT] + (theirs[:, ARRIVAL] > 0)
        return
    counted = counters[:, list(COUNTED.values())].copy()
    counters[:] = theirs
    counters[:, list(COUNTED.values())] = counted
    counters[:, STATUS], counters[:, RECORDED] = TRAINING, 0
    parameters = start["final_weights"].shape[-1]
    references = as_array(
        "start: final_references",
        kept(start, "final_references"),
        shape=(replicas, LEVELS, parameters),
    )
    levels = kept(start, "final_levels")
    states.references[:] = padded(references.reshape(-1, parameters)).reshape(
        replicas, LEVELS, columns
    )
    states.levels[:] = as_array("start: final_levels", levels, shape=(replicas, LEVELS, NUMBERS))


def _elapsed(
    start: xr.Dataset, stored: Mapping[str, Any], told: Mapping[str, Any], steps: np.ndarray
) -> Elapsed:
    """Return the time up to where the present learning rate began, or begins."""
    shape = steps.shape
    t_star = as_array("start: t_star", kept(start, "t_star"), shape=shape, finite=False)
    before, time = np.zeros(len(steps), np.int64), np.zeros(len(steps))
    if "time_before" in start:
        before = _whole(start, "steps_before", minimum=0)
        time = as_array("start: time_before", kept(start, "time_before"), shape=shape, finite=False)
    lr = float(stored["settings"]["lr"])
    if lr == told["settings"]["lr"]:
        return Elapsed(before, time, t_star)
    with np.errstate(over="ignore", under="ignore"):
        return Elapsed(steps, time + lr * (steps - before), t_star)
