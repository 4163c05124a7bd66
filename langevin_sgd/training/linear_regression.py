r"""Real SGD on a problem of linear regression: many replicas, recorded on a schedule, resumable.

Nothing of a result depends on how a run was cut into chunks, pieces for threads, or stops and
restarts: random numbers are functions of (seed, replica, step), and every replica is advanced
alone.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from langevin_sgd.checks import as_count, as_flag, as_instance, require_memory
from langevin_sgd.kernels.compiled import in_threads
from langevin_sgd.models.linear_regression import LinearRegression
from langevin_sgd.randomness import key_from_seed
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.simulation.beginning import (
    as_start,
    require_fresh_numbers,
    require_steps,
    resolve_seed,
)
from langevin_sgd.simulation.checkpoint import Checkpoint, as_path, digest
from langevin_sgd.simulation.drive import drive, own_rounding
from langevin_sgd.simulation.engine import Arrays, Engine
from langevin_sgd.simulation.memory import require_room
from langevin_sgd.simulation.recording import Record, Recording
from langevin_sgd.simulation.result import result
from langevin_sgd.simulation.timetable import Timetable
from langevin_sgd.simulation.trajectories import Trajectories
from langevin_sgd.training.batches import Sampler, make_sampler
from langevin_sgd.training.problems import make_rule, make_source, padded, require_samples
from langevin_sgd.training.steps import Buffer, State, advance

if TYPE_CHECKING:
    import xarray as xr

PIECES = 32
"""Pieces, at most, into which replicas are cut for the threads."""


@own_rounding
def run(
    problem: LinearRegression,
    settings: SGD,
    *,
    replicas: int = 1,
    steps: int,
    seed: int | None = None,
    record: Record | Sequence[Record] | None = None,
    schedule: Sequence[int] | np.ndarray | None = None,
    start: np.ndarray | None = None,
    velocity: np.ndarray | None = None,
    first_step: int = 0,
    first_replica: int = 0,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> xr.Dataset:
    r"""Run SGD and record it.

    With data in the problem the gradient is the mean over minibatches of the data; without, it is
    H (theta - minimiser) plus Gaussian noise of covariance ``noise_covariance / batch_size``, fresh
    at every step. The update is the one of `langevin_sgd.SGD`, equal to ``torch.optim.SGD`` on the
    same batches.

    Parameters
    ----------
    problem
        The loss and its noise.
    settings
        Learning rate, batch size, momentum, ...
    replicas
        Independent repetitions, each with batches or noise of its own.
    steps
        Updates to make, >= 1.
    seed
        0 ... 2**128 - 1; by default fresh entropy (or that of the checkpoint), kept in the
        provenance.
    record
        One recorder or several (`langevin_sgd.record`); ``displacement()`` by default.
    schedule
        Increasing steps from 0 to `steps` to record at; log-spaced by default, while accumulators
        (time averages, histograms, currents) then see every step. They weigh the steps of a
        schedule by the time each stands for.
    start
        (parameter,) or (replica, parameter); zeros by default.
    velocity
        Velocity at the start, same shapes; zeros by default. If none is given, the first gradient
        is not damped.
    first_step
        Steps made before this run: its random numbers are those of the steps from there on. A run
        that ends after n steps is continued bit for bit by ``start=run.final_position,
        velocity=run.final_velocity, first_step=n`` with the same seed. Steps of the result count
        from the start of this run.
    first_replica
        Number of the first replica: replica r of a long run can be had alone by ``first_replica=r,
        replicas=1``.
    checkpoint
        A netCDF file, written every few seconds, at an interruption and at the end; one of the same
        run is continued, bit for bit as if never interrupted. It may have ended: with more `steps`
        and the same explicit `schedule` up to there the run goes on.
    progress
        Show a progress bar, if standard error is a terminal.

    Returns
    -------
    xarray.Dataset
        The variables of the recorders over ``step``, ``replica``, ...; ``final_position`` and
        ``final_velocity`` (replica, parameter); ``status`` (replica,), `langevin_sgd.Status`
        finished or diverged; ``diverged_step`` (replica,), -1 if it did not diverge. A replica has
        diverged when |theta| is not finite or exceeds 1e100; it is stopped there, and its recorded
        values from that step on are NaN.

    Raises
    ------
    InputError
        If an argument is out of range, the checkpoint is damaged or belongs to another run, or the
        start is the ``final_position`` of a run whose random numbers this one would use again.

    References
    ----------
    Kunin et al., arXiv 2107.09133 (update and sign of the velocity).

    Examples
    --------
    >>> import numpy as np
    >>> from langevin_sgd.models import LinearRegression
    >>> problem = LinearRegression.from_spectrum(np.ones(2))
    >>> dict(run(problem, SGD(lr=0.1, batch_size=1), steps=100, seed=1,
    ...     schedule=[0, 10, 100]).sizes)
    {'step': 3, 'replica': 1, 'parameter': 2}
    """
    problem = as_instance("problem", problem, LinearRegression)
    settings = as_instance("settings", settings, SGD)
    replicas, steps = as_count("replicas", replicas), as_count("steps", steps)
    first_replica = as_count("first_replica", first_replica, minimum=0)
    first_step = as_count("first_step", first_step, minimum=0)
    progress = as_flag("progress", progress) and sys.stderr.isatty()
    require_steps(first_step, steps)
    require_memory("replicas", replicas, 8 * 10 * replicas * problem.parameters)
    path = as_path(checkpoint)
    seed = resolve_seed(seed, path)
    require_fresh_numbers(start, seed=seed, first_step=first_step, steps=steps)
    at_rest = velocity is None
    position = as_start("start", start, replicas, problem.parameters)
    velocity = as_start("velocity", velocity, replicas, problem.parameters)
    recording = Recording.begin(record, position)
    timetable = Timetable.planned(schedule, steps, accumulating=bool(recording.accumulators))
    require_room(recording, timetable, velocity)
    names = recording.variable_names(velocity)
    engine = LinearRegressionEngine(
        problem,
        settings,
        seed,
        first_replica,
        position,
        velocity,
        at_rest=at_rest,
        first_step=first_step,
    )
    provenance = {"settings": settings.to_dict(), "seed": seed, "first_step": first_step}
    file = None
    if path is not None:
        identity = provenance | {
            "first_replica": first_replica,
            "problem": _problem_digest(problem),
            "start": digest(position, velocity) + at_rest * " at rest",
            "record": names,
        }
        file = Checkpoint(path, identity, kind="sgd_checkpoint")
    trajectories = Trajectories(engine, recording, timetable, steps)
    drive(trajectories, checkpoint=file, progress=progress)
    return result(
        trajectories, first_replica=first_replica, kind="sgd_run", **provenance, steps=steps
    )


class LinearRegressionEngine(Engine):
    """All replicas of a run, advanced in place of one another.

    Parameters
    ----------
    problem, settings, seed, first_replica
        As in `run`.
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
        cuts = np.linspace(0, replicas, min(replicas, PIECES) + 1).astype(int).tolist()
        self._pieces = [
            (
                piece,
                make_sampler(settings, problem.samples or 0, piece[1] - piece[0]),
                padded(np.zeros(parameters)),
            )
            for piece in itertools.pairwise(cuts)
        ]
        self._now = State(padded(position), padded(velocity), np.full(replicas, -1, np.int64))

    def advance(self, first: int, stop: int, recorded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Go on to step `stop`; an interruption on the way leaves the state as it was."""
        now = self._now
        after = State(padded(now.position), padded(now.velocity), now.diverged_step.copy())
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
        self._now = State(**carried)


def _problem_digest(problem: LinearRegression) -> str:
    if problem.X is not None and problem.y is not None:
        return digest(problem.X, problem.y)
    return digest(problem.hessian, problem.minimiser, problem.noise_covariance)
