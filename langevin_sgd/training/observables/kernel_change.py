"""How far the tangent kernel of networks has moved since step 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from langevin_sgd.checks import as_count, convert_fields, require, require_memory
from langevin_sgd.training.observables.interface import Measured, Observable, Variables

if TYPE_CHECKING:
    import torch

    from langevin_sgd.training.observables.observed_networks import ObservedNetworks


@dataclass(frozen=True, kw_only=True)
class KernelChange(Observable):
    """Change ||K - K0|| / ||K0|| of the tangent kernel, in the Frobenius norm: ``kernel_change``.

    Parameters
    ----------
    points
        Points, the first of the test set (of the training set if there is none), on which the
        kernel is compared with that of step 0; 64 by default.

    Raises
    ------
    InputError
        If there are not 1 or more points.

    Examples
    --------
    >>> KernelChange(points=16)
    KernelChange(points=16)
    """

    name: ClassVar[str] = "kernel"
    points: int = 64

    def __post_init__(self) -> None:
        convert_fields(self, {"points": as_count})

    def variables(self, *, has_test: bool) -> Variables:
        """As in `Observable`."""
        return {"kernel_change": ((), "1")}

    def require_points(self, train: int, test: int) -> None:
        """As in `Observable`."""
        most = test or train
        allowed = f"must be at most {most}, the points there are"
        require(self.points <= most, "KernelChange.points", self.points, allowed)
        require_memory("KernelChange.points", self.points, 8.0 * self.points**2)

    def keep(self, networks: ObservedNetworks) -> list[torch.Tensor]:
        """Kernel on the points (replica, input, input)."""
        return [self._kernel(networks)]

    def measure(self, networks: ObservedNetworks) -> Measured:
        """As in `Observable`."""
        from langevin_sgd.curvature.tangent_kernel import kernel_change

        change = kernel_change(self._kernel(networks), networks.start.kept[self.name][0])
        return {"kernel_change": change.cpu().numpy()}

    def _kernel(self, networks: ObservedNetworks) -> torch.Tensor:
        from langevin_sgd.curvature.tangent_kernel import tangent_kernel

        points = networks.train if networks.test is None else networks.test
        return tangent_kernel(networks.replicas, points.inputs(0, self.points))
