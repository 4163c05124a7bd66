"""Cases sent to worker processes; one that hangs or dies is replaced, and the case it was at is
named.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .clock import LIMIT

SURROUNDINGS = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
    **dict.fromkeys(
        ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"
    ),
    "MPLBACKEND": "agg",
}
"""Environment of a case: one thread, no network, no screen."""
START = 180.0
"""Seconds by the clock on the wall that a worker may take to start."""
WAIT = 120.0
"""Seconds by the clock on the wall for a case that sleeps; one that computes has `LIMIT` seconds of
the processor.
"""


@dataclass(frozen=True)
class Result:
    """What came of a case.

    Parameters
    ----------
    number, text
        The case.
    wrong
        How it breaks the contract, or "".
    refused
        The refusal, or "".
    seconds
        Of the processor.
    """

    number: int
    text: str
    wrong: str = ""
    refused: str = ""
    seconds: float = 0.0


def run(
    cases: Iterable[tuple[int, str]],
    *,
    workers: int = 2,
    bounds: bool = False,
    tell: Callable[[Result], object] = lambda result: None,
) -> list[Result]:
    """Run numbered cases and return what came of them, in order.

    Parameters
    ----------
    cases
        Number and text.
    workers
        Processes.
    bounds
        Whether compiled code checks every index of an array.
    tell
        Called with every result when it is there.
    """
    waiting: queue.SimpleQueue[tuple[int, str] | None] = queue.SimpleQueue()
    for each in cases:
        waiting.put(each)
    results: list[Result] = []

    def keep(result: Result) -> None:
        results.append(result)
        tell(result)

    for _ in range(workers):
        waiting.put(None)
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(_work, waiting, keep, bounds) for _ in range(workers)]:
            done.result()
    return sorted(results, key=lambda result: result.number)


def _work(
    waiting: queue.SimpleQueue[tuple[int, str] | None], keep: Callable[[Result], None], bounds: bool
) -> None:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        worker = Worker(Path(folder), bounds)
        before: list[int] = []
        while (each := waiting.get()) is not None:
            number, text = each
            result = worker.run(number, text)
            if result.wrong.startswith("crashes") and not worker.run(number, text).wrong:
                spoiled = (
                    f"{result.wrong}; not when it runs alone: one of {before[-30:]} has "
                    "spoiled the memory"
                )
                result = replace(result, wrong=spoiled)
            before.append(number)
            keep(result)
        worker.close()


class Worker:
    """A worker process, started when it is needed."""

    def __init__(self, folder: Path, bounds: bool = False) -> None:
        self._folder = folder
        self._environment = os.environ | SURROUNDINGS
        if bounds:  # what was compiled without checks must not be taken from the cache
            cache = Path(os.environ.get("NUMBA_CACHE_DIR", folder)) / "bounds"
            self._environment |= {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(cache)}
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, number: int, text: str) -> Result:
        """Run a case."""
        if self._process is None:
            self._start()
        self._channel.sendall(f"{json.dumps(text)}\n".encode())
        answer = self._answer(WAIT)
        return (
            Result(number, text, self._ending())
            if answer is None
            else Result(number, text, **answer)
        )

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._lines.close()
            self._channel.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)  # without its channel it ends by itself, if it can
            self._process.kill()
            self._process.wait()
            self._process = None

    def _start(self) -> None:
        self._channel, theirs = socket.socketpair()
        self._lines = self._channel.makefile("r", encoding="utf-8")
        with theirs, (self._folder / "errors").open("w") as errors:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    f"{__package__}.worker",
                    str(self._folder),
                    str(theirs.fileno()),
                ],
                pass_fds=[theirs.fileno()],
                cwd=self._folder,
                env=self._environment | {"PYTHONPATH": os.pathsep.join(sys.path)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        if self._answer(START) is None:
            self.close()
            raise RuntimeError(
                f"a worker does not start: {(self._folder / 'errors').read_text()[-2000:]}"
            )

    def _answer(self, seconds: float) -> dict[str, Any] | None:
        """The next line of the worker; None if it has died or says nothing for so long."""
        ready, _, _ = select.select([self._channel], [], [], seconds)
        line = self._lines.readline() if ready else ""
        return json.loads(line) if line else None

    def _ending(self) -> str:
        """End a worker that gave no answer, and say how its case came out."""
        assert self._process is not None
        try:
            status = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            status = None
        self.close()
        if status is None:
            return f"hangs: no answer within {WAIT:g} s"
        stack = [
            line.strip()
            for line in (self._folder / "stack").read_text().splitlines()
            if "langevin_sgd/" in line
        ]
        where = f" at {stack[0].partition('langevin_sgd/')[2]}" if stack else ""
        if status == -signal.SIGPROF:
            return f"hangs: more than {LIMIT:g} s of computing{where}"
        name = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        return f"crashes: {name}{where}"
