"""Symbols of the quantities along the axes of a grid, as tables and figures show them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

SYMBOLS = {
    "points": "P",
    "batch_size": "B",
    "dimension": "d",
    "temperature": "T",
    "temperature_per_width": "T",
    "margin": "kappa",
    "points_per_dimension": "P/d",
}
"""Name of an axis -> symbol; the others are shown by their names."""

_IN_DOCUMENTS = {"points": "P", "batch_size": "B"}


def symbol(name: str) -> str:
    """Return the symbol of an axis."""
    return SYMBOLS.get(name, name)


def cell(value: Any) -> str:
    """Write a value along an axis."""
    return value if isinstance(value, str) else f"{value:g}"


def at(values: Mapping[str, Any]) -> str:
    """Write values of some axes in one line.

    Examples
    --------
    >>> at({"points": 64, "network": "resnet18"})
    'P=64 network=resnet18'
    """
    return " ".join(f"{symbol(name)}={cell(value)}" for name, value in values.items())


def in_documents(values: Mapping[str, Any]) -> dict[str, Any]:
    """Give values of axes the names that the documents of ``langevin-sgd train`` have for them."""
    return {_IN_DOCUMENTS.get(name, name): value for name, value in values.items()}


def varied(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the axes on which points differ."""
    return [name for name in points[0] if len({point[name] for point in points}) > 1]


def digits(value: float | None) -> str:
    """Write six digits, or a dash where there is no number; zero has no sign."""
    return "-" if value is None or not math.isfinite(value) else f"{value + 0.0:.6g}"
