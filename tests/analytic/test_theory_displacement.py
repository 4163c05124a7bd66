"""Regimes, exponents and the paper's displacement sum against direct sums."""

import numpy as np
import pytest

from langevin_sgd import SGD, InputError, LinearRegression
from langevin_sgd.theory import (
    DiscreteLaw,
    LangevinLaw,
    paper_displacement,
    power_law_displacement,
    spectral_exponent,
)
from langevin_sgd.theory.displacement import (
    exponent_between,
    exponent_window,
    fitted_exponent,
    relaxation_steps,
    spurious_slope,
    velocity_memory,
)


def single(settings, curvature=1.3):
    return LinearRegression.from_spectrum([curvature], noise_scale=0.7 / curvature), settings


def oscillator_correlation(steps, gamma, omega):
    """Velocity autocorrelation of a damped oscillator, by regime, in plain textbook form."""
    if omega > gamma:
        delta = np.sqrt(omega**2 - gamma**2)
        return np.exp(-gamma * steps) * (
            np.cos(delta * steps) - gamma / delta * np.sin(delta * steps)
        )
    delta = np.sqrt(gamma**2 - omega**2)
    return np.exp(-gamma * steps) * (
        np.cosh(delta * steps) - gamma / delta * np.sinh(delta * steps)
    )


@pytest.mark.parametrize(
    "settings", [SGD(lr=0.05, batch_size=2, momentum=0.9), SGD(lr=0.05, batch_size=1)]
)
def test_paper_displacement_is_the_double_sum_taken_literally(settings):
    curvatures = np.array([1.3, 0.01])
    law = LangevinLaw(LinearRegression.from_spectrum(curvatures, noise_scale=0.6), settings)
    beta, lr = settings.momentum, settings.lr
    gamma = (1 - beta) / (1 + beta)
    expected = []
    for lag in (0, 1, 2, 25):
        total = 0.0
        for curvature in curvatures:
            omega = np.sqrt(2 * lr * curvature / (1 + beta))
            n = np.arange(1, lag + 1)
            total += curvature * (
                lag + 2 * np.sum((lag - n) * oscillator_correlation(n, gamma, omega))
            )
        expected.append(lr**2 * 0.6 / settings.batch_size / (1 - beta**2) * total)
    np.testing.assert_allclose(
        paper_displacement(law, np.array([0, 1, 2, 25])), expected, rtol=1e-9, atol=1e-15
    )


def test_paper_displacement_grows_for_ever_where_the_exact_law_saturates():
    problem, settings = single(SGD(lr=0.05, batch_size=1, momentum=0.9))
    law, sgd = LangevinLaw(problem, settings), DiscreteLaw(problem, settings)
    lags = np.array([100, 200_000])
    for exact, ratio in ((law, [1.0662, 121.3]), (sgd, [1.0477, 119.2])):
        found = paper_displacement(law, lags) / exact.mean_square_displacement(lags)
        np.testing.assert_allclose(found, ratio, rtol=0.001)
    slope = spurious_slope(law)[0]
    assert slope == pytest.approx(0.1 / 1.9 / 3, rel=5e-3)
    grown = np.diff(paper_displacement(law, np.array([100_000, 200_000])))[0] / 100_000
    assert grown == pytest.approx(slope * law.local_displacement(), rel=1e-9)


@pytest.mark.parametrize(("momentum", "curvature"), [(0.9, 1.3), (0.9, 0.01), (0.0, 4.0)])
def test_spurious_slope_is_one_plus_twice_the_sum_of_correlations(momentum, curvature):
    settings = SGD(lr=0.05, batch_size=1, momentum=momentum)
    gamma, omega = (1 - momentum) / (1 + momentum), np.sqrt(2 * 0.05 * curvature / (1 + momentum))
    correlation = oscillator_correlation(np.arange(1, 600), gamma, omega)
    if curvature == 0.01:
        correlation = LangevinLaw(*single(settings, curvature)).mode_autocovariance(
            np.arange(1, 40_000)
        )[:, 0, 1, 1]
        correlation /= LangevinLaw(*single(settings, curvature)).mode_variances()[1][0]
    law = LangevinLaw(*single(settings, curvature))
    assert spurious_slope(law)[0] == pytest.approx(1 + 2 * correlation.sum(), rel=1e-8)


