"""Tasks as (name, settings), and the store: names, bytes, records."""

import json
from dataclasses import dataclass, field

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.sweep.encoding import decode, encode
from langevin_sgd.sweep.store import write_record, write_result


@dataclass(frozen=True)
class Grid:
    """Settings with everything that settings may hold."""

    optimiser: ls.SGD
    scale: float = 1.0
    counts: tuple[int, ...] = (1, 2)
    label: str | None = None
    flags: tuple[bool, ...] = ()


@ls.sweep.task(version=3)
def ramp(settings: Grid):
    """Numbers that depend on the settings."""
    values = settings.scale * np.arange(sum(settings.counts))
    return ls.dataset.make({"ramp": (("sample",), values, "1")}, kind="ramp")


OPTIMISER = ls.SGD(lr=0.1, batch_size=4)


def stored(directory, task):
    store = ls.sweep.Store(directory)
    write_result(store.path(task), task, task.compute())
    return store


def test_settings_travel_and_come_back():
    grid = Grid(OPTIMISER, scale=1e-300, counts=(3, 5), flags=(True,))
    assert decode(encode(grid)) == grid
    assert ramp.at(grid).compute().ramp.size == 8
    assert ramp(grid).equals(ramp.at(grid).compute())


def test_one_and_one_point_zero_are_one_task():
    assert ramp.at(Grid(OPTIMISER, scale=1)) == ramp.at(Grid(OPTIMISER, scale=1.0))
    assert ramp.at(Grid(OPTIMISER, counts=(1, 2))) == ramp.at(Grid(OPTIMISER))
    assert ramp.at(Grid(OPTIMISER, scale=2)) != ramp.at(Grid(OPTIMISER))


@dataclass
class Loose:
    """Not frozen."""

    lr: float = 0.1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Grid(OPTIMISER, scale=float("nan")), "settings.scale = nan"),
        (Grid(OPTIMISER, counts=[1, 2]), r"settings.counts = \[1, 2\]"),
        (Grid(OPTIMISER, counts=(1, np.arange(2))), r"settings.counts\[1\]"),
        (Loose(), "settings = Loose: must be a frozen dataclass"),
        ({"lr": 0.1}, "must be an instance of a frozen dataclass"),
    ],
)
def test_settings_that_cannot_travel_are_refused(settings, message):
    with pytest.raises(ls.InputError, match=message):
        ramp.at(settings)


def test_a_task_must_be_found_by_name():
    @ls.sweep.task()
    def inner(settings: Grid):
        return ramp(settings)

    with pytest.raises(ls.InputError, match="at the top level"):
        inner.at(Grid(OPTIMISER))
    with pytest.raises(ls.InputError, match="cannot be found"):
        _ = ls.sweep.Task("langevin_sgd.sweep:nothing", "{}").function
    with pytest.raises(ls.InputError, match="is not decorated"):
        _ = ls.sweep.Task("langevin_sgd.sweep:run", "{}").function


def test_the_same_task_gives_the_same_bytes(tmp_path):
    task = ramp.at(Grid(OPTIMISER))
    one, two = stored(tmp_path / "one", task), stored(tmp_path / "two", task)
    assert one.path(task).read_bytes() == two.path(task).read_bytes()
    assert one.path(task).name == two.path(task).name


def test_a_stored_result_carries_what_it_depends_on(tmp_path):
    task = ramp.at(Grid(OPTIMISER))
    result = stored(tmp_path, task).load(task)
    assert np.array_equal(result.ramp, [0, 1, 2])
    known = ls.dataset.provenance(result)
    assert known["kind"] == "ramp"
    assert known["task"]["version"] == 3
    assert known["task"]["settings"]["optimiser"]["lr"] == 0.1
    assert len(known["task"]["digest"]) == 64


def test_states_of_tasks(tmp_path):
    tasks = [ramp.at(Grid(OPTIMISER, scale=scale)) for scale in range(4)]
    store = stored(tmp_path, tasks[0])
    write_record(store.path(tasks[1]), tasks[1], "failed", error="ValueError: no", traceback="...")
    write_record(store.path(tasks[2]), tasks[2], "missing")
    assert [store.has(task) for task in tasks] == [True, False, False, False]
    assert [store.failure(task) for task in tasks] == [None, "ValueError: no", None, None]
    assert sorted(status.state for status in store.statuses()) == ["done", "failed", "missing"]
    with pytest.raises(ls.InputError, match="there is no such file"):
        store.load(tasks[3])


def test_results_of_older_code_are_shown_and_never_used(tmp_path, monkeypatch):
    task = ramp.at(Grid(OPTIMISER))
    store = stored(tmp_path, task)
    write_record(store.path(task), task, "done")
    older = store.path(task)
    monkeypatch.setattr(ramp, "version", 4)
    ls.sweep.store.identity.cache_clear()
    try:
        assert not store.has(task)
        assert store.path(task) != older
        assert [status.state for status in store.statuses()] == ["stale"]
    finally:
        ls.sweep.store.identity.cache_clear()


@pytest.mark.parametrize("with_record", [True, False])
def test_a_damaged_file_is_refused_in_one_line(tmp_path, with_record):
    task = ramp.at(Grid(OPTIMISER))
    store = stored(tmp_path, task)
    store.path(task).write_bytes(store.path(task).read_bytes()[:500])
    if not with_record:
        store.path(task).with_suffix(".json").unlink()
    with pytest.raises(ls.InputError, match="is damaged") as caught:
        store.load(task)
    assert "\n" not in str(caught.value)
    assert [status.state for status in store.statuses()] == ["damaged"]


def test_one_changed_bit_is_found(tmp_path):
    task = ramp.at(Grid(OPTIMISER))
    store = stored(tmp_path, task)
    content = bytearray(store.path(task).read_bytes())
    place = content.index(np.arange(3.0).tobytes())
    content[place + 8] ^= 1
    store.path(task).write_bytes(content)
    assert not np.array_equal(
        ls.load(store.path(task)).ramp, [0, 1, 2]
    )  # it can be read, and it is wrong
    with pytest.raises(ls.InputError, match="its checksum is not that in its record"):
        store.load(task)


@pytest.mark.parametrize("record", ["", "[]", "{"])
def test_a_result_without_its_record_is_still_known(tmp_path, record):
    task = ramp.at(Grid(OPTIMISER))
    store = stored(tmp_path, task)
    store.path(task).with_suffix(".json").write_text(record)
    assert [status.state for status in store.statuses()] == ["done"]
    assert store.damage(task) is None
    store.path(task).with_suffix(".json").unlink()
    assert [status.state for status in store.statuses()] == ["done"]


def test_a_record_whose_result_never_came_is_missing(tmp_path):
    task = ramp.at(Grid(OPTIMISER))
    store = stored(tmp_path, task)
    store.path(task).unlink()
    assert store.record(task)["state"] == "done"
    assert [status.state for status in store.statuses()] == ["missing"]


def test_a_file_is_no_store(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ls.InputError, match="must be a directory"):
        ls.sweep.Store(tmp_path / "file")


@dataclass(frozen=True)
class Defaults:
    """Settings with a default made by a factory."""

    inner: ls.SGD = field(default_factory=lambda: OPTIMISER)


def test_canonical_json_is_sorted_and_strict():
    text = encode(Defaults())
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
