"""The figures of ``langevin-sgd train``: a phase diagram, or stopping time and weight change against temperature."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd.checks import InputError
from langevin_sgd.cli.train.words import letters, varied

if TYPE_CHECKING:
    from langevin_sgd.experiments import NetworkAverages
    from langevin_sgd.plotting import Panel, Series

_TEMPERATURE = "T = lr / (B * width)"
_CURVES = 7
"""Curves of one panel: as many as there are colours."""

Line = tuple[dict[str, Any], list["NetworkAverages"]]


def plot(points: list[NetworkAverages], path: Path) -> None:
    """Draw the phase diagram if there are several alphas, else stopping time and weight change.

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    from langevin_sgd.experiments import lines_in_temperature
    from langevin_sgd.plotting import draw, save

    if not any(point.mostly_fitted and point.test_error.valid for point in points):
        raise InputError("plot: nowhere are half of the replicas fitted; try more --max-steps or lower temperatures")
    lines = list(lines_in_temperature(points))
    several = len({held["alpha"] for held, _ in lines}) > 1
    save(draw(_phase_diagram(lines) if several else _against_temperature(lines)), path)


def _phase_diagram(lines: list[Line]) -> list[Panel]:
    """Test error against temperature for each alpha, and T_max against alpha."""
    from langevin_sgd.experiments import largest_temperature
    from langevin_sgd.plotting import Panel, Series

    alike: dict[str, list[Line]] = defaultdict(list)
    for line in sorted(lines, key=lambda line: float(line[0]["alpha"])):
        alike[_label(line, lines, without="alpha")].append(line)
    panels, boundaries = [], []
    for label, family in alike.items():
        title = "Test error" if not label else f"Test error at {label}"
        firsts = range(0, len(family), _CURVES)
        panels += [_error_panel(title, family[first : first + _CURVES]) for first in firsts]
        hottest = [largest_temperature(line) or math.nan for _, line in family]
        boundaries.append(Series(label, [held["alpha"] for held, _ in family], hottest))
    if any(np.isfinite(series.y).any() for series in boundaries):
        panels.append(Panel("Training fails above T_max", "alpha", "T_max", boundaries, "log", "log"))
    return panels


def _error_panel(title: str, family: list[Line]) -> Panel:
    from langevin_sgd.experiments import largest_temperature
    from langevin_sgd.plotting import Panel, Series

    curves = [_series(f"alpha={held['alpha']:g}", line, "test_error") for held, line in family]
    shown = np.concatenate([curve.y for curve in curves])
    whole = [np.nanmin(shown, initial=1.0), np.nanmax(shown, initial=0.0)]
    guides = [Series("", curve.x, curve.y, kind="guide") for curve in curves]
    hottest = filter(None, (largest_temperature(line) for _, line in family))
    guides += [Series("", [temperature] * 2, whole, kind="guide") for temperature in hottest]
    note = "vertical lines: T_max, where a curve ends"
    return Panel(title, _TEMPERATURE, "test error", [*curves, *guides], "log", "linear", note)


def _against_temperature(lines: list[Line]) -> list[Panel]:
    from langevin_sgd.plotting import Panel

    quantities = {
        "t_star": ("Stopping time", "t* = lr * steps"),
        "weight_change": ("Weight change", "|w - w0| / |w0|"),
        "kernel_change": ("Kernel change", "|K - K0| / |K0|"),
    }
    if lines[0][1][0].kernel_change is None:
        del quantities["kernel_change"]
    return [
        Panel(title, _TEMPERATURE, axis, [_series(_label(line, lines), line[1], name) for line in lines], "log", "log")
        for name, (title, axis) in quantities.items()
    ]


def _label(line: Line, lines: list[Line], *, without: str = "") -> str:
    """What tells a line from the others, but for one axis."""
    names = [name for name in varied([held for held, _ in lines]) if name != without]
    return letters({name: line[0][name] for name in names})


def _series(label: str, line: list[NetworkAverages], name: str) -> Series:
    """Means with errors where at least half of the replicas are fitted, gaps elsewhere."""
    from langevin_sgd.plotting import Series

    shown = [getattr(point, name) if point.mostly_fitted else None for point in line]
    value, error = (
        [math.nan if one is None or getattr(one, part) is None else getattr(one, part) for one in shown]
        for part in ("value", "standard_error")
    )
    return Series(label, [point.at["temperature_per_width"] for point in line], value, error)
