"""What a grid of networks says: its boundaries and exponents, as tables and as a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from langevin_sgd.estimate import Estimate, format_with_error
from langevin_sgd.experiments.network_averages import NetworkAverages
from langevin_sgd.experiments.network_boundaries import (
    best_temperature,
    boundary_exponent,
    crossing,
    feature_exponent,
    largest_temperature,
)
from langevin_sgd.experiments.network_lazy_exponents import LazyExponents, fit_lazy_exponents
from langevin_sgd.experiments.network_lines import GridLine, families, lines_along
from langevin_sgd.experiments.symbols import at, cell, in_documents, symbol, varied
from langevin_sgd.models.networks import FullyConnected
from langevin_sgd.plotting.table import Table

if TYPE_CHECKING:
    import xarray as xr


FEATURE = 1.0
"""alpha below which T_max and T_opt are fitted with a power of alpha."""
POWERS: tuple[Literal["T_max", "T_opt"], ...] = ("T_max", "T_opt")
NOTHING: dict[str, list[Any]] = {"boundaries": [], "feature_exponents": [], "lazy_exponents": []}
"""Entries of the document where nothing was computed."""


def boundaries(line: GridLine) -> dict[str, Estimate]:
    """T_max, T_opt and, where the kernel change was measured, T_c of a line in temperature."""
    estimates = {"T_max": largest_temperature(line), "T_opt": best_temperature(line)}
    return estimates | ({"T_c": crossing(line)} if "kernel_change" in line.measured else {})


def feature_power(boundary: Literal["T_max", "T_opt"], family: Sequence[GridLine]) -> Estimate:
    """Power of alpha with which a boundary moves over the lines of alpha below `FEATURE`."""
    return boundary_exponent(
        boundary, [line for line in family if line.held["alpha"] < FEATURE], "alpha"
    )


def predicted_power(line: GridLine) -> float | None:
    """The same by theory, ``None`` where the network is not homogeneous in its weights."""
    if line.held["network"] != "fully_connected":
        return None
    shape = {name: line.held[name] for name in ("depth", "width", "activation")}
    degree = FullyConnected(dimension=1, **shape).degree
    return None if degree is None else feature_exponent(degree)


def in_temperature(result: xr.Dataset) -> list[GridLine]:
    """Lines of at least two temperatures."""
    return [line for line in lines_along(result, "temperature_per_width") if len(line.x) > 1]


def margins(lines: Sequence[GridLine]) -> list[list[GridLine]]:
    """Families of lines that differ in alpha, where there are several."""
    return [family for family in families(lines, "alpha") if len(family) > 1]


def lazy(result: xr.Dataset) -> list[LazyExponents]:
    """Exponents in T and P, where there is one alpha and several P."""
    return (
        fit_lazy_exponents(result)
        if len(set(result["alpha"].values)) == 1 and in_temperature(result)
        else []
    )


def document(result: xr.Dataset) -> dict[str, Any]:
    """Entries ``boundaries``, ``feature_exponents``, ``lazy_exponents``, in JSON types."""
    lines = in_temperature(result)
    return {
        "boundaries": [
            in_documents(line.held)
            | {name: found.to_dict() for name, found in boundaries(line).items()}
            for line in lines
        ],
        "feature_exponents": [
            in_documents(_without(family[0].held, "alpha"))
            | {"predicted": predicted_power(family[0])}
            | {name: feature_power(name, family).to_dict() for name in POWERS}
            for family in margins(lines)
        ],
        "lazy_exponents": [
            one.to_dict() | {"held": in_documents(one.held)} for one in lazy(result)
        ],
    }


def tables(result: xr.Dataset) -> list[Table]:
    """The boundaries of every line, and the exponents; what is nowhere known is left out."""
    lines = in_temperature(result)
    every = _boundary_table(lines), _feature_table(lines), _lazy_table(lazy(result))
    return [table for table in every if table.rows]


def number(found: Estimate) -> str:
    """Value and error, or a dash."""
    return format_with_error(found.value, found.standard_error) if found.valid else "-"


def _boundary_table(lines: Sequence[GridLine]) -> Table:
    estimates = [boundaries(line) for line in lines]
    names = [
        name
        for name in (estimates[0] if estimates else {})
        if any(of_line[name].valid for of_line in estimates)
    ]
    if not names:
        return Table([], [])
    axes = varied([line.held for line in lines])
    rows = [
        [*(cell(line.held[axis]) for axis in axes), *(number(of_line[name]) for name in names)]
        for line, of_line in zip(lines, estimates, strict=True)
    ]
    return Table([*map(symbol, axes), *names], rows, range(len(axes) + len(names)))


def _feature_table(lines: Sequence[GridLine]) -> Table:
    powers = [
        (family[0], name, feature_power(name, family))
        for family in margins(lines)
        for name in POWERS
    ]
    axes = (
        [name for name in varied([line.held for line in lines]) if name != "alpha"] if lines else []
    )
    rows = [
        [
            *(cell(line.held[axis]) for axis in axes),
            f"{name} ~ alpha^k, alpha < {FEATURE:g}",
            number(power),
            _theory(line),
        ]
        for line, name, power in powers
        if power.valid
    ]
    right = [*range(len(axes)), len(axes) + 1, len(axes) + 2]
    return Table([*map(symbol, axes), "law", "exponent", "theory"], rows, right)


def _theory(line: GridLine) -> str:
    power = predicted_power(line)
    return "-" if power is None else f"{power:.4g}"


def _lazy_table(found: Sequence[LazyExponents]) -> Table:
    axes = varied([one.held for one in found]) if found else []
    rows = [
        [*(cell(one.held[axis]) for axis in axes), *row]
        for one in found
        for row in _lazy_rows(one)
        if row[1] != "-"
    ]
    right = [*range(len(axes)), len(axes) + 1]
    return Table([*map(symbol, axes), "law", "exponent", "theory"], rows, right)


def _lazy_rows(one: LazyExponents) -> list[list[str]]:
    theory = one.predicted
    ratio = _evaluated("gamma / delta", theory["a"])
    crossover = (
        []
        if one.a is None
        else [[f"T_c ~ P^-a, kernel change {one.threshold:g}", number(one.a), ratio]]
    )
    return [
        ["t* ~ T P^b", number(one.b.y_exponent), _evaluated("1 + 2 gamma", theory["b"])],
        ["weight change ~ P^gamma", number(one.gamma.y_exponent), "-"],
        ["weight change ~ T^delta", number(one.delta), f"{theory['delta'].value:g}"],
        *crossover,
    ]


def _evaluated(formula: str, found: Estimate) -> str:
    """Return a formula with its value, where there is one."""
    return formula if found.value is None or not found.valid else f"{formula} = {found.value:.2f}"


def _without(at: dict[str, Any], axis: str) -> dict[str, Any]:
    return {name: value for name, value in at.items() if name != axis}


# --- points ---------------------------------------------------------------------------------------

_QUANTITIES = ("test_error", "t_star", "weight_change", "kernel_change")


def point_documents(points: Sequence[NetworkAverages]) -> list[dict[str, Any]]:
    """Means of every point of a grid in strict JSON types."""
    entries = []
    for point in points:
        entry = in_documents(point.at) | point.ended
        entries.append(entry | {name: _mean(point, name).to_dict() for name in _measured(points)})
    return entries


def _measured(points: Sequence[NetworkAverages]) -> list[str]:
    return [
        *(name for name in _QUANTITIES if getattr(points[0], name) is not None),
        *points[0].observed,
    ]


def _mean(point: NetworkAverages, name: str) -> Estimate:
    mean: Estimate = point.observed[name] if name in point.observed else getattr(point, name)
    return mean


def shared_by_points(points: Sequence[NetworkAverages]) -> str:
    """Return in one line what all points of a grid have in common."""
    axes = varied([point.at for point in points])
    return at({name: value for name, value in points[0].at.items() if name not in axes})


def point_table(points: Sequence[NetworkAverages]) -> Table:
    """Means of every point of a grid, and how its replicas ended."""
    axes = varied([point.at for point in points])
    measured = _measured(points)
    ends = [
        name
        for name in points[0].ended
        if name == "fitted" or any(point.ended[name] for point in points)
    ]
    header = [*map(symbol, axes), *(_words(name) for name in (*ends, *measured))]
    rows = []
    for point in points:
        means = [_mean(point, name) for name in measured]
        counts = [str(point.ended[name]) for name in ends]
        numbers = [
            format_with_error(mean.value, mean.standard_error) if mean.valid else "-"
            for mean in means
        ]
        rows.append([*(cell(point.at[name]) for name in axes), *counts, *numbers])
    return Table(header, rows, range(len(header)))


def _words(name: str) -> str:
    return "t*" if name == "t_star" else name.replace("_", " ")
