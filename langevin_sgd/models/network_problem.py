r"""Classification by a neural network: what is trained, on which points, by which loss.

The predictor of a network f with initial weights w0 is o = alpha * (f(w, x) - f(w0, x)), and SGD
descends the mean of loss(o, y)/alpha. With a hinge loss 1/alpha is the margin asked of f - f0:
large alpha is the lazy regime, in which weights hardly move, small alpha the feature regime.

References
----------
Sclocchi, Geiger and Wyart, *Dissecting the effects of SGD noise in distinct regimes of deep
learning*, arXiv 2301.13703; Chizat, Oyallon and Bach, *On lazy training in differentiable
programming*, arXiv 1812.07956 (alpha).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from langevin_sgd.checks import (
    InputError,
    as_array,
    as_choice,
    as_count,
    as_positive,
    convert_fields,
    require,
)
from langevin_sgd.models.loss_names import VANISHES, LossName

if TYPE_CHECKING:
    from langevin_sgd.models.networks.interface import Architecture

Arrays = tuple[np.ndarray, ...]
"""X, y or X, y, X_test, y_test."""


class LabelledSet(tuple[np.ndarray, ...]):
    """Checked read-only copies of arrays: X, y or X, y, X_test, y_test."""

    __slots__ = ()


_DATA = (
    "must be (X, y), (X, y, X_test, y_test), "
    "a list with one such tuple for each replica, or a law of sets"
)


class DataLaw(Protocol):
    """A law of training sets, for instance `langevin_sgd.data.DepletedSign`."""

    def sample(self, seed: int, replica: int = 0) -> Arrays:
        """Return X, y or X, y, X_test, y_test of one replica."""


def as_labelled_set(arrays: Any) -> LabelledSet:
    """Return the arrays of one training set, or of one with test points, as copies in float64.

    Raises
    ------
    InputError
        If there are not two or four of them, shapes do not match, a number is not finite, or a
        label is not +-1.

    Examples
    --------
    >>> [array.shape for array in as_labelled_set(([[1.0, 2.0], [3.0, 4.0]], [1, -1]))]
    [(2, 2), (2,)]
    """
    if isinstance(arrays, LabelledSet):
        return arrays
    if not isinstance(arrays, tuple | list) or len(arrays) not in (2, 4):
        several = isinstance(arrays, tuple | list)
        what = f"{len(arrays)} arrays" if several else type(arrays).__name__
        raise InputError(f"data = {what}: must be (X, y) or (X, y, X_test, y_test)")
    copies: list[np.ndarray] = []
    for pair, names in ((arrays[:2], ("X", "y")), (arrays[2:], ("X_test", "y_test"))):
        if pair:
            X, y = (
                as_array(f"data: {name}", array) for name, array in zip(names, pair, strict=True)
            )
            if X.ndim != 2 or y.shape != X.shape[:1] or X.size == 0:
                raise InputError(
                    f"data = shapes {X.shape}, {y.shape}: must be (point, dimension) and (point,)"
                )
            labels = np.unique(y)[:5].tolist()
            require(bool(np.isin(y, (-1, 1)).all()), "data", labels, "labels must be -1 or +1")
            copies += [X, y]
    for array in copies:
        array.setflags(write=False)
    return LabelledSet(copies)


def _as_data(name: str, value: Any) -> DataLaw | Arrays | list[Arrays]:
    """Return a law as it is, and arrays as copies; a set that a list holds twice is held once."""
    if isinstance(value, tuple):
        return as_labelled_set(value)
    if isinstance(value, list):
        require(len(value) > 0, name, value, _DATA)
        for one in value:
            require(isinstance(one, tuple), name, one, _DATA)
        distinct = {id(one): as_labelled_set(one) for one in value}
        return [distinct[id(one)] for one in value]
    require(callable(getattr(value, "sample", None)), name, value, _DATA)
    law: DataLaw = value
    return law


def _as_points(name: str, value: Any) -> int | None:
    return None if value is None else as_count(name, value)


def _as_network(name: str, value: Any) -> Architecture:
    from langevin_sgd.models.networks.families import as_network

    return as_network(name, value)


@dataclass(frozen=True, eq=False)
class NetworkProblem:
    """A network, its points and its loss.

    What is trained is not the output f of the network but the predictor o = alpha (f - f0), f0
    being the output at step 0.

    Parameters
    ----------
    network
        The architecture; a module of your own as `langevin_sgd.models.networks.OwnNetwork`.
    data
        (X, y) or (X, y, X_test, y_test) with labels +-1; a list with one such set for each replica;
        or a law with a method ``sample(seed, replica)`` that returns one. Arrays are copied.
    loss
        ``hinge`` (default), ``quadratic_hinge``, ``soft_hinge``, ``square`` (o - y)^2/2 or
        ``logistic``. The last two never vanish: their training ends at the most steps allowed.
    alpha
        Scale of the predictor, > 0; 1/alpha is the margin. Default 1.
    points
        Use the first so many points of each training set; all by default.

    Raises
    ------
    InputError
        If a field lies outside its range, or a set is none.

    Examples
    --------
    >>> import langevin_sgd as ls
    >>> network = ls.models.networks.FullyConnected(dimension=8, width=16, depth=1)
    >>> law = ls.data.DepletedSign(points=32, dimension=8)
    >>> NetworkProblem(network, law, alpha=64.0).loss
    'hinge'
    """

    network: Architecture
    data: DataLaw | Arrays | Sequence[Arrays]
    _: KW_ONLY
    loss: LossName = "hinge"
    alpha: float = 1.0
    points: int | None = None

    def __post_init__(self) -> None:
        convert_fields(
            self,
            {
                "network": _as_network,
                "data": _as_data,
                "loss": lambda name, value: as_choice(name, value, VANISHES),
                "alpha": as_positive,
                "points": _as_points,
            },
        )
