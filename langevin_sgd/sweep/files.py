"""Where the source of a module lies, found without importing anything on the way to it."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from functools import lru_cache
from pathlib import Path

import langevin_sgd
from langevin_sgd.sweep.names import PACKAGE

_CLAIMS = f"{PACKAGE}.validation"


@lru_cache(maxsize=4096)
def place_in_package(module: str) -> Path | None:
    """Return the file of a module of the package, claims of the user's own among them; the folder
    of a package without a file; ``None`` if there is no such module.
    """
    parts = module.split(".")
    if parts[0] != PACKAGE or not all(part.isidentifier() for part in parts):
        return None
    inside = 2 if f"{module}.".startswith(f"{_CLAIMS}.") else 1
    folders = (Path(folder) for folder in _folders(parts[:inside]))
    stems = [folder.joinpath(*parts[inside:]) for folder in folders]
    files = [file for stem in stems for file in (stem / "__init__.py", stem.with_suffix(".py"))]
    return next((place for place in files if place.is_file()), None) or next(
        (place for place in stems if place.is_dir()), None
    )


def _folders(parts: list[str]) -> list[str]:
    if len(parts) == 1:
        return list(langevin_sgd.__path__)
    return list(importlib.import_module(".".join(parts)).__path__)


def source_of(module: str) -> Path | None:
    """Return the source file of a module, of the package or not; ``None`` if there is none."""
    place = place_in_package(module)
    if place is None and module.split(".")[0] != PACKAGE:
        place = _place_elsewhere(module)
    return place if place is not None and place.is_file() else None


def _place_elsewhere(module: str) -> Path | None:
    spec = getattr(sys.modules.get(module), "__spec__", None)
    # Modules made at run time and modules of absent packages have no file.
    with contextlib.suppress(ModuleNotFoundError, ValueError):
        spec = spec or importlib.util.find_spec(module)
    origin = None if spec is None or not spec.has_location else spec.origin
    return Path(origin) if origin is not None and origin.endswith(".py") else None
