"""Results as xarray datasets: named dimensions, units, provenance, and one netCDF-4 file each.

The dimensions of the package are ``replica``, ``step``, ``lag``, ``parameter``, ``eigenmode``, ``sample``. A dataset
carries one attribute ``provenance``, a JSON string: schema version, package version, kind, settings, seed. Files hold
no times and no host names, so that the same run gives the same bytes; they are written beside their final name and
renamed, so that a reader never sees half a file.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd.checks import InputError

if TYPE_CHECKING:
    import xarray as xr

SCHEMA_VERSION = 1
"""Raised whenever files of an older package can no longer be read as they are."""

Variable = tuple[tuple[str, ...], np.ndarray, str]
"""Dimensions, values and unit ("1" for a pure number)."""


@lru_cache(maxsize=1)
def _package_version() -> str:
    return version("langevin-sgd")


def make(
    variables: Mapping[str, Variable],
    *,
    coords: Mapping[str, np.ndarray] | None = None,
    kind: str,
    settings: Mapping[str, Any] | None = None,
    seed: int | None = None,
    **extra: Any,
) -> xr.Dataset:
    """Build a result.

    Parameters
    ----------
    variables
        Name -> (dimensions, values, unit).
    coords
        Name of a dimension -> its values.
    kind
        What made it, for instance ``sgd_run``.
    settings, seed, **extra
        JSON types, kept in the provenance.

    Returns
    -------
    xarray.Dataset
    """
    import xarray as xr

    data = {name: (dims, values, {"units": unit}) for name, (dims, values, unit) in variables.items()}
    provenance = {
        "schema_version": SCHEMA_VERSION,
        "package": "langevin_sgd",
        "package_version": _package_version(),
        "kind": kind,
        "settings": dict(settings or {}),
        "seed": seed,
        **extra,
    }
    return xr.Dataset(data, coords=dict(coords or {}), attrs={"provenance": json.dumps(provenance, sort_keys=True)})


def provenance(result: xr.Dataset) -> dict[str, Any]:
    """Return the provenance of a result as a dictionary.

    Raises
    ------
    InputError
        If the dataset has none, or one of an unknown schema.
    """
    text = result.attrs.get("provenance")
    if not isinstance(text, str):
        raise InputError("dataset: has no provenance, so it was not written by langevin_sgd")
    found: dict[str, Any] = json.loads(text)
    schema = found.get("schema_version")
    if schema != SCHEMA_VERSION:
        raise InputError(
            f"schema_version = {schema!r}: this version of langevin_sgd reads schema {SCHEMA_VERSION} only"
        )
    return found


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it over `path` if the body succeeds, remove it if not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def save(result: xr.Dataset, path: str | os.PathLike[str]) -> None:
    """Write a result to one netCDF-4 file, whole or not at all."""
    content = file_content(result)
    with replace_file(Path(path)) as part:
        part.write_bytes(content)


def file_content(result: xr.Dataset) -> bytes:
    """Bytes of the netCDF-4 file of a result.

    Made in memory, so that HDF5 never meets a full disk, which it does not survive.
    """
    provenance(result)
    file = io.BytesIO()
    if _is_plain(result):
        _write_plain(result, file)
    else:
        result.to_netcdf(file, engine="h5netcdf")
    return file.getvalue()


def _write_plain(result: xr.Dataset, target: io.BytesIO) -> None:
    """Write what xarray would write, in half the time, where there is nothing for it to encode."""
    import h5netcdf

    with h5netcdf.File(target, "w") as file:
        file.attrs.update(result.attrs)
        file.dimensions.update(result.sizes)
        for name, variable in result.variables.items():
            file.create_variable(str(name), variable.dims, data=variable.values).attrs.update(variable.attrs)


def _is_plain(result: xr.Dataset) -> bool:
    """Whether there are only numbers, described in words, and no coordinates but those of dimensions."""
    numbers = all(variable.dtype.kind in "iuf" and not variable.encoding for variable in result.variables.values())
    described = [result.attrs, *(variable.attrs for variable in result.variables.values())]
    words = all(isinstance(text, str) for attributes in described for text in attributes.values())
    return numbers and words and set(result.coords) <= set(result.dims)


def load(path: str | os.PathLike[str]) -> xr.Dataset:
    """Read a stored result into memory.

    Raises
    ------
    InputError
        If there is no such file, it is damaged, or its schema is unknown.
    """
    import xarray as xr

    file = Path(path)
    if not file.is_file():
        raise InputError(f"path = '{file}': there is no such file")
    try:
        with xr.open_dataset(file, engine="h5netcdf", decode_times=False) as opened:
            result = opened.load()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(f"path = '{file}': not a readable netCDF-4 file ({error})") from error
    provenance(result)
    return result
