r"""The covariance of gradients: of a single point, and of the mean over a minibatch.

Let g_i be the gradient of loss/alpha at training point i = 1 ... P, g their mean, and C their
covariance, the mean of (g_i - g)(g_i - g)^T over all points. The mean over a minibatch of B points
has the covariance s^2 C with

    s^2 = 1/B with replacement,    (1/B) (P - B)/(P - 1) without.

SGD of isotropic noise of this trace is dw = -g dt + sqrt(lr s^2 trace(C)/N) dW in the time t = lr *
step, N being the number of weights: an overdamped Langevin equation of mobility one, whose
temperature, half the square of the noise, is

    lr s^2 trace(C) / (2 N).

Momentum makes lr/(1 - momentum) of lr. (Derived.)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from langevin_sgd.sgd_settings import SGD


def variance_factor(settings: SGD, points: int) -> float:
    """s^2, the variance of a minibatch's mean over that of one point."""
    if settings.sampling == "with_replacement" or points == 1:
        return 1 / settings.batch_size
    return (points - settings.batch_size) / (settings.batch_size * (points - 1))


def mean_and_trace(
    networks: Any, pieces: Iterable[tuple[torch.Tensor, torch.Tensor]], points: torch.Tensor
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Mean over points of pull_i grad f_i, shaped like the weights, and the trace of its covariance
    C, (replica,).

    Parameters
    ----------
    networks
        The replicas.
    pieces
        Inputs (replica, input, dimension) and their pulls (replica, input), zero beyond the points
        of a replica.
    points
        (replica, 1) how many there are in all pieces.
    """
    mean = [torch.zeros_like(w) for w in networks.trained]
    squares = torch.zeros(len(points), dtype=torch.float64, device=points.device)
    for x, pull in pieces:
        squares += (pull.double().square() * networks.squared_gradients(x)).sum(1)
        share = pull / points
        networks.step(x, lambda _, share=share: share, into=mean)
    of_mean = torch.stack([m.double().flatten(1).square().sum(1) for m in mean]).sum(0)
    return mean, (squares / points[:, 0] - of_mean).clamp(min=0)
