"""A process that runs cases one by one, as it is told; started by `runner`.

Each line on its channel is a case; the answer is one line of JSON, for a `runner.Result`. The case
is written into the file ``running`` before it starts, so that one that kills the process, or is
ended because its time is over, has left its name. Nothing is written outside the folder given, and
nothing may go into the network.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import json
import os
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

CLAIMS = Path(__file__).parents[1] / "cli" / "claims_for_tests"
MEMORY = 12 * 2**30
"""Bytes that a worker may have: beyond them it gets a MemoryError, and the machine keeps its
own.
"""


class HereAndNow(Executor):
    """Stands in for worker processes: a call is made at once, in this process."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
        return future

    def shutdown(
        self, wait: bool = True, *, cancel_futures: bool = False, kill_workers: bool = False
    ) -> None:
        pass


def main() -> None:
    """Run what comes, until nothing comes any more."""
    folder, channel = Path(sys.argv[1]), int(sys.argv[2])
    with _channel(channel) as (asked, answers):
        space = prepare(folder)
        print(json.dumps({"ready": True}), file=answers, flush=True)
        for line in asked:
            text = json.loads(line)
            (folder / "running").write_text(text, encoding="utf-8")
            print(json.dumps(run(text, folder / "case", space)), file=answers, flush=True)


@contextlib.contextmanager
def _channel(number: int) -> Iterator[tuple[IO[str], IO[str]]]:
    asked, answers = (
        os.fdopen(number, "r", encoding="utf-8"),
        os.fdopen(os.dup(number), "w", encoding="utf-8"),
    )
    with asked, answers:
        yield asked, answers


def prepare(folder: Path) -> dict[str, Any]:
    """Import what is needed, and return the names that the text of a case may use."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # It stays open as long as the process.
    stacks = open(folder / "stack", "w", encoding="utf-8")  # noqa: SIM115
    faulthandler.enable(stacks)
    faulthandler.register(signal.SIGPROF, stacks, all_threads=False, chain=True)
    os.environ |= {"LANGEVIN_SGD_CLAIMS": str(folder / "claims"), "FUZZ_KEPT": str(folder)}
    os.environ |= {"LANGEVIN_SGD_DATA": str(folder / "data")}
    shutil.copytree(
        CLAIMS,
        folder / "claims",
        ignore=shutil.ignore_patterns("slow", "__pycache__"),
        dirs_exist_ok=True,
    )
    import langevin_sgd.validation
    import loky
    import numpy as np
    import xarray

    import langevin_sgd as ls
    from langevin_sgd.cli import main as command

    from . import deliberate, made, spoiled
    from .clock import leave_out_compiling
    from .rules import known_names

    loky.ProcessPoolExecutor = HereAndNow
    langevin_sgd.validation.__path__ = [str(folder / "claims")]
    leave_out_compiling()
    known_names()  # imports all that is public
    names = {
        name: value
        for module in (made, spoiled, deliberate)
        for name, value in vars(module).items()
    }
    return names | {
        "np": np,
        "xr": xarray,
        "ls": ls,
        "Fraction": Fraction,
        "Decimal": Decimal,
        "Path": Path,
        "main": command,
        "wrong": _same,
    }


def _same(value: Any) -> Any:
    """A value without meaning for its parameter; says so in the text of a case."""
    return value


def run(text: str, folder: Path, space: dict[str, Any]) -> dict[str, Any]:
    """Run one case in a folder of its own; return what came of it."""
    import numpy as np

    from .clock import CLOCK
    from .rules import CASE, judge

    with fresh(folder):
        code = compile(text, CASE, "eval")
        started = time.process_time()
        with CLOCK.running():
            outcome = _outcome(code, space | {"RANDOM": np.random.default_rng(0)})
        seconds = time.process_time() - started
        return {
            "wrong": judge(text, outcome),
            "refused": str(outcome.error or ""),
            "seconds": seconds,
        }


def _outcome(code: Any, space: dict[str, Any]) -> Any:
    from .rules import Outcome

    output, complaint = io.StringIO(), io.StringIO()
    value, error = None, None
    with warnings.catch_warnings(record=True) as warned, _redirected(output, complaint):
        warnings.simplefilter("always")
        try:
            value = eval(code, space)  # the text of a case is Python
        except SystemExit as stop:
            value = stop.code
        except BaseException as found:
            error = found
    return Outcome(value, error, output.getvalue(), complaint.getvalue(), warned)


@contextlib.contextmanager
def _redirected(output: IO[str], complaint: IO[str]) -> Iterator[None]:
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(complaint):
        yield


@contextlib.contextmanager
def fresh(folder: Path) -> Iterator[None]:
    """An empty folder with some files of data to work in."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "folder").mkdir(parents=True)
    before = Path.cwd()
    os.chdir(folder)
    try:
        write_files()
        yield
    finally:
        import matplotlib.pyplot as plt

        plt.close("all")
        os.chdir(before)


def write_files() -> None:
    """Write the files that cases read."""
    import numpy as np

    from .made import LABELS, X

    Path("file.txt").write_text("text\n", encoding="utf-8")
    Path("damaged.nc").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    rows = "\n".join(
        ",".join(f"{number:.6g}" for number in (*row, label))
        for row, label in zip(X, LABELS, strict=True)
    )
    np.save("features.npy", np.random.default_rng(1).normal(size=(4, 3)))
    np.save("residuals.npy", np.array([0.5, -1.0, 0.1, 0.3]))
    Path("data.csv").write_text(f"a,b,y\n{rows}\n", encoding="utf-8")
    np.savez("data.npz", X=X, y=LABELS)


if __name__ == "__main__":
    main()
