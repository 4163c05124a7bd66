"""Stochastic Heun: the mean of two Euler steps with the same noise, at the start and its end.

    z~ = z + h a(z) + b(z) dW,      z' = z + (h/2) (a(z) + a(z~)) + (1/2) (b(z) + b(z~)) dW

Ruemelin, *Numerical treatment of stochastic differential equations*, SIAM J. Numer. Anal. 19 (1982)
604: it converges to the Stratonovich reading, with strong order 1 for one noise or noises that
commute. With additive noise it is the second-order weak scheme of Kloeden and Platen (1992),
section 15.1: strong order 1, weak order 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Generic, NamedTuple, TypeVar

import numpy as np

from langevin_sgd.dynamics import Overdamped, Underdamped
from langevin_sgd.dynamics.linear import LinearEquation
from langevin_sgd.kernels.compiled import inlined
from langevin_sgd.sde.block_arithmetic import (
    AddForce,
    AddSpread,
    Scratch,
    ShapeNoise,
    StepNumbers,
    add,
    add_scaled,
    places,
    set_scaled,
    subtract,
)
from langevin_sgd.sde.coarsening import increments
from langevin_sgd.sde.integrator import (
    BlockStep,
    Coefficients,
    Equation,
    Integrator,
    LinearStep,
    Number,
)

T = TypeVar("T")


class HeunFactors(NamedTuple, Generic[T]):
    """Numbers of a step; `friction` and `step` of an underdamped equation alone."""

    kick: T
    """h/friction, or h/m."""
    noise: T
    friction: T
    """-h friction/m."""
    step: T
    """h."""
    half: T
    """The mean of two changes."""


AT: HeunFactors[int] = places(HeunFactors)


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
            noise = np.sqrt(size) * amplitude / friction
            factors = HeunFactors(size / friction, noise, friction=0.0, step=0.0, half=0.5)
            return BlockStep(overdamped_step, factors, spares=2)
        factors = HeunFactors(
            kick=size / mass,
            noise=np.sqrt(size) * amplitude / mass,
            friction=-size * friction / mass,
            step=size,
            half=0.5,
        )
        return BlockStep(underdamped_step, factors, spares=4)

    def coarser(self, equation: Equation, fine: np.ndarray, size: float) -> np.ndarray:
        """Join Wiener increments."""
        return increments(fine)

    def linear_step(self, equation: LinearEquation, size: float) -> LinearStep:
        """Return 1 + hA + (hA)^2/2 and sqrt(h) (1 + hA/2) B."""
        size = self.size_of_linear_step(equation, size)
        step = size * equation.drift
        identity = np.eye(step.shape[1])
        noise = math.sqrt(size) * (identity + step / 2) @ equation.noise
        return LinearStep(identity + step + step @ step / 2, noise)


@inlined
def _overdamped_change(
    out: np.ndarray,
    x: np.ndarray,
    room: Scratch,
    own: StepNumbers,
    add_force: AddForce,
    shape_noise: ShapeNoise,
) -> None:
    noise = shape_noise(room.normals[0], room.shaped, x, own.noise)
    set_scaled(out, noise, own.factors, AT.noise)
    add_force(out, x, own.factors, AT.kick, own.force)


@inlined
def overdamped_step(
    x: np.ndarray,
    v: np.ndarray,
    room: Scratch,
    own: StepNumbers,
    add_force: AddForce,
    shape_noise: ShapeNoise,
    add_spread: AddSpread,
    constant: bool,
) -> None:
    """Predictor and corrector of the position.

    `v` (which is x), `add_spread` and `constant` are not used.
    """
    first, second = room.spare[0], room.spare[1]
    _overdamped_change(first, x, room, own, add_force, shape_noise)
    add(x, first)
    _overdamped_change(second, x, room, own, add_force, shape_noise)
    # x is at the prediction: the corrected change is half of both, so half of the difference is
    # still to be added.
    subtract(second, first)
    add_scaled(x, second, own.factors, AT.half)


@inlined
def _underdamped_change(
    out: np.ndarray,
    drift: np.ndarray,
    x: np.ndarray,
    v: np.ndarray,
    own: StepNumbers,
    add_force: AddForce,
    noise: np.ndarray,
) -> None:
    set_scaled(drift, v, own.factors, AT.step)
    set_scaled(out, noise, own.factors, AT.noise)
    add_scaled(out, v, own.factors, AT.friction)
    add_force(out, x, own.factors, AT.kick, own.force)


@inlined
def underdamped_step(
    x: np.ndarray,
    v: np.ndarray,
    room: Scratch,
    own: StepNumbers,
    add_force: AddForce,
    shape_noise: ShapeNoise,
    add_spread: AddSpread,
    constant: bool,
) -> None:
    """Predictor and corrector of position and velocity.

    `add_spread` and `constant` are not used.
    """
    first, second, moved, moved_again = room.spare[0], room.spare[1], room.spare[2], room.spare[3]
    noise = shape_noise(room.normals[0], room.shaped, x, own.noise)
    _underdamped_change(first, moved, x, v, own, add_force, noise)
    add(x, moved)
    add(v, first)
    noise = shape_noise(room.normals[0], room.shaped, x, own.noise)
    _underdamped_change(second, moved_again, x, v, own, add_force, noise)
    subtract(second, first)
    subtract(moved_again, moved)
    add_scaled(x, moved_again, own.factors, AT.half)
    add_scaled(v, second, own.factors, AT.half)
