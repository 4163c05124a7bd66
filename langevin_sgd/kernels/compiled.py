"""Compiled kernels: how the package uses Numba, and how kernels share the cores.

Every kernel is compiled without fast-math, so that vectorised, scalar and threaded runs give the
same bits; where a sum may be reordered (a dot product) the kernel says so itself. Parallel work is
cut into fixed pieces that Python threads run with the interpreter lock released: the pieces do not
depend on the number of threads, and a kernel without Numba's own parallel back end compiles several
times faster.

Compiled code is kept in a folder named after a digest of all sources that hold compiled functions,
below NUMBA_CACHE_DIR if that is set and else the user's cache folder (`cache_folder`). Numba itself
would notice a change in the file of a kernel, but not in a file whose functions are inlined into
it, and would go on with the old machine code. Where no folder is safe and writable nothing is kept.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from langevin_sgd.checks import InputError
from langevin_sgd.kernels.machine import (
    close_to_others,
    is_private,
    prepare_for_numba,
    threads_for_kernels,
    usable_cores,
    user_caches,
)

prepare_for_numba()

import numba  # noqa: E402
from numba import float32, float64, njit, types  # noqa: E402
from numba.extending import intrinsic as _numba_intrinsic  # noqa: E402
from numba.extending import overload  # noqa: E402

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}


def _pipeline() -> dict[str, Any]:
    """Return the option of a compiler that saves time; none where Numba lacks what it is made
    from.
    """
    try:
        from langevin_sgd.kernels.linked_code import InlinedCompiler
    except (
        ImportError,
        AttributeError,
    ):  # private classes of Numba: the plain compiler gives the same bits
        return {}
    return {"pipeline_class": InlinedCompiler}


# What only kernels call needs no entry from Python, which would take as long to compile as the
# function itself.
_INLINED: dict[str, Any] = {
    **_OPTIONS,
    "forceinline": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    **_pipeline(),
}


def kernel(function: F) -> F:
    """Compile a function called from Python; the compiled code is kept on disk, where there is a
    place for it.
    """
    if _is_switched_off():
        return _refusing(function)
    folder = cache_folder()
    if folder is None:
        return uncached_kernel(function)
    settings: Any = numba.config
    before = settings.CACHE_DIR
    # Numba looks at its setting when a function is decorated; what is not ours must not end up in
    # our folder.
    settings.CACHE_DIR = folder
    try:
        made = njit(function, cache=True, **_OPTIONS)
    except RuntimeError:  # the folder, or the file of the function, went away
        return uncached_kernel(function)
    finally:
        settings.CACHE_DIR = before
    # Where its folder fails it, Numba goes on beside the source, where machine code of older
    # versions may lie.
    if not str(made.stats.cache_path).startswith(folder):
        return uncached_kernel(function)
    made._cache = _RepairedCache(made._cache)
    return cast(F, made)


class _RepairedCache:
    """A cache of Numba's whose damaged files count as missing, and are written anew."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)

    def load_overload(self, signature: Any, target: Any) -> Any:
        """Return compiled code, None if there is none or it cannot be read."""
        try:
            return self._cache.load_overload(signature, target)
        except Exception:  # what a damaged pickle raises can be anything
            self._forget()
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep compiled code, if that can be done."""
        try:
            self._cache.save_overload(signature, compiled)
        except Exception:  # a damaged index, a disk that is full
            self._forget()

    def _forget(self) -> None:
        with contextlib.suppress(Exception):
            self._cache.flush()


@functools.cache
def cache_folder() -> str | None:
    """Folder of compiled code: one for every state of the sources of this package's kernels.

    What Numba keeps there is unpickled: the folder must belong to this user and nobody else may
    write to it. The first that does so, of one within NUMBA_CACHE_DIR if that is set and one within
    the user's cache, is made and returned; None, with a warning, if there is none.
    """
    name = _digest_of_sources()
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given and is_private(Path(given).absolute() / name):
        return str(Path(given).absolute() / name)
    for above in (place / "langevin_sgd" / "numba" for place in user_caches()):
        close_to_others(above)
        if is_private(above / name):
            if given:
                _warn(
                    f"NUMBA_CACHE_DIR = {given!r} is not writable by you and by you alone: {above} "
                    "is used instead"
                )
            return str(above / name)
    _warn(
        "no folder to keep compiled code in, so that every process compiles its kernels anew: "
        "set NUMBA_CACHE_DIR to a folder that you own and nobody else can write to"
    )
    return None


def _warn(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=2)


def _digest_of_sources() -> str:
    digest = hashlib.sha256(repr(sorted(_INLINED)).encode())
    for source in sorted(Path(__file__).parents[1].rglob("*.py")):
        text = source.read_bytes()
        if (
            source.name in ("compiled.py", "linked_code.py")
            or b"langevin_sgd.kernels.compiled import" in text
        ):
            digest.update(text)
    return digest.hexdigest()[:16]


def uncached_kernel(function: F) -> F:
    """Compile a function called from Python that has no file of its own: anew in every process."""
    if _is_switched_off():
        return _refusing(function)
    return cast(F, njit(function, **_OPTIONS))


def require_compiling() -> None:
    """Raise `InputError` where the settings of Numba say that nothing is compiled."""
    if _is_switched_off():
        raise InputError(
            "NUMBA_DISABLE_JIT = 1: must be 0 or be unset, since kernels run compiled only"
        )


def _is_switched_off() -> bool:
    settings: Any = numba.config
    return bool(settings.DISABLE_JIT)


def _refusing(function: F) -> F:
    """Stand in for a kernel where nothing is compiled: what needs no kernel goes on."""

    @functools.wraps(function)
    def refuse(*arguments: Any) -> None:
        require_compiling()

    return cast(F, refuse)


def inlined(function: F) -> F:
    """Compile a function called from kernels only, always inlined into them."""
    return cast(F, njit(function, **_INLINED))


def contracting(function: F) -> F:
    """Compile an inlined function whose products and sums may be fused, but not reordered."""
    return cast(F, njit(function, fastmath={"contract"}, **_INLINED))


def reassociating(function: F) -> F:
    """Compile an inlined function whose sums may be reordered and fused (dot products): fixed bits
    on one machine.
    """
    return cast(F, njit(function, fastmath={"reassoc", "contract", "nsz"}, **_INLINED))


def intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    """Numba's ``intrinsic``: a function, called from kernels, that builds its own machine
    instructions.
    """
    return cast(Callable[..., Any], _numba_intrinsic(function))


@intrinsic
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a*b + c with one rounding, in the precision of `a`; the same bits vectorised or
    not.
    """
    kind = a if a in (float32, float64) else float64

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return kind(kind, kind, kind), codegen


