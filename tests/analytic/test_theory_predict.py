"""The prediction document, the accuracy of the Langevin equation, stability limits and Gaussian
inputs.
"""

import json

import numpy as np
import pytest
from scipy.linalg import expm, solve_discrete_lyapunov

from langevin_sgd import SGD, InputError
from langevin_sgd.theory import sde_error
from langevin_sgd.theory.gaussian_inputs import gaussian_input_law
from langevin_sgd.theory.predict import predict_linear_regression
from langevin_sgd.theory.sde_accuracy import exact_dispersion, mode_rates
from langevin_sgd.theory.stability import largest_stable_stiffness


def test_prediction_has_the_fields_of_the_contract_and_is_strict_json():
    result = predict_linear_regression(
        eigenvalues=[0.1, 10.0, 0.0], lr=0.05, momentum=0.9, lags=[1, 5]
    )
    assert list(result) == ["modes", "lags", "msd"]
    assert list(result["modes"][0]) == ["eigenvalue", "stiffness", "damping_ratio", "sde", "sgd"]
    numbers = [
        "var_position",
        "var_velocity",
        "cov_position_velocity",
        "frequency_per_step",
        "winding_rate_per_step",
    ]
    assert [list(mode[law]) for mode in result["modes"] for law in ("sde", "sgd")] == 6 * [numbers]
    assert [mode["eigenvalue"] for mode in result["modes"]] == [0.1, 10.0, 0.0]
    assert result["lags"] == [1, 5]
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    free = result["modes"][2]
    assert free["damping_ratio"] is None
    assert set(free["sgd"].values()) == set(free["sde"].values()) == {0.0}


@pytest.mark.parametrize(
    ("eigenvalue", "momentum"), [(1.3, 0.9), (0.01, 0.9), (6.0, 0.0), (60.0, 0.9)]
)
def test_predicted_numbers_against_matrices(eigenvalue, momentum):
    lr, batch_size, decay, scale = 0.05, 3, 0.02, 0.8
    result = predict_linear_regression(
        eigenvalues=[eigenvalue], lr=lr, momentum=momentum, batch_size=batch_size,
        weight_decay=decay,
        noise_scale=scale, lags=[1, 7],
    )  # fmt: skip
    mode, stiffness, noise = result["modes"][0], eigenvalue + decay, scale * eigenvalue / batch_size
    assert mode["stiffness"] == pytest.approx(stiffness)
    matrix = np.array([[1 - lr * stiffness, lr * momentum], [-stiffness, momentum]])
    covariance = solve_discrete_lyapunov(matrix, noise * np.outer([lr, 1], [lr, 1]))
    sgd = mode["sgd"]
    assert sgd["var_position"] == pytest.approx(covariance[0, 0])
    assert sgd["var_velocity"] == pytest.approx(covariance[1, 1])
    assert sgd["cov_position_velocity"] == pytest.approx(lr / 2 * covariance[1, 1])
    roots = np.linalg.eigvals(matrix)
    oscillates = abs(roots[0].imag) > 0
    assert sgd["frequency_per_step"] == pytest.approx(
        abs(np.angle(roots[0])) if oscillates else 0.0
    )
    for index, lag in enumerate((1, 7)):
        lagged = np.linalg.matrix_power(matrix, lag) @ covariance
        assert result["msd"]["sgd"][index] == pytest.approx(2 * (covariance - lagged)[0, 0])

    sde = mode["sde"]
    assert sde["var_position"] == pytest.approx(lr * noise / (2 * (1 - momentum) * stiffness))
    assert sde["var_velocity"] == pytest.approx(noise / (1 - momentum**2))
    assert sde["cov_position_velocity"] == 0
    mass = lr * (1 + momentum) / 2
    drift = lr * np.array([[0, -1], [stiffness / mass, (1 - momentum) / mass]])
    rates = np.linalg.eigvals(drift)
    assert sde["frequency_per_step"] == pytest.approx(abs(rates[0].imag))
    assert sde["winding_rate_per_step"] == pytest.approx(-lr * np.sqrt(stiffness / mass))
    assert mode["damping_ratio"] == pytest.approx(
        np.trace(drift) / (2 * np.sqrt(np.linalg.det(drift)))
    )
    for index, lag in enumerate((1, 7)):
        displacement = 2 * sde["var_position"] * (1 - expm(-drift * lag)[0, 0])
        assert result["msd"]["sde"][index] == pytest.approx(displacement)


def test_an_unstable_mode_is_refused_even_where_the_equation_is_finite():
    with pytest.raises(InputError, match=r"eigenvalue 100: .* eigenvalue < 76"):
        predict_linear_regression(eigenvalues=[1.0, 100.0], lr=0.05, momentum=0.9)


@pytest.mark.parametrize(
    "change",
    [
        {"eigenvalues": []}, {"eigenvalues": [-1.0]}, {"eigenvalues": [np.nan]}, {"lags": [0.5]},
        {"lags": [-1]},
        {"noise_scale": -1.0}, {"lr": 0.0}, {"momentum": 1.0},
    ],
)  # fmt: skip
def test_bad_arguments_are_refused(change):
    with pytest.raises(InputError):
        predict_linear_regression(**{"eigenvalues": [1.0], "lr": 0.1, **change})


