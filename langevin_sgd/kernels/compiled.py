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
from numba import float32, njit, types  # noqa: E402
from numba.extending import overload  # noqa: E402

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}


def _pipeline() -> dict[str, Any]:
    """Return the option that selects the faster compiler, or none where Numba lacks its parts."""
    try:
        from langevin_sgd.kernels.linked_code import InlinedCompiler
    except (ImportError, AttributeError):
        # It is built on private classes of Numba. The plain compiler gives the same bits.
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
    """Compile a function called from Python, and keep the machine code where there is a place."""
    if _is_switched_off():
        return _refusing(function)
    folder = cache_folder()
    if folder is None:
        return uncached_kernel(function)
    settings: Any = numba.config
    before = settings.CACHE_DIR
    # Numba reads its setting once, when a function is decorated. It is set for this moment only:
    # functions of the user must not end up in our folder.
    settings.CACHE_DIR = folder
    try:
        made = njit(function, cache=True, **_OPTIONS)
    except RuntimeError:  # the folder, or the file of the function, has gone
        return uncached_kernel(function)
    finally:
        settings.CACHE_DIR = before
    # If Numba cannot use the folder it writes beside the source instead, where it would also read
    # machine code of older versions.
    if not str(made.stats.cache_path).startswith(folder):
        return uncached_kernel(function)
    made._cache = _RepairedCache(made._cache)
    return cast(F, made)


class _RepairedCache:
    """Numba's cache of one function; damaged files count as missing, and are written anew."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)

    def load_overload(self, signature: Any, target: Any) -> Any:
        """Return compiled code, None if there is none or it cannot be read."""
        try:
            return self._cache.load_overload(signature, target)
        except Exception:  # a damaged pickle can raise anything
            self._forget()
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep compiled code, if that can be done."""
        try:
            self._cache.save_overload(signature, compiled)
        except Exception:  # a damaged index, a full disk
            self._forget()

    def _forget(self) -> None:
        with contextlib.suppress(Exception):
            self._cache.flush()


@functools.cache
def cache_folder() -> str | None:
    """Return the folder of compiled code: one for every state of the sources of all kernels.

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
                    f"NUMBA_CACHE_DIR = {given!r} is not writable by you and by you alone: "
                    f"{above} is used instead"
                )
            return str(above / name)
    _warn(
        "no folder to keep compiled code in, so that every process compiles its kernels anew: "
        "set NUMBA_CACHE_DIR to a folder that you own and nobody else can write to"
    )
    return None


def _warn(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=2)


def compiled_sources() -> list[Path]:
    """Return the files of the package whose change may change compiled code.

    They are all files of this folder, and those that import its decorators, since functions are
    inlined across files. A constant that a kernel takes from a file without kernels is not seen.
    """
    here = Path(__file__).parent
    return [
        source
        for source in sorted(here.parent.rglob("*.py"))
        if source.parent == here or b"langevin_sgd.kernels.compiled import" in source.read_bytes()
    ]


def _digest_of_sources() -> str:
    digest = hashlib.sha256(repr(sorted(_INLINED)).encode())
    for source in compiled_sources():
        digest.update(source.read_bytes())
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
    """Return a function that refuses when called; a program that never calls it goes on."""

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
    """Compile an inlined function whose sums may be reordered and fused: a dot product.

    Its bits are fixed on one type of machine.
    """
    return cast(F, njit(function, fastmath={"reassoc", "contract", "nsz"}, **_INLINED))


# --- numbers that are shared by all replicas, or each replica's own -------------------------------
# Shared numbers travel as a tuple (they stay in registers), own ones as arrays; the type decides,
# so that one source serves both.


def value_at(values: Any, k: int, lane: int) -> Any:
    """Return number `k` of a tuple, or of an array (number, lane); for kernels only."""
    raise NotImplementedError  # pragma: no cover


def of_block(values: Any, block: int) -> Any:
    """Numbers of one block: the tuple itself, or that part of an array (block, number, lane)."""
    raise NotImplementedError  # pragma: no cover


def number_like(array: np.ndarray, number: float) -> Any:
    """Return `number` in the precision of `array`; for kernels only."""
    raise NotImplementedError  # pragma: no cover


def overloaded(function: Callable[..., Any]) -> Callable[[F], F]:
    """Give a function for kernels its source, chosen by the types of its arguments."""
    # Not strict: Numba would else hold annotations of one signature against the other.
    return cast(
        Callable[[F], F], overload(function, jit_options={"forceinline": True}, strict=False)
    )


@overloaded(value_at)
def _value_at(values: Any, k: Any, lane: Any) -> Any:
    if isinstance(values, types.BaseTuple):
        return lambda values, k, lane: values[k]
    return lambda values, k, lane: values[k, lane]


@overloaded(of_block)
def _of_block(values: Any, block: Any) -> Any:
    if isinstance(values, types.BaseTuple):
        return lambda values, block: values
    return lambda values, block: values[block]


@overloaded(number_like)
def _number_like(array: Any, number: Any) -> Any:
    if array.dtype == float32:
        return lambda array, number: np.float32(number)
    return lambda array, number: np.float64(number)


def thread_count() -> int:
    """Threads for kernels: NUMBA_NUM_THREADS if set, else the cores this process may use."""
    return threads_for_kernels() or usable_cores()


def in_threads(work: Callable[[Any], object], pieces: Iterable[Any]) -> None:
    """Call ``work(piece)`` for every piece, on `thread_count` threads.

    The first exception, in the order of the pieces, is raised here. `work` must release the
    interpreter lock, as kernels do, or the threads wait for one another.
    """
    items = list(pieces)
    threads = min(thread_count(), len(items))
    if threads <= 1:
        # No pool: an interruption by the user then arrives in the work itself.
        for item in items:
            work(item)
        return
    with ThreadPoolExecutor(threads) as pool:
        # Going through the results waits for them, and raises what a piece raised.
        for _ in pool.map(work, items):
            pass
