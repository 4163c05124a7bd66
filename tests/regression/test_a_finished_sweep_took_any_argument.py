"""Arguments of a sweep were looked at only when there was something to compute."""

import pytest
from grids import perceptron_grid

import langevin_sgd as ls


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": -1}, "workers = -1: must be an integer of at least 1"),
        ({"workers": 1.5}, "workers = 1.5"),
        (
            {"scheduler": ""},
            "scheduler = '': must be the address of a Dask scheduler, as tcp://HOST:PORT",
        ),
        ({"scheduler": "nonsense"}, "scheduler = 'nonsense': must be the address"),
        ({"scheduler": "tcp://host:0"}, "scheduler = 'tcp://host:0': must be the address"),
        ({"scheduler": 3}, "scheduler = 3: must be the address"),
        ({"progress": 1}, "progress = 1: must be True or False"),
        ({"retry_failed": "no"}, "retry_failed = 'no': must be True or False"),
        ({"patience": 0}, "patience = 0: must be a positive number"),
    ],
)
def test_an_argument_out_of_range_is_refused_although_nothing_is_to_do(tmp_path, options, message):
    with pytest.raises(ls.InputError, match=f"^{message}"):
        ls.sweep.run([], ls.sweep.Store(tmp_path), **options)


def test_what_is_no_store_and_no_task_is_refused(tmp_path):
    store = ls.sweep.Store(tmp_path)
    with pytest.raises(ls.InputError, match=r"^store = 'results': must be of type Store"):
        ls.sweep.run([], "results")
    with pytest.raises(ls.InputError, match=r"^tasks = 'a:b': must be of type Task"):
        ls.sweep.run(["a:b"], store)
    for tasks in ({}, 3, "a:b"):
        with pytest.raises(
            ls.InputError, match=r"^tasks = .*: must be a sequence of objects of type Task"
        ):
            ls.sweep.run(tasks, store)
        with pytest.raises(
            ls.InputError, match=r"^tasks = .*: must be a sequence of objects of type Task"
        ):
            store.remove_leftovers(tasks)
    with pytest.raises(ls.InputError, match=r"^directory = None: must be the path of a directory"):
        ls.sweep.Store(None)
    for look in (store.path, store.has, store.load, store.record, store.failure, store.damage):
        with pytest.raises(ls.InputError, match=r"^task = 'a:b': must be of type Task"):
            look("a:b")


GRID = perceptron_grid(points=(8,), dimension=(2,), temperature=(1.0,), margin=(0.1,), replicas=2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda task: ls.sweep.Task(3, task.settings), "name = 3: must be a text"),
        (
            lambda task: ls.sweep.Task("perceptron", task.settings),
            "name = 'perceptron': must be MODULE:FUNCTION",
        ),
        (
            lambda task: ls.sweep.Task("../a:b", task.settings),
            "name = '../a:b': must be MODULE:FUNCTION",
        ),
        (lambda task: ls.sweep.Task(task.name, {}), "settings = {}: must be a text"),
        (
            lambda task: ls.sweep.Task(task.name, "[1]"),
            r"settings = '\[1\]': must be a JSON object",
        ),
        (lambda task: ls.sweep.Task(task.name, "{"), "settings = '{': must be a JSON object"),
        (lambda task: task.has_setting([]), r"name = \[\]: must be a text"),
        (lambda task: task.with_setting(3, 3), "name = 3: must be one of "),
        (
            lambda task: task.with_setting("sede", 3),
            "name = 'sede': must be one of .*did you mean 'seed'",
        ),
        (
            lambda task: task.with_setting("seed", "a"),
            "value = 'a': seed = 'a': must be an integer",
        ),
    ],
)
def test_what_makes_no_task_is_refused(call, message):
    with pytest.raises(ls.InputError, match=f"^{message}"):
        call(GRID.tasks()[0])
