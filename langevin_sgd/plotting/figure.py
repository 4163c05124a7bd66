"""Panels to figures: theory as lines, measurements as markers with error bars, rivals dashed.

Colours are those of Okabe and Ito, which stay apart for colour-blind readers; kinds differ in line
and marker as well, so that a figure survives printing in grey. Maps are drawn in cividis (Nunez,
Anderton and Renslow, PLoS ONE 13 (2018) e0199239): perceptually uniform, the same to colour-blind
readers, and of rising lightness. Series over a map have a white rim and begin with black and
vermilion, which the map does not hold.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd.checks import (
    as_choice,
    as_count,
    as_instance,
    as_objects,
    as_path,
    require,
    shown,
)
from langevin_sgd.dataset import named_file, replace_file
from langevin_sgd.plotting.panel import Map, Panel, Series

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
COLOURS_OVER_MAPS = ("#000000", "#D55E00", "#CC79A7", "#009E73", "#E69F00", "#56B4E9", "#0072B2")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

_STYLE: Any = {
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.labelsize": 10,
    "legend.fontsize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "svg.hashsalt": "langevin_sgd",
    "svg.fonttype": "path",
}
_PANEL_SIZE = (4.4, 3.5)
"""Inches; a single panel stays readable on a page 390 pixels wide."""
_LEGEND_LINE = 0.2
"""Inches that a line of a legend below a panel takes."""
_SHORT_LABEL = 16
"""Letters; labels below a panel stand in two columns if none is longer."""
_LONG_LEGEND = 5
"""Labels; legends of more, and those of maps, stand below the panel, where they hide nothing."""

FORMATS = ("svg", "pdf", "png", "eps", "jpg", "jpeg", "ps", "svgz", "tif", "tiff", "webp")
"""Suffixes of the files that `save` writes."""

_LINES: dict[str, dict[str, Any]] = {
    "theory": {"linestyle": "-", "linewidth": 1.6},
    "rival": {"linestyle": (0, (5, 2.5)), "linewidth": 1.4},
    "guide": {"linestyle": ":", "linewidth": 1.2},
}


def _style() -> AbstractContextManager[None]:
    """Use the package's style alone, whatever a user has set for other figures (LaTeX, layouts)."""
    from matplotlib import style

    return style.context(_STYLE, after_reset=True)


