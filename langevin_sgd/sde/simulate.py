"""Simulate a Langevin equation with many replicas.

Time is counted in steps of SGD (physical time `step_time` each); an integrator takes `substeps` per step. Quadratic
problems are integrated in the common eigenbasis of stiffness and noise where there is one (`langevin_sgd.dynamics
.linear`), and what is recorded is turned back to the original parameters. The velocity recorded with a position is that
of the same moment of the SDE; SGD's v_k belongs half a step earlier. The path of an overdamped equation has no
velocity: NaN is recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd import recording
from langevin_sgd.checks import InputError, require_count
from langevin_sgd.compiled import in_threads
from langevin_sgd.dynamics import LinearEquation
from langevin_sgd.randomness import fresh_seed, key_from_seed
from langevin_sgd.record import Recorder, as_schedule
from langevin_sgd.sde.integrator import Equation, Integrator, LinearStep
from langevin_sgd.sde.kernels import LANES, linear_steps

if TYPE_CHECKING:
    import xarray as xr


def simulate(
    equation: Equation,
    integrator: Integrator,
    *,
    replicas: int = 1,
    steps: int,
    seed: int | None = None,
    record: Recorder | Sequence[Recorder] | None = None,
    schedule: Sequence[int] | np.ndarray | None = None,
    start: np.ndarray | None = None,
    velocity: np.ndarray | None = None,
    first_replica: int = 0,
    substeps: int | None = None,
    progress: bool = False,
) -> xr.Dataset:
    """Integrate independent replicas of an equation.

    Parameters
    ----------
    equation
        `langevin_sgd.Underdamped` or `langevin_sgd.Overdamped`.
    integrator
        For instance ``sde.BAOAB()``; it must accept the equation.
    replicas
        Number of independent paths.
    steps
        Length of the run in steps of SGD.
    seed
        Seed of the noise, 0 <= seed < 2**128; drawn from the operating system if ``None``, and stored.
    record
        One recorder of `langevin_sgd.record` or several; the displacement by default.
    schedule
        Increasing steps at which to record; log-spaced by default.
    start, velocity
        Initial conditions, (parameter,) or (replica, parameter); at rest at zero by default.
    first_replica
        Number of the first replica: replicas 100 to 199 computed alone equal those of a run of 200.
    substeps
        Steps of the integrator per step of SGD; the integrator's own default if ``None``.
    progress
        Whether to show a progress bar on stderr.

    Returns
    -------
    xarray.Dataset
        Recorded variables over ``step``, ``replica``, ...; ``final_position``, ``final_velocity`` (replica, parameter);
        ``status`` and ``diverged_step`` (replica,).

    Raises
    ------
    InputError
        For an integrator that does not accept the equation, or an argument outside its range.

    Examples
    --------
    >>> import langevin_sgd as ls
    >>> problem = ls.LinearRegression.from_spectrum([1.0])
    >>> equation = ls.Underdamped.from_sgd(problem, ls.SGD(lr=0.1, batch_size=10, momentum=0.9))
    >>> run = simulate(equation, ls.sde.ExactOrnsteinUhlenbeck(), replicas=3, steps=100, seed=1)
    >>> dict(run.sizes)
    {'step': 19, 'replica': 3, 'parameter': 1}
    """
    require_count("replicas", replicas)
    require_count("steps", steps)
    require_count("first_replica", first_replica, minimum=0)
    substeps = integrator.default_substeps if substeps is None else substeps
    require_count("substeps", substeps)
    _require_accepted(equation, integrator)
    seed = fresh_seed() if seed is None else seed
    parameters = equation.potential.parameters
    position = recording.as_start("start", start, replicas, parameters)
    speed = recording.as_start("velocity", velocity, replicas, parameters)
    linear = equation.linear()
    step = integrator.linear_step(linear, equation.step_time / substeps)
    engine = LinearEngine(linear, step, substeps, key_from_seed(seed), first_replica, position, speed)
    plan = as_schedule(schedule, steps)
    kept = recording.Recording.begin(record, position)
    recording.drive(engine, kept, plan, steps=steps, progress=progress)
    settings = {
        "equation": type(equation).__name__,
        "integrator": type(integrator).__name__,
        "substeps": substeps,
        "step_time": equation.step_time,
        "steps": steps,
        "replicas": replicas,
        "first_replica": first_replica,
    }
    return recording.result(
        engine, kept, plan, first_replica=first_replica, kind="sde_run", settings=settings, seed=int(seed)
    )


def _require_accepted(equation: Equation, integrator: Integrator) -> None:
    if not isinstance(equation, integrator.accepts):
        names = " or ".join(kind.__name__ for kind in integrator.accepts)
        raise InputError(f"integrator = {integrator!r}: integrates {names} equations, not {type(equation).__name__}")


def _pieces(blocks: int) -> list[slice]:
    """At most 16 runs of blocks, shared out among the threads; a block's numbers do not depend on its piece."""
    size = -(-blocks // 16)
    return [slice(begin, begin + size) for begin in range(0, blocks, size)]


class LinearEngine:
    """Replicas of a linear equation, in blocks of `LANES` (see `langevin_sgd.recording.Engine`).

    Parameters
    ----------
    equation
        The equation in independent groups.
    step
        One substep of the integrator.
    substeps
        Substeps per step.
    key
        Key of the random numbers.
    first_replica
        Number of the first replica.
    position, velocity
        (replica, parameter), the state at step 0.
    """

    def __init__(
        self,
        equation: LinearEquation,
        step: LinearStep,
        substeps: int,
        key: np.ndarray,
        first_replica: int,
        position: np.ndarray,
        velocity: np.ndarray,
    ) -> None:
        self._equation, self._substeps, self._key = equation, substeps, key
        self._matrix, self._noise = np.ascontiguousarray(step.matrix), np.ascontiguousarray(step.noise)
        self._replicas = len(position)
        self._first_block, self._first_lane = divmod(first_replica, LANES)
        blocks = -(-(self._first_lane + self._replicas) // LANES)
        self._is_turned = not np.array_equal(equation.basis, np.eye(len(equation.basis)))
        self._state = np.zeros((blocks, *equation.drift.shape[:2], LANES))
        self._put(position, velocity)

    def advance(self, first: int, stop: int, recorded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Go on from step `first` to step `stop`; return the snapshots at the steps `recorded`."""
        snapshots = np.empty((len(self._state), len(recorded), *self._state.shape[1:]))
        work = partial(self._advance_blocks, first, stop, recorded * self._substeps, snapshots)
        in_threads(work, _pieces(len(self._state)))
        return self._unpacked(snapshots)

    def state(self) -> tuple[np.ndarray, np.ndarray]:
        """Return position and velocity now, (replica, parameter) each."""
        position, velocity = self._unpacked(self._state[:, None])
        return position[0], velocity[0]

    def _advance_blocks(self, first: int, stop: int, recorded: np.ndarray, snapshots: np.ndarray, piece: slice) -> None:
        linear_steps(
            self._state[piece],
            self._matrix,
            self._noise,
            self._key,
            self._first_block + piece.start,
            first * self._substeps,
            stop * self._substeps,
            recorded,
            snapshots[piece],
        )

    def _put(self, position: np.ndarray, velocity: np.ndarray) -> None:
        """Fill the state, which is in coordinates about the centre in the basis of the groups."""
        equation, lanes = self._equation, slice(self._first_lane, self._first_lane + self._replicas)
        coordinates = [position - equation.centre, velocity][: equation.orders]
        modes = np.zeros((len(self._state) * LANES, equation.orders, len(equation.basis)))
        modes[lanes] = np.stack([self._turned(part, equation.basis) for part in coordinates], axis=1)
        grouped = modes.reshape(len(self._state), LANES, equation.orders, -1, equation.positions)
        self._state[:] = grouped.transpose(0, 3, 2, 4, 1).reshape(self._state.shape)

    def _unpacked(self, packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Turn (block, snapshot, group, component, LANES) into two arrays (snapshot, replica, parameter)."""
        equation, shape = self._equation, packed.shape
        grouped = packed.reshape(*shape[:3], equation.orders, equation.positions, LANES)
        modes = grouped.transpose(3, 1, 0, 5, 2, 4).reshape(
            equation.orders, shape[1], shape[0] * LANES, len(equation.basis)
        )
        modes = modes[:, :, self._first_lane : self._first_lane + self._replicas]
        parts = [self._turned(part, equation.basis.T) for part in modes]
        velocity = parts[1] if equation.orders == 2 else np.full_like(parts[0], np.nan)
        return parts[0] + equation.centre, velocity

    def _turned(self, coordinates: np.ndarray, basis: np.ndarray) -> Any:
        return coordinates @ basis if self._is_turned else coordinates.copy()
