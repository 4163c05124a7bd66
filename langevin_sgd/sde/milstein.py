r"""Milstein: Euler-Maruyama plus the term that a changing amplitude makes within a step.

    Ito:           x' = x + h a + b dW + (1/2) b b' (dW^2 - h)
    Stratonovich:  x' = x + h a + b dW + (1/2) b b' dW^2
    (a the drift as written in that calculus)

Milstein (1974); Kloeden and Platen (1992), section 10.3: strong order 1, weak order 1. Written for
diagonal noise whose amplitude b_i depends on the coordinate x_i alone, the case in which no
iterated integral of two different Wiener processes appears; in one dimension that is every noise.
With additive noise it is Euler-Maruyama.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Generic, NamedTuple, TypeVar

import numpy as np

from langevin_sgd.checks import InputError
from langevin_sgd.dynamics import Overdamped
from langevin_sgd.dynamics.linear import LinearEquation
from langevin_sgd.kernels.compiled import inlined, number_like
from langevin_sgd.sde.block_arithmetic import (
    AddForce,
    AddSpread,
    Scratch,
    ShapeNoise,
    StepNumbers,
    add,
    places,
    set_scaled,
)
from langevin_sgd.sde.coarsening import increments
from langevin_sgd.sde.euler_maruyama import EulerMaruyama
from langevin_sgd.sde.integrator import (
    BlockStep,
    Coefficients,
    Equation,
    Integrator,
    LinearStep,
    Number,
)

T = TypeVar("T")


class MilsteinFactors(NamedTuple, Generic[T]):
    """Numbers of a step."""

    kick: T
    """h/friction."""
    noise: T
    spread: T
    """(h/2)/friction^2, of b b'."""


AT: MilsteinFactors[int] = places(MilsteinFactors)


@dataclass(frozen=True)
class Milstein(Integrator):
    """The Milstein integrator for overdamped equations, in either calculus.

    40 substeps per step of SGD by default.
    """

    strong_order: ClassVar[float] = 1.0
    weak_order: ClassVar[float] = 1.0
    multiplicative_orders: ClassVar[tuple[float, float] | None] = (1.0, 1.0)
    accepts: ClassVar[tuple[type[Equation], ...]] = (Overdamped,)
    calculi: ClassVar[tuple[str, ...]] = ("ito", "stratonovich")

    def check(self, equation: Equation, substeps: int) -> None:
        """Refuse amplitudes that depend on other coordinates."""
        if not equation.noise.has_own_amplitudes:
            raise InputError(
                f"integrator = {self!r}: needs amplitudes that depend "
                "on their own coordinate alone; use EulerMaruyama (Ito) or Heun (Stratonovich)"
            )

    def block_step(self, equation: Equation, coefficients: Coefficients, size: Number) -> BlockStep:
        """Return the step on blocks, for the calculus of the noise."""
        friction, _, amplitude = coefficients
        factors = MilsteinFactors(
            kick=size / friction,
            noise=np.sqrt(size) * amplitude / friction,
            spread=size / 2 / friction**2,
        )
        is_stratonovich = equation.noise.calculus == "stratonovich"
        return BlockStep(stratonovich_step if is_stratonovich else ito_step, factors, spares=2)

    def coarser(self, equation: Equation, fine: np.ndarray, size: float) -> np.ndarray:
        """Join Wiener increments."""
        return increments(fine)

    def linear_step(self, equation: LinearEquation, size: float) -> LinearStep:
        """Return the step of Euler-Maruyama: additive noise has no further term."""
        return EulerMaruyama().linear_step(equation, size)


@inlined
def _step(
    x: np.ndarray,
    room: Scratch,
    own: StepNumbers,
    add_force: AddForce,
    shape_noise: ShapeNoise,
    add_spread: AddSpread,
    shift: float,
) -> None:
    change, weights, normals = room.spare[0], room.spare[1], room.normals[0]
    noise = shape_noise(normals, room.shaped, x, own.noise)
    set_scaled(change, noise, own.factors, AT.noise)
    add_force(change, x, own.factors, AT.kick, own.force)
    for i in range(min(len(x), len(normals))):
        for lane in range(x.shape[1]):
            weights[i, lane] = normals[i, lane] * normals[i, lane] - number_like(x, shift)
    add_spread(change, weights, x, own.factors, AT.spread, own.noise)
    add(x, change)


@inlined
def ito_step(
    x: np.ndarray,
    v: np.ndarray,
    room: Scratch,
    own: StepNumbers,
    add_force: AddForce,
    shape_noise: ShapeNoise,
    add_spread: AddSpread,
    constant: bool,
) -> None:
    """One step in the sense of Ito; `v` (which is x) and `constant` are not used."""
    _step(x, room, own, add_force, shape_noise, add_spread, 1.0)


@inlined
def stratonovich_step(
    x: np.ndarray,
    v: np.ndarray,
    room: Scratch,
    own: StepNumbers,
    add_force: AddForce,
    shape_noise: ShapeNoise,
    add_spread: AddSpread,
    constant: bool,
) -> None:
    """One step in the sense of Stratonovich; `v` (which is x) and `constant` are not used."""
    _step(x, room, own, add_force, shape_noise, add_spread, 0.0)
