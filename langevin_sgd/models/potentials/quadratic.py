"""The quadratic potential, whose Langevin equations are linear.

    U(theta) = (theta - centre)^T K (theta - centre) / 2,   force = -K (theta - centre),
    Hessian = K

A potential is anything with `energy`, `force` and `hessian`; this one also gives its stiffness K
and centre, which is how an integrator knows that the drift is linear. Valid for any symmetric K; a
direction with negative stiffness runs away, one with zero stiffness is free.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import as_array, as_positive, require
from langevin_sgd.models.potentials.potential import BoltzmannMoments, points


@dataclass(frozen=True, kw_only=True, eq=False)
class Quadratic:
    """A quadratic potential.

    Parameters
    ----------
    stiffness
        (parameter, parameter), symmetric.
    centre
        (parameter,), where the force vanishes; zero by default.

    Raises
    ------
    InputError
        If the stiffness is not a symmetric finite matrix, or shapes do not match.

    Examples
    --------
    >>> Quadratic(stiffness=np.diag([1.0, 2.0])).force(np.array([1.0, 1.0])).tolist()
    [-1.0, -2.0]
    """

    stiffness: np.ndarray
    centre: np.ndarray

    def __init__(self, *, stiffness: np.ndarray, centre: np.ndarray | None = None) -> None:
        matrix = require_symmetric("stiffness", stiffness)
        point = (
            np.zeros(len(matrix))
            if centre is None
            else as_array("centre", centre, shape=(len(matrix),))
        )
        object.__setattr__(self, "stiffness", matrix)
        object.__setattr__(self, "centre", point)

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return len(self.centre)

    def energy(self, theta: np.ndarray) -> np.ndarray:
        """Potential energy at `theta` (..., parameter); shape (...)."""
        offset = points("theta", theta, self.parameters) - self.centre
        return np.einsum("...i,ij,...j->...", offset, self.stiffness, offset) / 2

    def force(self, theta: np.ndarray) -> np.ndarray:
        """Minus the gradient at `theta` (..., parameter); same shape."""
        return (self.centre - points("theta", theta, self.parameters)) @ self.stiffness

    def hessian(self, theta: np.ndarray) -> np.ndarray:
        """Second derivative at `theta` (..., parameter): the stiffness, (..., parameter,
        parameter).
        """
        shape = points("theta", theta, self.parameters).shape
        return np.broadcast_to(self.stiffness, (*shape, self.parameters))

    def modified(self, lr: float) -> Quadratic:
        """Return U + (lr/4) |grad U|^2, which is quadratic again: stiffness K + lr K^2/2."""
        lr = as_positive("lr", lr)
        return Quadratic(
            stiffness=self.stiffness + lr / 2 * self.stiffness @ self.stiffness, centre=self.centre
        )

    def boltzmann(self, temperature: float) -> BoltzmannMoments:
        """Exact moments of exp(-U/temperature): covariance temperature K^-1, mean energy parameters
        temperature/2.

        Raises
        ------
        InputError
            If a direction is not confined.
        """
        temperature = as_positive("temperature", temperature)
        lowest = float(np.linalg.eigvalsh(self.stiffness)[0])
        require(
            lowest > 0,
            "stiffness",
            lowest,
            "has an eigenvalue that is not positive, so that there is no density",
        )
        covariance = temperature * np.linalg.inv(self.stiffness)
        return BoltzmannMoments(
            mean=self.centre, covariance=covariance, energy=self.parameters * temperature / 2
        )


def require_symmetric(name: str, value: np.ndarray) -> np.ndarray:
    """Return `value` as a float matrix, or raise `InputError` unless it is square, finite and
    symmetric.
    """
    matrix = as_array(name, value)
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1] > 0
    require(square, name, value, "must be a square matrix")
    symmetric = bool(np.allclose(matrix, matrix.T, rtol=0, atol=1e-10 * np.abs(matrix).max()))
    require(symmetric, name, value, "must equal its transpose")
    return matrix
