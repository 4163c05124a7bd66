"""Kinds of options that several commands share; each refuses bad values in one line.

A reader that refuses leaves a `Refused` in place of the value; `require_accepted` then names the
option. What an option names on the disk is tried here as well, before anything is computed. Sizes
have upper bounds far beyond any use, so that a slip of the keyboard is a message and not a machine
without memory.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from tyro.constructors import PrimitiveConstructorSpec

from langevin_sgd.checks import InputError, shown
from langevin_sgd.dataset import os_reason
from langevin_sgd.kernels.machine import try_writing
from langevin_sgd.plotting.figure import FORMATS

SMALLEST, LARGEST = 1e-30, 1e30
"""Sizes of numbers between which nothing that is computed from them leaves double precision."""

Read = Callable[[str], Any]


@dataclasses.dataclass(frozen=True)
class Refused:
    """A word that an option does not take."""

    word: str
    allowed: str
    place: str = ""
    """What the help calls it, where it has no name of its own."""


class _NotAllowedError(ValueError):
    """What is allowed, in words."""


def option(read: Read, metavar: str, *, place: str = "") -> PrimitiveConstructorSpec[Any]:
    """One word read by `read`; no word is taken for an option that is left out."""

    def accept(words: list[str]) -> Any:
        try:
            return read(words[0])
        except _NotAllowedError as error:
            return Refused(words[0], str(error), place)

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=accept,
        is_instance=lambda value: True,
        str_from_instance=_written,
    )


def _written(value: Any) -> list[str]:
    return [",".join(map(str, value)) if isinstance(value, tuple) else str(value)]


def require_accepted(command: Any) -> None:
    """Raise `InputError` if a word of the command line was refused, naming its option.

    Parameters
    ----------
    command
        A dataclass of options, perhaps with a verb that is one as well.
    """
    for field in dataclasses.fields(command):
        value = getattr(command, field.name)
        if dataclasses.is_dataclass(value) and not isinstance(value, Refused):
            require_accepted(value)
        if isinstance(value, Refused):
            name = value.place or f"--{field.name.replace('_', '-')}"
            raise InputError(f"{name} = {shown(value.word)}: {value.allowed}")


def accepted(name: str, read: Read, word: str) -> Any:
    """Return what `read` makes of a word, or raise `InputError` that names the option."""
    try:
        return read(word)
    except _NotAllowedError as error:
        raise InputError(f"{name} = {shown(word)}: {error}") from None


@contextmanager
def in_terms_of_options(options: Mapping[str, str]) -> Iterator[None]:
    """Name the options in an `InputError` that names arguments of the library.

    Parameters
    ----------
    options
        Argument -> option.
    """
    try:
        yield
    except InputError as error:
        line = _NAMES.sub(
            lambda names: _WORD.sub(lambda word: _option(word[0], options), names[0]), str(error)
        )
        raise InputError(line) from error


_NAMES = re.compile(r"^(--)?\w[\w.-]*(\[\d+\])?((, | \+ |: )[\w.]+)*(?= = |: )")
"""Names that begin a refusal: ``points + test_points``, ``KernelChange.points``."""
_WORD = re.compile(r"(?<![-.\w])[A-Za-z_][\w.]*")


def _option(argument: str, options: Mapping[str, str]) -> str:
    return f"--{options[argument]}" if argument in options else argument


def options_of(command: Any) -> dict[str, str]:
    """Map fields to options of the verb on the command line, leaving out fields without any."""
    fields = dataclasses.fields(command)
    verbs = [getattr(command, field.name) for field in fields if field.name == "verb"]
    named = [
        field.name
        for field in fields
        if not str(field.type).startswith(("Positional", "Directory"))
    ]
    return options_of(verbs[0]) if verbs else {name: name.replace("_", "-") for name in named}


# --- numbers --------------------------------------------------------------------------------------


def number(
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    below: float = math.inf,
    most: float = LARGEST,
) -> Read:
    """Return a reader of one number between bounds; ``above`` and ``below`` are exclusive."""
    bounds = (("above", above), ("at least", least), ("below", below), ("at most", most))
    named = " and ".join(
        f"{words} {bound:g}" for words, bound in bounds if math.isfinite(bound) and bound != LARGEST
    )
    allowed = _IN_WORDS.get(named) or f"must be a number {named}".rstrip()

    def read(word: str) -> float:
        try:
            value = float(word) if word.isascii() and "_" not in word else math.nan
        except ValueError:
            raise _NotAllowedError(allowed) from None
        if not (above < value < below and least <= value <= most):
            raise _NotAllowedError(
                allowed if math.isnan(value) or abs(value) <= LARGEST else f"{allowed} {_SIZES}"
            )
        if value and not SMALLEST <= abs(value) <= LARGEST:
            raise _NotAllowedError(f"{allowed} {_SIZES}")
        return value

    return read


_IN_WORDS = {
    "above 0": "must be a positive number",
    "at least 0": "must be a number of zero or above",
    "at least 0 and below 1": "must satisfy 0 <= value < 1",
}
_SIZES = f"(sizes from {SMALLEST:g} to {LARGEST:g})"


def count(least: int, most: int) -> Read:
    """Return what reads one integer from `least` to `most`."""
    allowed = f"must be an integer from {least} to {most}"

    def read(word: str) -> int:
        if (
            not re.fullmatch(r"\s*[+-]?\d{1,40}\s*", word, re.ASCII)
            or not least <= int(word) <= most
        ):
            raise _NotAllowedError(allowed)
        return int(word)

    return read


def list_of(read: Read) -> Read:
    """Return what reads at least one value between commas, each by `read`, as a tuple."""

    def read_all(word: str) -> tuple[Any, ...]:
        parts = [part.strip() for part in word.split(",")]
        if not all(parts):
            raise _NotAllowedError("must be values A,B,... without gaps")
        try:
            return tuple(read(part) for part in parts)
        except _NotAllowedError as error:
            raise _NotAllowedError(f"each {error}" if len(parts) > 1 else str(error)) from None

    return read_all


# --- words ----------------------------------------------------------------------------------------


def text(word: str) -> str:
    """Read a word that is not empty."""
    return _fitting(r"(?s).*\S.*", word, "must not be empty")


def address(word: str) -> str:
    """Read the address of a Dask scheduler."""
    return _fitting(
        r"(?:[a-z]+://)?[^\s/]+:\d{1,5}", word, "must be an address such as tcp://host:8786"
    )


def torch_device(word: str) -> str:
    """Read the name of a device on which networks are trained."""
    return _fitting(r"cpu|cuda(:\d{1,3})?", word, "must be cpu, cuda or cuda:N")


def _fitting(pattern: str, word: str, allowed: str) -> str:
    if not re.fullmatch(pattern, word):
        raise _NotAllowedError(allowed)
    return word


# --- places ---------------------------------------------------------------------------------------


@contextmanager
def _tried() -> Iterator[None]:
    """Say in words why a place cannot be used."""
    try:
        yield
    except (OSError, ValueError) as error:
        if isinstance(error, _NotAllowedError):
            raise
        raise _NotAllowedError(f"cannot be used ({os_reason(error)})") from None


def input_file(word: str) -> Path:
    """Read the name of a file that can be read."""
    path = Path(text(word))
    with _tried():
        if not path.exists():
            raise _NotAllowedError("there is no such file")
        if not path.is_file():
            raise _NotAllowedError("must be a file")
        path.open("rb").close()
    return path


def output_file(word: str) -> Path:
    """Read the name of an output file and try to write it, before anything is computed."""
    path = Path(text(word))
    with _tried():
        if path.exists() and not path.is_file():
            raise _NotAllowedError("must be a file")
        if not path.parent.is_dir():
            raise _NotAllowedError("the folder is not there")
        try_writing(path.parent, path.name)
    return path


def figure_file(word: str) -> Path:
    """Read the name of a file into which a figure can be drawn."""
    if Path(word).suffix.lower().lstrip(".") not in FORMATS:
        raise _NotAllowedError(f"must end in {', '.join(f'.{name}' for name in FORMATS)}")
    return output_file(word)


def store_folder(word: str) -> Path:
    """Read the name of a folder of results, which need not be there yet."""
    path = Path(text(word))
    with _tried():
        # Also a name that is too long, and one below a file, are found out here.
        exists = path.exists()
        nearest = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
        if not nearest.is_dir():
            raise _NotAllowedError("must be a folder" if exists else f"'{nearest}' is not a folder")
    return path


def stored_folder(word: str) -> Path:
    """Read the name of a folder of results that is there and can be read."""
    path = Path(text(word))
    with _tried():
        if not path.is_dir():
            raise _NotAllowedError(
                "must be a folder" if path.exists() else "there is no such directory"
            )
        next(path.iterdir(), None)
    return path


def output_folder(word: str) -> Path:
    """Read the name of a folder to write into, make it, and try it."""
    path = store_folder(word)
    with _tried():
        path.mkdir(parents=True, exist_ok=True)
        try_writing(path, "report")
    return path


# --- options that many commands have --------------------------------------------------------------

Results = Annotated[Path, option(store_folder, "DIR")]
Figure = Annotated[Path | None, option(figure_file, "FILE")]
DataFile = Annotated[Path | None, option(input_file, "FILE")]
Seed = Annotated[int, option(count(0, 2**128 - 1), "INT")]
Workers = Annotated[int, option(count(0, 1024), "INT")]
Scheduler = Annotated[str | None, option(address, "ADDRESS")]


# --- sizes and parameters that several commands have ----------------------------------------------

LARGEST_SIZE = 10**9
"""Of a training set, a batch, a dimension."""
LARGEST_REPLICAS = 10**6
LARGEST_STEPS = 10**15
LARGEST_CHI = 30.0
"""Exponents of densities: averages over steeper ones leave double precision."""
LARGEST_TIME = 1e12
"""lr * steps / d."""

_SIZE, _STEPS = count(1, LARGEST_SIZE), count(1, LARGEST_STEPS)
_CHI = number(above=-1, most=LARGEST_CHI)

Size = Annotated[int, option(_SIZE, "INT")]
SizeIfGiven = Annotated[int | None, option(_SIZE, "INT")]
StepsIfGiven = Annotated[int | None, option(_STEPS, "INT")]
Positive = Annotated[float, option(number(above=0), "FLOAT")]
NotNegative = Annotated[float, option(number(least=0), "FLOAT")]
NotNegativeIfGiven = Annotated[float | None, option(number(least=0), "FLOAT")]
Chi = Annotated[float, option(_CHI, "FLOAT")]


def several(read: Read) -> Any:
    """Values between commas."""
    return option(list_of(read), "A,B,...")


Sizes = Annotated[tuple[int, ...], several(_SIZE)]
Positives = Annotated[tuple[float, ...], several(number(above=0))]
Times = Annotated[tuple[float, ...], several(number(least=0, most=LARGEST_TIME))]
Chis = Annotated[tuple[float, ...], several(_CHI)]
