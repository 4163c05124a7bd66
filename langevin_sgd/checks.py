"""The door: every value a user gives is converted here, once, or refused in one line.

A refusal names the argument, shows the value and states the allowed range. What passes comes back
as a type of Python's own (``np.int64(3)`` and a 0-d array are 3) or as an array that nobody else
holds, so that nothing behind the door has to ask again: no NumPy scalar reaches a JSON document, no
list is taken for a number, no mask and no imaginary part is dropped on the way, and an object keeps
what it was made from when the caller's array changes.
"""

from __future__ import annotations

import difflib
import math
import operator
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np

LARGEST_COUNT = 2**63 - 1
"""Counts are kept in 64 bits wherever they are compiled."""

Kind = TypeVar("Kind")


class InputError(ValueError):
    """Bad input. The message is one line; the command line prints it and leaves with status 2."""


def require(condition: bool, name: str, value: Any, allowed: str) -> None:
    """Raise `InputError` unless `condition` holds.

    Examples
    --------
    >>> require(False, "lr", -1.0, "must be positive")
    Traceback (most recent call last):
    langevin_sgd.checks.InputError: lr = -1.0: must be positive
    """
    if not condition:
        raise InputError(f"{name} = {shown(value)}: {allowed}")


def shown(value: Any, *, width: int = 80) -> str:
    """Write a value in one line of at most `width` characters.

    Of an array the shape is shown, of a long text the beginning.

    Examples
    --------
    >>> shown([1, 2]), shown("a" * 30, width=12)
    ('[1, 2]', "'aaaaaaa ...")
    """
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and math.prod(shape) > 8:
        return f"an array of shape {shape}"
    try:
        text = " ".join(repr(value).split())
    except Exception:  # the repr of a foreign object may raise anything
        text = f"an object of type {type(value).__name__}"
    return text if len(text) <= width else f"{text[: width - 4]} ..."


def printable(text: str, *, lines: bool = False) -> str:
    r"""Return a text with its control characters written out: it does nothing to a terminal.

    Parameters
    ----------
    text
        From a file or from another program.
    lines
        Whether line feeds and tabs stay.

    Examples
    --------
    >>> print(printable(chr(27) + "[2J"))
    \x1b[2J
    """
    kept = "\n\t" if lines else ""
    return "".join(
        letter if letter.isprintable() or letter in kept else repr(letter)[1:-1] for letter in text
    )


def as_real(name: str, value: Any, allowed: str = "must be a finite number") -> float:
    """Return a finite real number as a float.

    Neither truth values nor texts nor complex numbers are numbers.

    Raises
    ------
    InputError
        For any other value.

    Examples
    --------
    >>> import numpy as np
    >>> as_real("lr", np.float32(0.5)), as_real("lr", np.array(2))
    (0.5, 2.0)
    """
    number = _number(value)
    require(number is not None, name, value, allowed)
    return number  # type: ignore[return-value]


def is_real(value: Any) -> bool:
    """Whether `value` is one finite real number (a truth value is not)."""
    return _number(value) is not None


def as_positive(name: str, value: Any) -> float:
    """Return a finite number above zero.

    Raises
    ------
    InputError
        For any other value.
    """
    number = as_real(name, value, "must be a positive number")
    require(number > 0, name, value, "must be a positive number")
    return number


def as_not_negative(name: str, value: Any) -> float:
    """Return a finite number of zero or above.

    Raises
    ------
    InputError
        For any other value.
    """
    number = as_real(name, value, "must be a number of zero or above")
    require(number >= 0, name, value, "must be a number of zero or above")
    return number


def as_fraction(name: str, value: Any) -> float:
    """Return a number with 0 <= value < 1.

    Raises
    ------
    InputError
        For any other value.
    """
    number = as_real(name, value, "must satisfy 0 <= value < 1")
    require(0 <= number < 1, name, value, "must satisfy 0 <= value < 1")
    return number


