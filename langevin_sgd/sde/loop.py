"""The compiled loop of the general engine: blocks of replicas that stay in the first-level cache.

Per block and substep there are three kinds of simple loops over lanes: random words, normals, and
the arithmetic of the integrator. The normals of a block are a function of (seed, substep, replica
block) alone, so that the path of a replica depends neither on the replicas beside it, nor on the
number of threads, nor on where a run was cut.

`run` is generic in the integrator, the force and the noise. They are functions, bound together in
generated source (`langevin_sgd.sde.binding`), because only then does Numba both inline them and
keep what it compiled.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from langevin_sgd.kernels.compiled import inlined, of_block
from langevin_sgd.randomness import BLOCK
from langevin_sgd.sde.block_arithmetic import (
    AddForce,
    AddSpread,
    Change,
    Fill,
    Scratch,
    ShapeNoise,
    Step,
    StepNumbers,
)


class Span(NamedTuple):
    """Which part of the run to make."""

    first_block: int
    """Number of the first block in the counter."""
    first: int
    stop: int
    """Substeps, first <= substep < stop."""
    substeps: int
    """Substeps per step."""


class Kept(NamedTuple):
    """What to keep of the run."""

    recorded: np.ndarray
    """(snapshot,), steps after which the state is copied into"""
    snapshots: np.ndarray
    """(block, snapshot, order, parameter, lane)."""
    passage: np.ndarray
    """(block, watch, lane), first step at which a coordinate was beyond its level, -1 before."""
    axis: np.ndarray
    """(watch,), the coordinates."""
    level: np.ndarray
    """(watch, 2), the level and the sign of beyond."""


def lanes_of_block(parameters: int, normals: DTypeLike) -> int:
    """Replicas per block: 512, or 1024 for half-size normals; fewer for many parameters, >= 16."""
    widest = BLOCK * 8 // np.dtype(normals).itemsize
    lanes = widest
    while lanes > 16 and parameters * lanes > 2 * widest:
        lanes //= 2
    return lanes


@inlined
def take(out: np.ndarray, source: np.ndarray) -> None:
    """Copy three-dimensional arrays; an assignment of slices takes Numba seconds to compile."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            for lane in range(out.shape[2]):
                out[i, j, lane] = source[i, j, lane]


@inlined
def numbers_of_block(numbers: StepNumbers, block: int) -> StepNumbers:
    """Numbers of the step in one block of replicas."""
    return StepNumbers(
        of_block(numbers.factors, block),
        of_block(numbers.force, block),
        of_block(numbers.noise, block),
        numbers.driver,
    )


# --- the loop -------------------------------------------------------------------------------------


@inlined
def _watch(
    passage: np.ndarray, position: np.ndarray, axis: np.ndarray, level: np.ndarray, step: int
) -> None:
    for watch in range(len(axis)):
        limit, sign, row = level[watch, 0] * level[watch, 1], level[watch, 1], axis[watch]
        for lane in range(position.shape[1]):
            if passage[watch, lane] < 0 and sign * position[row, lane] >= limit:
                passage[watch, lane] = step


@inlined
def run(
    states: np.ndarray,
    numbers: StepNumbers,
    room: Scratch,
    key: np.ndarray,
    span: Span,
    kept: Kept,
    fill: Fill,
    step: Step,
    leave: Change,
    add_force: AddForce,
    shape_noise: ShapeNoise,
    add_spread: AddSpread,
    constant: bool,
) -> None:
    """Advance blocks of replicas, ``states`` (block, order, parameter, lane), in place.

    The functions are those of `langevin_sgd.sde.integrator.BlockStep` and of the equation;
    `constant` says whether the noise does not depend on the position.
    """
    for block in range(len(states)):
        x, v = states[block, 0], states[block, states.shape[1] - 1]
        own = numbers_of_block(numbers, block)
        number, copied = span.first_block + block, 0
        for substep in range(span.first, span.stop):
            fill(room.normals, room.bits, key, substep, number, numbers.driver)
            step(x, v, room, own, add_force, shape_noise, add_spread, constant)
            done = (substep + 1) // span.substeps
            if done * span.substeps == substep + 1:
                if len(kept.axis):
                    _watch(kept.passage[block], x, kept.axis, kept.level, done)
                if copied < len(kept.recorded) and kept.recorded[copied] == done:
                    copy = kept.snapshots[block, copied]
                    take(copy, states[block])
                    leave(copy[0], copy[len(copy) - 1], own, add_force)
                    copied += 1


@inlined
def run_driven(
    states: np.ndarray,
    numbers: StepNumbers,
    room: Scratch,
    given: np.ndarray,
    snapshots: np.ndarray,
    step: Step,
    leave: Change,
    add_force: AddForce,
    shape_noise: ShapeNoise,
    add_spread: AddSpread,
    constant: bool,
) -> None:
    """Advance one block by `given` normals (substep, draw, source, lane).

    ``states`` is (1, order, parameter, lane).
    """
    own = numbers_of_block(numbers, 0)
    x, v = states[0, 0], states[0, states.shape[1] - 1]
    for substep in range(len(given)):
        take(room.normals, given[substep])
        step(x, v, room, own, add_force, shape_noise, add_spread, constant)
        copy = snapshots[substep]
        take(copy, states[0])
        leave(copy[0], copy[len(copy) - 1], own, add_force)


@inlined
def convert(states: np.ndarray, numbers: StepNumbers, change: Change, add_force: AddForce) -> None:
    """Apply `change`, the `enter` or `leave` of an integrator, to all blocks."""
    for block in range(len(states)):
        own = numbers_of_block(numbers, block)
        change(states[block, 0], states[block, states.shape[1] - 1], own, add_force)
