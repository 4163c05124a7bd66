r"""The covariance of gradients: of a single point, and of the mean over a minibatch.

Let g_i be the gradient of loss/alpha at training point i = 1 ... P, g their mean, and C their
covariance, the mean of (g_i - g)(g_i - g)^T over all points. The mean over a minibatch of B points
has the covariance s^2 C with

    s^2 = 1/B with replacement,    (1/B) (P - B)/(P - 1) without.

SGD with isotropic noise of this trace is dw = -g dt + sqrt(lr s^2 trace(C)/N) dW in the time t = lr
* step, N being the number of weights: an overdamped Langevin equation of mobility one, whose
temperature, half the square of the noise, is

    lr s^2 trace(C) / (2 N).

Momentum makes lr/(1 - momentum) of lr. (Derived.)
"""

from __future__ import annotations

from collections.abc import Iterable

import torch

from langevin_sgd.curvature.sample_gradients import squared_gradients
from langevin_sgd.models.networks.interface import Replicas, given_factors
from langevin_sgd.sgd_settings import SGD


def variance_factor(settings: SGD, points: int) -> float:
    """Return s^2, the variance of a minibatch's mean over that of one point.

    Parameters
    ----------
    settings
        Batch size B and sampling.
    points
        Training points P.
    """
    if settings.sampling == "with_replacement" or points == 1:
        return 1 / settings.batch_size
    return (points - settings.batch_size) / (settings.batch_size * (points - 1))


def mean_and_trace(
    replicas: Replicas, pieces: Iterable[tuple[torch.Tensor, torch.Tensor]], points: torch.Tensor
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Return the mean over points of p_i grad f(x_i), and the trace of its covariance C.

    Parameters
    ----------
    replicas
        The networks.
    pieces
        Inputs (replica, input, dimension) and their pulls p (replica, input), minus the derivatives
        of the loss by the outputs; zero beyond the points of a replica.
    points
        (replica, 1) how many there are in all pieces.

    Returns
    -------
    mean
        A tensor (replica, ...) for each of the trained weights.
    trace
        (replica,) float64.
    """
    mean = [torch.zeros_like(w) for w in replicas.trained]
    squares = torch.zeros(len(points), dtype=torch.float64, device=points.device)
    for x, pull in pieces:
        squares += (pull.double().square() * squared_gradients(replicas, x)).sum(1)
        replicas.step(x, given_factors(pull / points), into=mean)
    of_mean = torch.stack([m.double().flatten(1).square().sum(1) for m in mean]).sum(0)
    return mean, (squares / points[:, 0] - of_mean).clamp(min=0)
