"""Modified loss, current, temperatures and entropy production against matrices built from the
equation.
"""

import numpy as np
import pytest
from scipy.integrate import quad

from langevin_sgd import SGD, InputError, LinearRegression
from langevin_sgd.theory import DiscreteLaw, LangevinLaw, ModifiedLoss
from langevin_sgd.theory.equilibrium import entropy_production, mode_temperatures
from langevin_sgd.theory.modified_loss import (
    circulation,
    mode_weights,
    ornstein_uhlenbeck_covariance,
)

SETTINGS = SGD(lr=0.05, batch_size=4, momentum=0.9, weight_decay=0.2)


def hessian_problem(noise_scale=0.6):
    rng = np.random.default_rng(1)
    vectors = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return LinearRegression.from_spectrum(
        [1.3, 0.4, 0.1], noise_scale=noise_scale, eigenvectors=vectors, minimiser=np.ones(3)
    )


def test_modified_loss_of_hessian_noise():
    problem, noise_scale = hessian_problem(), 0.6
    modified = ModifiedLoss(LangevinLaw(problem, SETTINGS))
    hessian, identity = problem.hessian, np.eye(3)
    inverse = np.linalg.inv(hessian)
    position = 2 / (0.05 * 1.9) * inverse @ (hessian + 0.2 * identity)
    expected = np.block([[position, 0 * identity], [0 * identity, inverse]]) / noise_scale
    np.testing.assert_allclose(modified.potential, expected, rtol=1e-9, atol=1e-9)
    turn = noise_scale * np.block([[0 * identity, -hessian], [hessian, 0 * identity]])
    np.testing.assert_allclose(modified.circulation, turn, atol=1e-10)
    assert modified.kappa == pytest.approx(4 * (1 - 0.81))


