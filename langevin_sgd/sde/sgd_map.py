r"""One step of SGD with given noise, the map whose limit the Langevin equation of SGD is.

    v' = momentum v - grad U(theta) + xi,     theta' = theta + lr v',
    momentum = 1 - friction,  lr = step_time,
    Cov xi = noise_covariance / lr

(Kunin et al., arXiv 2107.09133, section 2). It integrates the equation whose mass is lr (1 +
momentum)/2, as `Underdamped.from_sgd` and `from_potential` build it, in steps of exactly lr, and no
other. The velocity is the one that made the step, half a step older than the position. The gradient
noise xi is Gaussian, or Student's t of the same covariance (`langevin_sgd.sde.drivers`).

As an approximation of the equation its step cannot be made small, because mass and noise are those
of this lr. Along the family of equations with fixed momentum and time, moments of the position
agree up to a relative error O(lr) (weak order 1; Li, Tai and E, JMLR 20 (2019) 40). Paths driven by
one Wiener process stay apart by a fixed fraction of their own fluctuation where the memory of the
velocity, a few steps, is not resolved: strong order 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Generic, NamedTuple, TypeVar

import numpy as np

from langevin_sgd.checks import InputError
from langevin_sgd.dynamics import Underdamped
from langevin_sgd.dynamics.linear import LinearEquation
from langevin_sgd.kernels.compiled import inlined
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
from langevin_sgd.sde.integrator import (
    BlockStep,
    Coefficients,
    Equation,
    Integrator,
    LinearStep,
    Number,
)

T = TypeVar("T")


class MapFactors(NamedTuple, Generic[T]):
    """Numbers of a step."""

    kick: T
    """1."""
    momentum: T
    noise: T
    """Of the gradient."""
    lr: T


AT: MapFactors[int] = places(MapFactors)


@dataclass(frozen=True)
class SGDMap(Integrator):
    """SGD with Gaussian gradient noise, or a heavy-tailed one; one substep per step.

    Parameters
    ----------
    driver
        `langevin_sgd.sde.StudentT`, scaled to the same covariance; standard normals by default.
    """

    strong_order: ClassVar[float] = 0.0
    weak_order: ClassVar[float] = 1.0
    multiplicative_orders: ClassVar[tuple[float, float] | None] = (0.0, 1.0)
    accepts: ClassVar[tuple[type[Equation], ...]] = (Underdamped,)
    default_substeps: ClassVar[int] = 1
    makes_steps_of_sgd: ClassVar[bool] = True

    def __repr__(self) -> str:
        return "SGDMap()" if self.driver.is_gaussian else f"SGDMap(driver={self.driver!r})"

    def check(self, equation: Equation, substeps: int) -> None:
        """Refuse equations that do not come from SGD, and substeps."""
        if substeps != 1:
            raise InputError(
                f"substeps = {substeps!r}: the SGD map makes one step of SGD at a time"
            )
        expected = equation.step_time * (2 - equation.friction) / 2
        if not np.allclose(equation.inertia, expected, rtol=1e-12, atol=0):
            raise InputError(
                f"mass = {equation.inertia!r}: the SGD map needs step_time (2 - friction)/2 = "
                f"{expected!r}, as by from_sgd"
            )

    def block_step(self, equation: Equation, coefficients: Coefficients, size: Number) -> BlockStep:
        """Return the update on blocks."""
        kick = np.ones_like(size * coefficients.friction)
        noise = coefficients.amplitude / np.sqrt(size)
        factors = MapFactors(kick=kick, momentum=1 - coefficients.friction, noise=noise, lr=size)
        return BlockStep(step, factors)

    def linear_step(self, equation: LinearEquation, size: float) -> LinearStep:
        """Return the map; friction and mass follow from their ratio and the learning rate."""
        size = self.size_of_linear_step(equation, size)
        if not self.driver.is_gaussian:
            raise InputError(f"driver = {self.driver!r}: has no linear step, which is Gaussian")
        positions = equation.positions
        ratio = -float(equation.drift[0, -1, -1])
        friction = 2 * ratio * size / (2 + ratio * size)
        mass = size * (2 - friction) / 2
        matrix, noise = np.zeros_like(equation.drift), np.zeros_like(equation.noise)
        matrix[:, positions:, :positions] = mass * equation.drift[:, positions:, :positions]
        matrix[:, positions:, positions:] = (1 - friction) * np.eye(positions)
        matrix[:, :positions] = size * matrix[:, positions:]
        matrix[:, :positions, :positions] += np.eye(positions)
        noise[:, positions:] = mass * equation.noise[:, positions:] / np.sqrt(size)
        noise[:, :positions] = size * noise[:, positions:]
        return LinearStep(matrix, noise)


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
    """Make one update of SGD with momentum.

    `add_spread` and `constant` are not used: the noise is that at the old position.
    """
    noise = shape_noise(room.normals[0], room.shaped, x, own.noise)
    rub(v, noise, own.factors, AT.momentum, AT.noise)
    add_force(v, x, own.factors, AT.kick, own.force)
    add_scaled(x, v, own.factors, AT.lr)
