"""Output of the command: strict JSON, and numbers in it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any


def print_json(document: Any) -> None:
    """Print one strict JSON document: no NaN, no infinity."""
    print(json.dumps(document, indent=2, allow_nan=False))


def numbers(values: Iterable[float]) -> list[float | None]:
    """Numbers for JSON: what is not finite becomes null."""
    return [float(value) if math.isfinite(value) else None for value in values]
