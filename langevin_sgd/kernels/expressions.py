"""From expressions of sympy to rows of source.

Common subexpressions are computed once (`shared_parts`), whole powers are written as products, and
every constant is named, so that it can be given the precision of the block
(`langevin_sgd.kernels.block_functions`). The exponential is the package's own
(`langevin_sgd.kernels.exponential`), which loops over lanes can use as vector instructions.

What a formula may contain is not decided here: whoever writes one out has looked at it before
(`langevin_sgd.models.potentials.formula`). What the printer does not know, sympy's own prints as a
function of `math`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langevin_sgd.kernels.block_functions import Rows

LARGEST_POWER = 32
"""Whole powers up to this are written as products."""


def shared_parts(trees: Sequence[Any]) -> tuple[list[tuple[Any, Any]], list[Any]]:
    """Take out what occurs more than once.

    Returns
    -------
    shared
        Symbol and expression of each common part, in the order in which they are computed.
    results
        The expressions, in terms of these symbols.
    """
    import sympy

    shared, results = sympy.cse(trees, symbols=sympy.numbered_symbols("t_"), order="none")
    return shared, results


def as_rows(
    shared: Sequence[tuple[Any, Any]],
    results: Sequence[Any],
    coordinates: Sequence[Any],
    values: Sequence[Any],
) -> Rows:
    """Write out what `shared_parts` returns, as a function of these symbols."""
    printer = _printer()
    statements = [f"{symbol} = {printer.doprint(tree)}" for symbol, tree in shared]
    texts = [printer.doprint(tree) for tree in results]
    names = list(map(str, coordinates)), list(map(str, values))
    return Rows(texts, *names, statements, printer.numbers)


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
            text = self._print(first)
            other = self._chosen(rest, sign) if len(rest) > 1 else self._print(rest[0])
            return f"(({text}) if ({text}) {sign} ({other}) else ({other}))"

        def _print_Heaviside(self, expr: Any) -> str:
            return (
                f"({self._constant(1)} if ({self._print(expr.args[0])}) > "
                f"0 else {self._constant(0)})"
            )

        def _print_sign(self, expr: Any) -> str:
            text, unit = self._print(expr.args[0]), self._constant(1)
            negative = f"(-{unit} if ({text}) < 0 else {self._constant(0)})"
            return f"({unit} if ({text}) > 0 else {negative})"

    return Printer()


def _product(text: str, power: int) -> str:
    """Return ``text`` to a whole power, as squares of squares."""
    if power <= 1:
        return text if power else ""
    half = _product(text, power // 2)
    squared = f"({half}*{half})"
    return f"({squared}*{text})" if power % 2 else squared
