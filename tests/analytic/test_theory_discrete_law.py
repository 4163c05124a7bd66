"""The law of SGD with additive noise against powers of the one-step matrix, linear algebra and a
plain simulation.
"""

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov

from langevin_sgd import SGD, InputError, LinearRegression
from langevin_sgd.theory import DiscreteLaw, Gaussian, LangevinLaw, free_displacement

PAIR = np.array([[0.7, 0.4], [0.4, 0.5]])
ROTATION = np.array([[0.6, 0.8], [-0.8, 0.6]])


def pair_problem(vectors=None):
    vectors = np.eye(2) if vectors is None else vectors
    problem = LinearRegression.from_spectrum(
        [1.3, 0.4], minimiser=[1.0, -2.0], eigenvectors=vectors
    )
    return problem.with_noise_covariance(vectors @ PAIR @ vectors.T)


def one_step(problem, settings):
    """Matrix, constant and noise gain of one step, from the update rule as torch.optim.SGD writes
    it.
    """
    size, lr, beta = problem.parameters, settings.lr, settings.momentum
    keep = 1 - settings.dampening if beta else 1.0
    identity, zero = np.eye(size), np.zeros((size, size))
    gradient = np.hstack([problem.hessian + settings.weight_decay * identity, zero])
    velocity = np.hstack([zero, beta * identity]) - keep * gradient
    step = beta * velocity - gradient if settings.nesterov else velocity
    matrix = np.vstack([np.hstack([identity, zero]) + lr * step, velocity])
    reach = lr * (1 + beta) if settings.nesterov else lr * keep
    gain = -np.vstack([reach * identity, keep * identity])
    return matrix, -gain @ problem.hessian @ problem.minimiser, gain


