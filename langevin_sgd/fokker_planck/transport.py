r"""Moving probability between cells: by any number of cells, and by transition matrices.

Shifts are positive, conservative and of high order. Row r of an array of cell probabilities is
moved by s cells, s any real number: s = n + f with 0 <= f < 1. A whole number of cells is exact.
For the rest, the probability that leaves cell i for the next one is what the last fraction f of it
holds,

    phi_i = C(x_{i+1/2}) - C(x_{i+1/2} - f h) = sum_k weight_k(f) m_{i+k},
    k = -(ORDER-1) ... ORDER-1,

C being the cumulative probability, interpolated by the polynomial through the 2 ORDER nearest
faces; then phi_i is limited to [0, m_i]. No cell gives what it does not have, and what one gives
its neighbour gets. The limits act only where the interpolated C is not monotone, that is, where a
density is not resolved or is zero to rounding. A semi-Lagrangian scheme in the spirit of Filbet,
Sonnendruecker and Bertrand, J. Comput. Phys. 172 (2001) 166 (weights and limiter derived here); no
limit on the size of a step.
"""

from __future__ import annotations

import numpy as np

from langevin_sgd.kernels.compiled import kernel
from langevin_sgd.kernels.intrinsics import fma

ORDER = 4
"""Faces on either side: the interpolation is of degree 7."""

WIDTH = 2 * ORDER - 1


def shift_weights(fraction: np.ndarray) -> np.ndarray:
    """Weights (row, WIDTH) of the neighbouring cells' probabilities in what leaves cell i.

    The cells are i - ORDER + 1 ... i + ORDER - 1.
    """
    # In cells, from the low face (0) to the high face (1) of i.
    faces = np.arange(1 - ORDER, ORDER + 1, dtype=float)
    points = 1 - fraction
    basis = np.ones((len(faces), len(fraction)))
    for j, face in enumerate(faces):
        for other in np.delete(faces, j):
            basis[j] *= (points - other) / (face - other)
    # C(high face) - C(face j) is the sum of the cells between: each cell left of the high face
    # counts in every face at or beyond its low side, each one right of it, negatively, in every
    # face at or beyond its high side.
    below = np.cumsum(basis, axis=0)[:ORDER]
    above = np.cumsum(basis[::-1], axis=0)[::-1][ORDER + 1 :]
    return np.ascontiguousarray(np.concatenate([below, -above]).T)


@kernel
def shift_rows(mass: np.ndarray, whole: np.ndarray, weights: np.ndarray, moved: np.ndarray) -> None:
    """Move every row of `mass` around its ring of cells.

    Parameters
    ----------
    mass, moved
        (row, cell), source and result.
    whole
        (row,), whole number of cells.
    weights
        (row, WIDTH), from `shift_weights`.
    """
    rows, cells = mass.shape
    padded = np.empty(cells + WIDTH)
    flux = np.empty(cells + 1)
    for r in range(rows):
        for k in range(ORDER):
            padded[k] = mass[r, (k - ORDER) % cells]
        padded[ORDER : ORDER + cells] = mass[r]
        for k in range(ORDER - 1):
            padded[ORDER + cells + k] = mass[r, k % cells]
        w0, w1, w2, w3 = weights[r, 0], weights[r, 1], weights[r, 2], weights[r, 3]
        w4, w5, w6 = weights[r, 4], weights[r, 5], weights[r, 6]
        for i in range(cells + 1):  # what enters cell i, from cell i - 1 = padded[i + 3]
            wanted = (
                (w0 * padded[i] + w1 * padded[i + 1])
                + (w2 * padded[i + 2] + w3 * padded[i + 3])
                + ((w4 * padded[i + 4] + w5 * padded[i + 5]) + w6 * padded[i + 6])
            )
            flux[i] = min(max(wanted, 0.0), padded[i + 3])
        start = whole[r] % cells
        for i in range(cells - start):
            moved[r, start + i] = padded[ORDER + i] + (flux[i] - flux[i + 1])
        for i in range(cells - start, cells):
            moved[r, start + i - cells] = padded[ORDER + i] + (flux[i] - flux[i + 1])


@kernel
def mix_rows(
    matrix: np.ndarray, first: np.ndarray, stop: np.ndarray, mass: np.ndarray, mixed: np.ndarray
) -> None:
    """Set `mixed` to matrix @ mass, where row i of the matrix is zero outside its range.

    The range is first[i] <= j < stop[i]; the number of rows is even.

    Written out rather than left to a BLAS, whose threads wait for one another on a busy machine.
    Rows go by twos and columns by fours, so that what is loaded is used twice and stored once for
    four.
    """
    cells = mass.shape[1]
    for i in range(0, len(matrix), 2):
        upper, lower = mixed[i], mixed[i + 1]
        for c in range(cells):
            upper[c] = 0.0
            lower[c] = 0.0
        begin, end = min(first[i], first[i + 1]), max(stop[i], stop[i + 1])
        blocks = begin + (end - begin) // 4 * 4
        for j in range(begin, blocks, 4):
            m0, m1, m2, m3 = mass[j], mass[j + 1], mass[j + 2], mass[j + 3]
            a0, a1, a2, a3 = matrix[i, j], matrix[i, j + 1], matrix[i, j + 2], matrix[i, j + 3]
            b0, b1, b2, b3 = (
                matrix[i + 1, j],
                matrix[i + 1, j + 1],
                matrix[i + 1, j + 2],
                matrix[i + 1, j + 3],
            )
            for c in range(cells):
                p0, p1, p2, p3 = m0[c], m1[c], m2[c], m3[c]
                upper[c] = fma(a0, p0, fma(a1, p1, fma(a2, p2, fma(a3, p3, upper[c]))))
                lower[c] = fma(b0, p0, fma(b1, p1, fma(b2, p2, fma(b3, p3, lower[c]))))
        for j in range(blocks, end):
            for c in range(cells):
                upper[c] = fma(matrix[i, j], mass[j, c], upper[c])
                lower[c] = fma(matrix[i + 1, j], mass[j, c], lower[c])
