"""Theory judged the noise of soft modes by the rounding of the largest: small correlations and
modes were dropped.
"""

import mpmath
import numpy as np
import pytest

from langevin_sgd import SGD, LinearRegression
from langevin_sgd.theory import DiscreteLaw, LangevinLaw, ModifiedLoss
from langevin_sgd.theory.equilibrium import entropy_production
from langevin_sgd.theory.gaussian_inputs import gaussian_input_law
from langevin_sgd.theory.modified_loss import mode_weights

CORRELATIONS = np.array([[1.0, 0.5, -0.3], [0.5, 1.0, 0.2], [-0.3, 0.2, 1.0]])
DEVIATIONS = np.array([1e-9, 1e9, 1.0])
PLAIN = SGD(lr=0.1, batch_size=1)


def in_own_units(covariance):
    deviations = np.sqrt(np.diag(covariance))
    return covariance / deviations[:, None] / deviations


def test_stationary_correlations_of_badly_scaled_noise():
    """Without momentum C_ij = lr^2 q_ij / (1 - (1 - lr h_i) (1 - lr h_j))."""
    values = np.array([1.0, 0.5, 0.2])
    noise = CORRELATIONS * DEVIATIONS[:, None] * DEVIATIONS
    law = DiscreteLaw(LinearRegression.from_spectrum(values).with_noise_covariance(noise), PLAIN)
    kept = 1 - PLAIN.lr * values
    exact = PLAIN.lr**2 * noise / (1 - kept[:, None] * kept)
    np.testing.assert_allclose(law.stationary().position_covariance, exact, rtol=1e-12)
    position = law.sample(100_000, seed=1)[0]
    assert np.abs(in_own_units(np.cov(position.T)) - in_own_units(exact)).max() < 6 / np.sqrt(
        100_000
    )


def blocks(first, second):
    return np.block([[first, np.zeros((2, 2))], [np.zeros((2, 2)), second]])


def test_quiet_modes_beside_loud_ones_are_as_they_are_alone():
    hessian, noise = np.array([[1.0, 0.3], [0.3, 0.4]]), np.array([[1.0, -0.4], [-0.4, 0.6]])
    alone = LinearRegression(hessian=hessian, minimiser=np.zeros(2), noise_covariance=noise)
    whole = LinearRegression(
        hessian=blocks(2 * hessian, hessian),
        minimiser=np.zeros(4),
        noise_covariance=blocks(1e20 * noise, noise),
    )
    found = DiscreteLaw(whole, PLAIN).stationary().position_covariance[2:, 2:]
    np.testing.assert_allclose(
        found, DiscreteLaw(alone, PLAIN).stationary().position_covariance, rtol=1e-10
    )


@pytest.mark.parametrize("unit", [1.0, 1e-3, 1e-6])
def test_noise_in_proportion_to_the_hessian_commutes_in_any_units(unit):
    X = np.random.default_rng(0).normal(size=(100, 6)) @ np.diag([1, 1, 1, unit, unit, unit])
    problem = LinearRegression.from_data(X, X[:, 0] + np.random.default_rng(1).normal(size=100))
    assert not LangevinLaw(problem, PLAIN).modes.commuting
    assert LangevinLaw(problem.with_hessian_noise(), PLAIN).modes.commuting


def test_modes_of_one_stiffness_do_not_hide_that_their_noise_is_correlated():
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    degenerate = LinearRegression.from_spectrum([1.0, 1.0, 0.5], eigenvectors=turn)
    correlated = degenerate.with_noise_covariance(
        turn @ blocks(CORRELATIONS[:2, :2], np.eye(2))[:3, :3] @ turn.T
    )
    law = DiscreteLaw(correlated, PLAIN)
    exact = PLAIN.lr**2 * correlated.noise_covariance
    kept = np.eye(3) - PLAIN.lr * correlated.hessian
    found = law.stationary().position_covariance
    np.testing.assert_allclose(found, kept @ found @ kept + exact, rtol=1e-12, atol=1e-15)


