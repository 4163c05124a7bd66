"""How many points may be unfit where training stops at a fraction of them."""

from __future__ import annotations

import math


def allowed_unfit(fraction: float, points: int) -> int:
    """Return the largest number n of points with n / points <= fraction.

    The product of both is not rounded down alone: 0.29 * 100 is 28.999..., though 29 of 100 points
    are 0.29 of them.

    Examples
    --------
    >>> allowed_unfit(0.29, 100), allowed_unfit(0.05, 50), allowed_unfit(0.0, 10)
    (29, 2, 0)
    """
    near = math.floor(fraction * points)
    return max(count for count in (near - 1, near, near + 1) if count / points <= fraction)
