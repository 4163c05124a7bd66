r"""The tangent kernel K_bc = grad f(x_b) . grad f(x_c) of networks, and how far it has moved.

In the lazy regime K stays what it was at step 0; ||K - K0|| / ||K0||, in the Frobenius norm, says
how far a training has left it.

References
----------
Jacot, Gabriel and Hongler, arXiv 1806.07572.
"""

from __future__ import annotations

import torch

from langevin_sgd.curvature import sample_gradients
from langevin_sgd.models.networks.interface import Replicas


def tangent_kernel(replicas: Replicas, x: torch.Tensor) -> torch.Tensor:
    """Return the tangent kernel of the trained weights.

    Parameters
    ----------
    replicas
        The networks.
    x
        (replica, input, dimension).

    Returns
    -------
    torch.Tensor
        (replica, input, input).
    """
    if "factorised_gradients" in replicas.can:
        return replicas.gradients(x).gram()
    numbers = x.shape[1] * sum(w[0].numel() for w in replicas.trained)
    replicas_at_a_time = max(1, sample_gradients.MOST_NUMBERS // numbers)
    groups = torch.arange(len(x), device=x.device).split(replicas_at_a_time)
    return torch.cat([replicas.select(group).gradients(x[group]).gram() for group in groups])


def kernel_change(now: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
    """Return ||K - K0|| / ||K0|| in the Frobenius norm.

    Parameters
    ----------
    now, start
        (replica, input, input) kernels K and K0 on the same inputs.

    Returns
    -------
    torch.Tensor
        (replica,) float64.
    """
    axes = (1, 2)
    change = torch.linalg.vector_norm((now - start).double(), dim=axes)
    return change / torch.linalg.vector_norm(start.double(), dim=axes)
