r"""Real SGD on a problem of linear regression: many replicas, recorded on a schedule, resumable.

Nothing of a result depends on how a run was cut into chunks, pieces for threads, or stops and
restarts: random numbers are functions of (seed, replica, step), and every replica is advanced
alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from langevin_sgd.checks import require_memory
from langevin_sgd.kernels.compiled import in_threads
from langevin_sgd.kernels.layout import even_ranges, padded
from langevin_sgd.models.linear_regression import LinearRegression
from langevin_sgd.randomness import key_from_seed
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.simulation.beginning import require_fresh_numbers, require_steps, start_of_run
from langevin_sgd.simulation.checkpoint import Checkpoint, digest
from langevin_sgd.simulation.drive import drive
from langevin_sgd.simulation.engine import Arrays, Engine
from langevin_sgd.simulation.memory import require_room
from langevin_sgd.simulation.recording import Recording
from langevin_sgd.simulation.result import result
from langevin_sgd.simulation.timetable import Timetable
from langevin_sgd.simulation.trajectories import Trajectories
from langevin_sgd.training.batches import Sampler, make_sampler
from langevin_sgd.training.problems import make_rule, make_source, require_samples
from langevin_sgd.training.request import RunRequest
from langevin_sgd.training.steps import Buffer, RegressionState, advance

if TYPE_CHECKING:
    import xarray as xr

PIECES = 32
"""Pieces, at most, into which replicas are cut for the threads."""


def train(request: RunRequest) -> xr.Dataset:
    """Make the steps of all replicas; see `langevin_sgd.training.run`."""
    ((problem, settings, _),) = request.variants
    steps, seed, first_replica = request.steps, request.seed, request.numbers[0]
    assert steps is not None
    replicas = len(request.numbers)
    require_memory("replicas", replicas, 8 * 10 * replicas * problem.parameters)
    require_fresh_numbers(request.start, seed=seed, steps=steps)
    begin = start_of_run(
        request.start, kind="sgd_run", numbers=request.numbers, parameters=problem.parameters
    )
    require_steps(begin.first_step, steps)
    recording = Recording.begin(request.record, begin.position)
    accumulating = bool(recording.accumulators)
    timetable = Timetable.planned(request.schedule, steps, accumulating=accumulating)
    require_room(recording, timetable, begin.velocity)
    names = recording.variable_names(begin.velocity)
    engine = LinearRegressionEngine(
        problem,
        settings,
        seed,
        first_replica,
        begin.position,
        begin.velocity,
        at_rest=begin.at_rest,
        first_step=begin.first_step,
    )
    provenance = {"settings": settings.to_dict(), "seed": seed, "first_step": begin.first_step}
    file = None
    if request.checkpoint is not None:
        identity = provenance | {
            "first_replica": first_replica,
            "problem": _problem_digest(problem),
            "start": digest(begin.position, begin.velocity) + begin.at_rest * " at rest",
            "record": names,
        }
        file = Checkpoint(request.checkpoint, identity, kind="sgd_checkpoint")
    trajectories = Trajectories(engine, recording, timetable, steps)
    drive(trajectories, checkpoint=file, progress=request.progress)
    return result(
        trajectories, first_replica=first_replica, kind="sgd_run", **provenance, steps=steps
    )


class LinearRegressionEngine(Engine):
    """All replicas of a run, advanced in place of one another.

    Parameters
    ----------
    problem, settings, seed, first_replica
        Of the run.
    position, velocity
        (replica, parameter) at the start.
    at_rest
        Whether the first gradient is not damped.
    first_step
        Number of step 0 in the random numbers, and in the arrays of the state.
    """

    def __init__(
        self,
        problem: LinearRegression,
        settings: SGD,
        seed: int,
        first_replica: int,
        position: np.ndarray,
        velocity: np.ndarray,
        *,
        at_rest: bool,
        first_step: int = 0,
    ) -> None:
        replicas, parameters = velocity.shape
        require_samples(problem, settings, replicas)
        self._source = make_source(problem, settings)
        self._rule = make_rule(settings, at_rest=at_rest, first_step=first_step)
        self._key = key_from_seed(seed)
        self._first_replica, self._first_step = first_replica, first_step
        self._shape = velocity.shape
        self._pieces = [
            (
                piece,
                make_sampler(settings, problem.samples or 0, piece[1] - piece[0]),
                padded(np.zeros(parameters)),
            )
            for piece in even_ranges(replicas, PIECES)
        ]
        self._now = RegressionState(
            padded(position), padded(velocity), np.full(replicas, -1, np.int64)
        )

    def advance(self, first: int, stop: int, recorded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Go on to step `stop`; an interruption on the way leaves the state as it was."""
        now = self._now
        after = RegressionState(
            padded(now.position), padded(now.velocity), now.diverged_step.copy()
        )
        shape = (len(recorded), *self._shape)
        begin = self._first_step
        buffer = Buffer(recorded + begin, np.empty(shape), np.empty(shape))

        def work(piece: tuple[tuple[int, int], Sampler, np.ndarray]) -> None:
            replicas, sampler, gradient = piece
            fixed = self._source, self._rule, sampler, gradient, self._key
            advance(
                after, buffer, *fixed, replicas, self._first_replica, (begin + first, begin + stop)
            )

        in_threads(work, self._pieces)
        self._now = after
        return buffer.position, buffer.velocity

    def state(self) -> tuple[np.ndarray, np.ndarray]:
        """Position and velocity now."""
        parameters = self._shape[1]
        return self._now.position[:, :parameters], self._now.velocity[:, :parameters]

    def diverged_step(self) -> np.ndarray:
        """Step at which each replica was seen to diverge, counted from the start of the run."""
        seen = self._now.diverged_step
        return np.where(seen < 0, -1, seen - self._first_step)

    def carried(self) -> dict[str, np.ndarray]:
        """Return the arrays of the state; a step makes new ones."""
        return self._now._asdict()

    def restore(self, carried: Arrays) -> None:
        """Take up the arrays of a state."""
        self._now = RegressionState(**carried)


def _problem_digest(problem: LinearRegression) -> str:
    if problem.X is not None and problem.y is not None:
        return digest(problem.X, problem.y)
    return digest(problem.hessian, problem.minimiser, problem.noise_covariance)
