r"""A grid of trainings: every combination of values of some fields of problem, settings and stop.

Every point of the grid is trained in `replicas` independent repetitions. Replica r has the random
numbers of replica r of a single run with the same seed, at every point: points of the grid are
paired, replicas are independent, so that errors come from the scatter of replicas.

What is computed and stored is the cell, one point and eight replicas
(`langevin_sgd.experiments.cell`); a grid of more values, seeds or replicas computes what is new.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd import dataset
from langevin_sgd.checks import as_count, as_instance, as_positive, as_seed, convert_fields, require
from langevin_sgd.experiments.axes import LARGEST_SET, as_axis, require_size
from langevin_sgd.experiments.cell import Cell, train_cell
from langevin_sgd.experiments.columns import UNITS, columns_of, law_of, measured_of
from langevin_sgd.models.loss_names import VANISHES
from langevin_sgd.models.network_problem import NetworkProblem
from langevin_sgd.models.perceptron import Perceptron
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.simulation.stop import Stop
from langevin_sgd.sweep import Store, Task
from langevin_sgd.sweep.cells import blocks_of, joined
from langevin_sgd.training.dispatch import as_engine, as_record, as_stopped_problem
from langevin_sgd.training.network_engine import NetworkEngine, require_trainable
from langevin_sgd.training.perceptron_engine import PerceptronEngine
from langevin_sgd.training.variants import Variant, replaced

if TYPE_CHECKING:
    import xarray as xr

_UNTIL_FITTED = Stop()

DEEPEST = 1000
"""Most hidden layers of a network in a grid."""
RATIO = "points_per_dimension"
"""Axis of perceptrons that stands for P = ratio * d, rounded."""


def _as_axes(name: str, axes: Any) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """Return the names and values of all axes."""
    require(isinstance(axes, Mapping), name, axes, "must map names of fields to values")
    plain = as_axis(lambda _, value: value.item() if isinstance(value, np.generic) else value)
    return tuple((str(axis), plain(str(axis), values)) for axis, values in axes.items())


@dataclass(frozen=True, eq=False)
class Grid:
    """Every combination of the values given.

    Parameters
    ----------
    problem, settings
        `langevin_sgd.Perceptron` or `langevin_sgd.NetworkProblem`, whose points have a law, and
        `langevin_sgd.SGD`: what all points have in common.
    stop
        When training ends, see `langevin_sgd.training.run`.
    axes
        Names of fields of problem, settings or stop, as those of ``vary`` in
        `langevin_sgd.training.run` (``alpha``, ``batch_size``, ``problem.data.points``,
        ``temperature``, ``temperature_per_width``, ...), or ``points_per_dimension``, and the
        values along each: a sequence, an array, or one value.
    replicas
        Independent repetitions at every point, at least 2: errors come from their scatter;
        default 8, one cell.
    seed
        0 ... 2**128 - 1; default 0.
    record, engine
        See `langevin_sgd.training.run`.

    Raises
    ------
    InputError
        If a value is out of range, an axis is empty or unknown, a batch is larger than a training
        set, or there are more than `langevin_sgd.experiments.axes.MOST_POINTS` points or
        `MOST_RUNS` runs.

    Examples
    --------
    >>> import langevin_sgd as ls
    >>> problem = ls.Perceptron(data=ls.data.DepletedSign(points=32, dimension=4), margin=0.01)
    >>> grid = Grid(
    ...     problem,
    ...     ls.SGD(lr=1.0, batch_size=1, sampling="without_replacement"),
    ...     axes={"points": (32, 64), "temperature": (0.5, 1.0)},
    ... )
    >>> [point["temperature"] for point in grid.columns()], len(grid.tasks())
    ([0.5, 1.0, 0.5, 1.0], 4)
    """

    problem: Perceptron | NetworkProblem
    settings: SGD
    _: KW_ONLY
    stop: Stop = _UNTIL_FITTED
    axes: Mapping[str, Sequence[Any]]
    replicas: int = 8
    seed: int = 0
    record: Sequence[Any] = ()
    engine: NetworkEngine | PerceptronEngine | None = None

    def __post_init__(self) -> None:
        convert_fields(
            self,
            {
                "problem": as_stopped_problem,
                "settings": lambda name, value: as_instance(name, value, SGD),
                "stop": lambda name, value: as_instance(name, value, Stop),
                "axes": _as_axes,
                "replicas": lambda name, value: as_count(name, value, 2),
                "seed": as_seed,
                "engine": lambda name, value: as_engine(name, value, self.problem),
                "record": lambda name, value: as_record(name, value, self.problem),
            },
        )
        require_size(dict(self._axes()), self.replicas)
        for point, columns in zip(self.points(), self.columns(), strict=True):
            if isinstance(point.problem, NetworkProblem):
                self._require_trainable(point, columns["points"])
            _require_fitting(point, columns["points"])

    def _require_trainable(self, point: Variant, points: int) -> None:
        """Raise `InputError` for what would fail in every task of a point of networks."""
        problem = point.problem
        engine = as_instance("engine", self.engine or NetworkEngine(), NetworkEngine)
        # Without such a loss there is no stopping time.
        vanishing = [name for name, vanishes in VANISHES.items() if vanishes]
        lasting = f"must vanish for points that are fitted: one of {', '.join(vanishing)}"
        require(problem.loss in vanishing, "loss", problem.loss, lasting)
        require_trainable(point.settings, point.stop, engine)
        network = problem.network
        require(network.depth <= DEEPEST, "depth", network.depth, f"must be at most {DEEPEST}")
        weights = network.parameters
        allowed = f"makes {weights} weights, more than {LARGEST_SET}"
        require(weights <= LARGEST_SET, "width", network.width, allowed)
        test_points = getattr(problem.data, "test_points", None)
        if test_points is not None:
            for observable in self.record:
                observable.require_points(points, test_points)

    def points(self) -> list[Variant]:
        """Problem, settings and stop at every point, each once."""
        return [point for point, _ in self._combinations]

    def columns(self) -> list[dict[str, Any]]:
        """What every point is made of, by name."""
        return [columns_of(point, varied) for point, varied in self._combinations]

    def tasks(self) -> list[Task]:
        """Tasks for `langevin_sgd.sweep.run`, the largest training sets first."""
        costs = [column["points"] * column.get("dimension", 1) for column in self.columns()]
        order = np.argsort(-np.array(costs), kind="stable")
        points = self.points()
        return [task for place in order for task in self._cells(points[place])]

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
            Over (point, replica): what `langevin_sgd.training.run` measures of each replica, and of
            perceptrons ``test_error`` in closed form. Over point: the columns, and ``unfinished``,
            the number of replicas that did not fit their points.

        Raises
        ------
        InputError
            If the store lacks a result.
        """
        load = Task.compute if store is None else as_instance("store", store, Store).load
        points, columns = self.points(), self.columns()
        trained = [
            joined([load(cell) for cell in self._cells(point)], range(self.replicas))
            for point in points
        ]
        variables = _stacked(trained, known=set(columns[0]))
        variables |= measured_of(self.problem, variables, columns)
        unfinished = (variables["status"][1] != 0).sum(axis=1)
        variables["unfinished"] = (("point",), unfinished, "1")
        for name in columns[0]:
            values = np.array([column[name] for column in columns])
            variables[name] = (("point",), values, UNITS.get(name, "1"))
        made = dataset.make(variables, kind="grid", seed=self.seed, **self._provenance())
        made["status"].attrs.update(trained[0]["status"].attrs)
        return made.set_coords(list(columns[0]))

    def _axes(self) -> tuple[tuple[str, tuple[Any, ...]], ...]:
        axes: Any = self.axes
        return axes

    @cached_property
    def _combinations(self) -> list[tuple[Variant, dict[str, Any]]]:
        """All points, and the values of the axes there."""
        base = Variant(self.problem, self.settings, self.stop)
        names = [name for name, _ in self._axes()]
        combinations: dict[Any, tuple[Variant, dict[str, Any]]] = {}
        for values in itertools.product(*(values for _, values in self._axes())):
            varied = dict(zip(names, values, strict=True))
            point = _at(base, varied)
            combinations.setdefault(repr(point), (point, varied))
        return list(combinations.values())

    def _cells(self, point: Variant) -> list[Task]:
        problem, settings, stop = point
        return [
            train_cell.at(
                Cell(
                    problem=problem,
                    settings=settings,
                    stop=stop or _UNTIL_FITTED,
                    engine=self.engine,
                    record=tuple(self.record),
                    seed=self.seed,
                    block=block,
                )
            )
            for block in blocks_of(range(self.replicas))
        ]

    def _provenance(self) -> dict[str, Any]:
        return {
            "problem": repr(self.problem),
            "settings": self.settings.to_dict(),
            "stop": repr(self.stop),
            "axes": {name: [_in_json(value) for value in values] for name, values in self._axes()},
            "replicas": self.replicas,
        }


