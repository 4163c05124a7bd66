"""The shape of the package, as its sources show it."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "langevin_sgd"


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_command_computes_and_draws_nothing():
    """It hands numbers to the library and prints what comes back: no arrays, no panels."""
    for path in (PACKAGE / "cli").rglob("*.py"):
        names = set(imported(path)) - {"numpy.linalg.LinAlgError"}
        assert not [name for name in names if name.split(".")[0] == "numpy"], path
        made = {"Panel", "Series", "Map"} & {name.split(".")[-1] for name in names}
        assert not made, (path, made)
