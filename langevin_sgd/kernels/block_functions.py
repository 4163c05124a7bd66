"""Source of functions that fill blocks of replicas.

A block holds its coordinates as (coordinate, lane); one generated function fills all rows of an
array lane by lane,

    out[i, lane] = f_i(position[:, lane], values)                             (`filling`)
    out[i, lane] = out[i, lane] + factor * f_i(position[:, lane], values)     (`adding`)

with every constant in the precision of the block, so that a loop over lanes becomes vector
instructions and float32 stays float32. What one lane computes is a `Rows`: of a formula
(`langevin_sgd.kernels.expressions`), or calls of a user's own functions (`called`).

The text is compiled and kept by `langevin_sgd.kernels.generated.load`. It begins with `PRELUDE`,
and is built on the files of `built_on`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

PRELUDE = """import math

from langevin_sgd.kernels.compiled import contracting, inlined, kernel, number_like, value_at
from langevin_sgd.kernels.intrinsics import fma
from langevin_sgd.kernels.exponential import exponential
"""
"""First lines of every generated module."""

BUILT_ON = ("kernels/compiled.py", "kernels/intrinsics.py", "kernels/exponential.py")
"""Files of the package that these lines import from."""


def built_on() -> list[str]:
    """Return the paths of `BUILT_ON`, for `langevin_sgd.kernels.generated.load`."""
    home = Path(__file__).parents[1]
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
    """Source of ``name(out, position, factors, k, values)``.

    It adds factor `k` times the rows to `out`.
    """
    lines = ["factor = value_at(factors, k, lane)"]
    lines += [
        f"out[{i}, lane] = fma(factor, {result}, out[{i}, lane])"
        for i, result in enumerate(rows.results)
    ]
    return _function(f"{name}(out, position, factors, k, values)", rows, lines)


def kicking(name: str, rows: Rows) -> str:
    """Source of ``name(start, position, i, lane, factors, k, values)``.

    It returns `start` plus factor `k` times the only row.
    """
    # Row 0 is read as row i, the name of the caller's loop, although i is always 0: LLVM would else
    # think that the caller's stores to row i might change row 0, and would not vectorise.
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
    """Source of ``name(normals, out, position, values)``, which sets `out` to normals * rows."""
    lines = [
        f"out[{i}, lane] = normals[{i}, lane] * ({result})" for i, result in enumerate(rows.results)
    ]
    return _function(f"{name}(normals, out, position, values)", rows, lines) + "    return out\n"


def weighting(name: str, rows: Rows) -> str:
    """Source of ``name(out, weights, position, factors, k, values)``.

    It adds factor `k` times weights times rows to `out`.
    """
    lines = ["factor = value_at(factors, k, lane)"]
    lines += [
        f"out[{i}, lane] = fma(factor * weights[{i}, lane], {result}, out[{i}, lane])"
        for i, result in enumerate(rows.results)
    ]
    return _function(f"{name}(out, weights, position, factors, k, values)", rows, lines)


def called(name: str, function: str, rows: int, coordinates: int, values: int) -> Rows:
    """Return the rows that a function of scalars returns: a number for one row, else a tuple."""
    names = numbered("x", coordinates), numbered("p", values)
    call = f"{name} = {function}({', '.join([*names[0], *names[1]])})"
    results = [name] if rows == 1 else [f"{name}[{i}]" for i in range(rows)]
    return Rows(results, *names, statements=[call])


def numbered(letter: str, count: int) -> list[str]:
    """Return the names x_0, x_1, ... of so many coordinates or values."""
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
