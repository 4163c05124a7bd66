r"""Formulas read from text by a parser that cannot run code, and what a formula may contain.

The text is a Python expression; its syntax tree is walked here, node by node, against literal
tables, and a sympy expression is built from what is found. Nothing is evaluated that is not in the
tables, and sizes are bounded before sympy sees them: 9**9**9 is refused, not computed.

    numbers         2, 0.5, 1e-3, pi
    operators       + - * / **     (^ is ** too)
    functions
    the names in `FUNCTIONS`, Min, Max, and Piecewise((formula, condition), ..., (formula, True))
    conditions      < <= > >= of formulas, joined by & and |
    names
    anything else; those that are declared as variables or parameters mean that and nothing else,
    also
                    where sympy has a meaning for them (beta, gamma, lambda, pi, E, I, N, S, ...)

E and I are no constants: undeclared they are refused, since they would be taken for coordinates
(write exp(1)). All numbers are real. A square root or a logarithm of something negative is NaN, as
it is in ``math``; other broken powers of what may be negative, x**(1/3), are refused, since there
both NaN and a real root are meant by some.
"""

from __future__ import annotations

import ast
import keyword
import math
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from langevin_sgd.checks import InputError, is_real, require, shown

LONGEST_TEXT, MOST_NODES, DEEPEST = 10_000, 2_000, 50
"""Bounds of a text: characters, nodes of its syntax tree, and brackets within brackets."""

LARGEST_EXPONENT = 1000
MOST_ARGUMENTS = 8
"""Of Min and Max, which are written out as comparisons within comparisons."""

_ONE, _ONE_OR_TWO = (1, 1), (1, 2)

FUNCTIONS: dict[str, tuple[tuple[int, int], Callable[..., Any]]] = {
    "exp": (_ONE, lambda s, x: s.exp(x)),
    "log": (_ONE_OR_TWO, lambda s, *x: s.log(*x)),
    "ln": (_ONE, lambda s, x: s.log(x)),
    "log2": (_ONE, lambda s, x: s.log(x, 2)),
    "log10": (_ONE, lambda s, x: s.log(x, 10)),
    "sqrt": (_ONE, lambda s, x: s.sqrt(x)),
    "cbrt": (_ONE, lambda s, x: s.sign(x) * s.Abs(x) ** s.Rational(1, 3)),
    "abs": (_ONE, lambda s, x: s.Abs(x)),
    "Abs": (_ONE, lambda s, x: s.Abs(x)),
    "sign": (_ONE, lambda s, x: s.sign(x)),
    "Heaviside": (_ONE, lambda s, x: s.Heaviside(x)),
    "sin": (_ONE, lambda s, x: s.sin(x)),
    "cos": (_ONE, lambda s, x: s.cos(x)),
    "tan": (_ONE, lambda s, x: s.tan(x)),
    "asin": (_ONE, lambda s, x: s.asin(x)),
    "acos": (_ONE, lambda s, x: s.acos(x)),
    "atan": (_ONE, lambda s, x: s.atan(x)),
    "sinh": (_ONE, lambda s, x: s.sinh(x)),
    "cosh": (_ONE, lambda s, x: s.cosh(x)),
    "tanh": (_ONE, lambda s, x: s.tanh(x)),
    "asinh": (_ONE, lambda s, x: s.asinh(x)),
    "acosh": (_ONE, lambda s, x: s.acosh(x)),
    "atanh": (_ONE, lambda s, x: s.atanh(x)),
    "erf": (_ONE, lambda s, x: s.erf(x)),
    "erfc": (_ONE, lambda s, x: s.erfc(x)),
    "Min": ((1, MOST_ARGUMENTS), lambda s, *x: s.Min(*x)),
    "Max": ((1, MOST_ARGUMENTS), lambda s, *x: s.Max(*x)),
    "min": ((1, MOST_ARGUMENTS), lambda s, *x: s.Min(*x)),
    "max": ((1, MOST_ARGUMENTS), lambda s, *x: s.Max(*x)),
}
"""Name in a text -> least and most arguments, and what is built of sympy and these."""

KINDS = (
    *(
        "Add",
        "Mul",
        "Pow",
        "Symbol",
        "Dummy",
        "Integer",
        "Rational",
        "Float",
        "Zero",
        "One",
        "NegativeOne",
        "Half",
    ),
    *(
        "Pi",
        "Exp1",
        "exp",
        "log",
        "Abs",
        "sign",
        "Heaviside",
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "sinh",
    ),
    *(
        "cosh",
        "tanh",
        "asinh",
        "acosh",
        "atanh",
        "erf",
        "erfc",
        "Min",
        "Max",
        "Piecewise",
        "ExprCondPair",
    ),
    *("StrictLessThan", "LessThan", "StrictGreaterThan", "GreaterThan", "And", "Or", "BooleanTrue"),
)
"""Classes of sympy that can be written out as source."""

