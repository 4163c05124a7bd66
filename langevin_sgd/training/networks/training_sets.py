"""The training and test points of all replicas, each distinct set held once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch

from langevin_sgd.checks import InputError, as_array, require
from langevin_sgd.training.observables.points_of_replicas import PointsOfReplicas

Arrays = tuple[np.ndarray, ...]


class DataLaw(Protocol):
    """A law of training sets, for instance `langevin_sgd.data.DepletedSign`."""

    def sample(self, seed: int, replica: int = 0) -> Arrays:
        """Return X, y or X, y, X_test, y_test of one replica."""


class Part(NamedTuple):
    """Training or test points of all replicas."""

    X: torch.Tensor
    """(point, dimension) of all distinct sets, one after the other."""
    y: torch.Tensor
    """(point,) labels of +-1."""
    first: np.ndarray
    """(replica,) place of the first point of each replica."""
    points: np.ndarray
    """(replica,) their number."""
    widest: int
    """Numbers that the largest layer of a network holds for one point, its inputs among the
    layers.
    """

    def of(self, members: np.ndarray) -> PointsOfReplicas:
        """Return the points of some replicas, given by their places in the run."""
        return PointsOfReplicas(
            X=self.X,
            y=self.y,
            first=self.first[members],
            counts=self.points[members],
            widest=self.widest,
        )


def training_sets(
    data: DataLaw | Arrays | Sequence[Arrays],
    draws: Sequence[tuple[int, int]],
    points: Sequence[int | None],
    dtype: torch.dtype,
    device: str,
) -> tuple[Part, Part]:
    """Gather training and test points.

    Parameters
    ----------
    data
        One set (X, y) or (X, y, X_test, y_test), a list with one such set for each replica, or a
        law of sets.
    draws
        Seed and number of each replica; equal ones share a set drawn from a law.
    points
        Use the first so many training points, or all.

    Raises
    ------
    InputError
        If it is nothing of the kind, shapes do not match, a number is not finite in the precision
        of the training, a label not +-1, or there are fewer points than asked for.
    """
    distinct: dict[Any, int] = {}
    sets: list[Arrays] = []
    place = np.empty(len(draws), np.int64)
    for r, draw in enumerate(draws):
        key: Any = draw
        if isinstance(data, tuple):
            key = None
        elif isinstance(data, list):
            require(
                len(data) == len(draws),
                "data",
                len(data),
                f"must have one set for each of {len(draws)} replicas",
            )
            key = id(data[r])
        if key not in distinct:
            distinct[key] = len(sets)
            sets.append(_checked(_drawn(data[r] if isinstance(data, list) else data, draw), dtype))
        place[r] = distinct[key]
    require(
        len({len(part) for part in sets}) == 1,
        "data",
        "sets",
        "must all have test points, or none of them",
    )
    train = _part([(part[0], part[1]) for part in sets], place, dtype, device)
    if len(sets[0]) == 2:
        nothing = [(part[0][:0], part[1][:0]) for part in sets]
        return _first_points(train, points), _part(nothing, place, dtype, device)
    return _first_points(train, points), _part(
        [(part[2], part[3]) for part in sets], place, dtype, device
    )


def _drawn(one: Any, draw: tuple[int, int]) -> Any:
    """One set as it is, or the one that a law draws."""
    if isinstance(one, tuple):
        return one
    allowed = (
        "must be (X, y), (X, y, X_test, y_test), a list with one such tuple for each "
        "replica, or a law of sets"
    )
    require(callable(getattr(one, "sample", None)), "data", one, allowed)
    return one.sample(*draw)


def _checked(arrays: Any, dtype: torch.dtype) -> Arrays:
    """Arrays of a set as numbers of the precision that is trained in, which nobody else holds."""
    if not isinstance(arrays, tuple | list) or len(arrays) not in (2, 4):
        what = (
            f"{len(arrays)} arrays" if isinstance(arrays, tuple | list) else type(arrays).__name__
        )
        raise InputError(f"data = {what}: must be (X, y) or (X, y, X_test, y_test)")
    found: list[np.ndarray] = []
    for pair, names in ((arrays[:2], ("X", "y")), (arrays[2:], ("X_test", "y_test"))):
        if pair:
            X, y = (
                as_array(f"data: {name}", array) for name, array in zip(names, pair, strict=True)
            )
            if X.ndim != 2 or y.shape != X.shape[:1] or X.size == 0:
                raise InputError(
                    f"data = shapes {X.shape}, {y.shape}: must be (point, dimension) and (point,)"
                )
            require(
                bool(np.isin(y, (-1, 1)).all()),
                "data",
                np.unique(y)[:5].tolist(),
                "labels must be -1 or +1",
            )
            found += [_rounded(X, dtype, names[0]), y]
    return tuple(found)


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


def _part(
    pairs: list[tuple[np.ndarray, np.ndarray]], place: np.ndarray, dtype: torch.dtype, device: str
) -> Part:
    dimensions = sorted({X.shape[1] for X, _ in pairs})
    require(len(dimensions) == 1, "data", dimensions, "all sets must have one dimension")
    sizes = np.array([len(y) for _, y in pairs])
    ends = np.cumsum(sizes)
    # Put in place one after the other: all sets together may fill a good part of the memory.
    X, y = (
        torch.empty((int(ends[-1]), dimensions[0]), dtype=dtype),
        torch.empty(int(ends[-1]), dtype=dtype),
    )
    for (points, labels), end in zip(pairs, ends.tolist(), strict=True):
        here = slice(end - len(labels), end)
        X[here], y[here] = torch.from_numpy(points), torch.from_numpy(labels)
    return Part(X.to(device), y.to(device), (ends - sizes)[place], sizes[place], dimensions[0])


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
