"""Sweeps that survive: a real Dask scheduler and workers on this machine, killed in turn; writing
that fails; damage.

The tests share one scheduler and run in order; each starts the workers that it kills.
"""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import langevin_sgd as ls
from langevin_sgd.cli import main
from langevin_sgd.sweep import execution, pools, store

pytest.importorskip("distributed", reason="needs langevin-sgd[cluster]")
HERE = Path(__file__).parent
ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(HERE),
    "DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "False",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "2s",
}


@dataclass(frozen=True)
class Job:
    """What a task does, and where it leaves a mark of having been run."""

    index: int
    marks: str
    deed: str = "work"
    seconds: float = 0.0


@ls.sweep.task()
def work(job: Job):
    """Leave a mark, take some time, do the deed."""
    with open(Path(job.marks) / f"{job.index}", "a") as mark:
        first = mark.tell() == 0
        mark.write("x")
    time.sleep(job.seconds)
    if job.deed == "raise":
        raise ArithmeticError("no number")
    if job.deed == "meet a full disk at first" and first:
        fill_the_disk(times=1)
    return ls.dataset.make(
        {"index": ((), job.index, "1"), "threads": ((), os.environ["NUMBA_NUM_THREADS"], "1")},
        kind="work",
    )


def fill_the_disk(times):
    """Have the next results that this process writes meet a full disk."""
    whole = store.replace_file

    @contextmanager
    def full(path):
        nonlocal times
        if path.suffix == ".nc" and times:
            times -= 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with whole(path) as part:
            yield part

    store.replace_file = full


def times_run(marks):
    return {int(mark.name): len(mark.read_text()) for mark in marks.iterdir()}


def stored(directory):
    """Results by name: bytes and time of writing."""
    return {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in directory.rglob("*.nc")
    }


def wait_until(happened, what, seconds=30):
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


class Cluster:
    """A scheduler and its workers, each a process."""

    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.workers = []
        self.scheduler = self.start(
            "scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(self.file)
        )
        wait_until(self.file.exists, "no scheduler")
        self.address = json.loads(self.file.read_text())["address"]

    def start(self, *words):
        line = [sys.executable, "-m", "dask", *words, "--host", "127.0.0.1"]
        log = (self.folder / "log").open("a")
        with log:
            return subprocess.Popen(line, cwd=self.folder, env=ENVIRONMENT, stdout=log, stderr=log)

    def grow(self, count):
        """Have `count` workers at work."""
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        for _ in range(count - len(self.workers)):
            options = [
                "--no-nanny",
                "--no-dashboard",
                "--nthreads",
                "1",
                "--local-directory",
                str(self.folder),
            ]
            self.workers.append(self.start("worker", self.address, *options))

    def kill_worker(self):
        """As the kernel does when memory runs out."""
        worker = self.workers.pop()
        worker.kill()
        worker.wait()

    def close(self):
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    made.grow(2)
    yield made
    made.close()


@pytest.fixture
def setting(tmp_path):
    marks = tmp_path / "marks"
    marks.mkdir()
    return ls.sweep.Store(tmp_path / "store"), marks


def jobs(marks, count, **options):
    return [work.at(Job(index, str(marks), **options)) for index in range(count)]


def counts(directory, capsys):
    """What `sweep status` says."""
    capsys.readouterr()
    assert main(["sweep", "status", str(directory), "--json"]) == 0
    [found] = json.loads(capsys.readouterr().out)
    return {state: number for state, number in found.items() if state != "task" and number}


def test_all_tasks_are_done_and_failures_stored(cluster, setting, capsys):
    directory, marks = setting
    tasks = [*jobs(marks, 6), work.at(Job(6, str(marks), "raise"))]
    outcome = ls.sweep.run(tasks, directory, scheduler=cluster.address)
    assert (outcome.stored, outcome.computed) == (0, 6)
    assert outcome.failed == {tasks[6]: "ArithmeticError: no number"}
    assert [directory.load(task).index.item() for task in tasks[:6]] == list(range(6))
    assert directory.load(tasks[0]).threads.item() == "1"
    assert counts(directory.directory, capsys) == {"done": 6, "failed": 1}
    assert main(["sweep", "failures", str(directory.directory)]) == 1
    assert "ArithmeticError: no number" in capsys.readouterr().out
    again = ls.sweep.run(tasks, directory, scheduler=cluster.address)
    assert (again.stored, again.computed, len(again.failed)) == (6, 0, 1)
    assert times_run(marks) == dict.fromkeys(range(7), 1)


