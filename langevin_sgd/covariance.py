"""Covariances: checks and square roots, accurate even if scales differ by many orders.

Rounding errors of an eigenvalue routine are relative to the *largest* entry of a matrix. A
covariance whose components have different units (velocities beside positions, columns of unscaled
data) is therefore judged and factorised in units of its own standard deviations: D R D with R the
matrix of correlations, whose rounding errors spoil no component.
"""

from __future__ import annotations

import numpy as np

from langevin_sgd.checks import as_array, require

ROUNDING = 1e-9
"""How far below zero the eigenvalues of correlations, and how far apart r_ij and r_ji, may lie."""


@np.errstate(over="ignore", under="ignore", invalid="ignore")
def as_covariance(name: str, value: object, size: int | None = None) -> np.ndarray:
    """Return a symmetric positive semi-definite matrix as an array that nobody else holds.

    Parameters
    ----------
    name
        Name of the argument, for the refusal.
    value
        (size, size) A covariance.
    size
        Its number of components; default any.

    Returns
    -------
    numpy.ndarray
        (size, size) float64, exactly symmetric.

    Raises
    ------
    InputError
        If the shape is another, an entry is not finite, or the matrix is not symmetric, or has a
        negative eigenvalue, by more than rounding (1e-9 in units of the standard deviations).
    """
    matrix = as_array(name, value, shape=(size, size))
    require(matrix.shape[0] == matrix.shape[1], name, value, "must be a square matrix")
    variances = np.diagonal(matrix)
    require(
        bool((variances >= 0).all()),
        name,
        value,
        "must have variances of zero or above on its diagonal",
    )
    if np.count_nonzero(matrix) == np.count_nonzero(variances):
        return matrix
    unit = _deviations(matrix)
    correlations = matrix / unit[:, None] / unit
    symmetric = bool((np.abs(correlations - correlations.T) <= ROUNDING).all())
    require(symmetric, name, value, "must be symmetric")
    correlations = (correlations + correlations.T) / 2
    if not _is_positive(correlations + ROUNDING * len(matrix) * np.eye(len(matrix))):
        lowest = float(np.linalg.eigvalsh(correlations)[0])
        require(
            False,
            name,
            value,
            f"must have no negative eigenvalue (the correlations have {lowest:.3g})",
        )
    return matrix / 2 + matrix.T / 2


@np.errstate(under="ignore")
def covariance_root(covariance: np.ndarray) -> np.ndarray:
    """Return roots L of covariances, L L^T = covariance.

    Parameters
    ----------
    covariance
        (..., n, n) Symmetric, positive semi-definite up to rounding, which is taken as zero.

    Returns
    -------
    numpy.ndarray
        (..., n, n) Every row is exact to rounding in units of its own standard deviation. Symmetric
        where all variances are equal.

    Examples
    --------
    >>> root = covariance_root(np.array([[1e20, 0.5], [0.5, 1e-20]]))
    >>> [f"{number:.3g}" for number in (root @ root.T).ravel()]
    ['1e+20', '0.5', '0.5', '1e-20']
    """
    unit = _deviations(covariance)
    values, vectors = np.linalg.eigh(covariance / unit[..., :, None] / unit[..., None, :])
    # The symmetric root of the correlations: unlike the eigenvectors it has no sign that a library
    # may choose.
    stretched = vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]
    root: np.ndarray = unit[..., :, None] * (stretched @ np.swapaxes(vectors, -1, -2))
    return root


@np.errstate(under="ignore")
def rank(covariance: np.ndarray) -> int:
    """Return the numerical rank, to rounding in units of the standard deviations.

    Examples
    --------
    >>> rank(np.diag([1e20, 1e-20])), rank(np.ones((2, 2)))
    (2, 1)
    """
    unit = _deviations(covariance)
    return int(np.linalg.matrix_rank(covariance / unit[:, None] / unit, hermitian=True))


def _is_positive(matrix: np.ndarray) -> bool:
    """Whether a symmetric matrix is positive definite; ten times faster than eigenvalues."""
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def _deviations(covariance: np.ndarray) -> np.ndarray:
    """(..., n) Standard deviations, one in place of zero."""
    deviations = np.sqrt(np.maximum(np.diagonal(covariance, axis1=-2, axis2=-1), 0.0))
    divisors: np.ndarray = np.where(deviations > 0, deviations, 1.0)
    return divisors
