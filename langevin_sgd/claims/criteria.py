"""The criteria of a claim, frozen: a digest of what decides, and the random stream that follows.

Claims that share runs form a *sample*. The criteria of a sample are what its claims would judge by,
as far as somebody has to write it down: declared constants and grids, the source of predictions,
measurements, controls and range, and the names of the estimators with their versions. The digest is
taken of the source, never of computed numbers, and does not see names of comparisons, reasons,
titles, figures, docstrings, comments or layout; the code that makes the data has a digest of its
own (`langevin_sgd.sweep.digest`).

The random numbers that decide are derived from (digest, seed). Whoever changes a criterion changes
the data that it is judged on, so nothing can be chosen on them: what is tried out is tried on the
*development* stream, which is derived from the name of the sample.
"""

from __future__ import annotations

import ast
import copy
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from langevin_sgd.claims.claim import TEXTS, Claim
from langevin_sgd.claims.discovery import VALIDATION, find_claims
from langevin_sgd.randomness import derive_seed
from langevin_sgd.sweep.imports import (
    Use,
    defined_names,
    reached_statements,
    statements,
    used_names,
    uses_of_part,
)
from langevin_sgd.sweep.syntax import canonical

RULE = 1
"""Version of the rule of the verdict, raised when `langevin_sgd.claims.verdict` changes it."""

ESTIMATOR_VERSIONS: dict[str, int] = {}
"""Name of an estimator of the package -> version, where its meaning was changed; 1 where not."""

_DECIDING = ("tasks", "comparisons", "out_of_range")
"""Methods of a claim that decide, with what they call."""

_SAID = frozenset({"name", "reason"})
"""Arguments of a comparison that say something and decide nothing."""


@dataclass(frozen=True)
class Criteria:
    """What a sample of claims is judged by.

    Parameters
    ----------
    sample
        ``paper/name``; the name of the claim if it shares no runs.
    digest
        20 hexadecimal digits.
    text
        The source that the digest covers, to be read and compared.
    version
        How many different digests the sample has had, this one included.
    """

    sample: str
    digest: str
    text: str = ""
    version: int = 1

    def stream(self, seed: int, *, development: bool = False) -> int:
        """Return the seed of the data: of the deciding stream, or of the one for development."""
        if development:
            return derive_seed(seed, "development", self.sample)
        return derive_seed(seed, "deciding", self.digest)

    def to_dict(self) -> dict[str, Any]:
        """Return strict JSON types, without the text."""
        return {"sample": self.sample, "digest": self.digest, "version": self.version}


def criteria_of(claim: Claim) -> Criteria:
    """Return the criteria of the sample that a claim belongs to."""
    members = [claim]
    if claim.sample:
        members = [one for one in find_claims(paper=claim.paper) if one.sample == claim.sample]
    digest, text, _ = _written(_classes(members))
    return Criteria(f"{claim.paper}/{claim.sample or claim.id}", digest, text)


def _classes(claims: Sequence[Claim]) -> tuple[tuple[str, str], ...]:
    """Module and name of the classes that claims are made of."""
    return tuple(
        (kind.__module__, kind.__qualname__)
        for one in claims
        for kind in type(one).__mro__
        if issubclass(kind, Claim) and kind is not Claim
    )


def uses_of_claim(claim: Claim) -> frozenset[Use]:
    """Return what of the package a claim decides by: estimators, laws and problems."""
    return _written(_classes([claim]))[2]


@lru_cache(maxsize=256)
def _written(kinds: tuple[tuple[str, str], ...]) -> tuple[str, str, frozenset[Use]]:
    """Digest and text of what some classes decide by, and what of the package that is."""
    parts: dict[str, Sequence[ast.stmt]] = {}
    used: set[Use] = set()
    for module, kind in kinds:
        decisive = [_decisive(node) for node in _definitions(module, kind)]
        parts[f"{module}:{kind}"] = decisive
        names = set().union(*map(used_names, decisive)) - {kind}
        used |= uses_of_part(decisive, module) | {Use(module, name) for name in names}
    reached, estimators = _reached(used)
    parts |= {module: _chosen(module, names) for module, names in sorted(reached.items())}
    called = sorted({use.name for use in estimators if use.name})
    versions = [f"{name} {ESTIMATOR_VERSIONS.get(name, 1)}" for name in called]
    meaning = [canonical(nodes) for _, nodes in sorted(parts.items())]
    content = "\n".join([f"rule {RULE}", *versions, *meaning])
    lines = [f"# rule {RULE}; uses {', '.join(versions)}"]
    for place, nodes in sorted(parts.items()):
        lines += [f"# {place.removeprefix(f'{VALIDATION}.')}", *map(_readable, nodes)]
    digest = hashlib.sha256(content.encode()).hexdigest()[:20]
    return digest, "\n".join(lines) + "\n", frozenset(estimators)


