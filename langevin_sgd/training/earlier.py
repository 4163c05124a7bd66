"""Results of earlier calls, from which a run goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from langevin_sgd import dataset
from langevin_sgd.checks import InputError, require

HOW_TO_GO_ON = "give the whole result as start"
"""Advice to those who start from the weights of a result with its seed."""


def is_result(start: Any) -> bool:
    """Whether a start is a result, not an array of weights."""
    return hasattr(start, "attrs") and hasattr(start, "data_vars")


def provenance_of_start(start: Any, kind: str) -> dict[str, Any]:
    """Provenance of an earlier result.

    Raises
    ------
    InputError
        If it is no result of `langevin_sgd.training.run` of that kind.
    """
    allowed = "must be a result of training.run of such a problem"
    require(is_result(start), "start", start, allowed)
    stored = dataset.provenance(start)
    require(stored.get("kind") == kind, "start", stored.get("kind"), allowed)
    return stored


def require_same_replicas(start: Any, numbers: Sequence[int]) -> None:
    """Raise `InputError` unless an earlier result has these replicas, in this order."""
    there = "replica" in start.coords
    theirs: np.ndarray = start["replica"].values if there else np.empty(0, np.int64)
    if not np.array_equal(theirs, np.array(numbers)):
        raise InputError(
            f"start = a result of replicas {_shown(theirs.tolist())}: must have those of this run, "
            f"{_shown(list(numbers))}; give the same replicas and first_replica"
        )


def _shown(numbers: list[int]) -> str:
    """Numbers of replicas in a few characters."""
    if len(numbers) <= 4:
        return str(numbers)
    return f"[{numbers[0]}, {numbers[1]}, ..., {numbers[-1]}]"
