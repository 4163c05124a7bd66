"""What a step works on, and the arithmetic of blocks that steps are put together from.

A block is an array (parameter, lane), one lane for each of its replicas. The factors of an
integrator are numbers under names (a NamedTuple of its own); a kernel finds them by their places in
it, `places`, because they may differ between replicas and are then rows of an array. Every sum of
a product is fused into one rounding, so that the bits do not depend on vector instructions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np

from langevin_sgd.kernels.block_code import Factors
from langevin_sgd.kernels.compiled import inlined, value_at
from langevin_sgd.kernels.intrinsics import fma

KernelNumbers = Factors | tuple[np.ndarray, ...]
"""What a force or a noise reads."""
AddForce = Callable[[np.ndarray, np.ndarray, Factors, int, KernelNumbers], None]
ShapeNoise = Callable[[np.ndarray, np.ndarray, np.ndarray, KernelNumbers], np.ndarray]
AddSpread = Callable[[np.ndarray, np.ndarray, np.ndarray, Factors, int, KernelNumbers], None]
Kicked = Callable[[float, np.ndarray, int, int, Factors, int, KernelNumbers], float]
"""The functions of an equation, see `langevin_sgd.sde.integrator.BlockStep`."""

Places = TypeVar("Places")


class Scratch(NamedTuple):
    """Arrays of one thread."""

    normals: np.ndarray
    """(draw, source, lane), float64 or float32."""
    bits: np.ndarray
    """(`langevin_sgd.randomness.BLOCK`,) uint64."""
    shaped: np.ndarray
    """(parameter, lane), for the noise after its amplitude."""
    spare: np.ndarray
    """(number, parameter, lane), for the integrator."""


class StepNumbers(NamedTuple):
    """Numbers of the step; each a tuple, or an array (block, number, lane) if they differ between
    replicas, (number, lane) within a block.
    """

    factors: Factors
    """Of the integrator."""
    force: KernelNumbers
    noise: KernelNumbers
    driver: tuple[float, ...]
    """Of the random numbers, the same for all replicas."""


Fill = Callable[[np.ndarray, np.ndarray, np.ndarray, int, int, tuple[float, ...]], None]
"""``fill(out, bits, key, step, block, values)``: the random numbers of a block, see
`langevin_sgd.sde.drivers`."""
Step = Callable[
    [np.ndarray, np.ndarray, Scratch, StepNumbers, AddForce, ShapeNoise, AddSpread, bool], None
]
LocalStep = Callable[[np.ndarray, np.ndarray, np.ndarray, StepNumbers, Kicked], None]
Change = Callable[[np.ndarray, np.ndarray, StepNumbers, AddForce], None]
"""The functions of an integrator, see `langevin_sgd.sde.integrator.BlockStep`."""


def places(names: Callable[..., Places]) -> Places:
    """Return a NamedTuple whose fields are their own places in it, for kernels.

    Examples
    --------
    >>> class Two(NamedTuple):
    ...     first: int
    ...     second: int
    >>> places(Two)
    Two(first=0, second=1)
    """
    return names(*range(len(vars(names)["_fields"])))


@inlined
def add(out: np.ndarray, other: np.ndarray) -> None:
    """Add another array."""
    for i in range(len(out)):
        for lane in range(out.shape[1]):
            out[i, lane] += other[i, lane]


@inlined
def subtract(out: np.ndarray, other: np.ndarray) -> None:
    """Subtract another array."""
    for i in range(len(out)):
        for lane in range(out.shape[1]):
            out[i, lane] -= other[i, lane]


@inlined
def add_scaled(out: np.ndarray, other: np.ndarray, factors: Factors, k: int) -> None:
    """Add factor `k` times another array."""
    for i in range(len(out)):
        for lane in range(out.shape[1]):
            out[i, lane] = fma(value_at(factors, k, lane), other[i, lane], out[i, lane])


@inlined
def set_equal(out: np.ndarray, other: np.ndarray) -> None:
    """Copy an array."""
    for i in range(len(out)):
        for lane in range(out.shape[1]):
            out[i, lane] = other[i, lane]


@inlined
def set_scaled(out: np.ndarray, noise: np.ndarray, factors: Factors, k: int) -> None:
    """Set `out` to factor `k` times the noise."""
    for i in range(len(out)):
        for lane in range(out.shape[1]):
            out[i, lane] = value_at(factors, k, lane) * noise[i, lane]


@inlined
def set_moved(
    out: np.ndarray, start: np.ndarray, slope: np.ndarray, factors: Factors, k: int
) -> None:
    """Set `out` to start + factor `k` times slope."""
    for i in range(len(out)):
        for lane in range(out.shape[1]):
            out[i, lane] = fma(value_at(factors, k, lane), slope[i, lane], start[i, lane])


@inlined
def rub(v: np.ndarray, noise: np.ndarray, factors: Factors, keep: int, amplitude: int) -> None:
    """Friction and noise: v <- keep v + amplitude noise."""
    for i in range(len(v)):
        for lane in range(v.shape[1]):
            v[i, lane] = fma(
                value_at(factors, keep, lane),
                v[i, lane],
                value_at(factors, amplitude, lane) * noise[i, lane],
            )