def _reached(start: Iterable[Use]) -> tuple[dict[str, frozenset[str]], set[Use]]:
    """Names that are reached in modules of claims, and what of the package is used there."""
    reached: dict[str, set[str]] = {}
    estimators: set[Use] = set()
    waiting = set(start)
    while waiting:
        module, name = waiting.pop()
        if not module.startswith(f"{VALIDATION}."):
            estimators.add(Use(module, name))
        elif name and name not in reached.setdefault(module, set()):
            reached[module].add(name)
            waiting |= uses_of_part(_chosen(module, frozenset({name})), module)
    return {module: frozenset(names) for module, names in reached.items()}, estimators


@lru_cache(maxsize=4096)
def _chosen(module: str, names: frozenset[str]) -> list[ast.stmt]:
    """What names reach in a module of claims, classes of claims left out."""
    chosen = reached_statements(module, names, _without_bodies_of_tasks)
    return [node for node in chosen if not _is_claim(node)]


def _definitions(module: str, kind: str) -> list[ast.ClassDef]:
    """Where a class is defined; nowhere if it was made at run time."""
    return [
        node for node in statements(module) if isinstance(node, ast.ClassDef) and node.name == kind
    ]


# --- what of a statement decides ------------------------------------------------------------------


def _decisive(claim: ast.ClassDef) -> ast.ClassDef:
    """Return the class of a claim without its texts and figures."""
    methods = {node.name: node for node in claim.body if isinstance(node, ast.FunctionDef)}
    reached: set[str] = set()
    waiting = set(_DECIDING) & methods.keys()
    while waiting:
        name = waiting.pop()
        reached.add(name)
        called = {node.attr for node in ast.walk(methods[name]) if isinstance(node, ast.Attribute)}
        waiting |= (called & methods.keys()) - reached
    body = [node for node in claim.body if _decides(node, reached)]
    found = ast.ClassDef(**{name: getattr(claim, name) for name in claim._fields} | {"body": body})
    return _stripped(found)


def _decides(node: ast.stmt, reached: set[str]) -> bool:
    if isinstance(node, ast.FunctionDef):
        return node.name in reached
    targets = defined_names(node)
    return not targets or not targets <= {*TEXTS, "expected_reason"}


@lru_cache(maxsize=4096)
def _without_bodies_of_tasks(node: ast.stmt) -> ast.stmt:
    """Return a statement; of the function of a task, which makes data, what it is called only."""
    if isinstance(node, ast.FunctionDef) and any(map(_is_task, node.decorator_list)):
        empty: dict[str, Any] = {name: getattr(node, name) for name in node._fields}
        return _stripped(ast.FunctionDef(**empty | {"body": [ast.Pass()]}))
    return _stripped(node)


def _is_task(decorator: ast.expr) -> bool:
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (getattr(function, "attr", None) or getattr(function, "id", None)) == "task"


def _is_claim(node: ast.stmt) -> bool:
    bases = node.bases if isinstance(node, ast.ClassDef) else []
    return any("Claim" in (getattr(base, "attr", ""), getattr(base, "id", "")) for base in bases)


class _Stripper(ast.NodeTransformer):
    """Leaves out annotations, and what only says something."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        if (getattr(node.func, "attr", None) or getattr(node.func, "id", None)) == "Comparison":
            node.keywords = [word for word in node.keywords if word.arg not in _SAID]
        self.generic_visit(node)
        return node


def _stripped(node: Any) -> Any:
    return _Stripper().visit(copy.deepcopy(node))


def _readable(node: ast.stmt) -> str:
    return ast.unparse(ast.fix_missing_locations(copy.deepcopy(node)))
