"""Arrays of numbers: copies that nobody else holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langevin_sgd.checks.kinds import hides, number_in
from langevin_sgd.checks.refusals import InputError, require, shown
from langevin_sgd.checks.scalars import LARGEST_COUNT

if TYPE_CHECKING:
    import numpy as np


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
        array.dtype.kind == "b" and fits and not hides(values),
        name,
        values,
        f"must be truth values {wanted}",
    )
    return array


def _plain_array(name: str, values: Any, *, imaginary: bool = False) -> np.ndarray:
    """Return numbers as an array of integers or floats, or a refusal.

    Complex numbers are taken if they may be `imaginary`.
    """
    import numpy as np

    try:
        require(
            not hides(values), name, values, "holds masked values: fill them in or leave them out"
        )
        array = np.asarray(values)
        if array.dtype.kind == "O" and all(
            number_in(entry) is not None or entry != entry for entry in array.ravel()
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
