"""Digests and dispatchers: an engine that is edited outdates the results it made, and no others."""

import ast
import importlib
from pathlib import Path

import langevin_sgd.validation
import pytest

import langevin_sgd as ls
from langevin_sgd.sweep.digest import sources
from langevin_sgd.sweep.imports import dispatches

FOLDER = "langevin_sgd.validation.dispatch_tests"
MODULES = {
    "cells": f"""
from dataclasses import dataclass
import langevin_sgd as ls
from {FOLDER}.problems import Disc, Line
from {FOLDER}.run import require_problem, run

@dataclass(frozen=True)
class Cell:
    problem: Line | Disc
    settings: ls.SGD

    def __post_init__(self):
        require_problem(self.problem)

@ls.sweep.task()
def train(cell: Cell):
    return run(cell.problem, cell.settings)
""",
    "run": f"""
import importlib
import langevin_sgd as ls
from {FOLDER}.common import SCALE
from {FOLDER}.disc_choices import DiscChoices
from {FOLDER}.line_choices import LineChoices
from {FOLDER}.problems import Disc, Line

DISPATCHES = {{
    "Line": "{FOLDER}.line_engine",
    "Disc": "{FOLDER}.disc_engine",
    "LineChoices": "{FOLDER}.line_choices",
    "DiscChoices": "{FOLDER}.disc_choices",
}}

CHOICES = {{Line: LineChoices, Disc: DiscChoices}}

def require_problem(problem):
    assert type(problem) in CHOICES

def run(problem, settings):
    engine = importlib.import_module(DISPATCHES[type(problem).__name__])
    return engine.run(problem, SCALE * settings.lr)
""",
    "common": "SCALE = 2.0\n",
    "problems": f"""
from dataclasses import dataclass
from {FOLDER}.disc_problem import Disc as Disc
from {FOLDER}.line_problem import Line as Line
""",
}
for kind in ("Line", "Disc"):
    low = kind.lower()
    MODULES |= {
        f"{low}_problem": f"""
from dataclasses import dataclass

@dataclass(frozen=True)
class {kind}:
    length: float = 1.0
""",
        f"{low}_choices": f"class {kind}Choices:\n    fine = True\n",
        f"{low}_engine": f"from {FOLDER}.{low}_choices import {kind}Choices\n"
        f"from {FOLDER}.{low}_steps import step\n\ndef run(problem, lr: {kind}Choices):\n"
        "    return step(problem.length, lr)\n",
        f"{low}_steps": f"from {FOLDER} import {low}_kernel\n\ndef step(x, lr):\n"
        f"    return {low}_kernel.kernel(x, lr)\n",
        f"{low}_kernel": f"from .{low}_numbers import FACTOR\n\ndef kernel(x, lr):\n"
        "    return FACTOR * x * lr\n",
        f"{low}_numbers": "FACTOR = 3.0\n",
        # a task that makes its problem itself
        f"{low}_claim": f"""
from dataclasses import dataclass
import langevin_sgd as ls
from {FOLDER} import problems
from {FOLDER}.run import run

@dataclass(frozen=True)
class Settings:
    lr: float = 1.0

@ls.sweep.task()
def train(settings: Settings):
    return run(problems.{kind}(), ls.SGD(lr=settings.lr, batch_size=1))
""",
    }
MODULES["any_claim"] = MODULES["line_claim"].replace("problems.Line()", "None")


@pytest.fixture
def paths(tmp_path, monkeypatch, forget):
    """Write the modules, some of them edited; return where the results of all tasks lie."""
    folder = tmp_path / "dispatch_tests"
    folder.mkdir()
    monkeypatch.setattr(
        langevin_sgd.validation, "__path__", [*langevin_sgd.validation.__path__, str(tmp_path)]
    )

    def write(edited=None, old="", new=""):
        for name, text in MODULES.items():
            assert old in text or name != edited
            (folder / f"{name}.py").write_text(text.replace(old, new) if name == edited else text)
        forget("dispatch_tests")

        def module(name):
            return importlib.import_module(f"{FOLDER}.{name}")

        cells, problems = module("cells"), module("problems")
        settings = ls.SGD(lr=0.5, batch_size=2)
        tasks = {
            kind: cells.train.at(cells.Cell(getattr(problems, kind)(), settings))
            for kind in ("Line", "Disc")
        }
        for name in ("line_claim", "disc_claim", "any_claim"):
            tasks[name] = module(name).train.at(module(name).Settings())
        store = ls.sweep.Store(tmp_path / "store")
        return {label: store.path(task) for label, task in tasks.items()}

    yield write
    forget("dispatch_tests")


def outdated(paths, *edit):
    before, after = paths(), paths(*edit)
    return {label for label in before if before[label] != after[label]}


LINES, DISCS = {"Line", "line_claim", "any_claim"}, {"Disc", "disc_claim", "any_claim"}


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("choices", "fine = True", "fine = False"),
        ("engine", "step(problem.length, lr)", "step(problem.length, 2 * lr)"),
        ("steps", "kernel(x, lr)", "kernel(x, 2 * lr)"),
        ("kernel", "FACTOR * x", "FACTOR + x"),
        ("numbers", "3.0", "4.0"),
    ],
)
def test_an_engine_outdates_its_own_results_all_of_them_and_no_others(paths, module, old, new):
    assert outdated(paths, f"line_{module}", old, new) == LINES
    assert outdated(paths, f"disc_{module}", old, new) == DISCS


