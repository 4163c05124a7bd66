"""Sweeps on two workers: wall time per task that does nothing but return eight numbers, stored and
recorded.

The time to start workers is left out: it is that of a sweep of many tasks less that of a sweep of a
few. Beside them:
the same tasks in one process without a sweep, writing a file of the same size, and empty calls
through Dask.
"""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.sweep.execution import perform

FEW, MANY = 40, 640


@dataclass(frozen=True)
class Point:
    """A point of a grid."""

    index: int


@ls.sweep.task()
def small(point: Point):
    """Return eight numbers."""
    return ls.dataset.make({"x": (("sample",), np.arange(8.0) + point.index, "1")}, kind="small")


@pytest.fixture(scope="module")
def rows():
    """Milliseconds per task, printed when all are there."""
    made = {}
    yield made
    first = next(iter(made.values()))
    lines = (
        f"  {name:<44} {1e3 * value:9.2f} ms {value / first:9.2f} x" for name, value in made.items()
    )
    print("\n".join(["", __doc__, *lines]))


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    distributed = pytest.importorskip("distributed", reason="needs langevin-sgd[cluster]")
    folder = tmp_path_factory.mktemp("cluster")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}

    def start(*words):
        line = [
            sys.executable,
            "-m",
            "dask",
            *words,
            "--no-dashboard",
            "--scheduler-file",
            "cluster.json",
        ]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(
            [*line, "--host", "127.0.0.1"], cwd=folder, env=environment, stdout=quiet, stderr=quiet
        )

    processes = [start("scheduler", "--port", "0")]
    while not (folder / "cluster.json").exists():
        time.sleep(0.05)
    processes += [start("worker", "--no-nanny", "--nthreads", "1") for _ in range(2)]
    address = json.loads((folder / "cluster.json").read_text())["address"]
    with distributed.Client(address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
    yield address
    for process in processes:
        process.kill()
        process.wait()


def sweep_seconds(folder, count, **options):
    begun = time.perf_counter()
    ls.sweep.run(
        [small.at(Point(i)) for i in range(count)], ls.sweep.Store(folder / f"{count}"), **options
    )
    return time.perf_counter() - begun


def per_task(tmp_path_factory, **options):
    """Best of three differences."""
    sweep_seconds(tmp_path_factory.mktemp("warm"), FEW, **options)
    seconds = []
    for _ in range(3):
        folder = tmp_path_factory.mktemp("store")
        few = sweep_seconds(folder, FEW, **options)
        seconds.append((sweep_seconds(folder, MANY, **options) - few) / (MANY - FEW))
    return min(seconds)


def test_one_process(benchmark, rows, tmp_path):
    store, tasks = ls.sweep.Store(tmp_path / "store"), [small.at(Point(i)) for i in range(200)]
    perform(tasks[0], str(store.path(tasks[0])))
    begun = time.perf_counter()
    for task in tasks[1:]:
        perform(task, str(store.path(task)))
    rows["one process: compute, write, record"] = (time.perf_counter() - begun) / 199
    size = store.path(tasks[0]).stat().st_size // 8
    begun = time.perf_counter()
    for i in range(200):
        np.save(tmp_path / f"{i}.npy", np.zeros(size))
    rows["one process: np.save of the same size"] = (time.perf_counter() - begun) / 200
    benchmark(lambda: None)


def test_two_processes(benchmark, rows, tmp_path_factory):
    rows["two processes on this machine"] = per_task(tmp_path_factory, workers=2)
    benchmark(lambda: None)


def test_dask(benchmark, rows, scheduler, tmp_path_factory):
    rows["two workers of a Dask cluster"] = per_task(tmp_path_factory, scheduler=scheduler)
    benchmark(lambda: None)


def test_empty_calls_through_dask(benchmark, rows, scheduler):
    from distributed import Client

    with Client(scheduler, set_as_default=False) as client:
        executor, running = client.get_executor(pure=False), set()
        begun = time.perf_counter()
        for _ in range(MANY):
            running.add(executor.submit(abs, 1))
            while len(running) == 8:
                _, running = wait(running, return_when=FIRST_COMPLETED)
        wait(running)
        rows["the same, empty calls"] = (time.perf_counter() - begun) / MANY
    benchmark(lambda: None)
