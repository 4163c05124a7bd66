r"""From expressions to source: functions that fill blocks of replicas, written out by sympy's
printer.

Formulas are read in `langevin_sgd.models.potentials.formula`, which also says what they may
contain.

A block holds its coordinates as (coordinate, lane); one generated function fills all rows of an
array lane by lane,

    out[i, lane] = f_i(position[:, lane], values)                       (`filling`)
    out[i, lane] = out[i, lane] + factor * f_i(position[:, lane], values)     (`adding`)

with common subexpressions computed once, polynomials of one variable in Horner's form, whole powers
as products, and every constant in the precision of the block, so that a loop over lanes becomes
vector instructions and float32 stays float32. Derivatives are those of sympy; where a function has
a kink (``Max``, ``Abs``), derivatives hold almost everywhere and a delta function in the second
derivative is left out. Functions that jump are refused (`langevin_sgd.models.potentials.jumps`), so
that the first derivative holds none.
"""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from langevin_sgd.checks import InputError, as_text, as_tuple, require, shown
from langevin_sgd.models.potentials.formula import (
    read,
    require_real_at,
    require_real_powers,
    require_writable,
)
from langevin_sgd.models.potentials.jumps import require_no_jump
from langevin_sgd.models.potentials.size import (
    LARGEST_DERIVATIVE,
    LARGEST_HORNER,
    LARGEST_SOURCE,
    MOST_VARIABLES,
    derivative_size,
    require_short,
    terms_multiplied_out,
    written_size,
)

PRELUDE = """import math

from langevin_sgd.kernels.compiled import contracting, fma, inlined, kernel, number_like, value_at
from langevin_sgd.models.potentials.exponential import exponential
"""
"""First lines of every generated module."""

BUILT_ON = ("kernels/compiled.py", "randomness.py", "models/potentials/exponential.py")
"""Files of the package that these lines import from."""

LARGEST_POWER = 32
"""Whole powers up to this are products."""


def built_on() -> list[str]:
    """Return the paths of `BUILT_ON`, for `langevin_sgd.kernels.generated.load`."""
    home = Path(__file__).parents[2]
    return [str(home / name) for name in BUILT_ON]


@dataclass(frozen=True, eq=False)
class Rows:
    """What a block function computes for one lane.

    Parameters
    ----------
    results
        Expressions, one for each row of the output.
    statements
        Lines before them.
    constants
        Name -> number, in the precision of the block.
    coordinates, values
        Names under which the lane's coordinates and values are bound.
    """

    results: Sequence[str]
    coordinates: Sequence[str]
    values: Sequence[str]
    statements: Sequence[str] = ()
    constants: dict[str, float] = field(default_factory=dict)

    def times(self, factor: float) -> Rows:
        """Return the rows multiplied by a number."""
        name = f"c_{len(self.constants)}"
        results = [f"{name}*({result})" for result in self.results]
        return replace(self, results=results, constants={**self.constants, name: float(factor)})


def filling(name: str, rows: Rows) -> str:
    """Source of ``name(out, position, values)``, which fills the rows of `out`."""
    lines = [f"out[{i}, lane] = {result}" for i, result in enumerate(rows.results)]
    return _function(f"{name}(out, position, values)", rows, lines)


def adding(name: str, rows: Rows) -> str:
    """Source of ``name(out, position, factors, k, values)``, which adds factor `k` times the rows
    to `out`.
    """
    lines = ["factor = value_at(factors, k, lane)"]
    lines += [
        f"out[{i}, lane] = fma(factor, {result}, out[{i}, lane])"
        for i, result in enumerate(rows.results)
    ]
    return _function(f"{name}(out, position, factors, k, values)", rows, lines)


def kicking(name: str, rows: Rows) -> str:
    """Source of ``name(start, position, i, lane, factors, k, values)``: `start` plus factor `k`
    times the only row.
    """
    # Row 0 goes under the name i of the caller's loop: else its stores to row i look as if they
    # might change row 0.
    body = [
        f"{constant} = number_like(position, {number!r})"
        for constant, number in rows.constants.items()
    ]
    body += [
        *_bound(rows, "i"),
        *rows.statements,
        f"return fma(value_at(factors, k, lane), {rows.results[0]}, start)",
    ]
    lines = [f"    {line}" for line in body]
    signature = f"{name}(start, position, i, lane, factors, k, values)"
    return "\n".join(["", "", "@contracting", f"def {signature}:", *lines, ""])


