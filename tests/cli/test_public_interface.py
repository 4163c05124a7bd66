"""Claims and notebooks use the public interface only: ``import langevin_sgd as ls``, and names that
packages export, also as ``from langevin_sgd.plotting import Series``.

The other way round, a package exports what a claim, a notebook or the README shows, and no more;
the rest is imported from its module.
"""

import ast
import importlib
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

import langevin_sgd as ls

ROOT = Path(__file__).parents[2]
OWN = "langevin_sgd.validation"
README = (ROOT / "README.md").read_text(encoding="utf-8")

MOST_NAMES = 180
"""What packages export, each thing once wherever it is found, modules not counted: 155 of the first
two bodies of work, and at most 25 for a new one.
"""

FOR_THE_PACKAGE_ITSELF = {"checks"}
"""Packages whose names are exported to the others and not to users."""


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


def aliases(tree):
    """Names given to what ``ls`` holds: ``theory`` after ``theory = ls.theory.perceptron``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            words = ast.unparse(node.value)
            if re.fullmatch(r"ls(\.\w+)+", words):
                yield node.targets[0].id, tuple(words.split(".")[1:])


def chains(tree):
    """Dotted names that start from ``ls``, and those imported from the package or below it."""
    start = {"ls": (), **dict(aliases(tree))}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not (node.module or "").startswith(OWN):
            package, *inside = (node.module or "").split(".")
            if package == "langevin_sgd":
                yield from ((*inside, alias.name) for alias in node.names)
        names = []
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if names and isinstance(node, ast.Name) and node.id in start:
            yield (*start[node.id], *reversed(names))


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
    words = "theory = ls.theory.perceptron\ntheory.flow(1)"
    assert ("theory", "perceptron", "flow") in chains(ast.parse(words))


def exported():
    """Dotted name below ``ls`` -> what it names, for all that packages export."""
    for file in sorted((ROOT / "langevin_sgd").rglob("__init__.py")):
        inside = file.parent.relative_to(ROOT / "langevin_sgd").parts
        if inside and inside[0] in FOR_THE_PACKAGE_ITSELF:
            continue
        stub = file.with_suffix(".pyi")
        tree = ast.parse((stub if stub.exists() else file).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            for alias in node.names if isinstance(node, ast.ImportFrom) else ():
                if alias.name == alias.asname:
                    package = importlib.import_module(".".join(("langevin_sgd", *inside)))
                    value = getattr(package, alias.name)
                    if not isinstance(value, ModuleType):
                        yield ".".join((*inside, alias.name)), value


def named(tree):
    """All that a source reaches from ``ls`` or imports, by identity."""
    for chain in chains(tree):
        found = ls
        for name in chain:
            if not isinstance(found, ModuleType):
                break
            found = getattr(found, name)
            yield id(found)


def named_in_words(text):
    """Names in the words of a page: ``ls.sde.BAOAB()``, ``record.histogram``, ``OwnNetwork``."""
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    starts = (re.match(r"((?:\w+\.)*\w+)(?:\(|$)", span) for span in spans)
    return {start[1] for start in starts if start}


def unshown(names, words, shown):
    """Exported names that no source and no page shows; one that several packages export is shown
    with its package only.
    """
    last = [name.split(".")[-1] for name in names]
    told = {
        id(value)
        for name, value in names.items()
        for word in words
        if f".ls.{name}".endswith(f".{word}") and ("." in word or last.count(word) == 1)
    }
    return [name for name, value in names.items() if id(value) not in shown | told]


def test_what_is_exported_is_shown_to_a_reader():
    names = dict(exported())
    texts = [parameter.values[0] for parameter in sources()]
    texts += re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    shown = {each for text in texts for each in named(ast.parse(text))}
    assert unshown(names, named_in_words(README), shown) == []


def test_packages_export_no_more_than_one_can_look_through():
    names = dict(exported())
    assert len({id(value) for value in names.values()}) <= MOST_NAMES


def test_a_name_that_nobody_shows_is_found():
    names = {"sde.BAOAB": ls.sde.BAOAB, "sweep.run": ls.sweep.run, "training.run": ls.training.run}
    words = named_in_words("`sde.BAOAB(...)` and `run`\n```\n`ls.sweep.run`\n```")
    assert words == {"sde.BAOAB", "run"}
    assert unshown(names, words, set()) == ["sweep.run", "training.run"]
    assert unshown(names, words, set(named(ast.parse("ls.sweep.run([])")))) == ["training.run"]
    assert {"dataset.load", "checks.require"}.isdisjoint(dict(exported()))