def as_chi(name: str, value: Any, largest: float = math.inf) -> float:
    """Return a depletion exponent chi > -1.

    It is the power of the density of data at the decision boundary.

    Raises
    ------
    InputError
        For any other value.

    Examples
    --------
    >>> as_chi("chi", 1)
    1.0
    """
    at_most = "" if largest == math.inf else f" and at most {largest:g}"
    allowed = f"must be a number above -1{at_most}"
    number = as_real(name, value, allowed)
    require(-1 < number <= largest, name, value, allowed)
    return number


def as_count(name: str, value: Any, minimum: int = 1, maximum: int | None = None) -> int:
    """Return an integer of at least `minimum` and, where one is given, at most `maximum`.

    Raises
    ------
    InputError
        For any other value.

    Examples
    --------
    >>> import numpy as np
    >>> as_count("steps", np.int64(10)), type(as_count("steps", np.array(10))).__name__
    (10, 'int')
    """
    at_most = "" if maximum is None else f" and at most {maximum}"
    allowed = f"must be an integer of at least {minimum}{at_most}"
    number = _integer(value)
    require(number is not None and number >= minimum, name, value, allowed)
    assert number is not None
    require(maximum is None or number <= maximum, name, value, allowed)
    require(number <= LARGEST_COUNT, name, value, f"{allowed}, and below 2^63")
    return number


def as_seed(name: str, value: Any) -> int:
    """Return a seed, an integer from 0 to 2^128 - 1.

    This is the one rule wherever random numbers are asked for.

    Raises
    ------
    InputError
        For any other value.

    Examples
    --------
    >>> as_seed("seed", 2**127) == 2**127
    True
    """
    allowed = "must be an integer from 0 to 2**128 - 1"
    number = _integer(value)
    require(number is not None and 0 <= number < 2**128, name, value, allowed)
    assert number is not None
    return number


def as_flag(name: str, value: Any) -> bool:
    """Return True or False; numbers and texts are no truth values.

    Raises
    ------
    InputError
        For any other value.
    """
    require(
        _is_truth(value) and not getattr(value, "ndim", 0), name, value, "must be True or False"
    )
    return bool(value)


def as_text(name: str, value: Any) -> str:
    """Return a text as Python's own.

    Raises
    ------
    InputError
        For any other value.
    """
    require(isinstance(value, str), name, value, "must be a text")
    return str(value)


def as_choice(name: str, value: Kind, allowed: Iterable[str]) -> Kind:
    """Return `value` if it is among `allowed`; the refusal suggests the nearest.

    Raises
    ------
    InputError
        For any other value.
    """
    names = list(allowed)
    if not isinstance(value, str) or value not in names:
        near = difflib.get_close_matches(value, names, 1) if isinstance(value, str) else []
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise InputError(f"{name} = {shown(value)}: must be one of {', '.join(names)}{hint}")
    return str(value)  # type: ignore[return-value]


def as_instance(
    name: str, value: Any, kind: type[Kind] | tuple[type[Kind], ...], allowed: str = ""
) -> Kind:
    """Return `value` if it is of the kind.

    `allowed` describes the kind, by default by the names of its classes.

    Raises
    ------
    InputError
        For any other value.
    """
    kinds = kind if isinstance(kind, tuple) else (kind,)
    names = " or ".join(each.__name__ for each in kinds)
    require(isinstance(value, kinds), name, value, allowed or f"must be of type {names}")
    return value


def as_objects(name: str, values: Any, kind: type[Kind]) -> tuple[Kind, ...]:
    """Return objects of one kind, which may be none at all, in a sequence of their own.

    Raises
    ------
    InputError
        For any other value.

    Examples
    --------
    >>> as_objects("names", ["a", "b"], str)
    ('a', 'b')
    """
    allowed = f"must be a sequence of objects of type {kind.__name__}"
    require(not isinstance(values, str | bytes | Mapping), name, values, allowed)
    try:
        given = list(values)
    except TypeError:
        raise InputError(f"{name} = {shown(values)}: {allowed}") from None
    return tuple(as_instance(name, member, kind) for member in given)


