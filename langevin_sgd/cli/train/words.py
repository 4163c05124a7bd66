"""The letters of the command line for the words of the library."""

from __future__ import annotations

from typing import Any

OPTIONS = {
    "points": "P",
    "batch_size": "B",
    "temperature_per_width": "temperature-per-width",
    "test_points": "test-points",
    "probe_points": "probe-points",
    "max_steps": "max-steps",
    "replicas": "seeds",
    "name": "data",
    "directory": "results",
}
"""Argument of the library -> option."""

_SHORT = OPTIONS | {"temperature_per_width": "T"}


def short(name: str) -> str:
    """Name of an axis in tables and figures."""
    return _SHORT.get(name, name)


def cell(value: Any) -> str:
    """A value of an axis in tables and figures."""
    return value if isinstance(value, str) else f"{value:g}"


def letters(values: dict[str, Any]) -> str:
    """Values of some axes in one line."""
    return " ".join(f"{short(name)}={cell(value)}" for name, value in values.items())


def named(values: dict[str, Any]) -> dict[str, Any]:
    """Values of axes by the names that documents give them."""
    letter = {"points": "P", "batch_size": "B"}
    return {letter.get(name, name): value for name, value in values.items()}


def varied(points: list[dict[str, Any]]) -> list[str]:
    """Names of the axes on which points differ."""
    return [name for name in points[0] if len({point[name] for point in points}) > 1]
