"""Stochastic Heun: the mean of the Euler step here and the Euler step from where it leads, with the
same noise.

    z~ = z + h a(z) + b(z) dW,      z' = z + (h/2) (a(z) + a(z~)) + (1/2) (b(z) + b(z~)) dW

Ruemelin, *Numerical treatment of stochastic differential equations*, SIAM J. Numer. Anal. 19 (1982)
604: it converges to the Stratonovich reading, with strong order 1 for one noise or noises that
commute. With additive noise it is the second-order weak scheme of Kloeden and Platen (1992),
section 15.1: strong order 1, weak order 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from langevin_sgd.dynamics import LinearEquation, Overdamped, Underdamped
from langevin_sgd.kernels.compiled import inlined
from langevin_sgd.sde.baoab import add_scaled
from langevin_sgd.sde.euler_maruyama import set_scaled
from langevin_sgd.sde.integrator import (
    BlockStep,
    Coefficients,
    Equation,
    Integrator,
    LinearStep,
    Number,
)

KICK, NOISE, FRICTION, DRIFT, HALF = range(5)


@dataclass(frozen=True)
class Heun(Integrator):
    """The stochastic Heun integrator; 8 substeps per step of SGD by default."""

    strong_order: ClassVar[float] = 1.0
    weak_order: ClassVar[float] = 2.0
    multiplicative_orders: ClassVar[tuple[float, float] | None] = (1.0, 1.0)
    accepts: ClassVar[tuple[type[Equation], ...]] = (Underdamped, Overdamped)
    calculi: ClassVar[tuple[str, ...]] = ("stratonovich",)
    default_substeps: ClassVar[int] = 8

    def block_step(self, equation: Equation, coefficients: Coefficients, size: Number) -> BlockStep:
        """Return the step on blocks."""
        friction, mass, amplitude = coefficients
        if equation.orders == 1:
            factors = (size / friction, np.sqrt(size) * amplitude / friction, 0.0, 0.0, 0.5)
            return BlockStep(overdamped_step, factors, spares=2)
        factors = (
            size / mass,
            np.sqrt(size) * amplitude / mass,
            -size * friction / mass,
            size,
            0.5,
        )
        return BlockStep(underdamped_step, factors, spares=4)

    def linear_step(self, equation: LinearEquation, size: float) -> LinearStep:
        """Return 1 + hA + (hA)^2/2 and sqrt(h) (1 + hA/2) B."""
        size = self.size_of_linear_step(equation, size)
        step = size * equation.drift
        identity = np.eye(step.shape[1])
        noise = math.sqrt(size) * (identity + step / 2) @ equation.noise
        return LinearStep(identity + step + step @ step / 2, noise)


@inlined
def _overdamped_change(
    out: np.ndarray, x: np.ndarray, room: Any, own: Any, add_force: Any, shape_noise: Any
) -> None:
    set_scaled(out, shape_noise(room.normals[0], room.shaped, x, own.noise), own.factors, NOISE)
    add_force(out, x, own.factors, KICK, own.force)


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
    """Predictor and corrector of the position."""
    first, second = room.spare[0], room.spare[1]
    _overdamped_change(first, x, room, own, add_force, shape_noise)
    for i in range(len(x)):
        for lane in range(x.shape[1]):
            x[i, lane] += first[i, lane]
    _overdamped_change(second, x, room, own, add_force, shape_noise)
    # x is at the prediction: the corrected change is half of both, so half of the difference is
    # still to be added.
    for i in range(len(x)):
        for lane in range(x.shape[1]):
            second[i, lane] -= first[i, lane]
    add_scaled(x, second, own.factors, HALF)


@inlined
def _underdamped_change(
    out: np.ndarray,
    drift: np.ndarray,
    x: np.ndarray,
    v: np.ndarray,
    room: Any,
    own: Any,
    add_force: Any,
    noise: Any,
) -> None:
    set_scaled(drift, v, own.factors, DRIFT)
    set_scaled(out, noise, own.factors, NOISE)
    add_scaled(out, v, own.factors, FRICTION)
    add_force(out, x, own.factors, KICK, own.force)


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
    """Predictor and corrector of position and velocity."""
    first, second, moved, moved_again = room.spare[0], room.spare[1], room.spare[2], room.spare[3]
    noise = shape_noise(room.normals[0], room.shaped, x, own.noise)
    _underdamped_change(first, moved, x, v, room, own, add_force, noise)
    for i in range(len(x)):
        for lane in range(x.shape[1]):
            x[i, lane] += moved[i, lane]
            v[i, lane] += first[i, lane]
    noise = shape_noise(room.normals[0], room.shaped, x, own.noise)
    _underdamped_change(second, moved_again, x, v, room, own, add_force, noise)
    for i in range(len(x)):
        for lane in range(x.shape[1]):
            second[i, lane] -= first[i, lane]
            moved_again[i, lane] -= moved[i, lane]
    add_scaled(x, moved_again, own.factors, HALF)
    add_scaled(v, second, own.factors, HALF)
