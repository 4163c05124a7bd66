"""A directory of results: one netCDF-4 file per task, named by what it depends on.

The name ``<module path>/<function>-<hash>.nc`` hashes the task's name, version and settings and the
digest of its source, so that mended code never reuses old numbers. Files hold no times and no host
names: the same task gives the same bytes. Beside each stands a record ``.json`` with what does vary
(state, seconds, host, time, traceback of a failure) and the checksum of the result: a result that
disk or network have damaged is never used, but computed again. Everything else is derived by
scanning; a result is there or not, never half.

A directory of results may come from anybody: what its files say is converted before it is used (a
record that is none is as if it were not there), what is printed holds no control characters, and a
task or a class that a file names is looked up, never imported (`langevin_sgd.sweep.task.known`,
`langevin_sgd.sweep.names.is_known_class`).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from langevin_sgd.checks import (
    InputError,
    as_instance,
    as_objects,
    as_path,
    is_real,
    printable,
    shown,
)
from langevin_sgd.dataset import (
    file_content,
    load,
    make,
    named_file,
    os_reason,
    provenance,
    replace_file,
)
from langevin_sgd.sweep.digest import digest
from langevin_sgd.sweep.encoding import classes_in
from langevin_sgd.sweep.names import is_known_class
from langevin_sgd.sweep.task import Task, known

if TYPE_CHECKING:
    import xarray as xr

State = Literal["done", "damaged", "stale", "failed", "missing"]

_PART_LIFETIME = 600.0
"""Seconds after which a half-written file counts as the leftover of a killed process."""

_STEM = re.compile(r"[^/]+-[0-9a-f]{20}")
_PART = re.compile(rf"\.{_STEM.pattern}\.(nc|json)\.[a-z0-9_]{{8}}\.part")


@lru_cache(maxsize=4096)
def identity(task: Task) -> dict[str, Any]:
    """All a stored result depends on: name, settings, version, digest of sources."""
    settings = json.loads(task.settings)
    return {
        "name": task.name,
        "settings": settings,
        "version": task.function.version,
        "digest": digest(task.name, frozenset(classes_in(settings))),
    }


def _stem(task: Task) -> str:
    content = json.dumps(identity(task), sort_keys=True, separators=(",", ":"))
    module, qualname = task.name.split(":")
    folder = module.removeprefix("langevin_sgd.").removeprefix("validation.").replace(".", "/")
    return f"{folder}/{qualname}-{hashlib.sha256(content.encode()).hexdigest()[:20]}"


def is_path_of(task: Task, path: Path) -> bool:
    """Whether the result of `task`, by the current code, belongs at `path` in some store."""
    return path.absolute().as_posix().endswith(f"/{_stem(task)}.nc")


@dataclass(frozen=True)
class TaskStatus:
    """Where one task of a store stands.

    Parameters
    ----------
    path
        Where its result lies or would lie.
    state
        ``done``, ``damaged`` (no longer what was written; computed again by the next run that wants
        it), ``failed``, ``missing`` (asked for, not there yet) or ``stale`` (made by older code, or
        by code that this process does not know; never used).
    record
        What is known of it: task, seconds, host, time, error, traceback. Texts hold no control
        characters.
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
        object.__setattr__(
            self, "directory", as_path("directory", directory, "must be the path of a directory")
        )
        if os.path.exists(self.directory) and not os.path.isdir(self.directory):
            raise InputError(
                f"directory = {shown(os.fspath(directory), width=400)}: must be a directory"
            )

    def path(self, task: Task) -> Path:
        """Where the result of `task`, by the code as it is now, lies or would lie."""
        as_instance("task", task, Task)
        return self.directory / f"{_stem(task)}.nc"

    def has(self, task: Task) -> bool:
        """Whether the result of `task` is stored."""
        return os.path.isfile(self.path(task))

    def damage(self, task: Task) -> str | None:
        """Return what is wrong with the stored result of `task`; ``None`` if sound or absent."""
        return _damage(self.path(task), self.record(task)) if self.has(task) else None

    def load(self, task: Task) -> xr.Dataset:
        """Read a result.

        Raises
        ------
        InputError
            If it is not stored, or the file is damaged.
        """
        if (damage := self.damage(task)) is not None:
            raise InputError(
                f"path = '{self.path(task)}': {damage}; the run that made it will compute it again"
            )
        return load(self.path(task))

    def record(self, task: Task) -> dict[str, Any]:
        """Return the record of `task`: state, seconds, host, time; empty if there is none."""
        return _read_record(self.path(task))

    def failure(self, task: Task) -> str | None:
        """Return the last line of the error `task` ended in, ``None`` if it did not."""
        record = {} if self.has(task) else self.record(task)
        # A record that is not that of the task is none: the task is missing, and computed again.
        return (
            str(record["error"])
            if record.get("state") == "failed" and _is_of(record, task)
            else None
        )

    def statuses(self) -> list[TaskStatus]:
        """All tasks known to the store, by path; `directory` may be a folder within a store.

        Raises
        ------
        InputError
            If a folder cannot be read.
        """
        return [_status(self.directory, stem) for stem in sorted(self._stems())]

    def _stems(self) -> set[Path]:
        """Paths of results and records without their endings."""
        paths: set[Path] = set()
        for folder, _, names in os.walk(self.directory, onerror=self._refuse):
            stems = (
                name.removesuffix(".nc").removesuffix(".json")
                for name in names
                if name.endswith((".nc", ".json"))
            )
            paths |= {Path(folder, stem) for stem in stems if _STEM.fullmatch(stem)}
        return paths

    def _refuse(self, error: OSError) -> None:
        if isinstance(error, FileNotFoundError):
            return  # nothing has been stored yet
        with named_file("directory", error.filename or self.directory, "read"):
            raise error

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn a directory that cannot be written to into an `InputError` of one line."""
        with named_file("directory", self.directory, "written to"):
            yield

    def remove_leftovers(self, tasks: Iterable[Task]) -> None:
        """Remove half-written files of killed processes from the folders of the given tasks."""
        for folder in {self.path(task).parent for task in as_objects("tasks", tasks, Task)}:
            for part in folder.glob(".*.part"):
                try:
                    ours = (
                        _PART.fullmatch(part.name) is not None
                        and part.is_file()
                        and not part.is_symlink()
                    )
                    if ours and time.time() - part.stat().st_mtime > _PART_LIFETIME:
                        part.unlink()
                except FileNotFoundError:
                    continue  # its writer has just finished


# --- what a worker writes -------------------------------------------------------------------------


def write_result(path: Path, task: Task, result: xr.Dataset, **known: Any) -> None:
    """Store a result and its record; the result's provenance gains the identity of the task."""
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


