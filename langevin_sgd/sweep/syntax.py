"""Python source as a text of its meaning: the same text for the same program.

Docstrings, comments, layout, brackets, the quotes of strings and imports for type checkers do not
show in it. It is written from the syntax tree, node by node, and not by ``ast.unparse`` or
``ast.dump``, whose output differs between versions of Python: what a node does not hold (``None``,
an empty list) is left out, so that fields which later versions add do not show; numbers and strings
are written by rules of their own; the pieces of f-strings are joined. So the same file gives the
same text on Python 3.11 to 3.14.

Imports are written by the caller, who knows what they lead to.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable

Import = ast.Import | ast.ImportFrom
Written = Callable[[Import], str]
"""How an import is written; nothing where it gives an empty text."""

_SILENT = frozenset({"ctx", "kind", "type_comment"})
"""Fields that say nothing of the meaning, or nothing that their place does not say."""


def without_imports(node: Import) -> str:
    """Leave an import out."""
    return ""


def canonical(statements: Iterable[ast.stmt], imports: Written = without_imports) -> str:
    r"""Write statements, one a line, in their order.

    Examples
    --------
    >>> one = ast.parse("def f(x):  # a remark\n    return (x + 1.50)")
    >>> two = ast.parse("def f(x):\n    'A docstring.'\n    return x + 1.5")
    >>> canonical(one.body) == canonical(two.body)
    True
    """
    written = (_of_node(statement, imports) for statement in statements if says(statement))
    return "\n".join(text for text in written if text)


def says(node: ast.AST) -> bool:
    """Whether a statement does anything: it is neither text nor for type checkers alone."""
    return not (_is_text(node) or _is_for_type_checkers(node))


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_for_type_checkers(node: ast.AST) -> bool:
    if not isinstance(node, ast.If) or node.orelse:
        return False
    name = getattr(node.test, "id", getattr(node.test, "attr", None))
    return name == "TYPE_CHECKING"


def _of_node(node: ast.AST, imports: Written) -> str:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return imports(node)
    fields = {name: getattr(node, name, None) for name in node._fields if name not in _SILENT}
    if isinstance(node, ast.JoinedStr):
        fields["values"] = _pieces(node)
    if isinstance(node, ast.FormattedValue) and _is_empty_format(node.format_spec):
        del fields["format_spec"]
    written = (
        f"{name}={_of_value(value, imports)}"
        for name, value in fields.items()
        if value is not None and value != []
    )
    return f"{type(node).__name__}({','.join(written)})"


def _of_value(value: object, imports: Written) -> str:
    if isinstance(value, ast.AST):
        return _of_node(value, imports)
    if isinstance(value, list):
        items = (_of_value(item, imports) for item in value if not _is_silent(item))
        return f"[{','.join(item for item in items if item)}]"
    return _of_constant(value)


def _is_silent(item: object) -> bool:
    return isinstance(item, ast.stmt) and not says(item)


def _of_constant(value: object) -> str:
    # Text in ASCII, whole numbers in base 16: neither tables of Unicode nor limits on the length of
    # numbers, which differ between versions, have a say.
    if isinstance(value, str):
        return ascii(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return hex(value)
    return repr(value)


def _is_empty_format(node: ast.expr | None) -> bool:
    return isinstance(node, ast.JoinedStr) and not _pieces(node)


def _pieces(node: ast.JoinedStr) -> list[ast.expr]:
    """Return the parts of an f-string, neighbouring texts joined and empty ones left out: how they
    are cut differs between versions of Python.
    """
    pieces: list[ast.expr] = []
    text = ""
    for part in node.values:
        if isinstance(part, ast.Constant):
            text += str(part.value)
            continue
        pieces += [ast.Constant(text), part] if text else [part]
        text = ""
    return [*pieces, ast.Constant(text)] if text else pieces
