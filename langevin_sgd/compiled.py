"""Compiled kernels: how the package uses Numba, and how kernels share the cores.

Every kernel is compiled without fast-math, so that vectorised, scalar and threaded runs give the same bits; where a sum
may be reordered (a dot product) the kernel says so itself. Parallel work is cut into fixed pieces that Python threads
run with the interpreter lock released: the pieces do not depend on the number of threads, and a kernel without Numba's
own parallel back end compiles several times faster.

Compiled code is kept in a folder named after a digest of all sources that hold compiled functions, below
NUMBA_CACHE_DIR if that is set and else the user's cache folder. Numba itself would notice a change in the file of a
kernel, but not in a file whose functions are inlined into it, and would go on with the old machine code.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
from numba import float32, float64, njit, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import AnalysisPass, register_pass
from numba.core.typed_passes import NopythonTypeInference
from numba.extending import intrinsic as _numba_intrinsic
from numba.extending import overload

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}


class _NoEngine:
    """Stands in for the engine that holds machine code, which these functions never have."""

    @staticmethod
    def set_env(name: str, environment: Any) -> None:
        """Do nothing: Numba would write what belongs to a function beside its machine code."""


class _LinkedCode(JITCodeLibrary):
    """Code that is optimized for being linked into kernels, and made into machine code only there."""

    codegen = _NoEngine

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        self._ensure_finalized()
        # What Numba would call from Python: there is no machine code, so it raises TypeError instead of jumping to 0.
        return ctypes.cast(ctypes.pythonapi.PyErr_BadArgument, ctypes.c_void_p).value or 0


@register_pass(mutates_CFG=False, analysis_only=True)
class _LinkOnly(AnalysisPass):
    _name = "link_only"

    def __init__(self) -> None:
        AnalysisPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        state.library = _LinkedCode(state.targetctx.codegen(), state.func_id.func_qualname)
        return False


class _InlinedCompiler(CompilerBase):
    """Numba's compiler for functions that only kernels call: half of its time goes into machine code nobody runs."""

    def define_pipelines(self) -> list[Any]:
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(_LinkOnly, NopythonTypeInference)
        passes.finalize()
        return [passes]


# What only kernels call needs no entry from Python, which would take as long to compile as the function itself.
_INLINED: dict[str, Any] = {
    **_OPTIONS,
    "forceinline": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "pipeline_class": _InlinedCompiler,
}


def kernel(function: F) -> F:
    """Compile a function called from Python; the compiled code is kept on disk."""
    settings: Any = numba.config
    before = settings.CACHE_DIR
    # Numba looks at its setting when a function is decorated; what is not ours must not end up in our folder.
    settings.CACHE_DIR = cache_folder()
    try:
        return cast(F, njit(function, cache=True, **_OPTIONS))
    finally:
        settings.CACHE_DIR = before


@cache
def cache_folder() -> str:
    """Folder of compiled code: one for every state of the sources of this package's kernels."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        text = source.read_bytes()
        if source.name == "compiled.py" or b"langevin_sgd.compiled import" in text:
            digest.update(text)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    base = os.environ.get("NUMBA_CACHE_DIR") or Path(home) / "langevin_sgd" / "numba"
    return str(Path(base) / digest.hexdigest()[:16])


def uncached_kernel(function: F) -> F:
    """Compile a function called from Python that has no file of its own: anew in every process."""
    return cast(F, njit(function, **_OPTIONS))


def inlined(function: F) -> F:
    """Compile a function called from kernels only, always inlined into them."""
    return cast(F, njit(function, **_INLINED))


def contracting(function: F) -> F:
    """Compile an inlined function whose products and sums may be fused, but not reordered."""
    return cast(F, njit(function, fastmath={"contract"}, **_INLINED))


def reassociating(function: F) -> F:
    """Compile an inlined function whose sums may be reordered and fused (dot products): fixed bits on one machine."""
    return cast(F, njit(function, fastmath={"reassoc", "contract", "nsz"}, **_INLINED))


def intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    """Numba's ``intrinsic``: a function, called from kernels, that builds its own machine instructions."""
    return cast(Callable[..., Any], _numba_intrinsic(function))


@intrinsic
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a*b + c with one rounding, in the precision of `a`; the same bits vectorised or not."""
    kind = a if a in (float32, float64) else float64

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return kind(kind, kind, kind), codegen


# --- numbers that are shared by all replicas, or each replica's own ------------------------------------------------
# Shared numbers travel as a tuple (they stay in registers), own ones as arrays; the type decides, so that one source
# serves both.


def value_at(values: Any, k: int, lane: int) -> Any:
    """Number `k` of a tuple, or of an array (number, lane): for kernels only."""
    raise NotImplementedError  # pragma: no cover


def of_block(values: Any, block: int) -> Any:
    """Numbers of one block of replicas: the tuple itself, or that part of an array (block, number, lane)."""
    raise NotImplementedError  # pragma: no cover


def number_like(array: np.ndarray, number: float) -> Any:
    """`number` in the precision of `array`: for kernels only."""
    raise NotImplementedError  # pragma: no cover


def _overloaded(function: Callable[..., Any]) -> Callable[[F], F]:
    # Not strict: Numba would else hold annotations of one signature against the other.
    return cast(Callable[[F], F], overload(function, jit_options={"forceinline": True}, strict=False))


@_overloaded(value_at)
def _value_at(values: Any, k: Any, lane: Any) -> Any:
    if isinstance(values, types.BaseTuple):
        return lambda values, k, lane: values[k]
    return lambda values, k, lane: values[k, lane]


@_overloaded(of_block)
def _of_block(values: Any, block: Any) -> Any:
    if isinstance(values, types.BaseTuple):
        return lambda values, block: values
    return lambda values, block: values[block]


@_overloaded(number_like)
def _number_like(array: Any, number: Any) -> Any:
    if array.dtype == float32:
        return lambda array, number: np.float32(number)
    return lambda array, number: np.float64(number)


class BlockFunction(NamedTuple):
    """A compiled function on blocks of replicas, which needs no generated source, and the arrays it reads."""

    function: Any
    """A function of a module, importable by its name."""
    arrays: tuple[np.ndarray, ...]


def thread_count() -> int:
    """Threads for kernels: NUMBA_NUM_THREADS if set, else the cores this process may use."""
    limit = os.environ.get("NUMBA_NUM_THREADS", "")
    return int(limit) if limit.isdigit() and int(limit) > 0 else len(os.sched_getaffinity(0))


def in_threads(work: Callable[[Any], object], pieces: Iterable[Any]) -> None:
    """Call ``work(piece)`` for every piece, on `thread_count` threads; the first exception is raised here."""
    items = list(pieces)
    threads = min(thread_count(), len(items))
    if threads <= 1:
        for item in items:
            work(item)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, items):
            pass
