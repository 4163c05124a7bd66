r"""Networks trained to zero loss over a grid of architectures, margins, temperatures, batch sizes
and training sets.

Every point of the grid is trained from `replicas` initial weights of its own, on training sets and
with minibatches of their own, at lr = temperature_per_width * batch_size * width (Sclocchi, Geiger
and Wyart, arXiv 2301.13703). Replica r has the same training points, test points and, at equal
shape, initial weights everywhere: points of the grid are paired, replicas are independent, so that
errors come from the scatter of replicas.

A task is one batch of networks (`GROUP`): runs that share everything but alpha, temperature and
replica. Groups are formed from the whole grid, whatever is stored already; another size of the
training set, architecture, batch size or momentum adds groups and changes none.

A run that does not fit its points within `max_steps` has no stopping time, and its test error is
not that of a trained network; `average_networks` leaves such runs out and counts them. It takes
most replicas fitted for the rest to stand for all.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from langevin_sgd import dataset
from langevin_sgd.checks import (
    as_choice,
    as_count,
    as_counts,
    as_fraction,
    as_instance,
    as_positive,
    as_seed,
    as_text,
    convert_fields,
    require,
)
from langevin_sgd.data import BinaryImages
from langevin_sgd.data.images import SHAPES
from langevin_sgd.estimate import Estimate
from langevin_sgd.experiments.axes import LARGEST_SET, as_axis, as_result, require_size
from langevin_sgd.measure import geometric_mean
from langevin_sgd.models.networks import (
    FAMILIES,
    Architecture,
    leaves_depth,
    of_family,
)
from langevin_sgd.models.networks.families import as_network
from langevin_sgd.models.networks.torch_there import as_device
from langevin_sgd.sgd_settings import SGD, Sampling
from langevin_sgd.simulation.status import Status
from langevin_sgd.simulation.stop import Stop
from langevin_sgd.sweep import Store, Task, task
from langevin_sgd.training.observables import KernelChange

if TYPE_CHECKING:
    import xarray as xr

Loss = Literal["hinge", "quadratic_hinge", "soft_hinge"]
"""Losses that vanish once every point is fitted, without which there is no stopping time."""
Noise = Literal["sgd", "minibatch_covariance", "isotropic"]
Observable = Literal["margins", "noise_temperature", "signal", "kernel"]
Precision = Literal["float32", "float64"]

GROUP = {"cpu": 32, "cuda": 1024}
"""Most runs of one task: as many as are trained in one batch."""

DEEPEST = 1000
"""Most hidden layers of a network in a grid."""

AXES = {
    "network": "1",
    "depth": "1",
    "width": "1",
    "activation": "1",
    "alpha": "1",
    "temperature_per_width": "w^2 / loss",
    "batch_size": "1",
    "momentum": "1",
    "points": "1",
}
"""What a point of the grid is made of, with units."""
OBSERVED = (
    "mean_margin",
    "test_mean_margin",
    "gradient_noise",
    "noise_temperature",
    "signal",
    "noise",
)
"""What is averaged of that which `NetworkGrid.observe` asks for, beside the kernel."""
_OF_A_RUN = ("alpha", "temperature_per_width")
_OF_A_GROUP = tuple(name for name in AXES if name not in _OF_A_RUN)
_NOT_MEASURED = {*AXES, "lr"}


def _choice(allowed: Any) -> Any:
    return lambda name, value: as_choice(name, value, allowed)


def _counts_from_zero(name: str, value: Any) -> int:
    return as_count(name, value, 0)


def _depth(name: str, value: Any) -> int:
    return as_count(name, value, maximum=DEEPEST)


def _as_labels(name: str, value: Any) -> str | tuple[int, ...] | None:
    return value if value is None or isinstance(value, str) else as_counts(name, value, 0)


_SHARED_FIELDS = {
    "loss": _choice(get_args(Loss)),
    "sampling": _choice(get_args(Sampling)),
    "noise": _choice(get_args(Noise)),
    "seed": as_seed,
    "max_steps": as_count,
    "probe_points": _counts_from_zero,
    "observe": as_axis(_choice(get_args(Observable)), empty=True),
    "precision": _choice(get_args(Precision)),
    "device": as_device,
}
_FIELDS = _SHARED_FIELDS | {
    "network": as_network,
    "data": lambda name, value: as_instance(name, value, BinaryImages),
    "alpha": as_axis(as_positive),
    "temperature_per_width": as_axis(as_positive),
    "numbers": as_axis(_counts_from_zero),
    "batch_size": as_count,
    "momentum": as_fraction,
}
_GRID_FIELDS = _SHARED_FIELDS | {
    "network": as_axis(_choice(FAMILIES)),
    "depth": lambda name, value: None if value is None else as_axis(_depth)(name, value),
    "width": as_axis(as_count),
    "activation": as_axis(as_text),
    "alpha": as_axis(as_positive),
    "temperature_per_width": as_axis(as_positive),
    "batch_size": as_axis(as_count),
    "momentum": as_axis(as_fraction),
    "points": as_axis(as_count),
    "data": _choice(SHAPES),
    "labels": _as_labels,
    "test_points": as_count,
    "replicas": lambda name, value: as_count(name, value, 2),
}


@dataclass(frozen=True, kw_only=True)
class NetworkRuns:
    """Networks trained together: the settings of one task.

    Parameters
    ----------
    network
        The architecture.
    data
        Training and test sets.
    alpha, temperature_per_width
        (variant,) scale of the predictor, and lr/(batch_size * width).
    numbers
        (replica,) numbers of the replicas of each variant.
    batch_size, momentum, sampling, noise, loss, seed, probe_points, observe, max_steps, precision,
    device
        See `langevin_sgd.training.run`.

    Raises
    ------
    InputError
        If a field lies outside its range.
    """

    network: Architecture
    data: BinaryImages
    alpha: tuple[float, ...]
    temperature_per_width: tuple[float, ...]
    numbers: tuple[int, ...]
    batch_size: int
    momentum: float
    sampling: Sampling
    noise: Noise
    loss: Loss
    seed: int
    probe_points: int
    observe: tuple[Observable, ...]
    max_steps: int
    precision: Precision
    device: str

    def __post_init__(self) -> None:
        convert_fields(self, _FIELDS)
        SGD(lr=1.0, batch_size=self.batch_size, momentum=self.momentum, sampling=self.sampling)
        require(
            len(self.alpha) == len(self.temperature_per_width),
            "alpha",
            self.alpha,
            "must be as many as temperature_per_width",
        )
        fits = self.batch_size <= self.data.points or self.sampling == "with_replacement"
        set_size, weights = self.data.points * self.data.dimension, self.network.parameters
        largest = (
            f"must be at most {LARGEST_SET // self.data.dimension}, {LARGEST_SET} numbers "
            "of "
            "a training set"
        )
        require(set_size <= LARGEST_SET, "points", self.data.points, largest)
        allowed = f"makes {weights} weights, more than {LARGEST_SET}"
        require(weights <= LARGEST_SET, "width", self.network.width, allowed)
        most = f"must be at most the number of points, here {self.data.points}"
        require(fits, "batch_size", self.batch_size, most)
        independent = self.noise == "sgd" or self.sampling != "epochs"
        require(
            independent, "noise", self.noise, "needs independent batches, not sampling = 'epochs'"
        )
        require(
            self.probe_points > 0 or "kernel" not in self.observe,
            "observe",
            "kernel",
            "needs probe points",
        )
        most = f"must be at most the number of test points, here {self.data.test_points}"
        require(self.probe_points <= self.data.test_points, "probe_points", self.probe_points, most)


@task()
def train_together(runs: NetworkRuns) -> xr.Dataset:
    """Train the networks of one task; weights are not kept."""
    runs = as_instance("runs", runs, NetworkRuns)
    from langevin_sgd.models.network_problem import NetworkProblem
    from langevin_sgd.training import NetworkEngine, run

    recorded: list[Any] = [name for name in runs.observe if name != "kernel"]
    if runs.probe_points:
        recorded.append(KernelChange(points=runs.probe_points))
    return run(
        NetworkProblem(runs.network, runs.data, loss=runs.loss),
        SGD(lr=1.0, batch_size=runs.batch_size, momentum=runs.momentum, sampling=runs.sampling),
        replicas=runs.numbers,
        stop=Stop(max_steps=runs.max_steps),
        seed=runs.seed,
        vary={"alpha": runs.alpha, "temperature_per_width": runs.temperature_per_width},
        record=recorded,
        engine=NetworkEngine(noise=runs.noise, precision=runs.precision, device=runs.device),
    )


@dataclass(frozen=True, kw_only=True)
class NetworkGrid:
    """A grid of networks: every combination of the values given.

    Parameters
    ----------
    network
        Families of networks, `langevin_sgd.models.networks.FAMILIES`; ``fully_connected`` by
        default.
    depth
        Values of the hidden layers D of fully connected networks, by default 2; the others have a
        depth of their own.
    width, activation
        Values of the width h, and of ``relu`` (default), ``gelu``, ``linear``.
    alpha
        Values of the scale of the predictor, 1/margin.
    temperature_per_width
        Values of lr/(batch_size * width). Of this and every other axis: a sequence, an array, or
        one value.
    batch_size, momentum
        Values of B, by default 16, and of the momentum, by default 0.
    points
        Sizes P of the training set.
    data, labels, test_points
        See `langevin_sgd.data.BinaryImages`; 512 test points of the parity of digits by default.
    replicas
        Runs at every point, at least 2: errors come from their scatter; default 8.
    seed
        0 ... 2**128 - 1; default 0.
    loss, sampling, noise, max_steps, probe_points, observe, precision, device
        See `langevin_sgd.training.run`; 20000 steps at most by default.

    Raises
    ------
    InputError
        If a value is out of range, an axis is empty, a batch is larger than a training set, a depth
        is given and no network that has a choice, or there are more than
        `langevin_sgd.experiments.axes.MOST_POINTS` points or `MOST_RUNS` runs.

    Examples
    --------
    >>> grid = NetworkGrid(
    ...     depth=(2,), width=(32,), alpha=(1.0, 256.0), temperature_per_width=(0.01,
    ...         0.02), points=(64, 128)
    ... )
    >>> len(grid.combinations()), [len(group.alpha) for group in grid.groups()]
    (8, [4, 4])
    """

    network: tuple[str, ...] = ("fully_connected",)
    depth: tuple[int, ...] | None = None
    width: tuple[int, ...]
    activation: tuple[Literal["relu", "gelu", "linear"], ...] = ("relu",)
    alpha: tuple[float, ...]
    temperature_per_width: tuple[float, ...]
    batch_size: tuple[int, ...] = (16,)
    momentum: tuple[float, ...] = (0.0,)
    points: tuple[int, ...]
    data: str = "digits"
    labels: str | tuple[int, ...] | None = None
    test_points: int = 512
    replicas: int = 8
    seed: int = 0
    loss: Loss = "hinge"
    sampling: Sampling = "without_replacement"
    noise: Noise = "sgd"
    max_steps: int = 20_000
    probe_points: int = 0
    observe: tuple[Observable, ...] = ()
    precision: Precision = "float32"
    device: str = "cpu"

    def __post_init__(self) -> None:
        convert_fields(self, _GRID_FIELDS)
        require_size(self._axes(), self.replicas)
        a_choice = self.depth is None or any(leaves_depth(name) for name in self.network)
        require(a_choice, "depth", self.depth, f"is fixed for {', '.join(self.network)}")
        grid = self.combinations()
        for places in self._alike(grid).values():
            self._runs(grid, np.array(places[:1]))

    def combinations(self) -> list[dict[str, Any]]:
        """Points of the grid, by the names of `AXES`, each once."""
        points = (
            dict(zip(AXES, point, strict=True))
            for point in itertools.product(*self._axes().values())
        )
        # A network with a depth of its own is the same whatever depth others have.
        true = (point | {"depth": self._network(point).depth} for point in points)
        return list({tuple(point.values()): point for point in true}.values())

    def training_data(self, points: int) -> BinaryImages:
        """Training and test sets of `points` training points."""
        return BinaryImages(
            points=points, test_points=self.test_points, name=self.data, labels=self.labels
        )

    def groups(self) -> list[NetworkRuns]:
        """Settings of all tasks, the most expensive first: the most weights times points."""
        return [runs for runs, _ in self._groups()]

    def tasks(self) -> list[Task]:
        """Tasks for `langevin_sgd.sweep.run`, the most expensive first."""
        return [train_together.at(runs) for runs in self.groups()]

    def collect(self, store: Store | None = None) -> xr.Dataset:
        """Put together what a store holds, or compute it here and now.

        Parameters
        ----------
        store
            In which all `tasks` are done; without one they are computed in this process, one after
            the other.

        Returns
        -------
        xarray.Dataset
            Over (point, replica): ``status``, ``steps``, ``last_update_step``, ``t_star``,
            ``loss``, ``train_error``, ``test_error``, ``test_loss``, ``unfit_fraction``,
            ``weight_change`` and, with probe points, ``kernel_change``, and what is observed, as of
            `langevin_sgd.training.run`. Over point: the `AXES`, and ``unfinished``, the
            number of replicas that did not fit their points.

        Raises
        ------
        InputError
            If the store lacks a result.
        """
        load = Task.compute if store is None else as_instance("store", store, Store).load
        grid = self.combinations()
        found: dict[str, dataset.Variable] = {}
        for runs, places in self._groups():
            group = load(train_together.at(runs))
            for name, values in group.items():
                if values.dims == ("variant", "replica") and name not in _NOT_MEASURED:
                    empty = np.empty((len(grid), self.replicas), values.dtype)
                    at_name = found.setdefault(
                        str(name), (("point", "replica"), empty, values.attrs["units"])
                    )
                    at_name[1].flat[places] = values.values.ravel()
        found["unfinished"] = (("point",), (found["status"][1] != 0).sum(axis=1), "1")
        for name, unit in AXES.items():
            found[name] = (("point",), np.array([point[name] for point in grid]), unit)
        made = dataset.make(found, kind="network_sweep", settings=asdict(self), seed=self.seed)
        made["status"].attrs.update(group["status"].attrs)
        return made.set_coords(list(AXES))

    def _axes(self) -> dict[str, tuple[Any, ...]]:
        """Values along each of the `AXES`."""
        values = {name: getattr(self, name) for name in AXES}
        return values | {"depth": (2,) if self.depth is None else self.depth}

    def _network(self, point: dict[str, Any]) -> Architecture:
        shape = {name: point[name] for name in ("width", "activation", "depth")}
        return of_family(point["network"], image=self.training_data(point["points"]).image, **shape)

    def _groups(self) -> list[tuple[NetworkRuns, np.ndarray]]:
        """Settings of every task, and the places of its runs among all (point, replica)."""
        grid = self.combinations()
        alike = self._alike(grid)
        most = GROUP[self.device.split(":")[0]]
        parts = [part for runs in alike.values() for part in self._parts(np.array(runs), most)]
        groups = [(self._runs(grid, part), part) for part in parts]
        return sorted(groups, key=lambda group: -group[0].data.points * group[0].network.parameters)

    def _parts(self, runs: np.ndarray, most: int) -> Iterator[np.ndarray]:
        """Cut runs into tasks of whole points, or points that are too large into replicas."""
        points = runs.reshape(-1, self.replicas)
        if self.replicas <= most:
            for part in np.array_split(points, math.ceil(len(points) / (most // self.replicas))):
                yield part.ravel()
        else:
            for point in points:
                yield from np.array_split(point, math.ceil(self.replicas / most))

    def _alike(self, grid: list[dict[str, Any]]) -> dict[tuple[Any, ...], list[int]]:
        """Places among all (point, replica) of runs that may be trained together."""
        alike: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for number, point in enumerate(grid):
            runs = range(number * self.replicas, (number + 1) * self.replicas)
            alike[tuple(point[name] for name in _OF_A_GROUP)] += runs
        return alike

    def _runs(self, grid: list[dict[str, Any]], places: np.ndarray) -> NetworkRuns:
        points, numbers = (np.unique(found) for found in np.divmod(places, self.replicas))
        first = grid[points[0]]
        shared = (
            "loss",
            "sampling",
            "noise",
            "seed",
            "probe_points",
            "observe",
            "max_steps",
            "precision",
            "device",
        )
        return NetworkRuns(
            network=self._network(first),
            data=self.training_data(first["points"]),
            alpha=tuple(float(grid[point]["alpha"]) for point in points),
            temperature_per_width=tuple(
                float(grid[point]["temperature_per_width"]) for point in points
            ),
            numbers=tuple(numbers.tolist()),
            batch_size=first["batch_size"],
            momentum=first["momentum"],
            **{name: getattr(self, name) for name in shared},
        )


@dataclass(frozen=True, kw_only=True)
class NetworkAverages:
    """Means over the fitted replicas of one point of a grid, and how many there are.

    Parameters
    ----------
    at
        Values of the `AXES`.
    ended
        Replicas by how they ended: ``fitted``, ``step_limit`` and so on.
    test_error
        Arithmetic mean; not valid, like the others, with fewer than two fitted replicas.
    t_star, weight_change
        Geometric means.
    kernel_change
        Geometric mean; ``None`` without probe points.
    observed
        Arithmetic means of what else was observed, by name.
    """

    at: dict[str, Any]
    ended: dict[str, int]
    test_error: Estimate
    t_star: Estimate
    weight_change: Estimate
    kernel_change: Estimate | None
    observed: dict[str, Estimate]

    @property
    def mostly_fitted(self) -> bool:
        """Whether at least half of the replicas are fitted."""
        return 2 * self.ended["fitted"] >= sum(self.ended.values())


def average_networks(result: xr.Dataset) -> list[NetworkAverages]:
    """Average the fitted replicas of every point.

    Parameters
    ----------
    result
        Of `NetworkGrid.collect`.

    Returns
    -------
    list of NetworkAverages
        In the order of the points. Points share training sets and initial weights, so their errors
        are correlated.
    """
    result = as_result("result", result, ("status", "test_error", "t_star", "weight_change", *AXES))
    return [_averages(result.isel(point=point)) for point in range(result.sizes["point"])]


def _averages(point: xr.Dataset) -> NetworkAverages:
    status = point["status"].values
    fitted = status == Status.FINISHED
    names = {code: "fitted" if code == Status.FINISHED else code.name.lower() for code in Status}
    return NetworkAverages(
        at={name: point[name].item() for name in AXES},
        ended={name: int((status == code).sum()) for code, name in names.items()},
        test_error=Estimate.from_samples(
            point["test_error"].values[fitted], method="mean over fitted replicas"
        ),
        t_star=geometric_mean(point["t_star"].values[fitted]),
        weight_change=geometric_mean(point["weight_change"].values[fitted]),
        kernel_change=geometric_mean(point["kernel_change"].values[fitted])
        if "kernel_change" in point
        else None,
        observed={
            name: Estimate.from_samples(
                point[name].values[fitted], method="mean over fitted replicas"
            )
            for name in OBSERVED
            if name in point
        },
    )
