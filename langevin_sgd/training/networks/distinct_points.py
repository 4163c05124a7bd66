"""Points of many sets, those that are equal held once.

Equal points are found by a number that is drawn from each, its product with a fixed vector, and are
then compared: two different points are never taken for one.
"""

from __future__ import annotations

import numpy as np

from langevin_sgd.checks import require
from langevin_sgd.randomness import normals

_SEED = 0
"""Of the fixed vector: any will do."""


def one_dimension(*inputs: np.ndarray) -> int:
    """Return the dimension of inputs (point, dimension) that must have the same.

    Raises
    ------
    InputError
        If they have not.
    """
    dimensions = sorted({X.shape[1] for X in inputs})
    require(len(dimensions) == 1, "data", dimensions, "all sets must have one dimension")
    return dimensions[0]


class DistinctPoints:
    """Labelled points of the sets that were added.

    Examples
    --------
    >>> points = DistinctPoints()
    >>> points.add(np.array([[1.0], [2.0]]), np.array([1.0, -1.0]))
    >>> points.add(np.array([[2.0], [3.0]]), np.array([-1.0, -1.0]))
    >>> X, y, order, sizes = points.gathered()
    >>> X[:, 0].tolist(), order.tolist(), sizes.tolist()
    ([1.0, 2.0, 3.0], [0, 1, 1, 2], [2, 2])
    """

    def __init__(self) -> None:
        self._known: dict[float, int] = {}
        self._X: np.ndarray = np.empty((0, 0))
        self._y: np.ndarray = np.empty(0)
        self._count = 0
        self._orders: list[np.ndarray] = []

    def add(self, X: np.ndarray, y: np.ndarray) -> None:
        """Add a set, inputs (point, dimension) and labels (point,), all sets of one precision.

        Raises
        ------
        InputError
            If inputs have another dimension than those of earlier sets.
        """
        if not self._orders:
            self._X, self._y = X[:0].copy(), y[:0].copy()
        one_dimension(self._X, X)
        vector = normals((X.shape[1],), _SEED)
        keys = X @ vector.astype(X.dtype) * y
        order = np.empty(len(y), np.int64)
        new: list[int] = []
        for place, key in enumerate(keys.tolist()):
            row = self._known.setdefault(key, self._count + len(new))
            if row == self._count + len(new):
                new.append(place)
            order[place] = row
        self._append(X[new], y[new])
        other = np.flatnonzero((self._X[order] != X).any(1) | (self._y[order] != y))
        order[other] = self._count + np.arange(len(other))
        self._append(X[other], y[other])
        self._orders.append(order)

    def _append(self, X: np.ndarray, y: np.ndarray) -> None:
        """Put points behind the others, into room that doubles."""
        end = self._count + len(y)
        if end > len(self._y):
            room = max(end, 2 * len(self._y))
            self._X, self._y = (
                np.concatenate(
                    [old[: self._count], np.empty((room - self._count, *old.shape[1:]), old.dtype)]
                )
                for old in (self._X, self._y)
            )
        self._X[self._count : end], self._y[self._count : end] = X, y
        self._count = end

    def gathered(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return inputs (row, dimension) and labels (row,) of all distinct points, rows (place,) of
        the points of all sets, one after the other, and sizes (set,).
        """
        sizes = np.array([len(order) for order in self._orders])
        order = np.concatenate(self._orders)
        return self._X[: self._count], self._y[: self._count], order, sizes
