"""Running tasks: what is stored is not computed again, and nothing one task does can hurt another.

Tasks go to a pool of worker processes (or to a Dask cluster), one thread of BLAS, torch and Numba
to each, and write their own results. A pool that dies is rebuilt; the tasks that were running are
then tried one at a time, and the one that kills the pool again is stored as failed. An exception is
stored as failed with its traceback, and retried on request only. A result that cannot be written
is not the task's fault: it is reported when the rest is done, and the next run tries again. A
stored result that is damaged is reported and computed again.
"""

from __future__ import annotations

import logging
import socket
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langevin_sgd.checks import InputError, as_count, as_flag, as_instance, as_objects, as_positive
from langevin_sgd.dataset import os_reason
from langevin_sgd.sweep.pools import (
    PATIENCE,
    POLL,
    ClusterPool,
    LocalPool,
    Pool,
    as_address,
    versions,
)
from langevin_sgd.sweep.store import Store, is_path_of, write_record, write_result
from langevin_sgd.sweep.task import Task

if TYPE_CHECKING:
    import xarray as xr

_ENOUGH = 3
"""Failed writes after which no further task is started: the disk is full."""
_PACKET = 0.1
"""Seconds of work to send at a time, so that sending short tasks costs little."""


class NotWritten(Exception):
    """A result was computed and could not be stored."""


@dataclass(frozen=True)
class Outcome:
    """What a call of `run` did.

    Parameters
    ----------
    stored
        Tasks found in the store.
    computed
        Tasks computed now.
    failed
        Task -> last line of its error, of this call and of earlier ones.
    """

    stored: int
    computed: int
    failed: dict[Task, str]


def run(
    tasks: Iterable[Task],
    store: Store,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: bool = False,
    retry_failed: bool = False,
    patience: float = PATIENCE,
) -> Outcome:
    """Compute the tasks that `store` lacks.

    Parameters
    ----------
    tasks
        In the order in which they should start; one named twice is computed once.
    store
        Where results and failures go.
    workers
        Worker processes on this machine; default: the cores this process may use.
    scheduler
        Address of a running Dask cluster whose workers share the store's directory, instead of
        workers on this machine; best started with one thread each, ``dask worker ADDRESS --nthreads
        1``.
    progress
        Show a progress bar on stderr, if that is a terminal.
    retry_failed
        Try tasks again that are stored as failed.
    patience
        Seconds to wait for a cluster without a live worker; default 60.

    Raises
    ------
    KeyboardInterrupt
        At Ctrl-C; what is finished is stored, and the same call continues.
    InputError
        If an argument is out of its range, the cluster cannot be used, or results cannot be
        written; again the same call continues.
    """
    as_instance("store", store, Store)
    workers = None if workers is None else as_count("workers", workers)
    progress, retry_failed = as_flag("progress", progress), as_flag("retry_failed", retry_failed)
    patience = as_positive("patience", patience)
    scheduler = None if scheduler is None else as_address("scheduler", scheduler)
    wanted = list(dict.fromkeys(as_objects("tasks", tasks, Task)))
    todo = _prepare(wanted, store, retry_failed)
    if todo:
        pool = LocalPool(workers) if scheduler is None else ClusterPool(scheduler, patience)
        with _bar(len(wanted), len(wanted) - len(todo), progress) as bar:
            _compute(todo, store, pool, bar)
    failed = {task: error for task in wanted if (error := store.failure(task)) is not None}
    computed = sum(task not in failed for task in todo)
    return Outcome(stored=len(wanted) - computed - len(failed), computed=computed, failed=failed)


def _prepare(wanted: list[Task], store: Store, retry_failed: bool) -> list[Task]:
    """Tasks to compute, noted in the store as missing."""
    with store.writing():
        for task in wanted:
            _remove_if_damaged(task, store)
        todo = [
            task
            for task in wanted
            if not store.has(task) and (retry_failed or store.failure(task) is None)
        ]
        store.remove_leftovers(wanted)
        for task in todo:
            write_record(store.path(task), task, "missing")
    return todo


def _remove_if_damaged(task: Task, store: Store) -> None:
    if (damage := store.damage(task)) is not None:
        # Without a handler of the user's own, this is one line on stderr.
        logging.getLogger("langevin_sgd").warning(
            "'%s' %s and is computed again", store.path(task), damage
        )
        store.path(task).unlink()


