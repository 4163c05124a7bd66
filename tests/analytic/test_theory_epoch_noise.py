"""Shuffled epochs against all permutations of a tiny data set, and against the averaged noise
correlation.
"""

import itertools

import numpy as np
import pytest

from langevin_sgd import SGD, InputError, LinearRegression
from langevin_sgd.theory import DiscreteLaw, Gaussian
from langevin_sgd.theory.rotation import position_spectrum

SAMPLES = 4
FIRST = Gaussian(np.arange(4.0) / 3, np.diag([1.0, 2, 3, 4]) + 0.3)
LAGS = np.array([0, 1, 2, 3, 5, 9])


class Enumeration:
    """SGD with the gradients' noise frozen at the minimiser, averaged over every order of the
    samples.
    """

    def __init__(self, batch_size):
        rng = np.random.default_rng(2)
        self.problem = LinearRegression.from_data(
            rng.normal(size=(SAMPLES, 2)), rng.normal(size=SAMPLES)
        )
        self.settings = SGD(
            lr=0.05, batch_size=batch_size, momentum=0.8, weight_decay=0.1, sampling="epochs"
        )
        self.batches = SAMPLES // batch_size
        identity = np.eye(2)
        stiffness = self.problem.hessian + 0.1 * identity
        self.matrix = np.block(
            [[identity - 0.05 * stiffness, 0.04 * identity], [-stiffness, 0.8 * identity]]
        )
        self.gain = np.vstack([0.05 * identity, identity])
        self.constant = self.gain @ self.problem.hessian @ self.problem.minimiser
        noise = self.problem.X * (self.problem.X @ self.problem.minimiser - self.problem.y)[:, None]
        orders = np.array(list(itertools.permutations(range(SAMPLES))))
        self.noise = noise[orders].reshape(len(orders), self.batches, batch_size, 2).mean(axis=2)

    def power(self, count):
        return np.linalg.matrix_power(self.matrix, count)

    def kicked(self, count, upto):
        """What the noise of the first `upto` batches of an epoch has added after `count` steps, per
        order.
        """
        added = np.zeros((len(self.noise), 4))
        for batch in range(min(upto, self.batches)):
            added -= self.noise[:, batch] @ (self.power(count - 1 - batch) @ self.gain).T
        return added

    def epoch(self, covariance):
        """Covariances at every phase of an epoch that starts with `covariance`."""
        out = []
        for phase in range(self.batches + 1):
            added, power = self.kicked(phase, phase), self.power(phase)
            out.append(power @ covariance @ power.T + added.T @ added / len(added))
        return out

    def boundary(self):
        covariance = np.zeros((4, 4))
        for _ in range(1500):
            covariance = self.epoch_end @ covariance @ self.epoch_end.T + self.epoch_noise
        return covariance

    @property
    def epoch_end(self):
        return self.power(self.batches)

    @property
    def epoch_noise(self):
        added = self.kicked(self.batches, self.batches)
        return added.T @ added / len(added)


@pytest.fixture(params=[1, 2], scope="module")
def enumeration(request):
    return Enumeration(request.param)


