"""Arrays of a checkpoint of training, held against what the run needs before they are taken up."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from langevin_sgd.checks import InputError


def require_whole(condition: bool, what: str) -> None:
    """Raise `InputError` unless a checkpoint holds what its run has written."""
    if not condition:
        raise InputError(f"checkpoint: is damaged ({what}); remove the file to begin anew")


def put_back(arrays: Mapping[str, np.ndarray], carried: Mapping[str, np.ndarray]) -> None:
    """Copy what was carried along into the arrays of a run, by name.

    Raises
    ------
    InputError
        If one is missing, or of another shape or type.
    """
    for name, array in arrays.items():
        stored = carried.get(name)
        fits = stored is not None and stored.shape == array.shape and stored.dtype == array.dtype
        require_whole(fits, f"{name} is missing, or of another shape or type")
        array[...] = stored


def require_within(name: str, values: np.ndarray, lowest: int, highest: int) -> None:
    """Raise `InputError` unless all carried numbers lie in a range."""
    require_whole(
        bool(((values >= lowest) & (values <= highest)).all()),
        f"{name} lies outside {lowest} ... {highest}",
    )
