"""Lines through a grid of networks: points that differ along one axis only, replica by replica.

Only runs that fit their points count; the others have neither a stopping time nor the test error of
a trained network, and where they are to count, they count as the worst.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd.checks import (
    as_array,
    as_choice,
    as_flags,
    as_instance,
    as_text,
    as_tuple,
    require,
)
from langevin_sgd.estimate import Estimate
from langevin_sgd.experiments.axes import as_result
from langevin_sgd.measure import geometric_mean

if TYPE_CHECKING:
    import xarray as xr

QUANTITIES = ("test_error", "t_star", "weight_change", "kernel_change")


@dataclass(frozen=True, kw_only=True, eq=False)
class GridLine:
    """Points of a grid of networks that differ along one axis only.

    Parameters
    ----------
    axis
        Its name: a column of the grid.
    held
        Values of the other axes.
    x
        (point,), values along the axis, increasing.
    fitted
        (point, replica), whether a run fits its points.
    measured
        (point, replica) of each quantity by name; NaN where a run is not fitted.

    Raises
    ------
    InputError
        If a field is of another kind, or shapes differ.
    """

    axis: str
    held: dict[str, Any]
    x: np.ndarray
    fitted: np.ndarray
    measured: dict[str, np.ndarray]

    def __post_init__(self) -> None:
        fitted = as_flags("fitted", self.fitted, shape=(None, None))
        held, measured = (
            as_instance("held", self.held, dict),
            as_instance("measured", self.measured, dict),
        )
        fields = {
            "axis": as_text("axis", self.axis),
            "held": dict(held),
            "x": as_array("x", self.x, shape=fitted.shape[:1]),
            "fitted": fitted,
            "measured": {
                name: as_array(f"measured: {name}", values, shape=fitted.shape, finite=False)
                for name, values in measured.items()
            },
        }
        for name, converted in fields.items():
            object.__setattr__(self, name, converted)

    @property
    def mostly_fitted(self) -> np.ndarray:
        """(point,) whether at least half of the replicas are fitted."""
        half: np.ndarray = self.fitted.mean(axis=1) >= 0.5
        return half

    def averages(self, quantity: str) -> tuple[np.ndarray, np.ndarray]:
        """Return means over fitted replicas and their errors, (point,) each; NaN where less than
        half are fitted.

        Parameters
        ----------
        quantity
            ``test_error``, averaged as it is, or ``t_star``, ``weight_change``, ``kernel_change``,
            in the logarithm.

        Raises
        ------
        InputError
            If it was not measured.
        """
        quantity = as_choice("quantity", quantity, self.measured)
        average = Estimate.from_samples if quantity == "test_error" else geometric_mean
        found = [
            average(values[fitted]) if enough else Estimate.refused("unfinished")
            for values, fitted, enough in zip(
                self.measured[quantity], self.fitted, self.mostly_fitted, strict=True
            )
        ]
        value, error = (
            np.array([[one.value, one.standard_error] for one in found], dtype=float)
            .reshape(-1, 2)
            .T
        )
        return value, error

    def failures_as_worst(self, quantity: str) -> np.ndarray:
        """Return a quantity (point, replica), where a run is not fitted the largest on the line.

        Parameters
        ----------
        quantity
            One that is the worse the larger, such as ``test_error``.

        Raises
        ------
        InputError
            If it was not measured.
        """
        values = self.measured[as_choice("quantity", quantity, self.measured)]
        known = self.fitted & np.isfinite(values)
        worst = values[known].max() if known.any() else np.nan
        return np.where(known, values, worst)

    def where(self, chosen: np.ndarray) -> GridLine:
        """Return the line with chosen points only, (point,) of bool."""
        chosen = as_flags("chosen", chosen, shape=self.x.shape)
        measured = {name: values[chosen] for name, values in self.measured.items()}
        return replace(self, x=self.x[chosen], fitted=self.fitted[chosen], measured=measured)


def as_lines(name: str, values: Any) -> tuple[GridLine, ...]:
    """Return a sequence of lines, perhaps an empty one."""
    return as_tuple(
        name, values, lambda place, line: as_instance(place, line, GridLine), empty=True
    )


def lines_along(result: xr.Dataset, axis: str) -> list[GridLine]:
    """Part a grid into lines along one axis.

    Parameters
    ----------
    result
        Of `langevin_sgd.experiments.Grid.collect`.
    axis
        ``temperature_per_width``, ``alpha``, ``points`` or another axis of numbers.

    Returns
    -------
    list of GridLine
        In the order of the grid.

    Raises
    ------
    InputError
        If it is no such result, or there is no such axis of numbers.
    """
    result = as_result("result", result, ("status",))
    values = {str(name): column.values for name, column in result.coords.items()}
    axis = as_choice("axis", axis, values)
    require(values[axis].dtype.kind in "iuf", "axis", axis, "must be an axis of numbers")
    lines: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for point in range(result.sizes["point"]):
        lines[
            tuple(column[point].item() for name, column in values.items() if name != axis)
        ].append(point)
    names = [name for name in values if name != axis]
    return [
        _line(result, axis, dict(zip(names, held, strict=True)), np.array(points))
        for held, points in lines.items()
    ]


def _line(result: xr.Dataset, axis: str, held: dict[str, Any], points: np.ndarray) -> GridLine:
    ordered = result.isel(point=points[np.argsort(result[axis].values[points], kind="stable")])
    fitted = ordered["status"].values == 0
    measured = {
        name: np.where(fitted, ordered[name].values, np.nan)
        for name in QUANTITIES
        if name in ordered
    }
    return GridLine(
        axis=axis, held=held, x=ordered[axis].values.astype(float), fitted=fitted, measured=measured
    )


def families(lines: Sequence[GridLine], axis: str) -> list[list[GridLine]]:
    """Gather lines that differ in one axis only, such as the margins or the sizes of a phase
    diagram.

    Parameters
    ----------
    lines
        From `lines_along`.
    axis
        In which the lines of a family differ, and by which they are ordered.

    Raises
    ------
    InputError
        If a line has no such axis.
    """
    lines = as_lines("lines", lines)
    for line in lines:
        as_choice("axis", axis, line.held)
    alike: dict[tuple[Any, ...], list[GridLine]] = defaultdict(list)
    for line in lines:
        alike[tuple(value for name, value in line.held.items() if name != axis)].append(line)
    return [sorted(family, key=lambda line: line.held[axis]) for family in alike.values()]
