r"""One tile of a matrix product, held in vector registers.

    C_ij <- keep C_ij + scale sum_k A_ik B_kj,    i = 0 ... rows - 1,
    j = 0 ... lanes * vectors - 1

For every k one piece of a row of B is loaded, and each of a few numbers of A is multiplied with all
of it: the sums of a tile of `rows` by `vectors` registers are in flight at the same time, enough to
keep the multipliers busy, and nothing but B and a column of A is read. A register holds 64 bytes;
where the machine's are shorter the compiler takes several.

Columns beyond the last are masked: neither read nor written. Every sum runs over k in order, one
fused multiplication and addition at a time, whatever tile it falls into, so that C_ij depends on
the shapes and on row i and column j alone.

References
----------
Goto and van de Geijn, *Anatomy of high-performance matrix multiplication*, ACM Trans. Math. Softw.
34, 12 (2008): why the sums belong into registers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import float32, float64, types
from numba.core import cgutils

from langevin_sgd.kernels.intrinsics import intrinsic

VECTOR_BYTES = 64
"""Bytes that one vector of the code holds, whatever the length of the machine's registers."""
ROWS = 8
"""Rows of a whole tile.

With two vectors 16 sums are in flight, four times what hides the time that one of them takes.
"""

_WORD, _ADDRESS = ir.IntType(32), ir.IntType(64)


def tile(rows: int, vectors: int) -> Callable[..., None]:
    """Return the intrinsic of one tile: with one vector masked, with more of them whole.

    Its arguments are the address of C and the bytes between its rows; those of A, between rows and
    columns; those of B, between rows; the length of the sums; the columns left from here; scale and
    keep, whose type is that of all.
    """
    masked = vectors == 1

    def typed(
        typing_context: Any,
        c: Any,
        c_row: Any,
        a: Any,
        a_row: Any,
        a_column: Any,
        b: Any,
        b_row: Any,
        length: Any,
        columns: Any,
        scale: Any,
        keep: Any,
    ) -> Any:
        # Numba calls this once for each combination of types. Only the kind of number varies:
        # addresses, strides and counts are int64, as the signature below says.
        kind = scale if scale in (float32, float64) else float64

        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            # From here on nothing is computed: every call adds instructions to the kernel, and a
            # value is the register that will hold it. Python's own loops are unrolled code.
            c, c_row, a, a_row, a_column, b, b_row, length, columns, scale, keep = arguments
            lanes = _Lanes(
                builder,
                context.get_value_type(kind),
                kind.bitwidth // 8,
                columns if masked else None,
            )
            # Places on the stack in form only: LLVM turns places that nobody takes the address of
            # into registers (mem2reg), which spares us the bookkeeping of the loop (phi nodes).
            sums = [[lanes.variable() for _ in range(vectors)] for _ in range(rows)]
            with cgutils.for_range(builder, length) as loop:
                row_of_b = lanes.row(_offset(builder, b, loop.index, b_row), vectors)
                column_of_a = _offset(builder, a, loop.index, a_column)
                for i, sums_of_row in enumerate(sums):
                    number = lanes.broadcast_from(_offset(builder, column_of_a, _ADDRESS(i), a_row))
                    for place, vector in zip(sums_of_row, row_of_b, strict=True):
                        builder.store(lanes.fma(number, vector, builder.load(place)), place)
            rows_of_c = [_offset(builder, c, _ADDRESS(i), c_row) for i in range(rows)]
            totals = [[builder.load(place) for place in sums_of_row] for sums_of_row in sums]
            factor, kept = lanes.broadcast(scale), lanes.broadcast(keep)
            # With keep = 0 C is not read: it may be fresh memory, and 0 * NaN would be NaN.
            is_fresh = builder.fcmp_ordered("==", keep, ir.Constant(keep.type, 0.0))
            with builder.if_else(is_fresh) as (then, otherwise):
                with then:
                    for address, row in zip(rows_of_c, totals, strict=True):
                        lanes.write([builder.fmul(factor, total) for total in row], address)
                with otherwise:
                    for address, row in zip(rows_of_c, totals, strict=True):
                        old = [builder.fmul(kept, part) for part in lanes.row(address, vectors)]
                        pairs = zip(row, old, strict=True)
                        lanes.write([lanes.fma(factor, *pair) for pair in pairs], address)
            return context.get_dummy_value()

        return types.none(*[types.int64] * 9, kind, kind), codegen

    return intrinsic(typed)


