"""Estimators against processes whose law is known: AR(1), linear SGD, a rigid rotation, the
Langevin equation.
"""

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd import measure
from langevin_sgd.measure.autocorrelation import (
    autocorrelation,
    autocorrelation_time,
    effective_sample_size,
)
from langevin_sgd.measure.phase_space import curvature, effective_temperature, swept_area

LR, MOMENTUM, STIFFNESS, NOISE = 0.05, 0.9, 1.3, 0.7


def normals(shape, seed):
    return ls.randomness.normals(shape, seed)


def autoregressive(coefficient, steps, replicas, seed):
    """Stationary AR(1) of unit variance, (step, replica)."""
    kicks = normals((steps, replicas), seed)
    series = np.empty_like(kicks)
    series[0] = kicks[0]
    for k in range(1, steps):
        series[k] = coefficient * series[k - 1] + np.sqrt(1 - coefficient**2) * kicks[k]
    return series


def sgd_mode(steps, replicas, seed, lr=LR, momentum=MOMENTUM, stiffness=STIFFNESS, noise=NOISE):
    """One mode of SGD with additive noise, a plain loop: position and velocity (step, replica),
    burn-in dropped.
    """
    burn_in = 300
    kicks = np.sqrt(noise) * normals((burn_in + steps, replicas), seed)
    theta, v = np.zeros(replicas), np.zeros(replicas)
    path = np.empty((2, burn_in + steps, replicas))
    for k, kick in enumerate(kicks):
        v = momentum * v - stiffness * theta - kick
        theta = theta + lr * v
        path[:, k] = theta, v
    return path[:, burn_in:]


def pull(estimate, exact):
    assert estimate.valid, estimate.note
    return (estimate.value - exact) / estimate.standard_error


# --- autocorrelation ------------------------------------------------------------------------------


def test_autocorrelation_of_an_autoregressive_process(seed):
    curve = autocorrelation(autoregressive(0.9, 2000, 64, seed), np.array([0, 1, 5, 20]))
    exact = 0.9 ** np.array([0, 1, 5, 20])
    assert curve.value[0] == 1
    assert np.abs((curve.value - exact)[1:] / curve.standard_error[1:]).max() < 5.5
    assert abs(pull(curve.at(5), 0.9**6)) > 5.5  # control


def test_integrated_time_and_effective_sample_size(seed):
    """tau = (1 + a)/(1 - a) = 19; arviz-stats is within 2% of it at 200 tau."""
    series = autoregressive(0.9, 4000, 32, seed)
    time = autocorrelation_time(series)
    assert abs(time.value - 19) < 5 * time.standard_error + 0.02 * 19
    assert abs(time.value - 17) > 0.02 * 19  # control
    assert time.standard_error < 1.5
    size = effective_sample_size(series)
    assert size.value == pytest.approx(series.size / time.value)
    assert size.standard_error / size.value == pytest.approx(time.standard_error / time.value)
    assert autocorrelation_time(series, interval=10).value == pytest.approx(10 * time.value)


def test_error_of_the_integrated_time_is_the_scatter_of_repetitions(seed):
    """24 repetitions: their standard deviation over the stated error is 1 within 4.5 * 15%."""
    series = autoregressive(0.8, 1000, 24 * 16, seed)
    found = [autocorrelation_time(one) for one in np.split(series, 24, axis=1)]
    assert (
        abs(
            np.std([e.value for e in found], ddof=1) / np.mean([e.standard_error for e in found])
            - 1
        )
        < 0.68
    )


def test_short_series_are_refused_but_the_value_is_handed_over(seed):
    time = autocorrelation_time(autoregressive(0.9, 600, 8, seed))
    assert not time.valid
    assert "50 needed" in time.note
    assert 5 < time.value < 60
    assert not effective_sample_size(autoregressive(0.9, 600, 8, seed)).valid


@pytest.mark.parametrize("series", [np.ones((100, 4)), np.full((100, 4), np.nan), np.zeros((3, 4))])
def test_constant_or_broken_series_are_refused(series):
    assert not autocorrelation_time(series).valid
    assert autocorrelation_time(series).value is None


