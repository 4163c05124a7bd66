r"""Extreme eigenvalues of a symmetric operator: Lanczos' method with full reorthogonalisation.

From a start vector v the products A v, A^2 v, ... span a space in which A has the matrix T. Its
eigenvectors y with values theta are the Ritz pairs; the residual |A y - theta y| follows from T
without another product, and bounds the distance of theta to an eigenvalue. Where the space is
exhausted it goes on from a fresh vector, so that an operator of low rank or with equal eigenvalues
is found whole, if there are products enough. Equal eigenvalues are found one copy at a time.

References
----------
Golub and Van Loan, *Matrix Computations*, chapter 10; Parlett, *The Symmetric Eigenvalue Problem*,
chapters 11 to 13.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from langevin_sgd.checks import as_choice, as_count, as_instance, as_positive, as_seed, require
from langevin_sgd.curvature.operators import SymmetricOperator
from langevin_sgd.curvature.probes import gaussian_probes
from langevin_sgd.curvature.room import require_room

_BETWEEN_CHECKS = 5
"""Products between two looks at the residuals."""


class Eigenpairs(NamedTuple):
    """Approximate eigenvalues and eigenvectors."""

    values: torch.Tensor
    """(pair,) float64, in the order that was asked for."""
    vectors: torch.Tensor
    """(size, pair), orthonormal."""
    residuals: torch.Tensor
    """(pair,) float64, |A y - theta y|: an eigenvalue lies no farther than that from theta."""
    products: int
    """Products with the operator that were needed."""
    converged: bool
    """Whether all residuals are below the tolerance."""


class KrylovSpace:
    """The space that products span, with the operator's matrix in it; grows by `extend`.

    Parameters
    ----------
    operator
        A symmetric matrix.
    start
        (size,) the vector to begin with.
    most
        The largest dimension.
    seed
        Of fresh vectors, where the space is exhausted.
    """

    def __init__(
        self, operator: SymmetricOperator, start: torch.Tensor, most: int, seed: int
    ) -> None:
        self._operator, self._seed = operator, seed
        self._basis = start.new_zeros(most + 1, operator.size)
        self._basis[0] = start / torch.linalg.vector_norm(start)
        self._diagonal: list[float] = []
        self._beside: list[float] = []
        """Norms of what is left of each product beyond the vectors before; 0 where a fresh vector
        follows.
        """
        self._scale = 0.0
        self.exhausted = 0
        """How often the space was closed and a fresh vector had to follow."""

    @property
    def dimension(self) -> int:
        """How many products there were."""
        return len(self._diagonal)

    @property
    def basis(self) -> torch.Tensor:
        """(dimension, size), orthonormal rows."""
        return self._basis[: self.dimension]

    @property
    def remainder(self) -> float:
        """Norm of the part of the last product that leaves the space."""
        return self._beside[-1]

    def matrix(self) -> torch.Tensor:
        """The operator within the space, (dimension, dimension) float64, tridiagonal."""
        diagonal = torch.tensor(self._diagonal, dtype=torch.float64)
        beside = torch.tensor(self._beside[:-1], dtype=torch.float64)
        return torch.diag(diagonal) + torch.diag(beside, 1) + torch.diag(beside, -1)

    def extend(self) -> None:
        """Take one more product."""
        last = self._basis[self.dimension]
        product = self._operator.of_block(last[:, None])[:, 0]
        self._scale = max(self._scale, float(torch.linalg.vector_norm(product.double())))
        self._diagonal.append(float(last.double() @ product.double()))
        left = self._beyond(product)
        norm = float(torch.linalg.vector_norm(left.double()))
        exhausted = norm <= 10 * torch.finfo(left.dtype).eps * self._scale
        self._beside.append(0.0 if exhausted else norm)
        self.exhausted += exhausted
        if self.dimension < self._operator.size:
            self._basis[self.dimension] = self._fresh() if exhausted else left / norm

    def _beyond(self, vector: torch.Tensor) -> torch.Tensor:
        """Part of a vector that is orthogonal to the space; twice, against rounding."""
        for _ in range(2):
            vector = vector - self.basis.mT @ (self.basis @ vector)
        return vector

    def _fresh(self) -> torch.Tensor:
        number = 1 + self.dimension
        drawn = gaussian_probes(self._operator.size, number, 1, self._seed, self._basis)[:, 0]
        left = self._beyond(drawn)
        return left / torch.linalg.vector_norm(left)


def eigenpairs(
    operator: SymmetricOperator,
    count: int = 1,
    *,
    which: str = "largest",
    tolerance: float = 1e-6,
    max_products: int | None = None,
    seed: int = 0,
) -> Eigenpairs:
    """Return the extreme eigenvalues of a symmetric operator, with eigenvectors.

    Parameters
    ----------
    operator
        A symmetric matrix.
    count
        How many pairs; default 1.
    which
        ``largest`` (default), ``smallest``, both with their sign, or ``magnitude``.
    tolerance
        Residual, relative to the largest Ritz value in magnitude, at which to end; default 1e-6, at
        least ten roundings of the operator's type.
    max_products
        Where to end at the latest; default ``20 count + 100`` (convention), at most the size.
    seed
        Of the start vector; default 0.

    Returns
    -------
    Eigenpairs
        With residuals; not converged where the products did not suffice.

    Raises
    ------
    InputError
        If an argument lies outside its range, or the basis does not fit into memory.

    Examples
    --------
    >>> from langevin_sgd.curvature.operators import from_matrix
    >>> found = eigenpairs(from_matrix(torch.diag(torch.tensor([1.0, 5.0, 2.0]))), 2)
    >>> [round(float(value), 4) for value in found.values]
    [5.0, 2.0]
    """
    as_instance("operator", operator, SymmetricOperator)
    count = as_count("count", count, maximum=operator.size)
    as_choice("which", which, ("largest", "smallest", "magnitude"))
    tolerance = max(as_positive("tolerance", tolerance), 10 * torch.finfo(operator.like.dtype).eps)
    asked = 20 * count + 100 if max_products is None else as_count("max_products", max_products)
    require(asked >= count, "max_products", max_products, f"must be at least count, {count}")
    most = min(asked, operator.size)
    seed = as_seed("seed", seed)
    start = gaussian_probes(operator.size, 0, 1, seed, operator.like)[:, 0]
    space = krylov_space(operator, start, most, seed, named="max_products")
    while True:
        space.extend()
        full = space.dimension == most
        if space.dimension < count or (space.dimension % _BETWEEN_CHECKS and not full):
            continue
        found = _ritz_pairs(space, count, which, tolerance)
        # A space that closed on itself may have missed copies of equal eigenvalues.
        whole = space.exhausted == 0 or space.exhausted > count
        if full or (found.converged and whole):
            vectors = space.basis.mT @ found.inside.to(space.basis)
            return Eigenpairs(
                found.values, vectors, found.residuals, space.dimension, found.converged
            )


def krylov_space(
    operator: SymmetricOperator, start: torch.Tensor, most: int, seed: int, *, named: str
) -> KrylovSpace:
    """Return the space that products span from a vector, as a `KrylovSpace`.

    Parameters
    ----------
    operator, start, most, seed
        As there.
    named
        What asks for `most` dimensions, for the refusal.

    Raises
    ------
    InputError
        If its basis does not fit into memory.
    """
    require_room(
        named,
        most,
        float(most + 1) * operator.size * operator.like.element_size(),
        device=operator.like.device,
        instead="take fewer",
    )
    return KrylovSpace(operator, start, most, seed)


class _RitzPairs(NamedTuple):
    """Ritz pairs within a space: vectors in its basis."""

    values: torch.Tensor
    inside: torch.Tensor
    """(dimension, pair)."""
    residuals: torch.Tensor
    converged: bool


def _ritz_pairs(space: KrylovSpace, count: int, which: str, tolerance: float) -> _RitzPairs:
    values, inside = torch.linalg.eigh(space.matrix())
    key = {"largest": -values, "smallest": values, "magnitude": -values.abs()}[which]
    chosen = key.argsort()[:count]
    residuals = (space.remainder * inside[-1, chosen]).abs()
    scale = float(values.abs().max())
    converged = bool((residuals <= tolerance * scale).all()) or math.isclose(scale, 0.0)
    return _RitzPairs(values[chosen], inside[:, chosen], residuals, converged)
