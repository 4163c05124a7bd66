"""One array of the user's own, from a file that ``numpy.save`` wrote."""

from __future__ import annotations

import os

import numpy as np

from langevin_sgd.checks import InputError, shown
from langevin_sgd.dataset import existing_file, named_file

_MAGIC = b"\x93NUMPY"


def read_array(name: str, path: str | os.PathLike[str]) -> np.ndarray:
    """Map an array from a file: what is not read takes no memory.

    Parameters
    ----------
    name
        What the array is, for refusals.
    path
        A ``.npy`` file of numbers; nothing is unpickled.

    Returns
    -------
    array
        As it stands in the file, read-only; its numbers are for the caller to judge.

    Raises
    ------
    InputError
        If the file is missing or of another kind.
    """
    file = existing_file(name, path)
    with named_file(name, path, "read"):
        with file.open("rb") as start:
            begins = start.read(len(_MAGIC))
        reason = "not a .npy file of numbers (numpy.save writes one)"
        if begins == _MAGIC:
            try:
                return np.load(file, mmap_mode="r", allow_pickle=False)
            except OSError:
                raise
            except Exception as error:  # a damaged header can raise nearly anything
                reason = f"not a readable .npy file of numbers ({' '.join(str(error).split())})"
    raise InputError(f"{name} = {shown(str(file), width=400)}: {reason}")