def draw(panels: Sequence[Panel], *, columns: int = 2) -> Figure:
    """Draw panels side by side.

    Parameters
    ----------
    panels
        At least one.
    columns
        Panels in a row, at most.

    Returns
    -------
    matplotlib.figure.Figure
        Not tied to any window; ``figure.savefig(path)`` writes it.
    """
    from matplotlib.figure import Figure

    panels = as_objects("panels", panels, Panel)
    require(len(panels) > 0, "panels", panels, "must hold at least one panel")
    columns = min(as_count("columns", columns), len(panels))
    rows = math.ceil(len(panels) / columns)
    height = _PANEL_SIZE[1] + _LEGEND_LINE * max(_legend_shape(panel)[0] for panel in panels)
    with _style():
        figure = Figure(figsize=(columns * _PANEL_SIZE[0], rows * height), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for panel, place in zip(panels, axes, strict=False):
            _draw_panel(panel, place, figure)
        for unused in axes[len(panels) :]:
            unused.remove()
    return figure


def _draw_panel(panel: Panel, axes: Axes, figure: Figure) -> None:
    notes = [panel.x_label, panel.note]
    if panel.map is not None and panel.map.blank:
        notes.append(f"white: {panel.map.missing}")
    axes.set_title(panel.title)
    axes.set_xlabel("\n".join(filter(None, notes)))
    axes.set_ylabel(panel.y_label)
    axes.set_xscale(panel.x_scale)
    axes.set_yscale(panel.y_scale)
    if panel.map is not None:
        _draw_map(panel.map, panel, axes, figure)
    # Lines and markers count through the colours separately: the first theory has the colour of the
    # first measurement, and so has the first rival where every measurement has one; else rivals get
    # colours of their own.
    kinds = [series.kind for series in panel.series]
    together = kinds.count("rival") == kinds.count("measurement") > 1
    colours = COLOURS if panel.map is None else COLOURS_OVER_MAPS
    looks: dict[str, Iterator[tuple[str, str]]] = {
        "measurement": cycle(zip(colours, MARKERS, strict=True)),
        "theory": cycle(zip(colours, MARKERS, strict=True)),
        "rival": cycle(zip(colours if together else reversed(colours), MARKERS, strict=True)),
        "guide": cycle([("#777777" if panel.map is None else "#222222", "")]),
    }
    for series in panel.series:
        drawn = _draw_series(series, axes, looks)
        if panel.map is not None:
            _set_off(drawn)
    for axis, scale in ((axes.xaxis, panel.x_scale), (axes.yaxis, panel.y_scale)):
        if scale == "log":
            _label_short_log_axis(axis)
    if any(series.label for series in panel.series):
        _place_legend(panel, axes, figure)


def _draw_map(colours: Map, panel: Panel, axes: Axes, figure: Figure) -> None:
    """Fill the axes with the cells, and put the bar of colours beside them."""
    from matplotlib.colors import LogNorm, Normalize

    (_, x), (_, y) = colours.places("x", panel.x_scale), colours.places("y", panel.y_scale)
    axes.grid(False)
    axes.set(xlim=x[[0, -1]], ylim=y[[0, -1]])
    if not np.isfinite(colours.values).any():
        return
    norm = LogNorm() if colours.scale == "log" else Normalize()
    shown = np.ma.masked_invalid(colours.values)
    # Rims in the colour of the cell close the gaps that many viewers leave between cells of a
    # drawing.
    mesh = axes.pcolormesh(x, y, shown, cmap="cividis", norm=norm, edgecolors="face", linewidth=0.3)
    figure.colorbar(mesh, ax=axes, label=colours.label)


def _set_off(drawn: Sequence[Artist]) -> None:
    """Draw lines with a white rim and filled markers above the map, so that they stand out."""
    from matplotlib.lines import Line2D
    from matplotlib.patheffects import withStroke

    for artist in drawn:
        artist.set_path_effects([withStroke(linewidth=4, foreground="white")])
        artist.set_zorder(max(artist.get_zorder(), 2))
        if isinstance(artist, Line2D):
            artist.set_markerfacecolor(artist.get_color())


def _legend_shape(panel: Panel) -> tuple[int, int]:
    """Lines and columns of a legend below the panel; no lines if it stands inside."""
    labels = [series.label for series in panel.series if series.label]
    if panel.map is None and len(labels) <= _LONG_LEGEND:
        return 0, 1
    columns = 2 if max(map(len, labels), default=0) <= _SHORT_LABEL else 1
    return math.ceil(len(labels) / columns), columns


def _place_legend(panel: Panel, axes: Axes, figure: Figure) -> None:
    """Put the legend where it hides least, or below the label of x."""
    from matplotlib.transforms import offset_copy

    lines, columns = _legend_shape(panel)
    if lines == 0:
        axes.legend(framealpha=0.85, edgecolor="none")
        return
    lines_below = axes.get_xlabel().count("\n")
    down = offset_copy(axes.transAxes, figure, y=-36 - 12.5 * lines_below, units="points")
    place: dict[str, Any] = {
        "loc": "upper center",
        "bbox_to_anchor": (0.5, 0.0),
        "bbox_transform": down,
    }
    axes.legend(ncols=columns, edgecolor="none", borderaxespad=0.0, **place)


def _label_short_log_axis(axis: Axis) -> None:
    """Label 1, 2 and 5 as plain numbers on an axis of less than two decades."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    if low > 0 and high < 100 * low:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def _draw_series(
    series: Series, axes: Axes, looks: dict[str, Iterator[tuple[str, str]]]
) -> Sequence[Artist]:
    label = series.label or "_nolegend_"
    colour, marker = next(looks[series.kind])
    if series.kind != "measurement":
        order = 1 if series.kind == "guide" else 3
        return axes.plot(
            series.x, series.y, label=label, color=colour, zorder=order, **_LINES[series.kind]
        )
    return axes.errorbar(
        series.x,
        series.y,
        yerr=None if series.error is None else np.nan_to_num(series.error),
        label=label,
        color=colour,
        marker=marker,
        markersize=4.5,
        markerfacecolor="white",
        linestyle="none",
        elinewidth=1,
        capsize=2,
        zorder=4,
    ).get_children()


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure to a file, whole or not at all.

    Parameters
    ----------
    figure
        From `draw`.
    path
        The suffix decides, in small or capital letters: one of `FORMATS`.

    Raises
    ------
    InputError
        If the suffix is of no known kind, the folder is not there, or no file can be made in it.
    OSError
        If the file cannot be written to its end; one that was there before is then as it was.
    """
    _require_figure(figure)
    file = as_path("path", path)
    kind = as_choice(
        f"path = {shown(str(file), width=400)}: suffix", file.suffix.lstrip(".").lower(), FORMATS
    )
    with ExitStack() as stack:
        with named_file("path", path):
            require(file.parent.is_dir(), "path", str(file), "the folder is not there")
            part = stack.enter_context(replace_file(Path(os.path.realpath(file))))
        stack.enter_context(_style())
        figure.savefig(part, dpi=200, format=kind, metadata=_NO_DATES.get(kind))


_NO_DATES: dict[str, dict[str, None]] = {
    "svg": {"Date": None, "Creator": None},
    "svgz": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None},
}
"""Metadata with which the same figure gives the same bytes."""


def _require_figure(figure: Figure) -> None:
    from matplotlib.figure import Figure

    as_instance("figure", figure, Figure)


def to_svg(figure: Figure) -> str:
    """Return a figure as SVG, the same bytes for the same figure: no dates, fixed identifiers."""
    _require_figure(figure)
    text = io.StringIO()
    with _style():
        figure.savefig(text, format="svg", metadata=_NO_DATES["svg"])
    return text.getvalue()
