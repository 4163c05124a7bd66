"""Texts, paths, functions, objects of the package, and the fields of dataclasses."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from langevin_sgd.checks.refusals import InputError, require, shown

Kind = TypeVar("Kind")


def as_text(name: str, value: Any) -> str:
    """Return a text as Python's own.

    Raises
    ------
    InputError
        For any other value.
    """
    require(isinstance(value, str), name, value, "must be a text")
    return str(value)


def as_choice(name: str, value: Kind, allowed: Iterable[str]) -> Kind:
    """Return `value` if it is among `allowed`; the refusal suggests the nearest.

    Raises
    ------
    InputError
        For any other value.
    """
    names = list(allowed)
    if not isinstance(value, str) or value not in names:
        near = difflib.get_close_matches(value, names, 1) if isinstance(value, str) else []
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise InputError(f"{name} = {shown(value)}: must be one of {', '.join(names)}{hint}")
    return str(value)  # type: ignore[return-value]


def as_instance(
    name: str, value: Any, kind: type[Kind] | tuple[type[Kind], ...], allowed: str = ""
) -> Kind:
    """Return `value` if it is of the kind.

    `allowed` describes the kind, by default by the names of its classes.

    Raises
    ------
    InputError
        For any other value.
    """
    kinds = kind if isinstance(kind, tuple) else (kind,)
    names = " or ".join(each.__name__ for each in kinds)
    require(isinstance(value, kinds), name, value, allowed or f"must be of type {names}")
    return value


def as_objects(name: str, values: Any, kind: type[Kind]) -> tuple[Kind, ...]:
    """Return objects of one kind, which may be none at all, in a sequence of their own.

    Raises
    ------
    InputError
        For any other value.

    Examples
    --------
    >>> as_objects("names", ["a", "b"], str)
    ('a', 'b')
    """
    allowed = f"must be a sequence of objects of type {kind.__name__}"
    require(not isinstance(values, str | bytes | Mapping), name, values, allowed)
    try:
        given = list(values)
    except TypeError:
        raise InputError(f"{name} = {shown(values)}: {allowed}") from None
    return tuple(as_instance(name, member, kind) for member in given)


def as_path(name: str, value: Any, allowed: str = "must be the path of a file") -> Path:
    """Return a path; whether something is there is another question.

    Raises
    ------
    InputError
        For any other value.

    Examples
    --------
    >>> as_path("path", "a/b").name
    'b'
    """
    as_instance(name, value, (str, os.PathLike), allowed)
    path = os.fspath(value)
    require(isinstance(path, str) and "\0" not in path, name, value, allowed)
    return Path(path)


def as_callable(name: str, value: Any) -> Callable[..., Any]:
    """Return `value` if it can be called.

    Raises
    ------
    InputError
        For any other value.
    """
    require(callable(value), name, value, "must be a function")
    return value


def as_function(name: str, value: Any) -> Callable[..., Any]:
    """Return `value` if it is a function, or an object that is called like one; a class is none.

    Raises
    ------
    InputError
        For any other value.
    """
    require(callable(value) and not isinstance(value, type), name, value, "must be a function")
    return value


def convert_fields(settings: Any, converters: Mapping[str, Callable[[str, Any], Any]]) -> None:
    """Convert fields of a frozen dataclass in place, from its ``__post_init__``."""
    for name, convert in converters.items():
        object.__setattr__(settings, name, convert(name, getattr(settings, name)))
