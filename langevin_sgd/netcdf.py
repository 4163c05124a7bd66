"""Plain results as netCDF-4 files, written and read by the identifiers of HDF5.

A result is plain if it holds numbers and words that stand as they are, simply described; nearly
all results are. Its file is one that xarray reads in the same way, written in half the time that
xarray needs, and read in a tenth.

Most of the time goes not into numbers but into the things that HDF5 is asked for, at 2 to 10
microseconds each. So variables have few attributes (a number that is missing is NaN, which needs no
``_FillValue``), and what netCDF-4 writes is read as what it should be, and asked for its type only
if it is not. What is not plain is left to xarray (`langevin_sgd.dataset`).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import h5netcdf
import h5py
import numpy as np
import xarray as xr
from h5py import h5, h5a, h5d, h5ds, h5f, h5g, h5o, h5p, h5s, h5t

_TEXT = h5py.string_dtype()
_TEXT_TYPE = h5t.py_create(_TEXT)
"""Words in memory, as NumPy and as HDF5 call them."""

# --- what is plain --------------------------------------------------------------------------------


def is_plain(result: xr.Dataset) -> bool:
    """Whether there are only simply described values, and coordinates can be listed."""
    variables = result.variables.values()
    described = [result.attrs, *(variable.attrs for variable in variables)]
    simple = all(map(_is_plain_variable, variables)) and all(map(_is_simple, described))
    return simple and all(name.split() == [name] for name in _other_coordinates(result))


def _other_coordinates(result: xr.Dataset) -> list[str]:
    """Names of the coordinates that are not those of a dimension, which the file must list."""
    return sorted(map(str, set(result.coords) - set(result.dims)))


def _is_plain_variable(variable: xr.Variable) -> bool:
    """Whether values are numbers or words, and nothing says how to write them."""
    is_text = variable.dtype.kind == "U" and variable.size > 0
    return (is_text or variable.dtype.kind in "iuf") and not variable.encoding


_COORDINATES = "coordinates"
"""Attribute that lists which variables are coordinates, of a file or of a variable."""
_MEANINGS = {
    "_FillValue",
    "missing_value",
    "scale_factor",
    "add_offset",
    _COORDINATES,
    "_Unsigned",
    "dtype",
}
"""Attributes that say how values are encoded."""


def _is_simple(attributes: Mapping[Any, Any]) -> bool:
    """Whether attributes are words and lists of numbers that mean nothing for the values."""
    kinds = all(isinstance(item, str) or _is_list(item) for item in attributes.values())
    return kinds and not _MEANINGS & attributes.keys()


def _is_list(item: Any) -> bool:
    return (
        isinstance(item, np.ndarray)
        and item.ndim == 1
        and item.size > 1
        and item.dtype.kind in "iuf"
    )


# --- writing --------------------------------------------------------------------------------------


def write_plain(result: xr.Dataset, target: io.BytesIO) -> None:
    """Write a plain result."""
    with h5netcdf.File(target, "w") as file:
        file.attrs.update(result.attrs)
        if listed := _other_coordinates(result):
            file.attrs[_COORDINATES] = " ".join(listed)
        file.dimensions.update(result.sizes)
        for name, variable in result.variables.items():
            is_text = variable.dtype.kind == "U"
            values = variable.values.astype(_TEXT) if is_text else variable.values
            created = file.create_variable(str(name), variable.dims, data=values)
            created.attrs.update(variable.attrs)


# --- reading --------------------------------------------------------------------------------------

_NUMBER, _DIMENSIONS = b"_Netcdf4Dimid", b"_Netcdf4Coordinates"
"""Attributes: the number of a dimension, and the numbers of the dimensions of a variable."""
_OWN = {_NUMBER, _DIMENSIONS, b"CLASS", b"NAME", b"_NCProperties"}
"""Attributes of netCDF-4 itself, and those by which HDF5 ties dimensions to variables."""
_OWN |= {b"REFERENCE_LIST", b"DIMENSION_LIST"}
_WITHOUT_VALUES = b"This is a netCDF dimension but not a netCDF variable"
"""How the name of a dimension begins that has no values."""


def read_plain(file: bytes) -> xr.Dataset | None:
    """Read the file of a path if it is plain; ``None`` where there is more to it."""
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_fclose_degree(h5f.CLOSE_STRONG)  # closing it closes all that was opened in it
    opened = h5f.open(file, h5f.ACC_RDONLY, access)
    try:
        return _content(h5g.open(opened, b"/"))
    finally:
        opened.close()


class _Stored(NamedTuple):
    """A variable or a dimension as HDF5 has it, with the names of its attributes."""

    member: Any
    shape: tuple[int, ...] | None
    names: list[bytes]


_DimsOf = Callable[[_Stored], "tuple[str, ...] | None"]
"""Dimensions of a variable; ``None`` if the file does not tell them in a simple way."""


def _content(root: Any) -> xr.Dataset | None:
    members = {name.decode(): h5o.open(root, name) for name in root}
    if not all(isinstance(member, h5d.DatasetID) for member in members.values()):
        return None
    stored = {name: _Stored(item, item.shape, _names(item)) for name, item in members.items()}
    scales = {name: item for name, item in stored.items() if _is_scale(item)}
    if any(len(scale.shape or ()) != 1 for scale in scales.values()):
        return None
    dims_of = _dims_by_length(scales) or _dims_by_number(scales)
    variables = {}
    described, coordinates = _described(root, _names(root))
    for name, item in stored.items():
        if name in scales and h5ds.get_scale_name(item.member).startswith(_WITHOUT_VALUES):
            continue
        dims = (name,) if name in scales else dims_of(item)
        values, (attributes, listed) = _values(item), _described(item.member, item.names)
        if dims is None or values is None or attributes is None:
            return None
        variables[name] = (dims, values, attributes)
        coordinates += listed
    if described is None or not variables.keys() >= set(coordinates):
        return None
    result = xr.Dataset(variables, attrs=described)
    return result.set_coords(coordinates) if coordinates else result


def _is_scale(item: _Stored) -> bool:
    """Whether it is a dimension, with or without values."""
    return b"CLASS" in item.names and h5ds.is_scale(item.member)


def _dims_by_length(scales: Mapping[str, _Stored]) -> _DimsOf | None:
    """Tell dimensions by their lengths; ``None`` if two are alike, or one may still grow.

    This saves reading an attribute of every variable.
    """
    most = [scale.member.get_space().get_simple_extent_dims(True) for scale in scales.values()]
    names = {scale.shape: name for name, scale in scales.items()}
    if len(names) < len(scales) or list(names) != most:
        return None

    def dims_of(item: _Stored) -> tuple[str, ...] | None:
        lengths = [(length,) for length in item.shape or ()]
        told = _DIMENSIONS in item.names and names.keys() >= set(lengths)
        return tuple(names[length] for length in lengths) if told or not lengths else None

    return dims_of


def _dims_by_number(scales: Mapping[str, _Stored]) -> _DimsOf:
    """Tell dimensions by the numbers that netCDF-4 gives them."""
    numbers = {name: _whole_numbers(scale, _NUMBER, 1) for name, scale in scales.items()}
    names = {number[0]: name for name, number in numbers.items() if number}

    def dims_of(item: _Stored) -> tuple[str, ...] | None:
        shape = item.shape or ()
        places = _whole_numbers(item, _DIMENSIONS, len(shape)) if shape else []
        if places is None or not names.keys() >= set(places):
            return None
        dims = tuple(names[place] for place in places)
        return dims if [scales[dim].shape for dim in dims] == [(n,) for n in shape] else None

    return dims_of


def _values(item: _Stored) -> np.ndarray | None:
    """Numbers or words of a variable; ``None`` if it holds anything else."""
    types, shape = _types(item.member.get_type().encode()), item.shape
    if types is None or shape is None or (types[0] is _TEXT and 0 in shape):
        return None
    kind, in_memory = types
    values = np.empty(shape, kind)
    if values.size:
        item.member.read(h5s.ALL, h5s.ALL, values, in_memory)
    if kind is not _TEXT:
        return values
    words = [word.decode("utf-8", "surrogateescape") for word in values.ravel()]
    return np.array(words).reshape(shape)


@lru_cache(maxsize=64)
def _types(encoded: bytes) -> tuple[np.dtype, Any] | None:
    """What to read a stored type into, as NumPy and as HDF5 call it; ``None`` if not plain."""
    stored = h5t.decode(encoded)
    if isinstance(stored, h5t.TypeStringID) and stored.is_variable_str():
        return _TEXT, _TEXT_TYPE
    kind = stored.dtype
    return (kind, h5t.py_create(kind)) if kind.kind in "iuf" else None


# --- attributes -----------------------------------------------------------------------------------


def _names(member: Any) -> list[bytes]:
    """Names of attributes; if several are not netCDF-4's own, in the order they were written in."""
    names: list[bytes] = []
    h5a.iterate(member, names.append)
    several = len(set(names) - _OWN) > 1
    if several and member.get_create_plist().get_attr_creation_order() & h5p.CRT_ORDER_TRACKED:
        names.clear()
        h5a.iterate(member, names.append, index_type=h5.INDEX_CRT_ORDER)
    return names


