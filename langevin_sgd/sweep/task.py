"""Tasks: pure functions of frozen settings, known by name and settings alone.

A task travels as its name ``module:qualname`` and its settings as canonical JSON
(`langevin_sgd.sweep.encoding`), and is looked up where it runs.

A name that stands in a file decides nothing: `known` looks it up among the functions that this
process has made into tasks, and among the modules of the package whose source says that they hold
it; nothing else is imported.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import lru_cache, update_wrapper
from typing import TYPE_CHECKING, Any, Generic, TypeVar

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
from langevin_sgd.sweep.encoding import decode, encode
from langevin_sgd.sweep.files import place_in_package
from langevin_sgd.sweep.names import look_up

if TYPE_CHECKING:
    import xarray as xr

S = TypeVar("S")

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
        """Whether the settings have a field of this name, at its default or not."""
        return as_text("name", name) in {field.name for field in fields(decode(self.settings))}

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
        content = json.loads(settings)
    except (ValueError, RecursionError):
        content = None
    require(isinstance(content, dict), what, value, "must be a JSON object")
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
    """Import the task function ``module:qualname``; only for names given by a running sweep.

    Raises
    ------
    InputError
        If it is not there any more.
    """
    try:
        function = look_up(*name.split(":"))
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"task = {name!r}: cannot be found ({error})") from error
    if not isinstance(function, TaskFunction):
        raise InputError(f"task = {name!r}: is not decorated with sweep.task")
    return function


def known(name: str) -> TaskFunction[Any] | None:
    """Return the task function that a file names, or ``None`` if it is not known here."""
    if name not in _made and _is_task_of_package(name):
        importlib.import_module(name.split(":")[0])
    return _made.get(name)


@lru_cache(maxsize=256)
def _is_task_of_package(name: str) -> bool:
    """Whether a module of the package defines a task of this name; its source is read, not run."""
    module, _, function = name.partition(":")
    source = place_in_package(module)
    if source is None or not source.is_file() or not function.isidentifier():
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
