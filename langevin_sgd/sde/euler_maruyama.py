"""Euler-Maruyama: z' = z + h A z + sqrt(h) B xi.

Maruyama (1955); Kloeden and Platen, *Numerical Solution of Stochastic Differential Equations* (1992), section 10.2:
strong order 1 for additive noise, weak order 1. Its stationary variances are wrong by O(h); an oscillating mode
(natural frequency omega, damping rate gamma) needs h < 2 gamma / omega^2, or it diverges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from langevin_sgd.dynamics import LinearEquation, Overdamped, Underdamped
from langevin_sgd.sde.integrator import Equation, LinearStep


@dataclass(frozen=True)
class EulerMaruyama:
    """The Euler-Maruyama integrator; 40 substeps per step of SGD by default, for an error of about one per cent."""

    strong_order: ClassVar[float] = 1.0
    weak_order: ClassVar[float] = 1.0
    accepts: ClassVar[tuple[type[Equation], ...]] = (Underdamped, Overdamped)
    default_substeps: ClassVar[int] = 40

    def linear_step(self, equation: LinearEquation, size: float) -> LinearStep:
        """Return 1 + h A and sqrt(h) B."""
        return LinearStep(np.eye(equation.drift.shape[1]) + size * equation.drift, math.sqrt(size) * equation.noise)
