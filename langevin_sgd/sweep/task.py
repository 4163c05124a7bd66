"""Tasks: pure functions of frozen settings, known by name and settings alone.

A task travels as its name ``module:qualname`` and its settings as canonical JSON, and is looked up
where it runs. The JSON of a dataclass names its class; whole numbers given for a field annotated
``float`` are written as floats, so that ``lr=1`` and ``lr=1.0`` are one task. Settings may hold
numbers, strings, booleans, ``None``, tuples and further frozen dataclasses; an array comes in as a
tuple, or better as the seed and sizes that make it. Numbers of NumPy are written as Python's own.

A name that stands in a file decides nothing: `known` looks it up among the functions that this
process has made into tasks, and among the modules of the package whose source says that they hold
it; nothing else is imported.
"""

from __future__ import annotations

import ast
import importlib
import json
import math
import re
import typing
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import lru_cache, update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from langevin_sgd.checks import (
    InputError,
    as_callable,
    as_choice,
    as_count,
    as_text,
    convert_fields,
    require,
    shown,
)

if TYPE_CHECKING:
    import xarray as xr

S = TypeVar("S")

_CLASS = "class"
_PACKAGE = "langevin_sgd"

_made: dict[str, TaskFunction[Any]] = {}
"""Functions that this process has made into tasks, by name."""


@dataclass(frozen=True)
class Task:
    """One point of a grid: what to compute, not how or where.

    Parameters
    ----------
    name
        ``module:qualname`` of the decorated function.
    settings
        Canonical JSON of its settings.

    Raises
    ------
    InputError
        If the name or the settings are not of this form; whether there is such a function is asked
        when it is needed.
    """

    name: str
    settings: str

    def __post_init__(self) -> None:
        convert_fields(self, {"name": _as_name, "settings": _as_settings})

    @property
    def function(self) -> TaskFunction[Any]:
        """The decorated function, imported by name."""
        return find(self.name)

    def compute(self) -> xr.Dataset:
        """Call the function on the settings, without a store."""
        return self.function(decode(self.settings))

    def has_setting(self, name: str) -> bool:
        """Whether the settings have a field of this name."""
        return as_text("name", name) in json.loads(self.settings)

    def with_setting(self, name: str, value: Any) -> Task:
        """Return the same task with another value of one field of its settings.

        Raises
        ------
        InputError
            If there is no such field, or the settings do not take the value.
        """
        settings = decode(self.settings)
        name = as_choice("name", name, [field.name for field in fields(settings)])
        try:
            return Task(self.name, encode(replace(settings, **{name: value})))
        except InputError as error:
            raise InputError(f"value = {shown(value)}: {error}") from None


def _as_name(what: str, value: str) -> str:
    name = as_text(what, value)
    fits = re.fullmatch(r"[^:/\s]+:[^:/\s]+", name) is not None and name.isprintable()
    require(fits, what, value, "must be MODULE:FUNCTION")
    return name


def _as_settings(what: str, value: str) -> str:
    settings = as_text(what, value)
    try:
        found = json.loads(settings)
    except (ValueError, RecursionError):
        found = None
    require(isinstance(found, dict), what, value, "must be a JSON object")
    return settings


class TaskFunction(Generic[S]):
    """A function that can be called as it stands, or be bound to settings with `at`."""

    def __init__(self, function: Callable[[S], xr.Dataset], version: int) -> None:
        version = as_count("version", version)
        update_wrapper(self, as_callable("function", function))
        self.function = function
        self.version = version
        self.name = f"{function.__module__}:{function.__qualname__}"
        _made[self.name] = self

    def __call__(self, settings: S) -> xr.Dataset:
        """Compute here and now, without a store."""
        return self.function(settings)

    def at(self, settings: S) -> Task:
        """Return the task of this function at `settings`.

        Raises
        ------
        InputError
            If the settings are not a frozen dataclass of plain values, or the function is not at
            the top of a module.
        """
        if "<locals>" in self.name or self.name.startswith("__main__:"):
            raise InputError(
                f"task = {self.name!r}: must be a function at the top level of an importable module"
            )
        return Task(self.name, encode(settings))


