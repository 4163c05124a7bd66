"""Where tasks run: worker processes here or a Dask cluster, both ``concurrent.futures``.

A pool is kept a little fuller than it has workers, so that none waits for its next task while the
last one is reported.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import re
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

from langevin_sgd.checks import InputError, as_count, require
from langevin_sgd.kernels.machine import usable_cores

ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "NUMBA_NUM_THREADS",
    ),
    "1",
)
"""Environment of a worker: the processes own the cores, not the threads inside them."""

PATIENCE = 60.0
"""Seconds to wait for a cluster without a live worker."""
POLL = 1.0
"""Seconds between two looks at a cluster."""

_RECORDED = ("langevin-sgd", "numpy", "scipy", "numba", "torch")
_SHARED = ("python", "dask", "distributed", "msgpack", "cloudpickle")
"""What scheduler, workers and client must have alike to understand each other."""


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Return the versions that numbers depend on, of this process."""
    return {name: _version(name) for name in _RECORDED} | {"python": platform.python_version()}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def default_workers() -> int:
    """Cores this process may use."""
    return usable_cores()


class Pool(Protocol):
    """Where tasks are sent."""

    capacity: int
    """Tasks to keep in it at a time."""
    death: type[Exception]
    """What a future raises whose worker died."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Start a call and return its future."""

    def check(self) -> None:
        """Raise `InputError` if nobody is there to work."""

    def close(self, *, at_once: bool) -> None:
        """Let the workers go, in the middle of a task if `at_once`."""


class LocalPool:
    """Worker processes on this machine, started fresh (never forked), rebuilt when they die."""

    death: type[Exception] = BrokenExecutor

    def __init__(self, workers: int | None = None) -> None:
        self._workers = default_workers() if workers is None else as_count("workers", workers)
        self.capacity = 2 * self._workers
        self._executor = self._start()

    def _start(self) -> Any:
        from loky import ProcessPoolExecutor
        from loky.backend.resource_tracker import ensure_running

        with _hang_up_later(), _silent_about_leaks():
            ensure_running()
        # A worker grows when it compiles; loky takes that for a leak, replaces it between two
        # tasks, and says so.
        warnings.filterwarnings(
            "ignore", message="A worker (was|stopped)", category=UserWarning, module="loky"
        )

        return ProcessPoolExecutor(self._workers, env=ONE_THREAD, initializer=_start_worker)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
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


