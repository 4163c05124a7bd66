"""The general engine: any potential, any noise an integrator accepts, parameters by replica.

Holds the state of all replicas in blocks (see `langevin_sgd.sde.loop`) and hands pieces of them to
threads. The state is what the integrator carries from step to step; snapshots turn a copy of it
into positions and velocities of one moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from langevin_sgd.checks import require
from langevin_sgd.dynamics.equation import LangevinEquation
from langevin_sgd.kernels.block_code import BlockCode
from langevin_sgd.kernels.compiled import in_threads, thread_count
from langevin_sgd.kernels.layout import aligned, even_slices
from langevin_sgd.record.passages import FirstPassage
from langevin_sgd.sde.binding import kernels
from langevin_sgd.sde.block_arithmetic import Scratch, StepNumbers
from langevin_sgd.sde.integrator import Coefficients, Integrator, Number, as_it_is
from langevin_sgd.sde.loop import Kept, Span, lanes_of_block
from langevin_sgd.simulation.engine import Arrays, Engine

Precision = Literal["float64", "float32", "mixed"]
TYPES: dict[str, tuple[Any, Any]] = {
    "float64": (np.float64, np.float64),
    "float32": (np.float32, np.float32),
    "mixed": (np.float64, np.float32),
}
"""Types of state and normals."""
PIECES = 4
"""Most runs of blocks per thread; Numba takes 40 microseconds to accept one's arguments."""


def coefficients(equation: LangevinEquation) -> Coefficients:
    """Friction, mass and amplitude of an equation, by replica where one of them is."""
    return Coefficients(equation.friction, equation.inertia, equation.noise.amplitude)


