"""BAOAB: the underdamped equation split into force (B), drift (A) and friction with noise (O).

    B: v += -(h/2) grad U/m      A: theta += (h/2) v      O: v <- e^{-friction h/m} v + exact noise
    A      B

Leimkuhler and Matthews, *Rational construction of stochastic numerical methods for molecular
sampling*, Applied Mathematics Research eXpress 2013 (1), 34: weak order 2; O is solved exactly, for
any friction. In a quadratic potential with a scalar friction and noise that commutes with the
stiffness, stationary positions carry no error at any stable step (h omega < 2), while the variance
of the velocity recorded here, at the end of a step, is short by the factor 1 - (h omega)^2/4. One
normal per degree of freedom and step: strong order 1. Noise that depends on the position is
constant during O, so that the same orders hold.

On blocks the closing B of a step is joined to the opening one of the next, one force for each step:
the velocity carried is the one before the last half kick.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Generic, NamedTuple, TypeVar

import numpy as np

from langevin_sgd.covariance import covariance_root
from langevin_sgd.dynamics import Underdamped
from langevin_sgd.dynamics.linear import LinearEquation
from langevin_sgd.kernels.block_code import Factors
from langevin_sgd.kernels.compiled import inlined, value_at
from langevin_sgd.kernels.intrinsics import fma
from langevin_sgd.sde.block_arithmetic import (
    AddForce,
    AddSpread,
    Kicked,
    Scratch,
    ShapeNoise,
    StepNumbers,
    add_scaled,
    places,
    rub,
)
from langevin_sgd.sde.coarsening import frictions
from langevin_sgd.sde.exact_ornstein_uhlenbeck import exact_step
from langevin_sgd.sde.integrator import (
    BlockStep,
    Coefficients,
    Equation,
    Integrator,
    LinearStep,
    Number,
)

T = TypeVar("T")


class BaoabFactors(NamedTuple, Generic[T]):
    """Numbers of a step."""

    kick: T
    """h/m, of a whole B."""
    half_step: T
    """h/2, of an A."""
    keep: T
    """Of the velocity, in O."""
    noise: T
    """Of O."""
    half_kick: T
    """(h/2)/m."""
    half_kick_back: T
    """-(h/2)/m."""


AT: BaoabFactors[int] = places(BaoabFactors)


@dataclass(frozen=True)
class BAOAB(Integrator):
    """The BAOAB splitting for underdamped equations; 8 substeps per step of SGD by default."""

    strong_order: ClassVar[float] = 1.0
    weak_order: ClassVar[float] = 2.0
    multiplicative_orders: ClassVar[tuple[float, float] | None] = (1.0, 2.0)
    accepts: ClassVar[tuple[type[Equation], ...]] = (Underdamped,)
    default_substeps: ClassVar[int] = 8

    def block_step(self, equation: Equation, coefficients: Coefficients, size: Number) -> BlockStep:
        """Return the splitting on blocks."""
        keep, noise = friction_step(coefficients, size)
        kick = size / coefficients.mass
        factors = BaoabFactors(
            kick=kick,
            half_step=size / 2,
            keep=keep,
            noise=noise,
            half_kick=kick / 2,
            half_kick_back=-kick / 2,
        )
        return BlockStep(step, factors, enter=enter, leave=leave, local=local_step)

    def coarser(self, equation: Equation, fine: np.ndarray, size: float) -> np.ndarray:
        """Join the noise of O over two steps."""
        return frictions(fine, size, relaxation_rate(equation))

    def linear_step(self, equation: LinearEquation, size: float) -> LinearStep:
        """Return the product B A O A B and the noise of O carried through A and B."""
        size = self.size_of_linear_step(equation, size)
        kick, drift, friction, noise = linear_parts(equation, size / 2, size / 2, size)
        return LinearStep(kick @ drift @ friction @ drift @ kick, kick @ drift @ noise)


def friction_step(coefficients: Coefficients, size: Number) -> tuple[Number, Number]:
    """Factor of the velocity and amplitude of the noise in an exact step of friction and noise.

    The variance is amplitude^2 (1 - keep^2)/(2 friction mass), amplitude^2 size/mass^2 without
    friction.
    """
    friction, mass, amplitude = coefficients
    exponent = friction * size / mass
    # expm1 keeps the digits of a weak friction; the limit without friction is taken separately.
    spent = np.where(
        exponent > 0, -np.expm1(-2 * exponent) / np.where(exponent > 0, 2 * exponent, 1.0), 1.0
    )
    return np.exp(-exponent), amplitude / mass * np.sqrt(size * spent)


def relaxation_rate(equation: Equation) -> float:
    """Rate friction/mass at which O forgets a velocity, the same for all replicas."""
    return float(equation.friction / equation.inertia)


def linear_parts(
    equation: LinearEquation, kick_time: float, drift_time: float, friction_time: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Matrices of B, A and O over given times, and the factor of the noise of O."""
    positions = equation.positions
    kick, drift, friction = (np.zeros_like(equation.drift) for _ in range(3))
    kick[:] = drift[:] = friction[:] = np.eye(2 * positions)
    kick[:, positions:, :positions] = kick_time * equation.drift[:, positions:, :positions]
    drift[:, :positions, positions:] = drift_time * np.eye(positions)
    friction[:, positions:, positions:], covariance = exact_step(
        equation.drift[:, positions:, positions:], equation.noise[:, positions:], friction_time
    )
    noise = np.zeros_like(equation.noise)
    noise[:, positions:] = covariance_root(covariance)
    return kick, drift, friction, noise


