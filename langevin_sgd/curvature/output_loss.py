r"""Losses of any number of outputs, with what curvature needs of them.

Of outputs o (point, output) and targets t, at each point:

    square            |o - t|^2 / 2, t (point, output)     gradient o - t    Hessian 1
    cross_entropy     -log p_t, t a class, p = softmax(o)  gradient p - e_t  Hessian diag(p) - p p^T

The square loss has the factor 1/2 and is summed over outputs; ``torch.nn.MSELoss`` is 2/k of it for
k outputs. The Hessian is R R^T with R = 1 or R = diag(q) (1 - q q^T), q = sqrt(p), because |q| = 1.
(Derived.) Values, gradients and products are those of `langevin_sgd.models.losses`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from langevin_sgd.models.losses import CLASS_LOSSES, LOSSES, Function


@dataclass(frozen=True, kw_only=True)
class OutputLoss:
    """A loss of outputs (point, output) at targets."""

    value: Function
    """(point,)."""
    gradient: Function
    """(point, output), by the outputs."""
    hessian_product: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
    """Of outputs, targets and vectors (point, output): (point, output)."""
    hessian_root: Function
    """(point, output, output) R with R R^T the Hessian by the outputs."""
    takes_classes: bool
    """Whether targets are numbers of classes."""


def _square_value(o: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return LOSSES["square"].value(o, t).sum(-1)


def _square_product(o: torch.Tensor, t: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    return LOSSES["square"].second_derivative(o, t) * vectors


def _square_root(o: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return torch.diag_embed(LOSSES["square"].second_derivative(o, t))


def _entropy_root(o: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    q = torch.softmax(o, -1).sqrt()
    return torch.diag_embed(q) - (q * q).unsqueeze(-1) * q.unsqueeze(-2)


OUTPUT_LOSSES: dict[str, OutputLoss] = {
    "square": OutputLoss(
        value=_square_value,
        gradient=LOSSES["square"].derivative,
        hessian_product=_square_product,
        hessian_root=_square_root,
        takes_classes=False,
    ),
    "cross_entropy": OutputLoss(
        value=CLASS_LOSSES["cross_entropy"].value,
        gradient=CLASS_LOSSES["cross_entropy"].gradient,
        hessian_product=CLASS_LOSSES["cross_entropy"].hessian_product,
        hessian_root=_entropy_root,
        takes_classes=True,
    ),
}
"""Name -> loss."""