def test_spurious_slope_of_a_free_mode_is_refused():
    with pytest.raises(InputError, match="not spurious"):
        spurious_slope(
            LangevinLaw(LinearRegression.from_spectrum([1.0, 0.0]), SGD(lr=0.1, batch_size=1))
        )


def test_regimes_of_one_mode():
    settings = SGD(lr=0.01, batch_size=1, momentum=0.99)
    law = DiscreteLaw(LinearRegression.from_spectrum([1e-7]), settings)
    memory, relaxation = velocity_memory(settings), relaxation_steps(settings, np.array([1e-7]))[0]
    assert memory == pytest.approx(99.5)
    assert relaxation == pytest.approx(1e7)
    assert exponent_between(law, 1, 3) == pytest.approx(2, abs=0.02)
    assert exponent_between(law, 100 * memory // 1, relaxation // 100) == pytest.approx(1, abs=0.01)
    relaxation = round(relaxation)
    assert exponent_between(law, 100 * relaxation, 1000 * relaxation) == pytest.approx(0, abs=1e-3)
    diffusive = (0.01 / (1 - 0.99)) ** 2 * 1e-7
    assert law.mean_square_displacement(30_000) == pytest.approx(diffusive * 30_000, rel=0.01)


@pytest.mark.parametrize("decay", [1.5, 2.0, 3.0])
def test_power_law_spectra_diffuse_with_exponent_one_over_decay(decay):
    modes, settings = 2000, SGD(lr=0.01, batch_size=4, momentum=0.5)
    eigenvalues = np.arange(1, modes + 1.0) ** -decay
    law = LangevinLaw(LinearRegression.from_spectrum(eigenvalues, noise_scale=0.3), settings)
    lags = np.geomspace(
        *exponent_window(settings, largest=1.0, decay=decay, modes=modes, tolerance=0.05), 12
    )
    asymptotic = power_law_displacement(
        lags, settings, largest=1.0, decay=decay, modes=modes, noise_scale=0.3
    )
    rates = eigenvalues * 0.01 / 0.5
    direct = 0.01 * 0.3 / (4 * 0.5) * np.sum(1 - np.exp(-rates * lags[:, None]), axis=1)
    np.testing.assert_allclose(asymptotic, direct, rtol=2e-3)
    np.testing.assert_allclose(asymptotic[3:8], direct[3:8], rtol=5e-5)
    np.testing.assert_allclose(law.mean_square_displacement(lags), direct, rtol=0.03)
    assert fitted_exponent(law, lags) == pytest.approx(1 / decay, abs=0.05)
    assert spectral_exponent(decay) == pytest.approx(1 / decay)


def test_steeper_noise_lowers_the_exponent():
    eigenvalues = np.arange(1, 3001.0) ** -2.0
    problem = LinearRegression.from_spectrum(eigenvalues).with_noise_covariance(
        np.diag(eigenvalues**0.8)
    )
    law = DiscreteLaw(problem, SGD(lr=0.01, batch_size=1))
    assert fitted_exponent(law, np.geomspace(2e4, 2e5, 8).round()) == pytest.approx(
        spectral_exponent(2.0, noise_power=0.8), abs=0.03
    )
    assert spectral_exponent(0.8) == 1.0
    assert spectral_exponent(2.0, noise_power=2.0) == 0.0


def test_a_stationary_overdamped_ensemble_never_exceeds_exponent_one():
    law = DiscreteLaw(
        LinearRegression.from_spectrum(np.geomspace(1e-6, 1, 50)), SGD(lr=0.2, batch_size=1)
    )
    lags = 2 ** np.arange(22)
    slopes = np.diff(np.log2(law.mean_square_displacement(lags)))
    assert np.all(slopes < 1)
    assert np.all(np.diff(slopes) < 0.05)


def test_no_window_is_said_so():
    settings = SGD(lr=0.01, batch_size=1)
    with pytest.raises(InputError, match="use more modes"):
        exponent_window(settings, largest=1.0, decay=1.5, modes=10, tolerance=0.001)
    with pytest.raises(InputError, match="decay"):
        exponent_window(settings, largest=1.0, decay=1.0, modes=100)
    with pytest.raises(InputError, match="last"):
        exponent_between(DiscreteLaw(*single(settings)), 10, 10)
