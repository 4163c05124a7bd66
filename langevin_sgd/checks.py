"""Checks of input: one clear line that names the argument, the value and the allowed range."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import Any


class InputError(ValueError):
    """Bad input. The message is one line; the command line prints it and leaves with status 2."""


def require(condition: bool, name: str, value: Any, allowed: str) -> None:
    """Raise `InputError` unless `condition` holds.

    Examples
    --------
    >>> require(False, "lr", -1.0, "must be positive")
    Traceback (most recent call last):
    langevin_sgd.checks.InputError: lr = -1.0: must be positive
    """
    if not condition:
        raise InputError(f"{name} = {value!r}: {allowed}")


def is_real(value: Any) -> bool:
    """Whether `value` is a finite real number (a bool is not)."""
    return not isinstance(value, bool) and hasattr(value, "__float__") and math.isfinite(value)


def require_positive(name: str, value: Any) -> None:
    """Raise `InputError` unless `value` is a finite number above zero."""
    require(is_real(value) and value > 0, name, value, "must be a positive number")


def require_not_negative(name: str, value: Any) -> None:
    """Raise `InputError` unless `value` is a finite number of zero or above."""
    require(is_real(value) and value >= 0, name, value, "must be a number of zero or above")


def require_count(name: str, value: Any, minimum: int = 1) -> None:
    """Raise `InputError` unless `value` is an integer of at least `minimum`."""
    whole = hasattr(value, "__index__") and not isinstance(value, bool)
    require(whole and value >= minimum, name, value, f"must be an integer of at least {minimum}")


def require_one_of(name: str, value: Any, allowed: Iterable[str]) -> None:
    """Raise `InputError` unless `value` is among `allowed`; the message suggests the nearest."""
    names = list(allowed)
    if value not in names:
        near = difflib.get_close_matches(str(value), names, 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise InputError(f"{name} = {value!r}: must be one of {', '.join(names)}{hint}")