# --- one mode of SGD ------------------------------------------------------------------------------


@pytest.mark.parametrize(("stiffness", "momentum"), [(1.3, 0.9), (20.0, 0.9), (4.0, 0.0)])
def test_curvature_is_exact_at_any_learning_rate(stiffness, momentum, seed):
    position, _ = sgd_mode(1500, 64, seed, momentum=momentum, stiffness=stiffness)
    found = curvature(position, lr=LR, momentum=momentum)
    assert abs(pull(found, stiffness)) < 5
    assert found.standard_error < 0.02 * stiffness


def test_control_curvature_without_the_factor_of_momentum(seed):
    position, _ = sgd_mode(1500, 64, seed)
    assert abs(pull(curvature(position, lr=LR, momentum=0.0), STIFFNESS)) > 5


def test_curvature_ignores_where_the_centre_is(seed):
    position, _ = sgd_mode(500, 16, seed)
    here, there = (curvature(position + shift, lr=LR, momentum=MOMENTUM).value for shift in (0, 10))
    assert here == pytest.approx(there, rel=1e-9)


def test_temperatures_of_position_and_velocity_are_the_equipartition_value(seed):
    """Exact for SGD: both are lr q/(2 (1 - momentum)) / (1 - lr k/(2 (1 + momentum)))."""
    position, velocity = sgd_mode(1500, 64, seed)
    exact = LR * NOISE / (2 * (1 - MOMENTUM)) / (1 - LR * STIFFNESS / (2 * (1 + MOMENTUM)))
    mass = LR * (1 + MOMENTUM) / 2
    assert abs(pull(effective_temperature(position, STIFFNESS), exact)) < 5
    assert abs(pull(effective_temperature(velocity, mass), exact)) < 5
    assert abs(pull(effective_temperature(velocity, 2 * mass), exact)) > 5  # control
    assert not effective_temperature(position[:, :1], STIFFNESS).valid


def test_frequency_and_decay_are_those_of_the_map(seed):
    """cos(frequency) = (1 + momentum - lr k)/(2 sqrt(momentum)), decay = -log(momentum)/2."""
    position, velocity = sgd_mode(3000, 48, seed)
    frequency = np.arccos((1 + MOMENTUM - LR * STIFFNESS) / (2 * np.sqrt(MOMENTUM)))
    for coordinate in (position, velocity):
        found = measure.oscillation(coordinate, lags=np.arange(1, 45))
        assert abs(pull(found.frequency, frequency)) < 5
        assert abs(pull(found.decay, -np.log(MOMENTUM) / 2)) < 5
        assert found.frequency.standard_error < 0.01 * frequency
        assert abs(pull(found.frequency, 1.1 * frequency)) > 5  # control
    thinned = measure.oscillation(position[::2], lags=np.arange(1, 22), interval=2)
    assert abs(pull(thinned.frequency, frequency)) < 5


def test_errors_of_frequency_and_decay_cover_the_truth(seed):
    """300 short runs of 20 replicas: squared pulls average 19/17 (Student), 5 standard errors of
    that being 0.5.
    """
    exact = (
        np.arccos((1 + MOMENTUM - LR * STIFFNESS) / (2 * np.sqrt(MOMENTUM))),
        -np.log(MOMENTUM) / 2,
    )
    position, _ = sgd_mode(600, 300 * 20, seed)
    fits = [
        measure.oscillation(one, lags=np.arange(1, 40)) for one in np.split(position, 300, axis=1)
    ]
    for estimates, truth in zip(
        zip(*((f.frequency, f.decay) for f in fits), strict=True), exact, strict=True
    ):
        pulls = np.array([pull(estimate, truth) for estimate in estimates])
        assert abs(np.mean(pulls**2) - 19 / 17) < 0.5


def test_temperature_of_few_replicas_is_unbiased():
    """Paths that do not move: exactly the sample variance with n - 1, and its jackknife error."""
    places = np.array([1.0, 2.0, 4.0, 9.0])
    found = effective_temperature(np.tile(places, (2, 1)), 3.0)
    assert found.value == pytest.approx(3 * places.var(ddof=1))


