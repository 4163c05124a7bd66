"""Output of the command: strict JSON."""

from __future__ import annotations

import json
from typing import Any


def print_json(document: Any) -> None:
    """Print one strict JSON document: no NaN, no infinity."""
    print(json.dumps(document, indent=2, allow_nan=False))
