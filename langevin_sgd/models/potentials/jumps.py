r"""Whether a formula jumps: the force of a step is a delta function, which no integrator can take.

A formula can jump where a switch turns over: the argument of ``Heaviside``, ``sign`` or ``Abs``
changes its sign, a condition of a ``Piecewise`` becomes true, another argument of ``Max`` becomes
the largest, ``tan`` has a pole, or a denominator goes through zero or touches it (Abs(x)/x,
x/Abs(x), atan(1/x), atan(tan(x))). Along a number of straight lines (the axis itself in one
dimension) these places are bracketed and bisected down to rounding; the formula jumps there if it
changes by a tenth of what it changes over a millionth of a unit beside it, or by more. So
x*Heaviside(x) and a ``Piecewise`` whose pieces meet are continuous, and poles are no steps. A
surface that no line meets, of a small region in many dimensions, is not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from langevin_sgd.checks import require

_LINES, _REPLICAS, _HALVINGS = 48, 16, 60
_NEAR, _CLOSE, _BESIDE = 1e-7, 1e-12, 1e-6


def require_no_jump(
    tree: Any,
    coordinates: Sequence[Any],
    parameters: Sequence[Any],
    values: Mapping[str, Any],
    label: str,
) -> None:
    """Raise `InputError` if a formula jumps somewhere.

    Parameters
    ----------
    tree
        Expression of sympy.
    coordinates, parameters
        Its symbols.
    values
        Parameter -> number, or array over replicas (of which the first few are tried), in the order
        of `parameters`.
    label
        The formula as the user knows it.
    """
    if not (switches := _switches(tree, coordinates)):
        return
    for numbers in _by_replica(list(values.values())):
        known = dict(zip(parameters, numbers, strict=True))
        for switch in switches:
            jump = _jump(tree.subs(known), switch.subs(known), coordinates)
            if jump is not None:
                place = ", ".join(f"{round(number, 9) + 0.0:.3g}" for number in jump[0])
                allowed = (
                    f"jumps by {jump[1]:.3g} near ({place}): "
                    "smooth the step, by tanh or erf of a finite width"
                )
                require(False, "expression", label, allowed)


def _switches(tree: Any, coordinates: Sequence[Any]) -> list[Any]:
    import sympy
    from sympy.core.relational import Relational

    switches = [part.args[0] for part in tree.atoms(sympy.Heaviside, sympy.sign, sympy.Abs)]
    switches += [sympy.cos(part.args[0]) for part in tree.atoms(sympy.tan)]
    for chosen in tree.atoms(sympy.Max, sympy.Min):
        switches += [choice - other for choice, other in combinations(chosen.args, 2)]
    for pieces in tree.atoms(sympy.Piecewise):
        switches += [part.lhs - part.rhs for part in pieces.atoms(Relational)]
    for part in tree.atoms(sympy.Pow):
        if part.args[1].could_extract_minus_sign():
            # A denominator like sqrt(x^2) touches zero without a change of sign: what it is made of
            # has one.
            switches += [part.args[0], *(inner.args[0] for inner in part.args[0].atoms(sympy.Pow))]
    moving = set(coordinates)
    return [switch for switch in dict.fromkeys(switches) if switch.free_symbols & moving]


def _by_replica(values: Sequence[Any]) -> list[list[float]]:
    replicas = min(max((np.size(value) for value in values), default=1), _REPLICAS)
    return [
        [float(np.ravel(value)[r] if np.ndim(value) else value) for value in values]
        for r in range(replicas)
    ]


def _jump(tree: Any, switch: Any, coordinates: Sequence[Any]) -> tuple[np.ndarray, float] | None:
    """Return a place where a formula jumps as a switch turns over, and by how much."""
    formula = _function(tree, coordinates)
    turning = _function(switch, coordinates)
    grid = np.concatenate(
        [np.linspace(-20, 20, 4001), np.geomspace(1e-3, 1e6, 500), -np.geomspace(1e-3, 1e6, 500)]
    )
    grid = np.sort(grid) + 1.2345e-5  # no node where a formula would have its switch
    for origin, direction in _lines(len(coordinates)):

        def at(
            s: np.ndarray, origin: np.ndarray = origin, direction: np.ndarray = direction
        ) -> np.ndarray:
            return origin[:, None] + direction[:, None] * s

        low, high = _turns(lambda s, at=at: turning(at(s)), grid)  # type: ignore[misc]
        if not low.size:
            continue
        scale = np.maximum(np.abs(low), 1)
        before, after = formula(at(low - _CLOSE * scale)), formula(at(high + _CLOSE * scale))
        far_before, far_after = (
            formula(at(low - _BESIDE * scale)),
            formula(at(high + _BESIDE * scale)),
        )
        with np.errstate(invalid="ignore"):
            change, size = np.abs(after - before), np.abs(before) + np.abs(after)
            usual = np.maximum(np.abs(far_after - after), np.abs(far_before - before))
            jumps = (change > _NEAR * size) & (change > usual / 10)
            jumps &= size < 1e3 * (np.abs(far_before) + np.abs(far_after))
        if jumps.any():
            first = int(np.flatnonzero(jumps)[0])
            return at(low[first : first + 1])[:, 0], float(change[first])
    return None


def _function(tree: Any, coordinates: Sequence[Any]) -> Callable[[np.ndarray], np.ndarray]:
    """A function of points (coordinate, point), NaN where a formula has no real value."""
    import sympy

    made = sympy.lambdify(list(coordinates), tree, modules=["numpy", "scipy"])

    def function(points: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            values: np.ndarray = np.broadcast_to(
                np.asarray(made(*points), dtype=float), points.shape[1:]
            )
        return values

    return function


def _lines(dimension: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Origins and directions; in one dimension the axis."""
    if dimension == 1:
        return [(np.zeros(1), np.ones(1))]
    rng = np.random.default_rng(0)
    return [(rng.normal(size=dimension), rng.normal(size=dimension)) for _ in range(_LINES)]


def _turns(
    switch: Callable[[np.ndarray], np.ndarray], grid: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Neighbouring numbers between which a function changes its sign."""
    sign = np.sign(switch(grid))
    brackets = np.flatnonzero(sign[:-1] * sign[1:] < 0)
    low, high, side = grid[brackets], grid[brackets + 1], sign[brackets]
    for _ in range(_HALVINGS):
        middle = low + (high - low) / 2
        if bool(((middle == low) | (middle == high)).all()):
            break
        same = np.sign(switch(middle)) == side
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return low, high
