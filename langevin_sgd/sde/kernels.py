"""The compiled loop: linear steps of a block of replicas.

Replicas are advanced in fixed blocks of `LANES`. The normals of a block are a function of (seed, substep, replica
block) alone, so that the path of a replica depends neither on the replicas beside it, nor on the number of threads, nor
on where a run was cut. Where a block needs fewer than `BLOCK` normals a substep, one filling serves several substeps.
"""

from __future__ import annotations

import numpy as np

from langevin_sgd.compiled import fma, inlined, kernel
from langevin_sgd.randomness import BLOCK, NOISE, normals_64

LANES = 16
"""Replicas per block: two vectors of the widest registers, and a block of 100 modes stays in the first-level cache."""


@inlined
def _linear_step(
    state: np.ndarray, matrix: np.ndarray, noise: np.ndarray, normals: np.ndarray, moved: np.ndarray
) -> None:
    """Replace `state` (group, component, LANES) by matrix @ state + noise @ normals; `moved` is scratch."""
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


@kernel
def linear_steps(
    states: np.ndarray,
    matrix: np.ndarray,
    noise: np.ndarray,
    key: np.ndarray,
    first_block: int,
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
        (group, component, component) and (group, component, source), see `langevin_sgd.sde.integrator.LinearStep`.
    key
        Key of the random numbers.
    first_block
        Number of the first block in the counter.
    recorded
        (snapshot,), substeps, first < substep <= stop, after which the state is copied into
    snapshots
        (block, snapshot, group, component, LANES).
    """
    groups, components, sources = noise.shape
    needed = groups * sources * LANES
    fillings = (needed + BLOCK - 1) // BLOCK
    served = max(1, BLOCK // needed)
    buffer = np.empty(fillings * BLOCK)
    bits = np.empty((4, BLOCK // 4), np.uint64)
    moved = np.empty((components, LANES))
    for block in range(len(states)):
        counter, state, copied = (first_block + block) * fillings, states[block], 0
        for substep in range(first, stop):
            phase = substep % served
            if phase == 0 or substep == first:
                for filling in range(fillings):
                    part = buffer[filling * BLOCK : (filling + 1) * BLOCK]
                    normals_64(part, bits, key, substep // served, counter + filling, NOISE)
            normals = buffer[phase * needed : (phase + 1) * needed].reshape((groups, sources, LANES))
            _linear_step(state, matrix, noise, normals, moved)
            if copied < len(recorded) and recorded[copied] == substep + 1:
                snapshots[block, copied] = state
                copied += 1
