r"""A formula whose variables and parameters have been told apart, and its derivatives.

Formulas are read in `langevin_sgd.models.potentials.formula`, which also says what they may
contain; they are written out by `langevin_sgd.kernels.expressions`. Derivatives are those of sympy;
where a function has a kink (``Max``, ``Abs``), derivatives hold almost everywhere and a delta
function in the second derivative is left out. Functions that jump are refused
(`langevin_sgd.models.potentials.jumps`), so that the first derivative holds none. Polynomials of
one variable are brought into Horner's form.
"""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from langevin_sgd.checks import InputError, as_text, as_tuple, require, shown
from langevin_sgd.kernels.block_functions import Rows, numbered
from langevin_sgd.kernels.expressions import LARGEST_POWER, as_rows, shared_parts
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
        used = {str(symbol) for symbol in given.free_symbols}
        if variables is None:
            names = tuple(natural_order(used - set(self.parameters)))
        self.variables, self.label = (
            names,
            expression if isinstance(expression, str) else str(given),
        )
        _check_names(self.label, used, names, self.parameters, partial=partial)
        self.coordinates = sympy.symbols(numbered("x", len(names)), real=True)
        self._values = sympy.symbols(numbered("p", len(self.parameters)), real=True)
        renamed = dict(
            zip((*names, *self.parameters), (*self.coordinates, *self._values), strict=True)
        )
        self.tree = given.subs({symbol: renamed[str(symbol)] for symbol in given.free_symbols})
        require_writable(self.tree, self.label)
        require_real_powers(self.tree, self._values, self.label)

    def with_parameters(self, names: Sequence[str]) -> Expression:
        """Return the expression with parameters more, which it does not contain.

        Raises
        ------
        InputError
            If one of the names is taken.
        """
        if taken := sorted(set(names) & {*self.variables, *self.parameters}):
            raise InputError(f"{taken[0]}: is already a name in this formula")
        made = copy.copy(self)
        made.parameters = (*self.parameters, *names)
        import sympy

        made._values = sympy.symbols(numbered("p", len(made.parameters)), real=True)
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
        """Return the first derivatives, by coordinate.

        Delta functions of what does not jump are zero.
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
        """Raise `InputError` if a function of the coordinates jumps or is not real.

        It is looked at with these values of the parameters.
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
        ready = [self._ready(tree) for tree in trees]
        for tree in ready:
            require_writable(tree, self.label, "has a derivative that contains")
        shared, results = shared_parts(ready)
        for part in (*(tree for _, tree in shared), *results):
            require_short(
                written_size(part, LARGEST_POWER), LARGEST_SOURCE, self.label, "written out"
            )
        return as_rows(shared, results, self.coordinates, self._values)

    def _ready(self, tree: Any) -> Any:
        import sympy

        tree = _without_deltas(tree)
        alone = len(self.coordinates) == 1 and tree.is_polynomial(*self.coordinates)
        if alone and terms_multiplied_out(tree) <= LARGEST_HORNER:
            return sympy.horner(tree, wrt=self.coordinates[0])
        return tree


def _without_deltas(tree: Any) -> Any:
    """Return a tree without delta functions.

    They belong to the second derivative at a kink, or to what is zero where they are.
    """
    import sympy

    return tree.replace(sympy.DiracDelta, lambda *_: sympy.S.Zero)


@contextlib.contextmanager
def called_in_refusals(name: str) -> Iterator[None]:
    """Refuse formulas under the name that they have for the caller.

    Here they are called ``expression``.

    Raises
    ------
    InputError
        The refusal of the body, under that name.
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
    used = {str(symbol) for formula in formulas for symbol in read(formula, declared).free_symbols}
    return natural_order(used - set(declared))


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
    used: set[str],
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
    unknown = sorted(used - set(variables) - set(parameters))
    require(
        not unknown,
        "expression",
        label,
        f"{', '.join(unknown)} is neither a variable nor a parameter",
    )
    unused = sorted(set(parameters) - used)
    require(partial or not unused, "parameters", unused, f"do not occur in {shown(label)}")
