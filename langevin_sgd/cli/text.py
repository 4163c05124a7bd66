"""Plain-text output: aligned tables, strict JSON, and texts of others made harmless."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from langevin_sgd.checks import printable


def one_line(text: str) -> str:
    """Write a text of others in one line without characters that steer a terminal."""
    return printable(" ".join(text.split()))


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()
) -> str:
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
