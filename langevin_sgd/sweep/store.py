"""A directory of results: one netCDF-4 file per task, named by what it depends on.

The name ``<module path>/<function>-<hash>.nc`` hashes the task's name, version and settings and the digest of its
source, so that mended code never reuses old numbers. Files hold no times and no host names: the same task gives the
same bytes. Beside each stands a record ``.json`` with what does vary (state, seconds, host, time, traceback of a
failure) and the checksum of the result: a result that disk or network have damaged is never used, but computed again.
Everything else is derived by scanning; a result is there or not, never half.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from langevin_sgd.checks import InputError
from langevin_sgd.dataset import file_content, load, make, provenance, replace_file
from langevin_sgd.sweep.digest import digest
from langevin_sgd.sweep.task import Task

if TYPE_CHECKING:
    import xarray as xr

State = Literal["done", "damaged", "stale", "failed", "missing"]

_PART_LIFETIME = 600.0
"""Seconds after which a half-written file is taken for the leftover of a killed process; writing takes far less."""


@lru_cache(maxsize=4096)
def identity(task: Task) -> dict[str, Any]:
    """All a stored result depends on: name, settings, version, digest of sources."""
    return {
        "name": task.name,
        "settings": json.loads(task.settings),
        "version": task.function.version,
        "digest": digest(task.name),
    }


def _stem(task: Task) -> str:
    content = json.dumps(identity(task), sort_keys=True, separators=(",", ":"))
    module, qualname = task.name.split(":")
    folder = module.removeprefix("langevin_sgd.").removeprefix("validation.").replace(".", "/")
    return f"{folder}/{qualname}-{hashlib.sha256(content.encode()).hexdigest()[:20]}"


def reason(error: OSError) -> str:
    """Why a file could not be written, in one line."""
    return os.strerror(error.errno) if error.errno else " ".join(str(error).split())


def is_path_of(task: Task, path: Path) -> bool:
    """Whether the result of `task`, by the code as this process has it, belongs at `path`."""
    return path.with_suffix("").as_posix().endswith(f"/{_stem(task)}")


@dataclass(frozen=True)
class Status:
    """Where one task of a store stands.

    Parameters
    ----------
    path
        Where its result lies or would lie.
    state
        ``done``, ``damaged`` (no longer what was written; computed again by the next run that wants it), ``failed``,
        ``missing`` (asked for, not there yet) or ``stale`` (made by older code; never used).
    record
        What is known of it: task, seconds, host, time, error, traceback.
    """

    path: Path
    state: State
    record: dict[str, Any]


@dataclass(frozen=True)
class Store:
    """Results of tasks in one directory.

    Parameters
    ----------
    directory
        Where the files lie; made when the first is written.
    """

    directory: Path

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        object.__setattr__(self, "directory", Path(directory))
        if self.directory.exists() and not self.directory.is_dir():
            raise InputError(f"directory = '{directory}': must be a directory")

    def path(self, task: Task) -> Path:
        """Where the result of `task`, by the code as it is now, lies or would lie."""
        return self.directory / f"{_stem(task)}.nc"

    def has(self, task: Task) -> bool:
        """Whether the result of `task` is stored."""
        return self.path(task).is_file()

    def damage(self, task: Task) -> str | None:
        """Return what is wrong with the stored result of `task`; ``None`` if nothing is, or there is no result."""
        return _damage(self.path(task), self.record(task)) if self.has(task) else None

    def load(self, task: Task) -> xr.Dataset:
        """Read a result.

        Raises
        ------
        InputError
            If it is not stored, or the file is damaged.
        """
        if (damage := self.damage(task)) is not None:
            raise InputError(f"path = '{self.path(task)}': {damage}; the run that made it will compute it again")
        return load(self.path(task))

    def record(self, task: Task) -> dict[str, Any]:
        """Return what is known of `task` beside its result: state, seconds, host, time; empty if nothing is."""
        return _read_record(self.path(task))

    def failure(self, task: Task) -> str | None:
        """Return the last line of the error `task` ended in, ``None`` if it did not."""
        record = {} if self.has(task) else self.record(task)
        return str(record["error"]) if record.get("state") == "failed" else None

    def statuses(self) -> list[Status]:
        """Every task the store has heard of, in order of path."""
        stems = {path.with_suffix("") for suffix in ("nc", "json") for path in self._files(suffix)}
        return [_status(self.directory, stem) for stem in sorted(stems)]

    def _files(self, suffix: str) -> Iterator[Path]:
        return self.directory.glob(f"**/*-{'[0-9a-f]' * 20}.{suffix}")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn a directory that cannot be written to into an `InputError` of one line."""
        try:
            yield
        except OSError as error:
            raise InputError(f"directory = '{self.directory}': cannot be written to ({reason(error)})") from error

    def remove_leftovers(self) -> None:
        """Remove half-written files that killed processes left behind."""
        for part in self.directory.glob("**/.*.part"):
            try:
                if time.time() - part.stat().st_mtime > _PART_LIFETIME:
                    part.unlink()
            except FileNotFoundError:
                continue  # its writer has just finished


# --- what a worker writes ------------------------------------------------------------------------------------------


def write_result(path: Path, task: Task, result: xr.Dataset, **known: Any) -> None:
    """Store a result and its record; the provenance of the result gains the identity of the task."""
    if "provenance" not in result.attrs:
        result.attrs["provenance"] = make({}, kind="task").attrs["provenance"]
    extended = provenance(result) | {"task": identity(task)}
    result.attrs["provenance"] = json.dumps(extended, sort_keys=True)
    content = file_content(result)
    # The record goes first: a result without a record would have lost its cost and its checksum.
    write_record(path, task, "done", sha256=hashlib.sha256(content).hexdigest(), **known)
    with replace_file(path) as part:
        part.write_bytes(content)


def write_record(path: Path, task: Task, state: State, **known: Any) -> None:
    """Write the record beside the result at `path`."""
    record = {"task": identity(task), "state": state, **known}
    with replace_file(path.with_suffix(".json")) as part:
        part.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- what is found -------------------------------------------------------------------------------------------------


def _read_record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _damage(path: Path, record: dict[str, Any]) -> str | None:
    """What is wrong with a file; without a checksum, whether it can be read at all."""
    known = record.get("sha256")
    if known is not None:
        return None if _sha256(path) == known else "is damaged (its checksum is not that in its record)"
    try:
        load(path)
    except InputError:
        return "is damaged (it cannot be read)"
    return None


def _status(directory: Path, stem: Path) -> Status:
    path = stem.with_name(f"{stem.name}.nc")
    record = _read_record(path) or {"task": _stored_identity(path)}
    return Status(path, _state(directory, path, record), record)


def _state(directory: Path, path: Path, record: dict[str, Any]) -> State:
    stored = path.is_file()
    if not _is_current(record, directory, path):
        unknown = stored and not record.get("task") and _damage(path, record)
        return "damaged" if unknown else "stale"
    if stored:
        return "damaged" if _damage(path, record) else "done"
    # A worker that was killed between its record and its result leaves a record that says "done".
    return "failed" if record.get("state") == "failed" else "missing"


def _stored_identity(path: Path) -> dict[str, Any] | None:
    """What a result without a record says of itself; ``None`` where it cannot be read."""
    try:
        return provenance(load(path)).get("task")
    except InputError:
        return None


def _is_current(record: dict[str, Any], directory: Path, path: Path) -> bool:
    known = record.get("task") or {}
    try:
        task = Task(known["name"], json.dumps(known["settings"], sort_keys=True, separators=(",", ":")))
        return Store(directory).path(task) == path
    except (KeyError, TypeError, InputError):
        return False
