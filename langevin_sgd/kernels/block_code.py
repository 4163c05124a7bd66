"""What a force or a noise brings to the kernels of the general engine.

The loop of an engine is generic; which force and which noise it calls is decided in generated
source (`langevin_sgd.sde.binding`). Each kind hands over one value that says where its functions
come from, compiled ones of a module or source of its own, and what they read. Nobody then needs to
know what kind it was. The functions of a force are ``add_force`` and, where the force on a
coordinate depends on no other, ``kicked``; those of a noise ``shape_noise`` and ``add_spread``
(`langevin_sgd.sde.integrator.BlockStep` says what each of them does).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

CompiledFunction = Callable[..., object]
"""A function compiled by `langevin_sgd.kernels.compiled` or by ``numba.njit``."""

Factors = tuple[float, ...] | np.ndarray
"""Numbers in a kernel: a tuple, or (number, lane) if they differ between replicas; read by
`langevin_sgd.kernels.compiled.value_at`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockCode:
    """Functions on blocks of replicas, and the numbers that they read.

    Parameters
    ----------
    functions
        Name under which the loop calls it -> compiled function.
    source
        Source that defines those functions which are not compiled yet.
    needs
        Functions that the source calls and cannot import: with any, nothing is kept compiled.
    arrays
        What the functions read, the same for all replicas; or else
    numbers
        numbers, each of which may be an array (replica,).
    is_local
        Of a force: whether that on a coordinate depends on no other, so that ``kicked`` is there.
    """

    functions: Mapping[str, CompiledFunction] = field(default_factory=dict)
    source: str = ""
    needs: Mapping[str, CompiledFunction] = field(default_factory=dict)
    arrays: tuple[np.ndarray, ...] = ()
    numbers: tuple[float | np.ndarray, ...] = ()
    is_local: bool = False


def is_diagonal(matrix: np.ndarray) -> bool:
    """Whether all entries beside the diagonal are zero."""
    return np.array_equal(matrix, np.diag(np.diagonal(matrix)))


def row_if_diagonal(matrix: np.ndarray) -> np.ndarray:
    """Return the diagonal of a diagonal matrix as (1, n), any other as a contiguous (n, m)."""
    if is_diagonal(matrix):
        return np.diagonal(matrix)[None].copy()
    return np.ascontiguousarray(matrix)
