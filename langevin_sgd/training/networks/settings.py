"""The numbers of every replica: its margin, learning rate, batch size, training set and random numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from langevin_sgd.checks import InputError, as_count, as_positive, require
from langevin_sgd.randomness import fresh_seed, key_from_seed
from langevin_sgd.sgd_settings import SGD, Sampling


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
    """Give every replica its own numbers; scalars are shared, the rest must have one entry for each replica.

    Raises
    ------
    InputError
        If lengths differ or a number is out of range.
    """
    require((lr is None) != (temperature_per_width is None), "lr", lr, "give either lr or temperature_per_width")
    given = {"alpha": alpha, "lr": lr, "temperature_per_width": temperature_per_width, "batch_size": batch_size}
    given |= {"momentum": momentum, "points": points, "seed": fresh_seed() if seed is None else seed}
    own = [int(number) for number in replicas] if isinstance(replicas, Sequence | np.ndarray) else replicas
    count = _count(given, own)
    columns = {name: _column(name, value, count) for name, value in given.items()}
    for name in ("alpha", "lr", "temperature_per_width"):
        _check(name, columns[name], as_positive)
    for name in ("batch_size", "points"):
        _check(name, columns[name], as_count)
    if lr is None:
        columns["lr"] = [
            temperature * size * width
            for temperature, size in zip(columns["temperature_per_width"], columns["batch_size"], strict=True)
        ]
    settings = [
        SGD(lr=float(rate), batch_size=int(size), momentum=kept, sampling=sampling)
        for rate, size, kept in zip(columns["lr"], columns["batch_size"], columns["momentum"], strict=True)
    ]
    draws = list(zip([int(s) for s in columns["seed"]], _replica_numbers(own, seed, count), strict=True))
    for one, number in draws:
        key_from_seed(one)
        as_count("replicas", number, minimum=0)
    return Numbers([float(a) for a in columns["alpha"]], settings, columns["points"], draws)


def _count(given: dict[str, Any], replicas: int | list[int] | None) -> int:
    """Number of replicas: the common length of everything that is not shared."""
    lengths = {name: len(value) for name, value in given.items() if np.ndim(value) == 1}
    if isinstance(replicas, list):
        lengths["replicas"] = len(replicas)
    elif replicas is not None:
        replicas = as_count("replicas", replicas)
        lengths["replicas"] = replicas
    if len(set(lengths.values())) > 1:
        raise InputError(f"replicas = lengths {lengths}: must be equal (a single number is shared by all replicas)")
    count = next(iter(lengths.values()), 1)
    require(count >= 1, "replicas", count, "must be at least 1")
    return count


def _column(name: str, value: Any, count: int) -> list[Any]:
    require(np.ndim(value) <= 1, name, value, "must be a number or one number for each replica")
    if np.ndim(value) == 0:
        return [value] * count
    return value.tolist() if isinstance(value, np.ndarray) else list(value)


def _check(name: str, column: list[Any], check: Callable[[str, Any], Any]) -> None:
    for value in set(column) - {None}:
        check(name, value)


def _replica_numbers(replicas: int | list[int] | None, seed: Any, count: int) -> list[int]:
    if isinstance(replicas, list):
        return replicas
    return list(range(count)) if np.ndim(seed) == 0 else [0] * count
