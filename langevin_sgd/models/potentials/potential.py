r"""Potentials in any dimension, compiled from a formula or from functions of your own.

    U(theta; values),     force = -grad U,     Hessian = grad grad U

`Potential.from_sympy` differentiates a formula and writes energy, force and Hessian out as source,
which is kept under its hash in a folder of the user (`langevin_sgd.kernels.generated`): a second
process compiles nothing. `Potential.from_functions` takes compiled functions of scalars. Either way
the loops over replicas that an integrator needs are built around them.

Parameters of a potential are named numbers; each may be an array over replicas, so that one
simulation covers a sweep.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import numpy as np

from langevin_sgd.checks import (
    InputError,
    as_array,
    as_function,
    as_instance,
    as_positive,
    as_text,
    require,
)
from langevin_sgd.kernels.block_code import BlockCode
from langevin_sgd.kernels.block_functions import (
    PRELUDE,
    Rows,
    adding,
    built_on,
    called,
    filling,
    kicking,
)
from langevin_sgd.kernels.generated import load
from langevin_sgd.kernels.user_functions import adopted
from langevin_sgd.models.potentials.expression import Expression, named_in

Value = float | np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class BoltzmannMoments:
    """Exact moments of the density exp(-U/temperature).

    Parameters
    ----------
    mean
        (parameter,).
    covariance
        (parameter, parameter).
    energy
        Mean of U.
    """

    mean: np.ndarray
    covariance: np.ndarray
    energy: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Code:
    """Source of a potential.

    Parameters
    ----------
    energy, force, hessian
        Rows to compute; no Hessian if nobody gave one.
    definitions
        Functions that the rows call, as source.
    needs
        Functions that the rows call and that have no source of their own: with any, nothing can be
        kept compiled.
    """

    energy: Rows
    force: Rows
    hessian: Rows | None
    definitions: str = ""
    needs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Potential:
    """A compiled potential.

    Made by `from_sympy`, `from_functions` or a function of `langevin_sgd.models.potentials`.

    Parameters
    ----------
    variables
        Names of the coordinates, in order.
    values
        Parameter -> number, or array (replica,).
    code
        Source of energy, force and Hessian.
    moments
        Temperature -> exact moments of the Boltzmann density, where known.
    expression
        The formula in sympy, ``None`` for functions of your own.
    name
        For display.
    """

    variables: tuple[str, ...]
    values: Mapping[str, Value]
    code: Code
    moments: Callable[..., BoltzmannMoments] | None = None
    expression: Any = None
    name: str = "potential"

    @classmethod
    def from_sympy(
        cls,
        expression: Any,
        variables: Sequence[str] | str | None = None,
        parameters: Mapping[str, Value] | None = None,
        *,
        moments: Callable[..., BoltzmannMoments] | None = None,
        name: str = "",
    ) -> Potential:
        """Compile a formula.

        Parameters
        ----------
        expression
            Text, or a sympy expression. A text is read by a parser that runs no code; numbers,
            operators, the functions exp, log, sqrt, cbrt, abs, sign, sin, cos, tan, their inverses,
            hyperbolic functions, erf, Min, Max, Heaviside and Piecewise are known
            (`langevin_sgd.models.potentials.formula`). Every name that is declared as a variable or
            parameter means that, also beta, gamma, lambda, S, N, pi; undeclared, pi is the number,
            and E and I, which are no constants here, are refused. Where a formula has a kink
            (``Max``, ``abs``) derivatives hold almost everywhere; one that jumps is refused, since
            its force has a delta function. Square roots and logarithms of negative numbers are NaN:
            a potential that holds one of a coordinate ends where that becomes negative, and a path
            that goes beyond has diverged (its ``status`` says so). So has one at a point where the
            force is infinite, as at the tip of sqrt(abs(x)).
        variables
            Names of the coordinates in order; by default all symbols that are not parameters, in
            natural order.
        parameters
            Name -> number, or an array over replicas.
        moments
            Function of the temperature and the parameters (by name) that returns exact moments,
            where known.
        name
            For display; the formula by default.

        Returns
        -------
        Potential

        Raises
        ------
        InputError
            If the text is no formula or contains what cannot be written out, if the formula jumps,
            is too long, has no real value, or names and values do not fit it.

        Examples
        --------
        >>> well = Potential.from_sympy("a*x**4/4 - x**2/2", parameters={"a": 1.0})
        >>> well.force(np.array([[2.0]])).tolist(), well.hessian(np.array([0.0])).tolist()
        ([[-6.0]], [[-1.0]])
        """
        values = checked_values(parameters or {}, "parameters")
        if moments is not None:
            as_function("moments", moments)
        given = Expression(expression, variables, list(values))
        # Before derivatives, in which a jump is a delta function.
        given.require_sound(given.tree, values)
        code = Code(
            energy=given.rows([given.tree]),
            force=given.rows([-slope for slope in given.gradient()]),
            hessian=given.rows(given.hessian()),
        )
        label = as_text("name", name) or given.label
        return cls(
            variables=given.variables,
            values=values,
            code=code,
            moments=moments,
            expression=given,
            name=label,
        )

    @classmethod
    def from_functions(
        cls,
        energy: Callable[..., Any],
        force: Callable[..., Any],
        hessian: Callable[..., Any] | None = None,
        *,
        variables: Sequence[str] | str = "x",
        parameters: Mapping[str, Value] | None = None,
        name: str = "functions",
    ) -> Potential:
        """Take compiled functions (``numba.njit``) of scalars.

        Parameters
        ----------
        energy
            ``energy(x, y, ..., a, b, ...)``: coordinates, then parameters; a number.
        force
            Same arguments; minus the gradient, a number for one coordinate, else a tuple.
        hessian
            Same arguments; a number for one coordinate, else a tuple of all entries, row by row.
            Optional.
        variables
            Names of the coordinates in order.
        parameters
            Name -> number, or an array over replicas, in the order of the arguments.
        name
            For display.

        Returns
        -------
        Potential

        Warns
        -----
        UserWarning
            If the functions cannot be kept compiled, because they use more than ``math`` and their
            arguments or have no readable source: every process then compiles them anew.
        """
        values, name = checked_values(parameters or {}, "parameters"), as_text("name", name)
        names = named_in(variables)
        require(len(names) > 0, "variables", variables, "must name at least one coordinate")
        size, roles = len(names), {"energy": energy, "force": force, "hessian": hessian}
        given = {
            role: function
            for role, function in roles.items()
            if function is not None or role != "hessian"
        }
        definitions, needs, reason = adopted(given)
        if needs:
            warnings.warn(
                f"potential {name!r}: {reason}; every process compiles its kernels anew",
                stacklevel=2,
            )

        def rows(role: str, count: int) -> Rows:
            return called("result", f"own_{role}", count, size, len(values))

        code = Code(
            energy=rows("energy", 1),
            force=rows("force", size),
            hessian=rows("hessian", size * size) if "hessian" in given else None,
            definitions=definitions,
            needs=needs,
        )
        return cls(variables=names, values=values, code=code, name=name)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_loaded", {})
        if self.expression is not None:
            self.expression.require_sound(self.expression.tree, self.values)

    def __getstate__(self) -> dict[str, Any]:
        # What is compiled stays behind: modules do not travel, and are found again or made anew.
        return {**self.__dict__, "_loaded": {}}

    def __repr__(self) -> str:
        return (
            f"Potential({self.name!r}, "
            f"variables={' '.join(self.variables)!r}, {dict(self.values)!r})"
        )

    @property
    def parameters(self) -> int:
        """Number of coordinates."""
        return len(self.variables)

    @property
    def cached(self) -> bool:
        """Whether compiled code is kept for other processes."""
        return not self.code.needs

    def with_values(self, **changes: Value) -> Potential:
        """Return the same potential with other parameter values, without compiling again."""
        if unknown := sorted(set(changes) - set(self.values)):
            raise InputError(
                f"{unknown[0]}: is no parameter of {self.name!r}, which has {sorted(self.values)}"
            )
        return replace(self, values={**self.values, **checked_values(changes)})

    def modified(self, lr: float) -> Potential:
        """Return U + (lr/4) |grad U|^2, the potential of the second-order modified equation of SGD.

        Raises
        ------
        InputError
            For functions of your own.
        """
        lr = as_positive("lr", lr)
        if self.expression is None:
            raise InputError("modified: needs a potential made from a formula")
        tree = self.expression.named(
            lambda formula, slopes: formula + lr / 4 * sum(slope**2 for slope in slopes)
        )
        return Potential.from_sympy(
            tree, self.variables, self.values, name=f"{self.name}, modified"
        )

    def energy(self, theta: np.ndarray) -> np.ndarray:
        """Potential energy at `theta` (..., parameter); shape (...)."""
        return self._evaluated("energy", self.code.energy, theta)[..., 0]

    def force(self, theta: np.ndarray) -> np.ndarray:
        """Minus the gradient at `theta` (..., parameter); same shape."""
        return self._evaluated("force", self.code.force, theta)

    def hessian(self, theta: np.ndarray) -> np.ndarray:
        """Second derivative at `theta` (..., parameter); (..., parameter, parameter).

        Raises
        ------
        InputError
            For functions of your own given without one.
        """
        if self.code.hessian is None:
            raise InputError(f"hessian: {self.name!r} was made without one")
        second_derivatives = self._evaluated("hessian", self.code.hessian, theta)
        return second_derivatives.reshape(*np.shape(theta), self.parameters)

    def boltzmann(self, temperature: float) -> BoltzmannMoments:
        """Exact moments of the density exp(-U/temperature).

        Raises
        ------
        InputError
            Where no closed form is known, or a parameter is an array.
        """
        temperature = as_positive("temperature", temperature)
        if self.moments is None:
            raise InputError(f"boltzmann: no exact moments are known for {self.name!r}")
        if arrays := [name for name, value in self.values.items() if np.ndim(value)]:
            raise InputError(
                f"boltzmann: {arrays[0]} is an array; give it one value by with_values"
            )
        return self.moments(temperature, **self.values)

    def linear_force(self) -> None:
        """Return ``None``: a formula is not asked whether its force is linear."""

    def compiled(self) -> BlockCode:
        """Return the force for kernels, and the kick of a single coordinate."""
        source = self.code.definitions + adding("add_force", self.code.force)
        is_local = self.parameters == 1
        if is_local:
            source += kicking("kicked", self.code.force)
        return BlockCode(
            source=source,
            needs=self.code.needs,
            numbers=tuple(self.values.values()),
            is_local=is_local,
        )

    def require_replicas(self, replicas: int) -> None:
        """Raise `InputError` for a parameter by replica of another number of replicas."""
        require_one_each(self.values, replicas)

    def identity(self) -> Mapping[str, object]:
        """Return the source of the force and the values of the parameters."""
        return {
            "force": repr(self.code.force),
            "definitions": self.code.definitions,
            **{f"value {name}": value for name, value in self.values.items()},
        }

    def _evaluated(self, role: str, rows: Rows, theta: np.ndarray) -> np.ndarray:
        size = self.parameters
        point = points("theta", theta, size)
        position = np.ascontiguousarray(point.reshape(-1, size).T)
        out = np.empty((len(rows.results), position.shape[1]))
        self._module(role, rows).run(out, position, lane_values(self.values, point.shape[:-1]))
        return np.ascontiguousarray(out.T).reshape(*point.shape[:-1], len(rows.results))

    def _module(self, role: str, rows: Rows) -> ModuleType:
        loaded: dict[str, ModuleType] = self._loaded  # type: ignore[attr-defined]
        if role not in loaded:
            run = "\n\n@kernel\ndef run(out, position, values):\n    fill(out, position, values)\n"
            text = PRELUDE + self.code.definitions + filling("fill", rows) + run
            loaded[role] = load(text, sources=built_on(), needs=self.code.needs)
        return loaded[role]


def points(name: str, value: Any, size: int) -> np.ndarray:
    """Return a new array (..., size) of points; NaN, of paths that diverged, is allowed.

    Raises
    ------
    InputError
        If the last axis has another length, or a coordinate is infinite.
    """
    point = as_array(name, value, finite=False)
    require(
        point.shape[-1:] == (size,), name, point.shape, f"must have a last axis of length {size}"
    )
    require(
        not np.isinf(point).any(),
        name,
        value,
        "must be finite numbers, NaN where a path has diverged",
    )
    return point


def lane_values(values: Mapping[str, Value], shape: tuple[int, ...]) -> Any:
    """Values for kernels: a tuple, or (value, lane) over `shape` if one differs by replica."""
    given = list(values.values())
    if not any(map(np.ndim, given)):
        return tuple(map(float, given)) or (0.0,)
    try:
        return np.stack([np.broadcast_to(value, shape).ravel() for value in given])
    except ValueError as error:
        raise InputError(
            f"theta: leading shape {shape} must end in the number of replicas"
        ) from error


def checked_values(values: Mapping[str, Value], mapping: str = "") -> dict[str, Value]:
    """Values of parameters as finite numbers or arrays (replica,), or `InputError`.

    Parameters
    ----------
    values
        Name -> value.
    mapping
        Name of the argument that holds them all; by default each is an argument of its own.
    """
    checked: dict[str, Value] = {}
    for name, value in as_instance(
        "parameters", values, Mapping, "must map names to numbers"
    ).items():
        called = f"{mapping}[{as_text('parameters', name)!r}]" if mapping else name
        number = as_array(called, value, ndim=(0, 1))
        require(number.size > 0, called, value, "must be a number, or an array over replicas")
        checked[name] = number if number.ndim else float(number)
    return checked


def require_one_each(values: Mapping[str, Value], replicas: int) -> None:
    """Raise `InputError` for an array by replica whose length is not the number of replicas."""
    for name, value in values.items():
        if np.ndim(value):
            require(
                np.size(value) == replicas,
                name,
                f"{np.size(value)} values",
                f"must have one for each of {replicas} replicas",
            )
