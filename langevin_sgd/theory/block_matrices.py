"""Covariances of phase space as 2x2 blocks, one per eigenmode or one per pair of eigenmodes.

A block is [[<x x>, <x v>], [<v x>, <v v>]]. Arrays (..., eigenmode, 2, 2) hold the modes' own
blocks, arrays (..., eigenmode, eigenmode, 2, 2) those of all pairs; a matrix of phase space has the
order (theta_1 ... theta_P, v_1 ... v_P).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def sides(matrices: np.ndarray, pairs: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return (..., eigenmode, 2, 2) matrices of the first and second mode of each of `pairs`."""
    if not pairs:
        return matrices, matrices
    return matrices[..., :, None, :, :], matrices[..., None, :, :, :]


def carried(propagator: np.ndarray, covariance: np.ndarray, pairs: bool) -> np.ndarray:
    """Carry a covariance along: propagator C propagator^T, block by block."""
    first, second = sides(propagator, pairs)
    return first @ covariance @ np.swapaxes(second, -1, -2)


def summed(
    first: np.ndarray,
    count: np.ndarray,
    propagator: Callable[[np.ndarray], np.ndarray],
    pairs: bool,
) -> np.ndarray:
    """Sum E_k C E_k^T over k = 0 ... count-1, E_k = propagator(k) the k-th power of one matrix.

    By doubling, a sum over 2n from one over n: positive terms only, so that no digits cancel, and
    as many rounds as `count` has binary digits.

    Parameters
    ----------
    first
        The blocks C.
    count
        Whole numbers >= 0, any shape.
    propagator
        Powers of the one-step matrix, k.shape + (eigenmode, 2, 2).

    Returns
    -------
    count.shape + first.shape
    """
    count = np.asarray(count, dtype=float)
    done = np.zeros_like(count)
    of_one_step = propagator(np.array(1.0))
    total = np.zeros(count.shape + first.shape)
    for level in reversed(range(int(np.frexp(count.max(initial=0.0))[1]))):
        total = total + carried(propagator(done), total, pairs)
        odd = np.floor(np.ldexp(count, -level)) > 2 * done
        done = 2 * done + odd
        another = first + carried(of_one_step, total, pairs)
        total = np.where(odd.reshape(odd.shape + (1,) * first.ndim), another, total)
    return total


def outer(first: np.ndarray, second: np.ndarray, pairs: bool) -> np.ndarray:
    """Blocks of the outer product of two vectors (..., eigenmode, 2)."""
    if pairs:
        return first[..., :, None, :, None] * second[..., None, :, None, :]
    return first[..., :, None] * second[..., None, :]


def own(blocks: np.ndarray) -> np.ndarray:
    """Return the modes' own blocks (..., eigenmode, 2, 2) out of those of all pairs."""
    return np.moveaxis(np.diagonal(blocks, axis1=-4, axis2=-3), -1, -3)


def to_matrix(blocks: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Return pair blocks in the basis of `vectors` as a phase-space matrix.

    Its shape is (..., 2 * parameter, 2 * parameter).
    """
    size = len(vectors)
    by_type = np.moveaxis(blocks, (-2, -1), (-4, -3))
    rotated = vectors @ by_type @ vectors.T
    return np.swapaxes(rotated, -3, -2).reshape(*blocks.shape[:-4], 2 * size, 2 * size)


def from_matrix(matrix: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Return a phase-space matrix as pair blocks in the basis of `vectors`.

    Their shape is (eigenmode, eigenmode, 2, 2).
    """
    size = len(vectors)
    by_type = np.swapaxes(matrix.reshape(2, size, 2, size), 1, 2)
    return np.moveaxis(vectors.T @ by_type @ vectors, (0, 1), (2, 3))
