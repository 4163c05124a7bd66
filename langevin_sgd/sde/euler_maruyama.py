"""Euler-Maruyama: z' = z + h a(z) + sqrt(h) b(z) xi, everything at the beginning of the step.

Maruyama (1955); Kloeden and Platen, *Numerical Solution of Stochastic Differential Equations*
(1992), section 10.2:
strong order 1 for additive noise and 1/2 for noise that depends on the state, weak order 1. It
converges to the Ito reading. Its stationary variances are wrong by O(h); an oscillating mode
(natural frequency omega, damping rate gamma) needs h < 2 gamma / omega^2, or it diverges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from langevin_sgd.dynamics import LinearEquation, Overdamped, Underdamped
from langevin_sgd.kernels.compiled import inlined, value_at
from langevin_sgd.sde.baoab import add_scaled, rub
from langevin_sgd.sde.integrator import (
    BlockStep,
    Coefficients,
    Equation,
    Integrator,
    LinearStep,
    Number,
)

KICK, NOISE, KEEP, DRIFT = range(4)


@dataclass(frozen=True)
class EulerMaruyama(Integrator):
    """The Euler-Maruyama integrator; 40 substeps per step of SGD by default, for an error of about
    one per cent.
    """

    strong_order: ClassVar[float] = 1.0
    weak_order: ClassVar[float] = 1.0
    multiplicative_orders: ClassVar[tuple[float, float] | None] = (0.5, 1.0)
    accepts: ClassVar[tuple[type[Equation], ...]] = (Underdamped, Overdamped)
    calculi: ClassVar[tuple[str, ...]] = ("ito",)

    def block_step(self, equation: Equation, coefficients: Coefficients, size: Number) -> BlockStep:
        """Return the step on blocks."""
        friction, mass, amplitude = coefficients
        if equation.orders == 1:
            return BlockStep(
                overdamped_step, (size / friction, np.sqrt(size) * amplitude / friction), spares=1
            )
        factors = (size / mass, np.sqrt(size) * amplitude / mass, 1 - size * friction / mass, size)
        return BlockStep(underdamped_step, factors, spares=1)

    def linear_step(self, equation: LinearEquation, size: float) -> LinearStep:
        """Return 1 + h A and sqrt(h) B."""
        size = self.size_of_linear_step(equation, size)
        return LinearStep(
            np.eye(equation.drift.shape[1]) + size * equation.drift,
            math.sqrt(size) * equation.noise,
        )


@inlined
def set_equal(out: np.ndarray, other: np.ndarray) -> None:
    """Copy an array."""
    for i in range(len(out)):
        for lane in range(out.shape[1]):
            out[i, lane] = other[i, lane]


@inlined
def set_scaled(out: np.ndarray, noise: np.ndarray, factors: Any, k: int) -> None:
    """Set `out` to factor `k` times the noise."""
    for i in range(len(out)):
        for lane in range(out.shape[1]):
            out[i, lane] = value_at(factors, k, lane) * noise[i, lane]


@inlined
def overdamped_step(
    x: np.ndarray,
    v: np.ndarray,
    room: Any,
    own: Any,
    add_force: Any,
    shape_noise: Any,
    add_spread: Any,
    constant: bool,
) -> None:
    """x += (h/friction) force + noise."""
    change = room.spare[0]
    set_scaled(change, shape_noise(room.normals[0], room.shaped, x, own.noise), own.factors, NOISE)
    add_force(change, x, own.factors, KICK, own.force)
    for i in range(len(x)):
        for lane in range(x.shape[1]):
            x[i, lane] += change[i, lane]


@inlined
def underdamped_step(
    x: np.ndarray,
    v: np.ndarray,
    room: Any,
    own: Any,
    add_force: Any,
    shape_noise: Any,
    add_spread: Any,
    constant: bool,
) -> None:
    """x += h v and v += (h/m) (force - friction v) + noise, both with the old x and v."""
    before = room.spare[0]
    set_equal(before, v)
    rub(v, shape_noise(room.normals[0], room.shaped, x, own.noise), own.factors, KEEP, NOISE)
    add_force(v, x, own.factors, KICK, own.force)
    add_scaled(x, before, own.factors, DRIFT)
