"""What to keep of a run: schedules of steps and recorders of observables.

A simulator hands over blocks of snapshots; a recorder reduces them to arrays over the recorded
steps, so that memory does not grow with the length of the run. A recorder is blind to who made the
snapshots. One of your own is a function of a `Snapshots` block that returns variables with leading
dimension ``step``:

    def kinetic_energy(block):
        return {"kinetic_energy": (("step", "replica"), (block.velocity**2).sum(-1) / 2, "1")}

A recorder with a memory, whose results do not grow with the schedule, is an `Accumulator`. Its sums
are averages over time: it sees every step of a run without a schedule of its own, and else weighs
each recorded step by the time that it stands for, so that a log-spaced schedule does not make the
beginning of a run weigh more than its end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from langevin_sgd.checks import (
    as_array,
    as_choice,
    as_count,
    as_function,
    as_integers,
    as_real,
    as_text,
    convert_fields,
    require,
)
from langevin_sgd.dataset import Variable

LONGEST_SCHEDULE = 10**8
"""Steps that a schedule may have: 0.8 GB of them."""


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
    weight
        (step,), the time in steps that each state stands for: from halfway to the recorded step
        before it to halfway to the one after it, at both ends of a schedule half of its shortest
        gap outwards (so that equal gaps are equal times). One each by default.
    """

    steps: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    start: np.ndarray
    weight: np.ndarray | None = None

    @property
    def weights(self) -> np.ndarray:
        """The time that each state stands for, (step,)."""
        return np.ones(len(self.steps)) if self.weight is None else self.weight


Recorder = Callable[[Snapshots], dict[str, Variable]]
"""A function of a block of snapshots; every variable it returns has leading dimension ``step``."""


# --- schedules ------------------------------------------------------------------------------------