TABLE = [
    (1e-3, 0.0, 1.0005, 0.99900, 0.99900, 0.0, 0.0, 0.567, 0.995),
    (1e-1, 0.0, 1.0526, 0.90000, 0.89981, 0.0, 0.0, 0.532, 0.950),
    (1e-2, 0.9, 1.0026, 0.94868, 0.94873, 0.08815, 0.08807, 0.962, 0.997),
    (1e-1, 0.9, 1.0270, 0.94868, 0.94873, 0.32175, 0.32015, 0.932, 0.973),
    (1.0, 0.9, 1.357, 0.94868, 0.94873, 1.0766, 1.0246, 0.652, 0.741),
    (1e-2, 0.99, 1.0025, 0.99499, 0.99499, 0.10017, 0.10013, 0.993, 0.998),
    (1.0, 0.99, 1.336, 0.99499, 0.99499, 1.0501, 1.0025, 0.686, 0.275),
]


@pytest.mark.parametrize("row", TABLE)
def test_accuracy_of_the_langevin_equation(row):
    h, momentum, variance, decay, decay_sde, frequency, frequency_sde, short, long = row
    error = sde_error(np.array([h]), momentum, lags=(1, 100))
    assert error.variance_ratio[0] == pytest.approx(variance, abs=5e-4)
    assert error.variance_ratio[0] == pytest.approx(1 / (1 - h / (2 * (1 + momentum))))
    assert (error.decay[0][0], error.decay[1][0]) == pytest.approx((decay, decay_sde), abs=6e-6)
    assert (error.frequency[0][0], error.frequency[1][0]) == pytest.approx(
        (frequency, frequency_sde), rel=6e-5, abs=6e-6
    )
    assert error.displacement_ratio[:, 0] == pytest.approx([short, long], abs=6e-4)


def test_modes_of_the_map_obey_the_exact_dispersion_relation():
    h = np.array([1e-3, 0.3, 2.0, 3.7])
    exact, equation = mode_rates(h, 0.8)
    np.testing.assert_allclose(exact_dispersion(exact[:3], h[:3], 0.8), 0, atol=1e-12)
    # Beyond (1 + sqrt(momentum))^2 the map flips sign every step; its rate has imaginary part pi.
    flipping = mode_rates(np.array([3.595]), 0.8)[0]
    assert flipping.imag[0] == np.pi
    assert abs(np.exp(flipping[0])) < 1
    np.testing.assert_allclose(exact_dispersion(flipping, 3.595, 0.8), 0, atol=1e-12)
    np.testing.assert_allclose(0.9 * equation**2 + 0.2 * equation + h, 0, atol=1e-12)


def test_slow_rates_agree_to_second_order():
    h = np.array([1e-3, 5e-4])
    exact, equation = mode_rates(h, 0.0)
    error = np.abs(equation / exact - 1)
    assert np.log2(error[0] / error[1]) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(
    "settings",
    [
        SGD(lr=0.3, batch_size=1),
        SGD(lr=0.3, batch_size=1, momentum=0.7),
        SGD(lr=0.3, batch_size=1, momentum=0.7, nesterov=True),
        SGD(lr=0.3, batch_size=1, momentum=0.7, dampening=0.4),
    ],
)
def test_stability_limit_is_where_a_root_leaves_the_unit_circle(settings):
    def radius(stiffness):
        beta, lr = settings.momentum, settings.lr
        velocity = np.array([-(1 - settings.dampening) * stiffness, beta])
        step = beta * velocity - [stiffness, 0] if settings.nesterov else velocity
        return np.abs(np.linalg.eigvals(np.array([[1, 0] + lr * step, velocity]))).max()

    limit = largest_stable_stiffness(settings)
    assert radius(limit) == pytest.approx(1, abs=1e-12)
    assert radius(0.99 * limit) < 1 < radius(1.01 * limit)


def test_gaussian_inputs_worked_numbers():
    law = gaussian_input_law(
        np.array([2, 1, 0.5, 0.25, 0.1]), SGD(lr=0.1, batch_size=2, momentum=0.5)
    )
    assert law.feedback == pytest.approx(0.2184404, abs=1e-7)
    assert law.excess == pytest.approx(0.2794929, abs=1e-7)
    expected = [0.0767696, 0.0697905, 0.0667562, 0.0653358, 0.0645122]
    np.testing.assert_allclose(law.variances, expected, atol=1e-7)


def test_gaussian_inputs_against_simulated_online_sgd():
    """60 000 replicas; alarm below 1e-4; the control is the additive law."""
    curvature, settings, replicas = (
        np.array([1.0, 0.3]),
        SGD(lr=0.2, batch_size=1, momentum=0.3),
        60_000,
    )
    law = gaussian_input_law(curvature, settings, noise_scale=0.5)
    rng = np.random.default_rng(6)
    theta, velocity = (
        rng.normal(size=(replicas, 2)) * np.sqrt(law.variances),
        np.zeros((replicas, 2)),
    )
    for _ in range(80):
        inputs = rng.normal(size=(replicas, 2)) * np.sqrt(curvature)
        error = np.sum(inputs * theta, axis=1) - np.sqrt(0.5) * rng.normal(size=replicas)
        velocity = 0.3 * velocity - inputs * error[:, None]
        theta = theta + 0.2 * velocity
    squared = theta**2
    standard_error = squared.std(axis=0) / np.sqrt(replicas)
    assert np.all(np.abs(squared.mean(axis=0) - law.variances) < 4.5 * standard_error)
    additive = 0.5 * 0.2 * 1.3 / (0.7 * (2.6 - 0.2 * curvature))
    assert np.all(np.abs(squared.mean(axis=0) - additive) > 10 * standard_error)


def test_gaussian_inputs_that_diverge_are_refused():
    with pytest.raises(InputError, match="diverges in the mean square"):
        gaussian_input_law(np.ones(50), SGD(lr=0.1, batch_size=1))
    with pytest.raises(InputError, match="plain momentum"):
        gaussian_input_law(np.ones(2), SGD(lr=0.1, batch_size=1, weight_decay=0.1))