# --- what is found --------------------------------------------------------------------------------


def _read_record(path: Path) -> dict[str, Any]:
    """Read the record of the result at `path`; empty if there is none, or none that can be used."""
    file = path.with_suffix(".json")
    try:
        # A pipe of that name would be waited for, a folder of that name is no record.
        content = json.loads(file.read_text(encoding="utf-8")) if os.path.isfile(file) else None
    except (OSError, ValueError, RecursionError):
        return {}
    return _converted(content) if isinstance(content, dict) else {}


def _converted(record: dict[str, Any]) -> dict[str, Any]:
    """The valid entries of a record; a failure always has its error and traceback."""
    texts = {name: printable(record[name]) for name in _LINES if isinstance(record.get(name), str)}
    kept: dict[str, Any] = {"state": "unknown"} | texts
    if is_real(record.get("seconds")):
        kept["seconds"] = record["seconds"]
    if isinstance(record.get("versions"), dict):
        kept["versions"] = {
            printable(str(name)): printable(str(version))
            for name, version in record["versions"].items()
        }
    if (task := _named_task(record.get("task"))) is not None:
        kept["task"] = task
    if kept["state"] == "failed":
        trace = record.get("traceback")
        kept.setdefault("error", "its record does not say why")
        kept["traceback"] = printable(trace, lines=True) if isinstance(trace, str) else ""
    return kept


_LINES = ("state", "error", "host", "time", "sha256")


def _named_task(entry: Any) -> dict[str, Any] | None:
    """The identity of a task that a file names, ``None`` if it is none."""
    if not isinstance(entry, dict) or not isinstance(entry.get("settings"), dict):
        return None
    name = entry.get("name")
    named = isinstance(name, str) and name.count(":") == 1 and printable(name) == name
    return entry if named else None


def _is_of(record: dict[str, Any], task: Task) -> bool:
    return bool(record.get("task") == identity(task))


def _damage(path: Path, record: dict[str, Any]) -> str | None:
    """What is wrong with a file; without a checksum, whether it can be read at all."""
    known_sum = record.get("sha256")
    try:
        if known_sum is None:
            load(path)
        elif _sha256(path) != known_sum:
            return "is damaged (its checksum is not that in its record)"
    except OSError as error:
        return f"cannot be read ({os_reason(error)})"
    except InputError:
        return "is damaged (it cannot be read)"
    return None


def _status(directory: Path, stem: Path) -> TaskStatus:
    path = stem.with_name(f"{stem.name}.nc")
    record = _read_record(path)
    if "task" not in record:
        record = _record_of_result(path) | record
    return TaskStatus(path, _state(directory, path, record), record)


def _state(directory: Path, path: Path, record: dict[str, Any]) -> State:
    stored = os.path.isfile(path)
    # Between "done" and "stale" will stand "verified": made by older code, but its smallest cell
    # has been computed again, on the machine type it was made on, with the same bits.
    if not _is_current(record, directory, path):
        unknown = stored and "task" not in record and _damage(path, record)
        return "damaged" if unknown else "stale"
    if stored:
        return "damaged" if _damage(path, record) else "done"
    # A worker that was killed between its record and its result leaves a record that says "done".
    return "failed" if record.get("state") == "failed" else "missing"


def _record_of_result(path: Path) -> dict[str, Any]:
    """What a result without a record says of itself; nothing where it cannot be read."""
    try:
        task = _named_task(provenance(load(path)).get("task"))
    except InputError:
        task = None
    return {} if task is None else {"task": task}


def _is_current(record: dict[str, Any], directory: Path, path: Path) -> bool:
    """Whether a file is a result of the current code, in the store that holds `directory`."""
    named = record.get("task")
    if named is None or known(named["name"]) is None:
        return False
    try:
        if not all(map(is_known_class, classes_in(named["settings"]))):
            return False
        settings = json.dumps(
            named["settings"], sort_keys=True, separators=(",", ":"), allow_nan=False
        )
        task = Task(named["name"], settings)
        here = is_path_of(task, path)
    except (ValueError, RecursionError):
        return False
    return here and directory.absolute().is_relative_to(
        path.absolute().parents[_stem(task).count("/")]
    )
