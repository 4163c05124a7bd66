"""Kinds of arguments that several commands have, and errors in their words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tyro.constructors import PrimitiveConstructorSpec

from langevin_sgd.checks import InputError


def list_of(read: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    """Return what reads values between commas, each by `read`, as a tuple."""
    return lambda word: tuple(read(part) for part in word.split(",") if part.strip())


def comma_list(read: Callable[[str], Any]) -> PrimitiveConstructorSpec[tuple[Any, ...]]:
    """Values between commas, each read by `read`, as a tuple."""
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="A,B,...",
        instance_from_str=lambda words: list_of(read)(words[0]),
        is_instance=lambda value: isinstance(value, tuple),
        str_from_instance=lambda value: [",".join(map(str, value))],
    )


def optional(read: Callable[[str], Any], metavar: str) -> PrimitiveConstructorSpec[Any]:
    """One value read by `read`, or none where the option is left out."""
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=lambda words: read(words[0]),
        is_instance=lambda value: value is None or isinstance(value, int | float),
        str_from_instance=lambda value: [str(value)],
    )


@contextmanager
def in_words_of_the_command(options: Mapping[str, str]) -> Iterator[None]:
    """Name the option in an `InputError` that names an argument of the library.

    Parameters
    ----------
    options
        Argument -> option.
    """
    try:
        yield
    except InputError as error:
        name, equals, rest = str(error).partition(" = ")
        raise InputError(f"{options.get(name, name)}{equals}{rest}") from error
