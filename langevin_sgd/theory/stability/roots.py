"""Roots of functions of one number that only rise or only fall, from a bracket."""

from __future__ import annotations

from collections.abc import Callable

EXACT = 1e-13
"""Relative accuracy of a root."""


def first_above(function: Callable[[float], float], start: float, factor: float) -> float:
    """First of start, start * factor, ... at which a function is not negative."""
    while function(start) < 0:
        start *= factor
    return start


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function passes zero between two positive numbers.

    It is the end nearer to that, where both have one sign by rounding.
    """
    from scipy.optimize import brentq

    if function(low) * function(high) > 0:
        return min(low, high, key=lambda end: abs(function(end)))
    return float(brentq(function, low, high, xtol=low * EXACT, rtol=EXACT))
