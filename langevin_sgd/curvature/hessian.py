r"""The Hessian of a loss of networks, times a vector.

For the loss L(w) = sum_b loss_b(f(w, x_b)), with first and second derivatives s_b and q_b of loss_b
by the output f at the present weights,

    H v = sum_b q_b (grad f(x_b) . v) grad f(x_b) + sum_b s_b (Hessian of f at x_b) v.

The first term alone is the Gauss-Newton matrix times v; where all points are fitted by a hinge or
exactly, it is all there is. Of loss(alpha (f - f0), y)/alpha the derivatives by f are loss' and
alpha loss''. (Chain rule.)
"""

from __future__ import annotations

import torch

from langevin_sgd.models.networks.interface import Replicas, given_factors, require_capability


def gauss_newton_product(
    replicas: Replicas, x: torch.Tensor, second: torch.Tensor, direction: list[torch.Tensor]
) -> list[torch.Tensor]:
    """Return the Gauss-Newton matrix of a loss times a vector.

    Parameters
    ----------
    replicas
        The networks; they must be able to give ``second_derivatives``.
    x
        (replica, input, dimension).
    second
        (replica, input) second derivatives q of the loss by the outputs.
    direction
        Vector v, a tensor (replica, ...) for each of the trained weights.

    Returns
    -------
    list of torch.Tensor
        Of the shapes of the trained weights.

    Raises
    ------
    InputError
        If the networks cannot do it.
    """
    require_capability(replicas, "second_derivatives", by="gauss_newton_product")
    factors = second * replicas.directional_derivatives(x, direction)
    product = [torch.zeros_like(w) for w in replicas.trained]
    replicas.step(x, given_factors(factors), into=product)
    return product


def loss_hessian_product(
    replicas: Replicas,
    x: torch.Tensor,
    first: torch.Tensor,
    second: torch.Tensor,
    direction: list[torch.Tensor],
) -> list[torch.Tensor]:
    """Return the Hessian of a loss times a vector.

    Parameters
    ----------
    replicas
        The networks; they must be able to give ``second_derivatives``.
    x
        (replica, input, dimension).
    first, second
        (replica, input) first and second derivatives s and q of the loss by the outputs.
    direction
        Vector v, a tensor (replica, ...) for each of the trained weights.

    Returns
    -------
    list of torch.Tensor
        Of the shapes of the trained weights.

    Raises
    ------
    InputError
        If the networks cannot do it.
    """
    require_capability(replicas, "second_derivatives", by="loss_hessian_product")
    gauss_newton = gauss_newton_product(replicas, x, second, direction)
    residual = replicas.hessian_product(x, first, direction)
    return [g + r for g, r in zip(gauss_newton, residual, strict=True)]