def every(interval: int, *, steps: int, first: int = 0) -> np.ndarray:
    """Steps first, first + interval, ... up to and including `steps` where it falls on one.

    Examples
    --------
    >>> every(25, steps=100).tolist()
    [0, 25, 50, 75, 100]
    """
    interval = as_count("interval", interval)
    first = as_count("first", first, minimum=0)
    steps = as_count("steps", steps, minimum=first)
    _require_short("interval", interval, (steps - first) // interval)
    return np.arange(first, steps + 1, interval)


def log_spaced(*, steps: int, per_decade: int = 10, first: int = 1) -> np.ndarray:
    """Step 0 and about `per_decade` steps per factor of ten from `first` to `steps`.

    Examples
    --------
    >>> log_spaced(steps=100, per_decade=3).tolist()
    [0, 1, 2, 5, 10, 22, 46, 100]
    """
    per_decade = as_count("per_decade", per_decade)
    first = as_count("first", first)
    steps = as_count("steps", steps, minimum=first)
    count = per_decade * np.log10(steps / first)
    _require_short("per_decade", per_decade, count)
    points = np.rint(np.geomspace(first, steps, max(round(count) + 1, 2))[:-1]).astype(np.int64)
    return np.unique(np.concatenate([[0], points, [steps]]))


def _require_short(name: str, value: int, count: float) -> None:
    allowed = f"must give a schedule of fewer than {LONGEST_SCHEDULE:.0e} steps, not {count:.3g}"
    require(count < LONGEST_SCHEDULE, name, value, allowed)


def as_schedule(schedule: Sequence[int] | np.ndarray | None, steps: int) -> np.ndarray:
    """Check a schedule: increasing whole steps from 0 to `steps`; `log_spaced` by default.

    Raises
    ------
    InputError
        If a step lies outside, or the order is not increasing.
    """
    steps = as_count("steps", steps, minimum=0)
    if schedule is None:
        return log_spaced(steps=steps)
    given = as_integers("schedule", schedule)
    usable = given.ndim == 1 and given.size > 0 and given[0] >= 0 and given[-1] <= steps
    rising = usable and bool(np.all(np.diff(given) > 0))
    require(
        rising, "schedule", schedule, f"must be increasing whole numbers from 0 to steps = {steps}"
    )
    return given


# --- recorders ------------------------------------------------------------------------------------


def displacement() -> Recorder:
    """Record ``squared_displacement`` |theta_k - theta_0|^2 per replica, (step, replica)."""
    return _observe_displacement


def _observe_displacement(block: Snapshots) -> dict[str, Variable]:
    moved = block.position - block.start
    return {
        "squared_displacement": (
            ("step", "replica"),
            np.einsum("krp,krp->kr", moved, moved),
            "theta^2",
        )
    }


def speed() -> Recorder:
    """Record ``squared_velocity`` |v_k|^2 per replica, (step, replica); times lr^2 it is the local
    displacement.
    """
    return _observe_speed


def _observe_speed(block: Snapshots) -> dict[str, Variable]:
    squared = np.einsum("krp,krp->kr", block.velocity, block.velocity)
    return {"squared_velocity": (("step", "replica"), squared, "v^2")}


def states() -> Recorder:
    """Record whole ``position`` and ``velocity``, (step, replica, parameter): only for few
    parameters or steps.
    """
    return _observe_states


def _observe_states(block: Snapshots) -> dict[str, Variable]:
    dims = ("step", "replica", "parameter")
    return {
        "position": (dims, block.position.copy(), "theta"),
        "velocity": (dims, block.velocity.copy(), "v"),
    }


def eigenprojections(eigenvectors: np.ndarray, *, centre: np.ndarray | None = None) -> Recorder:
    """Record ``mode_position`` and ``mode_velocity``, (step, replica, eigenmode).

    Parameters
    ----------
    eigenvectors
        (parameter, eigenmode), for instance ``problem.eigenvectors[:, :3]``.
    centre
        (parameter,), subtracted from positions; zero by default.
    """
    vectors = as_array(
        "eigenvectors",
        eigenvectors,
        ndim=2,
        allowed="must be finite, of shape (parameter, eigenmode)",
    )
    parameters, modes = vectors.shape
    shift = (
        np.zeros(modes)
        if centre is None
        else as_array("centre", centre, shape=(parameters,)) @ vectors
    )
    return partial(_observe_modes, vectors, shift)


def _observe_modes(vectors: np.ndarray, shift: np.ndarray, block: Snapshots) -> dict[str, Variable]:
    fits = block.position.shape[2] == len(vectors)
    require(
        fits,
        "eigenvectors",
        vectors,
        f"must have one row for each of {block.position.shape[2]} parameters",
    )
    dims = ("step", "replica", "eigenmode")
    return {
        "mode_position": (dims, block.position @ vectors - shift, "theta"),
        "mode_velocity": (dims, block.velocity @ vectors, "v"),
    }


def loss(function: Callable[[np.ndarray], np.ndarray]) -> Recorder:
    """Record ``loss`` = function(positions) per replica, (step, replica), for instance with
    ``problem.loss``.
    """
    as_function("function", function)
    return partial(_observe_loss, function)


def _observe_loss(
    function: Callable[[np.ndarray], np.ndarray], block: Snapshots
) -> dict[str, Variable]:
    return {"loss": (("step", "replica"), function(block.position), "loss")}


def observables(**functions: Callable[[np.ndarray], np.ndarray]) -> Recorder:
    """Record functions of the positions under their names, (step, replica) each.

    Parameters
    ----------
    functions
        Name -> function of positions (..., parameter) that returns (...), for instance
        ``unfit_fraction=equation.potential.unfit_fraction``.
    """
    for name, function in functions.items():
        as_function(name, function)
    return partial(_observe_functions, functions)


def _observe_functions(
    functions: dict[str, Callable[[np.ndarray], np.ndarray]], block: Snapshots
) -> dict[str, Variable]:
    given = functions.items()
    return {
        name: (("step", "replica"), function(block.position), "function of theta")
        for name, function in given
    }


def moments() -> Recorder:
    """Record moments over the replicas that have not diverged, at every recorded step.

    ``mean_position`` and ``mean_velocity`` (step, parameter), ``covariance`` (step, coordinate,
    coordinate_2) of (theta, v) with the unbiased divisor, and ``replicas_left`` (step,). Velocities
    of an overdamped equation are NaN.
    """
    return _observe_moments


def _observe_moments(block: Snapshots) -> dict[str, Variable]:
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


def histograms(edges: np.ndarray, *, coordinate: int = 0) -> Recorder:
    """Record ``histogram`` (step, bin), the replicas in each bin at every recorded step.

    Parameters
    ----------
    edges
        (edge,), increasing; what lies outside, and what has diverged, is in no bin.
    coordinate
        Number of a coordinate of (theta_1 ... theta_P, v_1 ... v_P).
    """
    cuts, coordinate = _as_edges("edges", edges), as_count("coordinate", coordinate, minimum=0)
    return partial(_observe_histograms, cuts, coordinate)


def _observe_histograms(cuts: np.ndarray, coordinate: int, block: Snapshots) -> dict[str, Variable]:
    rows = _coordinate(block, coordinate)
    counts = np.array([np.histogram(row[np.isfinite(row)], cuts)[0] for row in rows])
    return {"histogram": (("step", "bin"), counts.reshape(len(rows), len(cuts) - 1), "1")}


def _as_edges(name: str, edges: np.ndarray) -> np.ndarray:
    cuts = as_array(name, edges)
    usable = cuts.ndim == 1 and cuts.size > 1 and bool(np.all(np.diff(cuts) > 0))
    require(usable, name, edges, "must be at least two increasing numbers")
    return cuts


def _as_first(name: str, value: int) -> int:
    return as_count(name, value, minimum=0)


def _coordinate(block: Snapshots, coordinate: int) -> np.ndarray:
    parameters = block.position.shape[2]
    require(
        0 <= coordinate < 2 * parameters,
        "coordinate",
        coordinate,
        f"must be from 0 to {2 * parameters - 1}",
    )
    part = block.position if coordinate < parameters else block.velocity
    return part[:, :, coordinate % parameters]


# --- accumulators: recorders whose memory does not grow with the schedule -------------------------


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
    """Made by `time_averages`."""

    first: int

    def __post_init__(self) -> None:
        convert_fields(self, {"first": _as_first})

    def begin(self, start: np.ndarray) -> dict[str, np.ndarray]:
        """Zero sums."""
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
        """Divide by the time."""
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
    """Made by `histogram`."""

    edges: np.ndarray
    coordinate: int
    first: int

    def __post_init__(self) -> None:
        convert_fields(self, {"edges": _as_edges, "coordinate": _as_first, "first": _as_first})

    def begin(self, start: np.ndarray) -> dict[str, np.ndarray]:
        """Zero counts."""
        bins = len(self.edges) - 1
        return {"counts": np.zeros(bins, np.int64), "inside": np.zeros(bins), "time": np.zeros(1)}

    def add(self, totals: dict[str, np.ndarray], block: Snapshots) -> None:
        """Count the replicas in each bin, and the time they stand for."""
        late = block.steps >= self.first
        rows = _coordinate(block, self.coordinate)[late]
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
        """Return counts, and the density: time in each bin over all time seen, by width of the
        bin.
        """
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
    """Made by `current`."""

    edges: tuple[np.ndarray, np.ndarray]
    coordinates: tuple[int, int]
    first: int

    def __post_init__(self) -> None:
        convert_fields(
            self,
            {"edges": _pair_of(_as_edges), "coordinates": _pair_of(_as_first), "first": _as_first},
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
        """Give half of each displacement to the cell where it began, and half to that where it
        ended.
        """
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


# --- first passages -------------------------------------------------------------------------------


@dataclass(frozen=True)
class FirstPassage:
    """Made by `first_passage`; the simulator itself looks at every step."""

    level: float
    axis: int
    direction: str
    name: str

    def __post_init__(self) -> None:
        convert_fields(
            self,
            {
                "level": as_real,
                "axis": _as_first,
                "direction": lambda name, value: as_choice(name, value, ("up", "down")),
                "name": as_text,
            },
        )

    @property
    def sign(self) -> float:
        """Sign of the direction in which the level is passed."""
        return 1.0 if self.direction == "up" else -1.0


def first_passage(
    level: float, *, axis: int = 0, direction: str = "up", name: str = "first_passage"
) -> FirstPassage:
    """Record the first step at which theta_axis is at or beyond a level: `name` (replica,),
    infinite if it never was.

    Infinity stands for a replica that has not passed *yet*, NaN for one that diverged before. So a
    median is right where more than half have passed, and a mean is infinite unless all have: one
    over the others alone would be too short. A rate, which counts the time that these have waited,
    is `langevin_sgd.measure.escape_rate`.

    Seen at the end of every step, whatever the schedule; only `langevin_sgd.sde.simulate` can, not
    SGD on data. A path that crosses and comes back between two steps is missed, which makes times
    longer by O(sqrt(step)).

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
    return FirstPassage(level, axis, direction, name)
