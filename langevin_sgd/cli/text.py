"""Plain-text output: aligned tables, strict JSON, and texts of others made harmless."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Characters that steer a terminal (all but tabs and line feeds), or that cannot be encoded."""


def harmless(text: str) -> str:
    r"""Write characters that steer a terminal as escapes.

    Examples
    --------
    >>> print(harmless("a\x1b[2Jb"))
    a\x1b[2Jb
    """
    return _CONTROL.sub(lambda found: ascii(found.group())[1:-1], text)


def one_line(text: str) -> str:
    """Write a text of others in one line without characters that steer a terminal."""
    return harmless(" ".join(text.split()))


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Align columns; those numbered in `right` to the right.

    Examples
    --------
    >>> print(table(["mode", "value"], [["1", "0.5"], ["10", "12"]], right=[1]))
    mode  value
    ----  -----
    1       0.5
    10       12
    """
    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(_line(line, widths, right) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> str:
    aligned = [
        cell.rjust(width) if column in right else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(aligned).rstrip()


def print_json(document: Any) -> None:
    """Print one strict JSON document: no NaN, no infinity."""
    print(json.dumps(document, indent=2, allow_nan=False))