def test_transient_is_the_average_over_all_orders(enumeration):
    law = DiscreteLaw(enumeration.problem, enumeration.settings, start=FIRST)
    mean, covariance, expected_means, expected = FIRST.mean, FIRST.covariance, [], []
    for _ in range(3):
        expected += enumeration.epoch(covariance)[:-1]
        covariance = enumeration.epoch(covariance)[-1]
    for _ in expected:
        expected_means.append(mean)
        mean = enumeration.matrix @ mean + enumeration.constant
    times = np.arange(len(expected))
    np.testing.assert_allclose(law.mean(times), expected_means, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(law.covariance(times), expected, rtol=1e-10, atol=1e-12)


def test_stationary_law_at_every_phase_and_on_average(enumeration):
    problem, settings = enumeration.problem, enumeration.settings
    phases = enumeration.epoch(enumeration.boundary())[:-1]
    for phase, expected in enumerate(phases):
        law = DiscreteLaw(problem, settings, epoch_phase=phase)
        np.testing.assert_allclose(law.stationary().covariance, expected, rtol=1e-9, atol=1e-13)
    averaged = DiscreteLaw(problem, settings).stationary().covariance
    np.testing.assert_allclose(averaged, np.mean(phases, axis=0), rtol=1e-9, atol=1e-13)


def test_autocovariance_and_displacement_at_every_phase(enumeration):
    problem, settings, batches = enumeration.problem, enumeration.settings, enumeration.batches
    boundary = enumeration.boundary()
    phases = enumeration.epoch(boundary)
    all_lagged, all_moved = [], []
    for phase in range(batches):
        now, lagged = enumeration.kicked(phase, phase), []
        for lag in LAGS:
            carried = enumeration.power(phase + lag) @ boundary @ enumeration.power(phase).T
            later = enumeration.kicked(phase + lag, phase + lag)
            lagged.append(carried + later.T @ now / len(now))
        law = DiscreteLaw(problem, settings, epoch_phase=phase)
        np.testing.assert_allclose(law.autocovariance(LAGS), lagged, rtol=1e-9, atol=1e-13)
        ends = [phases[(phase + lag) % batches] for lag in LAGS]
        moved = [
            np.trace((phases[phase] + end - 2 * late)[:2, :2])
            for end, late in zip(ends, lagged, strict=True)
        ]
        np.testing.assert_allclose(law.mean_square_displacement(LAGS), moved, rtol=1e-9, atol=1e-14)
        all_lagged.append(lagged)
        all_moved.append(moved)
    law = DiscreteLaw(problem, settings)
    np.testing.assert_allclose(
        law.autocovariance(LAGS), np.mean(all_lagged, axis=0), rtol=1e-9, atol=1e-13
    )
    np.testing.assert_allclose(
        law.mean_square_displacement(LAGS), np.mean(all_moved, axis=0), rtol=1e-9, atol=1e-14
    )


def bigger(sampling, batch_size=5, lr=0.01):
    rng = np.random.default_rng(4)
    inputs = rng.normal(size=(60, 3)) * [3.0, 1.0, 0.1]
    problem = LinearRegression.from_data(inputs, inputs @ [1.0, 2.0, 3.0] + rng.normal(size=60))
    return DiscreteLaw(problem, SGD(lr=lr, batch_size=batch_size, momentum=0.7, sampling=sampling))


def test_variance_is_quieted_by_the_averaged_noise_correlation():
    shuffled, white, batches = bigger("epochs"), bigger("without_replacement"), 12
    variance, lag = white.mode_variances()[0], np.arange(1, batches)
    correlation = white.mode_autocovariance(lag)[:, :, 0, 0] / variance
    factor = 1 - 2 / (batches - 1) * np.sum((1 - lag / batches)[:, None] * correlation, axis=0)
    np.testing.assert_allclose(shuffled.mode_variances()[0], variance * factor, rtol=1e-9)
    assert factor[-1] < 0.01


def test_power_spectrum_integrates_to_the_variance_and_has_no_slow_noise():
    law = bigger("epochs")
    # The trapezoidal rule is exact to rounding for smooth periodic functions.
    frequency = np.linspace(-np.pi, np.pi, 200_000, endpoint=False)
    integral = position_spectrum(frequency, law).mean(axis=0)
    np.testing.assert_allclose(integral, law.mode_variances()[0], rtol=1e-8)
    assert np.all(law.fluctuations.noise_spectrum(np.array(0.0)) == 0)


def test_free_diffusion_ends_after_an_epoch():
    shuffled, white = bigger("epochs", lr=1e-6), bigger("without_replacement", lr=1e-6)
    grown = [law.mean_square_displacement([120, 480]) for law in (shuffled, white)]
    assert grown[1][1] / grown[1][0] == pytest.approx(4, rel=0.05)
    assert grown[0][1] / grown[0][0] == pytest.approx(1, rel=0.05)


def test_stationary_start_begins_an_epoch_and_returns_to_itself():
    shuffled = bigger("epochs")
    law = DiscreteLaw(shuffled.problem, shuffled.settings, start="stationary", epoch_phase=0)
    np.testing.assert_allclose(law.covariance([12, 24])[1], law.stationary().covariance, rtol=1e-9)


def test_a_phase_beyond_the_epoch_is_refused():
    shuffled = bigger("epochs")
    with pytest.raises(InputError, match="epoch_phase = 12"):
        DiscreteLaw(shuffled.problem, shuffled.settings, epoch_phase=12).stationary()