class BlockEngine(Engine):
    """Replicas of any equation, in blocks.

    Parameters
    ----------
    equation, integrator
        What to integrate, and how.
    substeps
        Substeps per step.
    key
        Key of the random numbers.
    first_replica
        Number of the first replica.
    position, velocity
        (replica, parameter), the state at step 0.
    precision
        Types of state and normals.
    passages
        First passages to watch for.
    first_step
        Number of step 0 in the random numbers.
    """

    def __init__(
        self,
        equation: LangevinEquation,
        integrator: Integrator,
        substeps: int,
        key: np.ndarray,
        first_replica: int,
        position: np.ndarray,
        velocity: np.ndarray,
        *,
        precision: Precision = "float64",
        passages: Sequence[FirstPassage] = (),
        first_step: int = 0,
    ) -> None:
        self._key, self._substeps, self._first_step = key, substeps, first_step
        self._type, self._normals_type = TYPES[precision]
        self._replicas, self._parameters = position.shape
        equation.require_replicas(self._replicas)
        self._orders, self._sources = equation.orders, equation.noise.sources
        self._draws = integrator.draws
        self.lanes = lanes_of_block(self._parameters, self._normals_type)
        self._first_block, self._first_lane = divmod(first_replica, self.lanes)
        self._blocks = -(-(self._first_lane + self._replicas) // self.lanes)
        size = equation.step_time / substeps
        self._rule = integrator.block_step(equation, coefficients(equation), size)
        self._numbers = StepNumbers(
            self._values(self._rule.factors),
            self._read_by(equation.potential.compiled()),
            self._read_by(equation.noise.compiled()),
            integrator.driver.values(),
        )
        self._kernels = kernels(equation, self._rule, integrator.driver, self._normals_type)
        self._axis = np.array([passage.axis for passage in passages], np.int64)
        self._level = np.array([(p.level, p.sign) for p in passages], self._type).reshape(-1, 2)
        self._require_axes()
        self.now = self._packed(position, velocity)
        self.passage = np.full((self._blocks, len(passages), self.lanes), -1, np.int64)
        self._note_start()
        if self._rule.enter is not as_it_is:
            self._kernels.settle(self.now, self._numbers)

    def advance(self, first: int, stop: int, recorded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Advance from step `first` to step `stop`; if interrupted, the state stays as it was."""
        after, passage = aligned(self.now.shape, self._type), self.passage.copy()
        after[:] = self.now
        snapshots = np.empty((self._blocks, len(recorded), *self.now.shape[1:]), self._type)

        def work(piece: slice) -> None:
            begin, end = ((self._first_step + step) * self._substeps for step in (first, stop))
            span = Span(self._first_block + piece.start, begin, end, self._substeps)
            kept = Kept(
                recorded + self._first_step,
                snapshots[piece],
                passage[piece],
                self._axis,
                self._level,
            )
            self._kernels.advance(
                after[piece], self._part(piece), self._room(), self._key, span, kept
            )

        in_threads(work, self._pieces())
        self.now, self.passage = after, passage
        return self._unpacked(snapshots)

    def state(self) -> tuple[np.ndarray, np.ndarray]:
        """Return position and velocity now, (replica, parameter) each."""
        copy = aligned((*self.now.shape,), self._type)
        copy[:] = self.now
        if self._rule.leave is not as_it_is:
            self._kernels.release(copy, self._numbers)
        position, velocity = self._unpacked(copy[:, None])
        return position[0], velocity[0]

    def follow(self, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Follow ``normals`` (substep, draw, source, replica); return states after each substep."""
        room = self._room()
        shape = (len(normals), *room.normals.shape[:2], self._replicas)
        require(normals.shape == shape, "normals", normals.shape, f"must have shape {shape}")
        padded = np.zeros((*shape[:3], self._blocks * self.lanes))
        padded[..., self._first_lane : self._first_lane + self._replicas] = normals
        snapshots = np.empty((self._blocks, len(normals), *self.now.shape[1:]), self._type)
        for block in range(self._blocks):
            here = slice(block, block + 1)
            given = np.ascontiguousarray(
                padded[..., block * self.lanes : (block + 1) * self.lanes], self._normals_type
            )
            self._kernels.follow(self.now[here], self._part(here), room, given, snapshots[block])
        return self._unpacked(snapshots)

    def first_passages(self) -> np.ndarray:
        """Return the first passage of each watched level, (watch, replica), infinite if none."""
        passages = self._by_replica(self.passage.transpose(1, 0, 2))
        return np.where(passages < 0, np.inf, passages - self._first_step)

    def numbers_per_step(self) -> Fraction:
        """Return how far the counter of the random numbers goes on in a step: one a substep."""
        return Fraction(self._substeps)

    # --- checkpoints ------------------------------------------------------------------------------

    def carried(self) -> dict[str, np.ndarray]:
        """Return what a checkpoint has to keep."""
        return {"blocks": self.now, "passage": self.passage}

    def restore(self, carried: Arrays) -> None:
        """Take up what a checkpoint kept."""
        self.now = aligned(carried["blocks"].shape, self._type)
        self.now[:] = carried["blocks"]
        self.passage = carried["passage"]

    # --- arrays -----------------------------------------------------------------------------------

    def _pieces(self) -> list[slice]:
        """Runs of blocks; a block's numbers do not depend on its piece."""
        return even_slices(self._blocks, PIECES * thread_count())

    def _room(self) -> Scratch:
        parameters, lanes = self._parameters, self.lanes
        return Scratch(
            normals=aligned((self._draws, self._sources, lanes), self._normals_type),
            bits=aligned((512,), np.uint64),
            shaped=aligned((parameters, lanes), self._type),
            spare=aligned((max(self._rule.spares, 1), parameters, lanes), self._type),
        )

    def _part(self, piece: slice) -> StepNumbers:
        def part(values: Any) -> Any:
            return values[piece] if isinstance(values, np.ndarray) else values

        return StepNumbers(*map(part, self._numbers))

    def _read_by(self, code: BlockCode) -> Any:
        """What the functions of a force or noise read, as kernels take it."""
        return _as_type(code.arrays, self._type) if code.arrays else self._values(code.numbers)

    def _values(self, values: Sequence[Number]) -> Any:
        """Return numbers as a tuple, or (block, number, lane) if one differs between replicas."""
        if not any(map(np.ndim, values)):
            return tuple(self._type(value) for value in values) or (self._type(0),)
        spread = np.empty((self._blocks * self.lanes, len(values)))
        mine = slice(self._first_lane, self._first_lane + self._replicas)
        for k, value in enumerate(values):
            spread[mine, k] = value
        spread[: mine.start], spread[mine.stop :] = spread[mine.start], spread[mine.stop - 1]
        out = aligned((self._blocks, len(values), self.lanes), self._type)
        out[:] = spread.reshape(self._blocks, self.lanes, len(values)).transpose(0, 2, 1)
        return out

    def _packed(self, position: np.ndarray, velocity: np.ndarray) -> np.ndarray:
        flat = np.zeros((self._blocks * self.lanes, self._orders, self._parameters))
        mine = slice(self._first_lane, self._first_lane + self._replicas)
        flat[mine] = np.stack([position, velocity][: self._orders], axis=1)
        # Lanes beside the replicas do something harmless: what the nearest replica does.
        flat[: mine.start], flat[mine.stop :] = flat[mine.start], flat[mine.stop - 1]
        packed = aligned((self._blocks, self._orders, self._parameters, self.lanes), self._type)
        packed[:] = flat.reshape(self._blocks, self.lanes, self._orders, -1).transpose(0, 2, 3, 1)
        return packed

    def _unpacked(self, packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Turn (block, snapshot, order, parameter, lane) into position and velocity.

        Both have the shape (snapshot, replica, parameter).
        """
        flat = packed.transpose(2, 1, 0, 4, 3).reshape(
            self._orders, packed.shape[1], len(packed) * self.lanes, self._parameters
        )
        mine = np.array(flat[:, :, self._first_lane : self._first_lane + self._replicas], float)
        return mine[0], mine[1] if self._orders == 2 else np.full_like(mine[0], np.nan)

    def _by_replica(self, packed: np.ndarray) -> np.ndarray:
        flat = packed.reshape(len(packed), -1)
        return flat[:, self._first_lane : self._first_lane + self._replicas].copy()

    def _require_axes(self) -> None:
        for axis in self._axis:
            require(
                axis < self._parameters,
                "axis",
                int(axis),
                f"must be below the {self._parameters} coordinates",
            )

    def _note_start(self) -> None:
        for watch, (axis, (level, sign)) in enumerate(zip(self._axis, self._level, strict=True)):
            beyond = sign * self.now[:, 0, axis] >= sign * level
            self.passage[:, watch][beyond] = self._first_step


def _as_type(arrays: tuple[np.ndarray, ...], dtype: Any) -> tuple[np.ndarray, ...]:
    return tuple(np.ascontiguousarray(array, dtype) for array in arrays)