def as_path(name: str, value: Any, allowed: str = "must be the path of a file") -> Path:
    """Return a path; whether something is there is another question.

    Raises
    ------
    InputError
        For any other value.

    Examples
    --------
    >>> as_path("path", "a/b").name
    'b'
    """
    as_instance(name, value, (str, os.PathLike), allowed)
    path = os.fspath(value)
    require(isinstance(path, str) and "\0" not in path, name, value, allowed)
    return Path(path)


def as_callable(name: str, value: Any) -> Callable[..., Any]:
    """Return `value` if it can be called.

    Raises
    ------
    InputError
        For any other value.
    """
    require(callable(value), name, value, "must be a function")
    return value


def as_function(name: str, value: Any) -> Callable[..., Any]:
    """Return `value` if it is a function, or an object that is called like one; a class is none.

    Raises
    ------
    InputError
        For any other value.
    """
    require(callable(value) and not isinstance(value, type), name, value, "must be a function")
    return value


def as_window(name: str, value: Any) -> tuple[float, float]:
    """Return two finite numbers, the first below the second.

    Raises
    ------
    InputError
        For any other value.

    Examples
    --------
    >>> as_window("window", [1, 10])
    (1.0, 10.0)
    """
    allowed = "must be two finite numbers, the first below the second"
    pair = _as_list(value)
    require(
        pair is not None and len(pair) == 2 and all(is_real(end) for end in pair),
        name,
        value,
        allowed,
    )
    assert pair is not None
    low, high = float(pair[0]), float(pair[1])
    require(low < high, name, value, allowed)
    return low, high


def as_counts(
    name: str, values: Any, minimum: int = 1, *, maximum: int | None = None
) -> tuple[int, ...]:
    """Return a sequence of at least one integer, each of at least `minimum`.

    Raises
    ------
    InputError
        For any other value.
    """
    return as_tuple(name, values, lambda what, value: as_count(what, value, minimum, maximum))


def as_tuple(
    name: str, values: Any, convert: Callable[[str, Any], Kind], *, empty: bool = False
) -> tuple[Kind, ...]:
    """Return a sequence, each value converted by one of the functions of this file.

    It may be empty where `empty` says so.

    A set is refused: its order is arbitrary.

    Raises
    ------
    InputError
        For any other value.

    Examples
    --------
    >>> as_tuple("alpha", [1, 2.5], as_positive)
    (1.0, 2.5)
    """
    given = _as_list(values)
    require(given is not None, name, values, "must be a sequence of at least one value")
    assert given is not None
    require(empty or len(given) > 0, name, values, "must hold at least one value")
    return tuple(convert(f"{name}[{place}]", value) for place, value in enumerate(given))


def as_array(
    name: str,
    values: Any,
    *,
    ndim: int | tuple[int, ...] | None = None,
    shape: tuple[int | None, ...] | None = None,
    finite: bool = True,
    minimum: float | None = None,
    allowed: str = "",
) -> np.ndarray:
    """Return an array of float64 that nobody else holds.

    Parameters
    ----------
    name
        Name of the argument, for the refusal.
    values
        Numbers in any shape: lists, arrays, data frames, tensors. Masked entries, complex numbers,
        truth values, dates, texts and None are refused; a mask that hides nothing is not.
    ndim
        Numbers of dimensions that are allowed; default any.
    shape
        Lengths that are asked for, None for any; default any shape.
    finite
        Whether NaN and infinity are refused; default True.
    minimum
        The least allowed number; default none.
    allowed
        Description of what is allowed, used in place of the standard wording for shape and range.

    Raises
    ------
    InputError
        For any other value.

    Examples
    --------
    >>> as_array("lags", [1, 10]).tolist()
    [1.0, 10.0]
    """
    import numpy as np

    array = np.array(_plain_array(name, values), dtype=float, order="C")
    if ndim is not None:
        dimensions = ndim if isinstance(ndim, tuple) else (ndim,)
        wanted = " or ".join(str(number) for number in dimensions)
        require(array.ndim in dimensions, name, values, allowed or f"must have {wanted} dimensions")
    if shape is not None:
        fits = array.ndim == len(shape) and all(
            want in (None, have) for want, have in zip(shape, array.shape, strict=True)
        )
        wanted = "(" + ", ".join("any" if want is None else str(want) for want in shape) + ")"
        require(fits, name, values, allowed or f"must have shape {wanted}")
    if finite:
        require(bool(np.isfinite(array).all()), name, values, allowed or "must be finite numbers")
    if minimum is not None:
        lowest = bool((array >= minimum).all()) if array.size else True
        require(lowest, name, values, allowed or f"must be numbers of {minimum:g} or above")
    return array


