"""Grids of networks: the replicas of single runs, groups of whole batches, means of fitted runs."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from grids import network_grid
from in_one_call import train_networks_of

import langevin_sgd as ls
from langevin_sgd.experiments import grid as grid_module
from langevin_sgd.experiments.cell import train_cell
from langevin_sgd.experiments.network_averages import average_networks
from langevin_sgd.models.losses import LOSSES
from langevin_sgd.models.networks import families
from langevin_sgd.sweep.digest import sources
from langevin_sgd.sweep.encoding import decode
from langevin_sgd.sweep.execution import perform
from langevin_sgd.training.observables import KernelChange

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
    return network_grid(**GRID, probe_points=4)


@pytest.fixture(scope="module")
def result(grid):
    return grid.collect()


def test_a_grid_holds_the_replicas_of_single_runs(result):
    """Trained together, runs differ from single ones by rounding only; another point is another
    run.
    """
    network = ls.models.networks.FullyConnected(dimension=64, width=8, depth=2)
    at = list(
        zip(
            *(result[name].values for name in ("alpha", "temperature_per_width", "points")),
            strict=True,
        )
    )
    assert len(set(at)) == 12
    for point, replica in ((0, 1), (3, 0), (7, 2)):
        alpha, temperature, points = at[point]
        single = train_networks_of(
            network,
            ls.data.BinaryImages(points=int(points), test_points=50),
            alpha=alpha,
            lr=temperature * 8 * 8,
            batch_size=8,
            replicas=[replica],
            seed=3,
            record=KernelChange(points=4),
            max_steps=2000,
            precision="float64",
        )
        for name in (
            "last_update_step",
            "t_star",
            "weight_change",
            "test_error",
            "kernel_change",
            "loss",
        ):
            np.testing.assert_allclose(
                result[name].values[point, replica], single[name].values[0], rtol=1e-9
            )
        others = np.delete(result["weight_change"].values.ravel(), 3 * point + replica)
        assert not np.isclose(others, single["weight_change"].values[0], rtol=1e-6).any()  # control


IMAGE = (1, 8, 8)
FAMILIES = {
    "network": [
        *(ls.models.networks.FullyConnected(dimension=64, width=3, depth=D) for D in (1, 2)),
        *(families.of_family(name, image=IMAGE, width=3) for name in ("simple_cnn", "mobile_cnn")),
    ],
    "alpha": (1.0,),
    "temperature_per_width": (0.1,),
    "momentum": (0.0, 0.5),
    "points": (16,),
    "batch_size": (8,),
    "test_points": 20,
    "replicas": 2,
    "seed": 3,
    "max_steps": 64,
    "observe": ("margins", "signal"),
}


def test_a_grid_of_families_holds_the_replicas_of_single_runs():
    """A convolutional network has a depth of its own and comes once; each point is trained as it
    says.
    """
    grid = network_grid(**FAMILIES)
    result = grid.collect()
    names = ("network", "depth", "momentum")
    at = list(zip(*(result[name].values.tolist() for name in names), strict=True))
    depths = [(name, depth) for name, depth, *_ in at]
    assert [(pair, depths.count(pair)) for pair in dict.fromkeys(depths)] == [
        (("fully_connected", 1), 2),
        (("fully_connected", 2), 2),
        (("simple_cnn", 3), 2),
        (("mobile_cnn", 16), 2),
    ]
    point = at.index(("simple_cnn", 3, 0.5))
    single = train_networks_of(
        ls.models.networks.SimpleCNN(image=(1, 8, 8), width=3),
        ls.data.BinaryImages(points=16, test_points=20),
        lr=0.1 * 8 * 3,
        momentum=0.5,
        batch_size=8,
        replicas=[1],
        seed=3,
        record=("margins", "signal"),
        max_steps=64,
    )
    for name in ("weight_change", "test_loss", "mean_margin", "signal", "noise"):
        np.testing.assert_allclose(result[name].values[point, 1], single[name].values[0], rtol=1e-3)
        others = np.delete(result[name].values.ravel(), 2 * point + 1)
        assert not np.isclose(others, single[name].values[0], rtol=1e-3).any()  # control
    for task in grid.tasks():
        assert train_cell.at(decode(task.settings)) == task
    averages = average_networks(result)[point]
    assert (result["status"].values[point] == 0).all()
    assert list(averages.observed) == ["mean_margin", "test_mean_margin", "signal", "noise"]
    assert averages.observed["signal"].value == pytest.approx(result["signal"].values[point].mean())


def test_the_digest_of_a_grid_sees_every_family():
    """Stored results are not reused after a change of an architecture, whichever it is."""
    seen = sources("langevin_sgd.experiments.cell:train_cell")
    for kind in families.FAMILIES.values():
        assert kind.__module__ in seen


def test_unfinished_runs_are_counted_and_left_out(result):
    hot = result["temperature_per_width"].values == 8.0
    assert (result["unfinished"].values[hot] == 3).all()
    assert (result["unfinished"].values[~hot] == 0).all()
    for point, average in enumerate(average_networks(result)):
        assert sum(average.ended.values()) == 3
        assert average.test_error.valid == average.mostly_fitted == (not hot[point])
        if average.mostly_fitted:
            assert average.test_error.value == pytest.approx(
                result["test_error"].values[point].mean()
            )
            logarithm = np.log(result["t_star"].values[point]).mean()
            assert average.t_star.value == pytest.approx(np.exp(logarithm))


def test_cells_stay_when_the_grid_grows():
    """More values, replicas or axes add cells and change none; five replicas are one cell."""
    small = network_grid(**GRID | {"replicas": 16})
    assert len(small.tasks()) == 12 * 2
    large = network_grid(**GRID | {"replicas": 24, "points": (24, 48, 96), "depth": (2, 3)})
    assert set(small.tasks()) < set(large.tasks())
    assert len(large.tasks()) == 36 * 3
    few, eight = (network_grid(**GRID | {"replicas": count}) for count in (5, 8))
    assert few.tasks() == eight.tasks()
    other = network_grid(**GRID | {"seed": 4})
    assert not set(other.tasks()) & set(large.tasks())  # control


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
        (
            {"temperature_per_width": (float("nan"),)},
            "temperature_per_width = nan: must be a positive number",
        ),
        ({"network": ("resnet",)}, "network = 'resnet': must be a network of models.networks"),
        ({"momentum": (0.5, 1.0)}, "momentum = 1.0: must satisfy"),
        (
            {"noise": "white"},
            "noise = 'white': must be one of sgd, minibatch_covariance, isotropic",
        ),
        (
            {"noise": "isotropic", "sampling": "epochs"},
            "noise = 'isotropic': needs independent batches",
        ),
        ({"observe": ("margin",)}, "record = 'margin': must be one of margins"),
        (
            {"observe": ("kernel",)},
            "KernelChange.points = 64: must be at most 50, the points there are",
        ),
        ({"activation": ("tanh",)}, "activation = 'tanh': must be one of relu, gelu, linear"),
        ({"data": "mist"}, "name = 'mist': must be one of .*did you mean 'mnist'"),
        ({"labels": "animals"}, "labels = 'animals': must be 'parity'"),
        (
            {"loss": "square"},
            "loss = 'square': must vanish for points that are fitted: one of hinge",
        ),
        (
            {"probe_points": 51},
            "KernelChange.points = 51: must be at most 50, the points there are",
        ),
        ({"device": "tpu"}, "device = 'tpu': must be cpu or cuda"),
        ({"replicas": 1}, "replicas = 1: must be an integer of at least 2"),
        ({"max_steps": 0}, "max_steps = 0"),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_bad_grids_are_refused(change, message):
    with pytest.raises(ls.InputError, match=message):
        network_grid(**GRID | change)


def test_points_of_a_grid_were_made_anew_at_every_question(monkeypatch):
    made = []
    there = grid_module._at
    monkeypatch.setattr(grid_module, "_at", lambda *given: made.append(given) or there(*given))
    one = network_grid(**GRID)
    assert len(one.points()) == len(one.columns()) == len(one.tasks()) == len(made) == 12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"noise": "isotropic", "sampling": "epochs"}, "noise = 'isotropic': needs independent"),
        ({"max_steps": None}, r"stop = Stop\(unfit=0.0, max_steps=None\): must have max_steps"),
        ({"observe": (KernelChange(points=51),)}, "KernelChange.points = 51: must be at most 50"),
    ],
)
def test_grid_and_training_refused_one_thing_in_two_ways(changes, message):
    point = network_grid(**GRID).points()[0]
    given = {**GRID, **changes}
    with pytest.raises(ls.InputError, match=message) as of_grid:
        network_grid(**given)
    with pytest.raises(ls.InputError, match=message) as of_training:
        ls.training.run(
            point.problem,
            replace(point.settings, sampling=changes.get("sampling", "without_replacement")),
            stop=ls.Stop(max_steps=given["max_steps"]),
            seed=1,
            record=changes.get("observe"),
            engine=ls.training.NetworkEngine(noise=changes.get("noise", "sgd")),
        )
    assert str(of_grid.value) == str(of_training.value)


def test_losses_that_vanish_stood_in_two_tables():
    """What a grid takes follows from the losses."""
    for name, loss in LOSSES.items():
        if loss.vanishes:
            assert len(network_grid(**GRID, loss=name).points()) == 12
        else:
            with pytest.raises(ls.InputError, match=f"^loss = '{name}': must vanish"):
                network_grid(**GRID, loss=name)
