"""Regression data from a file of the user's own.

Nothing is guessed: what could be read in two ways is refused in one line that says how to write it.
The first line of a CSV file is a header if every field is a word, a sample if every field is a
number, and refused otherwise: a sample with a missing field would be lost as a header, a header of
numbers would become a sample, and the index that pandas writes into a column without a name, or
called ``index``, would become the feature that dominates the spectrum.
"""

from __future__ import annotations

import csv
import os
import re
import zipfile
from pathlib import Path
from typing import NoReturn

import numpy as np

from langevin_sgd.checks import InputError, as_array, shown
from langevin_sgd.data.sizes import ALLOWED, first_unusable
from langevin_sgd.dataset import existing_file, named_file

MOST_COLUMNS = 10_000
"""Most columns of a table.

The Hessian of more would take over 800 MB; far more often such a table is a file whose many lines
have become one.
"""

Line = tuple[int, str]
"""Number of a line in its file, from 1, and its text."""


def read_table(path: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray]:
    """Read a design matrix and a target.

    Parameters
    ----------
    path
        A ``.npz`` file with arrays ``X`` (sample, parameter) and ``y`` (sample,), or a ``.csv``
        file of numbers in UTF-8, separated by commas, with one header line of words or none, whose
        last column is the target. Lines that are empty or begin with ``#`` do not count.

    Returns
    -------
    X
        (sample, parameter), as it stands in the file.
    y
        (sample,).

    Raises
    ------
    InputError
        If the file is missing, of another kind, or holds anything but finite real numbers that are
        0 or between 1e-100 and 1e100 in size; the message names the line and the column, both from
        1, as an editor counts them.
    """
    file = existing_file("data", path)
    readers = {".npz": _read_npz, ".csv": _read_csv}
    if file.suffix.lower() not in readers:
        _refuse(file, "must end in .npz (arrays X and y) or .csv (target in the last column)")
    with named_file("data", path, "read"):
        return readers[file.suffix.lower()](file)


def _refuse(file: Path, reason: str) -> NoReturn:
    raise InputError(f"data = {shown(str(file), width=400)}: {reason}")


# --- arrays ---------------------------------------------------------------------------------------


def _read_npz(file: Path) -> tuple[np.ndarray, np.ndarray]:
    arrays = _arrays(file)
    X, y = (
        as_array(f"data = {shown(str(file), width=400)}: {name}", arrays[name], finite=False)
        for name in "Xy"
    )
    if X.ndim != 2 or y.shape != X.shape[:1] or X.size == 0:
        _refuse(file, f"shapes {X.shape} and {y.shape}, must be (sample, parameter) and (sample,)")
    _require_columns(file, X.shape[1] + 1)
    for name, array in (("X", X), ("y", y)):
        if (place := first_unusable(array)) is not None:
            _refuse(
                file,
                f"{name}[{', '.join(map(str, place))}] = {array[place]:g}: {_reason(array[place])}",
            )
    return X, y


def _arrays(file: Path) -> dict[str, np.ndarray]:
    if not zipfile.is_zipfile(file):
        _refuse(file, "not a .npz file (numpy.savez writes one; numpy.save writes .npy)")
    try:
        with np.load(file, allow_pickle=False) as arrays:
            lacking = {"X", "y"} - set(arrays.files)
            names = arrays.files
            read = {} if lacking else {name: arrays[name] for name in "Xy"}
    except Exception as error:  # a damaged archive can raise nearly anything
        _refuse(
            file,
            "not a readable .npz file of numbers "
            f"({' '.join(str(error).split()) or type(error).__name__})",
        )
    if lacking:
        _refuse(file, f"has arrays {shown(names)}, must have X and y")
    return read


# --- text -----------------------------------------------------------------------------------------


def _read_csv(file: Path) -> tuple[np.ndarray, np.ndarray]:
    lines = [
        (number, line)
        for number, line in _lines(file)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        _refuse(file, "has no lines")
    names = _header(file, lines[0])
    samples = lines[1:] if names else lines
    if not samples:
        _refuse(file, "has a header and no samples")
    table = _numbers(file, samples, names)
    _require_no_index(file, samples, names, table)
    return np.ascontiguousarray(table[:, :-1]), np.ascontiguousarray(table[:, -1])


def _lines(file: Path) -> list[Line]:
    content = file.read_bytes()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content:
        _refuse(file, "is UTF-16 or no text: save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        _refuse(
            file, f"line {line} is not UTF-8 (byte 0x{content[error.start]:02x}): save it as UTF-8"
        )
    return list(enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1))


def _fields(file: Path, line: Line) -> list[str]:
    try:
        return [
            field.strip()
            for field in next(csv.reader([line[1]], skipinitialspace=True, strict=True))
        ]
    except csv.Error as error:
        _refuse(file, f"line {line[0]}: cannot be read ({error})")


