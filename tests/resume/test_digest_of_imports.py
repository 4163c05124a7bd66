"""The name of a result follows the source of everything its task imports, however deep."""

import importlib

import langevin_sgd.validation
import pytest

import langevin_sgd as ls
from langevin_sgd.sweep.imports import homes

TASK = """
from dataclasses import dataclass
import langevin_sgd as ls
from langevin_sgd.validation.deep_imports.first import scale

@dataclass(frozen=True)
class Settings:
    lr: float = 1.0

@ls.sweep.task()
def simulate(settings: Settings):
    return ls.dataset.make({"x": ((), scale(settings.lr), "1")}, kind="x")
"""
MODULES = {
    "claim": TASK,
    "first": "from .second import double\ndef scale(x):\n    return double(x)\n",
    "second": "from langevin_sgd.validation.deep_imports import third\ndef double(x):\n    return "
    "third.twice(x)\n",
    "third": "from .fourth import FACTOR\ndef twice(x):\n    return FACTOR * x\n",
    "fourth": "FACTOR = 2.0\n",
    "bystander": "FACTOR = 2.5\n",
}


@pytest.fixture
def path_with(tmp_path, monkeypatch, forget):
    """Write the modules, one of them edited; return where the result of the task lies."""
    folder = tmp_path / "deep_imports"
    folder.mkdir()
    monkeypatch.setattr(
        langevin_sgd.validation, "__path__", [*langevin_sgd.validation.__path__, str(tmp_path)]
    )

    def write(edited=None, old="", new=""):
        for name, text in MODULES.items():
            (folder / f"{name}.py").write_text(text.replace(old, new) if name == edited else text)
        forget("deep_imports")
        claim = importlib.import_module("langevin_sgd.validation.deep_imports.claim")
        return ls.sweep.Store(tmp_path / "store").path(claim.simulate.at(claim.Settings()))

    yield write
    forget("deep_imports")


@pytest.mark.parametrize(
    ("edited", "old", "new"),
    [
        ("first", "double(x)", "double(2 * x)"),
        ("second", "third.twice(x)", "third.twice(2 * x)"),
        ("third", "FACTOR * x", "FACTOR * x * x"),
        ("fourth", "2.0", "3.0"),
    ],
)
def test_a_change_any_number_of_imports_deep_changes_the_name_of_the_result(
    path_with, edited, old, new
):
    assert path_with(edited, old, new) != path_with()


def test_what_is_not_imported_and_remarks_change_nothing(path_with):
    assert path_with("bystander", "2.5", "3.0") == path_with()
    assert path_with("fourth", "2.0", "2.0  # a remark") == path_with()


def test_a_module_with_another_name_changes_nothing(path_with, monkeypatch):
    before = path_with()
    renamed = {
        name.replace("third", "a_third"): text.replace("import third", "import a_third as third")
        for name, text in MODULES.items()
    }
    monkeypatch.setattr(f"{__name__}.MODULES", renamed)
    assert path_with() == before


def test_what_an_imported_name_stands_for_counts(path_with):
    """Both modules are reached before and after; which of them the name is taken from differs."""
    both = "from . import bystander, fourth\n"
    one, other = (f"{both}from .{name} import FACTOR" for name in ("fourth", "bystander"))
    same = path_with("third", "from .fourth import FACTOR", one)
    assert path_with("third", "from .fourth import FACTOR", other) != same


@pytest.mark.parametrize("package", ls._MODULES)
def test_public_names_are_followed_to_where_they_are_written(package):
    """Lazy or not: otherwise what is written there would be missing from digests, in silence."""
    silent = {"claims", "plotting", "sweep"}
    names = importlib.import_module(f"langevin_sgd.{package}")
    for name in dir(names):
        home = getattr(getattr(names, name), "__module__", None)
        if name.startswith("_") or not str(home).startswith("langevin_sgd"):
            continue
        modules = {use.module for use in homes(f"langevin_sgd.{package}.{name}")}
        assert modules == (set() if package in silent else {home}), name
