"""The letters of the command line for the words of the library, and numbers as the verbs print them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import arg

from langevin_sgd.cli.arguments import optional

OPTIONS = {
    "points": "P",
    "dimension": "d",
    "temperature": "T",
    "batch_size": "B",
    "margin": "kappa",
    "signal": "a",
    "noise": "s",
    "points_per_dimension": "P-over-d",
    "max_steps": "max-steps",
    "test_points": "test-points",
}
"""Argument of the library -> option."""

Figure = Annotated[Path | None, arg(metavar="FILE")]
Whole = Annotated[int | None, optional(int, "INT")]
Number = Annotated[float | None, optional(float, "FLOAT")]


def numbers(values: Iterable[float]) -> list[float | None]:
    """Numbers for JSON: what is not finite becomes null."""
    return [float(value) if math.isfinite(value) else None for value in values]


def short(value: Any) -> str:
    """Six digits, or a dash where there is no number; zero has no sign."""
    return "-" if value is None or not math.isfinite(value) else f"{value + 0.0:.6g}"
