"""The quadratic potential, whose Langevin equations are linear.

    U(theta) = (theta - centre)^T K (theta - centre) / 2,   force = -K (theta - centre),
    Hessian = K

It gives its stiffness K and centre (`linear_force`), which is how an equation knows that its drift
is linear. Valid for any symmetric K; a direction with negative stiffness runs away, one with zero
stiffness is free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import as_array, as_positive, require
from langevin_sgd.kernels.block_code import (
    BlockCode,
    CompiledFunction,
    Factors,
    is_diagonal,
    row_if_diagonal,
)
from langevin_sgd.kernels.compiled import inlined, value_at
from langevin_sgd.kernels.intrinsics import fma
from langevin_sgd.models.potentials.landscape import LinearForce
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
        """The stiffness, for every `theta` (..., parameter): (..., parameter, parameter)."""
        shape = points("theta", theta, self.parameters).shape
        return np.broadcast_to(self.stiffness, (*shape, self.parameters))

    def linear_force(self) -> LinearForce:
        """Return stiffness and centre."""
        return LinearForce(self.stiffness, self.centre)

    def compiled(self) -> BlockCode:
        """Return the force for kernels, and the kick of a coordinate where none feels another."""
        functions: dict[str, CompiledFunction] = {"add_force": add_linear_force}
        is_local = is_diagonal(self.stiffness)
        if is_local:
            functions["kicked"] = linear_kicked
        arrays = row_if_diagonal(self.stiffness), self.centre
        return BlockCode(functions=functions, arrays=arrays, is_local=is_local)

    def require_replicas(self, replicas: int) -> None:
        """Accept any number of replicas: nothing here differs between them."""

    def identity(self) -> Mapping[str, object]:
        """Return stiffness and centre."""
        return {"stiffness": self.stiffness, "centre": self.centre}

    def modified(self, lr: float) -> Quadratic:
        """Return U + (lr/4) |grad U|^2, which is quadratic again: stiffness K + lr K^2/2."""
        lr = as_positive("lr", lr)
        return Quadratic(
            stiffness=self.stiffness + lr / 2 * self.stiffness @ self.stiffness, centre=self.centre
        )

    def boltzmann(self, temperature: float) -> BoltzmannMoments:
        """Exact moments of exp(-U/temperature): covariance temperature K^-1 and mean energy.

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


# --- compiled -------------------------------------------------------------------------------------


@inlined
def add_linear_force(
    out: np.ndarray,
    position: np.ndarray,
    factors: Factors,
    k: int,
    values: tuple[np.ndarray, np.ndarray],
) -> None:
    """Add -k K (position - centre); K as (parameter, parameter), or (1, parameter) if diagonal."""
    stiffness, centre = values
    for i in range(len(out)):
        diagonal = len(stiffness) == 1 and len(out) > 1
        for j in range(i if diagonal else 0, i + 1 if diagonal else len(out)):
            pull = stiffness[0 if diagonal else i, j]
            for lane in range(out.shape[1]):
                offset = centre[j] - position[j, lane]
                out[i, lane] = fma(value_at(factors, k, lane) * pull, offset, out[i, lane])


@inlined
def linear_kicked(
    start: float,
    position: np.ndarray,
    i: int,
    lane: int,
    factors: Factors,
    k: int,
    values: tuple[np.ndarray, np.ndarray],
) -> float:
    """Return `start` plus factor `k` times force `i`, of a diagonal stiffness."""
    stiffness, centre = values
    kicked: float = fma(
        value_at(factors, k, lane) * stiffness[0, i], centre[i] - position[i, lane], start
    )
    return kicked


def require_symmetric(name: str, value: np.ndarray) -> np.ndarray:
    """Return `value` as a finite symmetric float matrix, or raise `InputError`."""
    matrix = as_array(name, value)
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1] > 0
    require(square, name, value, "must be a square matrix")
    symmetric = bool(np.allclose(matrix, matrix.T, rtol=0, atol=1e-10 * np.abs(matrix).max()))
    require(symmetric, name, value, "must equal its transpose")
    return matrix
