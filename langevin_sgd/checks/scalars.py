"""Numbers, one at a time."""

from __future__ import annotations

import math
from typing import Any

from langevin_sgd.checks.kinds import integer_in, is_truth, number_in
from langevin_sgd.checks.refusals import require

LARGEST_COUNT = 2**63 - 1
"""Counts are kept in 64 bits wherever they are compiled."""


def as_real(name: str, value: Any, allowed: str = "must be a finite number") -> float:
    """Return a finite real number as a float.

    Neither truth values nor texts nor complex numbers are numbers.

    Raises
    ------
    InputError
        For any other value.

    Examples
    --------
    >>> import numpy as np
    >>> as_real("lr", np.float32(0.5)), as_real("lr", np.array(2))
    (0.5, 2.0)
    """
    number = number_in(value)
    require(number is not None, name, value, allowed)
    return number  # type: ignore[return-value]


def is_real(value: Any) -> bool:
    """Whether `value` is one finite real number (a truth value is not)."""
    return number_in(value) is not None


def as_positive(name: str, value: Any) -> float:
    """Return a finite number above zero.

    Raises
    ------
    InputError
        For any other value.
    """
    number = as_real(name, value, "must be a positive number")
    require(number > 0, name, value, "must be a positive number")
    return number


def as_not_negative(name: str, value: Any) -> float:
    """Return a finite number of zero or above.

    Raises
    ------
    InputError
        For any other value.
    """
    number = as_real(name, value, "must be a number of zero or above")
    require(number >= 0, name, value, "must be a number of zero or above")
    return number


def as_fraction(name: str, value: Any) -> float:
    """Return a number with 0 <= value < 1.

    Raises
    ------
    InputError
        For any other value.
    """
    number = as_real(name, value, "must satisfy 0 <= value < 1")
    require(0 <= number < 1, name, value, "must satisfy 0 <= value < 1")
    return number


def as_chi(name: str, value: Any, largest: float = math.inf) -> float:
    """Return a depletion exponent chi > -1.

    It is the power of the density of data at the decision boundary.

    Raises
    ------
    InputError
        For any other value.

    Examples
    --------
    >>> as_chi("chi", 1)
    1.0
    """
    at_most = "" if largest == math.inf else f" and at most {largest:g}"
    allowed = f"must be a number above -1{at_most}"
    number = as_real(name, value, allowed)
    require(-1 < number <= largest, name, value, allowed)
    return number


def as_count(name: str, value: Any, minimum: int = 1, maximum: int | None = None) -> int:
    """Return an integer of at least `minimum` and, where one is given, at most `maximum`.

    Raises
    ------
    InputError
        For any other value.

    Examples
    --------
    >>> import numpy as np
    >>> as_count("steps", np.int64(10)), type(as_count("steps", np.array(10))).__name__
    (10, 'int')
    """
    at_most = "" if maximum is None else f" and at most {maximum}"
    allowed = f"must be an integer of at least {minimum}{at_most}"
    number = integer_in(value)
    require(number is not None and number >= minimum, name, value, allowed)
    assert number is not None
    require(maximum is None or number <= maximum, name, value, allowed)
    require(number <= LARGEST_COUNT, name, value, f"{allowed}, and below 2^63")
    return number


def as_seed(name: str, value: Any) -> int:
    """Return a seed, an integer from 0 to 2^128 - 1.

    This is the one rule wherever random numbers are asked for.

    Raises
    ------
    InputError
        For any other value.

    Examples
    --------
    >>> as_seed("seed", 2**127) == 2**127
    True
    """
    allowed = "must be an integer from 0 to 2**128 - 1"
    number = integer_in(value)
    require(number is not None and 0 <= number < 2**128, name, value, allowed)
    assert number is not None
    return number


def as_flag(name: str, value: Any) -> bool:
    """Return True or False; numbers and texts are no truth values.

    Raises
    ------
    InputError
        For any other value.
    """
    require(is_truth(value) and not getattr(value, "ndim", 0), name, value, "must be True or False")
    return bool(value)
