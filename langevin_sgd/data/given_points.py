"""A training set of labelled points that is given, the same for every replica."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import InputError, as_array, as_count, as_seed
from langevin_sgd.data.sizes import ALLOWED, first_unusable


@dataclass(frozen=True, eq=False)
class GivenPoints:
    """Points and their labels, with the interface of a law of training sets.

    Parameters
    ----------
    X
        (point, dimension), finite, each number 0 or between 1e-100 and 1e100 in size; copied.
    y
        (point,) labels of +-1; copied.

    Raises
    ------
    InputError
        If shapes do not match, a number is masked, complex, not finite or of another size, or a
        label is not +-1.

    Examples
    --------
    >>> GivenPoints([[1.0, 2.0], [3.0, 4.0]], [1, -1]).sample(seed=0)[1].tolist()
    [1.0, -1.0]
    """

    X: np.ndarray
    y: np.ndarray

    def __post_init__(self) -> None:
        X, y = as_array("X", self.X, finite=False), as_array("y", self.y, finite=False)
        if X.ndim != 2 or y.shape != X.shape[:1] or X.size == 0:
            raise InputError(
                f"X, y = shapes {X.shape}, {y.shape}: must be (point, dimension) and (point,)"
            )
        if not np.isfinite(X).all():
            raise InputError("X = data with NaN or infinity: every entry must be a finite number")
        if (place := first_unusable(X)) is not None:
            raise InputError(
                f"X = data with X[{place[0]}, {place[1]}] = {X[place]:g}: every entry {ALLOWED}"
            )
        if not np.isin(y, (-1.0, 1.0)).all():
            raise InputError(
                f"y = labels {np.unique(y)[:5].tolist()}: every label must be -1 or +1"
            )
        object.__setattr__(self, "X", X)
        object.__setattr__(self, "y", y)

    @property
    def points(self) -> int:
        """Number of points P."""
        return len(self.X)

    @property
    def dimension(self) -> int:
        """Dimension d."""
        return self.X.shape[1]

    def sample(self, seed: int, replica: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Return the points and labels, as copies; which seed and which replica does not matter."""
        as_seed("seed", seed), as_count("replica", replica, minimum=0)
        return self.X.copy(), self.y.copy()
