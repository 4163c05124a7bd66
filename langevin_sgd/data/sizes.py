"""Sizes of data: squares and products of what is let in neither overflow nor vanish.

A Hessian or a Gram matrix adds up products of two data, and its determinant, its inverse and the
distances of a linear program are of higher order still; double precision reaches from 1e-308 to
1e308.
"""

from __future__ import annotations

import numpy as np

SMALLEST, LARGEST = 1e-100, 1e100
ALLOWED = f"must be 0 or between {SMALLEST:g} and {LARGEST:g} in size: rescale the data"


def first_unusable(table: np.ndarray) -> tuple[int, ...] | None:
    """Place of the first number that is not finite or would spoil sums of products.

    None if there is no such number.

    Examples
    --------
    >>> first_unusable(np.array([[0.0, 1.0], [np.nan, 1e200]])), first_unusable(np.array([1e-99,
    ...     -1e99]))
    ((1, 0), None)
    """
    size = np.abs(table)
    usable = (size == 0) | ((size >= SMALLEST) & (size <= LARGEST))
    return None if usable.all() else tuple(int(place) for place in np.argwhere(~usable)[0])
