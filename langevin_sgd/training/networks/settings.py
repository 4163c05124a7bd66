"""The numbers of every replica: its margin, learning rate, batch size, training set and random
numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from langevin_sgd.checks import (
    InputError,
    as_count,
    as_fraction,
    as_positive,
    as_seed,
    as_tuple,
    is_real,
    require,
    require_memory,
)
from langevin_sgd.randomness import fresh_seed
from langevin_sgd.sgd_settings import SGD, Sampling

BYTES = 1000
"""What the numbers of one replica and their results take, about: its settings, counts and what is
measured.
"""


class Numbers(NamedTuple):
    """One entry for each replica."""

    alpha: list[float]
    settings: list[SGD]
    points: list[int | None]
    draws: list[tuple[int, int]]
    """Seed and number, of which data, initial weights and batches are functions."""


def numbers_of(
    *,
    width: int,
    alpha: Any,
    lr: Any,
    temperature_per_width: Any,
    batch_size: Any,
    momentum: Any,
    sampling: Sampling,
    points: Any,
    seed: Any,
    replicas: int | Sequence[int] | np.ndarray | None,
) -> Numbers:
    """Give every replica its own numbers; scalars are shared, the rest must have one entry for each
    replica.

    Raises
    ------
    InputError
        If lengths differ or a number is out of range.
    """
    require(
        (lr is None) != (temperature_per_width is None),
        "lr",
        lr,
        "give either lr or temperature_per_width",
    )
    given = {
        "alpha": alpha,
        "lr": lr,
        "temperature_per_width": temperature_per_width,
        "batch_size": batch_size,
    }
    given |= {
        "momentum": momentum,
        "points": points,
        "seed": fresh_seed() if seed is None else seed,
    }
    for name in ("lr", "temperature_per_width", "points"):
        if given[name] is None:
            del given[name]
    count = _count(given, replicas)
    columns = {name: _column(name, value, count) for name, value in given.items()}
    if lr is None:
        columns["lr"] = [
            _learning_rate(temperature, size, width)
            for temperature, size in zip(
                columns["temperature_per_width"], columns["batch_size"], strict=True
            )
        ]
    settings = [
        SGD(lr=rate, batch_size=size, momentum=kept, sampling=sampling)
        for rate, size, kept in zip(
            columns["lr"], columns["batch_size"], columns["momentum"], strict=True
        )
    ]
    draws = list(zip(columns["seed"], _replica_numbers(replicas, seed, count), strict=True))
    return Numbers(columns["alpha"], settings, columns.get("points", [None] * count), draws)


def _learning_rate(temperature_per_width: float, batch_size: int, width: int) -> float:
    lr = temperature_per_width * batch_size * width
    allowed = "must be finite when multiplied with batch size and width"
    require(is_real(lr), "temperature_per_width", temperature_per_width, allowed)
    return lr


def _count(given: dict[str, Any], replicas: Any) -> int:
    """Number of replicas: the common length of everything that is not shared."""
    lengths = {name: len(value) for name, value in given.items() if not _is_shared(value)}
    if replicas is not None and _is_shared(replicas):
        lengths["replicas"] = as_count("replicas", replicas)
    elif replicas is not None:
        lengths["replicas"] = len(replicas)
    if len(set(lengths.values())) > 1:
        raise InputError(
            f"replicas = lengths {lengths}: must be equal (a single number is shared by all "
            "replicas)"
        )
    count = next(iter(lengths.values()), 1)
    require(count >= 1, "replicas", count, "must be at least 1")
    require_memory("replicas", count, BYTES * count)
    return count


def _is_shared(value: Any) -> bool:
    """Whether one value stands for all replicas; whether it is a number is asked elsewhere."""
    return (
        isinstance(value, str | bytes)
        or not hasattr(value, "__len__")
        or getattr(value, "ndim", 1) == 0
    )


def _points(name: str, value: Any) -> int | None:
    return None if value is None else as_count(name, value)


_CONVERTED: dict[str, Callable[[str, Any], Any]] = {
    "alpha": as_positive,
    "lr": as_positive,
    "temperature_per_width": as_positive,
    "batch_size": as_count,
    "momentum": as_fraction,
    "points": _points,
    "seed": as_seed,
}


def _column(name: str, value: Any, count: int) -> list[Any]:
    """Return one entry for each replica."""
    if _is_shared(value):
        return [_CONVERTED[name](name, value)] * count
    return _one_each(name, value, _CONVERTED[name])


def _one_each(name: str, value: Any, convert: Callable[[str, Any], Any]) -> list[Any]:
    """Return the entries of a sequence, converted."""
    require(
        getattr(value, "ndim", 1) == 1,
        name,
        value,
        "must be a number or one number for each replica",
    )
    return list(as_tuple(name, value, convert))


def _replica_numbers(replicas: Any, seed: Any, count: int) -> list[int]:
    if replicas is not None and not _is_shared(replicas):
        return _one_each(
            "replicas", replicas, lambda name, number: as_count(name, number, minimum=0)
        )
    return list(range(count)) if seed is None or _is_shared(seed) else [0] * count
