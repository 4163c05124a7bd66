"""Values along the axes of a grid, and how large a grid may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from langevin_sgd.checks import InputError, as_tuple, require

if TYPE_CHECKING:
    import xarray as xr

MOST_POINTS = 100_000
"""Most points of a grid."""
MOST_RUNS = 1_000_000
"""Most runs of a grid, points times replicas."""
LARGEST_SET = 2**34
"""Most numbers of a training set, points times dimension: 128 GiB."""

Kind = TypeVar("Kind")


def as_axis(
    convert: Callable[[str, Any], Kind], *, empty: bool = False
) -> Callable[[str, Any], tuple[Kind, ...]]:
    """Return the converter of an axis whose values are converted by `convert`.

    Parameters
    ----------
    convert
        From `langevin_sgd.checks`; a refusal names the axis.
    empty
        Whether an axis without values is allowed; default False.

    Examples
    --------
    >>> from langevin_sgd.checks import as_positive
    >>> as_axis(as_positive)("temperature", [1, 2]), as_axis(as_positive)("temperature", 1)
    ((1.0, 2.0), (1.0,))
    """

    def converted(name: str, values: Any) -> tuple[Kind, ...]:
        single = (
            isinstance(values, str | bytes)
            or not hasattr(values, "__len__")
            or getattr(values, "ndim", 1) == 0
        )
        return as_tuple(
            name, [values] if single else values, lambda _, value: convert(name, value), empty=empty
        )

    return converted


def require_size(axes: Mapping[str, tuple[Any, ...]], replicas: int) -> None:
    """Raise `InputError` unless a grid of these axes can be enumerated."""
    points = math.prod(len(values) for values in axes.values())
    lengths = ", ".join(
        f"{len(values)} of {name}" for name, values in axes.items() if len(values) > 1
    )
    if points > MOST_POINTS:
        raise InputError(
            f"grid = {points} points ({lengths}): must be at most {MOST_POINTS} points"
        )
    most = f"must be at most {MOST_RUNS // points}, {MOST_RUNS} runs at all points, here {points}"
    require(replicas * points <= MOST_RUNS, "replicas", replicas, most)


def as_result(name: str, result: Any, variables: tuple[str, ...]) -> xr.Dataset:
    """Return the dataset of a grid, or refuse what is none."""
    import xarray as xr

    fits = isinstance(result, xr.Dataset) and "point" in result.dims
    allowed = f"must be a result of a grid, over point, with {', '.join(variables)}"
    require(fits and all(one in result for one in variables), name, type(result).__name__, allowed)
    dataset: xr.Dataset = result
    return dataset
