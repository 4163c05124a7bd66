"""Initial densities: a Gaussian, any function, values on the grid, or the stationary state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from langevin_sgd.checks import InputError, as_array, as_count, as_positive, require
from langevin_sgd.covariance import as_covariance
from langevin_sgd.fokker_planck.grid import Axis

REACH = 7.5
"""Standard deviations of a Gaussian that a domain must hold: 6e-14 of it lies beyond."""

BULK = 4.8
"""The same in two dimensions, where cells are dear: 2e-6 of it lies beyond."""


@dataclass(frozen=True, eq=False)
class GaussianDensity:
    """A Gaussian density of one or several coordinates.

    Parameters
    ----------
    mean
        (coordinate,), or a number in one dimension.
    covariance
        (coordinate, coordinate), positive definite; or a number, the variance.

    Raises
    ------
    InputError
        If shapes do not match or the covariance is not positive definite.

    Examples
    --------
    >>> round(float(GaussianDensity(0.0, 4.0)(np.array([0.0]))[0]), 6)
    0.199471
    """

    mean: Any
    covariance: Any

    def __post_init__(self) -> None:
        mean = np.atleast_1d(as_array("mean", self.mean, ndim=(0, 1)))
        require(mean.size > 0, "mean", self.mean, "must have at least one coordinate")
        given = np.atleast_2d(as_array("covariance", self.covariance, ndim=(0, 2)))
        allowed = "must be symmetric and positive definite"
        require(bool((np.diagonal(given) > 0).all()), "covariance", self.covariance, allowed)
        covariance = as_covariance("covariance", given, mean.size)
        unit = np.sqrt(np.diagonal(covariance))
        lowest = float(np.linalg.eigvalsh(covariance / unit[:, None] / unit)[0])
        require(lowest > 0, "covariance", self.covariance, allowed)
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "covariance", covariance)

    def __call__(self, *coordinates: np.ndarray) -> np.ndarray:
        """Density at coordinates of equal shape."""
        offset = np.stack(np.broadcast_arrays(*coordinates), axis=-1) - self.mean
        form = np.einsum("...i,ij,...j->...", offset, np.linalg.inv(self.covariance), offset)
        density: np.ndarray = np.exp(-form / 2) / np.sqrt(
            np.linalg.det(2 * np.pi * self.covariance)
        )
        return density

    def support(self, coordinate: int, deviations: float = REACH) -> tuple[float, float]:
        """Stretch of so many standard deviations along a coordinate; all the density to rounding by
        default.
        """
        coordinate = as_count("coordinate", coordinate, minimum=0, maximum=self.mean.size - 1)
        reach = as_positive("deviations", deviations) * np.sqrt(
            self.covariance[coordinate, coordinate]
        )
        require(bool(np.isfinite(reach)), "deviations", deviations, "is too wide")
        centre = self.mean[coordinate]
        return float(centre - reach), float(centre + reach)


Initial = GaussianDensity | Callable[..., Any] | np.ndarray | str


def support(initial: Initial, coordinate: int) -> tuple[float, float] | None:
    """Stretch that holds an initial density along a coordinate; None for the stationary one.

    Raises
    ------
    InputError
        For a function or an array, about which nothing is known before there is a domain.
    """
    if isinstance(initial, GaussianDensity):
        return initial.support(coordinate)
    if isinstance(initial, str):
        return None
    raise InputError(
        "domain = None: an initial density that is no `GaussianDensity` needs domain=(low, high)"
    )


def bulk(initial: Initial, coordinate: int) -> tuple[float, float] | None:
    """As `support`, with the bulk of a Gaussian, `BULK` standard deviations."""
    if not isinstance(initial, GaussianDensity):
        return support(initial, coordinate)
    return initial.support(coordinate, BULK)


def initial_mass(
    initial: Initial, axes: tuple[Axis, ...], stationary: Callable[[], np.ndarray]
) -> np.ndarray:
    """Return the initial probability of every cell, of sum 1.

    Parameters
    ----------
    initial
        A `GaussianDensity`, a function of the coordinates, density values at the cell centres, or
        ``"stationary"``.
    axes
        The axes of the grid.
    stationary
        Makes the stationary probabilities.

    Raises
    ------
    InputError
        If it is none of these, has the wrong shape, is negative, or does not lie in the domain.
    """
    shape = tuple(axis.cells for axis in axes)
    if isinstance(initial, str):
        require(
            initial == "stationary",
            "initial",
            initial,
            "must be 'stationary', a Gaussian, a function or an array",
        )
        return stationary()
    if isinstance(initial, GaussianDensity):
        require(
            initial.mean.size == len(axes),
            "initial",
            initial.mean.size,
            f"must have {len(axes)} coordinate(s)",
        )
    values = (
        initial(*np.meshgrid(*(a.centres for a in axes), indexing="ij"))
        if callable(initial)
        else initial
    )
    require(
        values is not None,
        "initial",
        initial,
        "must be 'stationary', a Gaussian, a function or an array",
    )
    values = as_array("initial", values)
    require(
        values.shape == shape, "initial", values.shape, f"must have the shape of the grid, {shape}"
    )
    require(bool((values >= 0).all()), "initial", "density", "must be finite, not negative")
    require(
        bool((values < 1e300).all()),
        "initial",
        "density",
        "must be below 1e300, since it is summed",
    )
    total = values.sum()
    require(
        total > 0,
        "initial",
        "density",
        "is zero everywhere on the grid; give a wider domain or more cells",
    )
    _require_inside(initial, axes)
    mass: np.ndarray = values / total
    return mass


def _require_inside(initial: Initial, axes: tuple[Axis, ...]) -> None:
    if not isinstance(initial, GaussianDensity):
        return
    for coordinate, axis in enumerate(axes):
        centre = float(initial.mean[coordinate])
        inside = axis.low <= centre <= axis.high
        require(
            inside,
            "initial",
            centre,
            f"has its mean outside the domain ({axis.low:.6g}, {axis.high:.6g})",
        )
