"""Products of many small matrices: the work of training many small networks at once.

    out_r <- keep out_r + scale a_r b_r,    r = 0, 1, ...

On a processor by a kernel of our own, one thread a call: minibatches make for matrices of few rows,
for which general libraries first rearrange what they then use once. On a GPU by torch. On a
processor an output depends on its own row of `a` alone, bit for bit, not on how many rows there
are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from langevin_sgd.checks import InputError
from langevin_sgd.kernels.compiled import kernel
from langevin_sgd.kernels.tile import ROWS, VECTOR_BYTES, tile

_KINDS: dict[torch.dtype, tuple[Any, int]] = {
    torch.float32: (np.float32, 4),
    torch.float64: (np.float64, 8),
}
"""The kinds of number there is a kernel for, and their bytes."""


def product(a: torch.Tensor, b: torch.Tensor, scale: float) -> torch.Tensor:
    """Return ``scale * a @ b`` of stacks of matrices (replica, i, k) and (replica, k, j)."""
    out = a.new_empty((*a.shape[:2], b.shape[2]))
    if not a.is_cpu or _rows_are_whole(b):
        add_product(out, a, b, scale, keep=0.0)
        return out
    # A transposed `b` has whole columns, which are the rows of the transposed product.
    flipped = a.new_empty((a.shape[0], b.shape[2], a.shape[1]))
    add_product(flipped, b.mT, a.mT.contiguous(), scale, keep=0.0)
    return out.copy_(flipped.mT)


def add_product(
    out: torch.Tensor, a: torch.Tensor, b: torch.Tensor, scale: float, keep: float = 1.0
) -> None:
    """Set `out` to ``keep * out + scale * a @ b``; with keep = 0 it may hold anything before.

    Parameters
    ----------
    out, a, b
        (replica, i, j), (replica, i, k) and (replica, k, j), of one kind; on a processor the rows
        of `out` and `b` must be whole, one number after the other. Shapes are not held against each
        other: it would cost as much as a small product.
    scale, keep
        Numbers.

    Raises
    ------
    InputError
        If they are not of one kind: the kernel is given addresses, and would read past the end of
        narrower numbers.
    """
    if not (out.dtype == a.dtype == b.dtype):
        kinds = ", ".join(str(dtype).removeprefix("torch.") for dtype in (a.dtype, b.dtype))
        raise InputError(f"inputs and weights = {kinds}: must be of one kind of number")
    if not out.is_cpu:
        out.baddbmm_(a, b, beta=keep, alpha=scale)
        return
    kind, size = _KINDS[out.dtype]
    places = out.data_ptr(), a.data_ptr(), b.data_ptr()
    replicas, rows, columns = out.shape
    strides = out.stride(), a.stride(), b.stride()
    _multiply(replicas, rows, columns, a.shape[2], places, *strides, size, kind(scale), kind(keep))


def _rows_are_whole(matrices: torch.Tensor) -> bool:
    return matrices.shape[2] == 1 or matrices.stride(2) == 1


_whole = tile(ROWS, 2)
_end_of_rows = tile(ROWS, 1)
_one_row = tile(1, 2)
_end_of_row = tile(1, 1)


@kernel
def _multiply(
    replicas: int,
    rows: int,
    columns: int,
    length: int,
    places: tuple[int, ...],
    out: tuple[int, ...],
    a: tuple[int, ...],
    b: tuple[int, ...],
    size: int,
    scale: np.floating,
    keep: np.floating,
) -> None:
    """Multiply tile by tile.

    Parameters
    ----------
    replicas, rows, columns, length
        Sizes: `out` is (replica, row, column), sums are over `length`.
    places
        Addresses of `out`, `a` and `b`.
    out, a, b
        Their strides in elements.
    size
        Bytes of an element.
    scale, keep
        Factors of the product and of what was in `out`.
    """
    # Rows beyond the last whole tile are taken one by one, columns beyond the last two vectors one
    # vector at a time, whose lanes beyond the end are masked. A column of tiles is done before the
    # next, so that the columns of `b` it needs stay in the first-level cache.
    lanes = VECTOR_BYTES // size
    out_row, a_row, a_column, b_row = out[1] * size, a[1] * size, a[2] * size, b[1] * size
    for r in range(replicas):
        for i in range(0, rows, ROWS):
            j = 0
            while j < columns:
                left = columns - j
                b_j = places[2] + (r * b[0] + j) * size
                last = rows if i + ROWS > rows else i + 1
                for row in range(i, last):
                    c = places[0] + (r * out[0] + row * out[1] + j) * size
                    a_i = places[1] + (r * a[0] + row * a[1]) * size
                    if i + ROWS <= rows:
                        if left >= 2 * lanes:
                            _whole(
                                c,
                                out_row,
                                a_i,
                                a_row,
                                a_column,
                                b_j,
                                b_row,
                                length,
                                left,
                                scale,
                                keep,
                            )
                        else:
                            _end_of_rows(
                                c,
                                out_row,
                                a_i,
                                a_row,
                                a_column,
                                b_j,
                                b_row,
                                length,
                                left,
                                scale,
                                keep,
                            )
                    elif left >= 2 * lanes:
                        _one_row(
                            c, out_row, a_i, a_row, a_column, b_j, b_row, length, left, scale, keep
                        )
                    else:
                        _end_of_row(
                            c, out_row, a_i, a_row, a_column, b_j, b_row, length, left, scale, keep
                        )
                j += 2 * lanes if left >= 2 * lanes else lanes