_NAMED = ", ".join(name for name in FUNCTIONS if name not in ("Min", "Max", "Abs", "ln"))
_ALLOWED = f"allowed are numbers, names, + - * / **, Piecewise, and the functions {_NAMED}"
_LARGEST_POWER = f"must have powers of at most {LARGEST_EXPONENT}"
_NO_NUMBERS = {
    "E": "write exp(1)",
    "I": "numbers are real",
    **dict.fromkeys(("oo", "zoo", "nan", "inf"), "not finite"),
}


def read(expression: Any, declared: Iterable[str] = ()) -> Any:
    """Return a formula as an expression of sympy.

    Parameters
    ----------
    expression
        A text, a number, or an expression of sympy.
    declared
        Names of variables and parameters.

    Raises
    ------
    InputError
        If it is none, or holds what cannot be written out.

    Examples
    --------
    >>> read("beta*x^2/2 + cos(pi*y)", ["beta"])
    beta*x**2/2 + cos(pi*y)
    """
    import sympy

    if isinstance(expression, str):
        tree = _Reader(expression, declared).tree()
    elif is_real(expression) and not isinstance(expression, sympy.Basic):
        tree = (
            sympy.Integer(expression)
            if isinstance(expression, int)
            else sympy.Float(float(expression))
        )
    else:
        tree = expression
    require(
        isinstance(tree, sympy.Expr),
        "expression",
        expression,
        "must be a formula with a number as its value",
    )
    require_writable(tree, expression)
    return tree


def require_writable(tree: Any, expression: Any, what: str = "contains") -> None:
    """Raise `InputError`, naming `expression`, unless a tree is real and can be written out."""
    import sympy

    moving: dict[Any, bool] = {}

    def visit(part: Any) -> bool:
        """Whether a part holds a symbol; its own parts first."""
        if part not in moving:
            name, held = type(part).__name__, [visit(inner) for inner in part.args]
            unreal = part in (sympy.I, sympy.nan, sympy.oo, -sympy.oo, sympy.zoo)
            _require(not unreal, expression, f"{what} what is no finite real number")
            if name not in KINDS:
                _require(False, expression, f"{what} {shown(part, width=40)}; {_ALLOWED}")
            if part.is_Pow and part.args[1].is_number:
                _require(abs(part.args[1]) <= LARGEST_EXPONENT, expression, _LARGEST_POWER)
            if name in ("Max", "Min"):
                _require(
                    len(held) <= MOST_ARGUMENTS,
                    expression,
                    f"{name} takes at most {MOST_ARGUMENTS} arguments",
                )
            if name == "Piecewise":
                _require(
                    part.args[-1].cond is sympy.true,
                    expression,
                    "a Piecewise must end in (formula, True)",
                )
            moving[part] = part.is_Symbol or any(held)
            if isinstance(part, sympy.Expr) and not moving[part] and not _is_number(part):
                _require(
                    False,
                    expression,
                    f"{what} {shown(part, width=40)}, which is no finite real number",
                )
        return moving[part]

    visit(tree)


def require_real_powers(tree: Any, parameters: Iterable[Any], expression: Any) -> None:
    """Raise `InputError` if a tree takes a broken power of what may be negative.

    Square roots are let through.
    """
    import sympy

    positive = {symbol: sympy.Dummy(positive=True) for symbol in parameters}
    for part in tree.atoms(sympy.Pow):
        base, exponent = part.args
        if not _is_real_power(base, exponent, positive):
            shape = "a power 1/3" if exponent == sympy.Rational(1, 3) else "a broken power"
            advice = "write abs(...) around its base, or cbrt for a cube root"
            _require(
                False,
                expression,
                f"holds {shape} of what may be negative, which has no real value: {advice}",
            )


def require_real_at(
    tree: Any,
    coordinates: Iterable[Any],
    values: Mapping[Any, Any],
    names: Mapping[Any, str],
    expression: Any,
) -> None:
    """Raise `InputError` if the values of parameters leave a formula without a finite real value.

    Parameters
    ----------
    tree
        Expression of sympy.
    coordinates
        Its moving symbols.
    values, names
        Symbol of a parameter -> number or array over replicas; any symbol -> its name.
    expression
        The formula as the user knows it.
    """
    import sympy

    moving, signs = set(coordinates), {symbol: _of_sign(value) for symbol, value in values.items()}

    def refuse(part: Any, why: str) -> None:
        blamed = {names[symbol]: values[symbol] for symbol in values if symbol in part.free_symbols}
        readable = shown(part.subs(names), width=40)
        require(
            False, "parameters", blamed, f"leave {readable} of {shown(expression, width=40)} {why}"
        )

    def visit(part: Any) -> None:
        """Look at the largest parts of parameters alone, and at powers of the others."""
        if isinstance(part, sympy.Piecewise) or not part.free_symbols - moving:
            return  # one of the pieces may be there for these values
        if not part.free_symbols & moving:
            if not _is_finite_at(part, values):
                refuse(part, "without a finite real value")
            return
        if part.is_Pow and not _is_real_power(part.args[0], part.args[1], signs):
            refuse(part, "a broken power of what may be negative, which has no real value")
        for one in part.args:
            visit(one)

    visit(tree)


