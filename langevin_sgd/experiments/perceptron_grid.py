r"""Perceptrons trained to zero loss over a grid of sizes, data laws, temperatures, batch sizes and
margins.

Every point of the grid is trained with `replicas` training sets of its own, at lr = temperature *
batch_size. Replica r has the random numbers of replica r of ``langevin-sgd perceptron run`` with
the same seed, at every point: points are correlated with one another, replicas are not, so that
errors come from the scatter of replicas.

Tasks hold a few replicas each (`GROUP`), whatever the grid, so that a sweep spreads over workers,
continues after an interruption, and uses again what a smaller one has stored.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from langevin_sgd import dataset
from langevin_sgd.checks import (
    InputError,
    as_choice,
    as_count,
    as_instance,
    as_positive,
    as_real,
    as_seed,
    convert_fields,
    require,
)
from langevin_sgd.data import DepletedSign
from langevin_sgd.experiments.axes import LARGEST_SET, as_axis, require_size
from langevin_sgd.models.perceptron import Perceptron
from langevin_sgd.sgd_settings import SGD, Sampling
from langevin_sgd.simulation.stop import Stop
from langevin_sgd.sweep import Store, Task, task
from langevin_sgd.theory.perceptron import test_error
from langevin_sgd.training import PerceptronEngine, run
from langevin_sgd.training.engines import Method

if TYPE_CHECKING:
    import xarray as xr

GROUP = 8
"""Replicas of one task."""

AXES = {
    "points": "1",
    "dimension": "1",
    "chi": "1",
    "temperature": "w",
    "batch_size": "1",
    "margin": "w",
}
"""What a point of the grid is made of, with units."""
_KEPT = {
    "t_star": "lr * step",
    "norm": "w",
    "signal": "w",
    "noise": "w",
    "updates": "1",
    "steps": "step",
    "status": "1",
}


def _as_steps(name: str, value: Any) -> int | None:
    return None if value is None else as_count(name, value)


_Fields = Mapping[str, Callable[[str, Any], Any]]
_POINT_FIELDS: _Fields = {
    "points": as_count,
    "dimension": lambda name, value: as_count(name, value, maximum=LARGEST_SET),
    "chi": as_real,
    "temperature": as_positive,
    "batch_size": as_count,
    "margin": as_positive,
}
_SHARED_FIELDS: _Fields = {
    "seed": as_seed,
    "sampling": lambda name, value: as_choice(name, value, get_args(Sampling)),
    "method": lambda name, value: as_choice(name, value, get_args(Method)),
    "max_steps": _as_steps,
}
_FIELDS: _Fields = {
    **_POINT_FIELDS,
    "first_replica": lambda name, value: as_count(name, value, 0),
    "replicas": as_count,
    **_SHARED_FIELDS,
}
_AXIS_FIELDS: _Fields = {
    **{name: as_axis(convert) for name, convert in _POINT_FIELDS.items()},
    "points": as_axis(as_count, empty=True),
    "points_per_dimension": as_axis(as_positive, empty=True),
}
_GRID_FIELDS: _Fields = {
    **_AXIS_FIELDS,
    **_SHARED_FIELDS,
    "replicas": lambda name, value: as_count(name, value, 2),
}


@dataclass(frozen=True, kw_only=True)
class PerceptronRuns:
    """Replicas of one point, trained together: the settings of one task.

    Parameters
    ----------
    points, dimension, chi
        Training sets (`langevin_sgd.data.DepletedSign`).
    temperature, batch_size, sampling
        SGD, at lr = temperature * batch_size.
    margin
        Margin of the hinge loss, > 0.
    seed, first_replica, replicas, method, max_steps
        See `langevin_sgd.training.run`.

    Raises
    ------
    InputError
        If a field lies outside its range.
    """

    points: int
    dimension: int
    chi: float
    temperature: float
    batch_size: int
    margin: float
    sampling: Sampling
    seed: int
    first_replica: int
    replicas: int
    method: Method
    max_steps: int | None

    def __post_init__(self) -> None:
        convert_fields(self, _FIELDS)
        largest = (
            f"must be at most {LARGEST_SET // self.dimension}, {LARGEST_SET} numbers of a "
            "training set"
        )
        require(self.points * self.dimension <= LARGEST_SET, "points", self.points, largest)
        rate = self.temperature * self.batch_size
        require(
            math.isfinite(rate), "temperature", self.temperature, f"gives a learning rate of {rate}"
        )
        most = f"must be at most the number of points, here {self.points}"
        fits = (
            self.settings.batch_size <= self.problem.points or self.sampling == "with_replacement"
        )
        require(fits, "batch_size", self.batch_size, most)

    @property
    def problem(self) -> Perceptron:
        """The perceptron."""
        law = DepletedSign(points=self.points, dimension=self.dimension, chi=self.chi)
        return Perceptron(data=law, margin=self.margin)

    @property
    def settings(self) -> SGD:
        """The settings of SGD."""
        return SGD(
            lr=self.temperature * self.batch_size,
            batch_size=self.batch_size,
            sampling=self.sampling,
        )


@task()
def train_group(runs: PerceptronRuns) -> xr.Dataset:
    """Train the replicas of one task; weights are not kept."""
    runs = as_instance("runs", runs, PerceptronRuns)
    return run(
        runs.problem,
        runs.settings,
        replicas=runs.replicas,
        stop=Stop(max_steps=runs.max_steps),
        seed=runs.seed,
        first_replica=runs.first_replica,
        engine=PerceptronEngine(method=runs.method),
    ).drop_vars("final_weights")


@dataclass(frozen=True, kw_only=True)
class PerceptronGrid:
    """A grid of perceptrons: every combination of the values given.

    Parameters
    ----------
    points, points_per_dimension
        Either numbers of points P, or ratios P/d, which make P = ratio * d, rounded, at every
        dimension.
    dimension, chi, temperature, batch_size, margin
        Values of d, of the depletion exponent (default 0), of T = lr/B, of B (default 1) and of the
        margin. A sequence, an array, or one value.
    replicas
        Training sets at every point, at least 2: errors come from their scatter.
    seed
        0 ... 2**128 - 1; default 0.
    sampling, method, max_steps
        See `langevin_sgd.training.run`; batches without replacement by default, no
        limit on the steps.

    Raises
    ------
    InputError
        If a value is out of range, an axis is empty, a batch is larger than a training set, or
        there are more than `langevin_sgd.experiments.axes.MOST_POINTS` points or `MOST_RUNS` runs.

    Examples
    --------
    >>> grid = PerceptronGrid(points_per_dimension=(8, 16), dimension=(4, 8), temperature=(1.0,),
    ...     margin=(0.01,))
    >>> [point["points"] for point in grid.combinations()]
    [32, 64, 64, 128]
    """

    points: tuple[int, ...] = ()
    points_per_dimension: tuple[float, ...] = ()
    dimension: tuple[int, ...]
    chi: tuple[float, ...] = (0.0,)
    temperature: tuple[float, ...]
    batch_size: tuple[int, ...] = (1,)
    margin: tuple[float, ...]
    replicas: int = 16
    seed: int = 0
    sampling: Sampling = "without_replacement"
    method: Method = "auto"
    max_steps: int | None = None

    def __post_init__(self) -> None:
        convert_fields(self, _GRID_FIELDS)
        if bool(self.points) == bool(self.points_per_dimension):
            raise InputError("points, points_per_dimension: give one of them")
        axes = {name: getattr(self, name) for name in _AXIS_FIELDS}
        require_size({name: values for name, values in axes.items() if values}, self.replicas)
        for point in self.combinations():
            next(self._groups(point))

    def combinations(self) -> list[dict[str, Any]]:
        """Points of the grid, by the names of `AXES`, each once."""
        found = []
        sizes = self.points or self.points_per_dimension
        others = (self.chi, self.temperature, self.batch_size, self.margin)
        for dimension, size, *rest in itertools.product(self.dimension, sizes, *others):
            points = size if self.points else round(size * dimension)
            found.append(dict(zip(AXES, (points, dimension, *rest), strict=True)))
        return list({tuple(point.values()): point for point in found}.values())

    def tasks(self) -> list[Task]:
        """Tasks for `langevin_sgd.sweep.run`, the most expensive first: the largest training
        sets.
        """
        ordered = sorted(
            self.combinations(), key=lambda point: -point["points"] * point["dimension"]
        )
        return [group for point in ordered for group in self._groups(point)]

    def collect(self, store: Store | None = None) -> xr.Dataset:
        """Put together what a store holds, or compute it here and now.

        Parameters
        ----------
        store
            In which all `tasks` are done; without one they are computed in this process, on all its
            threads.

        Returns
        -------
        xarray.Dataset
            Over (point, replica): ``t_star``, ``norm``, ``signal``, ``noise``, ``updates``,
            ``steps`` and ``status`` as of `langevin_sgd.training.run`, and
            ``test_error``, in closed form. Over point: the `AXES`.

        Raises
        ------
        InputError
            If the store lacks a result.
        """
        load = Task.compute if store is None else as_instance("store", store, Store).load
        grid = self.combinations()
        trained = [[load(group) for group in self._groups(point)] for point in grid]
        kept: dict[str, dataset.Variable] = {
            name: (
                ("point", "replica"),
                np.array([_joined(name, groups) for groups in trained]),
                unit,
            )
            for name, unit in _KEPT.items()
        }
        axes: dict[str, dataset.Variable] = {
            name: (("point",), np.array([point[name] for point in grid]), unit)
            for name, unit in AXES.items()
        }
        errors = [
            test_error(signal, noise, chi=chi)
            for signal, noise, chi in zip(
                kept["signal"][1], kept["noise"][1], axes["chi"][1].tolist(), strict=True
            )
        ]
        kept["test_error"] = (("point", "replica"), np.array(errors), "1")
        made = dataset.make(
            kept | axes, kind="perceptron_sweep", settings=asdict(self), seed=self.seed
        )
        made["status"].attrs.update(trained[0][0]["status"].attrs)
        return made.set_coords(list(AXES))

    def _groups(self, point: dict[str, Any]) -> Iterator[Task]:
        shared = {name: getattr(self, name) for name in ("seed", "sampling", "method", "max_steps")}
        for first in range(0, self.replicas, GROUP):
            replicas = min(GROUP, self.replicas - first)
            yield train_group.at(
                PerceptronRuns(**point, **shared, first_replica=first, replicas=replicas)
            )


def _joined(name: str, groups: list[xr.Dataset]) -> np.ndarray:
    return np.concatenate([group[name].values for group in groups])
