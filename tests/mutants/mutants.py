"""Seeded wrong versions of the physics: each must make a test fail.

A mutant is an entry of one of the ``*.toml`` files beside this one, a file for every room of the
package: the exact text to find in a source file, the wrong text in its place, what is wrong about
it in words, and the tests of ``make test`` that notice it. ``make mutants`` first runs all of those
tests on the package as it is, then seeds the mutants one at a time into copies of the package and
runs the tests of each::

    python tests/mutants/mutants.py                     all of them
    python tests/mutants/mutants.py --room theory       those of one room
    python tests/mutants/mutants.py --name some-mutant  one

It ends with status 1 if a mutant went unnoticed, or could not be tried.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

FOLDER = Path(__file__).resolve().parent
PROJECT = FOLDER.parents[1]
COPIES = PROJECT / ".cache" / "mutants"
SECONDS = 600.0
"""What the tests of one mutant may take, cold compilation included, before it counts as not
tried.
"""


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One wrong version of one source file."""

    name: str
    wrong: str
    file: str
    find: str
    replace: str
    tests: tuple[str, ...]
    room: str

    def seed(self, source: str) -> str:
        """Return the source with the fault in it."""
        if source.count(self.find) != 1:
            raise ValueError(
                f"{self.name}: its text occurs {source.count(self.find)} times in {self.file}, not "
                "once"
            )
        if self.find == self.replace:
            raise ValueError(f"{self.name}: changes nothing")
        seeded = source.replace(self.find, self.replace)
        try:
            compile(seeded, self.file, "exec", dont_inherit=True)
        except SyntaxError as error:
            raise ValueError(f"{self.name}: does not compile ({error})") from None
        return seeded


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a mutant: ``noticed``, ``unnoticed`` or ``not tried``, and by which test or
    why.
    """

    mutant: Mutant
    verdict: str
    by: str
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.verdict:>9}  {self.mutant.room}/{self.mutant.name}  {self.seconds:.0f} s  "
            f"{self.by}"
        )


def read_mutants(folder: Path = FOLDER) -> list[Mutant]:
    """Read the mutants of every room."""
    return [
        Mutant(**{**entry, "tests": tuple(entry["tests"])}, room=file.stem)
        for file in sorted(folder.glob("*.toml"))
        for entry in tomllib.loads(file.read_text(encoding="utf-8"))["mutant"]
    ]


class Copy:
    """A copy of the package in which one fault at a time is seeded. Its place stays, so that
    compiled code is kept.
    """

    def __init__(self, number: int) -> None:
        self.place = COPIES / str(number)
        shutil.rmtree(self.place, ignore_errors=True)
        leave_out = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / "langevin_sgd", self.place / "langevin_sgd", ignore=leave_out)
        shutil.copytree(
            PROJECT / "validation", self.place / "langevin_sgd" / "validation", ignore=leave_out
        )

    def run(
        self, tests: Iterable[str], seconds: float = SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Run tests of the project on this copy of the package, up to the first that fails."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.place),
            "PYTHONDONTWRITEBYTECODE": "1",
            "NUMBA_CACHE_DIR": str(COPIES / "numba"),
        }
        words = [
            sys.executable,
            "-P",
            "-m",
            "pytest",
            "-x",
            "-q",
            "-rfE",
            "-p",
            "no:cacheprovider",
            *tests,
        ]
        return subprocess.run(
            words,
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def try_mutant(self, mutant: Mutant) -> Outcome:
        """Seed a fault, run its tests, and take the fault out again."""
        file = self.place / _place_in_copy(mutant.file)
        original, times = file.read_bytes(), file.stat()
        started = time.monotonic()
        try:
            file.write_text(mutant.seed(original.decode()), encoding="utf-8")
            verdict, by = _judge(self.run(mutant.tests))
        except (ValueError, subprocess.TimeoutExpired) as error:
            verdict, by = "not tried", str(error)
        finally:
            file.write_bytes(original)
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        return Outcome(mutant=mutant, verdict=verdict, by=by, seconds=time.monotonic() - started)


def _place_in_copy(file: str) -> str:
    return f"langevin_sgd/{file}" if file.startswith("validation/") else file


def _judge(run: subprocess.CompletedProcess[str]) -> tuple[str, str]:
    failed = re.search(r"^FAILED (\S+)", run.stdout, re.MULTILINE)
    if run.returncode == 1 and failed:
        return "noticed", failed[1]
    if run.returncode == 0:
        return "unnoticed", "its tests pass"
    lines = [line for line in (run.stdout + run.stderr).splitlines() if line.strip()]
    return "not tried", f"pytest ended with {run.returncode}: {lines[-1] if lines else ''}"


def run_all(mutants: list[Mutant], workers: int) -> list[Outcome]:
    """Try every mutant, `workers` at a time, and print what became of each."""
    copies: Queue[Copy] = Queue()
    for number in range(workers):
        copies.put(Copy(number))

    def attempt(mutant: Mutant) -> Outcome:
        copy = copies.get()
        try:
            outcome = copy.try_mutant(mutant)
        finally:
            copies.put(copy)
        print(outcome, flush=True)
        return outcome

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(attempt, mutants))


def main(words: list[str] | None = None) -> int:
    """Run the command; see the head of the file."""
    parser = argparse.ArgumentParser(
        description="Seed wrong versions of the physics and see which tests notice."
    )
    parser.add_argument(
        "--room", action="append", help="only mutants of this room (a file's name without .toml)"
    )
    parser.add_argument("--name", action="append", help="only this mutant")
    parser.add_argument("--workers", type=int, default=2, help="mutants tried at the same time (2)")
    given = parser.parse_args(words)
    mutants = [
        one
        for one in read_mutants()
        if (not given.room or one.room in given.room) and (not given.name or one.name in given.name)
    ]
    if not mutants:
        parser.error("no such mutant")
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    sound = Copy(0).run(tests, seconds=10 * SECONDS)
    if sound.returncode != 0:
        print(
            sound.stdout[-3000:],
            sound.stderr[-2000:],
            "tests fail on the package as it is",
            sep="\n",
        )
        return 1
    outcomes = run_all(mutants, given.workers)
    noticed = [one for one in outcomes if one.verdict == "noticed"]
    print(f"{len(noticed)} of {len(outcomes)} wrong versions were noticed")
    for one in outcomes:
        if one.verdict != "noticed":
            print(f"{one}\n           {one.mutant.wrong}")
    return 0 if len(noticed) == len(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