def task(*, version: int = 1) -> Callable[[Callable[[S], xr.Dataset]], TaskFunction[S]]:
    """Make a task of a function of one frozen dataclass that returns an ``xarray.Dataset``.

    Parameters
    ----------
    version
        Raise it to have stored results computed again although no source changed, for instance for
        new data files.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Settings:
    ...     lr: float
    >>> task(version=2)(lambda settings: settings.lr)(Settings(0.5))
    0.5
    """
    return lambda function: TaskFunction(function, version)


@lru_cache(maxsize=256)
def find(name: str) -> TaskFunction[Any]:
    """Import the task function called ``module:qualname``; only for names that a running sweep
    gives.

    Raises
    ------
    InputError
        If it is not there any more.
    """
    try:
        found = _look_up(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"task = {name!r}: cannot be found ({error})") from error
    if not isinstance(found, TaskFunction):
        raise InputError(f"task = {name!r}: is not decorated with sweep.task")
    return found


def _look_up(name: str) -> Any:
    module, qualname = name.split(":")
    found: Any = importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    return found


def known(name: str) -> TaskFunction[Any] | None:
    """Return the task function that a file names, ``None`` if this process and the package have
    none of that name.
    """
    if name not in _made and _is_task_of_package(name):
        importlib.import_module(name.split(":")[0])
    return _made.get(name)


@lru_cache(maxsize=256)
def _is_task_of_package(name: str) -> bool:
    """Whether a module of the package defines a task of this name; its source is read, not run."""
    module, _, function = name.partition(":")
    source = _source_in_package(module.split("."))
    if source is None or not function.isidentifier():
        return False
    defined = [
        node for node in ast.parse(source.read_bytes()).body if isinstance(node, ast.FunctionDef)
    ]
    return any(
        node.name == function and any(map(_makes_a_task, node.decorator_list)) for node in defined
    )


def _makes_a_task(decorator: ast.expr) -> bool:
    made_by = decorator.func if isinstance(decorator, ast.Call) else None
    return getattr(made_by, "attr", getattr(made_by, "id", None)) == task.__name__


def _source_in_package(parts: list[str]) -> Path | None:
    """File of a module of the package, claims of the user's own among them."""
    if len(parts) < 2 or parts[0] != _PACKAGE or not all(part.isidentifier() for part in parts):
        return None
    inside = 2 if parts[1] == "validation" else 1
    folders = importlib.import_module(".".join(parts[:inside])).__path__
    files = (Path(folder).joinpath(*parts[inside:]).with_suffix(".py") for folder in folders)
    return next((file for file in files if file.is_file()), None)


# --- settings as canonical JSON -------------------------------------------------------------------


def encode(settings: Any) -> str:
    """Write a frozen dataclass as canonical JSON: sorted keys, no spaces, class names, no NaN or
    infinity.
    """
    if not is_dataclass(settings) or isinstance(settings, type):
        raise InputError(f"settings = {shown(settings)}: must be an instance of a frozen dataclass")
    return json.dumps(
        _plain(settings, "settings"), sort_keys=True, separators=(",", ":"), allow_nan=False
    )


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
    floats = _float_fields(kind)
    plain: dict[str, Any] = {_CLASS: f"{kind.__module__}:{kind.__qualname__}"}
    for field in fields(kind):
        item = _python_number(getattr(value, field.name))
        is_whole = isinstance(item, int) and not isinstance(item, bool)
        exact = float(item) if is_whole and field.name in floats else item
        plain[field.name] = _plain(exact, f"{where}.{field.name}")
    return plain


@lru_cache(maxsize=256)
def _float_fields(kind: Any) -> frozenset[str]:
    return frozenset(name for name, hint in typing.get_type_hints(kind).items() if hint is float)


def decode(text: str) -> Any:
    """Read back what `encode` wrote.

    Raises
    ------
    InputError
        If a class is not there any more, is no dataclass, or its fields have changed.
    """
    try:
        return _restored(json.loads(text))
    except (ImportError, AttributeError, TypeError, KeyError) as error:
        raise InputError(f"settings: cannot be read back ({error})") from error


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_restored(item) for item in value)
    if isinstance(value, dict):
        kind: Any = _look_up(value[_CLASS])
        if not (isinstance(kind, type) and is_dataclass(kind)):
            raise TypeError(f"{value[_CLASS]} is no dataclass")
        return kind(**{key: _restored(item) for key, item in value.items() if key != _CLASS})
    return value
