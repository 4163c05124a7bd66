"""What an observable owes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from langevin_sgd.checks import InputError

if TYPE_CHECKING:
    import torch

    from langevin_sgd.training.observables.observed_networks import ObservedNetworks

Variables = dict[str, tuple[tuple[str, ...], str]]
"""Name -> (dimensions beside the replica, unit)."""
Measured = dict[str, np.ndarray]
"""Name -> values (replica, ...), with the dimensions of `Variables`."""


class Observable(ABC):
    """Something that can be measured of networks at any moment of their training."""

    name: ClassVar[str]
    """Short name."""
    needs_test_points: ClassVar[bool] = False
    """Whether it looks at test points."""

    @abstractmethod
    def variables(self, *, has_test: bool) -> Variables:
        """Return what it measures, where there are test points or none."""

    @property
    def coordinates(self) -> dict[str, np.ndarray]:
        """Values along the dimensions that its variables have; none by default."""
        return {}

    def require_points(self, train: int, test: int) -> None:
        """Raise `InputError` unless so many training and test points suffice.

        Parameters
        ----------
        train, test
            The fewest of a replica.
        """
        if self.needs_test_points and test == 0:
            raise InputError(f"{self.name}: needs test points, and there are none")

    def keep(self, networks: ObservedNetworks) -> list[torch.Tensor]:
        """Return what it needs of step 0, (replica, ...) each; nothing by default.

        Parameters
        ----------
        networks
            At step 0.
        """
        return []

    @abstractmethod
    def measure(self, networks: ObservedNetworks) -> Measured:
        """Measure networks at the present moment."""
