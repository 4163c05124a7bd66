"""Functions that a user has compiled, taken over into generated source.

A function stands alone if its source can be read and it uses nothing but its arguments, builtins
and ``math``. Its text is then copied into the generated module, which can be kept compiled for
other processes; annotations and decorators are left behind. Any other function is handed to the
generated module as it is, and compiled anew in every process.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from typing import Any

from langevin_sgd.checks import InputError


def adopted(functions: Mapping[str, Any]) -> tuple[str, dict[str, Any], str]:
    """Take over a user's compiled functions, as ``own_`` and their role.

    Parameters
    ----------
    functions
        Role -> a function compiled by ``numba.njit``.

    Returns
    -------
    definitions
        Their source, for generated text; "" unless all of them stand alone.
    needs
        Else the functions themselves, which the generated text then needs.
    reason
        Why one does not stand alone, "" if all do.

    Raises
    ------
    InputError
        If one of them is not compiled by Numba.
    """
    texts = []
    for role, function in functions.items():
        if not hasattr(function, "py_func"):
            raise InputError(f"{role} = {function!r}: must be a function compiled by numba.njit")
        text = _standing_alone(f"own_{role}", function.py_func)
        if text is None:
            needs = {f"own_{name}": value for name, value in functions.items()}
            reason = f"its {role} uses names from outside or has no source that can be read"
            return "", needs, reason
        texts.append(text)
    return "".join(texts), {}, ""


def _standing_alone(name: str, function: Any) -> str | None:
    """Return the source of a function under another name, None unless it stands alone."""
    code = function.__code__
    if code.co_freevars or function.__defaults__ or function.__kwdefaults__:
        return None
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return None
    definition = tree.body[0]
    if not isinstance(definition, ast.FunctionDef):
        return None
    used = {
        node.id
        for node in ast.walk(definition)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    outside = {
        used_name
        for used_name in used
        if used_name in function.__globals__ and used_name not in code.co_varnames
    }
    outside -= {"math"} if inspect.ismodule(function.__globals__.get("math")) else set()
    decorators = {
        node.id
        for part in definition.decorator_list
        for node in ast.walk(part)
        if isinstance(node, ast.Name)
    }
    if outside - decorators:
        return None
    bare = ast.FunctionDef(
        name=name,
        args=definition.args,
        body=definition.body,
        decorator_list=[ast.Name("inlined", ast.Load())],
        lineno=1,
    )
    for argument in bare.args.args:
        argument.annotation = None
    return "\n\n" + ast.unparse(ast.fix_missing_locations(bare)) + "\n"