def _offset(builder: Any, address: Any, count: Any, stride: Any) -> Any:
    """Add the instructions of ``address + count * stride``."""
    return builder.add(address, builder.mul(count, stride))


class _Lanes:
    """Instructions on vectors of one kind of number.

    Parameters
    ----------
    builder
        What they are added to.
    number, size
        The kind of number, and its bytes.
    columns
        Lanes from here on neither read nor write memory, since they lie beyond the last column;
        ``None``: all lanes do.
    """

    def __init__(self, builder: Any, number: Any, size: int, columns: Any) -> None:
        self._builder, self._number, self._size = builder, number, size
        self._count = VECTOR_BYTES // size
        self._vector = ir.VectorType(number, self._count)
        # LLVM names its intrinsics by the types they work on: llvm.fma.v8f64.
        self._name = f"v{self._count}f{8 * size}"
        self._zero = ir.Constant(self._vector, None)
        self._mask = None if columns is None else self._lanes_before(columns)

    def variable(self) -> Any:
        """Return a place for a vector, zero at first."""
        place = cgutils.alloca_once(self._builder, self._vector)
        self._builder.store(self._zero, place)
        return place

    def broadcast(self, number: Any) -> Any:
        """Return a vector with the number in all lanes."""
        return self._spread(number, self._vector)

    def broadcast_from(self, address: Any) -> Any:
        """Return a vector with the number at an address in all lanes."""
        return self.broadcast(
            self._builder.load(self._builder.inttoptr(address, self._number.as_pointer()))
        )

    def fma(self, x: Any, y: Any, z: Any) -> Any:
        """Return x y + z, rounded once."""
        return self._call(f"llvm.fma.{self._name}", self._vector, [x, y, z])

    def row(self, address: Any, vectors: int) -> list[Any]:
        """Read vectors that lie one after the other in memory."""
        return [self._read(place) for place in self._places(address, vectors)]

    def write(self, values: list[Any], address: Any) -> None:
        """Write vectors one after the other into memory."""
        for value, place in zip(values, self._places(address, len(values)), strict=True):
            if self._mask is None:
                # Aligned to one number only: rows of C and B begin anywhere. LLVM would else choose
                # an instruction that faults on any other address.
                self._builder.store(value, place, align=self._size)
            else:
                arguments = [value, place, _WORD(self._size), self._mask]
                self._call(f"llvm.masked.store.{self._name}.p0", ir.VoidType(), arguments)

    def _read(self, place: Any) -> Any:
        if self._mask is None:
            return self._builder.load(place, align=self._size)
        arguments = [place, _WORD(self._size), self._mask, self._zero]
        return self._call(f"llvm.masked.load.{self._name}.p0", self._vector, arguments)

    def _places(self, address: Any, vectors: int) -> list[Any]:
        steps = (_ADDRESS(VECTOR_BYTES * k) for k in range(vectors))
        return [
            self._builder.inttoptr(self._builder.add(address, s), self._vector.as_pointer())
            for s in steps
        ]

    def _lanes_before(self, columns: Any) -> Any:
        """Return the mask of the lanes 0 ... columns - 1: these numbers compared with `columns`."""
        kind = ir.VectorType(_ADDRESS, self._count)
        return self._builder.icmp_signed(
            "<", ir.Constant(kind, list(range(self._count))), self._spread(columns, kind)
        )

    def _spread(self, number: Any, kind: Any) -> Any:
        """Return a vector with the number in all lanes: put into lane 0, then shuffled to all."""
        nothing = ir.Constant(kind, ir.Undefined)
        first = self._builder.insert_element(nothing, number, _WORD(0))
        return self._builder.shuffle_vector(
            first, nothing, ir.Constant(ir.VectorType(_WORD, self._count), None)
        )

    def _call(self, name: str, result: Any, arguments: list[Any]) -> Any:
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        return self._builder.call(
            cgutils.get_or_insert_function(self._builder.module, kind, name), arguments
        )