def scaling(name: str, rows: Rows) -> str:
    """Source of ``name(normals, out, position, values)``, which sets `out` to `normals` times the
    rows.
    """
    lines = [
        f"out[{i}, lane] = normals[{i}, lane] * ({result})" for i, result in enumerate(rows.results)
    ]
    return _function(f"{name}(normals, out, position, values)", rows, lines) + "    return out\n"


def weighting(name: str, rows: Rows) -> str:
    """Source of ``name(out, weights, position, factors, k, values)``, which adds factor `k` *
    weights * rows.
    """
    lines = ["factor = value_at(factors, k, lane)"]
    lines += [
        f"out[{i}, lane] = fma(factor * weights[{i}, lane], {result}, out[{i}, lane])"
        for i, result in enumerate(rows.results)
    ]
    return _function(f"{name}(out, weights, position, factors, k, values)", rows, lines)


def called(name: str, function: str, rows: int, coordinates: int, values: int) -> Rows:
    """Rows that a function of scalars returns: a number for one row, else a tuple."""
    names = _names("x", coordinates), _names("p", values)
    call = f"{name} = {function}({', '.join([*names[0], *names[1]])})"
    results = [name] if rows == 1 else [f"{name}[{i}]" for i in range(rows)]
    return Rows(results, *names, statements=[call])


def _names(letter: str, count: int) -> list[str]:
    return [f"{letter}_{i}" for i in range(count)]


def _function(signature: str, rows: Rows, lines: Sequence[str]) -> str:
    body = [
        f"    {name} = number_like(position, {number!r})" for name, number in rows.constants.items()
    ]
    body.append("    for lane in range(position.shape[1]):")
    body += [f"        {line}" for line in [*_bound(rows), *rows.statements, *lines]]
    return "\n".join(["", "", "@contracting", f"def {signature}:", *body, ""])


def _bound(rows: Rows, only: str = "") -> list[str]:
    coordinates = [
        f"{name} = position[{only or i}, lane]" for i, name in enumerate(rows.coordinates)
    ]
    return coordinates + [
        f"{name} = value_at(values, {i}, lane)" for i, name in enumerate(rows.values)
    ]


# --- sympy ----------------------------------------------------------------------------------------


