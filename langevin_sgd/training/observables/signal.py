r"""Signal and noise in the change of the weights of networks.

To first order in w - w0 the mean of y (f - f0) over test points is (w - w0) . g, with g the mean
over test points of y grad f(w0, x): only the part of w - w0 along g makes the network right on
average, the rest fits the points at hand. For a perceptron with isotropic inputs g is the direction
of the teacher, and the two parts are its signal and noise. (Derived.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from langevin_sgd.training.observables.interface import Measured, Observable, Variables

if TYPE_CHECKING:
    import torch

    from langevin_sgd.training.observables.observed_networks import ObservedNetworks


@dataclass(frozen=True)
class Signal(Observable):
    """Change of the weights along the mean gradient over test points, and across it, over |w0|.

    ``signal`` and ``noise``; needs test points.
    """

    name: ClassVar[str] = "signal"
    needs_test_points: ClassVar[bool] = True

    def variables(self, *, has_test: bool) -> Variables:
        """As in `Observable`."""
        return {"signal": ((), "1"), "noise": ((), "1")}

    def keep(self, networks: ObservedNetworks) -> list[torch.Tensor]:
        """Mean over test points of y grad f, shaped like the weights."""
        from langevin_sgd.curvature.sample_gradients import weighted_gradient

        test = networks.test
        assert test is not None
        share = test.labels * test.present
        share /= test.present.sum(1, keepdim=True)
        pieces = ((x, share[:, here]) for here, x in test.pieces())
        return weighted_gradient(networks.replicas, pieces)

    def measure(self, networks: ObservedNetworks) -> Measured:
        """As in `Observable`."""
        from langevin_sgd.curvature.sample_gradients import dot_products

        start, direction = networks.start.weights, networks.start.kept[self.name]
        moved = [w - w0 for w, w0 in zip(networks.replicas.trained, start, strict=True)]
        along = dot_products(moved, direction) / dot_products(direction, direction).sqrt()
        across = (dot_products(moved, moved) - along**2).clamp(min=0).sqrt()
        size = dot_products(start, start).sqrt()
        return {"signal": (along / size).cpu().numpy(), "noise": (across / size).cpu().numpy()}