@inlined
def enter(x: np.ndarray, v: np.ndarray, own: StepNumbers, add_force: AddForce) -> None:
    """Take back half a kick."""
    add_force(v, x, own.factors, AT.half_kick_back, own.force)


@inlined
def leave(x: np.ndarray, v: np.ndarray, own: StepNumbers, add_force: AddForce) -> None:
    """Add the half kick that closes the step."""
    add_force(v, x, own.factors, AT.half_kick, own.force)


@inlined
def move(
    x: np.ndarray, v: np.ndarray, i: int, lane: int, speed: float, normal: float, factors: Factors
) -> None:
    """A, O and A of one coordinate whose velocity is `speed`."""
    half = value_at(factors, AT.half_step, lane)
    middle = fma(half, speed, x[i, lane])
    new = fma(value_at(factors, AT.keep, lane), speed, value_at(factors, AT.noise, lane) * normal)
    v[i, lane] = new
    x[i, lane] = fma(half, new, middle)


@inlined
def step(
    x: np.ndarray,
    v: np.ndarray,
    room: Scratch,
    own: StepNumbers,
    add_force: AddForce,
    shape_noise: ShapeNoise,
    add_spread: AddSpread,
    constant: bool,
) -> None:
    """A whole kick, then A, O and A; in one loop if the noise does not wait for the position.

    `add_spread` is not used: the noise moves the velocity, on which it does not depend.
    """
    add_force(v, x, own.factors, AT.kick, own.force)
    if not constant:
        add_scaled(x, v, own.factors, AT.half_step)
        noise = shape_noise(room.normals[0], room.shaped, x, own.noise)
        rub(v, noise, own.factors, AT.keep, AT.noise)
        add_scaled(x, v, own.factors, AT.half_step)
        return
    noise = shape_noise(room.normals[0], room.shaped, x, own.noise)
    for i in range(len(x)):
        for lane in range(x.shape[1]):
            move(x, v, i, lane, v[i, lane], noise[i, lane], own.factors)


@inlined
def local_step(
    x: np.ndarray, v: np.ndarray, noise: np.ndarray, own: StepNumbers, kicked: Kicked
) -> None:
    """Kick, A, O and A of every coordinate in one loop, with a third less memory traffic."""
    for i in range(len(x)):
        for lane in range(x.shape[1]):
            speed = kicked(v[i, lane], x, i, lane, own.factors, AT.kick, own.force)
            move(x, v, i, lane, speed, noise[i, lane], own.factors)
