"""Regression data from a file of the user's own."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from langevin_sgd.checks import InputError


def read_table(path: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray]:
    """Read a design matrix and a target.

    Parameters
    ----------
    path
        A ``.npz`` file with arrays ``X`` (sample, parameter) and ``y`` (sample,), or a ``.csv`` file of numbers, comma
        separated, with one header line or none, whose last column is the target.

    Returns
    -------
    X
        (sample, parameter), as it stands in the file.
    y
        (sample,).

    Raises
    ------
    InputError
        If the file is missing, of another kind, or holds anything but finite numbers; the message says where.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"data = '{file}': there is no such file")
    readers = {".npz": _read_npz, ".csv": _read_csv}
    if file.suffix not in readers:
        raise InputError(f"data = '{file}': must end in .npz (arrays X and y) or .csv (target in the last column)")
    X, y = readers[file.suffix](file)
    if X.ndim != 2 or y.shape != X.shape[:1] or X.size == 0:
        raise InputError(f"data = '{file}': shapes {X.shape} and {y.shape}, must be (sample, parameter) and (sample,)")
    bad = np.argwhere(~np.isfinite(np.column_stack([X, y])))
    if len(bad):
        raise InputError(f"data = '{file}': sample {bad[0][0]}, column {bad[0][1]} is not a finite number")
    return X, y


def _read_npz(file: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with np.load(file, allow_pickle=False) as arrays:
            missing = {"X", "y"} - set(arrays.files)
            if missing:
                raise InputError(f"data = '{file}': has arrays {arrays.files}, must have X and y")
            return arrays["X"].astype(float), arrays["y"].astype(float)
    except (ValueError, OSError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"data = '{file}': not a readable .npz file of numbers ({error})") from error


def _read_csv(file: Path) -> tuple[np.ndarray, np.ndarray]:
    with file.open() as lines:
        first = lines.readline()
    try:
        [float(entry) for entry in first.split(",")]
        header = 0
    except ValueError:
        header = 1
    try:
        table = np.loadtxt(file, delimiter=",", skiprows=header, ndmin=2)
    except ValueError as error:
        raise InputError(f"data = '{file}': not a table of numbers ({error})") from error
    return np.ascontiguousarray(table[:, :-1]), np.ascontiguousarray(table[:, -1])
