r"""Exact sampling of a linear equation with additive noise, for steps of any length.

    z(t + h) = e^{Ah} z(t) + xi,     Cov xi = C(h) = \int_0^h e^{As} B B^T e^{A^T s} ds

Propagator and covariance come from one matrix exponential (Van Loan, IEEE Trans. Autom. Control 23
(1978) 395),

    exp( h [[-A, B B^T], [0, A^T]] ) = [[., F], [0, G]],      e^{Ah} = G^T,   C(h) = G^T F ,

taken over h/2^n so short that nothing overflows, and doubled n times by C(2h) = C(h) + e^{Ah} C(h)
e^{A^T h}. Paths are exact in law at the recorded times; there is no discretisation error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.linalg import expm

from langevin_sgd.covariance import covariance_root
from langevin_sgd.dynamics import Overdamped, Underdamped
from langevin_sgd.dynamics.linear import LinearEquation
from langevin_sgd.sde.integrator import Equation, Integrator, LinearStep


@dataclass(frozen=True)
class ExactOrnsteinUhlenbeck(Integrator):
    """Exact in law for linear equations; one substep per step of SGD, and more change nothing."""

    strong_order: ClassVar[float] = math.inf
    weak_order: ClassVar[float] = math.inf
    accepts: ClassVar[tuple[type[Equation], ...]] = (Underdamped, Overdamped)
    default_substeps: ClassVar[int] = 1

    def linear_step(self, equation: LinearEquation, size: float) -> LinearStep:
        """Return e^{Ah} and a root of C(h)."""
        size = self.size_of_linear_step(equation, size)
        propagator, covariance = exact_step(equation.drift, equation.noise, size)
        return LinearStep(propagator, covariance_root(covariance))


def exact_step(drift: np.ndarray, noise: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Propagator and covariance of dz = A z dt + B dW over a time `size`.

    Parameters
    ----------
    drift, noise
        (group, component, component) and (group, component, source): A and B.

    Returns
    -------
    propagator, covariance
        (group, component, component) each.
    """
    largest = size * np.abs(drift).sum(axis=-1).max()
    doublings = max(0, math.ceil(math.log2(largest))) if largest > 0 else 0
    components = drift.shape[-1]
    block = np.zeros((len(drift), 2 * components, 2 * components))
    block[:, :components, :components] = -drift
    block[:, :components, components:] = noise @ np.swapaxes(noise, -1, -2)
    block[:, components:, components:] = np.swapaxes(drift, -1, -2)
    exponential = expm(block * (size / 2**doublings))
    propagator = np.swapaxes(exponential[:, components:, components:], -1, -2)
    covariance = propagator @ exponential[:, :components, components:]
    for _ in range(doublings):
        covariance = covariance + propagator @ covariance @ np.swapaxes(propagator, -1, -2)
        propagator = propagator @ propagator
    return propagator, (covariance + np.swapaxes(covariance, -1, -2)) / 2
