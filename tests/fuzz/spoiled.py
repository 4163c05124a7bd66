"""Arrays (or lists, or tuples of numbers) with one thing wrong or unusual about them."""

from __future__ import annotations

from typing import Any

import numpy as np


def _copy(values: Any, kind: Any = float) -> np.ndarray:
    return np.array(values, dtype=kind)


def _with(values: Any, entry: Any) -> np.ndarray:
    array = _copy(values)
    array.flat[array.size // 2] = entry
    return array


# --- never right ----------------------------------------------------------------------------------


def nan_in(values: Any) -> np.ndarray:
    return _with(values, np.nan)


def masked_in(values: Any) -> Any:
    array = np.ma.masked_array(_copy(values), mask=False)
    array[np.unravel_index(array.size // 2, array.shape)] = np.ma.masked
    return array


def complex_in(values: Any) -> np.ndarray:
    return _copy(values) + 1j


def as_text(values: Any) -> np.ndarray:
    return _copy(values, str)


def as_dates(values: Any) -> np.ndarray:
    return np.full(np.shape(values), np.datetime64("2020-01-01"))


def none_in(values: Any) -> np.ndarray:
    array = _copy(values, object)
    array.flat[array.size // 2] = None
    return array


def ragged(values: Any) -> list[Any]:
    return [list(np.atleast_1d(_copy(values)).ravel()), [1.0]]


def names(values: Any) -> dict[str, Any]:
    return {"a": values}


# --- perhaps right --------------------------------------------------------------------------------


def infinite_in(values: Any) -> np.ndarray:
    return _with(values, np.inf)


def huge(values: Any) -> np.ndarray:
    return _copy(values) * 1e300


def tiny(values: Any) -> np.ndarray:
    return _copy(values) * 1e-300


def negative(values: Any) -> np.ndarray:
    return -_copy(values)


def zeros(values: Any) -> np.ndarray:
    return 0 * _copy(values)


def backwards(values: Any) -> np.ndarray:
    return np.atleast_1d(_copy(values))[::-1]


def shorter(values: Any) -> np.ndarray:
    return np.atleast_1d(_copy(values))[:-1]


def longer(values: Any) -> np.ndarray:
    array = np.atleast_1d(_copy(values))
    return np.concatenate([array, array])


def one(values: Any) -> np.ndarray:
    return np.atleast_1d(_copy(values))[:1]


def deeper(values: Any) -> np.ndarray:
    return _copy(values)[None]


def flat(values: Any) -> np.ndarray:
    return _copy(values).ravel()


def first(values: Any) -> Any:
    return _copy(values).flat[0]


def empty(values: Any) -> np.ndarray:
    return np.atleast_1d(_copy(values))[:0]


def repeated(values: Any) -> np.ndarray:
    return np.broadcast_to(_copy(values).flat[0], np.shape(values))


def halves(values: Any) -> np.ndarray:
    return _copy(values) + 0.5


def float32(values: Any) -> np.ndarray:
    return _copy(values, np.float32)


def small_integers(values: Any) -> np.ndarray:
    return _copy(values).astype(np.int8)


def listed(values: Any) -> Any:
    return _copy(values).tolist()


def read_only(values: Any) -> np.ndarray:
    array = _copy(values)
    array.flags.writeable = False
    return array


def in_columns(values: Any) -> np.ndarray:
    return np.asfortranarray(_copy(values))


def nothing_masked(values: Any) -> Any:
    return np.ma.masked_array(_copy(values), mask=False)


def labelled(values: Any) -> Any:
    import xarray as xr

    return xr.DataArray(_copy(values))


WRONG = (nan_in, masked_in, complex_in, as_text, as_dates, none_in, ragged, names)
ODD = (
    *(
        infinite_in,
        huge,
        tiny,
        negative,
        zeros,
        backwards,
        shorter,
        longer,
        one,
        deeper,
        flat,
        first,
        empty,
        repeated,
    ),
    *(halves, float32, small_integers, listed, read_only, in_columns, nothing_masked, labelled),
)