def _whole_numbers(item: _Stored, name: bytes, count: int) -> list[int] | None:
    """So many numbers, 0 or more, of an attribute; ``None`` if there is no such attribute.

    HDF5 writes all there are, also beyond the end of the array, and says not how many: so there is
    room for as many numbers as the attribute has bytes.
    """
    if name not in item.names:
        return None
    attribute = h5a.open(item.member, name)
    try:
        values = np.full(max(count, attribute.get_storage_size()), -1, np.int32)
        attribute.read(values, h5t.NATIVE_INT32)
    except _UNREADABLE:
        return None
    found: list[int] = values.tolist()
    fits = min(found[:count]) >= 0 and found[count:] == [-1] * (len(found) - count)
    return found[:count] if fits else None


_UNREADABLE = (OSError, RuntimeError, TypeError, ValueError)
"""What h5py raises where something is not of the type it is read as."""

_SIZE_OF_ONE_TEXT = 16
"""Bytes that a text takes in an attribute: its length, and where in the file it stands."""


def _described(member: Any, names: list[bytes]) -> tuple[dict[str, Any] | None, list[str]]:
    """Return the attributes that are not those of netCDF-4, and which coordinates they list.

    ``None`` for attributes of which one is not simple. A fill value of NaN, which stands for
    itself, is none.
    """
    kept: dict[str, Any] = {}
    for name in names:
        if name in _OWN:
            continue
        attribute = h5a.open(member, name)
        text = _text(attribute)
        kept[name.decode()] = _numbers(attribute) if text is None else text
    fill = kept.get("_FillValue")
    if isinstance(fill, np.ndarray) and fill.dtype.kind == "f" and np.isnan(fill).all():
        del kept["_FillValue"]
    listed = kept.pop(_COORDINATES, "")
    simple = isinstance(listed, str) and _is_simple(kept)
    return (kept, listed.split()) if simple else (None, [])


def _text(attribute: Any) -> str | None:
    """One text; ``None`` if the attribute holds anything else."""
    text = np.empty((), _TEXT)
    try:
        if attribute.get_storage_size() != _SIZE_OF_ONE_TEXT:
            return None
        attribute.read(text, _TEXT_TYPE)
    except _UNREADABLE:
        return None
    words: bytes = text.item()
    return words.decode("utf-8", "surrogateescape")


def _numbers(attribute: Any) -> np.ndarray | None:
    """Numbers; ``None`` for any other attribute, which is not simple."""
    types, shape = _types(attribute.get_type().encode()), attribute.shape
    if types is None or types[0] is _TEXT or shape is None:
        return None
    kind, in_memory = types
    values = np.empty(shape, kind)
    attribute.read(values, in_memory)
    return values
