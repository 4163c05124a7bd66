"""Arguments of a sweep were looked at only when there was something to compute."""

import pytest

import langevin_sgd as ls


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": -1}, "workers = -1: must be an integer of at least 1"),
        ({"workers": 1.5}, "workers = 1.5"),
        ({"scheduler": ""}, "scheduler = '': must be an address"),
        ({"scheduler": 3}, "scheduler = 3: must be a text"),
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
    with pytest.raises(ls.InputError, match=r"^directory = None: must be the path of a directory"):
        ls.sweep.Store(None)
    for look in (store.path, store.has, store.load, store.record, store.failure, store.damage):
        with pytest.raises(ls.InputError, match=r"^task = 'a:b': must be of type Task"):
            look("a:b")
