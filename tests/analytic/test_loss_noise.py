"""Noise that follows the loss of a valley: moments of a step, and the exact stationary ones."""

import math

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.fokker_planck.gaussian_law import GaussianLaw
from langevin_sgd.models.potentials import Quadratic

VALLEY = Quadratic(stiffness=np.array([[1.3, 0.4], [0.4, 0.9]]), centre=np.array([0.2, -0.1]))
NOISE = ls.dynamics.LossNoise(valley=VALLEY, strength=0.3, floor=0.5)
FRICTION, TIME = 0.8, 0.05


def equation(noise=NOISE, potential=VALLEY):
    return ls.Overdamped(
        potential=potential, friction=FRICTION, noise_covariance=noise, step_time=TIME
    )


@pytest.mark.parametrize("theta", [[0.2, -0.1], [1.0, -2.0]])
def test_one_step_has_the_covariance_it_says(theta):
    """The kicks of a compiled step, from its response to each normal alone."""
    normals = np.concatenate([np.zeros((2, 1)), np.eye(2)], axis=1)[None, None]
    ends = ls.sde.follow(equation(), ls.sde.EulerMaruyama(), normals, start=theta)[0][0]
    factor = (ends[1:] - ends[0]).T
    offset = np.array(theta) - VALLEY.centre
    loss = offset @ VALLEY.stiffness @ offset / 2
    expected = TIME / FRICTION**2 * 0.3 * (loss + 0.5) * VALLEY.stiffness
    assert np.allclose(factor @ factor.T, expected, rtol=0, atol=1e-15)
    assert np.allclose(NOISE.covariance(np.array(theta)), expected * FRICTION**2 / TIME, rtol=1e-13)
    assert np.allclose(NOISE.scaled(2.0).covariance(np.array(theta)) / 2, NOISE.covariance(theta))


def second_moments(size, steps, strength=0.3, additive=False):
    """Second moments about the centre after steps of Euler-Maruyama from the centre, exactly."""
    stiffness, moment = VALLEY.stiffness, np.zeros((2, 2))
    keep = np.eye(2) - size * stiffness / FRICTION
    for _ in range(steps):
        loss = 0.5 + (0.0 if additive else np.trace(stiffness @ moment) / 2)
        moment = keep @ moment @ keep + size * strength * loss * stiffness / FRICTION**2
    return moment


def test_stationary_moments_are_those_of_the_closed_form():
    """The recursion at small steps against c 1, at two steps that halve the error."""
    exact = 0.3 * 0.5 / (2 * FRICTION - 0.3 * np.trace(VALLEY.stiffness) / 2) * np.eye(2)
    errors = [np.abs(second_moments(size, round(40 / size)) - exact).max() for size in (0.02, 0.01)]
    assert errors[1] < 2e-3
    assert 1.8 < errors[0] / errors[1] < 2.2


def test_simulated_moments(seed):
    """Second moments after 100 steps: 5 standard errors; those of additive noise fail (control)."""
    run = ls.sde.simulate(
        equation(),
        ls.sde.EulerMaruyama(),
        replicas=20_000,
        steps=100,
        substeps=1,
        seed=seed,
        start=VALLEY.centre,
        schedule=[100],
    )
    offset = run["final_position"].values - VALLEY.centre
    products = np.einsum("ri,rj->rij", offset, offset)
    error = products.std(axis=0) / math.sqrt(20_000)
    assert np.abs((products.mean(axis=0) - second_moments(TIME, 100)) / error).max() < 5
    additive = second_moments(TIME, 100, additive=True)
    assert np.abs((products.mean(axis=0) - additive) / error).max() > 8


def test_what_cannot_be_is_refused():
    with pytest.raises(ls.InputError, match="strength = -1"):
        ls.dynamics.LossNoise(valley=VALLEY, strength=-1.0)
    with pytest.raises(ls.InputError, match="valley"):
        ls.dynamics.LossNoise(valley=Quadratic(stiffness=[[-1.0]]), strength=1.0)
    with pytest.raises(ls.InputError, match="as many parameters"):
        equation(potential=Quadratic(stiffness=[[1.0]]))
    with pytest.raises(ls.InputError, match="use EulerMaruyama or Milstein"):
        ls.sde.simulate(equation(), ls.sde.Heun(), steps=1)
    with pytest.raises(ls.InputError, match="must not depend on the state"):
        GaussianLaw(equation(), ls.fokker_planck.GaussianDensity(np.zeros(2), np.eye(2))).mean(1.0)


def test_far_out_directions_without_stiffness_still_have_no_noise():
    """Where the loss is infinite, its product with a zero of the stiffness is no number."""
    flat = Quadratic(stiffness=np.diag([1.0, 0.0]), centre=np.zeros(2))
    noise = ls.dynamics.LossNoise(valley=flat, strength=0.1)
    with np.errstate(over="ignore"):
        density = noise.covariance(np.array([1e300, 0.0]))
    np.testing.assert_array_equal(density, [[np.inf, 0.0], [0.0, 0.0]])
