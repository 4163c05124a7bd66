"""The letters of the command line for the words of the library, and numbers as the verbs print
them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Any

from langevin_sgd.cli.arguments import Read, count, list_of, number, option

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
    "directory": "results",
}
"""Argument of the library -> option."""

LARGEST_SIZE = 10**9
"""Of a training set, a batch, a dimension."""
LARGEST_REPLICAS = 10**6
LARGEST_STEPS = 10**15
LARGEST_CHI = 30.0
"""Exponents of densities: averages over steeper ones leave double precision."""
LARGEST_TIME = 1e12
"""lr * steps / d."""

_SIZE, _STEPS = count(1, LARGEST_SIZE), count(1, LARGEST_STEPS)
_CHI = number(above=-1, most=LARGEST_CHI)

Size = Annotated[int, option(_SIZE, "INT")]
SizeIfGiven = Annotated[int | None, option(_SIZE, "INT")]
StepsIfGiven = Annotated[int | None, option(_STEPS, "INT")]
Positive = Annotated[float, option(number(above=0), "FLOAT")]
NotNegative = Annotated[float, option(number(least=0), "FLOAT")]
NotNegativeIfGiven = Annotated[float | None, option(number(least=0), "FLOAT")]
Chi = Annotated[float, option(_CHI, "FLOAT")]


def several(read: Read) -> Any:
    """Values between commas."""
    return option(list_of(read), "A,B,...")


Sizes = Annotated[tuple[int, ...], several(_SIZE)]
Positives = Annotated[tuple[float, ...], several(number(above=0))]
Times = Annotated[tuple[float, ...], several(number(least=0, most=LARGEST_TIME))]
Chis = Annotated[tuple[float, ...], several(_CHI)]


def numbers(values: Iterable[float]) -> list[float | None]:
    """Numbers for JSON: what is not finite becomes null."""
    return [float(value) if math.isfinite(value) else None for value in values]


def short(value: Any) -> str:
    """Six digits, or a dash where there is no number; zero has no sign."""
    return "-" if value is None or not math.isfinite(value) else f"{value + 0.0:.6g}"