SETTINGS = [
    SGD(lr=0.05, batch_size=2, momentum=0.9, weight_decay=0.01),
    SGD(lr=1.2, batch_size=1, momentum=0.0, weight_decay=0.1),
    SGD(lr=2.5, batch_size=1, momentum=0.9),
    SGD(lr=0.3, batch_size=1, momentum=0.6, nesterov=True, weight_decay=0.05),
    SGD(lr=0.9, batch_size=1, momentum=0.9, nesterov=True),
    SGD(lr=0.3, batch_size=3, momentum=0.7, dampening=0.4, weight_decay=0.05),
    SGD(lr=0.3, batch_size=3, dampening=0.4),
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("vectors", [None, ROTATION])
def test_moments_are_those_of_the_map(settings, vectors):
    problem = pair_problem(vectors)
    matrix, constant, gain = one_step(problem, settings)
    noise = gain @ problem.noise_covariance @ gain.T / settings.batch_size
    first = Gaussian(np.arange(4.0), np.diag([1.0, 2, 3, 4]) + 0.5)
    law = DiscreteLaw(problem, settings, start=first)
    mean, covariance = first.mean, first.covariance
    for step in range(60):
        if step in (0, 1, 2, 7, 59):
            np.testing.assert_allclose(law.mean(step), mean, rtol=1e-9, atol=1e-11)
            scale = np.abs(covariance).max()
            np.testing.assert_allclose(
                law.covariance(step), covariance, rtol=1e-9, atol=1e-11 * scale
            )
        mean, covariance = matrix @ mean + constant, matrix @ covariance @ matrix.T + noise
    stationary = solve_discrete_lyapunov(matrix, noise)
    np.testing.assert_allclose(
        law.stationary().covariance, stationary, rtol=1e-9, atol=1e-11 * stationary.max()
    )
    lags = np.array([0, 1, 2, 30])
    lagged = np.array([np.linalg.matrix_power(matrix, lag) @ stationary for lag in lags])
    np.testing.assert_allclose(
        law.autocovariance(lags), lagged, rtol=1e-8, atol=1e-10 * stationary.max()
    )
    displacement = 2 * np.trace((stationary - lagged)[:, :2, :2], axis1=1, axis2=2)
    np.testing.assert_allclose(
        law.mean_square_displacement(lags), displacement, rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("settings", SETTINGS[:5])
def test_per_mode_methods_agree_with_whole_matrices(settings):
    law = DiscreteLaw(pair_problem(ROTATION), settings, start=np.array([2.0, 1.0]))
    vectors, times = law.modes.vectors, np.array([0, 1, 9])
    by_mode = np.einsum("il,tij,jl->tl", vectors, law.covariance(times)[:, :2, 2:], vectors)
    np.testing.assert_allclose(
        law.mode_covariance(times)[..., 0, 1], by_mode, rtol=1e-10, atol=1e-14
    )
    lagged = np.einsum("il,tij,jl->tl", vectors, law.autocovariance(times)[:, 2:, :2], vectors)
    np.testing.assert_allclose(
        law.mode_autocovariance(times)[..., 1, 0], lagged, rtol=1e-9, atol=1e-13
    )
    assert law.mode_variances()[1].sum() == pytest.approx(
        np.trace(law.stationary().velocity_covariance)
    )


def test_worked_numbers():
    settings = SGD(lr=0.05, batch_size=1, momentum=0.9)
    single = DiscreteLaw(LinearRegression.from_spectrum([1.3], noise_scale=0.7 / 1.3), settings)
    np.testing.assert_allclose(single.mode_stationary()[0, 0], [0.1369581, 0.0937082], atol=1e-7)
    assert single.mode_variances()[1][0] == pytest.approx(3.7483266, abs=1e-7)
    assert single.mean_square_displacement(37) == pytest.approx(0.3134556, abs=1e-7)
    covariance = DiscreteLaw(pair_problem(), settings).stationary().covariance
    np.testing.assert_allclose(covariance[0, [1, 3]], [0.0554826, 0.2744926], atol=1e-7)
    assert covariance[2, 3] == pytest.approx(0.9928457, abs=1e-7)


def test_plain_sgd_is_the_autoregressive_process():
    lr, curvature = 0.3, 1.7
    law = DiscreteLaw(LinearRegression.from_spectrum([curvature]), SGD(lr=lr, batch_size=1))
    variance = lr / (2 - lr * curvature)
    assert law.mode_variances()[0][0] == pytest.approx(variance)
    lags = np.arange(6)
    expected = variance * (1 - lr * curvature) ** lags
    np.testing.assert_allclose(law.mode_autocovariance(lags)[:, 0, 0, 0], expected, rtol=1e-12)


def test_position_pairs_with_the_velocity_that_produced_it():
    law = DiscreteLaw(pair_problem(), SETTINGS[0])
    blocks = law.mode_stationary()
    np.testing.assert_allclose(blocks[:, 0, 1], 0.5 * 0.05 * blocks[:, 1, 1], rtol=1e-12)
    later_velocity = law.mode_autocovariance(1)[:, 1, 0]
    np.testing.assert_allclose(later_velocity, -0.5 * 0.05 * blocks[:, 1, 1], rtol=1e-12)


def test_displacement_keeps_its_digits_for_soft_and_free_modes():
    settings = SGD(lr=0.1, batch_size=1, momentum=0.9)
    lags = np.array([0, 1, 2, 10, 1000])
    problem = LinearRegression.from_spectrum([1.0, 1e-13, 0.0]).with_noise_covariance(np.eye(3))
    displacement = DiscreteLaw(problem, settings).mode_mean_square_displacement(lags)
    free = lags - 2 * 0.9 * (1 - 0.9**lags) / (1 - 0.9**2)  # times lr / (1 - momentum) = 1
    np.testing.assert_allclose(free_displacement(lags, settings, 1.0), free, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(displacement[:, 1], free, rtol=1e-9)
    np.testing.assert_allclose(displacement[:, 2], free, rtol=1e-12)
    velocities = sum(0.9 ** abs(a - b) for a in range(10) for b in range(10)) / (1 - 0.9**2)
    assert free[3] == pytest.approx(0.1**2 * velocities)


def test_simulated_sgd_follows_the_law_and_not_the_langevin_equation():
    """20 000 replicas of two coupled modes at lr * stiffness = 0.65; alarm below 1e-4 over all
    entries.
    """
    settings = SGD(lr=0.5, batch_size=1, momentum=0.8)
    problem, start, replicas = pair_problem(), np.array([2.0, -1.0]), 20_000
    rng, root = np.random.default_rng(5), np.linalg.cholesky(PAIR)
    theta, velocity = np.tile(start, (replicas, 1)), np.zeros((replicas, 2))
    times, pulls = (3, 40), {"sgd": [], "langevin": []}
    laws = {
        "sgd": DiscreteLaw(problem, settings, start=start),
        "langevin": LangevinLaw(problem, settings, start=start),
    }
    for step in range(1, max(times) + 1):
        gradient = (theta - problem.minimiser) @ problem.hessian + rng.normal(
            size=theta.shape
        ) @ root.T
        velocity = settings.momentum * velocity - gradient
        theta = theta + settings.lr * velocity
        if step in times:
            measured = np.cov(np.hstack([theta, velocity]).T)
            error = np.sqrt(
                (np.outer(np.diag(measured), np.diag(measured)) + measured**2) / replicas
            )
            for name, law in laws.items():
                pulls[name].append(np.abs(law.covariance(step) - measured) / error)
            moved = np.sum((theta - start) ** 2, axis=1)
            pull = (moved.mean() - laws["sgd"].displacement_from_start(step)) / (
                moved.std() / np.sqrt(replicas)
            )
            assert abs(pull) < 4.5
    assert np.max(pulls["sgd"]) < 4.5
    assert np.max(pulls["langevin"]) > 10


def test_data_with_flat_directions_have_a_stationary_law():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(30, 3)) @ rng.normal(size=(3, 6))
    law = DiscreteLaw(
        LinearRegression.from_data(inputs, rng.normal(size=30)), SGD(lr=0.01, batch_size=5)
    )
    assert np.count_nonzero(law.modes.eigenvalues) == 3
    assert np.all(law.mode_variances()[0][3:] == 0)
    assert np.isfinite(law.stationary().covariance).all()


def test_stationary_start_does_not_move_in_law():
    law = DiscreteLaw(pair_problem(ROTATION), SETTINGS[0], start="stationary")
    np.testing.assert_allclose(law.covariance(17), law.stationary().covariance, rtol=1e-12)
    np.testing.assert_allclose(law.mean(17), law.stationary().mean, rtol=1e-12)
    lags = np.array([1, 5, 50])
    np.testing.assert_allclose(
        law.displacement_from_start(lags), law.mean_square_displacement(lags), rtol=1e-9
    )


def test_two_thousand_modes_are_cheap():
    problem = LinearRegression.from_spectrum(np.arange(1, 2001.0) ** -1.5)
    law = DiscreteLaw(problem, SGD(lr=0.1, batch_size=8, momentum=0.9))
    lags = np.array([1, 100, 10_000])
    assert law.mode_mean_square_displacement(lags).shape == (3, 2000)
    saturated = 2 * law.mode_variances()[0].sum()
    assert law.mean_square_displacement(10**9) == pytest.approx(saturated, rel=1e-6)


def test_time_helpers():
    problem = LinearRegression.from_data(np.eye(4), np.ones(4))
    law = DiscreteLaw(problem, SGD(lr=0.1, batch_size=2))
    assert law.tau(30) == pytest.approx(3.0)
    assert law.epochs(30) == pytest.approx(15.0)
    with pytest.raises(InputError, match="no epochs"):
        DiscreteLaw(pair_problem(), SGD(lr=0.1, batch_size=2)).epochs(1)


def test_combinations_without_a_law_are_refused_and_told_what_there_is():
    data = LinearRegression.from_data(np.random.default_rng(0).normal(size=(7, 2)), np.arange(7.0))
    spectrum = pair_problem()
    cases = [
        (
            data,
            {"sampling": "epochs", "batch_size": 1},
            {"noise": "minibatch"},
            "only noise = 'additive'",
        ),
        (spectrum, {"batch_size": 1}, {"noise": "minibatch"}, "needs a problem with data"),
        (spectrum, {"batch_size": 1}, {"noise": "coloured"}, "additive"),
        (spectrum, {"batch_size": 1}, {"epoch_phase": 0}, "needs sampling = 'epochs'"),
    ]
    for problem, settings, options, message in cases:
        with pytest.raises(InputError, match=message):
            DiscreteLaw(problem, SGD(lr=0.1, **settings), **options)
    for settings, message in [
        (SGD(lr=0.1, batch_size=2, sampling="epochs"), "divisor of N"),
        (SGD(lr=0.1, batch_size=8, sampling="without_replacement"), "must not exceed"),
        (SGD(lr=0.1, batch_size=8, sampling="epochs"), "divisor of N"),
    ]:
        with pytest.raises(InputError, match=message):
            DiscreteLaw(data, settings).stationary()
    with pytest.raises(InputError, match="spectrum only"):
        DiscreteLaw(
            spectrum, SGD(lr=0.1, batch_size=2, sampling="without_replacement")
        ).stationary()
    with pytest.raises(InputError, match="whole steps"):
        DiscreteLaw(spectrum, SGD(lr=0.1, batch_size=2)).mean(0.5)
    with pytest.raises(InputError, match="first gradient of a run from rest"):
        DiscreteLaw(spectrum, SGD(lr=0.1, batch_size=2, momentum=0.5, dampening=0.5)).mean(1)


def test_an_unstable_mode_is_refused_by_name():
    with pytest.raises(InputError, match=r"eigenvalue 80: .* eigenvalue < 75\.9"):
        DiscreteLaw(
            LinearRegression.from_spectrum([1.0, 80.0]),
            SGD(lr=0.05, batch_size=1, momentum=0.9, weight_decay=0.1),
        )


def test_dampening_from_rest_is_the_undamped_law_for_one_step_and_the_damped_law_after():
    damped = SGD(lr=0.2, batch_size=1, momentum=0.6, dampening=0.5)
    plain = SGD(lr=0.2, batch_size=1, momentum=0.6)
    problem, start = pair_problem(), np.array([1.0, 2.0])
    first = DiscreteLaw(problem, plain, start=start)
    law = DiscreteLaw(problem, damped, start=Gaussian(first.mean(1), first.covariance(1)))
    buffer, theta, first_gradient = None, start, True
    for _ in range(5):
        gradient = (theta - problem.minimiser) @ problem.hessian
        buffer = gradient if first_gradient else 0.6 * buffer + 0.5 * gradient
        theta, first_gradient = theta - 0.2 * buffer, False
    np.testing.assert_allclose(law.mean(4)[:2], theta, rtol=1e-12)
    np.testing.assert_allclose(law.mean(4)[2:], -buffer, rtol=1e-12)
