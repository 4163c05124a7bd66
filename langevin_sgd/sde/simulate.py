"""Simulate a Langevin equation with many replicas.

Time is counted in steps of SGD (physical time `step_time` each, for an equation that stems from no
SGD the interval at which it may be recorded); an integrator takes `substeps` per step, each as dear
as one step of SGD. Linear equations are integrated in the common eigenbasis of stiffness and noise
where there is one (`langevin_sgd.dynamics .linear`), and what is recorded is turned back to the
original parameters; all others, and those with parameters by replica, in blocks of replicas with a
compiled force (`langevin_sgd.sde.loop`). The velocity recorded with a position is that of the same
moment of the SDE; SGD's v_k belongs half a step earlier. The path of an overdamped equation has no
velocity: NaN is recorded.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from langevin_sgd.checks import (
    as_choice,
    as_count,
    as_flag,
    as_instance,
    require_memory,
)
from langevin_sgd.dynamics import Overdamped, Underdamped
from langevin_sgd.dynamics.equation import is_linear
from langevin_sgd.randomness import key_from_seed
from langevin_sgd.sde.engine import TYPES, BlockEngine, Precision
from langevin_sgd.sde.integrator import Equation, Integrator, require_accepted
from langevin_sgd.sde.linear_engine import LinearEngine
from langevin_sgd.simulation.beginning import (
    Start,
    require_fresh_numbers,
    require_steps,
    resolve_seed,
    seed_of_start,
    start_of_run,
)
from langevin_sgd.simulation.checkpoint import Checkpoint, as_path, digest
from langevin_sgd.simulation.drive import drive, own_rounding
from langevin_sgd.simulation.engine import Engine
from langevin_sgd.simulation.memory import require_room
from langevin_sgd.simulation.recording import Record, Recording
from langevin_sgd.simulation.result import result
from langevin_sgd.simulation.timetable import Timetable
from langevin_sgd.simulation.trajectories import Trajectories

if TYPE_CHECKING:
    import xarray as xr


@own_rounding
def simulate(
    equation: Equation,
    integrator: Integrator,
    *,
    replicas: int = 1,
    steps: int,
    seed: int | None = None,
    record: Record | Sequence[Record] | None = None,
    schedule: Sequence[int] | np.ndarray | None = None,
    start: Start = None,
    first_replica: int = 0,
    substeps: int | None = None,
    precision: Precision = "float64",
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> xr.Dataset:
    """Integrate independent replicas of an equation.

    Parameters
    ----------
    equation
        `langevin_sgd.Underdamped` or `langevin_sgd.Overdamped`.
    integrator
        For instance ``sde.BAOAB()``; it must accept the equation and its noise.
    replicas
        Number of independent paths.
    steps
        Length of the run in steps of SGD.
    seed
        Seed of the noise, 0 <= seed < 2**128; by default that of the checkpoint or of the start,
        else drawn from the operating system; stored.
    record
        One recorder of `langevin_sgd.record` or several; the displacement by default.
    schedule
        Increasing steps at which to record; log-spaced by default, while accumulators (time
        averages, histograms, currents) then see every step. They weigh the steps of a schedule by
        the time each stands for.
    start
        (parameter,) or (replica, parameter) to start from at rest, or a tuple (position, velocity)
        of such; at rest at zero by default. Or the result of an earlier call with the same
        replicas, from which the run goes on, with whatever equation and integrator: position,
        velocity and the counters of steps and random numbers, so that the same equation, integrator
        and seed continue the run as one. It does so bit for bit where an integrator carries
        position and velocity themselves, else (BAOAB, which carries a velocity before its last half
        kick, and linear equations in turned modes or about a centre) up to rounding. Steps of the
        result count from the start of this run.
    first_replica
        Number of the first replica: replicas 100 to 199 computed alone equal those of a run of 200.
    substeps
        Steps of the integrator per step of SGD, each of length step_time/substeps; the time of a
        run is in proportion. By default 8 for BAOAB, OBABO and Heun, 4 for ShiftedODE, 40 for
        EulerMaruyama and Milstein, 1 for ExactOrnsteinUhlenbeck and SGDMap: with a step_time that
        is already short, give ``substeps=1``.
    precision
        ``float64``; ``float32``; or ``mixed``, float64 state with float32 normals (no larger than
        6.55 standard deviations). Each has random numbers of its own.
    checkpoint
        A netCDF file, written every few seconds, at an interruption and at the end; one of the same
        run is continued, bit for bit as if never interrupted. It may have ended: with more `steps`
        and the same explicit `schedule` up to there the run goes on.
    progress
        Whether to show a progress bar on stderr.

    Returns
    -------
    xarray.Dataset
        Recorded variables over ``step``, ``replica``, ...; results of accumulators;
        ``final_position``, ``final_velocity`` (replica, parameter); ``status`` and
        ``diverged_step`` (replica,).

    Raises
    ------
    InputError
        For an integrator that does not accept the equation, an argument outside its range, a run
        that does not fit into memory, a checkpoint that is damaged or of another run, or a start
        that was made with random numbers that this run would use again: the ``final_position`` of
        a run with its seed, or the result of one that took more numbers a step (more substeps).

    Examples
    --------
    >>> import langevin_sgd as ls
    >>> problem = ls.LinearRegression.from_spectrum([1.0])
    >>> equation = ls.Underdamped.from_sgd(problem, ls.SGD(lr=0.1, batch_size=10, momentum=0.9))
    >>> run = simulate(equation, ls.sde.ExactOrnsteinUhlenbeck(), replicas=3, steps=100, seed=1)
    >>> dict(run.sizes)
    {'step': 19, 'replica': 3, 'parameter': 1}
    """
    as_instance("equation", equation, (Underdamped, Overdamped))
    integrator = as_instance(
        "integrator", integrator, Integrator, "must be an integrator, for instance sde.BAOAB()"
    )
    replicas, steps = as_count("replicas", replicas), as_count("steps", steps)
    first_replica = as_count("first_replica", first_replica, minimum=0)
    precision, progress = as_choice("precision", precision, TYPES), as_flag("progress", progress)
    substeps = as_count("substeps", integrator.default_substeps if substeps is None else substeps)
    require_accepted(equation, integrator, substeps)
    parameters, path = equation.potential.parameters, as_path(checkpoint)
    seed = resolve_seed(seed, path, earlier=seed_of_start(start))
    require_memory("replicas", replicas, state_bytes(replicas, parameters))
    begin = start_of_run(
        start,
        kind="sde_run",
        numbers=range(first_replica, first_replica + replicas),
        parameters=parameters,
        has_velocity=equation.orders == 2,
    )
    position, speed, first_step = begin.position, begin.velocity, begin.first_step
    require_steps(first_step, steps, substeps)
    recording = Recording.begin(record, position, watches=True)
    timetable = Timetable.planned(schedule, steps, accumulating=bool(recording.accumulators))
    require_room(recording, timetable, speed)
    names = recording.variable_names(speed)
    engine: Engine
    linear = is_linear(equation) and integrator.is_linear and precision == "float64"
    if linear and not recording.passages:
        form = equation.linear()
        step = integrator.linear_step(form, float(equation.step_time) / substeps)
        key = key_from_seed(seed)
        engine = LinearEngine(
            form, step, substeps, key, first_replica, position, speed, first_step=first_step
        )
    else:
        engine = BlockEngine(
            equation,
            integrator,
            substeps,
            key_from_seed(seed),
            first_replica,
            position,
            speed,
            precision=precision,
            passages=recording.passages,
            first_step=first_step,
        )
    require_fresh_numbers(start, seed=seed, steps=steps, per_step=engine.numbers_per_step())
    settings = {
        "equation": type(equation).__name__,
        **integrator.identity(),
        "substeps": substeps,
        "step_time": np.asarray(equation.step_time).tolist(),
        "first_step": first_step,
        "replicas": replicas,
        "first_replica": first_replica,
        "precision": precision,
    }
    file = None
    if path is not None:
        identity = settings | {
            "seed": seed,
            "numbers": digest_of(equation.identity()),
            "start": digest(position, speed),
            "record": names,
        }
        file = Checkpoint(path, identity, kind="sde_checkpoint")
    trajectories = Trajectories(engine, recording, timetable, steps)
    drive(trajectories, checkpoint=file, progress=progress)
    return result(
        trajectories,
        first_replica=first_replica,
        kind="sde_run",
        settings=settings | {"steps": steps},
        seed=seed,
    )


def state_bytes(replicas: int, parameters: int) -> int:
    """Memory of the state: start, state, its copy during a chunk, and what is handed back."""
    return 8 * replicas * parameters * 2 * 5


def digest_of(content: Mapping[str, object]) -> str:
    """Hash of named texts, numbers and arrays, whatever their order."""
    whole = hashlib.sha256()
    for name, value in sorted(content.items()):
        whole.update(f"{name} = {digest(np.asarray(value))}\n".encode())
    return whole.hexdigest()[:32]
