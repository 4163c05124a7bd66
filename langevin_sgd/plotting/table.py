"""Tables of text: columns that align in a terminal, and HTML in a notebook."""

from __future__ import annotations

import html
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from langevin_sgd.checks import as_objects, as_tuple, convert_fields, printable, require


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

    Raises
    ------
    InputError
        If a cell is no text, a row has too many or too few, or there is no such column.

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

    def __post_init__(self) -> None:
        convert_fields(
            self,
            {
                "header": lambda name, value: as_objects(name, value, str),
                "rows": lambda name, value: as_tuple(name, value, self._as_row, empty=True),
                "right": self._as_columns,
            },
        )

    def _as_row(self, name: str, value: Any) -> tuple[str, ...]:
        row = as_objects(name, value, str)
        require(len(row) == len(self.header), name, row, f"must have {len(self.header)} cells")
        return row

    def _as_columns(self, name: str, value: Any) -> tuple[int, ...]:
        columns = as_objects(name, value, int)
        for column in columns:
            most = f"must be numbers of columns, below {len(self.header)}"
            require(0 <= column < len(self.header), name, column, most)
        return columns

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
