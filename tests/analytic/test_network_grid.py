"""Grids of networks: the replicas of single runs, groups of whole batches, means of fitted runs, T_max."""

import numpy as np
import pytest
import xarray as xr

import langevin_sgd as ls
from langevin_sgd.sweep.execution import perform

GRID = {
    "depth": (2,),
    "width": (8,),
    "alpha": (1.0, 64.0),
    "temperature_per_width": (0.03, 0.06, 8.0),
    "points": (24, 48),
    "batch_size": (8,),
    "test_points": 50,
    "replicas": 3,
    "seed": 3,
    "max_steps": 2000,
    "precision": "float64",
}


@pytest.fixture(scope="module")
def grid():
    return ls.experiments.NetworkGrid(**GRID, probe_points=4)


@pytest.fixture(scope="module")
def result(grid):
    return grid.collect()


def test_a_grid_holds_the_replicas_of_single_runs(result):
    """Trained together, runs differ from single ones by rounding only; another point is another run."""
    network = ls.models.networks.FullyConnected(dimension=64, width=8, depth=2)
    at = list(zip(*(result[name].values for name in ("alpha", "temperature_per_width", "points")), strict=True))
    assert len(set(at)) == 12
    for point, replica in ((0, 1), (3, 0), (7, 2)):
        alpha, temperature, points = at[point]
        single = ls.training.train_networks(
            network,
            ls.data.BinaryImages(points=int(points), test_points=50),
            alpha=alpha,
            temperature_per_width=temperature,
            batch_size=8,
            replicas=[replica],
            seed=3,
            probe_points=4,
            max_steps=2000,
            precision="float64",
        )
        for name in ("last_update_step", "t_star", "weight_change", "test_error", "kernel_change", "loss"):
            np.testing.assert_allclose(result[name].values[point, replica], single[name].values[0], rtol=1e-9)
        others = np.delete(result["weight_change"].values.ravel(), 3 * point + replica)
        assert not np.isclose(others, single["weight_change"].values[0], rtol=1e-6).any()  # control


def test_unfinished_runs_are_counted_and_left_out(result):
    hot = result["temperature_per_width"].values == 8.0
    assert (result["unfinished"].values[hot] == 3).all()
    assert (result["unfinished"].values[~hot] == 0).all()
    for point, average in enumerate(ls.experiments.average_networks(result)):
        assert sum(average.ended.values()) == 3
        assert average.test_error.valid == average.mostly_fitted == (not hot[point])
        if average.mostly_fitted:
            assert average.test_error.value == pytest.approx(result["test_error"].values[point].mean())
            logarithm = np.log(result["t_star"].values[point]).mean()
            assert average.t_star.value == pytest.approx(np.exp(logarithm))


def test_largest_temperature_of_made_up_statuses():
    """T_max is the highest temperature with half of the replicas fitted, wherever cold runs were too slow."""
    grid = ls.experiments.NetworkGrid(
        **GRID | {"temperature_per_width": (4.0, 1.0, 2.0), "points": (24,)}, probe_points=0
    )
    result = grid.collect()
    result["status"].values[:] = [[1, 1, 2], [1, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
    lines = list(ls.experiments.lines_in_temperature(ls.experiments.average_networks(result)))
    assert [held["alpha"] for held, _ in lines] == [1.0, 64.0]
    assert [point.at["temperature_per_width"] for point in lines[0][1]] == [1.0, 2.0, 4.0]
    assert [ls.experiments.largest_temperature(line) for _, line in lines] == [2.0, None]


def test_groups_fill_batches_and_stay_when_the_grid_grows():
    small = ls.experiments.NetworkGrid(**GRID | {"replicas": 16})
    assert [len(runs.numbers) for runs in small.groups()] == [32] * 6
    assert [runs.data.points for runs in small.groups()] == [48] * 3 + [24] * 3
    large = ls.experiments.NetworkGrid(**GRID | {"replicas": 16, "points": (24, 48, 96), "depth": (2, 3)})
    assert set(small.tasks()) < set(large.tasks())
    on_gpu = ls.experiments.NetworkGrid(**GRID | {"replicas": 16, "device": "cuda"})
    assert [len(runs.numbers) for runs in on_gpu.groups()] == [96, 96]


def test_a_stored_grid_is_the_same(grid, result, tmp_path):
    store = ls.sweep.Store(tmp_path)
    for task in grid.tasks():
        perform(task, str(store.path(task)))
    xr.testing.assert_identical(grid.collect(store), result)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": ()}, "points = \\(\\): must hold at least one value"),
        ({"points": (4, 24)}, "batch_size = 8: must be at most the number of points, here 4"),
        ({"alpha": (0.0,)}, "alpha = 0.0: must be a positive number"),
        ({"temperature_per_width": (float("nan"),)}, "temperature_per_width = nan: must be a positive number"),
        ({"activation": ("tanh",)}, "activation = 'tanh': must be one of relu, gelu, linear"),
        ({"data": "mist"}, "name = 'mist': must be one of .*did you mean 'mnist'"),
        ({"labels": "animals"}, "labels = 'animals': must be 'parity'"),
        ({"loss": "square"}, "loss = 'square': must be one of hinge"),
        ({"probe_points": 51}, "probe_points = 51: must be at most the number of test points, here 50"),
        ({"device": "tpu"}, "device = 'tpu': must be cpu or cuda"),
        ({"replicas": 1}, "replicas = 1: must be an integer of at least 2"),
        ({"max_steps": 0}, "max_steps = 0"),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_bad_grids_are_refused(change, message):
    with pytest.raises(ls.InputError, match=message):
        ls.experiments.NetworkGrid(**GRID | change)
