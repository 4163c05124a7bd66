"""Cells: a request computes whole blocks of replicas, grids grow, slices merge."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.sweep.cells import BLOCK, block_replicas, blocks_of, joined


@dataclass(frozen=True)
class Engine:
    """How it is computed."""

    device: str = "cpu"
    precision: str = "float64"


@dataclass(frozen=True)
class Cell:
    """One block of replicas of one point of a grid."""

    point: float
    block: int
    seed: int = 0
    engine: Engine = Engine()


@ls.sweep.task()
def noise(cell: Cell):
    """Numbers that are functions of (point, seed, replica) and of nothing else."""
    replicas = block_replicas(cell.block)
    made = [
        np.random.default_rng([int(cell.point), cell.seed, number]).normal(size=3)
        for number in replicas
    ]
    return ls.dataset.make(
        {
            "path": (("step", "replica"), np.array(made).T, "1"),
            "status": (("replica",), np.zeros(BLOCK, dtype=np.int8), "1"),
            "number": (("replica",), np.array(replicas), "1"),
            "step": (("step",), np.arange(3), "step"),
            "lr": ((), 0.5, "1"),
        },
        kind="noise",
        settings={"block": cell.block},
    )


def cells_of(replicas, points=(1.0,), **settings):
    return [
        noise.at(Cell(point, block, **settings))
        for point in points
        for block in blocks_of(replicas)
    ]


@pytest.mark.parametrize(
    ("replicas", "blocks"),
    [
        (range(5), [0]),
        (range(8), [0]),
        (range(9), [0, 1]),
        (range(7, 9), [0, 1]),
        (range(8, 16), [1]),
        (range(3, 30), [0, 1, 2, 3]),
    ],
)
def test_blocks_cover_what_is_asked_for_and_no_more(replicas, blocks):
    assert list(blocks_of(replicas)) == blocks
    covered = [number for block in blocks for number in block_replicas(block)]
    assert set(replicas) <= set(covered)
    assert covered == list(range(8 * blocks[0], 8 * blocks[-1] + 8))
    assert all(set(block_replicas(block)) & set(replicas) for block in blocks)


@pytest.mark.parametrize("replicas", [range(0), range(-1, 3), range(0, 8, 2), 5, [0, 1]])
def test_other_requests_are_refused(replicas):
    with pytest.raises(ls.InputError, match="replicas = "):
        blocks_of(replicas)


@pytest.mark.parametrize("replicas", [range(5), range(8), range(3, 13), range(6, 30)])
def test_cells_are_joined_and_cut(replicas):
    whole = joined([task.compute() for task in cells_of(replicas)], replicas)
    assert list(whole["number"].values) == list(replicas)
    for place, number in enumerate(replicas):
        alone = np.random.default_rng([1, 0, number]).normal(size=3)
        assert np.array_equal(whole["path"].values[:, place], alone)
    assert whole["path"].dims == ("step", "replica")
    assert whole["status"].dtype == np.int8
    assert whole["path"].attrs == {"units": "1"}
    assert whole["lr"].item() == 0.5
    assert set(whole.coords) == set(cells_of(range(1))[0].compute().coords)


def test_the_whole_says_only_what_is_true_of_all_cells():
    one, two = (task.compute() for task in cells_of(range(16)))
    assert json.loads(one.attrs["provenance"])["settings"] == {"block": 0}
    assert "provenance" not in joined([one, two], range(16)).attrs
    assert joined([one], range(8)).attrs == one.attrs


def test_a_slice_does_not_depend_on_what_it_was_asked_for_with():
    all_of_it = joined([task.compute() for task in cells_of(range(24))], range(24))
    part = joined([task.compute() for task in cells_of(range(5, 11))], range(5, 11))
    assert part.drop_attrs().identical(all_of_it.isel(replica=slice(5, 11)).drop_attrs())


def computed(tasks, store):
    return ls.sweep.run(tasks, store, workers=1).computed


def test_a_grid_that_grows_computes_only_what_is_new(tmp_path):
    store = ls.sweep.Store(tmp_path)
    assert computed(cells_of(range(5)), store) == 1
    assert computed(cells_of(range(8)), store) == 0
    assert computed(cells_of(range(20)), store) == 2
    assert computed(cells_of(range(20), points=(1.0, 2.0)), store) == 3
    assert computed(cells_of(range(20), points=(1.0, 2.0), seed=1), store) == 6
    assert computed(cells_of(range(12, 40), points=(2.0,)), store) == 2
    everything = cells_of(range(40), points=(2.0,))
    whole = joined([store.load(task) for task in everything], range(40))
    assert list(whole["number"].values) == list(range(40))


def test_device_and_precision_are_part_of_a_cell(tmp_path):
    store = ls.sweep.Store(tmp_path)
    engines = [Engine(), Engine(device="cuda"), Engine(precision="float32")]
    tasks = [cells_of(range(8), engine=engine)[0] for engine in engines]
    assert len({store.path(task) for task in tasks}) == 3


def test_cells_that_do_not_fit_are_refused():
    one, two = (task.compute() for task in cells_of(range(16)))
    with pytest.raises(ls.InputError, match="cells = 1: must be 2, one for each block"):
        joined([one], range(16))
    with pytest.raises(ls.InputError, match="cells = 7: must have 8 replicas each"):
        joined([one, two.isel(replica=slice(7))], range(16))
    with pytest.raises(ls.InputError, match="'lr' is not the same"):
        joined([one, two.assign(lr=0.25)], range(16))
    with pytest.raises(ls.InputError, match="'status' is not in all of them"):
        joined([one, two.drop_vars("status")], range(16))
    with pytest.raises(ls.InputError, match="'path' is not the same"):
        joined([one, two.transpose()], range(16))
