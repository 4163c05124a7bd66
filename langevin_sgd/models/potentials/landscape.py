"""What an equation asks of a potential, whatever its kind.

A potential answers for itself: whether its force is linear, what it brings to compiled kernels,
what a digest of it holds. A potential of a new kind is one class with these methods; nothing needs
to be registered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from langevin_sgd.kernels.block_code import BlockCode


class LinearForce(NamedTuple):
    """The force -stiffness (theta - centre)."""

    stiffness: np.ndarray
    """(parameter, parameter), symmetric."""
    centre: np.ndarray
    """(parameter,)."""


@runtime_checkable
class EnergyLandscape(Protocol):
    """A potential U(theta) as an equation sees it."""

    @property
    def parameters(self) -> int:
        """Number of coordinates."""
        ...

    def energy(self, theta: np.ndarray) -> np.ndarray:
        """Potential energy at `theta` (..., parameter); shape (...)."""
        ...

    def force(self, theta: np.ndarray) -> np.ndarray:
        """Minus the gradient at `theta` (..., parameter); same shape."""
        ...

    def linear_force(self) -> LinearForce | None:
        """Stiffness and centre where the force is linear, else ``None``."""
        ...

    def compiled(self) -> BlockCode:
        """Return ``add_force``, and ``kicked`` where the force is local, for kernels."""
        ...

    def require_replicas(self, replicas: int) -> None:
        """Raise `InputError` for an array over another number of replicas."""
        ...

    def identity(self) -> Mapping[str, object]:
        """Return everything that it is made of: texts, numbers and arrays, by name."""
        ...
