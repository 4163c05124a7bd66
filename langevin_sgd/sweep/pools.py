"""Where tasks run: worker processes on this machine, or a Dask cluster; both are ``concurrent.futures`` executors."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any, Protocol

from langevin_sgd.checks import InputError, require_count

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
"""Environment of a worker: the processes own the cores, not the threads inside them."""

PATIENCE = 60
"""Seconds to wait for a cluster without a live worker."""


def default_workers() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0))


class Pool(Protocol):
    """Where tasks are sent."""

    workers: int
    death: type[Exception]
    """What a future raises whose worker died."""

    def submit(self, function: Callable[..., None], *arguments: Any) -> Future[None]:
        """Start a call."""

    def check(self) -> None:
        """Raise `InputError` if nobody is there to work."""

    def close(self, *, at_once: bool) -> None:
        """Let the workers go, in the middle of a task if `at_once`."""


class LocalPool:
    """Worker processes on this machine, started fresh (never forked), rebuilt when they die."""

    death: type[Exception] = BrokenExecutor

    def __init__(self, workers: int | None = None) -> None:
        self.workers = default_workers() if workers is None else workers
        require_count("workers", self.workers)
        self._executor = self._start()

    def _start(self) -> Any:
        from loky import ProcessPoolExecutor

        # A worker grows when it compiles; loky takes that for a leak, replaces it between two tasks, and says so.
        warnings.filterwarnings("ignore", message="A worker (was|stopped)", category=UserWarning, module="loky")

        return ProcessPoolExecutor(self.workers, env=ONE_THREAD, initializer=_start_worker)

    def submit(self, function: Callable[..., None], *arguments: Any) -> Future[None]:
        """Start a call, in a new pool if the old one has died."""
        try:
            return self._executor.submit(function, *arguments)
        except BrokenExecutor:
            self._executor = self._start()
            return self._executor.submit(function, *arguments)

    def check(self) -> None:
        """Do nothing: dead workers show in their futures."""

    def close(self, *, at_once: bool) -> None:
        """Stop the workers."""
        self._executor.shutdown(wait=True, kill_workers=at_once)


def _start_worker() -> None:
    # Ctrl-C reaches the whole process group; the parent decides what becomes of the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, args=(os.getppid(),), daemon=True).start()


def _leave_with_parent(parent: int) -> None:
    """End this process soon after its parent; a killed parent cannot tell its workers to stop."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


class ClusterPool:
    """Workers of a running Dask cluster; they need the same versions and the directory of the store.

    Raises
    ------
    InputError
        If Dask is not installed, the scheduler cannot be reached, no worker lives, or versions differ.
    """

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client, KilledWorker
        except ImportError:
            raise InputError(f"scheduler = {address!r}: needs Dask; install langevin-sgd[cluster]") from None
        self.death: type[Exception] = KilledWorker
        self.address = address
        try:
            self._client = Client(address, timeout=PATIENCE)
            self._client.wait_for_workers(1, timeout=PATIENCE)
            self._client.get_versions(check=True)
        except (OSError, TimeoutError, ValueError) as error:
            raise InputError(f"scheduler = {address!r}: {str(error).splitlines()[0]}") from error
        self._executor: Executor = self._client.get_executor(pure=False)
        self.workers = max(1, sum(self._client.nthreads().values()))

    def submit(self, function: Callable[..., None], *arguments: Any) -> Future[None]:
        """Start a call."""
        return self._executor.submit(function, *arguments)

    def check(self) -> None:
        """Raise `InputError` if no worker has been alive for `PATIENCE` seconds."""
        try:
            self._client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            raise InputError(f"scheduler = {self.address!r}: no live worker for {PATIENCE} s") from error

    def close(self, *, at_once: bool) -> None:
        """Leave the cluster; what runs is cancelled if `at_once`."""
        self._executor.shutdown(wait=not at_once)  # Dask cancels what it does not wait for
        self._client.close()
