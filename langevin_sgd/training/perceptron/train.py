r"""SGD on a perceptron until every point is fitted: many replicas, exact stopping times, resumable.

Nothing of a result depends on how the work was cut into slices, threads, or stops and restarts:
random numbers are functions of (seed, replica, step or event), methods are chosen from counts and
never from a clock, and every replica is advanced alone. Replicas that wait for their turn have no
training set in memory yet.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from langevin_sgd.checks import (
    LARGEST_COUNT,
    InputError,
    as_choice,
    as_count,
    as_flag,
    as_fraction,
    as_instance,
    as_seed,
    require,
    require_memory,
)
from langevin_sgd.data import GivenPoints
from langevin_sgd.kernels.compiled import in_threads, thread_count
from langevin_sgd.models.perceptron import Perceptron
from langevin_sgd.randomness import key_from_seed
from langevin_sgd.record import as_schedule
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.simulation.beginning import as_start, resolve_seed
from langevin_sgd.simulation.checkpoint import Checkpoint, as_path, digest
from langevin_sgd.simulation.drive import drive
from langevin_sgd.simulation.engine import Carried
from langevin_sgd.simulation.trajectories import CHUNK_SECONDS
from langevin_sgd.training.batches import require_sampling
from langevin_sgd.training.carried import put_back, require_whole, require_within
from langevin_sgd.training.perceptron.plain import Rule
from langevin_sgd.training.perceptron.replica import (
    Replica,
    Snapshots,
    make_points,
    make_rule,
    require_lengths,
)
from langevin_sgd.training.perceptron.result import make_result
from langevin_sgd.training.perceptron.state import (
    ACCELERATED,
    COUNTERS,
    DIVERGED,
    LEVELS,
    METHOD,
    PLAIN,
    RECORDED,
    STATUS,
    STATUSES,
    STEP,
    TRAINING,
    State,
    new_states,
    of_replica,
)

if TYPE_CHECKING:
    import xarray as xr

Method = Literal["auto", "plain", "accelerated"]
MOST_STEPS = 2**62
"""Steps of a replica that is never given up."""


def train_perceptron(
    problem: Perceptron,
    settings: SGD,
    *,
    replicas: int = 1,
    seed: int | None = None,
    batch_seed: int | None = None,
    method: Method = "auto",
    max_steps: int | None = None,
    schedule: Sequence[int] | np.ndarray | None = None,
    start: np.ndarray | None = None,
    stop_unfit: float = 0.0,
    precision: Literal["float64", "float32"] = "float64",
    test_points: int = 0,
    first_replica: int = 0,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> xr.Dataset:
    r"""Train perceptrons until they fit their points.

    Parameters
    ----------
    problem
        The points, or their law, and the margin.
    settings
        Learning rate, batch size and sampling; plain SGD only. Batches of all points without
        replacement are gradient descent, without any random number.
    replicas
        Independent repetitions: of a law each with a training set of its own.
    seed
        0 ... 2**128 - 1; by default fresh entropy (or that of the checkpoint), kept in the
        provenance.
    batch_seed
        Seed of the batches alone, for other batches on the same training sets; `seed` by default.
    method
        ``plain`` makes every step. ``accelerated`` skips the steps in which nothing can change, by
        certificates, and has the same law (not the same path); it is for zero loss, and not for
        sampling by epochs. ``auto`` begins plainly and changes when counts of the work say that it
        pays.
    max_steps
        Steps after which a replica is given up; none by default, which data that are not separable
        need.
    schedule
        Increasing steps to record at; after the end of its training a replica stays as it is.
        Nothing by default.
    start
        (parameter,) or (replica, parameter) weights to start from; zeros by default.
    stop_unfit
        Fraction of the points, 0 <= fraction < 1: training stops with the first step that leaves at
        most this fraction unfit. 0 by default, zero loss.
    precision
        How rows are stored; weights and sums are float64 in either case.
    test_points
        Points of a fresh sample of the law, on which the test error is measured; none by default.
    first_replica
        Number of the first replica: replica r of a long run can be had alone by ``first_replica=r,
        replicas=1``.
    checkpoint
        A netCDF file, written every few seconds, at an interruption and at the end; one of the same
        run is continued, bit for bit as if never interrupted.
    progress
        Show a progress bar, if standard error is a terminal.

    Returns
    -------
    xarray.Dataset
        Over ``replica``: ``t_star``, lr times the last step that changed the weights (so far, if
        censored); ``last_update_step``, that step, counted from 1, 0 if none; ``updates``, steps
        that changed the weights; ``visits``, unfit points in them; ``steps`` made; ``signal``
        w_1/sqrt(d) and ``noise`` ||w_2...d||/sqrt(d) (of a law only); ``norm`` ||w||; ``unfit``,
        number of unfit points; ``status``, 0 fitted, 1 step_limit, 2 not_separable (as 1, and known
        not to be separable), 3 diverged: all but 0 are censored; ``weights`` (replica, parameter),
        NaN where diverged. With a schedule also, over (step, replica), ``recorded_signal``,
        ``recorded_noise``, ``recorded_norm`` and ``recorded_unfit_fraction``. With `test_points`,
        ``sample_test_error`` (replica,), the fraction with y f <= 0.

    Raises
    ------
    InputError
        If an argument is out of range, the data are known not to be separable and `max_steps` is
        not given, or the checkpoint belongs to another run.

    References
    ----------
    Sclocchi, Geiger and Wyart, arXiv 2301.13703 (the model); Rosenblatt's and Novikoff's bound on
    the number of updates holds: with batches of one, updates <= (R^2 + 2 margin/lr) / mu^2.

    Examples
    --------
    >>> from langevin_sgd.data import DepletedSign
    >>> problem = Perceptron(data=DepletedSign(points=64, dimension=8), margin=0.1)
    >>> runs = train_perceptron(problem, SGD(lr=1.0, batch_size=1), replicas=3, seed=1)
    >>> runs["unfit"].values.tolist(), runs["status"].values.tolist()
    ([0, 0, 0], [0, 0, 0])
    """
    problem, settings = (
        as_instance("problem", problem, Perceptron),
        as_instance("settings", settings, SGD),
    )
    replicas = as_count("replicas", replicas)
    first_replica = as_count("first_replica", first_replica, 0, LARGEST_COUNT - replicas)
    test_points = as_count("test_points", test_points, minimum=0)
    needs_law = "must be 0 for given points: there is no law to draw more from"
    require(problem.from_law or test_points == 0, "test_points", test_points, needs_law)
    method = as_choice("method", method, ("auto", "plain", "accelerated"))
    precision = as_choice("precision", precision, ("float64", "float32"))
    stop_unfit, progress = as_fraction("stop_unfit", stop_unfit), as_flag("progress", progress)
    limit = (
        MOST_STEPS if max_steps is None else as_count("max_steps", max_steps, maximum=MOST_STEPS)
    )
    max_steps = None if max_steps is None else limit
    path = as_path(checkpoint)
    seed = resolve_seed(seed, path)
    batch_seed = seed if batch_seed is None else as_seed("batch_seed", batch_seed)
    _require_usable(problem, settings, method, stop_unfit)
    steps = np.empty(0, np.int64) if schedule is None else as_schedule(schedule, limit)
    _require_memory(problem, settings, replicas, len(steps), test_points)
    weights = as_start("start", start, replicas, problem.dimension)
    provenance = {
        "settings": settings.to_dict(),
        "seed": seed,
        "batch_seed": batch_seed,
        "problem": _description(problem),
        "method": method,
        "max_steps": max_steps,
        "stop_unfit": stop_unfit,
        "precision": precision,
        "start": digest(weights),
        "first_replica": first_replica,
    }
    automatic = method == "auto" and settings.sampling != "epochs" and stop_unfit == 0
    training = PerceptronTraining(
        problem,
        settings,
        make_rule(problem, settings, stop_unfit=stop_unfit, automatic=automatic),
        new_states(weights, ACCELERATED if method == "accelerated" else PLAIN),
        Snapshots.empty(steps, replicas),
        seeds=(seed, batch_seed),
        first_replica=first_replica,
        max_steps=limit,
        precision=precision,
    )
    separable = _require_end(problem, max_steps)
    shown = progress and sys.stderr.isatty()
    file = None
    if path is not None:
        identity = provenance | {"schedule": digest(steps)}
        file = Checkpoint(path, identity, kind="perceptron_checkpoint")
    drive(training, checkpoint=file, progress=shown)
    states, snapshots = training.states, training.snapshots
    return make_result(
        problem, states, snapshots, separable=separable, test_points=test_points, **provenance
    )


def require_plain_sgd(settings: SGD) -> None:
    """Raise `InputError` for momentum, weight decay or dampening."""
    for name in ("momentum", "weight_decay", "dampening"):
        require(
            getattr(settings, name) == 0,
            name,
            getattr(settings, name),
            "must be 0: the perceptron has plain SGD",
        )


def _require_usable(problem: Perceptron, settings: SGD, method: str, stop_unfit: float) -> None:
    require_plain_sgd(settings)
    require_sampling(settings, problem.points, 1)
    plain_only = settings.sampling == "epochs" or stop_unfit > 0
    reason = (
        "needs batches that are independent of one another and stop_unfit = 0; use auto or plain"
    )
    require(not (method == "accelerated" and plain_only), "method", method, reason)


def _require_end(problem: Perceptron, max_steps: int | None) -> bool | None:
    """Whether the points are separable, ``None`` if not known; if not, there must be a step
    limit.
    """
    separable = problem.separable()
    if max_steps is None and separable is False:
        raise InputError(
            "data: not separable by any weights, so training would not end; give max_steps"
        )
    return separable


def _require_memory(
    problem: Perceptron, settings: SGD, replicas: int, recorded: int, test_points: int
) -> None:
    """Raise `InputError` where states, points or batches need more than there is, each by a lower
    bound.
    """
    row = 8.0 * problem.dimension
    require_memory(
        "replicas", replicas, replicas * ((LEVELS + 2) * row + 24.0 * recorded + 8 * COUNTERS)
    )
    require_memory("points", problem.points, problem.points * row)
    require_memory("test_points", test_points, test_points * row)
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
        rule: Rule,
        states: State,
        snapshots: Snapshots,
        *,
        seeds: tuple[int, int],
        first_replica: int,
        max_steps: int,
        precision: str,
    ) -> None:
        self.states, self.snapshots = states, snapshots
        self.total = len(states.weights)
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
        """Take replicas from the head of the queue until time is up; one that has not ended goes
        back there.
        """
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
        return Replica(
            points, self._rule, self._settings, state, self._key, number, self._max_steps
        )

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
        require_within("status", counters[:, STATUS], TRAINING, len(STATUSES) - 1)
        require_within("method", counters[:, METHOD], PLAIN, ACCELERATED)
        require_within("steps", counters[:, STEP], 0, self._max_steps)
        training = counters[counters[:, STATUS] == TRAINING]
        least, most = (
            np.searchsorted(schedule, training[:, STEP], side=side) for side in ("left", "right")
        )
        fits = (least <= training[:, RECORDED]) & (training[:, RECORDED] <= most)
        require_whole(bool(fits.all()), "its steps and its records do not fit together")
        unended = self.states.weights[counters[:, STATUS] != DIVERGED]
        require_whole(
            bool(np.isfinite(unended).all() and np.isfinite(self.states.levels).all()),
            "NaN in a state",
        )
