"""Initial weights: independent standard normals, the same for a replica wherever it is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from langevin_sgd.checks import as_count, as_seed, require_memory


def standard_normals(
    network: object, shapes: Sequence[tuple[int, ...]], seed: int, replica: int
) -> list[np.ndarray]:
    """Draw float64 arrays one after the other, a function of (seed, replica) and the shapes alone.

    Raises
    ------
    InputError
        If seed or replica is out of range, or the weights of the network do not fit into the
        memory.
    """
    from langevin_sgd.randomness import START, normals

    seed, replica = as_seed("seed", seed), as_count("replica", replica, minimum=0)
    ends = [0, *itertools.accumulate(math.prod(shape) for shape in shapes)]
    require_memory("network", network, 8.0 * ends[-1])
    flat = normals((ends[-1],), seed, step=replica, substream=START)
    pieces = itertools.pairwise(ends)
    return [
        flat[start:stop].reshape(shape) for shape, (start, stop) in zip(shapes, pieces, strict=True)
    ]
