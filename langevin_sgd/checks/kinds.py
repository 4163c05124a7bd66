"""What a value is, whatever it calls itself: numbers, truth values, masks."""

from __future__ import annotations

import math
import operator
from typing import Any


def number_in(value: Any) -> float | None:
    """Return a finite real scalar as a float, anything else as None."""
    scalar = not is_truth(value) and not is_masked(value) and getattr(value, "ndim", 0) == 0
    if not scalar or kind_of(value) not in ("", "i", "u", "f") or not hasattr(value, "__float__"):
        return None
    try:
        number = float(value)
    except Exception:  # a foreign object may answer with anything
        return None
    return number if math.isfinite(number) else None


def integer_in(value: Any) -> int | None:
    """Return an integer as Python's own, anything else as None."""
    try:
        return None if is_truth(value) or is_masked(value) else operator.index(value)
    except Exception:  # a foreign object may answer with anything
        return None


def is_truth(value: Any) -> bool:
    """Whether a value is a truth value, which is no number."""
    return isinstance(value, bool) or kind_of(value) == "b"


def kind_of(value: Any) -> str:
    """Kind of a NumPy scalar or array, "" for anything else."""
    return str(getattr(getattr(value, "dtype", None), "kind", ""))


def is_masked(value: Any) -> bool:
    """Whether `value` is masked, or an array with masked entries."""
    mask = getattr(value, "mask", False)
    if isinstance(mask, bool):
        return mask
    return kind_of(mask) == "b" and bool(mask.any())


def hides(values: Any) -> bool:
    """Whether `values` is masked, or a list with something masked at any depth."""
    return is_masked(values) or (isinstance(values, list | tuple) and any(map(hides, values)))
