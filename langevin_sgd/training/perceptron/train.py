r"""SGD on a perceptron until every point is fitted: many replicas, exact stopping times, resumable.

Nothing of a result depends on how the work was cut into slices, threads, or stops and restarts:
random numbers are functions of (seed, replica, step or event), methods are chosen from counts and
never from a clock, and every replica is advanced alone. Replicas that wait for their turn have no
training set in memory yet.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd.checks import InputError, require, require_memory
from langevin_sgd.data.given_points import GivenPoints
from langevin_sgd.kernels.compiled import in_threads, thread_count
from langevin_sgd.models.perceptron import Perceptron
from langevin_sgd.randomness import key_from_seed
from langevin_sgd.record.schedules import as_schedule
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.simulation.checkpoint import Checkpoint, digest
from langevin_sgd.simulation.drive import drive
from langevin_sgd.simulation.engine import Carried
from langevin_sgd.simulation.status import Status
from langevin_sgd.simulation.trajectories import CHUNK_SECONDS
from langevin_sgd.training.batches import require_sampling
from langevin_sgd.training.carried import put_back, require_whole, require_within
from langevin_sgd.training.observables.error_on_fresh_points import as_test_error
from langevin_sgd.training.perceptron.plain import PerceptronRule
from langevin_sgd.training.perceptron.replica import (
    RecordedWeights,
    Replica,
    make_points,
    make_rule,
    require_lengths,
)
from langevin_sgd.training.perceptron.result import make_result
from langevin_sgd.training.perceptron.start import Beginning, batch_seed_of, begin, may_skip
from langevin_sgd.training.perceptron.state import (
    ACCELERATED,
    COUNTERS,
    DIVERGED,
    LEVELS,
    METHOD,
    PLAIN,
    RECORDED,
    STATUS,
    STEP,
    TRAINING,
    of_replica,
)
from langevin_sgd.training.perceptron_engine import PerceptronEngine
from langevin_sgd.training.request import RunRequest

if TYPE_CHECKING:
    import xarray as xr

MOST_STEPS = 2**62
"""Steps of a replica that is never given up."""


def train(request: RunRequest) -> xr.Dataset:
    """Train perceptrons until they fit their points; see `langevin_sgd.training.run`."""
    (variant,) = request.variants
    problem, settings, stop = variant.problem, variant.settings, variant.ending
    engine: PerceptronEngine = request.engine
    seed, replicas = request.seed, len(request.numbers)
    batch_seed = batch_seed_of(request)
    _require_usable(problem, settings, engine.method, stop.unfit)
    test_points = _test_points(problem, request.record)
    steps = np.empty(0, np.int64)
    if request.schedule is not None:
        steps = as_schedule(request.schedule, stop.max_steps or MOST_STEPS)
    _require_memory(problem, settings, replicas, len(steps), test_points)
    provenance: dict[str, Any] = {
        "settings": settings.to_dict(),
        "seed": seed,
        "problem": _description(problem),
        "engine": engine.to_dict() | {"batch_seed": batch_seed},
        "stop": asdict(stop),
        "first_replica": request.numbers[0],
    }
    begun = begin(request, problem, provenance)
    limit = _limit(begun, stop.max_steps)
    provenance["start"] = _start_digest(begun, problem.dimension)
    separable = _require_end(problem, stop.max_steps)
    automatic = engine.method == "auto" and may_skip(provenance)
    training = PerceptronTraining(
        problem,
        settings,
        make_rule(problem, settings, unfit=stop.unfit, automatic=automatic),
        begun,
        RecordedWeights.empty(steps, replicas),
        seeds=(seed, batch_seed),
        first_replica=request.numbers[0],
        max_steps=limit,
        precision=engine.precision,
    )
    file = None
    if request.checkpoint is not None:
        identity = provenance | provenance["engine"] | {"schedule": digest(steps)}
        del identity["engine"]  # what differs is named by its field
        file = Checkpoint(request.checkpoint, identity, kind="perceptron_checkpoint")
    drive(training, checkpoint=file, progress=request.progress)
    states, snapshots = training.states, training.snapshots
    provenance["separable"] = separable
    return make_result(
        problem,
        states,
        snapshots,
        elapsed=begun.elapsed,
        by_events=begun.by_events or (may_skip(provenance) and stop.max_steps is not None),
        test_points=test_points,
        **provenance,
    )


def _limit(begun: Beginning, max_steps: int | None) -> int:
    """Steps of this call after which a replica is given up."""
    made = int(begun.steps.max())
    require(made < MOST_STEPS, "start: steps", made, f"must be less than {MOST_STEPS}")
    most = MOST_STEPS - made
    limit = most if max_steps is None else max_steps
    require(limit <= most, "stop.max_steps", limit, f"must be at most {most}")
    return limit


def _start_digest(begun: Beginning, dimension: int) -> str:
    """Hash of where the replicas begin: of their weights alone where the start is no result."""
    weights = np.ascontiguousarray(begun.states.weights[:, :dimension])
    if begun.elapsed is None:
        return digest(weights)
    return digest(weights, *begun.states, *begun.elapsed)


def _test_points(problem: Perceptron, record: Any) -> int:
    """Points on which the test error is measured, 0 for none."""
    asked = as_test_error("record", record)
    needs_law = "must be left out for given points: there is no law to draw more from"
    require(problem.from_law or asked is None, "record", record, needs_law)
    return 0 if asked is None else asked.points


def _require_usable(problem: Perceptron, settings: SGD, method: str, unfit: float) -> None:
    require_sampling(settings, problem.points, 1)
    plain_only = settings.sampling == "epochs" or unfit > 0
    reason = (
        "needs batches that are independent of one another and stop.unfit = 0; use auto or plain"
    )
    require(not (method == "accelerated" and plain_only), "method", method, reason)


def _require_end(problem: Perceptron, max_steps: int | None) -> bool | None:
    """Whether the points are separable, ``None`` if unknown; if not, a step limit is required."""
    separable = problem.separable()
    if max_steps is None and separable is False:
        raise InputError(
            "data: not separable by any weights, "
            "so training would not end; give stop=Stop(max_steps=...)"
        )
    return separable


def _require_memory(
    problem: Perceptron, settings: SGD, replicas: int, recorded: int, test_points: int
) -> None:
    """Raise `InputError` where states, points or batches cannot fit, each by a lower bound."""
    row = 8.0 * problem.dimension
    require_memory(
        "replicas", replicas, replicas * ((LEVELS + 2) * row + 24.0 * recorded + 8 * COUNTERS)
    )
    require_memory("points", problem.points, problem.points * row)
    require_memory("record: TestError.points", test_points, test_points * row)
    require_memory("batch_size", settings.batch_size, 8.0 * settings.batch_size)


def _description(problem: Perceptron) -> dict[str, Any]:
    data = problem.data
    law = {"digest": digest(data.X, data.y)} if isinstance(data, GivenPoints) else asdict(data)
    return {"margin": float(problem.margin), "data": type(data).__name__, **law}


class PerceptronTraining:
    """All replicas of a run: those that wait, those on their way, those that have ended.

    A `langevin_sgd.simulation.engine.Workload`. In a round every thread takes replicas from the
    head of the queue and trains them until time is up; what is recorded has its place in the arrays
    of the state, none of which grows with the run.
    """

    unit = "replica"
    keep_every = 0.0

    def __init__(
        self,
        problem: Perceptron,
        settings: SGD,
        rule: PerceptronRule,
        begun: Beginning,
        snapshots: RecordedWeights,
        *,
        seeds: tuple[int, int],
        first_replica: int,
        max_steps: int,
        precision: str,
    ) -> None:
        self.states, self.snapshots = begun.states, snapshots
        self.total, self._begun = len(begun.steps), begun.steps
        lost = self.states.counters[:, STATUS] == DIVERGED
        snapshots.unfit[lost] = problem.points
        self._waiting: deque[int] | None = None
        self._running: dict[int, Replica] = {}
        self._problem, self._settings, self._rule = problem, settings, rule
        self._seed, self._key = seeds[0], key_from_seed(seeds[1])
        self._first_replica, self._max_steps, self._precision = first_replica, max_steps, precision
        self._shared = None if problem.from_law else make_points(problem, 0, 0, precision)
        if self._shared is not None:
            require_lengths(self._shared, problem, precision)

    @property
    def done(self) -> int:
        """Number of replicas whose training has ended."""
        return int((self.states.counters[:, STATUS] != TRAINING).sum())

    def advance(self, *, keeping: bool = False) -> None:
        """Train for about `CHUNK_SECONDS`, one thread to a replica."""
        if self._waiting is None:
            going = np.flatnonzero(self.states.counters[:, STATUS] == TRAINING)
            self._waiting = deque(going.tolist())
        work = partial(self._work, self._waiting, time.perf_counter() + CHUNK_SECONDS)
        in_threads(work, range(min(len(self._waiting), thread_count())))

    def _work(self, waiting: deque[int], deadline: float, _: int) -> None:
        """Train replicas from the head of the queue until time is up; unfinished ones go back."""
        while waiting and time.perf_counter() < deadline:
            try:
                r = waiting.popleft()
            except IndexError:  # another thread took the last one
                return
            replica = self._running.get(r) or self._begin(r)
            self._running[r] = replica
            if replica.advance(self.snapshots, r, deadline):
                del self._running[r]
            else:
                waiting.appendleft(r)

    def _begin(self, r: int) -> Replica:
        number = self._first_replica + r
        points = self._shared or make_points(self._problem, self._seed, number, self._precision)
        state = of_replica(self.states, r)
        steps = int(self._begun[r]), self._max_steps
        return Replica(points, self._rule, self._settings, state, self._key, number, steps)

    def carried(self) -> Carried:
        """Copies of all arrays that change."""
        arrays = self.states._asdict() | self.snapshots.recorded()
        return Carried(self.done, {name: array.copy() for name, array in arrays.items()})

    def plan(self, done: int) -> dict[str, Any]:
        """Nothing that is not part of the identity of a run."""
        return {}

    def restore(self, carried: Carried) -> None:
        """Take up the arrays of a checkpoint.

        Raises
        ------
        InputError
            If they are not those of this run.
        """
        put_back(self.states._asdict() | self.snapshots.recorded(), carried.arrays)
        counters, schedule = self.states.counters, self.snapshots.steps
        require_within("status", counters[:, STATUS], TRAINING, max(Status))
        require_within("method", counters[:, METHOD], PLAIN, ACCELERATED)
        require_within("steps", counters[:, STEP], 0, int(self._begun.max()) + self._max_steps)
        training = counters[:, STATUS] == TRAINING
        made, records = (counters[:, STEP] - self._begun)[training], counters[training, RECORDED]
        least, most = (np.searchsorted(schedule, made, side=side) for side in ("left", "right"))
        fits = (least <= records) & (records <= most)
        require_whole(bool(fits.all()), "its steps and its records do not fit together")
        unended = self.states.weights[counters[:, STATUS] != DIVERGED]
        require_whole(
            bool(np.isfinite(unended).all() and np.isfinite(self.states.levels).all()),
            "NaN in a state",
        )
