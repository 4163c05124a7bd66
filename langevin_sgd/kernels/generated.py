"""Generated source: kept in a folder of the user under its hash, and imported from there.

Numba keeps compiled code only for functions that live in a file. A kernel put together at run time
(a potential, an integrator, a kind of noise) is therefore written to a file whose name is the hash
of its text and of the sources it is built on; a second process finds both the file and the compiled
code and compiles nothing. Text that needs objects without a source of their own (a function defined
at the prompt) is compiled in memory, anew in every process.

The folder is LANGEVIN_SGD_CACHE if set, else a folder within NUMBA_CACHE_DIR if that is set, else
``langevin_sgd`` in the user's cache (XDG_CACHE_HOME, or ~/.cache). Nothing is read from it but the
text, to see whether it is the expected one, which is then run: neither another text nor compiled
bytecode that lies there is ever imported.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from langevin_sgd.dataset import replace_file
from langevin_sgd.kernels.machine import user_caches


def folder() -> Path | None:
    """Return the folder of generated source, which need not exist yet.

    None where the user has no place for it.
    """
    if own := os.environ.get("LANGEVIN_SGD_CACHE"):
        return Path(own).absolute()
    if numba := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(numba).absolute() / "langevin_sgd_generated"
    caches = user_caches()
    return caches[0] / "langevin_sgd" if caches else None


def load(
    text: str, *, sources: Iterable[str] = (), needs: Mapping[str, Any] | None = None
) -> ModuleType:
    """Import generated source.

    Parameters
    ----------
    text
        Source of a module. Its kernels are decorated with ``@kernel`` of
        `langevin_sgd.kernels.compiled`, on a line of its own.
    sources
        Files of the functions that the text imports: where they change, so does the name of the
        module.
    needs
        Objects that the text uses but cannot import; with any, or where the folder cannot be
        written, the module is made in memory and its kernels are compiled in every process.

    Returns
    -------
    module
    """
    name = f"langevin_sgd_generated_{_name(text, tuple(sorted(set(sources))))}"
    if needs:
        return _in_memory(name, text, needs)
    if name in sys.modules:
        return sys.modules[name]
    place = folder()
    if place is None:
        return _in_memory(name, text, {})
    try:
        path = _written(place / f"{name}.py", text)
    except OSError:
        return _in_memory(name, text, {})
    return _imported(name, path, text)


def _name(text: str, sources: tuple[str, ...]) -> str:
    content = hashlib.sha256(text.encode())
    content.update(f"numba {version('numba')}".encode())
    for path in sources:
        content.update(_digest(path))
    return content.hexdigest()[:24]


@cache
def _digest(path: str) -> bytes:
    return hashlib.sha256(Path(path).read_bytes()).digest()


def _written(path: Path, text: str) -> Path:
    # An unchanged file is left alone: other processes may be reading it.
    if not path.is_file() or path.read_bytes() != text.encode():
        with replace_file(path) as part:
            part.write_bytes(text.encode())
    return path


def _imported(name: str, path: Path, text: str) -> ModuleType:
    # The import system is not used: it would take bytecode beside the file, which may be another's.
    # Numba finds the source by the file's name and keeps machine code for it.
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    try:
        exec(compile(text, str(path), "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _in_memory(name: str, text: str, needs: Mapping[str, Any]) -> ModuleType:
    from langevin_sgd.kernels.compiled import uncached_kernel

    module = ModuleType(name)
    module.__dict__.update(needs, uncached_kernel=uncached_kernel)
    exec(
        compile(text.replace("@kernel\n", "@uncached_kernel\n"), f"<{name}>", "exec"),
        module.__dict__,
    )
    return module
