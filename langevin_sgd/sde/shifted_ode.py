r"""The shifted ODE method: third order for the underdamped equation with additive noise.

Foster, Lyons and Oberhauser, *The shifted ODE method for underdamped Langevin MCMC*, arXiv
2101.03446. Over a step the Wiener path is replaced by a polynomial with the same increment W and
the same first two moments,

    H = (1/h) \int_0^h (W_s - (s/h) W) ds,     K = (1/h^2) \int_0^h (W_s - (s/h) W) (h/2 - s) ds,

independent Gaussians of variances h, h/12 and h/720: a jump, a straight line and a jump. With sigma
the noise of the velocity,

    v  <- v + sigma (H + 6K)
    theta' = v,   v' = -grad U/m - (friction/m) v + sigma (W - 12 K)/h        over the time h
    v  <- v - sigma (H - 6K)

(the jumps and the line integrate to the right W, H and K: derived). The differential equation is
integrated by one classical Runge-Kutta step of order 4, so that four forces and three normals make
a step of strong and weak order 3. It needs a potential with three bounded derivatives and steps
that resolve friction and oscillation (h omega < 2.8).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Generic, NamedTuple, TypeVar

import numpy as np

from langevin_sgd.dynamics import Underdamped
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
    set_equal,
    set_moved,
    set_scaled,
)
from langevin_sgd.sde.coarsening import legendre
from langevin_sgd.sde.integrator import (
    BlockStep,
    Coefficients,
    Equation,
    Integrator,
    LinearStep,
    Number,
)

T = TypeVar("T")


class ShiftedFactors(NamedTuple, Generic[T]):
    """Numbers of a step; sigma is the noise of the velocity over a step."""

    area: T
    """Of the normal of H, in a jump."""
    area_back: T
    triple: T
    """Of the normal of K, in a jump: 6 K."""
    line_increment: T
    """Of the normal of W, in the line."""
    line_triple: T
    """Of the normal of K, in the line: -12 K/h."""
    kick: T
    """1/m."""
    friction: T
    """-friction/m."""
    half: T
    """h/2."""
    whole: T
    """h."""
    sixth: T
    """h/6."""
    square_sixth: T
    """h^2/6."""
    double: T


AT: ShiftedFactors[int] = places(ShiftedFactors)


@dataclass(frozen=True)
class ShiftedODE(Integrator):
    """The shifted ODE method with a Runge-Kutta step; 4 substeps per step of SGD by default."""

    strong_order: ClassVar[float] = 3.0
    weak_order: ClassVar[float] = 3.0
    accepts: ClassVar[tuple[type[Equation], ...]] = (Underdamped,)
    default_substeps: ClassVar[int] = 4
    draws: ClassVar[int] = 3

    def block_step(self, equation: Equation, coefficients: Coefficients, size: Number) -> BlockStep:
        """Return the step on blocks; the noise is sigma times W, H and K of unit variance."""
        friction, mass, amplitude = coefficients
        sigma = amplitude / mass * np.sqrt(size)
        area, triple = sigma / math.sqrt(12), sigma / math.sqrt(720)
        factors = ShiftedFactors(
            area=area,
            area_back=-area,
            triple=6 * triple,
            line_increment=sigma / size,
            line_triple=-12 * triple / size,
            kick=1 / mass,
            friction=-friction / mass,
            half=size / 2,
            whole=size,
            sixth=size / 6,
            square_sixth=size**2 / 6,
            double=2.0,
        )
        return BlockStep(step, factors, spares=6)

    def coarser(self, equation: Equation, fine: np.ndarray, size: float) -> np.ndarray:
        """Join W, H and K."""
        return legendre(fine)

    def linear_step(self, equation: LinearEquation, size: float) -> LinearStep:
        """Return the polynomial of the Runge-Kutta step, and its response to W, H and K."""
        size = self.size_of_linear_step(equation, size)
        step_matrix = size * equation.drift
        identity = np.eye(step_matrix.shape[1])
        square = step_matrix @ step_matrix
        held = identity + step_matrix / 2 + square / 6 + square @ step_matrix / 24
        matrix = identity + step_matrix @ held
        source = math.sqrt(size) * equation.noise
        parts = [
            held @ source,
            (matrix - identity) @ source / math.sqrt(12),
            6 * (matrix - 2 * held + identity) @ source / math.sqrt(720),
        ]
        return LinearStep(matrix, np.concatenate(parts, axis=2))


@inlined
def _jump(
    v: np.ndarray,
    x: np.ndarray,
    room: Scratch,
    own: StepNumbers,
    shape_noise: ShapeNoise,
    area: int,
) -> None:
    """Add sigma (6K + H) or sigma (6K - H)."""
    add_scaled(v, shape_noise(room.normals[1], room.shaped, x, own.noise), own.factors, area)
    add_scaled(v, shape_noise(room.normals[2], room.shaped, x, own.noise), own.factors, AT.triple)


@inlined
def _slope(
    out: np.ndarray,
    line: np.ndarray,
    x: np.ndarray,
    v: np.ndarray,
    own: StepNumbers,
    add_force: AddForce,
) -> None:
    """Set `out` to the acceleration at (x, v)."""
    set_moved(out, line, v, own.factors, AT.friction)
    add_force(out, x, own.factors, AT.kick, own.force)


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
    """Jump, Runge-Kutta step, jump.

    With k the accelerations at the four stages, x' = x + h v + h^2 (k1 + k2 + k3)/6, v' = v + h (k1
    + 2 k2 + 2 k3 + k4)/6.

    `add_spread` and `constant` are not used: the noise is constant.
    """
    line, there, speed, total, slope = (
        room.spare[0],
        room.spare[1],
        room.spare[2],
        room.spare[3],
        room.spare[4],
    )
    total_x, factors = room.spare[5], own.factors
    _jump(v, x, room, own, shape_noise, AT.area)
    increment = shape_noise(room.normals[0], room.shaped, x, own.noise)
    set_scaled(line, increment, factors, AT.line_increment)
    triple = shape_noise(room.normals[2], room.shaped, x, own.noise)
    add_scaled(line, triple, factors, AT.line_triple)
    _slope(slope, line, x, v, own, add_force)
    set_equal(total, slope)
    set_equal(total_x, slope)
    set_equal(speed, v)
    for stage in range(3):
        length = AT.whole if stage == 2 else AT.half
        set_moved(there, x, speed, factors, length)
        set_moved(speed, v, slope, factors, length)
        _slope(slope, line, there, speed, own, add_force)
        if stage < 2:
            add_scaled(total, slope, factors, AT.double)
            add(total_x, slope)
    add(total, slope)
    add_scaled(x, v, factors, AT.whole)
    add_scaled(x, total_x, factors, AT.square_sixth)
    add_scaled(v, total, factors, AT.sixth)
    _jump(v, x, room, own, shape_noise, AT.area_back)
