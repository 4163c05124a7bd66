r"""Density of the eigenvalues of a symmetric operator, by stochastic Lanczos quadrature.

A Lanczos run of m products from a probe z gives the Gauss quadrature of the spectral measure of z:
nodes theta_k, the eigenvalues of T, and weights tau_k, the squares of the first entries of its
eigenvectors. Over probes the mean of sum_k tau_k f(theta_k) is tr f(A)/size, without bias for
polynomials f of degree at most 2m - 1 and Gaussian probes up to the normalisation of z (signs have
one norm, and none).

Validity: for f that vary more quickly than the nodes lie apart the quadrature has a bias that
vanishes with m; with few probes moments are no better than by `traces`.

References
----------
Lin, Saad and Yang, SIAM Review 58 (2016) 34; Ghorbani, Krishnan and Xiao, arXiv 1901.10159.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from langevin_sgd.checks import as_array, as_count, as_instance, as_positive, as_seed
from langevin_sgd.curvature.lanczos import krylov_space
from langevin_sgd.curvature.operators import SymmetricOperator
from langevin_sgd.curvature.probes import sign_probes
from langevin_sgd.estimate import Estimate


@dataclass(frozen=True, kw_only=True)
class SpectralDensity:
    """A density of eigenvalues as weighted nodes, a set for each probe.

    Parameters
    ----------
    nodes, weights
        (probe, node) places and weights, which add up to one for each probe.
    size
        Number of eigenvalues in all.
    """

    nodes: np.ndarray
    weights: np.ndarray
    size: int

    def moment(self, order: int) -> Estimate:
        """Estimate the mean of the power `order` of the eigenvalues.

        Raises
        ------
        InputError
            If the order is not a count of zero or above.
        """
        power = self.nodes ** as_count("order", order, minimum=0)
        samples = (self.weights * power).sum(1)
        return Estimate.from_samples(samples, method="stochastic Lanczos quadrature")

    def at(self, values: np.ndarray, width: float) -> np.ndarray:
        """Return the density at some places, its nodes widened to normal distributions.

        Parameters
        ----------
        values
            Places, of any shape.
        width
            Standard deviation, in units of the eigenvalues.

        Returns
        -------
        array
            Of the shape of `values`, per unit of the eigenvalues; its integral is one.

        Raises
        ------
        InputError
            If an argument lies outside its range.
        """
        width, places = as_positive("width", width), as_array("values", values)
        apart = (places[..., None] - self.nodes.ravel()) / width
        each = np.exp(-0.5 * apart**2) / (width * np.sqrt(2 * np.pi))
        return np.asarray(each @ self.weights.ravel() / len(self.nodes))


def spectral_density(
    operator: SymmetricOperator, *, probes: int = 8, products: int = 40, seed: int = 0
) -> SpectralDensity:
    """Return the density of the eigenvalues of a symmetric operator.

    Parameters
    ----------
    operator
        A symmetric matrix.
    probes
        Random start vectors; default 8, at least 2.
    products
        Nodes for each of them; default 40, at most the size.
    seed
        Of the probes.

    Raises
    ------
    InputError
        If an argument lies outside its range, or a basis does not fit into memory.
    """
    as_instance("operator", operator, SymmetricOperator)
    probes, seed = as_count("probes", probes, minimum=2), as_seed("seed", seed)
    products = min(as_count("products", products), operator.size)
    nodes, weights = [], []
    for probe in range(probes):
        start = sign_probes(operator.size, 2**40 + probe, 1, seed, operator.like)[:, 0]
        space = krylov_space(operator, start, products, seed, named="products")
        while space.dimension < products:
            space.extend()
        values, vectors = torch.linalg.eigh(space.matrix())
        nodes.append(values.numpy())
        weights.append(vectors[0].square().numpy())
    return SpectralDensity(nodes=np.stack(nodes), weights=np.stack(weights), size=operator.size)
