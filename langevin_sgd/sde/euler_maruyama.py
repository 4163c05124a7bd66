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
    rub,
    set_equal,
    set_scaled,
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


class EulerFactors(NamedTuple, Generic[T]):
    """Numbers of a step; the last two are read in an underdamped equation alone."""

    kick: T
    """h/friction, or h/m."""
    noise: T
    keep: T
    """Of the velocity: 1 - h friction/m."""
    step: T
    """h."""


AT: EulerFactors[int] = places(EulerFactors)


@dataclass(frozen=True)
class EulerMaruyama(Integrator):
    """The Euler-Maruyama integrator; 40 substeps per SGD step by default, for about 1 % error."""

    strong_order: ClassVar[float] = 1.0
    weak_order: ClassVar[float] = 1.0
    multiplicative_orders: ClassVar[tuple[float, float] | None] = (0.5, 1.0)
    accepts: ClassVar[tuple[type[Equation], ...]] = (Underdamped, Overdamped)
    calculi: ClassVar[tuple[str, ...]] = ("ito",)

    def block_step(self, equation: Equation, coefficients: Coefficients, size: Number) -> BlockStep:
        """Return the step on blocks."""
        friction, mass, amplitude = coefficients
        if equation.orders == 1:
            noise = np.sqrt(size) * amplitude / friction
            return BlockStep(
                overdamped_step, EulerFactors(size / friction, noise, keep=1.0, step=0.0), spares=1
            )
        factors = EulerFactors(
            kick=size / mass,
            noise=np.sqrt(size) * amplitude / mass,
            keep=1 - size * friction / mass,
            step=size,
        )
        return BlockStep(underdamped_step, factors, spares=1)

    def coarser(self, equation: Equation, fine: np.ndarray, size: float) -> np.ndarray:
        """Join Wiener increments."""
        return increments(fine)

    def linear_step(self, equation: LinearEquation, size: float) -> LinearStep:
        """Return 1 + h A and sqrt(h) B."""
        size = self.size_of_linear_step(equation, size)
        return LinearStep(
            np.eye(equation.drift.shape[1]) + size * equation.drift,
            math.sqrt(size) * equation.noise,
        )


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
    """x += (h/friction) force + noise.

    `v` (which is x), `add_spread` and `constant` are not used.
    """
    change = room.spare[0]
    noise = shape_noise(room.normals[0], room.shaped, x, own.noise)
    set_scaled(change, noise, own.factors, AT.noise)
    add_force(change, x, own.factors, AT.kick, own.force)
    add(x, change)


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
    """x += h v and v += (h/m) (force - friction v) + noise, both with the old x and v.

    `add_spread` and `constant` are not used.
    """
    before = room.spare[0]
    set_equal(before, v)
    noise = shape_noise(room.normals[0], room.shaped, x, own.noise)
    rub(v, noise, own.factors, AT.keep, AT.noise)
    add_force(v, x, own.factors, AT.kick, own.force)
    add_scaled(x, before, own.factors, AT.step)
