r"""Linear Langevin equations, cut into groups of coordinates that do not feel one another.

    dz = A z dt + B dW,      z = (theta - centre, v) in the basis that separates the groups

Where the noise covariance commutes with the stiffness, their common eigenvectors turn the equation
into one group per eigenmode, so that a step costs O(P) operations instead of O(P^2); else
everything stays one group. Commuting is tested to 1e-10 of each matrix, and the covariance must
survive the turn: a component whose variance is many orders below the largest would drown in the
rounding of the others, and such an equation stays in its own coordinates. The noise is additive, so
that the Ito and the Stratonovich reading are the same equation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import as_array, as_count, convert_fields, require

_COMMUTES = 1e-10
_SURVIVES = 1e-8
"""How much of the variance of each component the turn may change."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearEquation:
    """A linear stochastic differential equation in independent groups of equal size.

    Parameters
    ----------
    drift
        (group, component, component), the matrices A. The components of a group are its positions,
        followed by their velocities if there are any.
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

    def __post_init__(self) -> None:
        orders = as_count("orders", self.orders, maximum=2)
        drift = as_array("drift", self.drift, ndim=3)
        groups, components, _ = drift.shape
        require(
            components % orders == 0,
            "drift",
            self.drift,
            f"must have a multiple of {orders} components",
        )
        modes = groups * components // orders
        convert_fields(
            self,
            {
                "drift": lambda name, value: as_array(
                    name, value, shape=(groups, components, components)
                ),
                "noise": lambda name, value: as_array(
                    name, value, shape=(groups, components, None)
                ),
                "centre": lambda name, value: as_array(name, value, shape=(modes,)),
                "basis": lambda name, value: as_array(name, value, shape=(modes, modes)),
            },
        )
        object.__setattr__(self, "orders", orders)

    @property
    def positions(self) -> int:
        """Positions per group."""
        return self.drift.shape[1] // self.orders


def separate(
    stiffness: np.ndarray, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
        (group, position, position) each: one group per mode where the two commute, else a single
        group in the original coordinates.
    """
    identity = np.eye(len(stiffness))
    if _is_diagonal_in_own_units(stiffness) and _is_diagonal_in_own_units(covariance):
        return identity, _as_groups(stiffness), _as_groups(covariance)
    basis = _common_eigenvectors(stiffness, covariance)
    rotated = [basis.T @ matrix @ basis for matrix in (stiffness, covariance)]
    if all(map(_is_diagonal, rotated)) and _survives(covariance, basis, rotated[1]):
        return basis, _as_groups(rotated[0]), _as_groups(rotated[1])
    return identity, stiffness[None], covariance[None]


def _as_groups(diagonal: np.ndarray) -> np.ndarray:
    return np.diagonal(diagonal).reshape(-1, 1, 1)


def _common_eigenvectors(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    # Eigenvectors of one matrix are arbitrary where it is degenerate; those of a generic
    # combination diagonalise both.
    weights = 1.0, 0.5 * (5**0.5 - 1)
    scales = (np.abs(matrix).max() or 1.0 for matrix in (first, second))
    parts = (
        weight * matrix / scale
        for weight, matrix, scale in zip(weights, (first, second), scales, strict=True)
    )
    vectors: np.ndarray = np.linalg.eigh(sum(parts))[1]
    return vectors


def _is_diagonal(matrix: np.ndarray) -> bool:
    outside = matrix - np.diag(np.diagonal(matrix))
    return bool(np.abs(outside).max() <= _COMMUTES * np.abs(matrix).max())


def _is_diagonal_in_own_units(matrix: np.ndarray) -> bool:
    """Whether all couplings are negligible beside the two components that they couple."""
    unit = np.sqrt(np.abs(np.diagonal(matrix)))
    outside = matrix - np.diag(np.diagonal(matrix))
    return bool((np.abs(outside) <= _COMMUTES * unit[:, None] * unit).all())


def _survives(covariance: np.ndarray, basis: np.ndarray, rotated: np.ndarray) -> bool:
    """Whether the diagonal, turned back, is the covariance in units of each component."""
    variances = np.diagonal(covariance)
    # A component without noise may get what rounding leaves of the largest.
    unit = np.sqrt(np.where(variances > 0, variances, _SURVIVES * variances.max(initial=0.0)))
    back = (basis * np.diagonal(rotated)) @ basis.T
    return bool((np.abs(back - covariance) <= _SURVIVES * unit[:, None] * unit).all())
