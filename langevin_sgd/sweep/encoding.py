"""Settings of tasks as canonical JSON, and back.

Settings are a frozen dataclass of finite numbers, strings, booleans, ``None``, tuples and further
frozen dataclasses; an array comes in as a tuple, or better as the seed and sizes that make it. The
JSON of a dataclass names its class (`langevin_sgd.sweep.names`). Whole numbers given for a field
annotated ``float`` are written as floats, so that ``lr=1`` and ``lr=1.0`` are one task; numbers of
NumPy are written as Python's own.

A field that is equal to its default is left out, so that a field added later, with a default that
means what was done before, does not give old settings another name. Whoever changes a default
therefore raises the version of the tasks that take the class.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from langevin_sgd.checks import InputError, shown
from langevin_sgd.sweep.names import class_named, name_of

CLASS = "class"
"""Key under which a dataclass names its class."""


def encode(settings: Any) -> str:
    """Write a frozen dataclass as canonical JSON: sorted keys, no spaces, class names, no NaN."""
    if not is_dataclass(settings) or isinstance(settings, type):
        raise InputError(f"settings = {shown(settings)}: must be an instance of a frozen dataclass")
    return _text(_plain(settings, "settings"))


def _plain(value: Any, where: str) -> Any:
    value = _python_number(value)
    if is_dataclass(value) and not isinstance(value, type):
        return _plain_dataclass(value, where)
    if isinstance(value, tuple):
        return [_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if (
        value is None
        or isinstance(value, bool | int | str)
        or (isinstance(value, float) and math.isfinite(value))
    ):
        return value
    raise InputError(
        f"{where} = {shown(value)}: must be a finite number, text, a tuple or a frozen dataclass"
    )


def _python_number(value: Any) -> Any:
    """Return Python's own number for one of NumPy, anything else as it is."""
    return value.item() if isinstance(value, np.generic | np.ndarray) and value.ndim == 0 else value


def _plain_dataclass(value: Any, where: str) -> dict[str, Any]:
    kind: Any = type(value)
    if not kind.__dataclass_params__.frozen:
        raise InputError(f"{where} = {kind.__name__}: must be a frozen dataclass")
    name = name_of(kind)
    if "<locals>" in name or name.startswith("__main__:"):
        raise InputError(
            f"{where} = {kind.__name__}: must be a class at the top level of an importable module"
        )
    defaults = _defaults(kind)
    plain: dict[str, Any] = {CLASS: name}
    for field in _given(kind):
        item = _plain_field(field, getattr(value, field.name), f"{where}.{field.name}")
        if _text(item) != defaults.get(field.name):
            plain[field.name] = item
    return plain


def _given(kind: Any) -> tuple[Field[Any], ...]:
    """Fields that the constructor of a dataclass takes; others follow from them."""
    return tuple(field for field in fields(kind) if field.init)


def _plain_field(field: Field[Any], value: Any, where: str) -> Any:
    item = _python_number(value)
    is_whole = isinstance(item, int) and not isinstance(item, bool)
    return _plain(float(item) if is_whole and field.type in _REAL else item, where)


_REAL = (float, float | None, "float", "float | None")
"""Annotations of fields whose whole numbers are written as floats."""


@lru_cache(maxsize=256)
def _defaults(kind: Any) -> dict[str, str]:
    """JSON of the defaults of fields; unlike ==, it tells 0.0 from -0.0 and 1 from True."""
    known: dict[str, str] = {}
    for field in _given(kind):
        # A default that cannot be encoded, as a function, is not that of a value that can.
        with contextlib.suppress(InputError):
            if field.default is not MISSING:
                known[field.name] = _text(_plain_field(field, field.default, field.name))
    return known


def _text(plain: Any) -> str:
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)


def decode(text: str) -> Any:
    """Read back what `encode` wrote; a field that was left out has its default.

    Raises
    ------
    InputError
        If a class is not there any more, is no dataclass, or its fields have changed.
    """
    try:
        return _restored(json.loads(text))
    except (ImportError, AttributeError, TypeError, KeyError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"settings: cannot be read back ({error})") from error


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_restored(item) for item in value)
    if isinstance(value, dict):
        kind = class_named(value[CLASS])
        return kind(**{key: _restored(item) for key, item in value.items() if key != CLASS})
    return value


def classes_in(settings: Any) -> Iterator[str]:
    """Names of the classes in settings given as JSON, in any order, with repetitions."""
    if isinstance(settings, list):
        for item in settings:
            yield from classes_in(item)
    elif isinstance(settings, dict):
        if isinstance(name := settings.get(CLASS), str):
            yield name
        for item in settings.values():
            yield from classes_in(item)
