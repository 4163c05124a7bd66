"""The compiled loop: linear steps of a block of replicas.

Replicas are advanced in fixed blocks of `LANES`. The normals of a block are a function of (seed,
substep, replica block) alone, so that the path of a replica depends neither on the replicas beside
it, nor on the number of threads, nor on where a run was cut. Where a block needs fewer than `BLOCK`
normals a substep, one filling serves several substeps.
"""

from __future__ import annotations

import numpy as np

from langevin_sgd.kernels.compiled import inlined, kernel
from langevin_sgd.kernels.intrinsics import fma
from langevin_sgd.randomness import BLOCK
from langevin_sgd.sde.fillings import fill_64

LANES = 16
"""Replicas per block: two of the widest vectors; 100 modes stay in the first-level cache."""


def substeps_of_filling(groups: int, sources: int) -> int:
    """Substeps that one filling of `BLOCK` normals serves."""
    return max(1, BLOCK // (groups * sources * LANES))


@inlined
def _linear_step(
    state: np.ndarray, matrix: np.ndarray, noise: np.ndarray, normals: np.ndarray, moved: np.ndarray
) -> None:
    """Replace `state` by matrix @ state + noise @ normals.

    `state` is (group, component, LANES), `moved` is scratch.
    """
    components, sources = noise.shape[1], noise.shape[2]
    for group in range(len(state)):
        for i in range(components):
            for lane in range(LANES):
                moved[i, lane] = 0.0
            for j in range(components):
                factor = matrix[group, i, j]
                for lane in range(LANES):
                    moved[i, lane] = fma(factor, state[group, j, lane], moved[i, lane])
            for j in range(sources):
                factor = noise[group, i, j]
                for lane in range(LANES):
                    moved[i, lane] = fma(factor, normals[group, j, lane], moved[i, lane])
        for i in range(components):
            for lane in range(LANES):
                state[group, i, lane] = moved[i, lane]


@inlined
def _oscillator_step(
    state: np.ndarray, matrix: np.ndarray, noise: np.ndarray, normals: np.ndarray
) -> None:
    """The same for groups of position and velocity: equal roundings, three times as fast."""
    # Lanes are counted by the array: unrolled over a constant, the loops would not become vector
    # instructions.
    two = noise.shape[2] == 2
    for group in range(len(state)):
        a, b, c, d = (
            matrix[group, 0, 0],
            matrix[group, 0, 1],
            matrix[group, 1, 0],
            matrix[group, 1, 1],
        )
        e, f = noise[group, 0, 0], noise[group, 1, 0]
        for lane in range(state.shape[2]):
            x, v, normal = state[group, 0, lane], state[group, 1, lane], normals[group, 0, lane]
            state[group, 0, lane] = fma(e, normal, fma(b, v, a * x))
            state[group, 1, lane] = fma(f, normal, fma(d, v, c * x))
        if two:
            g, h = noise[group, 0, 1], noise[group, 1, 1]
            for lane in range(state.shape[2]):
                normal = normals[group, 1, lane]
                state[group, 0, lane] = fma(g, normal, state[group, 0, lane])
                state[group, 1, lane] = fma(h, normal, state[group, 1, lane])


@kernel
def linear_steps(
    states: np.ndarray,
    matrix: np.ndarray,
    noise: np.ndarray,
    key: np.ndarray,
    buffer: np.ndarray,
    bits: np.ndarray,
    first_block: int,
    served: int,
    first: int,
    stop: int,
    recorded: np.ndarray,
    snapshots: np.ndarray,
) -> None:
    """Advance some blocks of replicas from substep `first` to substep `stop`.

    Parameters
    ----------
    states
        (block, group, component, LANES), changed in place.
    matrix, noise
        (group, component, component) and (group, component, source), see
        `langevin_sgd.sde.integrator.LinearStep`.
    key
        Key of the random numbers.
    buffer, bits
        Scratch, float64 of the normals of a substep but at least `BLOCK`, and uint64 (`BLOCK`,).
    first_block
        Number of the first block in the counter.
    served
        Substeps that one filling serves, see `substeps_of_filling`.
    recorded
        (snapshot,), substeps, first < substep <= stop, after which the state is copied into
    snapshots
        (block, snapshot, group, component, LANES).
    """
    groups, components, sources = noise.shape
    needed = groups * sources * LANES
    fillings = (needed + BLOCK - 1) // BLOCK
    moved = np.empty((components, LANES))
    for block in range(len(states)):
        counter, state, copied = (first_block + block) * fillings, states[block], 0
        for substep in range(first, stop):
            phase = substep % served
            if phase == 0 or substep == first:
                fill_64(buffer, bits, key, substep // served, counter)
            normals = buffer[phase * needed : (phase + 1) * needed].reshape(
                (groups, sources, LANES)
            )
            if components == 2 and sources <= 2:
                _oscillator_step(state, matrix, noise, normals)
            else:
                _linear_step(state, matrix, noise, normals, moved)
            if copied < len(recorded) and recorded[copied] == substep + 1:
                snapshots[block, copied] = state
                copied += 1
