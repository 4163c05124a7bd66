"""What a figure shows, as plain data: series of numbers in panels, perhaps over a map."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from langevin_sgd.checks import (
    as_array,
    as_choice,
    as_instance,
    as_objects,
    as_text,
    convert_fields,
    require,
)
from langevin_sgd.estimate import Estimate

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
        ``measurement`` (markers with error bars), ``theory`` (solid line), ``rival`` (dashed line:
        what a wrong or competing theory says) or ``guide`` (thin dotted line for the eye, limits,
        windows).
    """

    label: str
    x: Any
    y: Any
    error: Any = None
    kind: Kind = "measurement"

    def __post_init__(self) -> None:
        convert_fields(
            self, {"label": as_text, "kind": lambda name, value: as_choice(name, value, KINDS)}
        )
        for name in ("x", "y", "error"):
            value = getattr(self, name)
            if value is not None or name != "error":
                object.__setattr__(
                    self,
                    name,
                    np.atleast_1d(as_array(f"{self.label!r}: {name}", value, finite=False)),
                )
        same = self.x.shape == self.y.shape and self.x.ndim == 1
        require(
            same,
            f"series {self.label!r}",
            (self.x.shape, self.y.shape),
            "x and y must have one shape (point,)",
        )
        fits = self.error is None or self.error.shape == self.y.shape
        require(fits, f"series {self.label!r}", self.error, "error must have the shape of y")

    @classmethod
    def measured(cls, label: str, x: Any, estimates: Sequence[Estimate]) -> Series:
        """Return points with error bars.

        Parameters
        ----------
        label, x
            As in `Series`.
        estimates
            One for each point; one without a value leaves a gap.
        """
        known = as_objects(f"{label!r}: estimates", estimates, Estimate)
        value = [math.nan if one.value is None else one.value for one in known]
        error = [math.nan if one.standard_error is None else one.standard_error for one in known]
        return cls(label, x, value, error)

    @classmethod
    def theory(cls, label: str, x: Any, y: Any) -> Series:
        """Return a solid line: what the theory says; parameters as in `Series`."""
        return cls(label, x, y, kind="theory")

    @classmethod
    def rival(cls, label: str, x: Any, y: Any) -> Series:
        """Return a dashed line, what a wrong or rival theory says; parameters as in `Series`."""
        return cls(label, x, y, kind="rival")

    @classmethod
    def guide(cls, label: str, x: Any, y: Any) -> Series:
        """Return a thin dotted line for the eye; parameters as in `Series`."""
        return cls(label, x, y, kind="guide")


@dataclass(frozen=True, eq=False)
class Map:
    """Numbers over a plane, to be shown as colours.

    Parameters
    ----------
    x, y
        (column,) and (row,), the centres of the cells, increasing; or their edges, one more of
        each.
    values
        (row, column); NaN leaves a cell white.
    label
        What the colours are, with units; stands at the colour bar.
    scale
        ``linear`` or ``log``, of the colours.
    missing
        What white cells are, for the line below the panel.
    """

    x: Any
    y: Any
    values: Any
    label: str
    scale: Literal["linear", "log"] = "linear"
    missing: str = "no value"

    def __post_init__(self) -> None:
        for name in ("x", "y", "values"):
            object.__setattr__(
                self, name, as_array(name, getattr(self, name), finite=name != "values")
            )
        require(
            self.values.ndim == 2 and self.values.size > 0,
            "values",
            self.values.shape,
            "must be (row, column)",
        )
        for name, count in (("x", self.values.shape[1]), ("y", self.values.shape[0])):
            places = getattr(self, name)
            fits = places.shape in ((count,), (count + 1,))
            require(
                fits,
                name,
                places.shape,
                f"must hold the {count} centres or {count + 1} edges of the cells",
            )
            require(bool((np.diff(places) > 0).all()), name, places.tolist(), "must increase")
        kinds = {
            "label": as_text,
            "missing": as_text,
            "scale": lambda name, value: as_choice(name, value, SCALES[:2]),
        }
        convert_fields(self, kinds)
        dark = self.scale == "log" and bool((self.values <= 0).any())
        require(
            not dark,
            "values",
            float(np.nanmin(self.values)) if dark else None,
            "must be positive on a log scale",
        )

    def places(self, axis: Literal["x", "y"], scale: Scale) -> tuple[np.ndarray, np.ndarray]:
        """Return centres and edges of the cells; missing ones lie half way, as the axis shows it.

        Raises
        ------
        InputError
            If a place on a logarithmic axis is not positive.
        """
        axis, scale = as_choice("axis", axis, ("x", "y")), as_choice("scale", scale, SCALES)
        given, count = getattr(self, axis), self.values.shape[1 if axis == "x" else 0]
        require(
            scale != "log" or given[0] > 0, axis, float(given[0]), "must be positive on a log axis"
        )
        to, back = (np.log, np.exp) if scale == "log" else (np.asarray, np.asarray)
        shown = to(given)
        if len(given) > count:
            return back((shown[1:] + shown[:-1]) / 2), given
        half = np.diff(shown) / 2 if count > 1 else np.array([0.5])
        edges = np.concatenate(
            [shown[:1] - half[:1], shown[:-1] + half[: count - 1], shown[-1:] + half[-1:]]
        )
        return given, back(edges)

    @property
    def blank(self) -> bool:
        """Whether some cells are white."""
        return not np.isfinite(self.values).all()