class Expression:
    """A sympy expression whose variables and parameters have been told apart and renamed.

    Parameters
    ----------
    expression
        Text, or an expression of sympy.
    variables
        Names in the order of the coordinates; every free symbol that is not a parameter by default,
        in natural order (x2 before x10).
    parameters
        Names of the parameters.
    partial
        Whether variables and parameters may be missing from the expression.

    Raises
    ------
    InputError
        If the text is no expression, or names do not fit its symbols.
    """

    def __init__(
        self,
        expression: Any,
        variables: Sequence[str] | str | None,
        parameters: Iterable[str],
        *,
        partial: bool = False,
    ) -> None:
        import sympy

        self.parameters = tuple(parameters)
        names = () if variables is None else named_in(variables)
        given = read(expression, (*names, *self.parameters))
        found = {str(symbol) for symbol in given.free_symbols}
        if variables is None:
            names = tuple(natural_order(found - set(self.parameters)))
        self.variables, self.label = (
            names,
            expression if isinstance(expression, str) else str(given),
        )
        _check_names(self.label, found, names, self.parameters, partial=partial)
        self.coordinates = sympy.symbols(_names("x", len(names)), real=True)
        self._values = sympy.symbols(_names("p", len(self.parameters)), real=True)
        renamed = dict(
            zip((*names, *self.parameters), (*self.coordinates, *self._values), strict=True)
        )
        self.tree = given.subs({symbol: renamed[str(symbol)] for symbol in given.free_symbols})
        require_writable(self.tree, self.label)
        require_real_powers(self.tree, self._values, self.label)

    def with_parameters(self, names: Sequence[str]) -> Expression:
        """Return the expression with parameters more, which it does not contain."""
        if taken := sorted(set(names) & {*self.variables, *self.parameters}):
            raise InputError(f"{taken[0]}: is already a name in this formula")
        made = copy.copy(self)
        made.parameters = (*self.parameters, *names)
        import sympy

        made._values = sympy.symbols(_names("p", len(made.parameters)), real=True)
        return made

    def parameter(self, name: str) -> Any:
        """Return the symbol of a parameter."""
        return self._values[self.parameters.index(name)]

    def named(self, function: Callable[[Any, list[Any]], Any]) -> Any:
        """Return a function of the formula and its first derivatives, under the original names."""
        import sympy

        symbols = dict(
            zip(
                (*self.coordinates, *self._values), (*self.variables, *self.parameters), strict=True
            )
        )
        tree = function(self.tree, self.gradient())
        return tree.subs(
            {symbol: sympy.Symbol(name, real=True) for symbol, name in symbols.items()}
        )

    def gradient(self) -> list[Any]:
        """Return the first derivatives, by coordinate; delta functions of what does not jump are
        zero.
        """
        return [_without_deltas(slope) for slope in self._derived([self.tree])]

    def hessian(self) -> list[Any]:
        """Return the second derivatives, row by row."""
        return self._derived(self.gradient())

    def spread(self, tree: Any, coordinate: Any) -> Any:
        """Return b db/dx of a noise amplitude b."""
        require_short(
            derivative_size(tree, [coordinate]), LARGEST_DERIVATIVE, self.label, "its derivatives"
        )
        return _without_deltas((tree**2).diff(coordinate) / 2)

    def require_sound(self, tree: Any, values: Mapping[str, Any]) -> None:
        """Raise `InputError` if a function of the coordinates jumps, or is not real, at these
        values of parameters.
        """
        by_symbol = {
            symbol: values[name] for symbol, name in zip(self._values, self.parameters, strict=True)
        }
        symbols, called = (*self.coordinates, *self._values), (*self.variables, *self.parameters)
        names = dict(zip(symbols, called, strict=True))
        require_real_at(tree, self.coordinates, by_symbol, names, self.label)
        require_no_jump(tree, self.coordinates, self._values, values, self.label)

    def _derived(self, trees: list[Any]) -> list[Any]:
        """Return the derivatives of every tree by all coordinates."""
        size = sum(derivative_size(tree, self.coordinates) for tree in trees)
        require_short(size, LARGEST_DERIVATIVE, self.label, "its derivatives")
        return [tree.diff(x) for tree in trees for x in self.coordinates]

    def rows(self, trees: Sequence[Any]) -> Rows:
        """Write expressions out as source."""
        import sympy

        ready = [self._ready(tree) for tree in trees]
        for tree in ready:
            require_writable(tree, self.label, "has a derivative that contains")
        shared, results = sympy.cse(ready, symbols=sympy.numbered_symbols("t_"), order="none")
        for part in (*(tree for _, tree in shared), *results):
            require_short(
                written_size(part, LARGEST_POWER), LARGEST_SOURCE, self.label, "written out"
            )
        printer = _printer()
        statements = [f"{symbol} = {printer.doprint(tree)}" for symbol, tree in shared]
        texts = [printer.doprint(tree) for tree in results]
        return Rows(
            texts,
            list(map(str, self.coordinates)),
            list(map(str, self._values)),
            statements,
            printer.numbers,
        )

    def _ready(self, tree: Any) -> Any:
        import sympy

        tree = _without_deltas(tree)
        alone = len(self.coordinates) == 1 and tree.is_polynomial(*self.coordinates)
        if alone and terms_multiplied_out(tree) <= LARGEST_HORNER:
            return sympy.horner(tree, wrt=self.coordinates[0])
        return tree


def _without_deltas(tree: Any) -> Any:
    """Return a tree without delta functions: of the second derivative at a kink, and of what is
    zero where they are.
    """
    import sympy

    return tree.replace(sympy.DiracDelta, lambda *_: sympy.S.Zero)


@contextlib.contextmanager
def called_in_refusals(name: str) -> Iterator[None]:
    """Refuse formulas, which are called ``expression`` here, under the name that they have for the
    caller.
    """
    try:
        yield
    except InputError as error:
        raise InputError(re.sub(r"^expression\b", name, str(error))) from None


def named_in(names: Sequence[str] | str) -> tuple[str, ...]:
    """Return names from a text, parted by commas or spaces, or from a sequence."""
    if isinstance(names, str):
        return tuple(names.replace(",", " ").split())
    return as_tuple("variables", names, as_text)


