"""Precision of numbers, of engines that have a choice."""

from __future__ import annotations

from typing import Any, Literal

from langevin_sgd.checks import as_choice

Precision = Literal["float32", "float64"]
PRECISIONS = ("float32", "float64")


def as_precision(name: str, value: Any) -> Any:
    """Return the name of a precision, or refuse what is none."""
    return as_choice(name, value, PRECISIONS)
