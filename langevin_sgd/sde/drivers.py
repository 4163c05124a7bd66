r"""What drives a step: standard normals, or, for the SGD map alone, Student's t.

A driver fills the independent random numbers of a step, each of mean 0 and variance 1; a noise then
gives them its covariance. Langevin equations are driven by a Wiener process, so that their
integrators take normals. A step of SGD is no limit of small kicks, and its gradient noise may have
heavy tails (Simsekli, Sagun and Gurbuzbalaban, arXiv 1901.06053, who fit infinite variances; here
the variance is finite, so that the covariance can be held fixed):

    t = z sqrt((nu - 2) / chi2_nu),     density of a component ~ (1 + t^2/(nu - 2))^{-(nu+1)/2}

with normals z and one chi-squared variable of nu degrees of freedom for the whole gradient of a
step (the multivariate t distribution: every direction of the gradient noise has the same tails,
whatever the covariance). Its variance is 1 and its kurtosis 3 (nu - 2)/(nu - 4), infinite for nu <=
4. Range: nu > 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from langevin_sgd.checks import as_real, require
from langevin_sgd.kernels.block_code import CompiledFunction
from langevin_sgd.kernels.compiled import inlined
from langevin_sgd.randomness import TAILS, gamma_64
from langevin_sgd.sde.fillings import normals_of_block_32, normals_of_block_64


@runtime_checkable
class Driver(Protocol):
    """The random numbers of a step."""

    @property
    def is_gaussian(self) -> bool:
        """Whether they are normals, so that a limit of small steps is a Langevin equation."""
        ...

    def fill(self, normals: type[np.floating]) -> CompiledFunction:
        """Return ``fill(out, bits, key, step, block, values)`` in float64 or float32."""
        ...

    def values(self) -> tuple[float, ...]:
        """Return the numbers that ``fill`` reads."""
        ...


@dataclass(frozen=True)
class StandardNormal:
    """Standard normals: what drives a Langevin equation."""

    @property
    def is_gaussian(self) -> bool:
        """Whether they are normals: yes."""
        return True

    def fill(self, normals: type[np.floating]) -> CompiledFunction:
        """Return the filling in float64 or float32."""
        return normals_of_block_64 if normals == np.float64 else normals_of_block_32

    def values(self) -> tuple[float, ...]:
        """Return a number that nobody reads."""
        return (0.0,)


@dataclass(frozen=True)
class StudentT:
    """Student's t with unit variance, for `langevin_sgd.sde.SGDMap`.

    Parameters
    ----------
    nu
        Degrees of freedom, > 2 (below, there is no variance); Gaussian as nu grows.

    Raises
    ------
    InputError
        If `nu` is not above 2.

    Examples
    --------
    >>> import langevin_sgd as ls
    >>> print(ls.sde.SGDMap(driver=StudentT(nu=3)))
    SGDMap(driver=StudentT(nu=3.0))
    """

    nu: float

    def __post_init__(self) -> None:
        nu = as_real("nu", self.nu)
        require(nu > 2, "nu", self.nu, "must be above 2, or there is no variance")
        object.__setattr__(self, "nu", nu)

    @property
    def is_gaussian(self) -> bool:
        """Whether they are normals: no."""
        return False

    def fill(self, normals: type[np.floating]) -> CompiledFunction:
        """Return the filling in float64 or float32."""
        return heavy_tails_64 if normals == np.float64 else heavy_tails_32

    def values(self) -> tuple[float, ...]:
        """Return the shape nu/2 of half a chi-squared variable."""
        return (self.nu / 2,)


# --- compiled -------------------------------------------------------------------------------------


@inlined
def _spread(
    out: np.ndarray, key: np.ndarray, step: int, block: int, values: tuple[float, ...]
) -> None:
    """Multiply the normals of each replica by sqrt((nu - 2)/chi2), one chi2 for all of a step.

    The chi2 of a replica is a function of (seed, step, replica) in a substream of its own.
    """
    shape, lanes = values[0], out.shape[2]
    for lane in range(lanes):
        half_chi2 = gamma_64(shape, key, 0, step, block * lanes + lane, TAILS)
        factor = math.sqrt((shape - 1.0) / half_chi2)
        for draw in range(out.shape[0]):
            for source in range(out.shape[1]):
                out[draw, source, lane] *= factor


@inlined
def heavy_tails_64(
    out: np.ndarray,
    bits: np.ndarray,
    key: np.ndarray,
    step: int,
    block: int,
    values: tuple[float, ...],
) -> None:
    """Fill `out` (draw, source, lane) with Student's t in float64."""
    normals_of_block_64(out, bits, key, step, block, values)
    _spread(out, key, step, block, values)


@inlined
def heavy_tails_32(
    out: np.ndarray,
    bits: np.ndarray,
    key: np.ndarray,
    step: int,
    block: int,
    values: tuple[float, ...],
) -> None:
    """Fill `out` (draw, source, lane) with Student's t, from float32 normals."""
    normals_of_block_32(out, bits, key, step, block, values)
    _spread(out, key, step, block, values)