def _header(file: Path, line: Line) -> list[str]:
    """Names of the columns, empty if the first line is a sample; anything else is refused."""
    fields = _fields(file, line)
    _require_commas(file, line, fields)
    _require_columns(file, len(fields))
    if _are_counted(fields):
        both = f"line {line[0]} may be the numbers of columns or a sample"
        _refuse(
            file,
            f"{both}: name the columns in words, or write the sample with points ({fields[0]}.0)",
        )
    if fields[0] in ("", "Unnamed: 0") and (
        all(map(_is_word, fields[1:])) or _are_counted(fields[1:])
    ):
        _refuse(
            file,
            f"line {line[0]}: column 1 has no name, "
            "as the index of pandas: write it with index=False",
        )
    words = [_is_word(field) for field in fields]
    if any(words) and not all(words):
        word, other = words.index(True), words.index(False)
        kind = (
            f"{shown(fields[word])} in column {word + 1}, "
            f"{shown(fields[other])} in column {other + 1}"
        )
        _refuse(
            file, f"line {line[0]} is neither a header of words nor a sample of numbers ({kind})"
        )
    return fields if all(words) else []


def _are_counted(fields: list[str]) -> bool:
    """Whether fields are 0, 1, as pandas names two columns, or count on from a number.

    Of the latter there must be more than two.
    """
    first = int(fields[0]) if re.fullmatch(r"\d{1,9}", fields[0]) else None
    follow = first is not None and fields == [str(first + place) for place in range(len(fields))]
    return follow and (first == 0 or len(fields) > 2)


def _is_word(field: str) -> bool:
    """Whether a field can name a column.

    It must hold a letter, and be neither a number nor a sign for a missing one.
    """
    missing = field.lower() in {
        "na",
        "n/a",
        "nan",
        "null",
        "none",
        "inf",
        "-inf",
        "infinity",
        "-infinity",
    }
    has_letter = any(character.isalpha() for character in field)
    return has_letter and not missing and _number(field) is None


def _number(field: str) -> float | None:
    """Value of a field, ``None`` if it is no number."""
    try:
        return float(field) if field.isascii() and "_" not in field else None
    except ValueError:
        return None


def _require_commas(file: Path, line: Line, fields: list[str]) -> None:
    for mark, word in ((";", "semicolons"), ("\t", "tabs")):
        if any(mark in field for field in fields):
            point = " and decimal commas into points" if re.search(r"\d,\d", line[1]) else ""
            _refuse(
                file,
                f"line {line[0]} is separated by {word}, "
                f"must be by commas: turn them into commas{point}",
            )
    if len(fields) == 1:
        hint = ", separated by commas and not by blanks" if len(fields[0].split()) > 1 else ""
        _refuse(
            file, f"line {line[0]} has one column, must have at least two, the target last{hint}"
        )


def _require_columns(file: Path, columns: int) -> None:
    if columns > MOST_COLUMNS:
        _refuse(file, f"has {columns} columns, must have at most {MOST_COLUMNS}")


def _numbers(file: Path, samples: list[Line], names: list[str]) -> np.ndarray:
    """Read samples: all at once, and one by one where that fails, to say what is wrong."""
    try:
        texts = [text for _, text in samples]
        table = np.loadtxt(texts, delimiter=",", comments=None, quotechar='"', ndmin=2)
    except ValueError as error:
        _refuse_first_fault(file, samples, names)
        _refuse(file, f"not a table of numbers ({' '.join(str(error).split())})")
    if (names and table.shape[1] != len(names)) or first_unusable(table) is not None:
        _refuse_first_fault(file, samples, names)
    return table


def _require_no_index(file: Path, samples: list[Line], names: list[str], table: np.ndarray) -> None:
    """Refuse an unnamed first column of 0, 1, 2 ..., if others are written with points."""
    named = bool(names) and names[0].lower() != "index"
    if named or len(table) < 3 or not np.array_equal(table[:, 0], np.arange(len(table))):
        return
    fields = [_fields(file, line) for line in samples]
    counted = all(row[0].isdigit() for row in fields)
    if counted and any(not field.isdigit() for row in fields for field in row[1:]):
        rule = "write it with index=False, or a feature with points (0.0)"
        _refuse(file, f"column 1 counts the samples, as the index of pandas: {rule}")


def _refuse_first_fault(file: Path, samples: list[Line], names: list[str]) -> None:
    """Raise `InputError` at the first unusable number, or the first line of another length."""
    columns = len(names) or len(_fields(file, samples[0]))
    for line in samples:
        fields = _fields(file, line)
        if len(fields) != columns:
            whose = "header" if names else "first line"
            _refuse(
                file,
                f"not a table: line {line[0]} has {len(fields)} columns, the {whose} has {columns}",
            )
        for place, field in enumerate(fields):
            number = _number(field)
            if number is None or first_unusable(np.array([number])) is not None:
                name = f" ({shown(names[place])})" if names else ""
                where = f"line {line[0]}, column {place + 1}{name}"
                _refuse(file, f"not a table of numbers: {where} {_fault(field, number)}")


def _fault(field: str, number: float | None) -> str:
    if not field:
        return "is empty"
    comma = re.fullmatch(r"[+-]?\d+,\d+", field) is not None
    hint = " (write a decimal point)" if comma else ""
    return f"is {shown(field)}: {_reason(number)}{hint}"


def _reason(number: float | None) -> str:
    return ALLOWED if number is not None and np.isfinite(number) else "must be a finite number"
