r"""Real SGD on a problem of linear regression: many replicas, recorded on a schedule, resumable.

Nothing of a result depends on how a run was cut into chunks, pieces for threads, or stops and
restarts: random numbers are functions of (seed, replica, step), and every replica is advanced
alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from langevin_sgd.checks import as_count, as_flag, as_instance, as_seed, require_memory
from langevin_sgd.kernels.compiled import in_threads
from langevin_sgd.kernels.layout import even_ranges, padded
from langevin_sgd.models.linear_regression import LinearRegression
from langevin_sgd.randomness import fresh_seed, key_from_seed
from langevin_sgd.record import as_schedule
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.simulation.checkpoint import Checkpoint, as_path, digest, stored_seed
from langevin_sgd.simulation.recording import (
    Record,
    Recording,
    as_start,
    drive,
    own_rounding,
    require_fresh_numbers,
    require_room,
    require_steps,
    result,
    variable_names,
)
from langevin_sgd.training.batches import Sampler, make_sampler
from langevin_sgd.training.problems import make_rule, make_source, require_samples
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
        run is continued, bit for bit as if never interrupted.
    progress
        Show a progress bar, if standard error is a terminal.

    Returns
    -------
    xarray.Dataset
        The variables of the recorders over ``step``, ``replica``, ...; ``final_position`` and
        ``final_velocity`` (replica, parameter); ``status`` (replica,), 0 ok, 1 diverged;
        ``diverged_step`` (replica,), -1 if it did not diverge. A replica has diverged when |theta|
        is not finite or exceeds 1e100; it is stopped there, and its recorded values from that step
        on are NaN.

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
    timetable, path = as_schedule(schedule, steps), as_path(checkpoint)
    seed = stored_seed(path) if seed is None and path is not None else seed
    seed = fresh_seed() if seed is None else as_seed("seed", seed)
    require_fresh_numbers(start, seed=seed, first_step=first_step, steps=steps)
    at_rest = velocity is None
    position = as_start("start", start, replicas, problem.parameters)
    velocity = as_start("velocity", velocity, replicas, problem.parameters)
    recording = Recording.begin(record, position)
    require_room(recording, timetable, velocity)
    names = variable_names(recording, velocity)
    engine = Engine(
        problem,
        settings,
        seed,
        first_replica,
        recording,
        velocity,
        at_rest=at_rest,
        first_step=first_step,
    )
    provenance = {
        "settings": settings.to_dict(),
        "seed": seed,
        "steps": steps,
        "first_step": first_step,
    }
    every_step = schedule is None and bool(recording.accumulators)
    if path is None:
        drive(engine, recording, timetable, steps=steps, every_step=every_step, progress=progress)
    else:
        identity = provenance | {
            "first_replica": first_replica,
            "problem": _problem_digest(problem),
            "start": digest(position, velocity) + at_rest * " at rest",
            "schedule": digest(timetable) + every_step * " every step",
            "record": names,
        }
        checkpoint_file = Checkpoint(path, identity, recording, timetable, kind="sgd_checkpoint")
        _drive_and_keep(engine, recording, timetable, checkpoint_file, steps, every_step, progress)
    return result(
        engine, recording, timetable, first_replica=first_replica, kind="sgd_run", **provenance
    )


def _drive_and_keep(
    engine: Engine,
    recording: Recording,
    schedule: np.ndarray,
    checkpoint: Checkpoint,
    steps: int,
    every_step: bool,
    progress: bool,
) -> None:
    """Continue from the checkpoint if there is one, and leave the last whole chunk in it whatever
    happens.
    """
    done = 0
    if (found := checkpoint.read()) is not None:
        engine.now, done = State(**found[0]), found[1]

    def note(step: int) -> None:
        checkpoint.note(engine.now._asdict(), step)

    try:
        drive(
            engine,
            recording,
            schedule,
            steps=steps,
            done=done,
            every_step=every_step,
            after_chunk=note,
            progress=progress,
        )
    finally:
        checkpoint.write()


class Engine:
    """All replicas of a run, advanced in place of one another: see
    `langevin_sgd.simulation.recording.Engine`.

    Parameters
    ----------
    problem, settings, seed, first_replica
        As in `run`.
    recording
        Is told in which step a replica diverged.
    velocity
        (replica, parameter) at the start; the position is that of the recording.
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
        recording: Recording,
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
        self._recording = recording
        self._shape = velocity.shape
        self._pieces = [
            (
                piece,
                make_sampler(settings, problem.samples or 0, piece[1] - piece[0]),
                padded(np.zeros(parameters)),
            )
            for piece in even_ranges(replicas, PIECES)
        ]
        self.now = State(padded(recording.start), padded(velocity), recording.diverged_step.copy())

    def advance(self, first: int, stop: int, recorded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Go on to step `stop`; an interruption on the way leaves the state as it was."""
        now = self.now
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
        noted = self._recording.diverged_step
        new = (noted < 0) & (after.diverged_step >= 0)
        noted[new] = after.diverged_step[new] - begin
        self.now = after
        return buffer.position, buffer.velocity

    def state(self) -> tuple[np.ndarray, np.ndarray]:
        """Position and velocity now."""
        parameters = self._shape[1]
        return self.now.position[:, :parameters], self.now.velocity[:, :parameters]


def _problem_digest(problem: LinearRegression) -> str:
    if problem.X is not None and problem.y is not None:
        return digest(problem.X, problem.y)
    return digest(problem.hessian, problem.minimiser, problem.noise_covariance)
