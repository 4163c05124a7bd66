"""A folder of results that comes from others, or is damaged: it ran code, lost files, hung, and
blocked the store.
"""

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.sweep.encoding import encode
from langevin_sgd.sweep.store import write_record, write_result
from langevin_sgd.sweep.task import known

STEM = "f-0123456789abcdef0123"


@dataclass(frozen=True)
class Point:
    """Settings of the task of these tests."""

    scale: float = 1.0


@ls.sweep.task()
def point(settings: Point):
    """A number."""
    return ls.dataset.make({"x": ((), settings.scale, "1")}, kind="point")


def stored(directory, scale=1.0):
    store, task = ls.sweep.Store(directory), point.at(Point(scale))
    write_result(store.path(task), task, task.compute())
    return store, task


def states(directory):
    return [status.state for status in ls.sweep.Store(directory).statuses()]


# --- the place ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [".", "", "results", "./results/", "../here"])
def test_a_store_may_be_named_relative_to_where_one_stands(tmp_path, monkeypatch, name):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    store, task = ls.sweep.Store(name), point.at(Point())
    ls.sweep.execution.perform(task, str(store.path(task)))
    assert store.load(task).x.item() == 1.0
    assert states(name) == ["done"]


def test_a_folder_within_a_store_is_of_the_store(tmp_path, monkeypatch):
    store, task = stored(tmp_path)
    folder = store.path(task).parent
    assert folder != tmp_path
    assert states(folder) == ["done"]
    monkeypatch.chdir(folder)
    assert states(".") == ["done"]


def test_a_copy_elsewhere_is_not_what_a_run_would_use(tmp_path):
    store, task = stored(tmp_path / "copy")
    assert store.has(task)
    assert states(tmp_path) == ["stale"]


def test_a_folder_that_cannot_be_read_is_one_line_and_not_an_empty_table(tmp_path, monkeypatch):
    stored(tmp_path)

    def refuse(folder):
        raise PermissionError(13, "any words", str(folder))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(
        ls.InputError, match=r"^directory = '.*': cannot be read \(Permission denied\)$"
    ):
        ls.sweep.Store(tmp_path).statuses()


# --- files of others ------------------------------------------------------------------------------


def test_hidden_files_of_others_stay(tmp_path):
    store, task = stored(tmp_path)
    folder, name = store.path(task).parent, store.path(task).name
    own = folder / f".{name}.a_b4c5d6.part"
    record = folder / f".{name.removesuffix('.nc')}.json.a_b4c5d6.part"
    others = [
        tmp_path / "x" / ".film.mkv.part",
        folder / ".film.mkv.part",
        folder / f".{name}.part",
        folder / f".{name}.a_b4c5d6.part.part",
        folder / ".notes.nc.a_b4c5d6.part",
        tmp_path / f".{name}.a_b4c5d6.part",
    ]
    for file in (own, record, *others):
        file.parent.mkdir(exist_ok=True)
        file.touch()
        os.utime(file, (0, 0))
    ls.sweep.run([task], store)
    assert [file.exists() for file in (own, record)] == [False, False]
    assert all(file.exists() for file in others)


# --- what a record names --------------------------------------------------------------------------

WATCHED = """
import sys
sys.path.insert(0, {path!r})
import langevin_sgd as ls
{named}
print([status.state for status in ls.sweep.Store({directory!r}).statuses()], "trap" in sys.modules)
"""


@pytest.mark.parametrize(
    "named", ["trap:s", "trap.inner:s", "langevin_sgd.validation.trap:s", "langevin_sgd.trap:s"]
)
@pytest.mark.parametrize("place", ["record", "provenance"])
def test_a_record_imports_nothing(tmp_path, named, place):
    (tmp_path / "trap.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\nprint('a poem')")
    directory = tmp_path / "store"
    directory.mkdir()
    task = {"name": named, "settings": {"class": "trap:Settings"}}
    if place == "record":
        (directory / f"{STEM}.json").write_text(json.dumps({"task": task, "state": "failed"}))
    else:
        ls.save(ls.dataset.make({}, kind="x", task=task), directory / f"{STEM}.nc")
    code = WATCHED.format(path=str(tmp_path), named="", directory=str(directory))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['stale'] False\n"
    assert not (tmp_path / "sprung").exists()


def test_a_record_imports_no_class_of_the_settings_of_a_known_task(tmp_path, monkeypatch):
    package = tmp_path / "trap_of_classes"
    package.mkdir()
    (package / "__init__.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')")
    (package / "inner.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    directory = tmp_path / "store"
    store, task = stored(directory)
    record = json.loads(store.path(task).with_suffix(".json").read_text())
    record["task"]["settings"] = {"class": "trap_of_classes.inner:Settings"}
    (store.path(task).parent / f"{STEM}.json").write_text(json.dumps(record))
    assert sorted(states(directory)) == ["done", "stale"]
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "name", ["this:s", "idlelib.idle:main", "lib2to3.__main__:x", "os:system", "", ":", "a:b:c"]
)
def test_names_of_other_modules_are_not_known(name):
    assert known(name) is None
    assert (
        name.partition(":")[0]
        not in {"this", "idlelib.idle", "lib2to3.__main__"} & sys.modules.keys()
    )


