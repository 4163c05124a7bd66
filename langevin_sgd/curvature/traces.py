r"""Traces and Frobenius norms of symmetric operators, from products with random vectors.

For a probe z of independent signs, E z z^T = 1, so that E z.Az = tr A and E |A z|^2 = |A|_F^2. The
spread of these is that of the few largest eigenvalues: with Q an orthonormal block that was found
without the probes and P = Q Q^T,

    tr A    = tr Q^T A Q + E z.(1 - P) A (1 - P) z,
    |A|_F^2 = |A Q|_F^2 + E |A (1 - P) z|^2,

both unbiased whatever Q is. Q holds the largest Ritz pairs (theta, residual rho) of a Lanczos run:
tr Q^T A Q = sum theta, and |A Q|_F^2 = sum (theta^2 + rho^2) because residuals are orthogonal to
the space. The standard error is that of the mean over probes.

References
----------
Hutchinson, Communications in Statistics 19 (1990) 433; Meyer, Musco, Musco and Woodruff, Hutch++,
arXiv 2010.09649 (with a sketch in place of Ritz vectors). Squares: derived.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from langevin_sgd.checks import as_count, as_instance, as_seed
from langevin_sgd.curvature.lanczos import Eigenpairs, eigenpairs
from langevin_sgd.curvature.operators import AT_A_TIME, SymmetricOperator
from langevin_sgd.curvature.probes import sign_probes
from langevin_sgd.estimate import Estimate


def trace(
    operator: SymmetricOperator, *, probes: int = 32, deflate: int = 0, seed: int = 0
) -> Estimate:
    """Estimate the trace of a symmetric operator.

    Parameters
    ----------
    operator
        A symmetric matrix.
    probes
        Random vectors, a product each; default 32, at least 2.
    deflate
        Largest eigenvalues in magnitude that are taken out first, by about three products each;
        default 0. Worth it where few eigenvalues hold most of the Frobenius norm.
    seed
        Of the probes.

    Returns
    -------
    Estimate
        Unbiased.

    Raises
    ------
    InputError
        If an argument lies outside its range.

    Examples
    --------
    >>> from langevin_sgd.curvature.operators import from_matrix
    >>> print(trace(from_matrix(torch.diag(torch.tensor([1.0, 5.0, 2.0])))))
    8
    """
    found, probes, seed = _prepared(operator, probes, deflate, seed)
    samples = [
        (block.double() * operator.of_block(block).double()).sum(0)
        for block in _complement_probes(operator, found, probes, seed)
    ]
    known = float(found.values.sum())
    return _with(known, torch.cat(samples), f"trace of the {operator.name}, Hutchinson", found)


def squared_frobenius_norm(
    operator: SymmetricOperator, *, probes: int = 32, deflate: int = 10, seed: int = 0
) -> Estimate:
    """Estimate the sum of the squares of all entries, which is that of the eigenvalues.

    Parameters
    ----------
    operator
        A symmetric matrix.
    probes
        Random vectors, a product each; default 32, at least 2.
    deflate
        Largest eigenvalues in magnitude that are taken out first; default 10, at most the size.
    seed
        Of the probes.

    Returns
    -------
    Estimate
        Unbiased, of the square of the norm.

    Raises
    ------
    InputError
        If an argument lies outside its range.
    """
    found, probes, seed = _prepared(operator, probes, deflate, seed)
    samples = [
        operator.of_block(block).double().square().sum(0)
        for block in _complement_probes(operator, found, probes, seed)
    ]
    known = float((found.values.square() + found.residuals.square()).sum())
    method = f"squared Frobenius norm of the {operator.name}, Hutchinson"
    return _with(known, torch.cat(samples), method, found)


def _prepared(
    operator: SymmetricOperator, probes: int, deflate: int, seed: int
) -> tuple[Eigenpairs, int, int]:
    """Return the pairs to be taken out, with checked arguments."""
    as_instance("operator", operator, SymmetricOperator)
    probes, seed = as_count("probes", probes, minimum=2), as_seed("seed", seed)
    deflate = min(as_count("deflate", deflate, minimum=0), operator.size)
    if deflate == 0:
        none = torch.zeros(0, dtype=torch.float64)
        vectors = operator.like.new_zeros(operator.size, 0)
        return Eigenpairs(none, vectors, none, 0, True), probes, seed
    most = max(deflate, min(3 * deflate, operator.size))
    found = eigenpairs(operator, deflate, which="magnitude", max_products=most, seed=seed)
    return found, probes, seed


def _complement_probes(
    operator: SymmetricOperator, found: Eigenpairs, probes: int, seed: int
) -> list[torch.Tensor]:
    """Return blocks of probes, orthogonal to the pairs that are taken out.

    Their numbers lie beyond those of the vectors that a Lanczos run draws.
    """
    blocks = []
    for first in range(0, probes, AT_A_TIME):
        count = min(AT_A_TIME, probes - first)
        z = sign_probes(operator.size, 2**40 + first, count, seed, operator.like)
        blocks.append(z - found.vectors @ (found.vectors.mT @ z))
    return blocks


def _with(known: float, samples: torch.Tensor, method: str, found: Eigenpairs) -> Estimate:
    """Return the mean of samples plus what is known exactly."""
    taken = f", {len(found.values)} eigenvalues taken out" if len(found.values) else ""
    estimate = Estimate.from_samples(samples.cpu().numpy(), method=method + taken)
    return replace(estimate, value=None if estimate.value is None else estimate.value + known)
