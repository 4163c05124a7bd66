"""The shape of the package, as its sources show it."""

import ast
import re
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "langevin_sgd"
MOST_ARGUMENTS = 14
MOST_QUESTIONS = 15
KINDS = re.compile(r"noise|potential|equation|covariance|integrator|network")
"""What should answer for itself, and not be asked what it is."""


def sources(*folders):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def asks_for_a_kind(node):
    """Whether a call asks what a noise, a potential, an equation or a network is."""
    asks = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    by = asks and node.func.id in ("isinstance", "hasattr", "getattr")
    return by and KINDS.search(ast.unparse(node)) is not None


def test_the_command_computes_and_draws_nothing():
    """It hands numbers to the library and prints what comes back: no arrays, no panels."""
    for path, tree in sources("langevin_sgd/cli"):
        names = set(imported(tree)) - {"numpy.linalg.LinAlgError"}
        assert not [name for name in names if name.split(".")[0] == "numpy"], path
        made = {"Panel", "Series", "Map"} & {name.split(".")[-1] for name in names}
        assert not made, (path, made)


@pytest.mark.parametrize("folder", ["langevin_sgd", "validation"])
def test_a_class_name_means_one_thing(folder):
    places = defaultdict(set)
    for path, tree in sources(folder):
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].add(str(path))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_no_function_takes_more_arguments_than_one_can_hold_in_mind():
    for path, tree in sources("langevin_sgd", "validation"):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                given = node.args
                count = len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs)
                assert count <= MOST_ARGUMENTS, (path, node.name, count)


def test_kinds_answer_for_themselves():
    asked = defaultdict(int)
    for path, tree in sources("langevin_sgd"):
        asked[str(path)] += sum(asks_for_a_kind(node) for node in ast.walk(tree))
    assert sum(asked.values()) <= MOST_QUESTIONS, {k: n for k, n in asked.items() if n}


@pytest.mark.parametrize(
    ("call", "asks"),
    [
        ("isinstance(noise, LowRank)", True),
        ("getattr(equation, 'mass', 1.0)", True),
        ("isinstance(values, tuple)", False),
        ("noise.covariance(theta)", False),
    ],
)
def test_a_question_about_a_kind_is_seen(call, asks):
    assert asks_for_a_kind(ast.parse(call).body[0].value) == asks


def test_lines_and_layers_are_those_that_the_tools_check():
    """The linter holds the columns, the contracts see imports for types too."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert tools["ruff"]["line-length"] == 100
    assert "E" in tools["ruff"]["lint"]["select"]
    assert "E501" not in tools["ruff"]["lint"]["ignore"]
    assert not tools["importlinter"].get("exclude_type_checking_imports", False)


def test_claims_measure_with_what_the_command_measures_with():
    """At least ten of them use the estimators of ``ls.experiments``."""
    used = [
        str(path)
        for path, tree in sources("validation")
        if any(ast.unparse(node) == "ls.experiments" for node in ast.walk(tree))
    ]
    assert len(used) >= 10, used
