"""Panels to figures: theory as lines, measurements as markers with error bars, rivals dashed.

Colours are those of Okabe and Ito, which stay apart for colour-blind readers; kinds differ in line and marker as well,
so that a figure survives printing in grey.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd.checks import require, require_one_of
from langevin_sgd.plotting.panel import Panel, Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
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

_LINES: dict[str, dict[str, Any]] = {
    "theory": {"linestyle": "-", "linewidth": 1.6},
    "rival": {"linestyle": (0, (5, 2.5)), "linewidth": 1.4},
    "guide": {"linestyle": ":", "linewidth": 1.2, "color": "#777777"},
}


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
    import matplotlib as mpl
    from matplotlib.figure import Figure

    require(len(panels) > 0, "panels", panels, "must hold at least one panel")
    columns = min(columns, len(panels))
    rows = math.ceil(len(panels) / columns)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(columns * _PANEL_SIZE[0], rows * _PANEL_SIZE[1]), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for panel, place in zip(panels, axes, strict=False):
            _draw_panel(panel, place)
        for unused in axes[len(panels) :]:
            unused.remove()
    return figure


def _draw_panel(panel: Panel, axes: Axes) -> None:
    axes.set_title(panel.title)
    axes.set_xlabel(panel.x_label if not panel.note else f"{panel.x_label}\n{panel.note}")
    axes.set_ylabel(panel.y_label)
    axes.set_xscale(panel.x_scale)
    axes.set_yscale(panel.y_scale)
    # Lines and markers count through the colours separately: the first theory has the colour of the first measurement,
    # and so has the first rival where every measurement has one; else rivals get colours of their own.
    kinds = [series.kind for series in panel.series]
    together = kinds.count("rival") == kinds.count("measurement") > 1
    looks: dict[str, Iterator[tuple[str, str]]] = {
        "measurement": cycle(zip(COLOURS, MARKERS, strict=True)),
        "theory": cycle(zip(COLOURS, MARKERS, strict=True)),
        "rival": cycle(zip(COLOURS if together else reversed(COLOURS), MARKERS, strict=True)),
    }
    for series in panel.series:
        _draw_series(series, axes, looks)
    for axis, scale in ((axes.xaxis, panel.x_scale), (axes.yaxis, panel.y_scale)):
        if scale == "log":
            _label_short_log_axis(axis)
    if any(series.label for series in panel.series):
        axes.legend(framealpha=0.85, edgecolor="none")


def _label_short_log_axis(axis: Axis) -> None:
    """Label 1, 2 and 5 as plain numbers on an axis of less than two decades, where powers of ten are too few."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    if low > 0 and high < 100 * low:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def _draw_series(series: Series, axes: Axes, looks: dict[str, Iterator[tuple[str, str]]]) -> None:
    label = series.label or "_nolegend_"
    if series.kind == "guide":
        axes.plot(series.x, series.y, label=label, zorder=1, **_LINES["guide"])
        return
    colour, marker = next(looks[series.kind])
    if series.kind != "measurement":
        axes.plot(series.x, series.y, label=label, color=colour, zorder=3, **_LINES[series.kind])
        return
    axes.errorbar(
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
    )


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure to a file.

    Parameters
    ----------
    figure
        From `draw`.
    path
        The suffix decides: ``.svg``, ``.pdf``, ``.png`` and what else Matplotlib writes.

    Raises
    ------
    InputError
        If the suffix is of no known kind, or the folder is not there.
    """
    file = Path(path)
    require_one_of(f"path = '{file}': suffix", file.suffix.lstrip("."), sorted(figure.canvas.get_supported_filetypes()))
    require(file.parent.is_dir(), "path", str(file), "the folder is not there")
    figure.savefig(file, dpi=200)


def to_svg(figure: Figure) -> str:
    """Return a figure as SVG, the same bytes for the same figure: no dates, fixed identifiers."""
    import matplotlib as mpl

    text = io.StringIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()
