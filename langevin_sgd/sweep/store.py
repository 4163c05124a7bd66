"""A directory of results: one netCDF-4 file per task, named by what it depends on.

The name ``<module path>/<function>-<hash>.nc`` hashes the task's name, version and settings and the digest of its
source, so that mended code never reuses old numbers. Files hold no times and no host names: the same task gives the
same bytes. Beside each stands a record ``.json`` with what does vary (state, seconds, host, time, traceback of a
failure). Everything else is derived by scanning; a result is there or not, never half.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from langevin_sgd.checks import InputError
from langevin_sgd.dataset import load, make, provenance, replace_file, save
from langevin_sgd.sweep.digest import digest
from langevin_sgd.sweep.task import Task

if TYPE_CHECKING:
    import xarray as xr

State = Literal["done", "stale", "failed", "missing"]

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


@dataclass(frozen=True)
class Status:
    """Where one task of a store stands.

    Parameters
    ----------
    path
        Where its result lies or would lie.
    state
        ``done``, ``failed``, ``missing`` (asked for, not there yet) or ``stale`` (made by older code; never used).
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

    def load(self, task: Task) -> xr.Dataset:
        """Read a result.

        Raises
        ------
        InputError
            If it is not stored, or the file is damaged.
        """
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

    def remove_leftovers(self) -> None:
        """Remove half-written files that killed processes left behind."""
        for part in self.directory.glob("**/.*.part"):
            try:
                if time.time() - part.stat().st_mtime > _PART_LIFETIME:
                    part.unlink()
            except FileNotFoundError:
                continue  # its writer has just finished


# --- what a worker writes ------------------------------------------------------------------------------------------


def write_result(path: Path, task: Task, result: xr.Dataset) -> None:
    """Store a result; its provenance gains the identity of the task."""
    if "provenance" not in result.attrs:
        result.attrs["provenance"] = make({}, kind="task").attrs["provenance"]
    known = provenance(result) | {"task": identity(task)}
    result.attrs["provenance"] = json.dumps(known, sort_keys=True)
    save(result, path)


def write_record(path: Path, task: Task, state: State, **known: Any) -> None:
    """Write the record beside the result at `path`."""
    record = {"task": identity(task), "state": state, **known}
    with replace_file(path.with_suffix(".json")) as part:
        part.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _read_record(path: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return record


def _status(directory: Path, stem: Path) -> Status:
    path = stem.with_name(f"{stem.name}.nc")
    record = _read_record(path) or {"task": _stored_identity(path)}
    state: State = "done" if path.is_file() else record.get("state", "missing")
    return Status(path, state if _is_current(record, directory, path) else "stale", record)


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
    except (KeyError, InputError):
        return False
