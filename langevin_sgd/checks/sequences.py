"""Several values in a list or a one-dimensional array."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from langevin_sgd.checks.kinds import is_masked
from langevin_sgd.checks.refusals import require
from langevin_sgd.checks.scalars import as_count, is_real

Kind = TypeVar("Kind")


def as_window(name: str, value: Any) -> tuple[float, float]:
    """Return two finite numbers, the first below the second.

    Raises
    ------
    InputError
        For any other value.

    Examples
    --------
    >>> as_window("window", [1, 10])
    (1.0, 10.0)
    """
    allowed = "must be two finite numbers, the first below the second"
    pair = members_of(value)
    require(
        pair is not None and len(pair) == 2 and all(is_real(end) for end in pair),
        name,
        value,
        allowed,
    )
    assert pair is not None
    low, high = float(pair[0]), float(pair[1])
    require(low < high, name, value, allowed)
    return low, high


def as_counts(
    name: str, values: Any, minimum: int = 1, *, maximum: int | None = None
) -> tuple[int, ...]:
    """Return a sequence of at least one integer, each of at least `minimum`.

    Raises
    ------
    InputError
        For any other value.
    """
    return as_tuple(name, values, lambda what, value: as_count(what, value, minimum, maximum))


def as_tuple(
    name: str, values: Any, convert: Callable[[str, Any], Kind], *, empty: bool = False
) -> tuple[Kind, ...]:
    """Return a sequence, each value converted by one of the functions of this package.

    It may be empty where `empty` says so.

    A set is refused: its order is arbitrary.

    Raises
    ------
    InputError
        For any other value.

    Examples
    --------
    >>> from langevin_sgd.checks import as_positive
    >>> as_tuple("alpha", [1, 2.5], as_positive)
    (1.0, 2.5)
    """
    given = members_of(values)
    require(given is not None, name, values, "must be a sequence of at least one value")
    assert given is not None
    require(empty or len(given) > 0, name, values, "must hold at least one value")
    return tuple(convert(f"{name}[{place}]", value) for place, value in enumerate(given))


def members_of(values: Any) -> list[Any] | None:
    """Return the members of a sequence or one-dimensional array; None for anything else.

    Sets are no sequences.
    """
    if isinstance(values, str | bytes | bytearray | set | frozenset | Mapping) or is_masked(values):
        return None
    if getattr(values, "ndim", 1) != 1 or not (
        hasattr(values, "__iter__") and hasattr(values, "__len__")
    ):
        return None
    return list(values)