@dataclass(frozen=True, eq=False)
class Panel:
    """One set of axes.

    Parameters
    ----------
    title, x_label, y_label
        What stands above and beside; units in the labels.
    series
        Drawn in this order, over the map.
    x_scale, y_scale
        ``linear``, ``log`` or ``symlog``.
    note
        A line below the panel.
    map
        Colours behind the series.
    """

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series] = field(default_factory=tuple)
    x_scale: Scale = "linear"
    y_scale: Scale = "linear"
    note: str = ""
    map: Map | None = None

    def __post_init__(self) -> None:
        convert_fields(self, dict.fromkeys(("title", "x_label", "y_label", "note"), as_text))
        convert_fields(self, dict.fromkeys(("x_scale", "y_scale"), _as_scale))
        convert_fields(self, {"series": lambda name, value: as_objects(name, value, Series)})
        if self.map is not None:
            as_instance("map", self.map, Map)
            self.map.places("x", self.x_scale), self.map.places("y", self.y_scale)


def _as_scale(name: str, value: Scale) -> Scale:
    return as_choice(name, value, SCALES)


def to_csv(panels: Sequence[Panel]) -> str:
    """Write every point of some panels as CSV, in full precision, and every cell of their maps.

    Parameters
    ----------
    panels
        What to write. Cells stand under the label of their map with the kind ``map`` and their
        number in the last column, ``nan`` where there is none.

    Examples
    --------
    >>> print(to_csv([Panel("A", "t", "x", [Series("data", [1.0], [2.5])])]), end="")
    panel,x_label,y_label,series,kind,x,y,standard_error,value
    A,t,x,data,measurement,1.0,2.5,,
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(
        ["panel", "x_label", "y_label", "series", "kind", "x", "y", "standard_error", "value"]
    )
    for panel in as_objects("panels", panels, Panel):
        start = [_cell(panel.title), _cell(panel.x_label), _cell(panel.y_label)]
        if panel.map is not None:
            columns, lines = (
                panel.map.places("x", panel.x_scale)[0],
                panel.map.places("y", panel.y_scale)[0],
            )
            for y, values in zip(lines.tolist(), panel.map.values.tolist(), strict=True):
                rows.writerows(
                    [*start, _cell(panel.map.label), "map", x, y, "", v]
                    for x, v in zip(columns.tolist(), values, strict=True)
                )
        for series in panel.series:
            errors = [""] * len(series.x) if series.error is None else series.error.tolist()
            points = zip(series.x.tolist(), series.y.tolist(), errors, strict=True)
            rows.writerows(
                [*start, _cell(series.label), series.kind, *point, ""] for point in points
            )
    return text.getvalue()


def _cell(words: str) -> str:
    """Keep a spreadsheet from taking a label for a formula."""
    return f"'{words}" if words.startswith(("=", "+", "-", "@", "\t", "\r")) else words
