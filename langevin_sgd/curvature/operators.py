r"""Symmetric matrices of a model as operators: products with vectors, and nothing stored.

Of the loss L = (1/n) sum_i l_i(f(x_i)), with gradients s_i and Hessians Q_i of l_i by the outputs,
Jacobians J_i of the outputs and gradients g_i = J_i^T s_i at the points:

    Hessian           H v = d/de grad L(w + e v)               forward over reverse
    Gauss-Newton      G v = (1/n) sum_i J_i^T Q_i J_i v        forward, then reverse
    noise covariance  Sigma v = (1/n) sum_i g_i (g_i . v) - g (g . v),   g = mean of g_i

Sigma is the covariance of the gradient at a single point. For the square loss Q = 1, and H = G
where all residuals are zero. Several vectors go through the module together, by ``vmap``. Where all
points pass at once (``chunk``) the Hessian goes reverse over reverse instead: what does not depend
on the vector is then computed once for all products, and each costs a third.

References
----------
Pearlmutter, Neural Computation 6 (1994) 147; Schraudolph, Neural Computation 14 (2002) 1723.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import torch
from torch.func import grad, vjp, vmap

from langevin_sgd.checks import as_instance, require
from langevin_sgd.curvature.forward_mode import along
from langevin_sgd.curvature.model_checks import as_vector, in_one_line
from langevin_sgd.curvature.torch_model import Stretch, TorchModel

AT_A_TIME = 16
"""Vectors that pass through the module together."""


@dataclass(frozen=True, kw_only=True)
class SymmetricOperator:
    """A symmetric matrix, given by its products.

    Parameters
    ----------
    product
        Maps a block (size, vector) to the products of its columns.
    size
        Rows of the matrix.
    like
        A tensor of the type and on the device of the vectors.
    name
        What it is, in words.

    Examples
    --------
    >>> operator = from_matrix(torch.diag(torch.tensor([3.0, 1.0])))
    >>> operator.times(torch.ones(2)).tolist()
    [3.0, 1.0]
    """

    product: Callable[[torch.Tensor], torch.Tensor]
    size: int
    like: torch.Tensor
    name: str

    def times(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return the products with a vector (size,) or with the columns of a block (size, vector).

        Raises
        ------
        InputError
            If it is neither, or not finite.
        """
        block = getattr(vectors, "ndim", 1) == 2
        checked = as_vector("vectors", vectors, self.size, self.like, block=block)
        return self.of_block(checked) if block else self.of_block(checked[:, None])[:, 0]

    def of_block(self, block: torch.Tensor) -> torch.Tensor:
        """The same for a block in the operator's own type, `AT_A_TIME` columns at a time."""
        parts = [self.product(part) for part in block.split(AT_A_TIME, 1)]
        return torch.cat(parts, 1) if parts else block


def from_matrix(matrix: torch.Tensor) -> SymmetricOperator:
    """Return a symmetric matrix (size, size) as an operator.

    Raises
    ------
    InputError
        If it is no such matrix of floating numbers.
    """
    allowed = "must be a symmetric matrix of finite floating numbers"
    fits = isinstance(matrix, torch.Tensor) and matrix.ndim == 2 and matrix.is_floating_point()
    square = fits and matrix.shape[0] == matrix.shape[1] > 0
    require(square, "matrix", matrix, allowed)
    scale, uneven = (float(part.abs().max()) for part in (matrix, matrix - matrix.mT))
    even = uneven <= 100 * torch.finfo(matrix.dtype).eps * scale
    require(even and bool(matrix.isfinite().all()), "matrix", matrix, allowed)
    product = partial(torch.matmul, matrix)
    return SymmetricOperator(product=product, size=len(matrix), like=matrix, name="matrix")


def hessian(model: TorchModel) -> SymmetricOperator:
    """Return the Hessian of the loss of a model.

    Parameters
    ----------
    model
        Module, data and loss. The module must be twice differentiable by ``torch.func``.
    """
    as_instance("model", model, TorchModel)
    part = _kept_hessian(model) if model.points <= model.chunk else _hessian_part
    return _operator(model, part, "Hessian")