def as_states(name: str, values: Any, size: int) -> np.ndarray:
    """Return an array (..., size) of numbers or NaN, where runs that diverged end.

    Raises
    ------
    InputError
        For any other value.

    Examples
    --------
    >>> as_states("theta", [[1, float("nan")]], 2).shape
    (1, 2)
    """
    import numpy as np

    array = as_array(name, values, finite=False)
    require(array.shape[-1:] == (size,), name, values, f"must have shape (..., {size})")
    require(not bool(np.isinf(array).any()), name, values, "must be finite numbers or NaN")
    return array


def as_complex_array(name: str, values: Any) -> np.ndarray:
    """Return an array of complex128 that nobody else holds: finite numbers, real or complex.

    Raises
    ------
    InputError
        For any other value.

    Examples
    --------
    >>> as_complex_array("rate", [1, 2j]).tolist()
    [(1+0j), 2j]
    """
    import numpy as np

    array = np.array(_plain_array(name, values, imaginary=True), dtype=complex, order="C")
    require(bool(np.isfinite(array).all()), name, values, "must be finite numbers")
    return array


def as_integers(
    name: str, values: Any, *, ndim: int | None = None, minimum: int | None = None
) -> np.ndarray:
    """Return an array of int64 that nobody else holds.

    Whole numbers in float64 are taken, fractions are refused.

    Raises
    ------
    InputError
        For any other value.
    """
    import numpy as np

    array = np.array(_plain_array(name, values))
    require(array.dtype.kind != "b", name, values, "must be whole numbers, not truth values")
    whole = array.dtype.kind == "f" and bool(
        np.all(np.abs(array) < 2.0**53) and np.all(array == np.floor(array))
    )
    fits = array.dtype.kind in "iu" or whole
    require(
        fits and bool((array <= LARGEST_COUNT).all()),
        name,
        values,
        "must be whole numbers below 2^63",
    )
    require(ndim is None or array.ndim == ndim, name, values, f"must have {ndim} dimensions")
    lowest = minimum is None or array.size == 0 or bool(array.min() >= minimum)
    require(lowest, name, values, f"must be whole numbers of at least {minimum}")
    return array.astype(np.int64)


def as_flags(name: str, values: Any, *, shape: tuple[int | None, ...]) -> np.ndarray:
    """Return an array of truth values of a shape, None for any length, that nobody else holds.

    Raises
    ------
    InputError
        For any other value.

    Examples
    --------
    >>> as_flags("chosen", [True, False], shape=(2,)).tolist()
    [True, False]
    """
    import numpy as np

    wanted = "(" + ", ".join("any" if want is None else str(want) for want in shape) + ")"
    try:
        array = np.array(values)
    except Exception:  # ragged lists, foreign objects
        array = np.empty(0)
    fits = array.ndim == len(shape) and all(
        want in (None, have) for want, have in zip(shape, array.shape, strict=True)
    )
    require(
        array.dtype.kind == "b" and fits and not _hides(values),
        name,
        values,
        f"must be truth values {wanted}",
    )
    return array


