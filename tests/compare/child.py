"""What runs in a process of its own, on the package of one commit: its claims, or the cases.

::

    python -P child.py PROJECT claims WORDS ...         the command `langevin-sgd claims WORDS ...`
    python -P child.py PROJECT cases FILE OUT NAME ...  cases of FILE, their variables into OUT

The package that is imported must be the one in the folder PROJECT, or nothing runs.
"""

from __future__ import annotations

import importlib
import importlib.util
import runpy
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np

RAISED = "(raised)"
"""In the place of the variables of a case that raised an error: the error."""
PACKAGES = {"langevin_sgd": "langevin_sgd", "langevin_sgd.validation": "validation"}
"""Package -> its folder in the project."""


def require_packages(project: Path) -> None:
    """Raise `RuntimeError` unless package and claims are those of a project."""
    for name, folder in PACKAGES.items():
        found = Path(next(iter(importlib.import_module(name).__path__))).resolve()
        if found != (project / folder).resolve():
            raise RuntimeError(f"{name} is that of {found}, not that of {project}")


def load_cases(file: Path) -> dict[str, Callable[[], Mapping[str, Any]]]:
    """Import a file of cases; name -> case."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.CASES)


def flatten(found: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Variables of what a case returned: a mapping or a Dataset, of arrays or of more such."""
    # Of a Dataset its coordinates too, which its items leave out.
    for name, value in getattr(found, "variables", found).items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{name}/")
            continue
        array = np.array(getattr(value, "values", value))
        if array.dtype.hasobject:
            raise TypeError(f"{prefix}{name}: holds objects, which have no bits to compare")
        yield f"{prefix}{name}", array


def run_cases(file: Path, out: Path, names: list[str]) -> None:
    """Run cases and write their variables, ``case/variable`` each, to an npz file."""
    cases = load_cases(file)
    arrays: dict[str, np.ndarray] = {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder, chdir(folder):
            try:
                arrays |= {f"{name}/{key}": value for key, value in flatten(cases[name]())}
            except Exception as error:
                traceback.print_exc()
                arrays[f"{name}/{RAISED}"] = np.array(f"{type(error).__name__}: {error}")
    np.savez(out, **arrays)


def main() -> None:
    """Run what the words of the command say."""
    project, what, *words = sys.argv[1:]
    require_packages(Path(project))
    if what == "cases":
        run_cases(Path(words[0]), Path(words[1]), words[2:])
        return
    sys.argv = ["langevin-sgd", "claims", *words]
    runpy.run_module("langevin_sgd", run_name="__main__")


# Worker processes of the claims import this file.
if __name__ == "__main__":
    main()