OWN = {
    "perceptron": ("training.perceptron", "models.perceptron"),
    "network_problem": ("training.network", "models.network", "curvature"),
}
"""Problem -> beginnings of the modules that are its own."""


@pytest.mark.parametrize("given", [set(), {"engine"}], ids=["default engine", "engine given"])
@pytest.mark.parametrize("problem", OWN)
def test_cells_of_one_problem_depended_on_the_engine_of_the_other(problem, given):
    engine = problem.replace("_problem", "") + "_engine"
    classes = {"cell", "sgd", "stop", "depleted_sign", problem} | ({engine} if given else set())
    found = sources("langevin_sgd.experiments.cell:train_cell", frozenset(classes))
    reached = {module.removeprefix("langevin_sgd.") for module in found}
    assert f"training.{engine}" in reached
    own, others = (
        {module for module in reached if module.startswith(beginnings)}
        for beginnings in (OWN[problem], *(OWN[other] for other in OWN if other != problem))
    )
    assert len(own) > 8
    assert others == set()


def test_a_problem_outdates_its_own_results(paths):
    edit = ("length: float = 1.0", "length: float = 1.0\n    width: float = 1.0")
    assert outdated(paths, "line_problem", *edit) == {"Line", "line_claim"}
    assert outdated(paths, "disc_problem", *edit) == {"Disc", "disc_claim"}


def test_what_all_share_outdates_all(paths):
    assert outdated(paths, "common", "2.0", "3.0") == LINES | DISCS
    assert outdated(paths, "run", "SCALE * settings.lr", "SCALE + settings.lr") == LINES | DISCS


def test_another_engine_in_the_table_outdates_nothing_that_knows_its_own(paths):
    added = f'"Disc": "{FOLDER}.disc_engine",\n    "Ball": "{FOLDER}.common",'
    assert outdated(paths, "run", f'"Disc": "{FOLDER}.disc_engine",', added) == set()


def test_an_engine_that_is_not_there_is_named(paths):
    with pytest.raises(ls.InputError, match=r"DISPATCHES of .*run: there is no module .*nothing"):
        paths("run", "line_engine", "nothing")


@pytest.mark.parametrize(
    ("old", "new"),
    [("DISPATCHES = {", "DISPATCHES = {} | {"), ('"Line":', "ls.SGD:"), ('"Line":', "3:")],
)
def test_a_table_that_cannot_be_read_is_refused(paths, old, new):
    with pytest.raises(ls.InputError, match=r"DISPATCHES of .*run: must be a literal table"):
        paths("run", old, new)


SEEN_OTHERWISE = {
    "langevin_sgd.lazy",  # what packages say to type checkers is read in place of its tables
    "langevin_sgd.sde.binding",  # asks the module of a function that it was given for the function
    "langevin_sgd.claims.discovery",  # makes no numbers
}
"""Modules without a table that import what is named at run time."""


def imports_by_computed_names(source):
    calls = (node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return any(getattr(func, "attr", "") == "import_module" for func in calls)


def test_modules_that_are_imported_by_computed_names_stand_in_a_table():
    """Digests do not see them otherwise, and old results would be taken for those of new code."""
    root = Path(ls.__file__).parent
    unseen = set()
    for file in root.rglob("*.py"):
        parts = [root.name, *file.relative_to(root).with_suffix("").parts]
        module = ".".join(parts).removesuffix(".__init__")
        if not module.startswith("langevin_sgd.sweep") and imports_by_computed_names(
            file.read_bytes()
        ):
            unseen |= {module} if not dispatches(module) else set()
    assert unseen == SEEN_OTHERWISE


def lazy_packages():
    """Every package that resolves names on first use."""
    root = Path(ls.__file__).parent
    for file in sorted(root.rglob("__init__.py")):
        package = ".".join([root.name, *file.parent.relative_to(root).parts])
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "attributes":
                yield pytest.param(file, package, node.args[1], id=package)


def said_to_type_checkers(file):
    """Name -> module it is imported from, in the stub or below ``TYPE_CHECKING``."""
    stub = file.with_suffix(".pyi")
    tree = ast.parse((stub if stub.exists() else file).read_bytes())
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    for node in tree.body if stub.exists() else [node for block in blocks for node in block.body]:
        yield from ((alias.name, node.module) for alias in node.names)


@pytest.mark.parametrize(("file", "package", "table"), list(lazy_packages()))
def test_lazy_names_come_from_where_type_checkers_and_digests_are_told(file, package, table):
    """A table may lead elsewhere, or hold a name more: digests would not see what it leads to."""
    home = eval(ast.unparse(table), vars(importlib.import_module(package)).copy())
    modules = {name: f"{package}.{place}".removesuffix(".") for name, place in home.items()}
    assert modules == dict(said_to_type_checkers(file))


def test_there_are_lazy_packages():
    assert {"langevin_sgd", "langevin_sgd.models"} < {each.id for each in lazy_packages()}
