"""``langevin-sgd sweep status|failures DIR``."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, subcommand

from langevin_sgd.cli.arguments import option, stored_folder
from langevin_sgd.cli.text import print_json
from langevin_sgd.plotting.table import Table, one_line

if TYPE_CHECKING:
    from langevin_sgd.sweep.store import TaskStatus

Directory = Positional[Annotated[Path, option(stored_folder, "DIR", place="DIR")]]

_STATES = ("done", "missing", "failed", "damaged", "stale")


@dataclass(frozen=True)
class ShowStatus:
    """Count the tasks of a store.

    Missing: asked for and not there. Damaged: no longer what was written. Stale: made by older
    code.
    """

    directory: Directory
    """Directory of the store."""

    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Print the counts by function."""
        counts: dict[str, Counter[str]] = {}
        for status in _statuses(self.directory):
            counts.setdefault(_function(status), Counter())[status.state] += 1
        if self.json:
            print_json(
                [
                    {"task": name, **{s: count[s] for s in _STATES}}
                    for name, count in sorted(counts.items())
                ]
            )
        else:
            rows = [
                [name, *(str(count[state]) for state in _STATES)]
                for name, count in sorted(counts.items())
            ]
            print(Table(["task", *_STATES], rows, right=[1, 2, 3, 4, 5]))
        return 0


@dataclass(frozen=True)
class Failures:
    """Show the tasks of a store that failed, with their tracebacks; status 1 if there are any."""

    directory: Directory
    """Directory of the store."""

    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Print the failures."""
        failed = [status for status in _statuses(self.directory) if status.state == "failed"]
        if self.json:
            print_json([_failure(status) for status in failed])
        else:
            for status in failed:
                failure = _failure(status)
                print(one_line(f"{_function(status)}  {failure['error']}"))
                print(f"  settings: {one_line(json.dumps(failure['settings']))}")
                print(failure["traceback"] or "")
            print(
                f"{len(failed)} failed; "
                "the command that made them tries them again with --retry-failed"
            )
        return 1 if failed else 0


def _statuses(directory: Path) -> list[TaskStatus]:
    from langevin_sgd.sweep import Store

    return Store(directory).statuses()


def _function(status: TaskStatus) -> str:
    known = status.record.get("task") or {"name": "unknown"}
    return str(known["name"]).removeprefix("langevin_sgd.").removeprefix("validation.")


def _failure(status: TaskStatus) -> dict[str, Any]:
    record = status.record
    kept = {key: record.get(key) for key in ("error", "traceback", "host", "time", "seconds")}
    return {"task": record["task"]["name"], "settings": record["task"]["settings"], **kept}


@dataclass(frozen=True)
class SweepCommand:
    """Look into a store of results."""

    verb: Annotated[ShowStatus, subcommand("status")] | Annotated[Failures, subcommand("failures")]

    def run(self) -> int:
        """Run the verb."""
        return self.verb.run()
