"""Results as xarray datasets: named dimensions, units, provenance, and one netCDF-4 file each.

The dimensions of the package are ``replica``, ``step``, ``lag``, ``parameter``, ``eigenmode``,
``sample``. A dataset carries one attribute ``provenance``, a JSON string: schema version, package
version, kind, settings, seed. Files hold no times and no host names, so that the same run gives the
same bytes; they are written beside their final name and renamed, so that a reader never sees half a
file. A file that cannot be read or written is one line, `InputError`, that names it.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd.checks import InputError, as_instance, as_path, as_seed, as_text, shown

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
        Kept in the provenance as JSON; what NumPy made becomes Python's own, and an object that
        JSON does not know its description: the last line of a run must not lose it.

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    InputError
        If the parts are not what they should be, or do not fit together.
    """
    import xarray as xr

    coords, settings = ({} if given is None else given for given in (coords, settings))
    for what, mapping in {"variables": variables, "coords": coords, "settings": settings}.items():
        as_instance(what, mapping, Mapping, "must go by name")
    for name in (*variables, *coords):
        as_instance("a name of variables, coords", name, str, "must be a text")
    kind = as_text("kind", kind)
    provenance = {
        "schema_version": SCHEMA_VERSION,
        "package": "langevin_sgd",
        "package_version": _package_version(),
        "kind": kind,
        "settings": dict(settings),
        "seed": None if seed is None else as_seed("seed", seed),
        **extra,
    }
    text = json.dumps(_json_types(provenance), sort_keys=True, allow_nan=False)
    try:
        data = {
            name: (dims, values, {"units": unit})
            for name, (dims, values, unit) in variables.items()
        }
        return xr.Dataset(data, coords=dict(coords), attrs={"provenance": text})
    except (TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        given = f"variables, coords = {shown(variables)}"
        raise InputError(f"{given}: must be arrays that fit together ({reason})") from error


def _json_types(value: Any) -> Any:
    """Return a value in the types of JSON; infinity and NaN, unknown to it, become words."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if (
        value is None
        or isinstance(value, bool | int | str)
        or (isinstance(value, float) and math.isfinite(value))
    ):
        return value
    if isinstance(value, Mapping):
        return {str(key): _json_types(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_json_types(item) for item in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else shown(value)


def provenance(result: xr.Dataset) -> dict[str, Any]:
    """Return the provenance of a result as a dictionary.

    Raises
    ------
    InputError
        If the dataset has none, one that is damaged, or one of an unknown schema.
    """
    attributes = getattr(result, "attrs", None)
    text = attributes.get("provenance") if isinstance(attributes, Mapping) else None
    if not isinstance(text, str):
        raise InputError(
            "result: has no provenance, so it is no dataset that langevin_sgd has written"
        )
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(
            f"provenance = {shown(text)}: is damaged, it must be a JSON object"
        ) from None
    if not isinstance(content, dict):
        raise InputError(f"provenance = {shown(text)}: is damaged, it must be a JSON object")
    schema = content.get("schema_version")
    if type(schema) is not int or schema != SCHEMA_VERSION:
        raise InputError(
            f"schema_version = {shown(schema)}: "
            f"this version of langevin_sgd reads schema {SCHEMA_VERSION} only"
        )
    if not isinstance(content.get("kind"), str) or not isinstance(content.get("settings"), dict):
        raise InputError(
            f"provenance = {shown(text)}: is damaged, it must have a kind and settings"
        )
    return content


# --- files ----------------------------------------------------------------------------------------


def os_reason(error: BaseException) -> str:
    """Why a file could not be read or written, in one line."""
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else " ".join(str(error).split()) or type(error).__name__


@contextlib.contextmanager
def named_file(name: str, path: str | os.PathLike[str], deed: str = "written") -> Iterator[None]:
    """Turn what the system says of a path that the user named into an `InputError` of one line.

    Examples
    --------
    >>> with named_file("output", "a/b"):
    ...     raise PermissionError(13, "any words")
    Traceback (most recent call last):
    langevin_sgd.checks.refusals.InputError: output = 'a/b': cannot be written (Permission denied)
    """
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{name} = {_shown_path(path)}: cannot be {deed} ({os_reason(error)})"
        ) from error


def existing_file(name: str, path: str | os.PathLike[str]) -> Path:
    """Return the path of a regular file that may be read.

    Raises
    ------
    InputError
        If there is none; the line says what is there instead, or why it cannot be read.
    """
    file = as_path(name, path)
    try:
        mode = file.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{name} = {_shown_path(path)}: there is no such file") from None
    except (OSError, ValueError) as error:
        raise InputError(
            f"{name} = {_shown_path(path)}: cannot be read ({os_reason(error)})"
        ) from None
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a device or a pipe"
        raise InputError(f"{name} = {_shown_path(path)}: must be a file, it is {kind}")
    if not os.access(file, os.R_OK):
        raise InputError(f"{name} = {_shown_path(path)}: cannot be read (Permission denied)")
    return file


def _shown_path(path: str | os.PathLike[str]) -> str:
    return shown(os.fspath(path), width=400)


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, and rename it to `path` if the body succeeds.

    Else it is removed.

    A new file may be read and written as the user's mask says, one that is replaced as before. A
    folder, a device or a pipe is never replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():
        raise OSError("what is there is no file that could be replaced: move it away")
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield part
        if path.exists():
            part.chmod(stat.S_IMODE(path.stat().st_mode))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the right to change a file: of two processes neither loses what the other writes.

    To be taken before the file is read, and given back after it is replaced. The lock is that of a
    hidden file beside it, and ends with the process; where the file system or the platform knows no
    locks there is none.
    """
    path = as_path("path", path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("a") as holder:
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            fcntl.flock(holder, fcntl.LOCK_EX)
        yield


def save(result: xr.Dataset, path: str | os.PathLike[str]) -> None:
    """Write a result to one netCDF-4 file, whole or not at all.

    A symbolic link stays; what it points to is replaced.

    Raises
    ------
    InputError
        If it was not made by this package, or cannot be written there.
    """
    file = as_path("path", path)
    content = file_content(result)
    with named_file("path", path), replace_file(Path(os.path.realpath(file))) as part:
        part.write_bytes(content)


def file_content(result: xr.Dataset) -> bytes:
    """Bytes of the netCDF-4 file of a result.

    Made in memory, so that HDF5 never meets a full disk, which it does not survive.
    """
    import xarray as xr

    from langevin_sgd.netcdf import is_plain, write_plain

    provenance(as_instance("result", result, xr.Dataset))
    file = io.BytesIO()
    if is_plain(result):
        write_plain(result, file)
    else:
        result.to_netcdf(file, engine="h5netcdf")
    return file.getvalue()


def load(path: str | os.PathLike[str]) -> xr.Dataset:
    """Read a stored result into memory.

    Raises
    ------
    InputError
        If there is no such file, it is damaged, or its schema is unknown.
    """
    file = existing_file("path", path)
    try:
        result = _read(file)
    except Exception as error:  # a damaged file can raise nearly anything
        message = f"path = {_shown_path(file)}: not a readable netCDF-4 file ({os_reason(error)})"
        raise InputError(message) from error
    try:
        provenance(result)
    except InputError as error:
        raise InputError(f"path = {_shown_path(file)}: {error}") from None
    return result


def _read(file: Path) -> xr.Dataset:
    """Read a plain result directly, and anything else by xarray."""
    import xarray as xr

    from langevin_sgd.netcdf import read_plain

    # h5netcdf would print a traceback of its own about a file that HDF5 cannot open; so it is
    # opened here first.
    plain = read_plain(os.fsencode(file))
    if plain is not None:
        return plain
    with xr.open_dataset(file, engine="h5netcdf", decode_times=False) as encoded:
        return encoded.load()
