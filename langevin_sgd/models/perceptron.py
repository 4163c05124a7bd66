r"""The perceptron with a hinge loss: a linear classifier that stops when every point has a margin.

    f(w, x) = w . x / sqrt(d),   w(0) = 0,   L(w) = (1/P) sum_i max(0, margin - y_i f(w, x_i)),
    margin = kappa > 0

A point is unfit if y f < margin (strict), and then its gradient is -y x / sqrt(d), whatever its
loss. In terms of the folded rows X_i = y_i x_i / sqrt(d) a step of SGD is: w += (lr / B) times the
sum of the unfit rows of the batch. The margin is 1/alpha in the notation of Sclocchi, Geiger and
Wyart (arXiv 2301.13703), whose loss is (1/alpha) max(0, 1 - alpha y f). For kappa = 0 nothing would
be unfit at w = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import (
    as_chi,
    as_count,
    as_instance,
    as_not_negative,
    as_positive,
    as_states,
    convert_fields,
)
from langevin_sgd.data import DepletedSign
from langevin_sgd.data.given_points import GivenPoints

SMALL = 250_000
"""Largest number of entries of a data set for which separability is decided (some seconds)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Perceptron:
    """A perceptron and its points.

    Parameters
    ----------
    data
        A law, from which every replica draws a training set of its own, or points that all replicas
        share.
    margin
        Margin kappa = 1/alpha of y f, > 0.

    Raises
    ------
    InputError
        If the margin is not positive, or the data are neither a law nor given points.

    Examples
    --------
    >>> problem = Perceptron(data=DepletedSign(points=50, dimension=4), margin=0.1)
    >>> problem.rows(seed=1).shape
    (50, 4)
    """

    data: DepletedSign | GivenPoints
    margin: float

    def __post_init__(self) -> None:
        kinds = (DepletedSign, GivenPoints)
        data = {"data": lambda name, value: as_instance(name, value, kinds)}
        convert_fields(self, {**data, "margin": as_positive})

    @classmethod
    def from_data(cls, X: np.ndarray, y: np.ndarray, *, margin: float) -> Perceptron:
        """Build the perceptron of given points, as they stand: no intercept, no scaling.

        Parameters
        ----------
        X
            (point, dimension), finite.
        y
            (point,) labels of +-1.
        margin
            Margin of y f, > 0.

        Raises
        ------
        InputError
            If shapes do not match, a number is not finite, or a label is not +-1.
        """
        return cls(data=GivenPoints(X, y), margin=margin)

    @property
    def points(self) -> int:
        """Points P of a training set."""
        return self.data.points

    @property
    def dimension(self) -> int:
        """Dimension d."""
        return self.data.dimension

    @property
    def from_law(self) -> bool:
        """Whether every replica draws points of its own, from a law whose teacher is x_1."""
        return not isinstance(self.data, GivenPoints)

    def rows(self, seed: int, replica: int = 0) -> np.ndarray:
        """Folded rows y_i x_i / sqrt(d) of the training set of one replica.

        Returns
        -------
        (point, dimension)
        """
        X, y = self.data.sample(seed, replica)
        return X * (y / math.sqrt(self.dimension))[:, None]

    def signal_and_noise(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Signal w_1 / sqrt(d) and noise ||w_2 ... w_d|| / sqrt(d), where the teacher is x_1.

        Parameters
        ----------
        w
            (..., dimension); NaN is let through, since runs that diverged end there.

        Returns
        -------
        (...), (...)
        """
        w = as_states("w", w, self.dimension) / math.sqrt(self.dimension)
        return w[..., 0], np.linalg.norm(w[..., 1:], axis=-1)

    def separable(self) -> bool | None:
        """Whether some w fits all points; ``None`` if unknown.

        Known of a law, and decided for up to `SMALL` given numbers.

        Decided by the linear programme: largest t with X_i . w >= t and |w_j| <= 1, rows scaled to
        length one; the points are separable if t > 0 (beyond the solver's 1e-9). A row of zeros is
        never fitted.
        """
        if self.from_law:
            return True
        X = self.data.sample(0)[0]
        if not X.any(axis=1).all():
            return False
        if X.size > SMALL:
            return None
        rows = self.rows(0)
        # Squares of scaled rows neither vanish nor overflow.
        rows = rows / np.abs(rows).max(axis=1, keepdims=True)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        from scipy.optimize import linprog

        count, dimension = rows.shape
        constraints = np.hstack([-rows / lengths, np.ones((count, 1))])
        bounds = [(-1.0, 1.0)] * dimension + [(0.0, None)]
        solution = linprog([0.0] * dimension + [-1.0], constraints, np.zeros(count), bounds=bounds)
        return bool(-solution.fun > 1e-9) if solution.success else None


@dataclass(frozen=True, kw_only=True)
class OnePassPerceptron:
    """A perceptron that sees fresh samples of `langevin_sgd.data.DepletedSign` at every step.

    Parameters
    ----------
    dimension
        Dimension d, >= 1.
    chi
        Exponent of the density at the boundary, > -1.
    margin
        Margin of y f, >= 0; with 0 nothing is unfit at zero weights, so start from a noise.

    Raises
    ------
    InputError
        If a field lies outside its range.

    Examples
    --------
    >>> OnePassPerceptron(dimension=1000, chi=1, margin=0.1).chi
    1.0
    """

    dimension: int
    chi: float
    margin: float

    def __post_init__(self) -> None:
        convert_fields(self, {"dimension": as_count, "chi": as_chi, "margin": as_not_negative})