def test_drift_is_diffusion_plus_circulation_times_potential_for_any_noise():
    rng = np.random.default_rng(2)
    root = rng.normal(size=(3, 3))
    problem = hessian_problem().with_noise_covariance(root @ root.T)
    modified = ModifiedLoss(LangevinLaw(problem, SETTINGS))
    split = (modified.diffusion + modified.circulation) @ modified.potential
    np.testing.assert_allclose(split, modified.drift, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(modified.circulation, -modified.circulation.T, atol=1e-10)
    solved = ornstein_uhlenbeck_covariance(modified.drift, modified.diffusion, modified.kappa)
    np.testing.assert_allclose(modified.stationary.covariance, solved, rtol=1e-9, atol=1e-12)


def test_the_current_turns_clockwise_along_level_sets():
    modified = ModifiedLoss(
        LangevinLaw(LinearRegression.from_spectrum([1.3]), SGD(lr=0.05, batch_size=1, momentum=0.9))
    )
    omega = 5.2314836
    state = np.array([[0.3, 0.0], [0.0, 2.0], [-0.2, 1.0]])
    velocity = modified.velocity_field(state)
    np.testing.assert_allclose(
        velocity, np.stack([state[:, 1], -(omega**2) * state[:, 0]], -1), rtol=1e-7, atol=1e-12
    )
    slope = state @ modified.potential
    np.testing.assert_allclose(np.sum(velocity * slope, axis=1), 0, atol=1e-9)
    assert np.trace(modified.circulation @ modified.potential) == pytest.approx(0, abs=1e-10)
    np.testing.assert_allclose(modified.current(state), velocity * modified.density(state)[:, None])


def test_density_is_normalised_and_follows_psi():
    modified = ModifiedLoss(
        LangevinLaw(LinearRegression.from_spectrum([1.3]), SGD(lr=0.05, batch_size=1, momentum=0.9))
    )
    deviation = np.sqrt(np.diag(modified.stationary.covariance))

    def over_velocity(theta):
        return quad(
            lambda v: float(modified.density(np.array([theta, v]))),
            -9 * deviation[1],
            9 * deviation[1],
        )[0]

    assert quad(over_velocity, -9 * deviation[0], 9 * deviation[0])[0] == pytest.approx(1, rel=1e-7)
    state = np.array([0.1, 0.4])
    ratio = modified.density(state) / modified.density(np.zeros(2))
    assert ratio == pytest.approx(np.exp(-modified.kappa * modified.value(state)))


def test_toy_example_and_the_direction_of_its_current():
    basis = np.array([[-1.0, 1.0], [1.0, 1.0]])
    drift = np.linalg.inv(basis) @ np.diag([4.0, 1.0]) @ basis
    diffusion = np.diag([4.0, 1.0])
    covariance = ornstein_uhlenbeck_covariance(drift, diffusion)
    np.testing.assert_allclose(
        np.linalg.inv(covariance), [[0.8004158, -0.7796258], [-0.7796258, 1.7983368]], atol=1e-7
    )
    turn = circulation(drift, diffusion, covariance)
    # Mean rate of x1 dx2 - x2 dx1: the trace form of the velocity field -Q U z; +1.8 in a
    # simulation.
    field = -turn @ np.linalg.inv(covariance)
    rate = (field @ covariance)[1, 0] - (field @ covariance)[0, 1]
    assert rate == pytest.approx(1.8, abs=0.05)


def test_positions_are_isotropic_without_weight_decay_and_deformed_with_it():
    plain = SGD(lr=0.05, batch_size=4, momentum=0.9)
    position, velocity = mode_weights(LangevinLaw(hessian_problem(), plain))
    np.testing.assert_allclose(position, position[0], rtol=1e-10)
    np.testing.assert_allclose(velocity * [1.3, 0.4, 0.1], velocity[0] * 1.3, rtol=1e-9)
    decayed = mode_weights(LangevinLaw(hessian_problem(), SETTINGS))[0]
    np.testing.assert_allclose(decayed / position, 1 + 0.2 / np.array([1.3, 0.4, 0.1]), rtol=1e-9)


def test_a_direction_without_noise_has_no_density():
    problem = LinearRegression.from_spectrum([1.0, 0.0])
    with pytest.raises(InputError, match="singular"):
        ModifiedLoss(LangevinLaw(problem, SETTINGS))
    with pytest.raises(InputError, match="do not commute"):
        mode_weights(LangevinLaw(coupled(), SETTINGS))


def coupled():
    return LinearRegression.from_spectrum([1.3, 0.4]).with_noise_covariance(
        np.array([[0.7, 0.4], [0.4, 0.5]])
    )


@pytest.mark.parametrize("kind", [LangevinLaw, DiscreteLaw])
def test_equipartition_with_one_temperature_per_mode(kind):
    kinetic, potential = mode_temperatures(kind(hessian_problem(), SETTINGS))
    np.testing.assert_allclose(kinetic, potential, rtol=1e-12)
    noise = 0.6 * np.array([1.3, 0.4, 0.1]) / 4
    expected = 0.05 * noise / (2 * 0.1)
    if kind is DiscreteLaw:
        expected /= 1 - 0.05 * np.array([1.5, 0.6, 0.3]) / 3.8
    np.testing.assert_allclose(kinetic, expected, rtol=1e-9)


def test_entropy_production():
    settings = SGD(lr=0.05, batch_size=1, momentum=0.9)
    rate = entropy_production(LangevinLaw(coupled(), settings))
    assert rate == pytest.approx(1.8823188, abs=1e-7)
    assert rate * 0.05 == pytest.approx(0.0941159, abs=1e-7)
    larger_batches = SGD(lr=0.05, batch_size=16, momentum=0.9)
    assert entropy_production(LangevinLaw(coupled(), larger_batches)) == pytest.approx(rate)
    assert entropy_production(LangevinLaw(hessian_problem(), SETTINGS)) == pytest.approx(
        0, abs=1e-9
    )


def test_entropy_production_equals_the_irreversible_current():
    """Second form, from the matrices: the part of the current odd under time reversal, squared over
    the diffusion.
    """
    settings = SGD(lr=0.1, batch_size=2, momentum=0.6)
    law = LangevinLaw(coupled(), settings)
    modified = ModifiedLoss(law)
    inverse = np.linalg.inv(law.stationary().covariance)
    friction = modified.drift[2:, 2:]
    noise = modified.diffusion[2:, 2:] / modified.kappa
    # Irreversible velocity current over density: -friction v + noise * U z, with U the inverse
    # covariance.
    field = np.hstack([np.zeros((2, 2)), -friction]) + noise @ inverse[2:]
    rate = np.trace(field.T @ np.linalg.inv(noise) @ field @ law.stationary().covariance)
    assert entropy_production(law) == pytest.approx(rate, rel=1e-9)


def test_entropy_production_needs_noise_everywhere():
    problem = LinearRegression.from_spectrum([1.0, 0.5]).with_noise_covariance(np.ones((2, 2)))
    with pytest.raises(InputError, match="zero directions"):
        entropy_production(LangevinLaw(problem, SETTINGS))