@contextmanager
def _bar(total: int, done: int, progress: bool) -> Iterator[Any]:
    from tqdm import tqdm

    # disable=None: quiet where stderr is no terminal.
    with tqdm(
        total=total, initial=done, disable=None if progress else True, file=sys.stderr, unit="task"
    ) as bar:
        yield bar


# --- in this process ------------------------------------------------------------------------------


def _compute(todo: list[Task], store: Store, pool: Pool, bar: Any) -> None:
    """Compute tasks; those whose worker died are tried once more, each alone."""
    finished = False
    unwritten: list[str] = []
    try:
        for suspect in _compute_together(todo, store, pool, bar, unwritten):
            if not store.has(suspect) and _compute_together([suspect], store, pool, bar, unwritten):
                error = "the worker process died twice (killed, out of memory, or crashed)"
                with store.writing():
                    write_record(store.path(suspect), suspect, "failed", error=error, traceback="")
                bar.update()
        finished = True
    finally:
        pool.close(at_once=not finished)
    if unwritten:
        others = f" (and {len(unwritten) - 1} more)" if len(unwritten) > 1 else ""
        raise InputError(
            f"{unwritten[0]}{others}; what is stored stays, the same command continues"
        )


def _compute_together(
    tasks: list[Task], store: Store, pool: Pool, bar: Any, unwritten: list[str]
) -> list[Task]:
    """Compute tasks, the pool kept full; return those that were running when their worker died."""
    waiting = list(reversed(tasks))
    running: dict[Future[tuple[list[str], float]], list[Task]] = {}
    suspects: list[Task] = []
    together = 1
    while running or (waiting and len(unwritten) < _ENOUGH):
        while waiting and len(running) < pool.capacity and len(unwritten) < _ENOUGH:
            group = [waiting.pop() for _ in range(min(together, len(waiting)))]
            # A worker on another machine has another working directory.
            calls = [(task, str(store.path(task).absolute())) for task in group]
            running[pool.submit(perform_all, calls)] = group
        done, _ = wait(running, timeout=POLL, return_when=FIRST_COMPLETED)
        for future in done:
            group = running.pop(future)
            try:
                complaints, seconds = future.result()
                unwritten += complaints
                bar.update(len(group) - len(complaints))
                fair_share = len(waiting) // (2 * pool.capacity)
                together = max(1, min(int(_PACKET / max(seconds, 1e-6)), fair_share, 2 * together))
            except pool.death:
                suspects += group
            except CancelledError:
                # A cluster forgets its tasks when the connection to it breaks. If it can be reached
                # again, they start again.
                waiting += group
        pool.check()
    return suspects


# --- in a worker ----------------------------------------------------------------------------------


def perform_all(tasks: list[tuple[Task, str]]) -> tuple[list[str], float]:
    """Compute tasks, each with its path; what a worker is sent.

    Returns
    -------
    What could not be written, and the seconds a task took on average.
    """
    complaints: list[str] = []
    started = time.perf_counter()
    for task, path in tasks:
        try:
            perform(task, path)
        except NotWritten as error:
            complaints.append(str(error))
    return complaints, (time.perf_counter() - started) / len(tasks)


def perform(task: Task, path: str) -> None:
    """Compute one task and store its result or its failure, unless the result is there.

    Raises
    ------
    InputError
        If the source of the task is not that of the process which asked for it.
    NotWritten
        If neither can be stored.
    """
    target = Path(path)
    if target.is_file():
        return  # stored by a worker that was lost before it could say so, or by another run
    if not is_path_of(task, target):
        whose = f"its source in the worker on {socket.gethostname()}"
        raise InputError(
            f"task = {task.name!r}: {whose} is not that of this run (edited, or another version)"
        )
    where: dict[str, Any] = {
        "host": socket.gethostname(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "versions": versions(),
    }
    started = time.perf_counter()
    try:
        result = _checked(task.compute())
        seconds = round(time.perf_counter() - started, 3)
        with _writing(target):
            write_result(target, task, result, seconds=seconds, **where)
    except NotWritten:
        raise
    except Exception as error:
        known = where | {
            "seconds": round(time.perf_counter() - started, 3),
            "traceback": traceback.format_exc(),
        }
        summary = " ".join(traceback.format_exception_only(error)[-1].split())
        with _writing(target):
            write_record(target, task, "failed", error=summary, **known)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotWritten(f"path = '{path}': cannot be written ({os_reason(error)})") from None


def _checked(result: Any) -> xr.Dataset:
    import xarray as xr

    if not isinstance(result, xr.Dataset):
        raise InputError(f"result = {type(result).__name__}: a task must return an xarray.Dataset")
    return result
