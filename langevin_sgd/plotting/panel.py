"""What a figure shows, as plain data: series of numbers in panels."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from langevin_sgd.checks import require, require_one_of

Kind = Literal["measurement", "theory", "rival", "guide"]
Scale = Literal["linear", "log", "symlog"]
KINDS = ("measurement", "theory", "rival", "guide")
SCALES = ("linear", "log", "symlog")


@dataclass(frozen=True, eq=False)
class Series:
    """One curve or set of points.

    Parameters
    ----------
    label
        What the legend says; empty for none.
    x, y
        (point,), numbers; NaN leaves a gap.
    error
        (point,), one standard error of `y`, or ``None``.
    kind
        ``measurement`` (markers with error bars), ``theory`` (solid line), ``rival`` (dashed line: what a wrong or
        competing theory says) or ``guide`` (thin dotted line for the eye, limits, windows).
    """

    label: str
    x: Any
    y: Any
    error: Any = None
    kind: Kind = "measurement"

    def __post_init__(self) -> None:
        require_one_of("kind", self.kind, KINDS)
        for name in ("x", "y", "error"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else np.atleast_1d(np.asarray(value, dtype=float)))
        same = self.x.shape == self.y.shape and self.x.ndim == 1
        require(same, f"series {self.label!r}", (self.x.shape, self.y.shape), "x and y must have one shape (point,)")
        fits = self.error is None or self.error.shape == self.y.shape
        require(fits, f"series {self.label!r}", self.error, "error must have the shape of y")


@dataclass(frozen=True, eq=False)
class Panel:
    """One set of axes.

    Parameters
    ----------
    title, x_label, y_label
        What stands above and beside; units in the labels.
    series
        Drawn in this order.
    x_scale, y_scale
        ``linear``, ``log`` or ``symlog``.
    note
        A line below the panel.
    """

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series] = field(default_factory=tuple)
    x_scale: Scale = "linear"
    y_scale: Scale = "linear"
    note: str = ""

    def __post_init__(self) -> None:
        require_one_of("x_scale", self.x_scale, SCALES)
        require_one_of("y_scale", self.y_scale, SCALES)


def to_csv(panels: Sequence[Panel]) -> str:
    """Write every point of some panels as CSV, in full precision: panel, series, kind, x, y, error.

    Examples
    --------
    >>> print(to_csv([Panel("A", "t", "x", [Series("data", [1.0], [2.5])])]), end="")
    panel,x_label,y_label,series,kind,x,y,standard_error
    A,t,x,data,measurement,1.0,2.5,
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["panel", "x_label", "y_label", "series", "kind", "x", "y", "standard_error"])
    for panel in panels:
        for series in panel.series:
            errors = [""] * len(series.x) if series.error is None else series.error.tolist()
            for x, y, error in zip(series.x.tolist(), series.y.tolist(), errors, strict=True):
                rows.writerow([panel.title, panel.x_label, panel.y_label, series.label, series.kind, x, y, error])
    return text.getvalue()
