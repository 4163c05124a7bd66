"""How arrays lie in memory, and how work on them is cut into pieces.

A cache line is 64 bytes long, and so is the widest vector register: eight numbers of 8 bytes.
Arrays that kernels read in vectors start on a cache line (`aligned`), and rows that are read one by
one are filled up with zeros to whole lines (`padded`), so that no load straddles two lines and no
loop over a row needs an end of its own. The zeros stay zero and are never shown to a user.

Kernels run on several threads at once (`langevin_sgd.kernels.compiled.in_threads`). What a thread
takes is a piece: some replicas, or some blocks of them, next to one another (`even_ranges`,
`even_slices`). A replica's numbers do not depend on the piece it is in: how many pieces there are
is a matter of speed alone, and each engine says how many it takes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

LINE_BYTES = 64
"""Length of a cache line, and of the widest vector register."""
LINE = LINE_BYTES // 8
"""Numbers of float64 in a cache line."""


def aligned(shape: Sequence[int], dtype: Any) -> np.ndarray:
    """Return zeros that start on a cache line."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    # NumPy aligns to 16 bytes only: take a line more than is needed, and begin where a line does.
    room = np.zeros(size + LINE_BYTES, np.uint8)
    start = -room.ctypes.data % LINE_BYTES
    return room[start : start + size].view(dtype).reshape(shape)


def whole_lines(count: int) -> int:
    """Return `count` numbers of float64, rounded up to whole cache lines."""
    return -(-count // LINE) * LINE


def padded(array: np.ndarray) -> np.ndarray:
    """Return a float64 copy on a cache line, rows filled up with zeros to whole lines."""
    out = aligned((*array.shape[:-1], whole_lines(array.shape[-1])), np.float64)
    out[..., : array.shape[-1]] = array
    return out


def even_ranges(count: int, pieces: int) -> list[tuple[int, int]]:
    """Cut 0 ... count - 1 into at most `pieces` ranges (first, stop), as even as can be."""
    cuts = np.linspace(0, count, min(count, pieces) + 1).astype(int).tolist()
    return list(itertools.pairwise(cuts))


def even_slices(count: int, pieces: int) -> list[slice]:
    """Cut 0 ... count - 1 into at most `pieces` slices, all but the last of one length."""
    size = -(-count // pieces)
    return [slice(begin, begin + size) for begin in range(0, count, size)]
