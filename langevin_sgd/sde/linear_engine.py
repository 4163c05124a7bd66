"""The engine of linear equations: one matrix product per mode, step and block of replicas."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from langevin_sgd.checks import as_array
from langevin_sgd.dynamics.linear import LinearEquation
from langevin_sgd.kernels.compiled import in_threads
from langevin_sgd.kernels.layout import aligned, even_slices
from langevin_sgd.randomness import BLOCK
from langevin_sgd.sde.integrator import LinearStep
from langevin_sgd.sde.linear_loop import LANES, linear_steps, substeps_of_filling
from langevin_sgd.simulation.engine import Arrays, Engine

PIECES = 16
"""Runs of blocks, at most, that are shared out among the threads."""


class LinearEngine(Engine):
    """Replicas of a linear equation, in blocks of `LANES`.

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
    first_step
        Number of step 0 in the random numbers.

    Raises
    ------
    InputError
        If the step does not fit the equation.
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
        *,
        first_step: int = 0,
    ) -> None:
        self._equation, self._substeps, self._key, self._first_step = (
            equation,
            substeps,
            key,
            first_step,
        )
        groups, components, _ = shape = equation.drift.shape
        self._matrix = as_array("matrix", step.matrix, shape=shape)
        self._noise = as_array("noise", step.noise, shape=(groups, components, None))
        self._served = substeps_of_filling(groups, self._noise.shape[2])
        self._replicas = len(position)
        self._first_block, self._first_lane = divmod(first_replica, LANES)
        blocks = -(-(self._first_lane + self._replicas) // LANES)
        self._is_turned = not np.array_equal(equation.basis, np.eye(len(equation.basis)))
        self._state = aligned((blocks, *equation.drift.shape[:2], LANES), np.float64)
        self._put(position, velocity)

    def advance(self, first: int, stop: int, recorded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Go on from step `first` to step `stop`; return the snapshots at the steps `recorded`."""
        snapshots = np.empty((len(self._state), len(recorded), *self._state.shape[1:]))
        begin, end = ((self._first_step + step) * self._substeps for step in (first, stop))
        work = partial(
            self._advance_blocks,
            begin,
            end,
            (self._first_step + recorded) * self._substeps,
            snapshots,
        )
        in_threads(work, even_slices(len(self._state), PIECES))
        return self._unpacked(snapshots)

    def state(self) -> tuple[np.ndarray, np.ndarray]:
        """Return position and velocity now, (replica, parameter) each."""
        position, velocity = self._unpacked(self._state[:, None])
        return position[0], velocity[0]

    def numbers_per_step(self) -> Fraction:
        """Return how far the counter of the random numbers goes on in a step: one a filling."""
        return Fraction(self._substeps, self._served)

    def carried(self) -> dict[str, np.ndarray]:
        """Return what a checkpoint has to keep; the state changes in place, so it is copied."""
        return {"blocks": self._state.copy()}

    def restore(self, carried: Arrays) -> None:
        """Take up what a checkpoint kept."""
        self._state[:] = carried["blocks"]

    def _advance_blocks(
        self, first: int, stop: int, recorded: np.ndarray, snapshots: np.ndarray, piece: slice
    ) -> None:
        """Advance a piece from substep `first` to substep `stop`."""
        linear_steps(
            self._state[piece],
            self._matrix,
            self._noise,
            self._key,
            aligned((max(math.prod(self._noise.shape[::2]) * LANES, BLOCK),), np.float64),
            aligned((BLOCK,), np.uint64),
            self._first_block + piece.start,
            self._served,
            first,
            stop,
            recorded,
            snapshots[piece],
        )

    def _put(self, position: np.ndarray, velocity: np.ndarray) -> None:
        """Fill the state, which is in coordinates about the centre in the basis of the groups."""
        equation, lanes = self._equation, slice(self._first_lane, self._first_lane + self._replicas)
        coordinates = [position - equation.centre, velocity][: equation.orders]
        modes = np.zeros((len(self._state) * LANES, equation.orders, len(equation.basis)))
        modes[lanes] = np.stack(
            [self._turned(part, equation.basis) for part in coordinates], axis=1
        )
        grouped = modes.reshape(len(self._state), LANES, equation.orders, -1, equation.positions)
        self._state[:] = grouped.transpose(0, 3, 2, 4, 1).reshape(self._state.shape)

    def _unpacked(self, packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Turn (block, snapshot, group, component, LANES) into position and velocity.

        Both have the shape (snapshot, replica, parameter).
        """
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
