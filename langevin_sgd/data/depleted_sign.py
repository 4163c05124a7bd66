r"""Synthetic points of a linearly separable problem whose density at the boundary is a power law.

    rho(x_1) ~ |x_1|^chi exp(-x_1^2 / 2),   x_2 ... x_d ~ N(0, 1),   y = sign(x_1)

so |x_1| is a chi variable with chi + 1 degrees of freedom: |x_1| = sqrt(2 g) with g ~ Gamma((chi +
1)/2), which has E x_1^2 = chi + 1. For chi = 0 the points are Gaussian; a larger chi depletes the
neighbourhood of the boundary x_1 = 0.

Source: "depleted sign" of Sclocchi, Geiger and Wyart, *Dissecting the effects of SGD noise in
distinct regimes of deep learning*, arXiv 2301.13703. Range of validity: chi > -1; |x_1| is resolved
down to about 2^(-52/(chi + 1)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import as_chi, as_count, convert_fields
from langevin_sgd.kernels.compiled import kernel
from langevin_sgd.randomness import DATA, bits_over_steps, gamma_64, key_from_seed, normals

_SIGN, _SIZE = 2**30, 2**31
"""Draws of the labels and of |x_1|, beyond those of the normals, whose counters have the replica
where these have the point."""
_LANES = 64


@dataclass(frozen=True, kw_only=True)
class DepletedSign:
    """The law of a training set.

    Parameters
    ----------
    points
        Points P of a training set, >= 1.
    dimension
        Dimension d, >= 1; with d = 1 there is x_1 alone.
    chi
        Exponent of the density at the boundary, > -1; default 0, Gaussian points.

    Raises
    ------
    InputError
        If a field lies outside its range.

    Examples
    --------
    >>> X, y = DepletedSign(points=100, dimension=3, chi=1.0).sample(seed=0)
    >>> X.shape, bool(np.all(np.sign(X[:, 0]) == y))
    ((100, 3), True)
    """

    points: int
    dimension: int
    chi: float = 0.0

    def __post_init__(self) -> None:
        convert_fields(self, {"points": as_count, "dimension": as_count, "chi": as_chi})

    def sample(self, seed: int, replica: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Draw a training set, a function of seed and replica alone.

        Fewer points of the same law, seed and replica are the first of these.

        Parameters
        ----------
        seed
            0 ... 2**128 - 1.
        replica
            Number of the training set, >= 0.

        Returns
        -------
        X
            (points, dimension).
        y
            (points,) of +-1.
        """
        replica = as_count("replica", replica, minimum=0)
        X, y = np.empty((self.points, self.dimension)), np.empty(self.points)
        X[:, 1:] = normals((self.points, self.dimension - 1), seed, step=replica, substream=DATA)
        _fill_teacher(X[:, 0], y, (self.chi + 1.0) / 2.0, key_from_seed(seed), replica)
        return X, y


@kernel
def _fill_teacher(
    first: np.ndarray, y: np.ndarray, shape: float, key: np.ndarray, replica: int
) -> None:
    signs = np.empty((4, _LANES), np.uint64)
    for start in range(0, len(y), _LANES):
        bits_over_steps(signs, key, _SIGN, start, replica, DATA)
        for i in range(start, min(start + _LANES, len(y))):
            y[i] = 1.0 if signs[0, i - start] >> np.uint64(63) else -1.0
            first[i] = y[i] * math.sqrt(2.0 * gamma_64(shape, key, _SIZE, i, replica, DATA))
