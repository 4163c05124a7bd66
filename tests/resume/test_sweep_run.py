"""Running tasks: nothing twice, nothing lost, no task can hurt another."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

import langevin_sgd as ls


@dataclass(frozen=True)
class Job:
    """What a task does, and where it leaves a mark of having been run."""

    index: int
    marks: str
    deed: str = "work"


@ls.sweep.task()
def work(job: Job):
    """Leave a mark, then do the deed."""
    with open(Path(job.marks) / f"{job.index}", "a") as mark:
        mark.write("x")
    if job.deed == "die":
        os._exit(3)
    if job.deed == "raise":
        raise ArithmeticError("no\nnumber")
    if job.deed == "return a number":
        return job.index
    return ls.dataset.make(
        {"threads": ((), os.environ["OMP_NUM_THREADS"], "1")},
        kind="work",
        settings={"i": job.index},
    )


@pytest.fixture
def setting(tmp_path):
    marks = tmp_path / "marks"
    marks.mkdir()
    return ls.sweep.Store(tmp_path / "store"), marks


def times_run(marks, job):
    mark = marks / f"{job}"
    return len(mark.read_text()) if mark.exists() else 0


def test_a_task_that_kills_its_worker_is_failed_and_the_others_are_done(setting):
    store, marks = setting
    deeds = ["work", "die", "raise", "work", "return a number", "work"]
    tasks = [work.at(Job(index, str(marks), deed)) for index, deed in enumerate(deeds)]
    outcome = ls.sweep.run(tasks + tasks[:2], store, workers=2)
    assert (outcome.stored, outcome.computed) == (0, 3)
    assert [store.has(task) for task in tasks] == [deed == "work" for deed in deeds]
    assert "died twice" in outcome.failed[tasks[1]]
    assert outcome.failed[tasks[2]] == "ArithmeticError: no number"
    assert "must return an xarray.Dataset" in outcome.failed[tasks[4]]
    assert times_run(marks, 1) == 2
    assert "in work" in store.record(tasks[2])["traceback"]
    assert store.load(tasks[0]).threads.item() == "1"

    before = [times_run(marks, index) for index in range(6)]
    again = ls.sweep.run(tasks, store, workers=2)
    assert (again.stored, again.computed, len(again.failed)) == (3, 0, 3)
    assert [times_run(marks, index) for index in range(6)] == before

    retried = ls.sweep.run([tasks[2]], store, workers=1, retry_failed=True)
    assert times_run(marks, 2) == before[2] + 1
    assert list(retried.failed) == [tasks[2]]


def test_nothing_to_do_starts_no_worker(setting, monkeypatch):
    store, _ = setting
    monkeypatch.setattr("langevin_sgd.sweep.execution.LocalPool", None)
    assert ls.sweep.run([], store).computed == 0


def test_workers_must_be_a_count(setting):
    store, marks = setting
    with pytest.raises(ls.InputError, match="workers = -1"):
        ls.sweep.run([work.at(Job(0, str(marks)))], store, workers=-1)


def test_leftovers_of_killed_processes_go_and_fresh_ones_stay(setting):
    store, marks = setting
    task = work.at(Job(0, str(marks)))
    result = store.path(task)
    result.parent.mkdir(parents=True)
    # Only names that a store gives: other hidden files may be anybody's.
    old, fresh = (result.with_name(f".{result.name}.{letter * 8}.part") for letter in "ab")
    old.touch()
    fresh.touch()
    os.utime(old, (0, 0))
    ls.sweep.run([task], store, workers=1)
    assert (old.exists(), fresh.exists()) == (False, True)
