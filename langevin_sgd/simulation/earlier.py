"""Results of earlier calls, from which a run goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from langevin_sgd import dataset
from langevin_sgd.checks import InputError, as_count, require

MAKERS = {"sde_run": "sde.simulate"}
"""Kind of a result -> what makes it; `langevin_sgd.training.run` makes all others."""
_COUNTS = ("first_step", "steps")


def is_result(start: Any) -> bool:
    """Whether a start is a result, not an array of weights."""
    return hasattr(start, "attrs") and hasattr(start, "data_vars")


def provenance_of_start(start: Any, kind: str) -> dict[str, Any]:
    """Provenance of an earlier result.

    Raises
    ------
    InputError
        If it is no result of that kind.
    """
    allowed = f"must be a result of {MAKERS.get(kind, 'training.run of such a problem')}"
    require(is_result(start), "start", start, allowed)
    stored = dataset.provenance(start)
    require(stored.get("kind") == kind, "start", stored.get("kind"), allowed)
    return stored


def steps_made(stored: Mapping[str, Any]) -> int:
    """Steps whose random numbers an earlier result and all before it have used, by its provenance.

    Raises
    ------
    InputError
        If the provenance does not say.
    """
    told = stored["settings"] | stored
    begun, steps = (as_count(f"start: {name}", told.get(name), 0) for name in _COUNTS)
    return begun + steps


def kept(start: Any, name: str) -> np.ndarray:
    """Values of a variable of an earlier result.

    Raises
    ------
    InputError
        If it does not have it.
    """
    if name not in start:
        raise InputError(
            f"start = a result without {name}: must be one of the present version, whole; "
            "else give arrays"
        )
    values: np.ndarray = start[name].values
    return values


def require_equal(what: str, theirs: Any, ours: Any, *, mend: str = "") -> None:
    """Raise `InputError` unless an earlier result and this run, in JSON types, have `what` in
    common; the `mend` ends the message.
    """
    if json.dumps(theirs, sort_keys=True) != json.dumps(ours, sort_keys=True):
        raise InputError(f"start = a result of other runs: differs in the {what}{mend}")


def require_same_replicas(start: Any, numbers: Sequence[int]) -> None:
    """Raise `InputError` unless an earlier result has these replicas, in this order."""
    there = "replica" in start.coords
    theirs = np.atleast_1d(start["replica"].values if there else np.empty(0, np.int64))
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
