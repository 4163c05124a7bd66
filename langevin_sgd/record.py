"""What to keep of a run: schedules of steps and recorders of observables.

A simulator hands over blocks of snapshots; a recorder reduces them to arrays over the recorded steps, so that memory
does not grow with the length of the run. A recorder is blind to who made the snapshots. One of your own is a function
of a `Snapshots` block that returns variables with leading dimension ``step``:

    def kinetic_energy(block):
        return {"kinetic_energy": (("step", "replica"), (block.velocity**2).sum(-1) / 2, "1")}

A recorder with a memory, whose results do not grow with the schedule, is an `Accumulator`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from langevin_sgd.checks import InputError, as_choice, as_count, require
from langevin_sgd.dataset import Variable


@dataclass(frozen=True)
class Snapshots:
    """States at some recorded steps.

    Parameters
    ----------
    steps
        (step,), numbers of updates made.
    position, velocity
        (step, replica, parameter); the velocity is the one that produced the position beside it.
    start
        (replica, parameter), positions at step 0 of the run.
    """

    steps: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    start: np.ndarray


Recorder = Callable[[Snapshots], dict[str, Variable]]
"""A function of a block of snapshots; every variable it returns has leading dimension ``step``."""


# --- schedules -----------------------------------------------------------------------------------------------------


def every(interval: int, *, steps: int, first: int = 0) -> np.ndarray:
    """Steps first, first + interval, ... up to and including `steps` where it falls on one.

    Examples
    --------
    >>> every(25, steps=100).tolist()
    [0, 25, 50, 75, 100]
    """
    interval = as_count("interval", interval)
    return np.arange(first, steps + 1, interval)


def log_spaced(*, steps: int, per_decade: int = 10, first: int = 1) -> np.ndarray:
    """Step 0 and about `per_decade` steps per factor of ten from `first` to `steps`.

    Examples
    --------
    >>> log_spaced(steps=100, per_decade=3).tolist()
    [0, 1, 2, 5, 10, 22, 46, 100]
    """
    per_decade = as_count("per_decade", per_decade)
    steps = as_count("steps", steps, minimum=first)
    count = round(per_decade * np.log10(steps / first)) + 1
    points = np.rint(np.geomspace(first, steps, max(count, 2)))
    return np.unique(np.concatenate([[0], points])).astype(np.int64)


def as_schedule(schedule: Sequence[int] | np.ndarray | None, steps: int) -> np.ndarray:
    """Check a schedule: increasing whole steps from 0 to `steps`; `log_spaced` by default.

    Raises
    ------
    InputError
        If a step lies outside, or the order is not increasing.
    """
    if schedule is None:
        return log_spaced(steps=steps)
    given = np.asarray(schedule)
    usable = given.ndim == 1 and given.size > 0 and np.issubdtype(given.dtype, np.integer)
    if not (usable and given[0] >= 0 and given[-1] <= steps and np.all(np.diff(given) > 0)):
        raise InputError(f"schedule = {_abridged(given)}: must be increasing whole numbers from 0 to steps = {steps}")
    return given.astype(np.int64)


def _abridged(values: np.ndarray) -> str:
    return np.array2string(values, threshold=6, edgeitems=2)


# --- recorders -----------------------------------------------------------------------------------------------------


def displacement() -> Recorder:
    """Record ``squared_displacement`` |theta_k - theta_0|^2 per replica, (step, replica)."""

    def observe(block: Snapshots) -> dict[str, Variable]:
        moved = block.position - block.start
        return {"squared_displacement": (("step", "replica"), np.einsum("krp,krp->kr", moved, moved), "theta^2")}

    return observe


def speed() -> Recorder:
    """Record ``squared_velocity`` |v_k|^2 per replica, (step, replica); times lr^2 it is the local displacement."""

    def observe(block: Snapshots) -> dict[str, Variable]:
        squared = np.einsum("krp,krp->kr", block.velocity, block.velocity)
        return {"squared_velocity": (("step", "replica"), squared, "v^2")}

    return observe


def states() -> Recorder:
    """Record whole ``position`` and ``velocity``, (step, replica, parameter): only for few parameters or steps."""

    def observe(block: Snapshots) -> dict[str, Variable]:
        dims = ("step", "replica", "parameter")
        return {"position": (dims, block.position.copy(), "theta"), "velocity": (dims, block.velocity.copy(), "v")}

    return observe


def eigenprojections(eigenvectors: np.ndarray, *, centre: np.ndarray | None = None) -> Recorder:
    """Record ``mode_position`` and ``mode_velocity``, (step, replica, eigenmode).

    Parameters
    ----------
    eigenvectors
        (parameter, eigenmode), for instance ``problem.eigenvectors[:, :3]``.
    centre
        (parameter,), subtracted from positions; zero by default.
    """
    vectors = np.asarray(eigenvectors, dtype=float)
    require(vectors.ndim == 2, "eigenvectors", vectors.shape, "must have shape (parameter, eigenmode)")
    shift = np.zeros(vectors.shape[1]) if centre is None else np.asarray(centre, dtype=float) @ vectors

    def observe(block: Snapshots) -> dict[str, Variable]:
        dims = ("step", "replica", "eigenmode")
        return {
            "mode_position": (dims, block.position @ vectors - shift, "theta"),
            "mode_velocity": (dims, block.velocity @ vectors, "v"),
        }

    return observe


def loss(function: Callable[[np.ndarray], np.ndarray]) -> Recorder:
    """Record ``loss`` = function(positions) per replica, (step, replica), for instance with ``problem.loss``."""

    def observe(block: Snapshots) -> dict[str, Variable]:
        return {"loss": (("step", "replica"), function(block.position), "loss")}

    return observe


def observables(**functions: Callable[[np.ndarray], np.ndarray]) -> Recorder:
    """Record functions of the positions under their names, (step, replica) each.

    Parameters
    ----------
    functions
        Name -> function of positions (..., parameter) that returns (...), for instance
        ``unfit_fraction=equation.potential.unfit_fraction``.
    """

    def observe(block: Snapshots) -> dict[str, Variable]:
        given = functions.items()
        return {name: (("step", "replica"), function(block.position), "function of theta") for name, function in given}

    return observe


def moments() -> Recorder:
    """Record moments over the replicas that have not diverged, at every recorded step.

    ``mean_position`` and ``mean_velocity`` (step, parameter), ``covariance`` (step, coordinate, coordinate_2) of
    (theta, v) with the unbiased divisor, and ``replicas_left`` (step,). Velocities of an overdamped equation are NaN.
    """

    def observe(block: Snapshots) -> dict[str, Variable]:
        parameters = block.position.shape[2]
        mean = np.full((len(block.steps), 2 * parameters), np.nan)
        covariance = np.full((len(block.steps), 2 * parameters, 2 * parameters), np.nan)
        left = np.zeros(len(block.steps), np.int64)
        for k, (position, velocity) in enumerate(zip(block.position, block.velocity, strict=True)):
            whole = np.isfinite(position).all(axis=1)
            state, left[k] = np.hstack([position[whole], velocity[whole]]), whole.sum()
            if left[k] > 1:
                mean[k], covariance[k] = state.mean(axis=0), np.cov(state.T)
        both = ("step", "coordinate", "coordinate_2")
        return {
            "mean_position": (("step", "parameter"), mean[:, :parameters], "theta"),
            "mean_velocity": (("step", "parameter"), mean[:, parameters:], "v"),
            "covariance": (both, covariance, "products of theta and v"),
            "replicas_left": (("step",), left, "1"),
        }

    return observe


def histograms(edges: np.ndarray, *, coordinate: int = 0) -> Recorder:
    """Record ``histogram`` (step, bin), the replicas in each bin at every recorded step.

    Parameters
    ----------
    edges
        (edge,), increasing; what lies outside, and what has diverged, is in no bin.
    coordinate
        Number of a coordinate of (theta_1 ... theta_P, v_1 ... v_P).
    """
    cuts = _as_edges(edges)

    def observe(block: Snapshots) -> dict[str, Variable]:
        rows = _coordinate(block, coordinate)
        counts = np.array([np.histogram(row[np.isfinite(row)], cuts)[0] for row in rows])
        return {"histogram": (("step", "bin"), counts.reshape(len(rows), len(cuts) - 1), "1")}

    return observe


def _as_edges(edges: np.ndarray) -> np.ndarray:
    cuts = np.asarray(edges, dtype=float)
    usable = cuts.ndim == 1 and cuts.size > 1 and bool(np.all(np.diff(cuts) > 0))
    require(usable, "edges", edges, "must be at least two increasing numbers")
    return cuts


def _coordinate(block: Snapshots, coordinate: int) -> np.ndarray:
    parameters = block.position.shape[2]
    require(0 <= coordinate < 2 * parameters, "coordinate", coordinate, f"must be from 0 to {2 * parameters - 1}")
    part = block.position if coordinate < parameters else block.velocity
    return part[:, :, coordinate % parameters]


# --- accumulators: recorders whose memory does not grow with the schedule ------------------------------------------


class Accumulator(Protocol):
    """A recorder that sums over the recorded steps instead of keeping each.

    Its totals are arrays that it changes in place, step by step in the order of time, so that the sums do not depend on
    how a run is cut into chunks; checkpoints keep them.
    """

    def begin(self, start: np.ndarray) -> dict[str, np.ndarray]:
        """Return fresh totals for positions (replica, parameter) at step 0."""

    def add(self, totals: dict[str, np.ndarray], block: Snapshots) -> None:
        """Add a block of snapshots to the totals."""

    def result(self, totals: dict[str, np.ndarray]) -> dict[str, Variable]:
        """Return variables, without dimension ``step``."""


@dataclass(frozen=True)
class TimeAverages:
    """Made by `time_averages`."""

    first: int

    def begin(self, start: np.ndarray) -> dict[str, np.ndarray]:
        """Zero sums."""
        shape = (len(start), 2 * start.shape[1])
        return {"sum": np.zeros(shape), "squares": np.zeros((*shape, shape[1])), "count": np.zeros(1, np.int64)}

    def add(self, totals: dict[str, np.ndarray], block: Snapshots) -> None:
        """Add the coordinates and their products."""
        for step, position, velocity in zip(block.steps, block.position, block.velocity, strict=True):
            if step >= self.first:
                state = np.hstack([position, velocity])
                totals["sum"] += state
                totals["squares"] += state[:, :, None] * state[:, None, :]
                totals["count"] += 1

    def result(self, totals: dict[str, np.ndarray]) -> dict[str, Variable]:
        """Divide by the number of steps."""
        count = max(int(totals["count"][0]), 1)
        dims = ("replica", "coordinate", "coordinate_2")
        return {
            "time_mean": (dims[:2], totals["sum"] / count, "theta, v"),
            "time_second_moment": (dims, totals["squares"] / count, "products of theta and v"),
        }


def time_averages(*, first: int = 0) -> Accumulator:
    """Average over the recorded steps from `first` on, of each replica on its own.

    ``time_mean`` (replica, coordinate) and ``time_second_moment`` (replica, coordinate, coordinate_2) of (theta, v),
    not centred; the replicas are independent, so that errors follow from their spread. NaN where a replica diverged.
    """
    first = as_count("first", first, minimum=0)
    return TimeAverages(first)


@dataclass(frozen=True)
class Histogram:
    """Made by `histogram`."""

    edges: np.ndarray
    coordinate: int
    first: int

    def begin(self, start: np.ndarray) -> dict[str, np.ndarray]:
        """Zero counts."""
        return {"counts": np.zeros(len(self.edges) - 1, np.int64), "seen": np.zeros(1, np.int64)}

    def add(self, totals: dict[str, np.ndarray], block: Snapshots) -> None:
        """Count the replicas in each bin."""
        late = _coordinate(block, self.coordinate)[block.steps >= self.first]
        values = late[np.isfinite(late)]
        totals["counts"] += np.histogram(values, self.edges)[0]
        totals["seen"] += values.size

    def result(self, totals: dict[str, np.ndarray]) -> dict[str, Variable]:
        """Return counts, and the density: counts over all points seen, by width of the bin."""
        density = totals["counts"] / np.diff(self.edges) / max(int(totals["seen"][0]), 1)
        return {
            "bin_count": (("bin",), totals["counts"], "1"),
            "bin_density": (("bin",), density, "1/theta"),
            "bin_edge": (("edge",), self.edges, "theta"),
        }


def histogram(edges: np.ndarray, *, coordinate: int = 0, first: int = 0) -> Accumulator:
    """Count in bins over replicas and recorded steps from `first` on: ``bin_count``, ``bin_density``, ``bin_edge``.

    Parameters
    ----------
    edges
        (edge,), increasing; points outside count in the density's norm.
    coordinate
        Number of a coordinate of (theta_1 ... theta_P, v_1 ... v_P).
    first
        First step to count.
    """
    first = as_count("first", first, minimum=0)
    return Histogram(_as_edges(edges), coordinate, first)


@dataclass(frozen=True)
class Current:
    """Made by `current`."""

    edges: tuple[np.ndarray, np.ndarray]
    coordinates: tuple[int, int]
    first: int

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
        """Give half of each displacement to the cell where it began, and half to that where it ended."""
        points = np.stack([_coordinate(block, number) for number in self.coordinates], axis=-1)
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
        current = totals["flow"] / area / max(float(totals["time"][0]), 1.0)
        return {"current": (("direction", "bin_x", "bin_y"), current, "probability per length and step")}


def current(
    edges: tuple[np.ndarray, np.ndarray], *, coordinates: tuple[int, int] = (0, 1), first: int = 0
) -> Accumulator:
    r"""Probability current in a plane of phase space: ``current`` (direction, bin_x, bin_y), per step.

    The displacement between recorded steps, half given to the cell it left and half to the cell it reached (the
    Stratonovich rule, under which the current of an equilibrium vanishes): J(z) = <delta(z(t) - z) o dz/dt>. Record
    every step, and choose cells wider than one displacement.

    Parameters
    ----------
    edges
        Edges of the cells along both coordinates, increasing.
    coordinates
        Numbers of two coordinates of (theta_1 ... theta_P, v_1 ... v_P).
    first
        First step to count.
    """
    first = as_count("first", first, minimum=0)
    return Current((_as_edges(edges[0]), _as_edges(edges[1])), coordinates, first)


# --- first passages ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FirstPassage:
    """Made by `first_passage`; the simulator itself looks at every step."""

    level: float
    axis: int
    sign: float
    name: str


def first_passage(level: float, *, axis: int = 0, direction: str = "up", name: str = "first_passage") -> FirstPassage:
    """Record the first step at which theta_axis is at or beyond a level: `name` (replica,), -1 if it never was.

    Seen at the end of every step, whatever the schedule; only `langevin_sgd.sde.simulate` can, not SGD on data. A path
    that crosses and comes back between two steps is missed, which makes times longer by O(sqrt(step)).

    Parameters
    ----------
    level
        The level.
    axis
        Number of the coordinate.
    direction
        ``up``: at or above the level; ``down``: at or below.
    name
        Of the variable, where there are several.
    """
    direction = as_choice("direction", direction, ("up", "down"))
    axis = as_count("axis", axis, minimum=0)
    require(bool(np.isfinite(level)), "level", level, "must be finite")
    return FirstPassage(float(level), axis, 1.0 if direction == "up" else -1.0, name)