@contextlib.contextmanager
def _hang_up_later() -> Iterator[None]:
    """Let SIGHUP wait, for good in processes that are started here.

    A terminal that closes sends it to the whole process group. The tracker of loky, which ignores
    Ctrl-C and SIGTERM, would die of it, and its successor write a traceback about all that it does
    not know.
    """
    if not hasattr(signal, "pthread_sigmask"):  # pragma: no cover - a system without SIGHUP
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _silent_about_leaks() -> Iterator[None]:
    """Let processes that are started here say nothing of what was left to be cleared away.

    Whoever interrupts a pool that is just being started leaves locks to the tracker of loky, which
    removes them and would write four lines about it.
    """
    name, before = "PYTHONWARNINGS", os.environ.get("PYTHONWARNINGS")
    silence = "ignore:resource_tracker:UserWarning"
    os.environ[name] = ",".join(filter(None, [before, silence]))
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


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
    """Workers of a running Dask cluster; they need the same versions and the store's directory.

    Dask runs the tasks of a lost worker elsewhere; a task that loses four workers is given up
    (`KilledWorker`).

    Parameters
    ----------
    address
        Of the scheduler.
    patience
        Seconds to wait for the scheduler, and for a worker while there is none.

    Raises
    ------
    InputError
        If Dask is not installed, the scheduler cannot be reached, no worker lives, or versions
        differ.
    """

    def __init__(self, address: str, patience: float = PATIENCE) -> None:
        try:
            from distributed import Client, KilledWorker
        except ImportError:
            raise InputError(
                f"scheduler = {address!r}: needs Dask; install langevin-sgd[cluster]"
            ) from None
        # What goes wrong is said in one line here, not in many there.
        for name in ("distributed", "distributed.client"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self.death: type[Exception] = KilledWorker
        self.address = as_address("scheduler", address)
        self._patience = patience
        _require_certificates(address)
        try:
            self._client = Client(address, timeout=patience, set_as_default=False)
        except (OSError, TimeoutError, ValueError, TypeError) as error:
            raise InputError(
                f"scheduler = {address!r}: cannot be reached ({_first_line(error)})"
            ) from error
        self._seen = self._looked = time.monotonic()
        try:
            self._wait_for_a_worker()
            self._require_same_versions()
        except BaseException:
            self.close(at_once=True)
            raise
        self._executor: Executor = self._client.get_executor(pure=False)

    def _wait_for_a_worker(self) -> None:
        while not self._look():
            time.sleep(min(POLL, self._patience) / 4)

    def _look(self) -> int:
        """Threads of the workers that live; none for too long is an error."""
        self._looked = time.monotonic()
        try:
            threads = sum(self._client.nthreads().values())
        except (OSError, TimeoutError, ValueError) as error:
            raise self._lost() from error
        if threads:
            self._seen = self._looked
            self.capacity = 2 * threads
        elif self._looked - self._seen >= self._patience:
            message = (
                f"no live worker for {self._patience:g} s; "
                "what is stored stays, the same command continues"
            )
            raise InputError(f"scheduler = {self.address!r}: {message}")
        return threads

    def _lost(self) -> InputError:
        message = (
            "the scheduler is gone; what is stored stays, "
            "the same command continues with a running one"
        )
        return InputError(f"scheduler = {self.address!r}: {message}")

    def _require_same_versions(self) -> None:
        known: Any = self._client.get_versions()
        theirs = {"scheduler": known["scheduler"], **known["workers"]}
        self._compare(
            _SHARED,
            known["client"]["packages"],
            {who: other["packages"] for who, other in theirs.items()},
        )
        try:
            of_workers = self._client.run(versions)
        except Exception as error:
            message = (
                f"its workers cannot use langevin_sgd ({_first_line(error)}); "
                "install it where they run"
            )
            raise InputError(f"scheduler = {self.address!r}: {message}") from error
        self._compare(_RECORDED, versions(), of_workers)

    def _compare(
        self, names: tuple[str, ...], mine: dict[str, str], theirs: dict[str, dict[str, str]]
    ) -> None:
        for who, other in theirs.items():
            for name in names:
                if other.get(name) != mine.get(name):
                    message = f"{who} has {name} {other.get(name)}, this process {mine.get(name)}"
                    raise InputError(
                        f"scheduler = {self.address!r}: {message}; "
                        "install the same version everywhere"
                    )

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Start a call and return its future."""
        return self._executor.submit(_in_one_thread, function, *arguments)

    def check(self) -> None:
        """Raise `InputError` if the scheduler is gone, or no worker has been alive for too long."""
        if self._client.status not in ("running", "connecting"):
            raise self._lost()
        if time.monotonic() - self._looked >= min(POLL, self._patience):
            self._look()

    def close(self, *, at_once: bool) -> None:
        """Leave the cluster, which forgets waiting tasks; running ones run to their end."""
        with contextlib.suppress(OSError, TimeoutError):
            self._client.close(timeout=5.0)


def as_address(name: str, value: Any) -> str:
    """Return the address of a Dask scheduler; whether one listens there is another question."""
    address = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    fits = address is not None and 0 < int(address["port"]) < 2**16
    require(fits, name, value, "must be the address of a Dask scheduler, as tcp://HOST:PORT")
    return str(value)


_ADDRESS = re.compile(r"((tcp|ws|tls|wss)://)?(\[[\w:.%]+\]|[^\s/:\[\]]+):(?P<port>[0-9]{1,5})")


def _require_certificates(address: str) -> None:
    """Refuse an encrypted address before a client is made, if nothing can encrypt."""
    from distributed import Security

    certified = Security().get_connection_args("client").get("ssl_context") is not None
    fits = certified or not address.startswith(("tls://", "wss://"))
    require(fits, "scheduler", address, "needs certificates in Dask's configuration")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _in_one_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a call on somebody else's worker; libraries loaded from now on take one thread each."""
    import dask

    os.environ.update(ONE_THREAD)
    # Left to itself, xarray asks the scheduler for a lock whenever it writes a file, and hangs if
    # that is gone.
    with dask.config.set(scheduler="synchronous"):
        return function(*arguments)
