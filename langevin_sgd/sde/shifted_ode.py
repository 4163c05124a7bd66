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
from typing import Any, ClassVar

import numpy as np

from langevin_sgd.dynamics import LinearEquation, Underdamped
from langevin_sgd.kernels.compiled import inlined, value_at
from langevin_sgd.kernels.intrinsics import fma
from langevin_sgd.sde.baoab import add_scaled
from langevin_sgd.sde.euler_maruyama import set_equal, set_scaled
from langevin_sgd.sde.integrator import (
    BlockStep,
    Coefficients,
    Equation,
    Integrator,
    LinearStep,
    Number,
)

(
    AREA,
    AREA_BACK,
    TRIPLE,
    LINE_INCREMENT,
    LINE_TRIPLE,
    KICK,
    FRICTION,
    HALF,
    WHOLE,
    SIXTH,
    SQUARE_SIXTH,
    DOUBLE,
) = range(12)


@dataclass(frozen=True)
class ShiftedODE(Integrator):
    """The shifted ODE method with a Runge-Kutta step; 4 substeps per step of SGD by default."""

    strong_order: ClassVar[float] = 3.0
    weak_order: ClassVar[float] = 3.0
    accepts: ClassVar[tuple[type[Equation], ...]] = (Underdamped,)
    default_substeps: ClassVar[int] = 4

    def block_step(self, equation: Equation, coefficients: Coefficients, size: Number) -> BlockStep:
        """Return the step on blocks; the noise of the velocity is sigma times W, H and K of unit
        variance.
        """
        friction, mass, amplitude = coefficients
        sigma = amplitude / mass * np.sqrt(size)
        area, triple = sigma / math.sqrt(12), sigma / math.sqrt(720)
        factors = (
            area,
            -area,
            6 * triple,
            sigma / size,
            -12 * triple / size,
            1 / mass,
            -friction / mass,
        )
        lengths = (size / 2, size, size / 6, size**2 / 6, 2.0)
        return BlockStep(step, factors + lengths, draws=3, spares=6)

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
def _jump(v: np.ndarray, x: np.ndarray, room: Any, own: Any, shape_noise: Any, area: int) -> None:
    """Add sigma (6K + H) or sigma (6K - H)."""
    add_scaled(v, shape_noise(room.normals[1], room.shaped, x, own.noise), own.factors, area)
    add_scaled(v, shape_noise(room.normals[2], room.shaped, x, own.noise), own.factors, TRIPLE)


@inlined
def _slope(
    out: np.ndarray, line: np.ndarray, x: np.ndarray, v: np.ndarray, own: Any, add_force: Any
) -> None:
    """Set `out` to the acceleration at (x, v)."""
    set_moved(out, line, v, own.factors, FRICTION)
    add_force(out, x, own.factors, KICK, own.force)


@inlined
def set_moved(out: np.ndarray, start: np.ndarray, slope: np.ndarray, factors: Any, k: int) -> None:
    """Set `out` to start + factor `k` times slope."""
    for i in range(len(out)):
        for lane in range(out.shape[1]):
            out[i, lane] = fma(value_at(factors, k, lane), slope[i, lane], start[i, lane])


@inlined
def step(
    x: np.ndarray,
    v: np.ndarray,
    room: Any,
    own: Any,
    add_force: Any,
    shape_noise: Any,
    add_spread: Any,
    constant: bool,
) -> None:
    """Jump, Runge-Kutta step, jump.

    With k the accelerations at the four stages, x' = x + h v + h^2 (k1 + k2 + k3)/6, v' = v + h (k1
    + 2 k2 + 2 k3 + k4)/6.
    """
    line, there, speed, total, slope = (
        room.spare[0],
        room.spare[1],
        room.spare[2],
        room.spare[3],
        room.spare[4],
    )
    total_x, factors = room.spare[5], own.factors
    _jump(v, x, room, own, shape_noise, AREA)
    set_scaled(
        line, shape_noise(room.normals[0], room.shaped, x, own.noise), factors, LINE_INCREMENT
    )
    add_scaled(line, shape_noise(room.normals[2], room.shaped, x, own.noise), factors, LINE_TRIPLE)
    _slope(slope, line, x, v, own, add_force)
    set_equal(total, slope)
    set_equal(total_x, slope)
    set_equal(speed, v)
    for stage in range(3):
        length = WHOLE if stage == 2 else HALF
        set_moved(there, x, speed, factors, length)
        set_moved(speed, v, slope, factors, length)
        _slope(slope, line, there, speed, own, add_force)
        if stage < 2:
            add_scaled(total, slope, factors, DOUBLE)
            for i in range(len(x)):
                for lane in range(x.shape[1]):
                    total_x[i, lane] += slope[i, lane]
    for i in range(len(x)):
        for lane in range(x.shape[1]):
            total[i, lane] += slope[i, lane]
    add_scaled(x, v, factors, WHOLE)
    add_scaled(x, total_x, factors, SQUARE_SIXTH)
    add_scaled(v, total, factors, SIXTH)
    _jump(v, x, room, own, shape_noise, AREA_BACK)