def free_names(formulas: Iterable[Any], parameters: Iterable[str]) -> list[str]:
    """Names in formulas that are no parameters, in natural order."""
    declared = list(parameters)
    found = {str(symbol) for formula in formulas for symbol in read(formula, declared).free_symbols}
    return natural_order(found - set(declared))


def natural_order(names: Iterable[str]) -> list[str]:
    """Names in the order of their numbers: x2 before x10."""

    def key(name: str) -> list[Any]:
        return [
            (0, int(part), "") if part.isdigit() else (1, 0, part)
            for part in re.split(r"(\d+)", name)
            if part
        ]

    return sorted(names, key=key)


def _check_names(
    label: str,
    found: set[str],
    variables: Sequence[str],
    parameters: Sequence[str],
    *,
    partial: bool,
) -> None:
    require(len(variables) > 0, "expression", label, "must contain at least one variable")
    require(
        len(variables) <= MOST_VARIABLES,
        "variables",
        len(variables),
        f"must be at most {MOST_VARIABLES}",
    )
    both = set(variables) & set(parameters)
    distinct = not both and len(set(variables)) == len(variables)
    require(
        distinct,
        "variables",
        list(variables),
        "must differ from one another and from the parameters",
    )
    unknown = sorted(found - set(variables) - set(parameters))
    require(
        not unknown,
        "expression",
        label,
        f"{', '.join(unknown)} is neither a variable nor a parameter",
    )
    unused = sorted(set(parameters) - found)
    require(partial or not unused, "parameters", unused, f"do not occur in {shown(label)}")


def _printer() -> Any:
    from sympy.printing.pycode import PythonCodePrinter

    class Printer(PythonCodePrinter):  # type: ignore[misc]
        """Python source with named constants and powers as products."""

        def __init__(self) -> None:
            super().__init__({"fully_qualified_modules": True})
            self.numbers: dict[str, float] = {}

        def _constant(self, value: Any) -> str:
            number = float(value)
            known = {size: name for name, size in self.numbers.items()}
            name = known.get(abs(number), f"c_{len(known)}")
            self.numbers[name] = abs(number)
            return name if number >= 0 else f"(-{name})"

        _print_Integer = _print_Rational = _print_Float = _print_NumberSymbol = _constant

        def _print_Pow(self, expr: Any, rational: bool = False) -> str:
            base, power = expr.args
            text = f"({self._print(base)})"
            if power.is_Rational and power.q <= 2 and abs(power) <= LARGEST_POWER:
                factor = f"math.sqrt({text})" if power.q == 2 else ""
                whole = _product(text, abs(power.p) // power.q)
                product = "*".join(part for part in (factor, whole) if part)
                return f"({product})" if power > 0 else f"({self._constant(1)}/({product}))"
            return f"({text}**({self._print(power)}))"

        def _print_exp(self, expr: Any) -> str:
            return f"exponential({self._print(expr.args[0])})"

        def _print_Max(self, expr: Any) -> str:
            return self._chosen(expr.args, ">")

        def _print_Min(self, expr: Any) -> str:
            return self._chosen(expr.args, "<")

        def _chosen(self, arguments: Sequence[Any], sign: str) -> str:
            first, *rest = arguments
            one = self._print(first)
            other = self._chosen(rest, sign) if len(rest) > 1 else self._print(rest[0])
            return f"(({one}) if ({one}) {sign} ({other}) else ({other}))"

        def _print_Heaviside(self, expr: Any) -> str:
            return (
                f"({self._constant(1)} if ({self._print(expr.args[0])}) > 0 else "
                f"{self._constant(0)})"
            )

        def _print_sign(self, expr: Any) -> str:
            text, one = self._print(expr.args[0]), self._constant(1)
            return f"({one} if ({text}) > 0 else (-{one} if ({text}) < 0 else {self._constant(0)}))"

    return Printer()


def _product(text: str, power: int) -> str:
    """``text`` to a whole power, as squares of squares."""
    if power <= 1:
        return text if power else ""
    half = _product(text, power // 2)
    squared = f"({half}*{half})"
    return f"({squared}*{text})" if power % 2 else squared
