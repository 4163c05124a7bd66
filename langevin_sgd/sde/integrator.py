"""What an integrator is.

In a linear equation one step of any explicit one-step integrator is a linear map with Gaussian noise,

    z' = matrix z + noise xi,     xi standard normal, independent from step to step;

an integrator says which. An integrator of your own is a frozen dataclass with the members of `Integrator`; nothing
needs to be registered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from langevin_sgd.dynamics import LinearEquation, Overdamped, Underdamped

Equation = Underdamped | Overdamped


@dataclass(frozen=True, eq=False)
class LinearStep:
    """One step of an integrator in a linear equation.

    Parameters
    ----------
    matrix
        (group, component, component).
    noise
        (group, component, source): factor of the standard normals of a step.
    """

    matrix: np.ndarray
    noise: np.ndarray


class Integrator(Protocol):
    """A one-step integrator.

    Attributes
    ----------
    strong_order
        p in E|error of a path| = O(h^p) for additive noise; infinite if exact.
    weak_order
        p in |error of a moment| = O(h^p); infinite if exact.
    accepts
        The types of equation it integrates.
    default_substeps
        Steps of the integrator per step of SGD, unless the caller says otherwise.
    """

    @property
    def strong_order(self) -> float: ...  # noqa: D102
    @property
    def weak_order(self) -> float: ...  # noqa: D102
    @property
    def accepts(self) -> tuple[type[Equation], ...]: ...  # noqa: D102
    @property
    def default_substeps(self) -> int: ...  # noqa: D102

    def linear_step(self, equation: LinearEquation, size: float) -> LinearStep:
        """Return the step of length `size` (physical time) in a linear equation."""
