"""Initial weights of a network: independent normals of mean 0 and variance 1, the same for a replica wherever it is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np


def standard_normals(shapes: Sequence[tuple[int, ...]], seed: int, replica: int) -> list[np.ndarray]:
    """Float64 arrays of some shapes, drawn one after the other: a function of (seed, replica) and the shapes alone."""
    from langevin_sgd.randomness import START, normals

    ends = [0, *itertools.accumulate(math.prod(shape) for shape in shapes)]
    flat = normals((ends[-1],), seed, step=replica, substream=START)
    pieces = itertools.pairwise(ends)
    return [flat[start:stop].reshape(shape) for shape, (start, stop) in zip(shapes, pieces, strict=True)]
