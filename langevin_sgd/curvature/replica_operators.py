r"""Hessian and Gauss-Newton matrix of one network of many, as operators, through their protocol.

The loss is the mean over points of loss(f(x_i), y_i), one of `langevin_sgd.models.losses.LOSSES`;
where training asks for loss(alpha (f - f0), y)/alpha see `hessian` for the factors. Gram matrices
of all networks at once are `tangent_kernel`, and `alignment.alignment_of_gram` takes them as they
are. (Chain rule.)
"""

from __future__ import annotations

import torch

from langevin_sgd.checks import as_choice, as_count, require
from langevin_sgd.curvature.hessian import gauss_newton_product, loss_hessian_product
from langevin_sgd.curvature.operators import SymmetricOperator
from langevin_sgd.models.losses import LOSSES
from langevin_sgd.models.networks.interface import Replicas, require_capability


def replica_operator(
    replicas: Replicas,
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    loss: str = "square",
    replica: int = 0,
    gauss_newton: bool = False,
) -> SymmetricOperator:
    """Return the Hessian, or the Gauss-Newton matrix, of the loss of one of many networks.

    Parameters
    ----------
    replicas
        The networks; they must be able to give ``second_derivatives``.
    x
        (point, dimension) inputs, in the type of the weights.
    y
        (point,) labels or targets.
    loss
        Name of a loss of one output; default square, with the factor 1/2.
    replica
        Place of the network; default the first.
    gauss_newton
        Whether to leave out the curvature of the outputs; default False.

    Raises
    ------
    InputError
        If an argument lies outside its range, or the networks cannot do it.
    """
    require_capability(replicas, "second_derivatives", by="replica_operator")
    of_outputs = LOSSES[as_choice("loss", loss, LOSSES)]
    like = replicas.trained[0]
    place = as_count("replica", replica, minimum=0, maximum=len(like) - 1)
    fits = x.ndim == 2 and x.dtype == like.dtype and y.shape == x.shape[:1]
    require(fits, "x", x, f"must be inputs (point, dimension) of {like.dtype}, and y (point,)")
    one = replicas.select(torch.tensor([place], device=like.device))
    inputs, targets = x[None], y[None].to(like.dtype)
    outputs = one.outputs(inputs)
    first = of_outputs.derivative(outputs, targets) / len(x)
    second = of_outputs.second_derivative(outputs, targets) / len(x)

    def column(vector: torch.Tensor) -> torch.Tensor:
        parts = vector.split([w[0].numel() for w in one.trained])
        direction = [p.reshape(w.shape) for p, w in zip(parts, one.trained, strict=True)]
        if gauss_newton:
            product = gauss_newton_product(one, inputs, second, direction)
        else:
            product = loss_hessian_product(one, inputs, first, second, direction)
        return torch.cat([part.reshape(-1) for part in product])

    return SymmetricOperator(
        product=lambda block: torch.stack([column(v) for v in block.unbind(1)], 1),
        size=sum(w[0].numel() for w in one.trained),
        like=like.reshape(-1)[:1],
        name="Gauss-Newton matrix" if gauss_newton else "Hessian",
    )
