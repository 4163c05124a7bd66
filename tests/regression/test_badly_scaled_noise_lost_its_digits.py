"""Noise whose components differ by many orders was rounded to that of the largest, or taken for
diagonal.
"""

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.dynamics.linear import separate
from langevin_sgd.models import potentials
from langevin_sgd.models.hinge_loss import HingeLoss
from langevin_sgd.training.problems import make_source

CORRELATIONS = np.array([[1.0, 0.5, -0.3], [0.5, 1.0, 0.2], [-0.3, 0.2, 1.0]])
DEVIATIONS = np.array([1e-9, 1e9, 1.0])
NOISE = CORRELATIONS * DEVIATIONS[:, None] * DEVIATIONS
FLAT = potentials.Potential.from_sympy("0*x + 0*y + 0*z", variables="x y z")


def in_own_units(factor):
    return (factor @ factor.T) / DEVIATIONS[:, None] / DEVIATIONS


def dense_factor():
    """The factor of the additive noise of SGD."""
    problem = ls.LinearRegression.from_spectrum([1.0, 0.5, 0.2]).with_noise_covariance(NOISE)
    return make_source(problem, ls.SGD(lr=0.1, batch_size=1)).noise_factor[:3, :3]


def shaped_factor():
    loss = HingeLoss(rows=np.ones((4, 3)), margin=1.0)
    noise = ls.dynamics.minibatch_noise.ShapedNoise(
        loss=loss, strength=1.0, shape=NOISE, weight=np.ones(4), mean_squared=0.0
    )
    return noise.compiled().arrays[3]


def linear(kind, **numbers):
    equation = kind(
        potential=potentials.quadratic([1.0, 0.5, 0.2]),
        friction=1.0,
        noise_covariance=NOISE,
        step_time=0.1,
        **numbers,
    )
    return equation.linear()


def step_factor(integrator, rows=slice(3, 6)):
    step = integrator.linear_step(linear(ls.Underdamped, mass=1.0), 1e-3)
    return step.noise[0][rows] / np.sqrt(1e-3)


FACTORS = {
    "SGD with additive noise": dense_factor,
    "noise of minibatches of constant shape": shaped_factor,
    "overdamped": lambda: linear(ls.Overdamped).noise[0],
    "underdamped": lambda: linear(ls.Underdamped, mass=1.0).noise[0, 3:],
    "BAOAB": lambda: step_factor(ls.sde.BAOAB()),
    "exact": lambda: step_factor(ls.sde.ExactOrnsteinUhlenbeck()),
}


@pytest.mark.parametrize("name", FACTORS)
def test_every_component_has_its_own_variance_and_correlations(name):
    assert np.abs(in_own_units(FACTORS[name]()) - CORRELATIONS).max() < 3e-3


def test_a_walk_has_the_covariance_of_its_noise(seed):
    """Through the general engine: 9 entries within 5 sigma in units of their own deviations."""
    free = ls.Overdamped(potential=FLAT, friction=1.0, noise_covariance=NOISE, step_time=0.25)
    run = ls.sde.simulate(
        free, ls.sde.EulerMaruyama(), replicas=3000, steps=4, substeps=1, seed=seed, schedule=[4]
    )
    found = np.cov(run["final_position"].values.T) / DEVIATIONS[:, None] / DEVIATIONS
    assert np.abs((found - CORRELATIONS) / np.sqrt((1 + CORRELATIONS**2) / 3000)).max() < 5


def test_a_small_component_keeps_its_correlation_with_a_large_one():
    stiffness, covariance = np.diag([1.0, 0.5]), np.array([[1e20, 0.5], [0.5, 1e-20]])
    basis, _, groups = separate(stiffness, covariance)
    assert np.array_equal(basis, np.eye(2))
    assert np.array_equal(groups, covariance[None])


def test_a_turn_that_would_drown_a_component_is_not_made():
    """Stiffness and noise commute, but in turned modes the variance 1e-20 lies below the rounding
    of 1.
    """
    turn = np.array([[1.0, 1e-10], [-1e-10, 1.0]])
    covariance = turn @ np.diag([1.0, 1e-20]) @ turn.T
    basis, _, groups = separate(covariance, covariance)
    whole = basis @ (groups[0] if len(groups) == 1 else np.diag(groups[:, 0, 0])) @ basis.T
    unit = np.sqrt(np.diag(covariance))
    assert np.abs((whole - covariance) / unit[:, None] / unit).max() < 1e-8


def test_ordinary_modes_are_still_separated():
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]
    matrix = turn @ np.diag(np.geomspace(1, 1e-6, 6)) @ turn.T
    assert len(separate(matrix, matrix)[1]) == 6
    singular = turn[:, :4] @ np.diag([1.0, 0.5, 0.2, 0.1]) @ turn[:, :4].T
    assert len(separate(singular, singular)[1]) == 6
    silent = np.zeros((6, 6))
    silent[:4, :4] = turn[:4, :4] @ turn[:4, :4].T
    assert len(separate(silent, silent)[1]) == 6


@pytest.mark.parametrize(
    "noise",
    [
        [[1.0, 0.0], [0.0, -1e-3]],
        [[1e12, 0.0], [0.0, -1.0]],
        [[1.0, 1e-9], [0.0, 1e-18]],
        -1e-300,
        [1.0, -1.0],
    ],
)
def test_what_is_no_covariance_is_refused_in_its_own_units(noise):
    with pytest.raises(ls.InputError, match="noise_covariance") as caught:
        ls.Overdamped(
            potential=potentials.quadratic([1.0, 1.0]),
            friction=1.0,
            noise_covariance=noise,
            step_time=0.1,
        )
    assert "\n" not in str(caught.value)
