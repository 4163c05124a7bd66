"""Machine instructions that Python has no name for, as functions that kernels call.

- `fma`: a*b + c with one rounding
- `float64_of_bits`, `bits_of_float64`, `float32_of_bits`, `bits_of_float32`: the same bits, read as
  another kind of number
- `prefetch`: asks for a line of memory ahead of its use

Each is written as LLVM instructions, which Numba puts in the place of the call. None of them gives
the compiler any freedom: whether a loop around them becomes vector instructions or not, the bits of
its results are the same. Tiles of matrix products, which are longer, are in
`langevin_sgd.kernels.tile`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from langevin_sgd.kernels.machine import prepare_for_numba

prepare_for_numba()

from llvmlite import ir  # noqa: E402
from numba import float32, float64, types, uint32, uint64  # noqa: E402
from numba.core import cgutils  # noqa: E402
from numba.extending import intrinsic as _numba_intrinsic  # noqa: E402


def intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    """Numba's ``intrinsic``, typed: a function, called from kernels, that builds its instructions.

    Parameters
    ----------
    function
        Takes Numba's typing context and the types of the arguments; returns a signature and a
        function ``codegen(context, builder, signature, arguments)`` that adds instructions.
    """
    return cast(Callable[..., Any], _numba_intrinsic(function))


@intrinsic
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a*b + c with one rounding, in the precision of `a`.

    Written out, and not left to the compiler, so that vectorised and scalar code round alike.
    """
    kind = a if a in (float32, float64) else float64

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return kind(kind, kind, kind), codegen


def _bitcast(result: types.Type, source: types.Type, llvm_type: ir.Type) -> Any:
    """Return the intrinsic that reads the bits of a `source` as a `result`; it costs nothing."""

    @intrinsic
    def cast(typing_context: Any, value: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.bitcast(arguments[0], llvm_type)

        return result(source), codegen

    return cast


float64_of_bits = _bitcast(float64, uint64, ir.DoubleType())
bits_of_float64 = _bitcast(uint64, float64, ir.IntType(64))
float32_of_bits = _bitcast(float32, uint32, ir.FloatType())
bits_of_float32 = _bitcast(uint32, float32, ir.IntType(32))


_FOR_READING = 0
_KEEP_LONG = 3
"""Locality of 0 ... 3: the line stays in every level of the cache."""
_DATA = 1
"""The cache of data, not that of instructions."""


@intrinsic
def prefetch(typing_context: Any, address: Any) -> Any:
    """Ask for the cache line of an address; changes no result, and never fails."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, word, word, word])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        hints = [word(_FOR_READING), word(_KEEP_LONG), word(_DATA)]
        builder.call(function, [builder.inttoptr(arguments[0], pointer), *hints])
        return context.get_dummy_value()

    return types.none(types.uintp), codegen