def test_tasks_of_the_package_are_known_without_being_imported_first(tmp_path):
    code = (
        "import sys; from langevin_sgd.sweep.task import known; name = "
        "'langevin_sgd.experiments.cell:{}';"
        "print(known(name) is not None, 'langevin_sgd.experiments.cell' in sys.modules)"
    )
    for function, found in (("train_cell", True), ("Cell", False), ("nothing", False)):
        words = [sys.executable, "-c", code.format(function)]
        output = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        assert output == f"{found} {found}\n"


def test_settings_call_nothing_but_dataclasses(tmp_path):
    text = json.dumps({"class": "os:mkdir", "path": str(tmp_path / "sprung")})
    with pytest.raises(ls.InputError, match="os:mkdir is no dataclass"):
        ls.sweep.Task("this:s", text).with_setting("a", 1)
    assert not (tmp_path / "sprung").exists()


# --- damaged records ------------------------------------------------------------------------------


SHAPES = {
    "text": '{"task": "x"}',
    "number": '{"task": 3}',
    "no name": '{"task": {}}',
    "no settings": '{"task": {"name": "a:b"}}',
    "settings": '{"task": {"name": "a:b", "settings": 3}}',
    "name": '{"task": {"name": ["a"], "settings": {}}}',
    "colons": '{"task": {"name": "a:b:c", "settings": {}}}',
    "deep": '{"task": ' + "[" * 100_000,
    "list": "[]",
    "null": "null",
    "cut": '{"task',
    "words": "\x00\x01",
    "infinite": '{"task": {"name": "langevin_sgd.experiments.perceptron_grid:train_group", '
    '"settings": {"a": 1e999}}}',
}


@pytest.mark.parametrize("content", SHAPES.values(), ids=SHAPES)
def test_one_damaged_record_does_not_block_a_store(tmp_path, content):
    stored(tmp_path)
    (tmp_path / f"{STEM}.json").write_text(content)
    assert sorted(states(tmp_path)) == ["done", "stale"]


def test_a_folder_a_pipe_and_other_bytes_for_a_record(tmp_path):
    stored(tmp_path)
    (tmp_path / f"a{STEM}.json").mkdir()
    os.mkfifo(tmp_path / f"b{STEM}.json")
    os.mkfifo(tmp_path / f"c{STEM}.nc")
    (tmp_path / f"d{STEM}.json").write_bytes(b"\xff\xfe{")
    found = []
    looking = threading.Thread(target=lambda: found.extend(states(tmp_path)), daemon=True)
    looking.start()
    looking.join(timeout=30)
    assert sorted(found) == [
        "done",
        "stale",
        "stale",
        "stale",
    ]  # folders hold results, they are none


def test_a_failure_that_does_not_say_why(tmp_path):
    store, task = ls.sweep.Store(tmp_path), point.at(Point())
    write_record(store.path(task), task, "failed")
    [status] = store.statuses()
    assert (status.state, status.record["traceback"]) == ("failed", "")
    assert store.failure(task) == "its record does not say why"
    assert list(ls.sweep.run([task], store).failed) == [task]


def test_a_record_that_is_not_of_the_task_is_no_failure(tmp_path):
    """Status, failures and the next run say the same: there is no result, and it is computed."""
    store, task = ls.sweep.Store(tmp_path), point.at(Point())
    write_record(store.path(task), task, "failed")
    store.path(task).with_suffix(".json").write_text('{"state": "failed"}')
    assert store.failure(task) is None
    assert [status.state for status in store.statuses()] == ["stale"]
    assert ls.sweep.run([task], store).computed == 1


def test_control_characters_do_not_reach_the_terminal(tmp_path):
    store, task = ls.sweep.Store(tmp_path), point.at(Point())
    evil = "a\x1b]0;title\x07\x9b2J\ud800\n\u202eb"
    write_record(
        store.path(task),
        task,
        "failed",
        error=evil.replace("\ud800", ""),
        traceback=evil[:12],
        host=evil[:5],
    )
    record = json.loads(store.path(task).with_suffix(".json").read_text())
    store.path(task).with_suffix(".json").write_text(json.dumps(record | {"error": evil}))
    [status] = store.statuses()
    assert status.state == "failed"
    for text in (
        store.failure(task),
        *(status.record[name] for name in ("error", "traceback", "host")),
    ):
        assert text.replace("\n", "").isprintable()
    assert store.failure(task) == r"a\x1b]0;title\x07\x9b2J\ud800\n\u202eb"


def test_a_name_with_control_characters_is_no_name(tmp_path):
    record = {"task": {"name": "a\x1b[2J:b", "settings": {}}, "state": "failed"}
    (tmp_path / f"{STEM}.json").write_text(json.dumps(record))
    [status] = ls.sweep.Store(tmp_path).statuses()
    assert (status.state, "task" in status.record) == ("stale", False)


# --- settings of NumPy ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Sizes:
    """Settings with numbers of every kind."""

    points: int
    scale: float
    flag: bool = False
    counts: tuple = ()


def test_numbers_of_numpy_are_numbers():
    plain = encode(Sizes(64, 0.5, True, (1, 2)))
    assert (
        encode(Sizes(np.int64(64), np.float32(0.5), np.True_, (np.int32(1), np.array(2)))) == plain
    )
    assert encode(Sizes(64, np.int64(2))) == encode(Sizes(64, 2.0))
    with pytest.raises(ls.InputError, match=r"settings.scale = .*nan"):
        encode(Sizes(64, np.float64("nan")))


def test_a_store_that_is_not_there_holds_nothing(tmp_path):
    assert states(tmp_path / "none") == []