def require_memory(name: str, value: Any, needed: float) -> None:
    """Refuse what needs more bytes than are free, before anything is allocated.

    Raises
    ------
    InputError
        If more is needed than is free.

    Examples
    --------
    >>> require_memory("replicas", 10, 80.0)
    """
    free = available_memory()
    gibibytes = f"{needed / 2**30:.3g} GiB of memory, {free / 2**30:.3g} GiB are free"
    require(needed <= free, name, value, f"needs at least {gibibytes}")


def available_memory() -> float:
    """Bytes that the operating system can still give; infinite where it does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return 1024.0 * int(
            next(line for line in lines if line.startswith("MemAvailable")).split()[1]
        )
    except (OSError, StopIteration, ValueError):
        return _memory()


def _memory() -> float:
    """Bytes of memory of this machine, free or not; infinite where the system does not tell."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return math.inf


def convert_fields(settings: Any, converters: Mapping[str, Callable[[str, Any], Any]]) -> None:
    """Convert fields of a frozen dataclass in place, from its ``__post_init__``."""
    for name, convert in converters.items():
        object.__setattr__(settings, name, convert(name, getattr(settings, name)))


def _number(value: Any) -> float | None:
    """Return a finite real scalar as a float, anything else as None."""
    scalar = not _is_truth(value) and not _is_masked(value) and getattr(value, "ndim", 0) == 0
    if not scalar or _kind(value) not in ("", "i", "u", "f") or not hasattr(value, "__float__"):
        return None
    try:
        number = float(value)
    except Exception:  # a foreign object may answer with anything
        return None
    return number if math.isfinite(number) else None


def _integer(value: Any) -> int | None:
    """Return an integer as Python's own, anything else as None."""
    try:
        return None if _is_truth(value) or _is_masked(value) else operator.index(value)
    except Exception:  # a foreign object may answer with anything
        return None


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool) or _kind(value) == "b"


def _kind(value: Any) -> str:
    """Kind of a NumPy scalar or array, "" for anything else."""
    return str(getattr(getattr(value, "dtype", None), "kind", ""))


def _is_masked(value: Any) -> bool:
    """Whether `value` is masked, or an array with masked entries."""
    mask = getattr(value, "mask", False)
    if isinstance(mask, bool):
        return mask
    return _kind(mask) == "b" and bool(mask.any())


def _hides(values: Any) -> bool:
    """Whether `values` is masked, or a list with something masked at any depth."""
    return _is_masked(values) or (isinstance(values, list | tuple) and any(map(_hides, values)))


def _as_list(values: Any) -> list[Any] | None:
    """Return the members of a sequence or one-dimensional array; None for anything else.

    Sets are no sequences.
    """
    if isinstance(values, str | bytes | bytearray | set | frozenset | Mapping) or _is_masked(
        values
    ):
        return None
    if getattr(values, "ndim", 1) != 1 or not (
        hasattr(values, "__iter__") and hasattr(values, "__len__")
    ):
        return None
    return list(values)


def _plain_array(name: str, values: Any, *, imaginary: bool = False) -> np.ndarray:
    """Return numbers as an array of integers or floats, or a refusal.

    Complex numbers are taken if they may be `imaginary`.
    """
    import numpy as np

    try:
        require(
            not _hides(values), name, values, "holds masked values: fill them in or leave them out"
        )
        array = np.asarray(values)
        if array.dtype.kind == "O" and all(
            _number(entry) is not None or entry != entry for entry in array.ravel()
        ):
            array = array.astype(float)
    except InputError:
        raise
    except (
        Exception
    ) as error:  # ragged lists, tensors that need a gradient or lie on a device, foreign objects
        reason = " ".join(str(error).split())[:100]
        raise InputError(
            f"{name} = {shown(values)}: must be an array of numbers ({reason})"
        ) from None
    require(
        imaginary or array.dtype.kind != "c", name, values, "must be real numbers, not complex ones"
    )
    require(array.dtype.kind != "b", name, values, "must be numbers, not truth values")
    require(array.dtype.kind in "iufc", name, values, "must be an array of numbers")
    return array
