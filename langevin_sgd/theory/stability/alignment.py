r"""How the noise of SGD is aligned with the sharp directions, from the kernel and the residuals.

With G the Gauss-Newton matrix, Sigma the covariance of one sample's gradient J_i^T r_i and L the
loss with the factor 1/2,

    mu     = Tr(Sigma G) / (2 L ||G||_F^2)            alignment with the size of the noise
    cosine = Tr(Sigma G) / (||Sigma||_F ||G||_F)      direction only
    size   = ||Sigma||_F / (2 L ||G||_F)              mu = cosine * size

(Wu, Wang and Su, arXiv 2207.02628, who call them mu, alpha and beta). In the sample space of the
kernel K, with K_i its columns of sample i and C = 1 - 11^T/n,

    Tr(Sigma G) = sum_i |K_i r_i|^2 - |K r|^2 / n,
    ||Sigma||_F = ||C A C||_F / n,   Tr Sigma = Tr(C A C) / n,   A_ij = n r_i^T K_ij r_j .

For frozen features mu is a quadratic form of the residuals,

    mu(r) = r^T M r / r^T r,      M = (n blkdiag(K^2) - K^2) / ||K||_F^2,

so that its extremes over residuals in the range of K are eigenvalues of M there: the smallest is
the best constant mu_0 in the bound ||H||_F <= 1 / (lr sqrt(p mu_0)). Tr(M)/n = 1 - 1/n for one
output (derived). Exact for any finite data; the Hessian is G at an interpolating minimum only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from langevin_sgd.theory.stability.minimum import (
    InterpolatingMinimum,
    add_to_blocks,
    as_minimum,
    by_sample,
    diagonal_blocks,
)
from langevin_sgd.theory.underflow import vanishing


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """Alignment of the gradient noise with the Gauss-Newton matrix at given residuals.

    Parameters
    ----------
    mu, cosine
        As above; the cosine is None where there is no noise.
    size
        ||Sigma||_F / (2 L ||G||_F).
    trace_sigma_g
        Tr(Sigma G), unit: loss times squared Hessian.
    norm_sigma, trace_sigma
        ||Sigma||_F and Tr Sigma, unit: loss times Hessian.
    loss
        L = (1/2n) sum_i |r_i|^2.
    """

    mu: float
    cosine: float | None
    size: float
    trace_sigma_g: float
    norm_sigma: float
    trace_sigma: float
    loss: float


@vanishing
def alignment(minimum: InterpolatingMinimum, residuals: Any) -> Alignment:
    """Return the alignment of the noise at given residuals.

    Parameters
    ----------
    minimum
        Gives the kernel.
    residuals
        (n,) or (n, k), not all zero.

    Raises
    ------
    InputError
        If an argument is out of range.

    Examples
    --------
    >>> minimum = InterpolatingMinimum.from_features([[1.0, 0.0], [0.0, 1.0]])
    >>> found = alignment(minimum, [1.0, -1.0])
    >>> round(found.mu, 6), round(found.cosine, 6)
    (0.5, 0.707107)
    """
    minimum = as_minimum("minimum", minimum)
    vector = minimum.as_residuals(residuals)
    unit = float(np.abs(vector).max())
    parts, samples, outputs = vector / unit, minimum.samples, minimum.outputs
    weighted = by_sample(minimum.kernel * parts[:, None], outputs).sum(axis=1)
    trace_sigma_g = float((weighted**2).sum() - (weighted.sum(axis=0) ** 2).sum() / samples)
    gram = samples * by_sample((weighted * parts).T, outputs).sum(axis=1)
    centred = gram - gram.mean(axis=0)
    centred = (centred.T - centred.mean(axis=1)).T
    double_loss = float(parts @ parts) / samples
    norm_g, norm_sigma = minimum.frobenius_norm, float(np.linalg.norm(centred)) / samples
    trace_sigma_g = max(trace_sigma_g, 0.0)
    return Alignment(
        mu=trace_sigma_g / (double_loss * norm_g**2),
        cosine=trace_sigma_g / (norm_sigma * norm_g) if norm_sigma > 0 else None,
        size=norm_sigma / (double_loss * norm_g),
        trace_sigma_g=trace_sigma_g * unit**2,
        norm_sigma=norm_sigma * unit**2,
        trace_sigma=float(np.trace(centred)) / samples * unit**2,
        loss=0.5 * double_loss * unit**2,
    )


@vanishing
def alignment_matrix(minimum: InterpolatingMinimum) -> np.ndarray:
    """(n k, n k) M, with mu(r) = r.M r / r.r for frozen features.

    Parameters
    ----------
    minimum
        Gives the kernel.

    Raises
    ------
    InputError
        If it is something else.
    """
    minimum = as_minimum("minimum", minimum)
    unit = float(minimum.eigenvalues[0])
    square = (minimum.kernel / unit) @ (minimum.kernel / unit)
    result = -square
    add_to_blocks(result, minimum.samples * diagonal_blocks(square, minimum.outputs))
    return result / float(np.trace(square))


@vanishing
def alignment_range(minimum: InterpolatingMinimum) -> tuple[float, float]:
    """Smallest and largest mu over all residuals in the range of the kernel.

    Parameters
    ----------
    minimum
        Gives the kernel.

    Returns
    -------
    mu_min, mu_max
        Zero or above.

    Raises
    ------
    InputError
        If it is something else.

    Examples
    --------
    >>> alignment_range(InterpolatingMinimum.from_features([[1.0, 0.0], [0.0, 1.0]]))
    (0.5, 0.5)
    """
    matrix, vectors = alignment_matrix(minimum), minimum.vectors
    values = np.linalg.eigvalsh(vectors.T @ matrix @ vectors)
    rounding = 1e-14 * len(matrix) * float(np.abs(values).max())
    lowest = float(values[0]) if values[0] > rounding else 0.0
    return lowest, max(float(values[-1]), 0.0)
