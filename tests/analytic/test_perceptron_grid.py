"""Grids of perceptrons: the replicas of single runs, groups that a larger sweep uses again;
exponents of known laws.
"""

import numpy as np
import pytest
from grids import perceptron_grid

import langevin_sgd as ls
from langevin_sgd.experiments.perceptron_exponents import extrapolated_slopes
from langevin_sgd.measure.scaling_corrections import extrapolate

GRID = {
    "points": (40, 80),
    "dimension": (4,),
    "temperature": (0.5,),
    "batch_size": (2,),
    "margin": (0.1,),
    "seed": 3,
}


def test_a_grid_holds_the_replicas_of_single_runs():
    grid = perceptron_grid(**GRID, replicas=10)
    result = grid.collect()
    assert result.points.values.tolist() == [40, 80]
    settings = ls.SGD(lr=1.0, batch_size=2, sampling="without_replacement")
    for i, points in enumerate((40, 80)):
        problem = ls.Perceptron(data=ls.data.DepletedSign(points=points, dimension=4), margin=0.1)
        single = ls.training.run(problem, settings, replicas=10, seed=3)
        for name in ("t_star", "norm", "signal", "noise"):
            np.testing.assert_array_equal(result[name].values[i], single[name].values)
    np.testing.assert_allclose(
        result.test_error, np.arctan(result.noise / result.signal) / np.pi, rtol=1e-12
    )
    assert ls.dataset.provenance(result)["seed"] == 3


def test_a_larger_sweep_uses_the_groups_of_a_smaller_one():
    small = perceptron_grid(**GRID, replicas=8)
    large = perceptron_grid(**GRID | {"points": (40, 80, 160)}, replicas=16)
    assert set(small.tasks()) < set(large.tasks())
    assert len(large.tasks()) == 6


def test_a_stored_grid_is_the_same(tmp_path):
    grid = perceptron_grid(**GRID, replicas=2)
    store = ls.sweep.Store(tmp_path)
    assert ls.sweep.run(grid.tasks(), store, workers=1).failed == {}
    assert grid.collect(store).identical(grid.collect())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": ()}, "points = \\(\\): must hold at least one value"),
        ({"points": (1, 40)}, "batch_size = 2: must be at most the number of points, here 1"),
        ({"margin": ()}, "margin = \\(\\): must hold at least one value"),
        ({"temperature": (0.0,)}, "temperature = 0.0: must be a positive number"),
        ({"max_steps": 0}, "max_steps = 0"),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_bad_grids_are_refused(change, message):
    with pytest.raises(ls.InputError, match=message):
        perceptron_grid(**GRID | change)


def made_up(seed, b=2.6, gamma=0.9, size=0.0, censored=()):
    """A grid of results that obey t* = T d (P/d)^(b - size/d), ||w|| = T sqrt(d) (P/d)^gamma but
    for 10 % scatter.
    """
    import xarray as xr

    rng = np.random.default_rng(seed)
    axes = np.array(
        [(8 * 2**k * d, d, T) for d in (16, 32, 64) for k in range(4) for T in (1.0, 2.0)]
    )
    P, d, T = axes.T
    scatter = np.exp(0.1 * rng.normal(size=(2, len(axes), 24)))
    status = np.zeros(scatter.shape[1:], np.int8)
    status[list(censored), 0] = 1
    return xr.Dataset(
        {
            "t_star": (
                ("point", "replica"),
                (T * d * (P / d) ** (b - size / d))[:, None] * scatter[0],
            ),
            "norm": (
                ("point", "replica"),
                (T * np.sqrt(d) * (P / d) ** gamma)[:, None] * scatter[1],
            ),
            "status": (("point", "replica"), status),
        },
        coords={
            name: ("point", values)
            for name, values in {
                "points": P.astype(int),
                "dimension": d.astype(int),
                "temperature": T,
                "chi": 0 * T,
                "batch_size": (0 * T + 1).astype(int),
                "margin": 0 * T + 1e-3,
            }.items()
        },
    )


