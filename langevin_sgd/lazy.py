"""Names of a package that are looked up on first use (PEP 562).

A package says to type checkers where its names come from, in imports below ``TYPE_CHECKING``, and
to Python in a table. Compiled code, torch and estimators then come only when they are asked for.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def attributes(package: str, home: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the function ``__getattr__`` of a package.

    Parameters
    ----------
    package
        Its ``__name__``.
    home
        Name -> module of the package that defines it; "" if it is a module itself.

    Examples
    --------
    >>> attributes("langevin_sgd.data", {"digits": "embedded"})("digits").__name__
    'digits'
    """

    def look_up(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(".".join(filter(None, [package, home[name] or name])))
        value = getattr(module, name) if home[name] else module
        setattr(sys.modules[package], name, value)
        return value

    return look_up