def test_a_worker_killed_in_the_middle_costs_only_what_it_was_doing(cluster, setting, capsys):
    directory, marks = setting
    tasks = jobs(marks, 16, seconds=0.15)
    before = {}

    def kill_one():
        wait_until(lambda: len(stored(directory.directory)) >= 4, "nothing stored")
        before.update(stored(directory.directory))
        cluster.kill_worker()

    killer = threading.Thread(target=kill_one)
    killer.start()
    outcome = ls.sweep.run(tasks, directory, scheduler=cluster.address)
    killer.join()
    assert (outcome.computed, outcome.failed) == (16, {})
    assert len(before) >= 4
    assert (
        before.items() <= stored(directory.directory).items()
    )  # the same bytes, written at the same time
    assert sum(times_run(marks).values()) <= 17
    assert counts(directory.directory, capsys) == {"done": 16}


CLIENT = """
import sys, langevin_sgd as ls, test_sweep_dask as t
if __name__ == "__main__":
    directory, marks, address = sys.argv[1:]
    ls.sweep.run(t.jobs(marks, 12, seconds=0.15), ls.sweep.Store(directory), scheduler=address)
"""


def test_a_killed_client_is_continued_by_the_next(cluster, setting, capsys):
    cluster.grow(2)
    directory, marks = setting
    words = [sys.executable, "-c", CLIENT, str(directory.directory), str(marks), cluster.address]
    client = subprocess.Popen(words, env=ENVIRONMENT)
    wait_until(lambda: len(stored(directory.directory)) >= 3, "nothing stored")
    client.send_signal(signal.SIGKILL)
    client.wait()
    before = stored(directory.directory)
    assert 3 <= len(before) < 12

    outcome = ls.sweep.run(jobs(marks, 12, seconds=0.15), directory, scheduler=cluster.address)
    assert outcome.failed == {}
    after = stored(directory.directory)
    assert len(after) == 12
    assert before.items() <= after.items()
    runs = times_run(marks)
    done = {
        ls.load(path).index.item()
        for path in directory.directory.rglob("*.nc")
        if path.name in before
    }
    assert len(done) == len(before)
    assert all(runs[index] == 1 for index in done)
    assert sum(runs.values()) <= 12 + 2  # two workers were in the middle of a task
    assert counts(directory.directory, capsys) == {"done": 12}


def test_a_result_that_cannot_be_written_is_reported_and_computed_by_the_next_run(
    cluster, setting, capsys
):
    directory, marks = setting
    tasks = [
        work.at(Job(i, str(marks), "meet a full disk at first" if i == 2 else "work"))
        for i in range(6)
    ]
    with pytest.raises(
        ls.InputError, match=r"cannot be written \(No space left on device\)"
    ) as caught:
        ls.sweep.run(tasks, directory, scheduler=cluster.address)
    assert "\n" not in str(caught.value)
    assert str(directory.path(tasks[2])) in str(caught.value)
    before = stored(directory.directory)
    assert len(before) == 5  # one bad write does not stop the others
    assert not list(directory.directory.rglob("*.part"))
    assert counts(directory.directory, capsys) == {"done": 5, "missing": 1}
    assert main(["sweep", "failures", str(directory.directory)]) == 0

    outcome = ls.sweep.run(tasks, directory, scheduler=cluster.address)
    assert (outcome.stored, outcome.computed) == (5, 1)
    assert before.items() <= stored(directory.directory).items()
    assert times_run(marks) == {**dict.fromkeys(range(6), 1), 2: 2}


def test_damaged_results_are_reported_and_computed_again(cluster, setting, capsys, caplog):
    directory, marks = setting
    tasks = jobs(marks, 5)
    ls.sweep.run(tasks, directory, scheduler=cluster.address)
    before = stored(directory.directory)
    flipped, cut = directory.path(tasks[1]), directory.path(tasks[3])
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 1
    flipped.write_bytes(content)
    cut.write_bytes(cut.read_bytes()[:1000])
    for task in (tasks[1], tasks[3]):
        with pytest.raises(ls.InputError, match="is damaged"):
            directory.load(task)
    assert counts(directory.directory, capsys) == {"done": 3, "damaged": 2}

    outcome = ls.sweep.run(tasks, directory, scheduler=cluster.address)
    assert (outcome.stored, outcome.computed) == (3, 2)
    assert sorted(
        record.getMessage() for record in caplog.records if record.name == "langevin_sgd"
    ) == sorted(
        f"'{path}' is damaged (its checksum is not that in its record) and is computed again"
        for path in (flipped, cut)
    )
    after = stored(directory.directory)
    assert {name: data for name, (data, _) in after.items()} == {
        name: data for name, (data, _) in before.items()
    }
    assert len(before.items() & after.items()) == 3  # the sound ones were not touched
    assert times_run(marks) == {0: 1, 1: 2, 2: 1, 3: 2, 4: 1}
    assert counts(directory.directory, capsys) == {"done": 5}


