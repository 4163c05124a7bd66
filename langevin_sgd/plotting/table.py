"""Tables of text: columns that align in a terminal, and HTML in a notebook."""

from __future__ import annotations

import html
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from langevin_sgd.checks import printable


def one_line(text: str) -> str:
    """Write a text of others in one line without characters that steer a terminal."""
    return printable(" ".join(text.split()))


@dataclass(frozen=True)
class Table:
    """A table of text.

    Parameters
    ----------
    header
        (column,) names.
    rows
        (row, column) cells.
    right
        Numbers of the columns that are aligned to the right; none by default.

    Examples
    --------
    >>> print(Table(["mode", "value"], [["1", "0.5"], ["10", "12"]], right=[1]))
    mode  value
    ----  -----
    1       0.5
    10       12
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Collection[int] = ()

    def __str__(self) -> str:
        rows = [[one_line(cell) for cell in row] for row in self.rows]
        columns = range(len(self.header))
        widths = [max(len(row[column]) for row in [self.header, *rows]) for column in columns]
        lines = [self.header, ["-" * width for width in widths], *rows]
        return "\n".join(self._aligned(line, widths) for line in lines)

    def _aligned(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        aligned = [
            cell.rjust(width) if column in self.right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(aligned).rstrip()

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in self.header)
        body = "".join(f"<tr>{self._html_cells(row)}</tr>" for row in self.rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _html_cells(self, row: Sequence[str]) -> str:
        sides = ["right" if column in self.right else "left" for column in range(len(row))]
        return "".join(
            f'<td style="text-align: {side}">{html.escape(one_line(cell))}</td>'
            for side, cell in zip(sides, row, strict=True)
        )
