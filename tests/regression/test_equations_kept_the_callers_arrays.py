"""Equations, noises and recorders keep what they were made from, refuse masks, and heed no one's
rounding errors.
"""

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.models import potentials

PLANE = potentials.curved_valley(across=3.0)
LOSS_ROWS = np.ones((4, 2))


def numbers(**changes):
    given = {
        "potential": PLANE,
        "mass": 0.7,
        "friction": 0.5,
        "noise_covariance": 0.4,
        "step_time": 0.1,
        **changes,
    }
    return ls.Underdamped(**given)


KEPT = {
    "mass": (lambda a: numbers(mass=a), lambda made: made.mass, np.array([0.7, 0.8])),
    "friction": (lambda a: numbers(friction=a), lambda made: made.friction, np.array([0.7, 0.8])),
    "step_time": (
        lambda a: numbers(step_time=a),
        lambda made: made.step_time,
        np.array([0.7, 0.8]),
    ),
    "noise": (lambda a: numbers(noise_covariance=a), lambda made: made.noise_covariance, np.eye(2)),
    "Isotropic": (
        lambda a: ls.dynamics.Isotropic(a),
        lambda made: made.variance,
        np.array([0.7, 0.8]),
    ),
    "LowRank": (
        lambda a: ls.dynamics.LowRank(a),
        lambda made: made.factor,
        np.array([[0.7], [0.8]]),
    ),
    "histogram": (lambda a: ls.record.histogram(a), lambda made: made.edges, np.array([0.0, 1.0])),
    "current": (
        lambda a: ls.record.current((a, a)),
        lambda made: made.edges[1],
        np.array([0.0, 1.0]),
    ),
}


@pytest.mark.parametrize("name", KEPT)
def test_arrays_are_copied(name):
    make, read, given = KEPT[name]
    array = given.copy()
    made = make(array)
    array *= 3
    assert np.array_equal(read(made), given)


@pytest.mark.parametrize("name", KEPT)
def test_masked_and_complex_arrays_are_refused(name):
    make, _, given = KEPT[name]
    for wrong in (
        np.ma.array(given, mask=np.arange(given.size).reshape(given.shape) == 0),
        given * 1j,
    ):
        with pytest.raises(ls.InputError) as caught:
            make(wrong)
        assert "\n" not in str(caught.value)


def test_eigenprojections_keep_their_basis():
    vectors, centre = np.eye(2), np.ones(2)
    recorder = ls.record.eigenprojections(vectors, centre=centre)
    vectors[:], centre[:] = 7, 7
    block = ls.record.Snapshots(
        np.zeros(1, int), np.full((1, 1, 2), 3.0), np.zeros((1, 1, 2)), np.zeros((1, 2))
    )
    assert recorder(block)["mode_position"][1].tolist() == [[[2.0, 2.0]]]


def test_scalars_of_numpy_become_pythons_own():
    made = numbers(
        mass=np.float32(0.5),
        friction=np.array(1.0),
        step_time=np.float64(0.1),
        noise_covariance=np.int64(1),
    )
    assert all(type(number) is float for number in (made.mass, made.friction, made.step_time))
    assert made.noise_covariance.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    for wrong in ("0.5", None, True, np.nan, 1j, [[0.1]], []):
        with pytest.raises(ls.InputError, match="mass"):
            numbers(mass=wrong)
    for wrong in ("0.5", None, np.nan, 1j, np.ones(3), [[1.0, np.inf], [np.inf, 1.0]]):
        with pytest.raises(ls.InputError, match="noise_covariance"):
            numbers(noise_covariance=wrong)
    with pytest.raises(ls.InputError, match="potential"):
        numbers(potential="x**2")


@pytest.mark.parametrize("kind", [ls.Underdamped, ls.Overdamped])
def test_builders_take_their_own_kinds_only(kind):
    problem, settings = ls.LinearRegression.from_spectrum([1.0]), ls.SGD(lr=0.1, batch_size=1)
    for build, name in (
        (lambda: kind.from_sgd(PLANE, settings), "problem"),
        (lambda: kind.from_sgd(problem, {"lr": 0.1}), "settings"),
        (lambda: kind.from_potential(problem, settings, gradient_noise=1.0), "potential"),
        (lambda: kind.from_potential(PLANE, None, gradient_noise=1.0), "settings"),
    ):
        with pytest.raises(ls.InputError, match=name):
            build()


def test_underflow_stops_no_run():
    """Without noise a path dies out below 1e-308, whatever NumPy has been told about underflow."""
    quiet = ls.Underdamped(
        potential=potentials.quadratic([1.0, 0.5]),
        mass=1.0,
        friction=1.0,
        noise_covariance=0.0,
        step_time=5.0,
    )
    turned = ls.LinearRegression.from_spectrum([1.0, 0.4], noise_scale=0.0)
    before = np.seterr(all="raise")
    try:
        record = [
            ls.record.displacement(),
            ls.record.speed(),
            ls.record.moments(),
            ls.record.time_averages(),
        ]
        for options in ({}, {"precision": "mixed"}):
            run = ls.sde.simulate(
                quiet,
                ls.sde.BAOAB(),
                replicas=3,
                steps=600,
                start=[1e-3, 1e-200],
                seed=1,
                record=record,
                **options,
            )
            assert np.abs(run["final_position"].values).max() < 1e-300
        sgd = ls.training.run(
            turned,
            ls.SGD(lr=0.5, batch_size=1),
            replicas=3,
            steps=1500,
            start=[1e-3, 1e-200],
            seed=1,
            record=record,
        )
        assert np.abs(sgd["final_position"].values).max() < 1e-300
    finally:
        np.seterr(**before)
