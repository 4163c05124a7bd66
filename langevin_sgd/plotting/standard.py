"""Panels that most figures are made of: logarithmic axes, and runs beside their theory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from langevin_sgd.checks import as_objects, as_tuple
from langevin_sgd.plotting.panel import Map, Panel, Series


def log_log(
    title: str,
    x_label: str,
    y_label: str,
    series: Sequence[Series],
    *,
    note: str = "",
    map: Map | None = None,
) -> Panel:
    """Return a panel with two logarithmic axes, on which power laws are straight.

    Parameters
    ----------
    title, x_label, y_label, series, note, map
        As in `Panel`.

    Examples
    --------
    >>> log_log("Diffusion", "lag", "displacement", [Series("SGD", [1, 10], [0.5, 5.0])]).y_scale
    'log'
    """
    return Panel(title, x_label, y_label, series, "log", "log", note, map)


def log_x(
    title: str, x_label: str, y_label: str, series: Sequence[Series], *, note: str = ""
) -> Panel:
    """Return a panel whose x-axis alone is logarithmic.

    Parameters
    ----------
    title, x_label, y_label, series, note
        As in `Panel`.
    """
    return Panel(title, x_label, y_label, series, x_scale="log", note=note)


def log_y(
    title: str, x_label: str, y_label: str, series: Sequence[Series], *, note: str = ""
) -> Panel:
    """Return a panel whose y-axis alone is logarithmic.

    Parameters
    ----------
    title, x_label, y_label, series, note
        As in `Panel`.
    """
    return Panel(title, x_label, y_label, series, y_scale="log", note=note)


def theory_and_runs(cases: Sequence[Sequence[Series]]) -> tuple[Series, ...]:
    """Return the series of several cases one after another, each name once in the legend.

    Colours count through measurements and theories separately, so that the theory of a case has
    the colour of its run where every case has one of each.

    Parameters
    ----------
    cases
        For each case its run, its theory, perhaps a rival or a guide.

    Examples
    --------
    >>> def case(lr: float) -> list[Series]:
    ...     return [Series(f"lr {lr}", [1], [lr]), Series.theory("exact law", [1], [lr])]
    >>> [series.label for series in theory_and_runs([case(0.1), case(0.2)])]
    ['lr 0.1', 'exact law', 'lr 0.2', '']
    """
    known: set[tuple[str, str]] = set()
    labelled = []
    for case in as_tuple("cases", cases, _as_case, empty=True):
        for series in case:
            key = (series.kind, series.label)
            labelled.append(replace(series, label="") if key in known else series)
            known.add(key)
    return tuple(labelled)


def _as_case(name: str, case: Any) -> tuple[Series, ...]:
    return as_objects(name, case, Series)
