"""What the modules of the package are made of and what they lead to, found by reading their source.

Which modules are reached follows from imports: ``from a import b`` and ``ls.a.b`` after ``import
langevin_sgd as ls`` are followed to the module where ``b`` is written, through the exports of
``__init__`` files and the lazy table of the package. Imports for type checkers do not count, and
neither do the modules that carry results without making numbers.

Range of validity: names that are put together at run time (``getattr`` with a computed name) and
code outside the package, NumPy included, are not seen.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import langevin_sgd
from langevin_sgd.checks import InputError
from langevin_sgd.sweep.files import place_in_package, source_of
from langevin_sgd.sweep.names import PACKAGE, place_of
from langevin_sgd.sweep.syntax import Import, says

_NO_NUMBERS = tuple(f"{PACKAGE}.{name}" for name in ("sweep", "claims", "plotting", "cli"))
_TABLE = "DISPATCHES"

# The tables by which the package resolves its public names lazily.
_HOMES: dict[str, str] = vars(langevin_sgd)["_HOME"]
_MODULES: tuple[str, ...] = vars(langevin_sgd)["_MODULES"]

Binding = dict[str, str]
"""Name in a module -> dotted path it stands for."""


class Use(NamedTuple):
    """A thing of the package that some source uses."""

    module: str
    """Where it is written."""
    name: str
    """Its name there; empty if the module as a whole is meant."""


# --- one module -----------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def tree_of(module: str) -> ast.Module:
    """Return the syntax tree of a module, without docstrings and imports for type checkers."""
    tree = _parsed(module)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [item for item in body if says(item)]
    return tree


def _parsed(module: str) -> ast.Module:
    source = source_of(module)
    return ast.parse(b"" if source is None else source.read_bytes())


@lru_cache(maxsize=1024)
def statements(module: str) -> tuple[ast.stmt, ...]:
    """Return the top-level statements of a module, without imports and a table of `dispatches`."""
    body = (node for node in tree_of(module).body if not isinstance(node, Import))
    return tuple(node for node in body if _table(node, module) is None)


@lru_cache(maxsize=1024)
def dispatches(module: str) -> dict[str, str]:
    """Return the table ``DISPATCHES`` of a module: name of a class -> module for its objects.

    The table must be a literal of strings: short names or Python names of classes, and dotted
    names of modules, with or without the name of the package. A module without such a table passes
    nothing on.

    Raises
    ------
    InputError
        If it is anything else.
    """
    body = tree_of(module).body
    tables = [table for node in body if (table := _table(node, module)) is not None]
    return {
        place_of(name)[1] or name: place if is_own(place) else f"{PACKAGE}.{place}"
        for table in tables
        for name, place in table.items()
    }


def _table(node: ast.stmt, module: str) -> dict[str, str] | None:
    """Return the table that a statement is, ``None`` if it is another statement."""
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return None
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    if [getattr(target, "id", None) for target in targets] != [_TABLE]:
        return None
    with contextlib.suppress(ValueError):
        table = ast.literal_eval(node.value)
        if isinstance(table, dict) and _are_texts(*table.keys(), *table.values()):
            return table
    # Modules that it leads to would not be seen, and old results taken for those of new code.
    raise InputError(f"{_TABLE} of {module}: must be a literal table of texts, class -> module")


def _are_texts(*values: object) -> bool:
    return all(isinstance(value, str) for value in values)


def as_written(statement: ast.stmt) -> ast.stmt:
    """Return a statement as it is."""
    return statement


def reached_statements(
    module: str, names: Iterable[str], seen_as: Callable[[ast.stmt], ast.stmt] = as_written
) -> list[ast.stmt]:
    """Return the statements that `names` reach, and those that define nothing, in order.

    Parameters
    ----------
    module
        Where they stand.
    names
        Names on top of the module.
    seen_as
        What of each statement counts.
    """
    body = [seen_as(node) for node in statements(module)]
    reached = set(names)
    chosen: set[int] = set()
    grown = True
    while grown:
        new = {
            i
            for i, node in enumerate(body)
            if not (defined := defined_names(node)) or defined & reached
        } - chosen
        chosen |= new
        reached |= set().union(*(used_names(body[i]) for i in new))
        grown = bool(new)
    return [body[i] for i in sorted(chosen)]


def defined_names(statement: ast.stmt) -> set[str]:
    """Return the names that a statement gives to a function, a class or a value."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        return {
            node.id
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
    return set()


def used_names(node: ast.AST) -> set[str]:
    """Return all names in a piece of source."""
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def names_at_work(node: ast.AST) -> Iterator[str]:
    """Yield the names used, those in annotations left out."""
    if isinstance(node, ast.Name):
        yield node.id
    for child in _children_at_work(node):
        yield from names_at_work(child)


def _children_at_work(node: ast.AST) -> Iterator[ast.AST]:
    annotations = (getattr(node, "annotation", None), getattr(node, "returns", None))
    return (child for child in ast.iter_child_nodes(node) if child not in annotations)


