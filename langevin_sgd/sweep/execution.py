"""Running tasks: what is stored is not computed again, and nothing one task does can hurt another.

Tasks go to a pool of worker processes (or to a Dask cluster), one thread of BLAS, torch and Numba to each, and write
their own results. A pool that dies is rebuilt; the tasks that were running are then tried one at a time, and the one
that kills the pool again is stored as failed. An exception is stored as failed with its traceback, and is retried on
request only.
"""

from __future__ import annotations

import platform
import socket
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langevin_sgd.checks import InputError
from langevin_sgd.sweep.pools import PATIENCE, ClusterPool, LocalPool, Pool
from langevin_sgd.sweep.store import Store, write_record, write_result
from langevin_sgd.sweep.task import Task

if TYPE_CHECKING:
    import xarray as xr


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
        Address of a running Dask cluster that shares the store's directory, instead of workers on this machine.
    progress
        Show a progress bar on stderr, if that is a terminal.
    retry_failed
        Try tasks again that are stored as failed.

    Raises
    ------
    KeyboardInterrupt
        At Ctrl-C; what is finished is stored, and the same call continues.
    InputError
        If the cluster cannot be used.
    """
    wanted = list(dict.fromkeys(tasks))
    todo = [task for task in wanted if not store.has(task) and (retry_failed or store.failure(task) is None)]
    store.remove_leftovers()
    for task in todo:
        write_record(store.path(task), task, "missing")
    if todo:
        pool = LocalPool(workers) if scheduler is None else ClusterPool(scheduler)
        with _bar(len(wanted), len(wanted) - len(todo), progress) as bar:
            _compute(todo, store, pool, bar)
    failed = {task: error for task in wanted if (error := store.failure(task)) is not None}
    computed = sum(task not in failed for task in todo)
    return Outcome(stored=len(wanted) - computed - len(failed), computed=computed, failed=failed)


@contextmanager
def _bar(total: int, done: int, progress: bool) -> Iterator[Any]:
    from tqdm import tqdm

    # disable=None: quiet where stderr is no terminal.
    with tqdm(total=total, initial=done, disable=None if progress else True, file=sys.stderr, unit="task") as bar:
        yield bar


# --- in this process -----------------------------------------------------------------------------------------------


def _compute(todo: list[Task], store: Store, pool: Pool, bar: Any) -> None:
    """Compute tasks; those whose worker died are tried once more, each alone."""
    finished = False
    try:
        for suspect in _compute_together(todo, store, pool, bar):
            if not store.has(suspect) and _compute_together([suspect], store, pool, bar):
                error = "the worker process died twice (killed, out of memory, or crashed)"
                write_record(store.path(suspect), suspect, "failed", error=error, traceback="")
                bar.update()
        finished = True
    finally:
        pool.close(at_once=not finished)


def _compute_together(tasks: list[Task], store: Store, pool: Pool, bar: Any) -> list[Task]:
    """Compute tasks, the pool kept full; return those that were running when their worker died."""
    waiting = list(reversed(tasks))
    running: dict[Future[None], Task] = {}
    suspects: list[Task] = []
    while waiting or running:
        while waiting and len(running) < pool.workers:
            task = waiting.pop()
            running[pool.submit(perform, task, str(store.path(task)))] = task
        done, _ = wait(running, timeout=PATIENCE, return_when=FIRST_COMPLETED)
        for future in done:
            task = running.pop(future)
            try:
                future.result()
                bar.update()
            except pool.death:
                suspects.append(task)
        pool.check()
    return suspects


# --- in a worker ---------------------------------------------------------------------------------------------------

_RECORDED = ("langevin-sgd", "numpy", "scipy", "numba", "torch")


def perform(task: Task, path: str) -> None:
    """Compute one task and store its result or its failure; what a worker is sent."""
    started = time.perf_counter()
    where = {
        "host": socket.gethostname(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "versions": {name: version(name) for name in _RECORDED} | {"python": platform.python_version()},
    }
    try:
        result = _checked(task.compute())
    except Exception as error:
        summary = " ".join(traceback.format_exception_only(error)[-1].split())
        seconds = round(time.perf_counter() - started, 3)
        write_record(
            Path(path), task, "failed", error=summary, traceback=traceback.format_exc(), seconds=seconds, **where
        )
        return
    # The record goes first: a result without a record would have lost its cost.
    write_record(Path(path), task, "done", seconds=round(time.perf_counter() - started, 3), **where)
    write_result(Path(path), task, result)


def _checked(result: Any) -> xr.Dataset:
    import xarray as xr

    if not isinstance(result, xr.Dataset):
        raise InputError(f"result = {type(result).__name__}: a task must return an xarray.Dataset")
    return result
