"""How long formulas become: estimates that cost little, of what would cost much.

Derivatives of a product of n factors hold n of them each, powers are written out as products, and a
comparison writes its sides twice; all of this nests. A formula that would become too long is
refused before it is made.
"""

from __future__ import annotations

import math
from typing import Any

from langevin_sgd.checks import require

LARGEST_DERIVATIVE = 20_000
"""Nodes of all first, or of all second, derivatives together."""

LARGEST_SOURCE = 200_000
"""Characters of one row of source, about."""

MOST_VARIABLES = 100

LARGEST_HORNER = 200
"""Largest number of terms of a polynomial that is expanded into Horner's form."""


def require_short(amount: float, largest: float, expression: Any, what: str) -> None:
    """Raise `InputError` if an estimate is above its bound."""
    require(amount <= largest, "expression", expression, f"is too long: {what}")


def derivative_size(tree: Any, variables: list[Any]) -> float:
    """Estimate the nodes of the derivatives of a tree by all `variables` together."""
    known: dict[Any, tuple[float, float]] = {}

    def sizes(part: Any) -> tuple[float, float]:
        """Nodes of a part and of its derivative, whatever the variable."""
        if part not in known:
            inner = [sizes(argument) for argument in part.args]
            size = 1 + sum(argument_size for argument_size, _ in inner)
            growth = sum(argument_growth for _, argument_growth in inner)
            # Sums are derived term by term; everything else is written down once more for every
            # argument.
            known[part] = size, growth if part.is_Add else growth + size * max(1, len(inner))
        return known[part]

    if tree.is_Add:
        terms = [(term, len(term.free_symbols & set(variables))) for term in tree.args]
        return sum(count * sizes(term)[1] for term, count in terms)
    return len(tree.free_symbols & set(variables)) * sizes(tree)[1]


def written_size(tree: Any, largest_power: int) -> float:
    """Estimate the characters of a tree in source."""
    if not tree.args:
        return 4
    inner = [written_size(part, largest_power) for part in tree.args]
    if tree.is_Pow and tree.args[1].is_Rational and abs(tree.args[1]) <= largest_power:
        return inner[0] * max(1, abs(float(tree.args[1])))
    kind = type(tree).__name__
    if kind in ("Max", "Min"):
        total = inner[-1]
        for size in reversed(inner[:-1]):
            total = 2 * (size + total)
        return total
    return sum(inner) * (2 if kind == "sign" else 1) + 8


def terms_multiplied_out(tree: Any) -> float:
    """Estimate the terms of a polynomial when it is multiplied out."""
    if tree.is_Add:
        return sum(terms_multiplied_out(part) for part in tree.args)
    if tree.is_Mul:
        return math.prod(terms_multiplied_out(part) for part in tree.args)
    if tree.is_Pow and tree.args[1].is_Integer:
        terms, power = terms_multiplied_out(tree.args[0]), int(abs(tree.args[1]))
        if terms <= 1:
            return 1
        return (
            math.inf if power > 1000 or terms > 1000 else math.comb(int(terms) + power - 1, power)
        )
    return 1