def test_a_worker_with_other_source_or_versions_is_refused(cluster, setting, monkeypatch):
    directory, marks = setting
    with monkeypatch.context() as patched:
        patched.setattr(work, "version", 2)
        store.identity.cache_clear()
        with pytest.raises(
            ls.InputError,
            match=r"test_sweep_dask:work': its source in the worker on .* is not that",
        ):
            ls.sweep.run(jobs(marks, 2), directory, scheduler=cluster.address)
    store.identity.cache_clear()
    assert stored(directory.directory) == {}
    with monkeypatch.context() as patched:
        patched.setattr(pools, "version", lambda name: "9.9")
        pools.versions.cache_clear()
        with pytest.raises(
            ls.InputError,
            match=r"has langevin-sgd [\d.]+, this process 9.9; install the same version",
        ):
            ls.sweep.run(jobs(marks, 2), directory, scheduler=cluster.address)
    pools.versions.cache_clear()
    assert times_run(marks) == {}


def test_all_workers_gone_is_one_line_and_the_same_call_continues(cluster, setting, capsys):
    directory, marks = setting
    tasks = jobs(marks, 12, seconds=0.15)

    def kill_all():
        wait_until(lambda: len(stored(directory.directory)) >= 2, "nothing stored")
        while cluster.workers:
            cluster.kill_worker()

    killer = threading.Thread(target=kill_all)
    killer.start()
    with pytest.raises(
        ls.InputError, match=r"no live worker for 1.5 s; what is stored stays"
    ) as caught:
        ls.sweep.run(tasks, directory, scheduler=cluster.address, patience=1.5)
    killer.join()
    assert "\n" not in str(caught.value)
    before = stored(directory.directory)
    found = counts(directory.directory, capsys)
    assert found == {"done": len(before), "missing": 12 - len(before)}
    # None there from the start is the same line.
    with pytest.raises(ls.InputError, match=r"no live worker for 0.5 s"):
        ls.sweep.run(tasks, directory, scheduler=cluster.address, patience=0.5)

    cluster.grow(1)  # waited for
    outcome = ls.sweep.run(tasks, directory, scheduler=cluster.address)
    assert (outcome.computed, outcome.failed) == (12 - len(before), {})
    assert before.items() <= stored(directory.directory).items()


def test_the_scheduler_gone_is_one_line(cluster, setting, capsys):
    directory, marks = setting
    tasks = jobs(marks, 12, seconds=0.15)

    def kill_scheduler():
        wait_until(lambda: len(stored(directory.directory)) >= 2, "nothing stored")
        cluster.scheduler.kill()

    killer = threading.Thread(target=kill_scheduler)
    killer.start()
    with pytest.raises(
        ls.InputError, match="the scheduler is gone; what is stored stays"
    ) as caught:
        ls.sweep.run(tasks, directory, scheduler=cluster.address, patience=1.0)
    killer.join()
    assert "\n" not in str(caught.value)
    found = counts(directory.directory, capsys)
    assert found["done"] >= 2
    assert found["done"] + found["missing"] == 12
    with pytest.raises(ls.InputError, match="cannot be reached"):
        ls.sweep.run(tasks, directory, scheduler=cluster.address, patience=0.5)


# --- on this machine ------------------------------------------------------------------------------


def test_a_full_disk_stops_the_sweep_after_a_few_results(setting, monkeypatch, capsys):
    directory, marks = setting
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    monkeypatch.setattr(execution, "LocalPool", HerePool)
    monkeypatch.setattr(
        execution, "_PACKET", 0.0
    )  # one task at a time, however fast this machine is at the moment
    monkeypatch.setattr(store, "replace_file", store.replace_file)  # put back after the test
    fill_the_disk(times=3)
    with pytest.raises(
        ls.InputError, match=r"cannot be written \(No space left on device\) \(and 2 more\)"
    ):
        ls.sweep.run(jobs(marks, 9), directory)
    assert len(times_run(marks)) == 3
    assert counts(directory.directory, capsys) == {"missing": 9}
    assert ls.sweep.run(jobs(marks, 9), directory).computed == 9


def test_a_directory_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ls.InputError, match=r"cannot be written to \(Not a directory\)"):
        ls.sweep.run(jobs(tmp_path, 1), ls.sweep.Store(tmp_path / "file" / "store"))


class HerePool:
    """Runs tasks in this process, one at a time."""

    capacity = 1
    death = ChildProcessError

    def __init__(self, workers):
        pass

    def submit(self, function, *arguments):
        future = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future

    def check(self):
        pass

    def close(self, *, at_once):
        pass
