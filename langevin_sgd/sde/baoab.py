"""BAOAB: the underdamped equation split into force (B), drift (A) and friction with noise (O).

    B: v += -(h/2) grad U/m      A: theta += (h/2) v      O: v <- e^{-friction h/m} v + exact noise      A      B

Leimkuhler and Matthews, *Rational construction of stochastic numerical methods for molecular sampling*, Applied
Mathematics Research eXpress 2013 (1), 34: weak order 2; O is solved exactly, for any friction. In a quadratic potential
with a scalar friction and noise that commutes with the stiffness, stationary positions carry no error at any stable
step (h omega < 2), while the variance of the velocity recorded here, at the end of a step, is short by the factor
1 - (h omega)^2/4. One normal per degree of freedom and step: strong order 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from langevin_sgd.dynamics import LinearEquation, Underdamped
from langevin_sgd.dynamics.linear import symmetric_root
from langevin_sgd.sde.exact_ornstein_uhlenbeck import exact_step
from langevin_sgd.sde.integrator import Equation, LinearStep


@dataclass(frozen=True)
class BAOAB:
    """The BAOAB splitting for underdamped equations; 8 substeps per step of SGD by default."""

    strong_order: ClassVar[float] = 1.0
    weak_order: ClassVar[float] = 2.0
    accepts: ClassVar[tuple[type[Equation], ...]] = (Underdamped,)
    default_substeps: ClassVar[int] = 8

    def linear_step(self, equation: LinearEquation, size: float) -> LinearStep:
        """Return the product B A O A B and the noise of O carried through A and B."""
        positions = equation.positions
        kick, drift, friction = (np.zeros_like(equation.drift) for _ in range(3))
        kick[:] = drift[:] = friction[:] = np.eye(2 * positions)
        kick[:, positions:, :positions] = size / 2 * equation.drift[:, positions:, :positions]
        drift[:, :positions, positions:] = size / 2 * np.eye(positions)
        friction[:, positions:, positions:], covariance = exact_step(
            equation.drift[:, positions:, positions:], equation.noise[:, positions:], size
        )
        noise = np.zeros_like(equation.noise)
        noise[:, positions:] = symmetric_root(covariance)
        return LinearStep(kick @ drift @ friction @ drift @ kick, kick @ drift @ noise)
