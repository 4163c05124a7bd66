"""Figures of a grid of networks: its phase diagram, or the lazy regime against temperature."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd.estimate import Estimate, format_with_error
from langevin_sgd.experiments.network_boundaries import KERNEL_CHANGE, crossing
from langevin_sgd.experiments.network_lazy_exponents import LazyExponents
from langevin_sgd.experiments.network_lines import GridLine, families, lines_along
from langevin_sgd.experiments.network_summary import (
    FEATURE,
    POWERS,
    boundaries,
    feature_power,
    in_temperature,
    lazy,
    predicted_power,
)
from langevin_sgd.experiments.symbols import at, varied
from langevin_sgd.plotting import Map, Panel, Series
from langevin_sgd.plotting.panel import Kind

if TYPE_CHECKING:
    import xarray as xr

_TEMPERATURE = "T = lr / (B * width)"
_CURVES = 7
"""Curves of one panel: as many as there are colours."""
_QUANTITIES = {
    "t_star": ("Stopping time", "t* = lr * steps"),
    "weight_change": ("Weight change", "|w - w0| / |w0|"),
    "kernel_change": ("Kernel change", "|K - K0| / |K0|"),
}


def grid_panels(result: xr.Dataset) -> list[Panel]:
    """Return the phase diagram if there are several alphas, else the lazy regime.

    Parameters
    ----------
    result
        Of `langevin_sgd.experiments.Grid.collect`, with at least two temperatures.

    Returns
    -------
    list of Panel
        None, where nowhere half of the replicas are fitted.
    """
    if not any(line.mostly_fitted.any() for line in in_temperature(result)):
        return []
    several = len(set(result["alpha"].values)) > 1
    return phase_diagram(result) if several else lazy_regime(result)


# --- several alphas -------------------------------------------------------------------------------


def phase_diagram(result: xr.Dataset) -> list[Panel]:
    """Test error over the plane of alpha and T with its boundaries, and against T by alpha."""
    lines = in_temperature(result)
    helds, panels = [line.held for line in lines], []
    across = families(lines_along(result, "alpha"), "temperature_per_width")
    for family, lines_in_alpha in zip(families(lines, "alpha"), across, strict=True):
        label = _label(family[0].held, helds, without="alpha")
        title = label or "Test error"
        panels.append(_map_panel(title, family, lines_in_alpha))
        parts = np.array_split(np.arange(len(family)), math.ceil(len(family) / _CURVES))
        panels += [_error_panel(title, [family[place] for place in part]) for part in parts]
    return panels


def _map_panel(title: str, family: Sequence[GridLine], across: Sequence[GridLine]) -> Panel:
    alphas = [line.held["alpha"] for line in family]
    errors = np.stack([line.averages("test_error")[0] for line in family], axis=1)
    colours = Map(
        alphas, family[0].x, errors, "test error", missing="fewer than half of the replicas fitted"
    )
    series = [*_boundaries(family), *_crossover(family, across), *_feature_line(family)]
    return Panel(title, "alpha", _TEMPERATURE, series, "log", "log", map=colours)


def _boundaries(family: Sequence[GridLine]) -> list[Series]:
    """T_max and T_opt of each alpha, with the power that they follow."""
    curves = []
    for name in POWERS:
        power = feature_power(name, family)
        label = (
            f"{name}, k = {format_with_error(power.value, power.standard_error)}"
            if power.valid
            else name
        )
        curves += _of_estimates(
            label, [(line.held["alpha"], boundaries(line)[name]) for line in family]
        )
    return curves


def _crossover(family: Sequence[GridLine], across: Sequence[GridLine]) -> list[Series]:
    """Where the kernel changes by the threshold, along the temperature and along alpha."""
    if "kernel_change" not in family[0].measured:
        return []
    upward = [(line.held["alpha"], crossing(line)) for line in family]
    sideways = [(line.held["temperature_per_width"], crossing(line)) for line in across]
    places = [(alpha, T.value, T.standard_error) for alpha, T in upward if T.valid]
    places += [(alpha.value, T, math.nan) for T, alpha in sideways if alpha.valid]
    return (
        [Series(f"kernel change {KERNEL_CHANGE:g}", *np.array(places, dtype=float).T)]
        if places
        else []
    )


def _feature_line(family: Sequence[GridLine]) -> list[Series]:
    """The predicted power of alpha, through the middle of T_max."""
    power = predicted_power(family[0])
    largest = [
        (line.held["alpha"], boundaries(line)["T_max"])
        for line in family
        if line.held["alpha"] < FEATURE
    ]
    known = np.array([(alpha, T.value) for alpha, T in largest if T.valid], dtype=float)
    if power is None or len(known) < 2:
        return []
    x, y = np.log(known).T
    ends = np.exp([x.min(), x.max()])
    return [
        Series(
            f"theory, k = {power:.2f}",
            ends,
            np.exp(y.mean() - power * x.mean()) * ends**power,
            kind="theory",
        )
    ]


def _error_panel(title: str, family: Sequence[GridLine]) -> Panel:
    curves = [_curve(f"alpha={line.held['alpha']:g}", line, "test_error") for line in family]
    shown = np.concatenate([curve.y for curve in curves])
    whole = [np.nanmin(shown, initial=1.0), np.nanmax(shown, initial=0.0)]
    guides = [Series("", curve.x, curve.y, kind="guide") for curve in curves]
    hottest = [boundaries(line)["T_max"] for line in family]
    guides += [
        Series("", [found.value] * 2, whole, kind="guide") for found in hottest if found.valid
    ]
    return Panel(
        title,
        _TEMPERATURE,
        "test error",
        [*curves, *guides],
        "log",
        "linear",
        "vertical lines: T_max",
    )


# --- one alpha ------------------------------------------------------------------------------------


def lazy_regime(result: xr.Dataset) -> list[Panel]:
    """Stopping time and changes of weights and kernel against T.

    If P varies, also their collapse, and T_c against P.
    """
    lines, found = in_temperature(result), lazy(result)
    helds, panels = [line.held for line in lines], []
    for name, (title, axis) in _QUANTITIES.items():
        if name in lines[0].measured:
            curves = [_curve(_label(line.held, helds), line, name) for line in lines]
            panels.append(Panel(title, _TEMPERATURE, axis, curves, "log", "log"))
            panels += [panel for one in found for panel in _beside(name, one, found)]
    return panels


def _beside(name: str, one: LazyExponents, found: Sequence[LazyExponents]) -> list[Panel]:
    """The collapse of a quantity, or T_c beside the kernel change."""
    where = _label(one.held, [other.held for other in found])
    if name == "kernel_change":
        return _crossover_panel(f"Crossover {where}".strip(), one)
    letter, power, axis = {
        "t_star": ("b", one.b.y_exponent, "t* / (T P^b)"),
        "weight_change": ("gamma", one.gamma.y_exponent, "|w - w0| / |w0| / P^gamma"),
    }[name]
    if power.value is None:
        return []
    return [
        _collapse_panel(
            f"{letter} = {_number(power)} {where}".strip(), axis, name, power.value, one
        )
    ]


def _collapse_panel(title: str, axis: str, name: str, power: float, one: LazyExponents) -> Panel:
    curves = []
    for line in one.lines:
        unit = float(line.held["points"]) ** power * (line.x if name == "t_star" else 1.0)
        value, error = line.averages(name)
        curves.append(Series(f"P={line.held['points']}", line.x, value / unit, error / unit))
    return Panel(title, _TEMPERATURE, axis, curves, "log", "log")


def _crossover_panel(title: str, one: LazyExponents) -> list[Panel]:
    """T_c against P, with the fitted power and the one that follows from the weights."""
    places = zip((line.held["points"] for line in one.lines), one.crossings, strict=True)
    series = _of_estimates(f"kernel change {one.threshold:g}", list(places))
    if not series or one.a is None or one.a.value is None:
        return []
    x, y = np.log(series[0].x), np.log(series[0].y)
    powers: list[tuple[str, float, Kind]] = [(f"fit, a = {_number(one.a)}", one.a.value, "guide")]
    if one.gamma.y_exponent.value is not None and one.delta.value is not None:
        ratio = one.gamma.y_exponent.value / one.delta.value
        powers.append((f"gamma / delta = {ratio:.2f}", ratio, "theory"))
    for label, power, kind in powers:
        series.append(
            Series(label, np.exp(x), np.exp(y.mean() - power * (x - x.mean())), kind=kind)
        )
    return [Panel(title, "P", "T_c", series, "log", "log")]


# --- series ---------------------------------------------------------------------------------------


def _label(held: dict[str, Any], among: Sequence[dict[str, Any]], *, without: str = "") -> str:
    """What tells a line from others, but for one axis."""
    return at({name: held[name] for name in varied(list(among)) if name != without})


def _curve(label: str, line: GridLine, name: str) -> Series:
    """Means with errors where at least half of the replicas are fitted, gaps elsewhere."""
    return Series(label, line.x, *line.averages(name))


def _of_estimates(label: str, places: Sequence[tuple[float, Estimate]]) -> list[Series]:
    """One series of those that are valid, if any."""
    known = [(x, found.value, found.standard_error) for x, found in places if found.valid]
    return [Series(label, *np.array(known, dtype=float).T)] if known else []


def _number(found: Estimate) -> str:
    return format_with_error(found.value, found.standard_error)