def _at(base: Variant, varied: Mapping[str, Any]) -> Variant:
    """Return the point of a grid at these values."""
    changes = {name: value for name, value in varied.items() if name != RATIO}
    if RATIO not in varied:
        return replaced(base, changes)
    point = replaced(base, changes)
    dimension = law_of(point.problem).dimension
    points = round(as_positive(RATIO, varied[RATIO]) * dimension)
    require(points > 0, RATIO, varied[RATIO], f"gives no point in {dimension} dimensions")
    return replaced(base, {**changes, "problem.data.points": points})


def _require_fitting(point: Variant, points: int) -> None:
    """Raise `InputError` where a training set is too large, or a batch larger than it."""
    dimension = point.problem.data.dimension
    largest = f"must be at most {LARGEST_SET}"
    require(dimension <= LARGEST_SET, "dimension", dimension, largest)
    most = f"must be at most {LARGEST_SET // dimension}, {LARGEST_SET} numbers of a training set"
    require(points * dimension <= LARGEST_SET, "points", points, most)
    size = point.settings.batch_size
    fits = size <= points or point.settings.sampling == "with_replacement"
    require(fits, "batch_size", size, f"must be at most the number of points, here {points}")


def _stacked(trained: Sequence[xr.Dataset], known: set[str]) -> dict[str, dataset.Variable]:
    """Stack what every replica has one number of, along ``point``."""
    return {
        str(name): (
            ("point", "replica"),
            np.stack([point[name].values for point in trained]),
            str(values.attrs["units"]),
        )
        for name, values in trained[0].data_vars.items()
        if values.dims == ("replica",) and name not in known | {"lr", "number"}
    }


def _in_json(value: Any) -> Any:
    return value if isinstance(value, str | int | float) else repr(value)
