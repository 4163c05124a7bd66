"""A Gaussian state of phase space (theta_1 ... theta_P, v_1 ... v_P).

It is a start, a stationary law, or a law at one time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import as_array, require
from langevin_sgd.covariance import as_covariance


@dataclass(frozen=True, eq=False)
class Gaussian:
    """Mean and covariance of positions and velocities.

    Parameters
    ----------
    mean
        (2 * parameter,), positions first, then velocities.
    covariance
        (2 * parameter, 2 * parameter), symmetric, no eigenvalue below zero.

    Raises
    ------
    InputError
        If shapes do not match, a number is not finite or the covariance is not symmetric or has a
        negative eigenvalue.

    Examples
    --------
    >>> Gaussian(np.zeros(2), np.eye(2)).parameters
    1
    """

    mean: np.ndarray
    covariance: np.ndarray

    def __post_init__(self) -> None:
        mean = as_array("mean", self.mean)
        paired = mean.ndim == 1 and mean.size > 0 and mean.size % 2 == 0
        require(
            paired,
            "mean",
            mean.shape,
            "must have shape (2 * parameter,): positions, then velocities",
        )
        object.__setattr__(self, "mean", mean)
        object.__setattr__(
            self, "covariance", as_covariance("covariance", self.covariance, mean.size)
        )

    @property
    def parameters(self) -> int:
        """Number of positions."""
        return self.mean.size // 2

    @property
    def position_covariance(self) -> np.ndarray:
        """(parameter, parameter) Covariance of the positions."""
        return self.covariance[: self.parameters, : self.parameters]

    @property
    def velocity_covariance(self) -> np.ndarray:
        """(parameter, parameter) Covariance of the velocities."""
        return self.covariance[self.parameters :, self.parameters :]

    @property
    def cross_covariance(self) -> np.ndarray:
        """(parameter, parameter) Covariance of positions (rows) with velocities (columns)."""
        return self.covariance[: self.parameters, self.parameters :]
