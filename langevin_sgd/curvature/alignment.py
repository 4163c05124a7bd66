r"""Alignment of the noise of SGD with the Gauss-Newton matrix, exactly, from Gram matrices.

With the covariance Sigma of the gradient at a single point, the Gauss-Newton matrix G and the loss
L of the present weights:

    mu     = tr(Sigma G) / (2 L |G|_F^2)          the factor that linear stability asks for
    cosine = tr(Sigma G) / (|Sigma|_F |G|_F)      direction, alpha in the paper
    size   = |Sigma|_F / (2 L |G|_F)              magnitude, beta in the paper;  mu = cosine * size.

If residuals were independent of gradients, Sigma = 2 L G and all three were one. Let K be the Gram
matrix of the gradients of the outputs, s_i the gradients and R_i R_i^T the Hessians of the losses
by the outputs, F_ij = R_i^T K_ij R_j, C_ji = R_j^T K_ji s_i and A_ij = s_i^T K_ij s_j. Then

    |G|_F^2     = (1/n^2) sum_ij |F_ij|^2,
    tr(Sigma G) = (1/n^2) sum_ij |C_ji - mean_i C_ji|^2,
    |Sigma|_F   = (1/n) |A centred on both sides|_F.

At a minimum with features frozen (square loss) mu = r^T M r / r^T r is a quadratic form in the
residuals, M = (n blockdiag(K^2) - K^2)/|K|_F^2, and its extreme eigenvalues on the range of K are
the least and the largest alignment that SGD can meet there. (Derived.)

This is the route over tensors and operators of a module; what closed-form theory makes of arrays
shares no code with it.

References
----------
Wu, Wang and Su, arXiv 2207.02628; Wang and Wu, arXiv 2310.00692 (along a direction).

Validity: the names are those of the square loss with the factor 1/2. For cross-entropy G is the
generalised Gauss-Newton matrix, and one is no value of reference.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from langevin_sgd.checks import as_count, as_instance, require
from langevin_sgd.curvature.gram import gram_of_outputs
from langevin_sgd.curvature.operators import gauss_newton, noise_covariance
from langevin_sgd.curvature.room import require_room
from langevin_sgd.curvature.torch_model import TorchModel

_RANGE = 1e-12
"""Eigenvalues of a Gram matrix below this part of the largest are taken for zero."""


class ModelAlignment(NamedTuple):
    """Alignment of noise and curvature, and what it is made of; tensors (...) of float64."""

    loss: torch.Tensor
    trace_product: torch.Tensor
    """tr(Sigma G)."""
    norm_of_curvature: torch.Tensor
    """|G|_F."""
    norm_of_noise: torch.Tensor
    """|Sigma|_F."""
    trace_of_curvature: torch.Tensor
    trace_of_noise: torch.Tensor

    @property
    def mu(self) -> torch.Tensor:
        """tr(Sigma G) / (2 L |G|_F^2)."""
        return self.trace_product / (2 * self.loss * self.norm_of_curvature**2)

    @property
    def cosine(self) -> torch.Tensor:
        """tr(Sigma G) / (|Sigma|_F |G|_F)."""
        return self.trace_product / (self.norm_of_noise * self.norm_of_curvature)

    @property
    def size(self) -> torch.Tensor:
        """|Sigma|_F / (2 L |G|_F)."""
        return self.norm_of_noise / (2 * self.loss * self.norm_of_curvature)

    def isotropic_mu(self, parameters: int) -> torch.Tensor:
        """Return mu of isotropic noise of the same trace: tr Sigma tr G / (2 d L |G|_F^2).

        Parameters
        ----------
        parameters
            Number of weights d.
        """
        d = as_count("parameters", parameters)
        traces = self.trace_of_noise * self.trace_of_curvature
        return traces / (2 * d * self.loss * self.norm_of_curvature**2)


class Contractions(NamedTuple):
    """Gram matrices of features and of gradients of the loss, (...) before all."""

    features: torch.Tensor
    """(..., point, output, point, output) F."""
    crossed: torch.Tensor
    """(..., point, output, point) C, of features with gradients of the loss."""
    losses: torch.Tensor
    """(..., point, point) A."""


def alignment(model: TorchModel) -> ModelAlignment:
    """Return the alignment of noise and curvature of a model, exactly.

    Parameters
    ----------
    model
        Module, data and loss.

    Returns
    -------
    ModelAlignment
        Of tensors without dimensions.

    Raises
    ------
    InputError
        If the loss is zero, or Gram matrices do not fit into memory.
    """
    as_instance("model", model, TorchModel)
    loss = model.losses().mean()
    require_room(
        "model",
        f"{model.points} points with {model.outputs} outputs",
        4 * 8.0 * (model.points * model.outputs) ** 2,
        device=model.device,
        instead="take fewer points (model.take), or alignment_by_products, alignment_by_subsets",
    )
    gram, gradients = gram_of_outputs(model), model.output_gradients()
    return alignment_of_gram(gram, gradients, loss, model.hessian_roots())


def alignment_of_gram(
    gram: torch.Tensor,
    gradients: torch.Tensor,
    loss: torch.Tensor,
    roots: torch.Tensor | None = None,
) -> ModelAlignment:
    """Return the alignment from the Gram matrix of the outputs, of many networks at once.

    Parameters
    ----------
    gram
        (..., point, output, point, output) K; of one output `tangent_kernel` with two axes of
        length one put in.
    gradients
        (..., point, output) of the losses at the points by the outputs; residuals for the square
        loss.
    loss
        (...) L, the mean over points.
    roots
        (..., point, output, output); default unit matrices, those of the square loss.

    Raises
    ------
    InputError
        If shapes do not fit, or a loss is not above zero.
    """
    _require_gram(gram)
    shape = gram.shape[:-2]
    require(gradients.shape == shape, "gradients", gradients, f"must have shape {tuple(shape)}")
    require(
        loss.shape == shape[:-2] and bool((loss > 0).all()),
        "loss",
        loss,
        f"must be above zero, of shape {tuple(shape[:-2])}; where all residuals are zero alignment "
        "is 0/0: move the weights a little",
    )
    features, crossed, losses = contracted(gram, gradients, roots)
    n = gram.shape[-2]
    spread = crossed - crossed.mean(-1, keepdim=True)
    centred = losses - losses.mean(-1, keepdim=True)
    centred = centred - centred.mean(-2, keepdim=True)
    flat = features.flatten(-4, -3).flatten(-2)
    return ModelAlignment(
        loss=loss.double(),
        trace_product=spread.square().sum((-3, -2, -1)) / n**2,
        norm_of_curvature=torch.linalg.matrix_norm(flat) / n,
        norm_of_noise=torch.linalg.matrix_norm(centred) / n,
        trace_of_curvature=flat.diagonal(dim1=-2, dim2=-1).sum(-1) / n,
        trace_of_noise=centred.diagonal(dim1=-2, dim2=-1).sum(-1) / n,
    )


def contracted(
    gram: torch.Tensor, gradients: torch.Tensor, roots: torch.Tensor | None
) -> Contractions:
    """Return F, C and A in double precision; arguments as in `alignment_of_gram`."""
    k, s = gram.double(), gradients.double()
    crossed = torch.einsum("...jaib,...ib->...jai", k, s)
    losses = torch.einsum("...jai,...ja->...ji", crossed, s)
    if roots is None:
        return Contractions(k, crossed, losses)
    r = roots.double()
    features = torch.einsum("...iab,...iajc,...jcd->...ibjd", r, k, r)
    return Contractions(features, torch.einsum("...jab,...jai->...jbi", r, crossed), losses)


def alignment_range(gram: torch.Tensor) -> tuple[float, float]:
    """Return the least and the largest mu that residuals can have at a minimum (square loss).

    Parameters
    ----------
    gram
        (point, output, point, output) of the outputs, features frozen.

    Returns
    -------
    tuple of float
        mu_0 and mu_max, over residuals in the range of the Gram matrix.

    Raises
    ------
    InputError
        If it is no such matrix, or zero.
    """
    _require_gram(gram)
    require(gram.ndim == 4, "gram", gram, "must be of one network, without further axes")
    n, outputs = gram.shape[:2]
    k = gram.double().flatten(0, 1).flatten(1)
    values, vectors = torch.linalg.eigh(k)
    require(float(values[-1]) > 0, "gram", gram, "must not be zero")
    kept = vectors[:, values > _RANGE * values[-1]]
    square = (k @ k).reshape(n, outputs, n, outputs)
    place = torch.arange(n, device=k.device)
    form = -square
    form[place, :, place] += n * square[place, :, place]
    on_range = kept.mT @ form.reshape(k.shape) @ kept
    extremes = torch.linalg.eigvalsh(on_range / k.square().sum())
    return float(extremes[0]), float(extremes[-1])


def directional_alignment(model: TorchModel, vectors: torch.Tensor) -> torch.Tensor:
    """Return g(v) = v.Sigma v / (2 L v.G v) along directions.

    Parameters
    ----------
    model
        Module, data and loss.
    vectors
        (parameter, vector) directions as columns; their lengths do not matter.

    Returns
    -------
    torch.Tensor
        (vector,) float64.

    Raises
    ------
    InputError
        If the loss is zero, or a direction has no curvature.
    """
    as_instance("model", model, TorchModel)
    block = model.vector("vectors", vectors, block=True)
    require(model.loss > 0, "model", "a loss of zero", "must have a loss above zero")
    noise = (block.double() * noise_covariance(model).of_block(block).double()).sum(0)
    curvature = (block.double() * gauss_newton(model).of_block(block).double()).sum(0)
    require(bool((curvature > 0).all()), "vectors", vectors, "must each have some curvature v.G v")
    return noise / (2 * model.loss * curvature)


def subspace_overlap(first: torch.Tensor, second: torch.Tensor) -> float:
    """Return the mean squared cosine between two subspaces, |U^T V|_F^2 / (vectors in U).

    One where the first lies within the second; about (vectors in V)/size where they are random.

    Parameters
    ----------
    first, second
        (size, vector) orthonormal columns, as `eigenpairs` gives them.

    Raises
    ------
    InputError
        If they are not, or of different size.
    """
    for name, basis in (("first", first), ("second", second)):
        allowed = "must be a tensor (size, vector) of orthonormal columns, of one size"
        as_instance(name, basis, torch.Tensor, allowed)
        fits = basis.ndim == 2 and basis.is_floating_point() and basis.shape[0] == first.shape[0]
        require(fits and basis.shape[1] > 0, name, basis, allowed)
        one = torch.eye(basis.shape[1], dtype=torch.float64, device=basis.device)
        apart = (basis.double().mT @ basis.double() - one).abs().max()
        require(bool(apart < 1e-3), name, basis, allowed)
    crossed = first.double().mT @ second.double()
    return float(crossed.square().sum()) / first.shape[1]


def _require_gram(gram: torch.Tensor) -> None:
    allowed = "must be a tensor (..., point, output, point, output) of floating numbers"
    as_instance("gram", gram, torch.Tensor, allowed)
    fits = gram.ndim >= 4 and gram.shape[-4:-2] == gram.shape[-2:] and gram.is_floating_point()
    require(fits and gram.numel() > 0, "gram", gram, allowed)