def _is_finite_at(part: Any, values: Mapping[Any, Any]) -> bool:
    """Whether an expression of parameters has finite real values in all replicas."""
    import sympy

    symbols = [symbol for symbol in values if symbol in part.free_symbols]
    numbers = [np.asarray(values[symbol], dtype=float) for symbol in symbols]
    if len({number.size for number in numbers if number.ndim}) > 1:
        return True  # arrays of different lengths are refused where their lengths are asked for
    with np.errstate(all="ignore"):
        value = sympy.lambdify(symbols, part, modules=["numpy", "scipy"])(*numbers)
    return bool(np.isfinite(np.asarray(value, dtype=float)).all())


def _of_sign(value: Any) -> Any:
    """A symbol of which is known whether it is positive, negative or neither."""
    import sympy

    lowest, highest = np.min(value), np.max(value)
    if highest < 0:
        return sympy.Dummy(negative=True)
    return sympy.Dummy(
        **({"positive": True} if lowest > 0 else {"nonnegative" if lowest == 0 else "real": True})
    )


def _is_real_power(base: Any, exponent: Any, known: Mapping[Any, Any]) -> bool:
    """Whether a power is known to have a real value, or is a square root.

    Known from the symbols of its base.
    """
    if exponent.is_number and (2 * float(exponent)).is_integer():
        return True
    return bool(base.subs(known).is_nonnegative)


def _is_number(constant: Any) -> bool:
    """Whether an expression without symbols is a finite real number."""
    try:
        value = complex(constant)
    except (TypeError, ValueError, OverflowError, ArithmeticError):
        return False
    return math.isfinite(value.real) and value.imag == 0


def _require(condition: bool, expression: Any, allowed: str) -> None:
    require(condition, "expression", expression, allowed)


