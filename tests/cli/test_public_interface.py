"""Claims and notebooks use the public interface only: ``import langevin_sgd as ls``, and names that
packages export, also as ``from langevin_sgd.plotting import Series``.
"""

import ast
import json
from pathlib import Path
from types import ModuleType

import pytest

import langevin_sgd as ls

ROOT = Path(__file__).parents[2]
OWN = "langevin_sgd.validation"


def sources():
    for path in sorted((ROOT / "validation").rglob("*.py")):
        yield pytest.param(path.read_text(encoding="utf-8"), id=str(path.relative_to(ROOT)))
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        yield pytest.param(code.replace("%", "# %"), id=path.name)


def imported(tree):
    """Modules imported as such, with the names they are given."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, alias.asname) for alias in node.names)


def chains(tree):
    """Dotted names that start from ``ls``, and those imported from the package or below it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not (node.module or "").startswith(OWN):
            package, *inside = (node.module or "").split(".")
            if package == "langevin_sgd":
                yield from ((*inside, alias.name) for alias in node.names)
        names = []
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if names and isinstance(node, ast.Name) and node.id == "ls":
            yield tuple(reversed(names))


def complaint(chain):
    """What is wrong with ``ls.a.b.c``: a name of the package may be a module, below that only a
    package may follow.
    """
    found = ls
    for depth, name in enumerate(chain):
        if name.startswith("_") or not hasattr(found, name):
            return f"ls.{'.'.join(chain)}: {name} is not public"
        found = getattr(found, name)
        if not isinstance(found, ModuleType):
            return None
        if depth > 0 and not hasattr(found, "__path__"):
            return f"ls.{'.'.join(chain)}: reaches into a module"
    return None


@pytest.mark.parametrize("source", list(sources()))
def test_public_names_only(source):
    tree = ast.parse(source)
    names = [
        (module, alias)
        for module, alias in imported(tree)
        if module.split(".")[0] == "langevin_sgd"
    ]
    assert [name for name in names if name != ("langevin_sgd", "ls")] == []
    assert [problem for chain in chains(tree) if (problem := complaint(chain))] == []


def test_the_rule_finds_what_it_should():
    assert complaint(("theory", "LangevinLaw")) is None
    assert complaint(("SGD", "lr")) is None
    assert complaint(("models", "potentials", "double_well")) is None
    assert "reaches into a module" in complaint(("sweep", "store", "identity"))
    assert "is not public" in complaint(("sweep", "nothing"))
    assert list(chains(ast.parse("ls.a.b(ls.c).d"))) >= [("a", "b"), ("c",)]
    words = "from langevin_sgd.plotting import Series\nfrom langevin_sgd.validation.a import b"
    assert list(chains(ast.parse(words))) == [("plotting", "Series")]
