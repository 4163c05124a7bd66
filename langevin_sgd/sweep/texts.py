"""The text of a module as a digest sees it.

It names the modules that it imports by what stands in them, not by where they lie: a file that is
moved or gets another name changes no text.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from functools import lru_cache

from langevin_sgd.sweep.imports import (
    bindings_of,
    dispatches,
    homes,
    imported_names,
    is_own,
    names_at_work,
    statements,
    tree_of,
)
from langevin_sgd.sweep.syntax import Import, canonical


@lru_cache(maxsize=1024)
def text_of_whole(module: str) -> str:
    """Return the text of a module as a digest sees it."""
    top = [node for node in tree_of(module).body if isinstance(node, Import)]
    lines = sorted({line for node in top for line in _import_lines(node, module)})
    return "\n".join([*lines, _text(statements(module), module)])


def text_of_part(chosen: Iterable[ast.stmt], module: str) -> str:
    """Return the text of some top-level statements of `module`, with the imports that they use."""
    chosen = list(chosen)
    binding = bindings_of(module)
    used = {name for node in chosen for name in names_at_work(node)} & binding.keys()
    lines = sorted(f"{name}={_identity(binding[name])}" for name in used)
    return "\n".join([*lines, _text(chosen, module)])


def _text(chosen: Iterable[ast.stmt], module: str) -> str:
    return canonical(chosen, lambda node: ",".join(sorted(_import_lines(node, module))))


def _import_lines(node: Import, module: str) -> list[str]:
    return [
        f"{name}={path.split('.')[-1] if _is_passed_on(path, module) else _identity(path)}"
        for name, path in imported_names(node, module)
    ]


def _is_passed_on(path: str, module: str) -> bool:
    return path.split(".")[-1] in dispatches(module)


def _identity(path: str) -> str:
    """Return what a dotted path stands for: in the package, a hash of the module it is written in
    and its name there, if it is one thing.
    """
    uses = homes(path) if is_own(path) else set()
    if len(uses) != 1:
        return path
    [use] = uses
    return f"{_hash(use.module)}.{use.name}"


@lru_cache(maxsize=1024)
def _hash(module: str) -> str:
    return hashlib.sha256(canonical(statements(module)).encode()).hexdigest()[:16]
