"""OBABO: half a step of friction and noise (O), a Verlet step B A B, and half a step of O again.

Bussi and Parrinello, *Accurate sampling using Langevin dynamics*, Phys. Rev. E 75 (2007) 056707:
weak order 2. Each O takes normals of its own, two per degree of freedom and step: strong order 1.
In a quadratic potential stationary positions have the variance of Verlet's shadow energy, too large
by the factor 1/(1 - (h omega)^2/4), and velocities none of that error: the reverse of BAOAB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from langevin_sgd.dynamics import LinearEquation, Underdamped
from langevin_sgd.kernels.compiled import inlined
from langevin_sgd.sde.baoab import add_scaled, friction_step, linear_parts, rub
from langevin_sgd.sde.integrator import (
    BlockStep,
    Coefficients,
    Equation,
    Integrator,
    LinearStep,
    Number,
)

HALF_KICK, DRIFT, KEEP, NOISE = range(4)


@dataclass(frozen=True)
class OBABO(Integrator):
    """The OBABO splitting for underdamped equations; 8 substeps per step of SGD by default."""

    strong_order: ClassVar[float] = 1.0
    weak_order: ClassVar[float] = 2.0
    multiplicative_orders: ClassVar[tuple[float, float] | None] = (1.0, 2.0)
    accepts: ClassVar[tuple[type[Equation], ...]] = (Underdamped,)
    default_substeps: ClassVar[int] = 8

    def block_step(self, equation: Equation, coefficients: Coefficients, size: Number) -> BlockStep:
        """Return the splitting on blocks."""
        keep, noise = friction_step(coefficients, size / 2)
        return BlockStep(step, (size / 2 / coefficients.mass, size, keep, noise), draws=2)

    def linear_step(self, equation: LinearEquation, size: float) -> LinearStep:
        """Return the product O B A B O, and the noise of the first O carried through the rest
        beside the second.
        """
        size = self.size_of_linear_step(equation, size)
        kick, drift, friction, noise = linear_parts(equation, size / 2, size, size / 2)
        verlet = kick @ drift @ kick
        carried = friction @ verlet @ noise
        return LinearStep(friction @ verlet @ friction, np.concatenate([carried, noise], axis=2))


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
    """O B A B O."""
    rub(v, shape_noise(room.normals[0], room.shaped, x, own.noise), own.factors, KEEP, NOISE)
    add_force(v, x, own.factors, HALF_KICK, own.force)
    add_scaled(x, v, own.factors, DRIFT)
    add_force(v, x, own.factors, HALF_KICK, own.force)
    rub(v, shape_noise(room.normals[1], room.shaped, x, own.noise), own.factors, KEEP, NOISE)