def gauss_newton(model: TorchModel) -> SymmetricOperator:
    """Return the Gauss-Newton matrix G of a model: its Hessian, were outputs linear in weights."""
    return _operator(model, _gauss_newton_part, "Gauss-Newton matrix")


def noise_covariance(model: TorchModel) -> SymmetricOperator:
    """Return the covariance Sigma of the gradient at a single point of a model.

    That of the mean over a minibatch is Sigma times `gradient_noise.variance_factor`.
    """
    as_instance("model", model, TorchModel)
    mean = model.gradient()
    uncentred = _operator(model, _second_moment_part, "covariance of gradients")

    def product(block: torch.Tensor) -> torch.Tensor:
        return uncentred.product(block) - mean[:, None] * (mean @ block)

    return SymmetricOperator(product=product, size=model.size, like=mean, name=uncentred.name)


Part = Callable[[TorchModel, Stretch, torch.Tensor], torch.Tensor]
"""Maps a model, some of its points and a vector to the sum over these points of a product."""


def _operator(model: TorchModel, part: Part, name: str) -> SymmetricOperator:
    """Return the operator that is the mean over points of products by stretches."""
    as_instance("model", model, TorchModel)

    def product(block: torch.Tensor) -> torch.Tensor:
        total = torch.zeros_like(block)
        with in_one_line(f"the {name}"):
            for stretch in model.stretches():
                total += _of_columns(partial(part, model, stretch), block)
        return total / model.points

    return SymmetricOperator(
        product=product, size=model.size, like=model.weights[0].reshape(-1)[:1], name=name
    )


def _of_columns(
    product: Callable[[torch.Tensor], torch.Tensor], block: torch.Tensor
) -> torch.Tensor:
    if block.shape[1] == 1:
        return product(block[:, 0])[:, None]
    return vmap(product, in_dims=1, out_dims=1)(block)


def _hessian_part(model: TorchModel, stretch: Stretch, vector: torch.Tensor) -> torch.Tensor:
    _, product = along(grad(_sum_of_losses(model, stretch)), model.weights, model.shaped(vector))
    return model.flat(product)


def _kept_hessian(model: TorchModel) -> Part:
    """Return products of the Hessian of all points at once, reverse over reverse.

    The two passes that do not depend on the vector are made once, which takes as much memory as
    any product does.
    """

    @cache
    def pull_back() -> Callable[[list[torch.Tensor]], tuple[list[torch.Tensor]]]:
        (stretch,) = model.stretches()
        return vjp(grad(_sum_of_losses(model, stretch)), model.weights)[1]

    def product(model: TorchModel, _: Stretch, vector: torch.Tensor) -> torch.Tensor:
        return model.flat(pull_back()(list(model.shaped(vector)))[0])

    return product


def _sum_of_losses(
    model: TorchModel, stretch: Stretch
) -> Callable[[list[torch.Tensor]], torch.Tensor]:
    def loss(weights: list[torch.Tensor]) -> torch.Tensor:
        outputs = model.call(weights, stretch.inputs)
        return model.output_loss.value(outputs, stretch.targets).sum()

    return loss


def _gauss_newton_part(model: TorchModel, stretch: Stretch, vector: torch.Tensor) -> torch.Tensor:
    call = partial(model.call, x=stretch.inputs)
    outputs, slopes = along(call, model.weights, model.shaped(vector))
    factors = model.output_loss.hessian_product(outputs, stretch.targets, slopes)
    return model.flat(vjp(call, model.weights)[1](factors)[0])


def _second_moment_part(model: TorchModel, stretch: Stretch, vector: torch.Tensor) -> torch.Tensor:
    call = partial(model.call, x=stretch.inputs)
    outputs, slopes = along(call, model.weights, model.shaped(vector))
    gradients = model.output_loss.gradient(outputs, stretch.targets)
    factors = gradients * (gradients * slopes).sum(-1, keepdim=True)
    return model.flat(vjp(call, model.weights)[1](factors)[0])