def test_exponents_of_a_known_law_are_found(seed):
    """Pulls below 5 for 64 fits of 22 degrees of freedom at least: a false alarm in about 0.3 % of
    seeds.
    """
    true = {"b": 2.6, "gamma": 0.9, "delta": 1.0, "norm_with_dimension": 0.5}
    true |= {"t_star_with_temperature": 1.0, "t_star_with_dimension": 1.0}
    fits = ls.experiments.fit_exponents(made_up(seed))
    lines = {name: sum(fit.name == name for fit in fits) for name in true}
    assert lines == {
        "b": 6,
        "gamma": 6,
        "delta": 12,
        "t_star_with_temperature": 12,
        "t_star_with_dimension": 8,
        "norm_with_dimension": 8,
    }
    for fit in fits:
        assert abs(fit.exponent.value - true[fit.name]) < 5 * fit.exponent.standard_error
        assert (fit.fit is None) == (len(fit.x) == 2)
    four = next(fit for fit in fits if fit.name == "b")
    assert [len(four.windows), len(four.slopes.x), four.predicted] == [2, 3, 3.0]
    assert four.held == {
        "dimension": 16,
        "chi": 0.0,
        "temperature": 1.0,
        "batch_size": 1,
        "margin": 1e-3,
    }
    assert (
        abs(four.exponent.value - four.predicted) > 20 * four.exponent.standard_error
    )  # control: the wrong law


def test_slopes_are_extrapolated_to_infinite_dimension(seed):
    """Slopes that miss the limit by size/d: only the extrapolation finds it; 12 pulls below 5."""
    limits = ls.experiments.extrapolate_exponents(made_up(seed, size=32.0))
    assert [(limit.name, limit.ratios) for limit in limits[:3]] == [
        ("b", (8, 16)),
        ("b", (16, 32)),
        ("b", (32, 64)),
    ]
    for limit in limits:
        true = {"b": 2.6, "gamma": 0.9}[limit.name]
        assert abs(limit.limit.value - true) < 5 * limit.limit.standard_error
    last = limits[0].slopes[-1]
    assert last.mean() < 2.6 - 5 * last.std(ddof=1) / np.sqrt(
        len(last)
    )  # control: the largest dimension alone


def test_the_form_in_which_slopes_approach_their_limit_is_an_argument():
    """Slopes that miss the limit by d^(-1/2), of other numbers of replicas at every dimension."""
    random, sizes = np.random.default_rng(4), (32, 64, 128, 256)
    slopes = [
        2.0 - 3.0 * size**-0.5 + 0.1 * random.normal(size=count)
        for size, count in zip(sizes, (256, 128, 64, 32), strict=True)
    ]
    found = extrapolated_slopes(sizes, slopes, power=0.5).limit
    assert abs(found.value - 2.0) < 4.5 * found.standard_error
    assert found.n_independent == 32
    analytic = extrapolated_slopes(sizes, slopes).limit  # control
    assert analytic.value < 2.0 - 4.5 * analytic.standard_error
    means = [one.mean() for one in slopes]
    errors = [one.std(ddof=1) / np.sqrt(len(one)) for one in slopes]
    by_hand = extrapolate(sizes, means, error=errors, power=0.5).limit
    assert found.value == pytest.approx(by_hand.value, rel=1e-12)
    assert not extrapolated_slopes(sizes[:2], slopes[:2]).limit.valid
    result = made_up(1, size=32.0)
    linear, root = (ls.experiments.extrapolate_exponents(result, power=w) for w in (1.0, 0.5))
    assert linear[0].limit.value == ls.experiments.extrapolate_exponents(result)[0].limit.value
    assert root[0].limit.value > linear[0].limit.value


def test_points_with_censored_replicas_take_no_part():
    result = made_up(1, censored=(6,))  # d = 16, P/d = 64, T = 1
    fits = [fit for fit in ls.experiments.fit_exponents(result) if fit.name == "b"]
    assert [fit.left_out for fit in fits] == [1, 0, 0, 0, 0, 0]
    assert [len(fit.x) for fit in fits] == [3, 4, 4, 4, 4, 4]