# --- from names to modules ------------------------------------------------------------------------


def uses_of_part(chosen: Iterable[ast.stmt], module: str) -> frozenset[Use]:
    """Return what some statements of `module` use by name."""
    binding = bindings_of(module)
    uses: set[Use] = set()
    for statement in chosen:
        binding_here = binding | dict(_bindings(statement, module))
        for path in _dotted_uses(statement, binding_here):
            uses |= homes(path)
    return frozenset(uses)


@lru_cache(maxsize=1024)
def uses_of_whole(module: str) -> frozenset[Use]:
    """Return what a module uses by name, and all that it imports: imports can have effects.

    The classes that a dispatcher hands on do not count: those that occur are reached without it.
    """
    paths = {path for _, path in _bindings(tree_of(module), module) if path != PACKAGE}
    imported = {use for path in paths if is_own(path) for use in homes(path)}
    uses = uses_of_part(statements(module), module) | imported
    return frozenset(use for use in uses if use.name not in dispatches(module))


@lru_cache(maxsize=1024)
def bindings_of(module: str) -> Binding:
    """Return what the imported names of a module stand for, wherever in it they are imported."""
    return dict(_bindings(tree_of(module), module))


def _bindings(tree: ast.AST, module: str) -> list[tuple[str, str]]:
    """What imported names stand for; imports inside functions are taken as if they stood on top."""
    imports = (node for node in ast.walk(tree) if isinstance(node, Import))
    return [pair for node in imports for pair in imported_names(node, module)]


def imported_names(node: Import, module: str) -> list[tuple[str, str]]:
    """Return the names that an import in `module` binds, each with its dotted path."""
    if isinstance(node, ast.ImportFrom):
        source = _source(node, module)
        return [(alias.asname or alias.name, f"{source}.{alias.name}") for alias in node.names]
    # ``import a.b`` binds a alone.
    return [
        (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
        for alias in node.names
    ]


def _source(node: ast.ImportFrom, module: str) -> str:
    """Absolute path of the module that a ``from`` import names."""
    if node.level == 0:
        return node.module or ""
    source = source_of(module)
    is_package = source is not None and source.name == "__init__.py"
    parents = module.split(".")[: len(module.split(".")) - node.level + is_package]
    return ".".join([*parents, *([node.module] if node.module else [])])


def is_own(path: str) -> bool:
    """Whether a dotted path begins with the package."""
    return path.split(".")[0] == PACKAGE


def _dotted_uses(node: ast.AST, binding: Binding) -> Iterator[str]:
    """Dotted paths used: the longest chain of attributes from ``ls``.

    For ``ls.theory.LangevinLaw(...).mean`` that is ``ls.theory.LangevinLaw``.

    Annotations do not count: what a task is given stands in its settings, and what it makes is
    named where it is made.
    """
    if isinstance(node, ast.Attribute | ast.Name):
        chain: list[str] = []
        inner: ast.AST = node
        while isinstance(inner, ast.Attribute):
            chain.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name) and is_own(binding.get(inner.id, "")):
            yield ".".join([binding[inner.id], *reversed(chain)])
            return
    for child in _children_at_work(node):
        yield from _dotted_uses(child, binding)


@lru_cache(maxsize=8192)
def homes(path: str) -> frozenset[Use]:
    """Return what a dotted path of the package stands for, by the module where it is written; all
    of the package if that cannot be told.
    """
    module, rest = PACKAGE, path.split(".")[1:]
    if not rest or rest[0] == "*":
        modules = {f"{PACKAGE}.{name}" for name in (*_HOMES.values(), *_MODULES)}
        return frozenset(Use(module, "") for module in modules - set(_NO_NUMBERS))
    while rest:
        name, *rest = rest
        if module == PACKAGE and name in _HOMES:
            module, rest = f"{PACKAGE}.{_HOMES[name]}", [name]
        elif is_module(f"{module}.{name}"):
            module = f"{module}.{name}"
        else:
            exported = _exports(module).get(name, "")
            return homes(exported) if is_own(exported) else _counted(Use(module, name))
    return _counted(Use(module, ""))


@lru_cache(maxsize=1024)
def _exports(module: str) -> Binding:
    """What the names stand for that others can take from a module.

    A package that imports on first use (a function ``__getattr__``) says to type checkers where its
    names come from.
    """
    source = source_of(module)
    if source is None or source.name != "__init__.py":
        return bindings_of(module)
    return dict(_bindings(_parsed(module), module))


def _counted(use: Use) -> frozenset[Use]:
    silent = use.module == PACKAGE or use.module.startswith(_NO_NUMBERS)
    return frozenset() if silent else frozenset({use})


def is_module(path: str) -> bool:
    """Whether a dotted path is that of a module of the package."""
    return place_in_package(path) is not None