def test_an_overdamped_mode_does_not_oscillate(seed):
    position, _ = sgd_mode(4000, 16, seed, stiffness=0.02)
    found = measure.oscillation(position, lags=np.arange(1, 10))
    assert not found.frequency.valid
    assert "no oscillation" in found.decay.note


# --- rotation -------------------------------------------------------------------------------------


def test_winding_and_area_of_a_rigid_rotation():
    angle = -0.3 * np.arange(200)[:, None] + np.array([0.0, 1.0, 2.0])
    radius, omega = 2.0, 5.0
    position, velocity = radius * np.cos(angle), omega * radius * np.sin(angle)
    rate = measure.winding_rate(position, velocity, omega)
    assert rate.value == pytest.approx(-0.3)
    assert swept_area(position, velocity).value == pytest.approx(
        -np.sin(0.3) * omega * radius**2 / 2
    )
    assert not measure.winding_rate(position[:, :1], velocity[:, :1], omega).valid


def test_half_a_turn_is_wrapped_to_plus_pi():
    angle = np.array([[0.0, 0.0], [np.pi, np.pi]])
    assert measure.winding_rate(np.cos(angle), np.sin(angle), 1.0).value == pytest.approx(np.pi)


def test_swept_area_of_sgd_is_the_exact_one(seed):
    position, velocity = sgd_mode(1500, 64, seed)
    variance = 2 * NOISE / ((1 - MOMENTUM) * (2 * (1 + MOMENTUM) - LR * STIFFNESS))
    exact = -LR / 2 * (1 + MOMENTUM - LR * STIFFNESS / 2) * variance
    assert exact == pytest.approx(-0.175)
    area = swept_area(position, velocity)
    assert abs(pull(area, exact)) < 5
    assert abs(pull(area.scaled(-1), exact)) > 5  # control: the other sense of rotation


def test_winding_rate_of_the_langevin_equation_is_the_natural_frequency(seed):
    """At fine recording the current turns at -omega in every damping regime; the wrapped rate tends
    to it like h.
    """
    for friction in (0.2, 2.0):
        equation = ls.Underdamped(
            potential=ls.models.potentials.Quadratic(stiffness=np.eye(1)),
            mass=1.0,
            friction=friction,
            noise_covariance=np.array([[2 * friction]]),
            step_time=0.01,
        )
        run = ls.sde.simulate(
            equation,
            ls.sde.ExactOrnsteinUhlenbeck(),
            replicas=100,
            steps=10_000,
            seed=seed,
            start=(normals((100, 1), seed), normals((100, 1), seed + 1)),
            record=ls.record.states(),
            schedule=np.arange(10_001),
        )
        rate = measure.winding_rate(
            run["position"].values[..., 0], run["velocity"].values[..., 0], 1.0
        )
        assert abs(rate.value + 0.01) < 5 * rate.standard_error + 0.01 * 0.01 * friction * 2
        assert rate.standard_error < 0.03 * 0.01


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: measure.winding_rate(x, x[1:], 1.0), "velocity"),
        (lambda x: measure.winding_rate(x, x, 0.0), "omega = 0.0"),
        (lambda x: curvature(x[:, 0], lr=0.1, momentum=0.0), "position"),
        (lambda x: curvature(x, lr=-0.1, momentum=0.0), "lr = -0.1"),
        (lambda x: autocorrelation(x, np.array([10])), "lags"),
        (lambda x: autocorrelation(x, np.array([0.5])), "lags"),
        (lambda x: measure.oscillation(x, lags=np.array([0, 1])), "lags"),
        (lambda x: measure.geometric_mean(np.array([1.0, 0.0])), "samples"),
    ],
)
def test_bad_input_gets_one_line(call, message):
    with pytest.raises(ls.InputError, match=message) as caught:
        call(np.ones((10, 3)))
    assert "\n" not in str(caught.value)
