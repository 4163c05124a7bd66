r"""Linear Langevin equations, cut into groups of coordinates that do not feel one another.

    dz = A z dt + B dW,      z = (theta - centre, v) in the basis that separates the groups

Where the noise covariance commutes with the stiffness, their common eigenvectors turn the equation into one group per
eigenmode, so that a step costs O(P) operations instead of O(P^2); else everything stays one group. Commuting is tested
to 1e-10 of each matrix. The noise is additive, so that the Ito and the Stratonovich reading are the same equation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_COMMUTES = 1e-10


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearEquation:
    """A linear stochastic differential equation in independent groups of equal size.

    Parameters
    ----------
    drift
        (group, component, component), the matrices A. The components of a group are its positions, followed by their
        velocities if there are any.
    noise
        (group, component, source), the matrices B.
    orders
        2 if each position has a velocity, else 1.
    centre
        (parameter,), the fixed point.
    basis
        (parameter, mode), orthogonal; modes are numbered group by group.
    """

    drift: np.ndarray
    noise: np.ndarray
    orders: int
    centre: np.ndarray
    basis: np.ndarray

    @property
    def positions(self) -> int:
        """Positions per group."""
        return self.drift.shape[1] // self.orders


def separate(stiffness: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Basis and matrices of the independent groups of a stiffness and a noise covariance.

    Parameters
    ----------
    stiffness, covariance
        (parameter, parameter), symmetric.

    Returns
    -------
    basis
        (parameter, mode).
    stiffness, covariance
        (group, position, position) each: one group per mode where the two commute, else a single group in the
        original coordinates.
    """
    identity = np.eye(len(stiffness))
    if _is_diagonal(stiffness) and _is_diagonal(covariance):
        return identity, _as_groups(stiffness), _as_groups(covariance)
    basis = _common_eigenvectors(stiffness, covariance)
    rotated = [basis.T @ matrix @ basis for matrix in (stiffness, covariance)]
    if all(map(_is_diagonal, rotated)):
        return basis, _as_groups(rotated[0]), _as_groups(rotated[1])
    return identity, stiffness[None], covariance[None]


def _as_groups(diagonal: np.ndarray) -> np.ndarray:
    return np.diagonal(diagonal).reshape(-1, 1, 1)


def _common_eigenvectors(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    # Eigenvectors of one matrix are arbitrary where it is degenerate; those of a generic combination diagonalise both.
    weights = 1.0, 0.5 * (5**0.5 - 1)
    scales = (np.abs(matrix).max() or 1.0 for matrix in (first, second))
    parts = (weight * matrix / scale for weight, matrix, scale in zip(weights, (first, second), scales, strict=True))
    vectors: np.ndarray = np.linalg.eigh(sum(parts))[1]
    return vectors


def _is_diagonal(matrix: np.ndarray) -> bool:
    outside = matrix - np.diag(np.diagonal(matrix))
    return bool(np.abs(outside).max() <= _COMMUTES * np.abs(matrix).max())


def symmetric_root(matrices: np.ndarray) -> np.ndarray:
    """Symmetric square roots of positive semi-definite matrices (..., n, n); rounding below zero counts as zero."""
    values, vectors = np.linalg.eigh(matrices)
    root: np.ndarray = (vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]) @ np.swapaxes(vectors, -1, -2)
    return root
