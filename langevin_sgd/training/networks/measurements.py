"""What is measured on trained networks."""

from __future__ import annotations

import warnings

import numpy as np
import torch

from langevin_sgd.models.losses import Loss
from langevin_sgd.models.networks import Replicas
from langevin_sgd.training.networks.training_sets import Part

MOST_NUMBERS = 2**22
"""Numbers of the largest layer that a pass over many points holds at a time."""


def stretches(part: Part, members: np.ndarray) -> list[tuple[int, int]]:
    """Starts and ends of stretches of points that are looked at together."""
    most = int(part.points[members].max(initial=0))
    length = max(1, MOST_NUMBERS // (len(members) * part.widest))
    return [(start, min(start + length, most)) for start in range(0, most, length)]


def outputs_on(networks: Replicas, part: Part, members: np.ndarray) -> torch.Tensor:
    """Outputs (replica, point) on all points of a part; what lies beyond a replica's points has no
    meaning.
    """
    pieces = [
        networks.outputs(part.X[part.rows(members, *stretch)])
        for stretch in stretches(part, members)
    ]
    if not pieces:
        return torch.empty((len(members), 0), dtype=part.X.dtype, device=part.X.device)
    return torch.cat(pieces, 1)


def labels_of(part: Part, members: np.ndarray) -> torch.Tensor:
    """Labels (replica, point)."""
    return part.y[part.rows(members, 0, int(part.points[members].max(initial=0)))]


def unfit_points(predictor: torch.Tensor, y: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """Points (replica, point) whose margin y o is below one; NaN counts as unfit."""
    return ~(y * predictor >= 1) & present


def mean_over(values: torch.Tensor, present: torch.Tensor) -> np.ndarray:
    """Mean over the points of each replica, (replica,) float64."""
    total = torch.where(present, values.double(), 0.0).sum(1)
    mean: np.ndarray = (total / present.sum(1)).cpu().numpy()
    return mean


def loss_and_error(
    loss: Loss, predictor: torch.Tensor, y: torch.Tensor, present: torch.Tensor, alpha: torch.Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of loss/alpha, and fraction of points with y o <= 0, each (replica,)."""
    wrong = ~(y * predictor > 0)
    return mean_over(loss.value(predictor, y) / alpha, present), mean_over(wrong, present)


def weight_change(
    weights: list[torch.Tensor], start: list[torch.Tensor]
) -> tuple[np.ndarray, np.ndarray]:
    """|w - w0| / |w0| of all trained weights (replica,), and of each layer (replica, layer)."""

    def squares(tensors: list[torch.Tensor]) -> torch.Tensor:
        return torch.stack([t.double().flatten(1).square().sum(1) for t in tensors], 1)

    moved, size = squares([w - w0 for w, w0 in zip(weights, start, strict=True)]), squares(start)
    whole = torch.sqrt(moved.sum(1) / size.sum(1))
    return whole.cpu().numpy(), torch.sqrt(moved / size).cpu().numpy()


def warn_if_too_coarse(f0: torch.Tensor, alpha: torch.Tensor) -> None:
    """Warn if rounding of the outputs exceeds a hundredth of the margin 1/alpha in some replica."""
    rounding = torch.finfo(f0.dtype).eps * f0.square().mean(1).sqrt() * alpha[:, 0]
    if bool((rounding > 1e-2).any()):
        largest = float(alpha[rounding > 1e-2].max())
        way_out = (
            "use float64"
            if f0.dtype == torch.float32
            else "no precision is left; take a smaller alpha"
        )
        warnings.warn(
            f"alpha = {largest:g}: f - f0 is lost in the rounding of {f0.dtype}; {way_out}",
            stacklevel=2,
        )