def test_a_soft_eigenvalue_that_is_given_is_no_rounding():
    """Var theta = lr sigma^2 / (2 - lr h) for every mode, however soft; feedback of Gaussian inputs
    aside.
    """
    problem = LinearRegression.from_spectrum([1.0, 1e-17])
    variances = DiscreteLaw(problem, PLAIN).mode_variances()[0]
    np.testing.assert_allclose(variances, [0.1 / 1.9, 0.1 / 2], rtol=1e-12)
    soft = gaussian_input_law([1.0, 1e-17], PLAIN)
    np.testing.assert_allclose(soft.variances[1], 0.1 / 2 * (1 + soft.excess), rtol=1e-12)


def test_no_direction_is_silent_because_others_are_loud():
    slow = LangevinLaw(
        LinearRegression.from_spectrum([1.0, 0.5]), SGD(lr=1e-9, batch_size=1, momentum=0.5)
    )
    loss = ModifiedLoss(slow)
    weights = np.concatenate(mode_weights(slow))
    np.testing.assert_allclose(np.diag(loss.kappa * loss.potential), weights, rtol=1e-12)
    uneven = LinearRegression.from_spectrum([1.0, 0.5]).with_noise_covariance(np.diag([1.0, 1e-20]))
    assert entropy_production(LangevinLaw(uneven, PLAIN)) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("ratio", [1.0, 1e5])
def test_columns_in_different_units_have_the_law_of_exact_arithmetic(ratio):
    """Fifty digits; the Hessian's eigenvalues range over ratio^4. Rounding took the soft parameter
    for a silent one.
    """
    generator = np.random.default_rng(0)
    units = np.array([1 / ratio, 1.0, ratio])
    X = generator.normal(size=(200, 3)) @ (np.eye(3) + 0.3 * generator.normal(size=(3, 3))) * units
    problem = LinearRegression.from_data(X, X @ (1 / units) + generator.normal(size=200))
    lr = 0.1 / problem.eigenvalues[0]
    with mpmath.workdps(50):
        stiffness, vectors = mpmath.eigsy(mpmath.matrix(problem.hessian.tolist()))
        noise = vectors.T * mpmath.matrix(problem.noise_covariance.tolist()) * vectors
        modes = mpmath.matrix(3, 3)
        for i, j in np.ndindex(3, 3):
            modes[i, j] = (
                lr**2 * noise[i, j] / (1 - (1 - lr * stiffness[i]) * (1 - lr * stiffness[j]))
            )
        exact = np.array((vectors * modes * vectors.T).tolist(), dtype=float)
    deviations = np.sqrt(np.diag(exact))
    found = DiscreteLaw(problem, SGD(lr=lr, batch_size=1)).stationary().position_covariance
    assert np.abs((found - exact) / deviations[:, None] / deviations).max() < 1e-11
    np.testing.assert_allclose(
        np.sort(problem.eigenvalues), np.array(list(stiffness), dtype=float), rtol=1e-10
    )
    loss = ModifiedLoss(LangevinLaw(problem, SGD(lr=lr, batch_size=1)))
    np.testing.assert_allclose(loss.stationary.mean[:3], problem.minimiser, rtol=1e-10)


def test_the_minimiser_is_found_in_units_of_the_columns():
    """Columns of 1e-9 and 1e9 lost the smaller parameter, and in equal units nothing changes."""
    generator, units = np.random.default_rng(1), np.array([1e-9, 1.0, 1e9])
    X, y = generator.normal(size=(50, 3)), generator.normal(size=50)
    plain = LinearRegression.from_data(X, y).minimiser
    assert np.array_equal(plain, np.linalg.lstsq(X, y, rcond=None)[0])
    np.testing.assert_allclose(
        LinearRegression.from_data(X * units, y).minimiser * units, plain, rtol=1e-12
    )
    twice = np.column_stack([X[:, :2], X[:, 1]]) * [1.0, 1e-6, 1e-6]
    shared = LinearRegression.from_data(twice, y).minimiser
    np.testing.assert_allclose(shared[1], shared[2], rtol=1e-8)
