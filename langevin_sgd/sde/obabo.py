"""OBABO: half a step of friction and noise (O), a Verlet step B A B, and half a step of O again.

Bussi and Parrinello, *Accurate sampling using Langevin dynamics*, Phys. Rev. E 75 (2007) 056707:
weak order 2. Each O takes normals of its own, two per degree of freedom and step: strong order 1.
In a quadratic potential stationary positions have the variance of Verlet's shadow energy, too large
by the factor 1/(1 - (h omega)^2/4), and velocities none of that error: the reverse of BAOAB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Generic, NamedTuple, TypeVar

import numpy as np

from langevin_sgd.dynamics import Underdamped
from langevin_sgd.dynamics.linear import LinearEquation
from langevin_sgd.kernels.compiled import inlined
from langevin_sgd.sde.baoab import friction_step, linear_parts, relaxation_rate
from langevin_sgd.sde.block_arithmetic import (
    AddForce,
    AddSpread,
    Scratch,
    ShapeNoise,
    StepNumbers,
    add_scaled,
    places,
    rub,
)
from langevin_sgd.sde.coarsening import frictions
from langevin_sgd.sde.integrator import (
    BlockStep,
    Coefficients,
    Equation,
    Integrator,
    LinearStep,
    Number,
)

T = TypeVar("T")


class ObaboFactors(NamedTuple, Generic[T]):
    """Numbers of a step."""

    half_kick: T
    """(h/2)/m, of each B."""
    step: T
    """h, of A."""
    keep: T
    """Of the velocity, in each O."""
    noise: T
    """Of each O."""


AT: ObaboFactors[int] = places(ObaboFactors)


@dataclass(frozen=True)
class OBABO(Integrator):
    """The OBABO splitting for underdamped equations; 8 substeps per step of SGD by default."""

    strong_order: ClassVar[float] = 1.0
    weak_order: ClassVar[float] = 2.0
    multiplicative_orders: ClassVar[tuple[float, float] | None] = (1.0, 2.0)
    accepts: ClassVar[tuple[type[Equation], ...]] = (Underdamped,)
    default_substeps: ClassVar[int] = 8
    draws: ClassVar[int] = 2

    def block_step(self, equation: Equation, coefficients: Coefficients, size: Number) -> BlockStep:
        """Return the splitting on blocks."""
        keep, noise = friction_step(coefficients, size / 2)
        factors = ObaboFactors(
            half_kick=size / 2 / coefficients.mass, step=size, keep=keep, noise=noise
        )
        return BlockStep(step, factors)

    def coarser(self, equation: Equation, fine: np.ndarray, size: float) -> np.ndarray:
        """Join the noise of O over two steps: each draw belongs to half a step."""
        steps, draws, sources, replicas = fine.shape
        halves = fine.reshape(steps * draws, 1, sources, replicas)
        joined = frictions(halves, size / 2, relaxation_rate(equation))
        return joined.reshape(steps // 2, draws, sources, replicas)

    def linear_step(self, equation: LinearEquation, size: float) -> LinearStep:
        """Return the product O B A B O; the noise of the first O is carried through the rest."""
        size = self.size_of_linear_step(equation, size)
        kick, drift, friction, noise = linear_parts(equation, size / 2, size, size / 2)
        verlet = kick @ drift @ kick
        carried = friction @ verlet @ noise
        return LinearStep(friction @ verlet @ friction, np.concatenate([carried, noise], axis=2))


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
    """O B A B O.

    `add_spread` and `constant` are not used: the noise moves the velocity, on which it does not
    depend, and is shaped anew for each O.
    """
    noise = shape_noise(room.normals[0], room.shaped, x, own.noise)
    rub(v, noise, own.factors, AT.keep, AT.noise)
    add_force(v, x, own.factors, AT.half_kick, own.force)
    add_scaled(x, v, own.factors, AT.step)
    add_force(v, x, own.factors, AT.half_kick, own.force)
    noise = shape_noise(room.normals[1], room.shaped, x, own.noise)
    rub(v, noise, own.factors, AT.keep, AT.noise)
