"""The innermost operations: dot products with rows, and looking ahead in memory.

Rows may be stored in float32; products and sums are in float64. Rows are padded with zeros to whole
vectors. A point is unfit unless its product is at least the margin, so that a NaN counts as unfit.
"""

from __future__ import annotations

import math

import numpy as np

from langevin_sgd.kernels.compiled import inlined, kernel, reassociating
from langevin_sgd.kernels.intrinsics import prefetch
from langevin_sgd.kernels.layout import LINE_BYTES

AHEAD = 16
"""Rows that are asked for ahead of their use."""


@reassociating
def dot(rows: np.ndarray, i: int, w: np.ndarray) -> float:
    """X_i . w."""
    total = 0.0
    for p in range(len(w)):
        total += rows[i, p] * w[p]
    return total


@inlined
def add_row(w: np.ndarray, scale: float, rows: np.ndarray, i: int) -> None:
    """Add scale * X_i to w."""
    for p in range(len(w)):
        w[p] += scale * rows[i, p]


@reassociating
def squared_distance(w: np.ndarray, place: np.ndarray) -> float:
    """|w - place|^2."""
    total = 0.0
    for p in range(len(w)):
        total += (w[p] - place[p]) ** 2
    return total


@reassociating
def squared_norm(w: np.ndarray) -> float:
    """|w|^2."""
    total = 0.0
    for p in range(len(w)):
        total += w[p] * w[p]
    return total


@inlined
def rounding_slack(w: np.ndarray) -> float:
    """Distance taken off a certificate, so that rounding of X_i . w cannot break it.

    A sum of d products is off by at most d * 2^-53 |X_i| |w|. There are two of them, and the
    distances: 8 are allowed.
    """
    return 8.0 * (len(w) + 8) * 2.0**-53 * math.sqrt(squared_norm(w))


@inlined
def prefetch_row(address: int, row_bytes: int, i: int) -> None:
    """Prefetch the row `i` at an address; an array would be reference counted at every call."""
    first = address + i * row_bytes
    for line in range(first, first + row_bytes, LINE_BYTES):
        prefetch(line)


@kernel
def count_unfit(rows: np.ndarray, w: np.ndarray, margin: float, enough: int) -> int:
    """Number of unfit points, counted up to `enough`."""
    count = 0
    for i in range(len(rows)):
        if not dot(rows, i, w) >= margin:
            count += 1
            if count >= enough:
                break
    return count
