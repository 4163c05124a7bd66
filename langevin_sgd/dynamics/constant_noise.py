r"""Noise that does not depend on the state: one family, whatever way its density is given.

    `MatrixNoise`   a number, a diagonal or a matrix: the spectral density itself
    `Isotropic`     a number for each replica, the same in all directions
    `LowRank`       a factor (parameter, source), density factor factor^T

`as_noise` turns what a user gave into one of them, once, where an equation is made. An Ito and a
Stratonovich reading are the same here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from langevin_sgd.checks import as_array, as_count, as_not_negative, require
from langevin_sgd.covariance import as_covariance, covariance_root
from langevin_sgd.dynamics.noise import Noise, Strength, require_dimension
from langevin_sgd.kernels.block_code import (
    BlockCode,
    CompiledFunction,
    Factors,
    is_diagonal,
    row_if_diagonal,
)
from langevin_sgd.kernels.compiled import inlined
from langevin_sgd.kernels.intrinsics import fma
from langevin_sgd.models.potentials.potential import Value, points, require_one_each


class ConstantNoise:
    """Noise that does not depend on the state; what its kinds have in common."""

    calculus: ClassVar[None] = None
    has_own_amplitudes: ClassVar[bool] = True

    @property
    def as_given(self) -> object:
        """The noise itself."""
        return self

    def require_replicas(self, replicas: int) -> None:
        """Accept any number of replicas."""


@dataclass(frozen=True, eq=False)
class MatrixNoise(ConstantNoise):
    """Constant noise of a given spectral density; made by `as_noise`, which checks it.

    Parameters
    ----------
    density
        (parameter, parameter), symmetric, positive semi-definite.
    """

    density: np.ndarray

    enters_modes: ClassVar[bool] = True

    @property
    def parameters(self) -> int:
        """Number of coordinates."""
        return len(self.density)

    @property
    def sources(self) -> int:
        """Independent normals of a step: one per coordinate."""
        return self.parameters

    @property
    def is_isotropic(self) -> bool:
        """Whether it is the same in all directions."""
        return np.array_equal(self.density, self.density[0, 0] * np.eye(self.parameters))

    @property
    def is_diagonal(self) -> bool:
        """Whether the coordinates are independent."""
        return is_diagonal(self.density)

    @property
    def amplitude(self) -> float:
        """Root of the density where it is the same in all directions, else 1."""
        return math.sqrt(max(self.density[0, 0], 0.0)) if self.is_isotropic else 1.0

    @property
    def as_given(self) -> np.ndarray:
        """The density."""
        return self.density

    def covariance(self, theta: np.ndarray) -> np.ndarray:
        """Spectral density at `theta` (..., parameter); (..., parameter, parameter)."""
        point = points("theta", theta, self.parameters)
        return np.broadcast_to(self.density, (*point.shape, self.parameters))

    def constant_density(self, name: str) -> np.ndarray:
        """Return the density."""
        return self.density

    def scaled(self, factor: float) -> MatrixNoise:
        """Return the noise with `factor` times the spectral density."""
        return MatrixNoise(self.density * as_not_negative("factor", factor))

    def in_dimension(self, name: str, parameters: int) -> MatrixNoise:
        """Return the noise itself, or raise `InputError` if it has another dimension."""
        require_dimension(name, self.parameters, parameters)
        return self

    def compiled(self) -> BlockCode:
        """Return the noise for kernels: a root of the density times the normals."""
        if self.is_isotropic:
            return _same_in_all_directions()
        row = row_if_diagonal(self.density)
        is_row = len(row) == 1
        return _mixing(np.sqrt(np.maximum(row, 0.0)) if is_row else covariance_root(self.density))

    def identity(self) -> Mapping[str, object]:
        """Return the density."""
        return {"density": self.density}


@dataclass(frozen=True, eq=False)
class Isotropic(ConstantNoise):
    """Constant noise, the same in all directions, with a strength of its own in each replica.

    Parameters
    ----------
    variance
        Spectral density of the random force, a number or (replica,), >= 0.
    parameters
        Number of coordinates; an equation sets it to that of its potential.
    """

    variance: Value
    parameters: int = field(default=1, kw_only=True, repr=False)

    enters_modes: ClassVar[bool] = False
    is_diagonal: ClassVar[bool] = True

    def __post_init__(self) -> None:
        allowed = "must be a number of zero or above, or an array of them by replica"
        values = as_array("variance", self.variance, ndim=(0, 1), minimum=0.0, allowed=allowed)
        require(values.size > 0, "variance", self.variance, allowed)
        object.__setattr__(self, "variance", values if values.ndim else float(values))
        object.__setattr__(self, "parameters", as_count("parameters", self.parameters))

    @property
    def sources(self) -> int:
        """Independent normals of a step: one per coordinate."""
        return self.parameters

    @property
    def amplitude(self) -> Value:
        """Root of the density, a number or (replica,)."""
        root: Value = np.sqrt(self.variance)
        return root

    def covariance(self, theta: np.ndarray) -> np.ndarray:
        """Spectral density at `theta` (..., parameter); (..., parameter, parameter)."""
        point, variance = points("theta", theta, self.parameters), np.asarray(self.variance)
        fits = variance.ndim == 0 or point.shape[-2:-1] == variance.shape
        require(fits, "theta", point.shape, f"must end in ({variance.size} replicas, parameter)")
        density = variance[..., None, None] * np.eye(self.parameters)
        return np.broadcast_to(density, (*point.shape, self.parameters))

    def constant_density(self, name: str) -> np.ndarray:
        """Return the density, or raise `InputError` if it differs between replicas."""
        variance = np.asarray(self.variance)
        require(variance.size == 1, name, self.variance, "must be the same for all replicas")
        return float(variance.reshape(())) * np.eye(self.parameters)

    def scaled(self, factor: float) -> Isotropic:
        """Return the noise with `factor` times the spectral density."""
        return replace(self, variance=self.variance * as_not_negative("factor", factor))

    def in_dimension(self, name: str, parameters: int) -> Isotropic:
        """Return the noise in the given number of coordinates."""
        return replace(self, parameters=parameters)

    def compiled(self) -> BlockCode:
        """Return the noise for kernels: the normals themselves."""
        return _same_in_all_directions()

    def require_replicas(self, replicas: int) -> None:
        """Raise `InputError` for variances of another number of replicas."""
        require_one_each({"variance": self.variance}, replicas)

    def identity(self) -> Mapping[str, object]:
        """Return the variance."""
        return {"variance": self.variance}


@dataclass(frozen=True, eq=False)
class LowRank(ConstantNoise):
    """Constant noise factor dW with spectral density factor factor^T.

    Parameters
    ----------
    factor
        (parameter, source).
    """

    factor: np.ndarray

    amplitude: ClassVar[float] = 1.0
    enters_modes: ClassVar[bool] = False

    def __post_init__(self) -> None:
        factor = as_array(
            "factor", self.factor, allowed="must be finite, of shape (parameter, source)"
        )
        require(
            factor.ndim == 2 and factor.size > 0,
            "factor",
            self.factor,
            "must have shape (parameter, source)",
        )
        object.__setattr__(self, "factor", factor)

    @property
    def parameters(self) -> int:
        """Number of coordinates."""
        return len(self.factor)

    @property
    def sources(self) -> int:
        """Independent normals of a step."""
        return self.factor.shape[1]

    @property
    def is_diagonal(self) -> bool:
        """Whether the coordinates are independent."""
        return is_diagonal(self.factor @ self.factor.T)

    def covariance(self, theta: np.ndarray) -> np.ndarray:
        """Spectral density at `theta` (..., parameter); (..., parameter, parameter)."""
        point = points("theta", theta, self.parameters)
        density = self.constant_density("factor")
        return np.broadcast_to(density, (*point.shape, self.parameters))

    def constant_density(self, name: str) -> np.ndarray:
        """Return factor factor^T."""
        density: np.ndarray = self.factor @ self.factor.T
        return density

    def scaled(self, factor: float) -> LowRank:
        """Return the noise with `factor` times the spectral density."""
        return LowRank(self.factor * as_not_negative("factor", factor) ** 0.5)

    def in_dimension(self, name: str, parameters: int) -> LowRank:
        """Return the noise itself, or raise `InputError` if it has another dimension."""
        require_dimension(name, self.parameters, parameters)
        return self

    def compiled(self) -> BlockCode:
        """Return the noise for kernels: the factor times the normals."""
        return _mixing(np.ascontiguousarray(self.factor))

    def identity(self) -> Mapping[str, object]:
        """Return the factor."""
        return {"factor": self.factor}


def as_noise(name: str, value: Strength, parameters: int) -> Noise:
    """Return the noise of an equation with so many coordinates.

    Parameters
    ----------
    name
        Name of the argument, for the refusal.
    value
        A number or diagonal of variances, a matrix, or a noise.
    parameters
        Number of coordinates.

    Raises
    ------
    InputError
        If shapes do not fit or a covariance is not symmetric and positive semi-definite.
    """
    if isinstance(value, Noise):
        return value.in_dimension(name, parameters)
    given = as_array(name, value)
    if given.ndim < 2:
        require(bool((given >= 0).all()), name, value, "must be numbers of 0 or above")
        given = np.diag(given if given.ndim else np.full(parameters, float(given)))
    return MatrixNoise(as_covariance(name, given, parameters))


# --- compiled -------------------------------------------------------------------------------------


@inlined
def same_noise(
    normals: np.ndarray, out: np.ndarray, position: np.ndarray, values: tuple[np.ndarray, ...]
) -> np.ndarray:
    """Return the normals themselves: their amplitude is in the factors of the integrator."""
    return normals


@inlined
def mixed_noise(
    normals: np.ndarray, out: np.ndarray, position: np.ndarray, values: tuple[np.ndarray, ...]
) -> np.ndarray:
    """Set `out` to a factor (parameter, source) times the normals, (1, parameter) if diagonal."""
    factor = values[0]
    for i in range(len(out)):
        for lane in range(out.shape[1]):
            out[i, lane] = 0.0
        diagonal = len(factor) == 1 and len(out) > 1
        for j in range(i if diagonal else 0, i + 1 if diagonal else factor.shape[1]):
            weight = factor[0 if diagonal else i, j]
            for lane in range(out.shape[1]):
                out[i, lane] = fma(weight, normals[j, lane], out[i, lane])
    return out


@inlined
def no_spread(
    out: np.ndarray,
    weights: np.ndarray,
    position: np.ndarray,
    factors: Factors,
    k: int,
    values: tuple[np.ndarray, ...],
) -> None:
    """Do nothing: the amplitude has no derivative, or none that is used."""


def _same_in_all_directions() -> BlockCode:
    functions: dict[str, CompiledFunction] = {
        "shape_noise": same_noise,
        "add_spread": no_spread,
    }
    return BlockCode(functions=functions, arrays=(np.zeros((1, 1)),))


def _mixing(factor: np.ndarray) -> BlockCode:
    functions: dict[str, CompiledFunction] = {
        "shape_noise": mixed_noise,
        "add_spread": no_spread,
    }
    return BlockCode(functions=functions, arrays=(factor,))