# --- numbers that are shared by all replicas, or each replica's own -------------------------------
# Shared numbers travel as a tuple (they stay in registers), own ones as arrays; the type decides,
# so that one source serves both.


def value_at(values: Any, k: int, lane: int) -> Any:
    """Number `k` of a tuple, or of an array (number, lane): for kernels only."""
    raise NotImplementedError  # pragma: no cover


def of_block(values: Any, block: int) -> Any:
    """Numbers of one block of replicas: the tuple itself, or that part of an array (block, number,
    lane).
    """
    raise NotImplementedError  # pragma: no cover


def number_like(array: np.ndarray, number: float) -> Any:
    """`number` in the precision of `array`: for kernels only."""
    raise NotImplementedError  # pragma: no cover


def _overloaded(function: Callable[..., Any]) -> Callable[[F], F]:
    # Not strict: Numba would else hold annotations of one signature against the other.
    return cast(
        Callable[[F], F], overload(function, jit_options={"forceinline": True}, strict=False)
    )


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


def thread_count() -> int:
    """Threads for kernels: NUMBA_NUM_THREADS if set, else the cores this process may use."""
    return threads_for_kernels() or usable_cores()


def in_threads(work: Callable[[Any], object], pieces: Iterable[Any]) -> None:
    """Call ``work(piece)`` for every piece, on `thread_count` threads; the first exception is
    raised here.
    """
    items = list(pieces)
    threads = min(thread_count(), len(items))
    if threads <= 1:
        for item in items:
            work(item)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, items):
            pass
