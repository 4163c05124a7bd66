"""The training and test points of all replicas, each distinct set held once.

Test sets are large, and those of different replicas mostly hold the same images: every distinct
point of them is held once, and a set is a list of places.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from langevin_sgd.checks import require
from langevin_sgd.models.network_problem import (
    Arrays,
    LabelledSet,
    NetworkProblem,
    as_labelled_set,
)
from langevin_sgd.training.networks.distinct_points import DistinctPoints, one_dimension
from langevin_sgd.training.observables.points_of_replicas import PointsOfReplicas


class Part(NamedTuple):
    """Training or test points of all replicas."""

    X: torch.Tensor
    """(row, dimension) of all distinct sets, one after the other, or of their distinct points."""
    y: torch.Tensor
    """(row,) labels of +-1."""
    first: np.ndarray
    """(replica,) place of the first point of each replica."""
    points: np.ndarray
    """(replica,) their number."""
    widest: int
    """Numbers that the largest layer holds for one point; the inputs count as a layer."""
    order: torch.Tensor | None = None
    """(place,) rows of the points of all sets, one after the other, where that is not their order
    in `X`."""

    def of(self, members: np.ndarray) -> PointsOfReplicas:
        """Return the points of some replicas, given by their places in the run."""
        return PointsOfReplicas(
            X=self.X,
            y=self.y,
            first=self.first[members],
            counts=self.points[members],
            widest=self.widest,
            order=self.order,
        )


def training_sets(
    problems: Sequence[NetworkProblem],
    places: Sequence[int],
    draws: Sequence[tuple[int, int]],
    dtype: torch.dtype,
    device: str,
) -> tuple[Part, Part]:
    """Gather training and test points of all runs.

    Parameters
    ----------
    problems
        Of each run.
    places
        Place of each run among the replicas of its variant: where a problem has one set for each
        replica, it has this one.
    draws
        Seed and number of the replica of each run; equal ones share a set drawn from a law.

    Raises
    ------
    InputError
        If shapes do not match, a number is not finite in the precision of the training, a label not
        +-1, or there are fewer points than asked for.
    """
    distinct: dict[Any, int] = {}
    sets: list[tuple[np.ndarray, np.ndarray]] = []
    with_tests, tests = [], DistinctPoints()
    set_of_run = np.empty(len(draws), np.int64)
    for run, (problem, place, draw) in enumerate(zip(problems, places, draws, strict=True)):
        key = _key(problem.data, place, draw)
        if key not in distinct:
            distinct[key] = len(sets)
            X, y, *test = _in_precision(_set_of(problem.data, place, draw), dtype)
            sets.append((X, y))
            with_tests.append(bool(test))
            tests.add(*(test or (X[:0], y[:0])))
        set_of_run[run] = distinct[key]
    require(
        len(set(with_tests)) == 1,
        "data",
        "sets",
        "must all have test points, or none of them",
    )
    points = [problem.points for problem in problems]
    train = _first_points(_train_part(sets, set_of_run, dtype, device), points)
    return train, _test_part(tests, set_of_run, dtype, device)


def _key(data: Any, place: int, draw: tuple[int, int]) -> Any:
    """What tells the set of one run from all others."""
    if isinstance(data, tuple):
        return id(data)
    return id(data[place]) if isinstance(data, list) else (id(data), draw)


def _set_of(data: Any, place: int, draw: tuple[int, int]) -> LabelledSet:
    """Return the set of one run: the one that is given, or the one that a law draws."""
    if isinstance(data, list):
        return as_labelled_set(data[place])
    return as_labelled_set(data if isinstance(data, LabelledSet) else data.sample(*draw))


def _in_precision(arrays: Arrays, dtype: torch.dtype) -> Arrays:
    """Arrays of a set, the inputs as numbers of the precision that is trained in."""
    names = ("X", "y", "X_test", "y_test")
    named = zip(arrays, names, strict=False)
    return tuple(
        _rounded(array, dtype, name) if name.startswith("X") else array.copy()
        for array, name in named
    )


def _rounded(X: np.ndarray, dtype: torch.dtype, name: str) -> np.ndarray:
    """Inputs in the precision of the training, if it can hold them."""
    with np.errstate(over="ignore", under="ignore"):
        rounded = X.astype(np.float32 if dtype == torch.float32 else np.float64)
    largest = float(np.abs(X).max())
    kept = bool(np.isfinite(rounded).all()) and bool((rounded.any(1) == X.any(1)).all())
    require(
        kept,
        f"data: {name}",
        X,
        f"numbers up to {largest:.3g} are beyond {dtype}: scale them, or use float64",
    )
    return rounded


def _train_part(
    pairs: list[tuple[np.ndarray, np.ndarray]], place: np.ndarray, dtype: torch.dtype, device: str
) -> Part:
    dimension = one_dimension(*(X for X, _ in pairs))
    sizes = np.array([len(y) for _, y in pairs])
    ends = np.cumsum(sizes)
    # Put in place one after the other: all sets together may fill a good part of the memory.
    X, y = (
        torch.empty((int(ends[-1]), dimension), dtype=dtype),
        torch.empty(int(ends[-1]), dtype=dtype),
    )
    for (points, labels), end in zip(pairs, ends.tolist(), strict=True):
        here = slice(end - len(labels), end)
        X[here], y[here] = torch.from_numpy(points), torch.from_numpy(labels)
    return Part(X.to(device), y.to(device), (ends - sizes)[place], sizes[place], dimension)


def _test_part(tests: DistinctPoints, place: np.ndarray, dtype: torch.dtype, device: str) -> Part:
    X, y, order, sizes = tests.gathered()
    first = np.cumsum(sizes) - sizes
    return Part(
        torch.from_numpy(X).to(device),
        torch.from_numpy(y).to(device, dtype),
        first[place],
        sizes[place],
        X.shape[1],
        torch.from_numpy(order).to(device),
    )


def _first_points(train: Part, points: Sequence[int | None]) -> Part:
    wanted = np.array(
        [
            all_of if p is None else p
            for p, all_of in zip(points, train.points.tolist(), strict=True)
        ]
    )
    for asked, there in zip(wanted.tolist(), train.points.tolist(), strict=True):
        require(
            asked <= there,
            "points",
            asked,
            f"must be at most {there}, the points of the training set",
        )
    return train._replace(points=wanted)