class _Reader:
    """One text on its way to an expression."""

    def __init__(self, text: str, declared: Iterable[str]) -> None:
        import sympy

        self._text, self._sympy = text, sympy
        self._declared = {unicodedata.normalize("NFKC", name): name for name in declared}
        self._nodes = 0

    def tree(self) -> Any:
        """Return the expression."""
        self._require(
            len(self._text) <= LONGEST_TEXT, f"must have at most {LONGEST_TEXT} characters"
        )
        # Python keeps some names for itself, of which at least lambda is a parameter elsewhere.
        kept = [name for name in self._declared if keyword.iskeyword(name)] + ["lambda"]
        line = " ".join(self._text.replace("^", "**").split())
        self._source = re.sub(rf"\b({'|'.join(kept)})\b", r"_keyword_\1", line)
        self._kept = {f"_keyword_{name}": name for name in kept}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                parsed = ast.parse(self._source, mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = str(getattr(error, "msg", "") or type(error).__name__)
            raise InputError(
                f"expression = {shown(self._text)}: cannot be read as a formula ({reason})"
            ) from None
        self._require(
            not isinstance(parsed.body, ast.Compare), "must be a formula with a number as its value"
        )
        return self._read(parsed.body, 0)

    def _require(self, condition: bool, allowed: str) -> None:
        _require(condition, self._text, allowed)

    def _refusal(self, node: ast.AST) -> InputError:
        part = shown(ast.get_source_segment(self._source, node) or type(node).__name__, width=40)
        return InputError(
            f"expression = {shown(self._text)}: {part} is no part of a formula; {_ALLOWED}"
        )

    def _read(self, node: ast.AST, depth: int) -> Any:
        self._nodes += 1
        self._require(
            self._nodes <= MOST_NODES,
            f"must have at most {MOST_NODES} numbers, names and operators",
        )
        self._require(depth <= DEEPEST, f"must have at most {DEEPEST} brackets within brackets")
        if isinstance(node, ast.BinOp):
            return self._chain(node, depth)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            inner = self._read(node.operand, depth + 1)
            return -inner if isinstance(node.op, ast.USub) else inner
        if isinstance(node, ast.Constant):
            return self._number(node)
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        raise self._refusal(node)

    def _chain(self, node: ast.BinOp, depth: int) -> Any:
        """Read a chain of operators from left to right: long sums are no deeper than short ones."""
        links: list[ast.BinOp] = []
        first: ast.AST = node
        while isinstance(first, ast.BinOp):
            links.append(first)
            first = first.left
        value = self._read(first, depth + 1)
        for link in reversed(links):
            value = self._operate(link, value, self._read(link.right, depth + 1))
        return value

    def _operate(self, node: ast.BinOp, left: Any, right: Any) -> Any:
        if isinstance(node.op, ast.Add):
            made = left + right
        elif isinstance(node.op, ast.Sub):
            made = left - right
        elif isinstance(node.op, ast.Mult):
            made = left * right
        elif isinstance(node.op, ast.Div):
            made = left / right
        elif isinstance(node.op, ast.Pow):
            made = self._power(left, right)
        else:
            raise self._refusal(node)
        return self._finite(made)

    def _power(self, base: Any, exponent: Any) -> Any:
        if not exponent.free_symbols:
            size = abs(float(exponent))
            self._require(size <= LARGEST_EXPONENT, _LARGEST_POWER)
            if not base.free_symbols and base != 0:
                bits = size * abs(math.log2(abs(float(base))))
                self._require(bits < 1022, "contains a power that is no finite number")
        return base**exponent

    def _finite(self, made: Any) -> Any:
        constant = not made.free_symbols
        self._require(not constant or _is_number(made), "contains what is no finite real number")
        return made

    def _number(self, node: ast.Constant) -> Any:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._refusal(node)
        self._require(abs(value) < 1e308, "must contain finite numbers only")
        if isinstance(value, int):
            return self._sympy.Integer(value)
        return self._sympy.Float(
            (ast.get_source_segment(self._source, node) or repr(value)).replace("_", "")
        )

    def _name(self, name: str) -> Any:
        name = self._kept.get(name, name)
        if name in self._declared:
            return self._sympy.Symbol(self._declared[name])
        if name == "pi":
            return self._sympy.pi
        if name in _NO_NUMBERS:
            raise InputError(
                f"expression = {shown(self._text)}: "
                f"{name} is no number here ({_NO_NUMBERS[name]}); "
                "as a name of your own declare it in variables or parameters"
            )
        self._require(name not in FUNCTIONS, f"{name} is a function: write {name}(...)")
        return self._sympy.Symbol(name)

    def _call(self, node: ast.Call, depth: int) -> Any:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            raise self._refusal(node)
        if name == "Piecewise":
            return self._piecewise(node, depth)
        if name not in FUNCTIONS:
            raise self._refusal(node)
        (least, most), build = FUNCTIONS[name]
        self._require(least <= len(node.args) <= most, f"{name} takes {least} to {most} arguments")
        return self._finite(
            build(self._sympy, *(self._read(argument, depth + 1) for argument in node.args))
        )

    def _piecewise(self, node: ast.Call, depth: int) -> Any:
        pairs = []
        for pair in node.args:
            if not (isinstance(pair, ast.Tuple) and len(pair.elts) == 2):
                raise self._refusal(pair)
            formula, condition = pair.elts
            pairs.append((self._read(formula, depth + 1), self._condition(condition, depth + 1)))
        self._require(
            0 < len(pairs) <= MOST_ARGUMENTS, f"Piecewise takes 1 to {MOST_ARGUMENTS} pieces"
        )
        self._require(pairs[-1][1] is self._sympy.true, "a Piecewise must end in (formula, True)")
        return self._finite(self._sympy.Piecewise(*pairs))

    def _condition(self, node: ast.AST, depth: int) -> Any:
        self._require(depth <= DEEPEST, f"must have at most {DEEPEST} brackets within brackets")
        if isinstance(node, ast.Constant) and node.value is True:
            return self._sympy.true
        if isinstance(node, ast.BoolOp):
            joined = [self._condition(operand, depth + 1) for operand in node.values]
            return (
                self._sympy.And(*joined)
                if isinstance(node.op, ast.And)
                else self._sympy.Or(*joined)
            )
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
            sides = self._condition(node.left, depth + 1), self._condition(node.right, depth + 1)
            return (
                self._sympy.And(*sides)
                if isinstance(node.op, ast.BitAnd)
                else self._sympy.Or(*sides)
            )
        if not isinstance(node, ast.Compare):
            raise self._refusal(node)
        sides_of = [self._read(operand, depth + 1) for operand in (node.left, *node.comparators)]
        return self._sympy.And(
            *(self._comparison(node, op, *sides_of[i : i + 2]) for i, op in enumerate(node.ops))
        )

    def _comparison(self, node: ast.Compare, op: ast.cmpop, left: Any, right: Any) -> Any:
        if isinstance(op, ast.Lt):
            return left < right
        if isinstance(op, ast.LtE):
            return left <= right
        if isinstance(op, ast.Gt):
            return left > right
        if isinstance(op, ast.GtE):
            return left >= right
        raise self._refusal(node)
