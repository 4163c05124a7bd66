"""Accumulators: recorders whose memory does not grow with the schedule.

Their sums are averages over time. An accumulator sees every step of a run without a schedule of its
own, and else weighs each recorded step by the time that it stands for, so that a log-spaced
schedule does not make the beginning of a run weigh more than its end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from langevin_sgd.checks import convert_fields, require
from langevin_sgd.dataset import Variable
from langevin_sgd.record.snapshots import Snapshots, as_edges, as_index, coordinate_of


class Accumulator(Protocol):
    """A recorder that sums over time instead of keeping each step.

    A run without a schedule shows it every step; of a schedule it sees the recorded steps, each
    with the time that it stands for (``block.weights``). Its totals are arrays that it changes in
    place, step by step in the order of time, so that the sums do not depend on how a run is cut
    into chunks; checkpoints keep them.
    """

    def begin(self, start: np.ndarray) -> dict[str, np.ndarray]:
        """Return fresh totals for positions (replica, parameter) at step 0."""

    def add(self, totals: dict[str, np.ndarray], block: Snapshots) -> None:
        """Add a block of snapshots to the totals."""

    def result(self, totals: dict[str, np.ndarray]) -> dict[str, Variable]:
        """Return variables, without dimension ``step``."""


@dataclass(frozen=True)
class TimeAverages:
    """Averages over time; made by `time_averages`."""

    first: int

    def __post_init__(self) -> None:
        convert_fields(self, {"first": as_index})

    def begin(self, start: np.ndarray) -> dict[str, np.ndarray]:
        """Return sums that are zero."""
        shape = (len(start), 2 * start.shape[1])
        return {
            "sum": np.zeros(shape),
            "squares": np.zeros((*shape, shape[1])),
            "time": np.zeros(1),
        }

    def add(self, totals: dict[str, np.ndarray], block: Snapshots) -> None:
        """Add the coordinates and their products, each times the time it stands for."""
        for step, weight, position, velocity in zip(
            block.steps, block.weights, block.position, block.velocity, strict=True
        ):
            if step >= self.first:
                state = np.hstack([position, velocity])
                weighted = weight * state
                totals["sum"] += weighted
                totals["squares"] += weighted[:, :, None] * state[:, None, :]
                totals["time"] += weight

    def result(self, totals: dict[str, np.ndarray]) -> dict[str, Variable]:
        """Return the sums divided by the time."""
        time = _or_nan(totals["time"])
        dims = ("replica", "coordinate", "coordinate_2")
        return {
            "time_mean": (dims[:2], totals["sum"] / time, "theta, v"),
            "time_second_moment": (dims, totals["squares"] / time, "products of theta and v"),
        }


def time_averages(*, first: int = 0) -> Accumulator:
    """Average over the time from step `first` on, of each replica on its own.

    ``time_mean`` (replica, coordinate) and ``time_second_moment`` (replica, coordinate,
    coordinate_2) of (theta, v), not centred; the replicas are independent, so that errors follow
    from their spread. NaN where a replica diverged.

    Every step counts, unless the run has a schedule; then each recorded step counts for the time
    from halfway to the one before it to halfway to the one after it.
    """
    return TimeAverages(first)


@dataclass(frozen=True)
class Histogram:
    """Counts in bins over time; made by `histogram`."""

    edges: np.ndarray
    coordinate: int
    first: int

    def __post_init__(self) -> None:
        convert_fields(self, {"edges": as_edges, "coordinate": as_index, "first": as_index})

    def begin(self, start: np.ndarray) -> dict[str, np.ndarray]:
        """Return counts that are zero."""
        bins = len(self.edges) - 1
        return {"counts": np.zeros(bins, np.int64), "inside": np.zeros(bins), "time": np.zeros(1)}

    def add(self, totals: dict[str, np.ndarray], block: Snapshots) -> None:
        """Count the replicas in each bin, and the time they stand for."""
        late = block.steps >= self.first
        rows = coordinate_of(block, self.coordinate)[late]
        seen = np.isfinite(rows)
        values, weights = (
            rows[seen],
            np.broadcast_to(block.weights[late][:, None], rows.shape)[seen],
        )
        # Weights are multiples of one half: their sums are exact in any order.
        totals["counts"] += np.histogram(values, self.edges)[0]
        totals["inside"] += np.histogram(values, self.edges, weights=weights)[0]
        totals["time"] += weights.sum()

    def result(self, totals: dict[str, np.ndarray]) -> dict[str, Variable]:
        """Return counts, and the density: share of time in each bin divided by its width."""
        density = totals["inside"] / np.diff(self.edges) / _or_nan(totals["time"])
        return {
            "bin_count": (("bin",), totals["counts"], "1"),
            "bin_density": (("bin",), density, "1/theta"),
            "bin_edge": (("edge",), self.edges.copy(), "theta"),
        }


def histogram(edges: np.ndarray, *, coordinate: int = 0, first: int = 0) -> Accumulator:
    """Density in bins over replicas and the time from `first` on: ``bin_density``, ``bin_count``,
    ``bin_edge``.

    The density weighs every state by the time it stands for, as `time_averages` does; ``bin_count``
    is the bare number of states in each bin, whatever time they stand for.

    Parameters
    ----------
    edges
        (edge,), increasing; points outside count in the density's norm.
    coordinate
        Number of a coordinate of (theta_1 ... theta_P, v_1 ... v_P).
    first
        First step to count.
    """
    return Histogram(edges, coordinate, first)


@dataclass(frozen=True)
class Current:
    """Probability current in a plane; made by `current`."""

    edges: tuple[np.ndarray, np.ndarray]
    coordinates: tuple[int, int]
    first: int

    def __post_init__(self) -> None:
        convert_fields(
            self,
            {"edges": _pair_of(as_edges), "coordinates": _pair_of(as_index), "first": as_index},
        )

    def begin(self, start: np.ndarray) -> dict[str, np.ndarray]:
        """Zero sums, and no step before."""
        shape = [len(edges) - 1 for edges in self.edges]
        return {
            "flow": np.zeros((2, *shape)),
            "before": np.full((len(start), 2), np.nan),
            "last": np.full(1, -1, np.int64),
            "time": np.zeros(1),
        }

    def add(self, totals: dict[str, np.ndarray], block: Snapshots) -> None:
        """Give half of each displacement to its first cell and half to its last."""
        points = np.stack([coordinate_of(block, number) for number in self.coordinates], axis=-1)
        for step, now in zip(block.steps, points, strict=True):
            before, last = totals["before"].copy(), int(totals["last"][0])
            if step >= self.first and last >= self.first:
                moved = now - before
                whole = np.isfinite(moved).all(axis=1)
                for axis in (0, 1):
                    for place in (before, now):
                        totals["flow"][axis] += self._binned(place[whole], moved[whole, axis] / 2)
                totals["time"] += int(whole.sum()) * (step - last)
            totals["before"][:], totals["last"][:] = now, step

    def _binned(self, place: np.ndarray, weight: np.ndarray) -> np.ndarray:
        return np.histogram2d(place[:, 0], place[:, 1], bins=list(self.edges), weights=weight)[0]

    def result(self, totals: dict[str, np.ndarray]) -> dict[str, Variable]:
        """Return the current: flow over time and area of the cell."""
        area = np.outer(*map(np.diff, self.edges))
        current = totals["flow"] / area / _or_nan(totals["time"])
        return {
            "current": (("direction", "bin_x", "bin_y"), current, "probability per length and step")
        }


def current(
    edges: tuple[np.ndarray, np.ndarray], *, coordinates: tuple[int, int] = (0, 1), first: int = 0
) -> Accumulator:
    r"""Probability current in a plane of phase space: ``current`` (direction, bin_x, bin_y), per
    step.

    The displacement between two steps, half given to the cell it left and half to the cell it
    reached (the Stratonovich rule, under which the current of an equilibrium vanishes): J(z) =
    <delta(z(t) - z) o dz/dt>. Choose cells wider than one displacement. Every step counts, unless
    the run has a schedule: then the displacement is that between two recorded steps, and what
    happens between them is not resolved.

    Parameters
    ----------
    edges
        Edges of the cells along both coordinates, increasing.
    coordinates
        Numbers of two coordinates of (theta_1 ... theta_P, v_1 ... v_P).
    first
        First step to count.
    """
    return Current(edges, coordinates, first)


def _pair_of(convert: Callable[[str, Any], Any]) -> Callable[[str, Any], tuple[Any, Any]]:
    """Return the converter of two values."""

    def pair(name: str, values: Any) -> tuple[Any, Any]:
        two = (isinstance(values, list | tuple) or getattr(values, "ndim", 0) > 0) and len(
            values
        ) == 2
        require(two, name, values, "must be two, one for each coordinate")
        return convert(f"{name}[0]", values[0]), convert(f"{name}[1]", values[1])

    return pair


def _or_nan(time: np.ndarray) -> float:
    """Time that was seen; NaN in place of none, so that nothing seen is no number."""
    return float(time[0]) or np.nan
