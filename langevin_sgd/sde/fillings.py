"""Normals for a block of replicas.

The normals of a block are a function of (seed, substep, replica block) alone. A block that needs
more of them than one filling holds takes several, with counters of their own.
"""

from __future__ import annotations

import numpy as np

from langevin_sgd.kernels.compiled import inlined, kernel
from langevin_sgd.randomness import BLOCK, NOISE, normals_32, normals_64


@kernel
def fill_64(out: np.ndarray, bits: np.ndarray, key: np.ndarray, step: int, counter: int) -> None:
    """Fill `out`, a multiple of 4 long, with float64 normals."""
    for start in range(0, len(out), BLOCK):
        count = min(BLOCK, len(out) - start)
        words = bits[:count].reshape((4, count // 4))
        normals_64(out[start : start + count], words, key, step, counter + start // BLOCK, NOISE)


@kernel
def fill_32(out: np.ndarray, bits: np.ndarray, key: np.ndarray, step: int, counter: int) -> None:
    """Fill `out`, a multiple of 8 long, with float32 normals."""
    for start in range(0, len(out), 2 * BLOCK):
        count = min(2 * BLOCK, len(out) - start)
        words = bits[: count // 2].reshape((4, count // 8))
        normals_32(
            out[start : start + count], words, key, step, counter + start // (2 * BLOCK), NOISE
        )


@inlined
def normals_of_block_64(
    out: np.ndarray,
    bits: np.ndarray,
    key: np.ndarray,
    step: int,
    block: int,
    values: tuple[float, ...],
) -> None:
    """Fill `out` (draw, source, lane) with the float64 normals of a block; `values` is not used."""
    taken = (out.size + BLOCK - 1) // BLOCK
    fill_64(out.reshape(out.size), bits, key, step, block * taken)


@inlined
def normals_of_block_32(
    out: np.ndarray,
    bits: np.ndarray,
    key: np.ndarray,
    step: int,
    block: int,
    values: tuple[float, ...],
) -> None:
    """Fill `out` (draw, source, lane) with the float32 normals of a block; `values` is not used."""
    taken = (out.size + 2 * BLOCK - 1) // (2 * BLOCK)
    fill_32(out.reshape(out.size), bits, key, step, block * taken)
