r"""The curvature that a square loss has at a network, in the space of its training points.

With r_i = (o_i - y_i) / sqrt(alpha) and the predictor o = alpha (f - f0), what is descended is L =
(1/2P) sum_i r_i^2. Its Gauss-Newton matrix, the Hessian where all points are fitted, is G = (1/P)
sum_i grad r_i grad r_i^T, and has the nonzero eigenvalues of the kernel

    K_ij = grad r_i . grad r_j / P = (alpha / P) grad f(x_i) . grad f(x_j).

Gradients of single points are r_i grad r_i, so that K and r say all that stability and alignment of
SGD's noise need (`langevin_sgd.theory.stability`). Derived.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from langevin_sgd.checks import InputError, as_count, convert_fields, require, require_memory
from langevin_sgd.training.observables.interface import Measured, Observable, Variables

if TYPE_CHECKING:
    from langevin_sgd.training.observables.observed_networks import ObservedNetworks


@dataclass(frozen=True, kw_only=True)
class TrainingKernel(Observable):
    """Kernel of the Gauss-Newton matrix of a square loss, and the residuals of training points.

    ``training_kernel`` (point, other_point), in units of the Hessian, and ``residual`` (point).

    Parameters
    ----------
    points
        All training points, P; every replica has so many.

    Raises
    ------
    InputError
        If there are not 1 or more points, or another number of training points, or the loss is not
        the square one.

    Examples
    --------
    >>> TrainingKernel(points=32)
    TrainingKernel(points=32)
    """

    name: ClassVar[str] = "training_kernel"
    points: int

    def __post_init__(self) -> None:
        convert_fields(self, {"points": as_count})
        require_memory("TrainingKernel.points", self.points, 8.0 * self.points**2)

    def variables(self, *, has_test: bool) -> Variables:
        """As in `Observable`."""
        return {
            "training_kernel": (("point", "other_point"), "loss / (alpha w^2)"),
            "residual": (("point",), "sqrt(loss / alpha)"),
        }

    @property
    def coordinates(self) -> dict[str, np.ndarray]:
        """As in `Observable`."""
        numbers = np.arange(self.points)
        return {"point": numbers, "other_point": numbers}

    def require_points(self, train: int, test: int) -> None:
        """As in `Observable`."""
        allowed = f"must be {train}, all the training points"
        require(self.points == train, "TrainingKernel.points", self.points, allowed)

    def measure(self, networks: ObservedNetworks) -> Measured:
        """As in `Observable`.

        Raises
        ------
        InputError
            If the loss is not the square one.
        """
        from langevin_sgd.curvature.tangent_kernel import tangent_kernel
        from langevin_sgd.models.losses import LOSSES

        if networks.loss is not LOSSES["square"]:
            raise InputError("training_kernel: needs the square loss")
        alpha = networks.alpha.double()
        kernel = tangent_kernel(networks.replicas, networks.train.inputs(0, self.points)).double()
        missing = (networks.on_train.predictor - networks.on_train.y).double()
        return {
            "training_kernel": (kernel * alpha[:, :, None] / self.points).cpu().numpy(),
            "residual": (missing / alpha.sqrt()).cpu().numpy(),
        }
