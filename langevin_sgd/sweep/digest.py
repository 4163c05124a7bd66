"""Digest of the source code that a task's result depends on.

Found by reading the source, not by running it. In the task's own module the digest covers the
function and the module-level names it reaches, so that editing the judgement of a claim does not
throw away its data; of every other module of the package it covers the whole text. Which modules
are reached follows from imports: ``from a import b`` and ``ls.a.b`` after ``import langevin_sgd as
ls`` are followed to the module where ``b`` is written, through the exports of ``__init__`` files
and the lazy table of the package. Docstrings, comments and layout do not count, and neither do
imports for type checkers or the modules that carry results without making numbers.

Range of validity: names that are put together at run time (``getattr`` with a computed name) and
code outside the package, NumPy included, are not seen.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from functools import lru_cache

import langevin_sgd

PACKAGE = "langevin_sgd"
_NO_NUMBERS = tuple(f"{PACKAGE}.{name}" for name in ("sweep", "claims", "plotting", "cli"))

# The tables by which the package resolves its public names lazily.
_HOMES: dict[str, str] = vars(langevin_sgd)["_HOME"]
_MODULES: tuple[str, ...] = vars(langevin_sgd)["_MODULES"]

Binding = dict[str, str]
"""Name in a module -> dotted path in the package it stands for."""


@lru_cache(maxsize=1024)
def digest(name: str) -> str:
    """Digest of the source a task ``module:qualname`` reaches, 64 hexadecimal digits."""
    content = "\n".join(f"{module}\n{text}" for module, text in sorted(sources(name).items()))
    return hashlib.sha256(content.encode()).hexdigest()


def sources(name: str) -> dict[str, str]:
    """Source a task ``module:qualname`` reaches, by module, as the digest sees it."""
    module, qualname = name.split(":")
    own = _reached_statements(module, qualname.split(".")[0])
    parts = {module: _text(own)}
    waiting = sorted(_modules_of(own, module))
    while waiting:
        reached = waiting.pop()
        if reached not in parts:
            parts[reached] = _text_of_whole(reached)
            waiting.extend(_modules_of_whole(reached))
    return parts


# --- one module -----------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _tree(module: str) -> ast.Module:
    """Syntax tree of a module without docstrings and without imports for type checkers."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None or not spec.has_location:
        return ast.Module(body=[], type_ignores=[])
    with open(spec.origin, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [
                item for item in body if not _is_docstring(item) and not _is_for_type_checkers(item)
            ]
    return tree


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_for_type_checkers(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    )


def _text(statements: Iterable[ast.stmt]) -> str:
    return "\n".join(ast.unparse(statement) for statement in statements)


@lru_cache(maxsize=1024)
def _text_of_whole(module: str) -> str:
    return _text(_tree(module).body)


def _defined_names(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        return {
            node.id
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) and _is_stored(node)
        }
    return set()


def _is_stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _used_names(node: ast.AST) -> set[str]:
    return {found.id for found in ast.walk(node) if isinstance(found, ast.Name)}


def _reached_statements(module: str, name: str) -> list[ast.stmt]:
    """Top-level statements that `name` reaches, in order; those that define nothing always
    count.
    """
    body = [
        node for node in _tree(module).body if not isinstance(node, ast.Import | ast.ImportFrom)
    ]
    reached = {name}
    chosen: set[int] = set()
    grown = True
    while grown:
        new = {
            i
            for i, node in enumerate(body)
            if not (names := _defined_names(node)) or names & reached
        } - chosen
        chosen |= new
        reached |= set().union(*(_used_names(body[i]) for i in new))
        grown = bool(new)
    return [body[i] for i in sorted(chosen)]


# --- from names to modules ------------------------------------------------------------------------


def _modules_of(statements: list[ast.stmt], module: str) -> set[str]:
    """Package modules that some statements of `module` reach by name."""
    binding = _bindings_of_whole(module)
    found: set[str] = set()
    for statement in statements:
        binding_here = binding | _bindings(statement, module)
        for path in _dotted_uses(statement, binding_here):
            found |= _home(path)
    return found


@lru_cache(maxsize=1024)
def _modules_of_whole(module: str) -> frozenset[str]:
    return frozenset(_modules_of(_tree(module).body, module)) | _imported(module)


def _imported(module: str) -> frozenset[str]:
    """Modules named in the imports of `module`, used or not: an import alone can have effects."""
    targets = _bindings_of_whole(module).values()
    return frozenset(home for target in targets if target != PACKAGE for home in _home(target))


@lru_cache(maxsize=1024)
def _bindings_of_whole(module: str) -> Binding:
    return _bindings(_tree(module), module)


def _bindings(tree: ast.AST, module: str) -> Binding:
    """What imported names stand for; imports inside functions are taken as if they stood on top."""
    found: Binding = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == PACKAGE:
                    found[alias.asname or PACKAGE] = alias.name if alias.asname else PACKAGE
        elif isinstance(node, ast.ImportFrom) and (source := _source(node, module)):
            found |= {alias.asname or alias.name: f"{source}.{alias.name}" for alias in node.names}
    return found


def _source(node: ast.ImportFrom, module: str) -> str | None:
    """Absolute path of the module a ``from`` import names, if it lies in the package."""
    if node.level == 0:
        path = node.module or ""
    else:
        is_package = bool(
            getattr(importlib.util.find_spec(module), "submodule_search_locations", None)
        )
        parents = module.split(".")[: len(module.split(".")) - node.level + is_package]
        path = ".".join([*parents, *([node.module] if node.module else [])])
    return path if path.split(".")[0] == PACKAGE else None


def _dotted_uses(node: ast.AST, binding: Binding) -> Iterator[str]:
    """Dotted paths used: for ``ls.theory.LangevinLaw(...).mean`` the longest chain of attributes
    from ``ls``.
    """
    if isinstance(node, ast.Attribute | ast.Name):
        chain: list[str] = []
        inner: ast.AST = node
        while isinstance(inner, ast.Attribute):
            chain.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name) and inner.id in binding:
            yield ".".join([binding[inner.id], *reversed(chain)])
            return
    for child in ast.iter_child_nodes(node):
        yield from _dotted_uses(child, binding)


def _home(path: str) -> set[str]:
    """Module in which the object at a dotted path is written; all of the package if that cannot be
    told.
    """
    module, rest = PACKAGE, path.split(".")[1:]
    if not rest or rest[0] == "*":
        return {f"{PACKAGE}.{name}" for name in _whole_package()} - set(_NO_NUMBERS)
    while rest:
        name, *rest = rest
        if module == PACKAGE and name in _HOMES:
            module, rest = f"{PACKAGE}.{_HOMES[name]}", [name]
        elif _is_module(f"{module}.{name}"):
            module = f"{module}.{name}"
        else:
            exported = _bindings_of_whole(module).get(name)
            return _home(exported) if exported else _counted(module)
    return _counted(module)


def _whole_package() -> set[str]:
    return {*_HOMES.values(), *_MODULES}


def _counted(module: str) -> set[str]:
    return set() if module == PACKAGE or module.startswith(_NO_NUMBERS) else {module}


@lru_cache(maxsize=4096)
def _is_module(path: str) -> bool:
    try:
        return importlib.util.find_spec(path) is not None
    except ModuleNotFoundError:
        return False
