"""The law of the Langevin equation against matrix exponentials, Lyapunov equations and a plain
simulation.
"""

import numpy as np
import pytest
from scipy.linalg import block_diag, expm, solve_continuous_lyapunov

from langevin_sgd import SGD, InputError, LinearRegression
from langevin_sgd.theory import DiscreteLaw, Gaussian, LangevinLaw
from langevin_sgd.theory.damping import damping_ratio, natural_frequency, regime

NOISE = np.array([[0.7, 0.4, 0.1], [0.4, 0.5, -0.2], [0.1, -0.2, 0.9]])
ROTATION = np.linalg.qr(np.array([[1.0, 2.0, 0.5], [0.3, -1.0, 1.0], [2.0, 0.1, 1.0]]))[0]


def rotated_problem():
    spectrum = LinearRegression.from_spectrum(
        [1.3, 0.4, 0.02], minimiser=[1.0, -2.0, 0.5], eigenvectors=ROTATION
    )
    return spectrum.with_noise_covariance(ROTATION @ NOISE @ ROTATION.T)


def equation(problem, settings):
    """Drift and noise of dz = -A (z - z0) dt + noise, per step (time lr), straight from the
    equation of motion.
    """
    mass = settings.lr * (1 + settings.momentum) / 2
    identity = np.eye(problem.parameters)
    stiffness = problem.hessian + settings.weight_decay * identity
    drift = np.block(
        [[0 * identity, -identity], [stiffness / mass, (1 - settings.momentum) / mass * identity]]
    )
    force_noise = settings.lr * problem.noise_covariance / settings.batch_size / mass**2
    return settings.lr * drift, settings.lr * block_diag(0 * identity, force_noise)


SETTINGS = [
    SGD(lr=0.05, batch_size=2, momentum=0.9, weight_decay=0.01),
    SGD(lr=0.3, batch_size=1, momentum=0.0),
    SGD(lr=0.05, batch_size=4, momentum=0.99),
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_mean_and_covariance_solve_the_equation_at_all_times(settings):
    problem = rotated_problem()
    drift, noise = equation(problem, settings)
    centre = np.linalg.solve(
        problem.hessian + settings.weight_decay * np.eye(3), problem.hessian @ problem.minimiser
    )
    first = Gaussian(np.arange(6.0), np.diag([1.0, 2, 3, 4, 5, 6]) + 0.5)
    law = LangevinLaw(problem, settings, start=first)
    fixed = np.concatenate([centre, np.zeros(3)])
    # Van Loan: one exponential of a block matrix gives the propagator and the accumulated noise
    # over half a step.
    exponential = expm(0.5 * np.block([[drift, noise], [np.zeros((6, 6)), -drift.T]]))
    propagator = exponential[6:, 6:].T
    accumulated = propagator @ exponential[:6, 6:]
    mean, covariance = first.mean, first.covariance
    for halves in range(200):
        if halves in (0, 1, 2, 35, 199):
            np.testing.assert_allclose(law.mean(halves / 2), mean, rtol=1e-9, atol=1e-10)
            scale = np.abs(covariance).max()
            np.testing.assert_allclose(
                law.covariance(halves / 2), covariance, rtol=1e-8, atol=1e-9 * scale
            )
        mean = fixed + propagator @ (mean - fixed)
        covariance = propagator @ covariance @ propagator.T + accumulated


@pytest.mark.parametrize("settings", SETTINGS)
def test_stationary_covariance_solves_the_lyapunov_equation(settings):
    problem = rotated_problem()
    drift, noise = equation(problem, settings)
    covariance = solve_continuous_lyapunov(drift, noise)
    law = LangevinLaw(problem, settings)
    np.testing.assert_allclose(law.stationary().covariance, covariance, rtol=1e-9, atol=1e-12)
    lags = np.array([0.0, 2.5, 40.0])
    expected = np.array([expm(-drift * lag) @ covariance for lag in lags])
    np.testing.assert_allclose(law.autocovariance(lags), expected, rtol=1e-8, atol=1e-11)
    displacement = 2 * np.trace((covariance - expected)[:, :3, :3], axis1=1, axis2=2)
    np.testing.assert_allclose(
        law.mean_square_displacement(lags), displacement, rtol=1e-9, atol=1e-12
    )


def test_propagator_is_right_in_every_regime_and_does_not_overflow():
    momentum = 0.5
    critical = (1 - momentum) ** 2 / (2 * (1 + momentum))
    eigenvalues = np.array(
        [1.0, critical * (1 + 1e-9), critical, critical * (1 - 1e-9), 0.01, 1e-9]
    )
    settings = SGD(lr=1.0, batch_size=1, momentum=momentum)
    problem = LinearRegression.from_spectrum(eigenvalues)
    law = LangevinLaw(problem, settings, start=np.ones(6))
    times = np.array([0.0, 0.5, 3.0, 60.0])
    means = law.mode_mean(times)
    for mode, eigenvalue in enumerate(eigenvalues):
        drift = equation(LinearRegression.from_spectrum([eigenvalue]), settings)[0]
        expected = np.array([expm(-drift * time) @ [1.0, 0.0] for time in times])
        np.testing.assert_allclose(means[:, mode], expected, rtol=1e-9, atol=1e-13)
    assert (
        regime(settings, eigenvalues)
        == ["underdamped"] * 1 + ["underdamped", "critical"] + ["overdamped"] * 3
    )
    late = law.mean(np.array([1e7]))
    assert np.isfinite(late).all()
    assert late[0, 5] == pytest.approx(np.exp(-1e-9 / (1 - momentum) * 1e7), rel=1e-6)


def test_worked_single_mode_numbers():
    settings = SGD(lr=0.05, batch_size=1, momentum=0.9)
    law = LangevinLaw(LinearRegression.from_spectrum([1.3], noise_scale=0.7 / 1.3), settings)
    stiffness = np.array([1.3])
    gamma = damping_ratio(settings, stiffness) * natural_frequency(settings, stiffness)
    assert gamma[0] == pytest.approx(1.0526316, abs=1e-7)
    assert natural_frequency(settings, stiffness)[0] == pytest.approx(5.2314836, abs=1e-7)
    assert damping_ratio(settings, stiffness)[0] == pytest.approx(0.2012109, abs=1e-7)
    np.testing.assert_allclose(
        law.mode_stationary()[0], [[0.1346154, 0], [0, 3.6842105]], atol=1e-7
    )
    assert law.mean_square_displacement(37) == pytest.approx(0.3080149, abs=1e-7)


def test_local_displacement_is_the_formula_of_the_paper():
    problem = LinearRegression.from_spectrum([2.0, 0.5, 0.1], noise_scale=0.3)
    law = LangevinLaw(problem, SGD(lr=0.02, batch_size=4, momentum=0.8, weight_decay=0.1))
    assert law.local_displacement() == pytest.approx(0.02**2 * 0.3 * 2.6 / (4 * (1 - 0.8**2)))


def test_displacement_from_rest_against_a_plain_simulation():
    """Euler-Maruyama at 1/40 of a step, whose own error is about 1%; 6000 replicas; alarm below
    1e-5.
    """
    settings = SGD(lr=0.1, batch_size=1, momentum=0.8)
    problem = LinearRegression.from_spectrum([2.0])
    law = LangevinLaw(problem, settings, start=np.array([0.7]))
    rng = np.random.default_rng(11)
    replicas, parts, steps = 6000, 40, 12
    drift, noise = equation(problem, settings)
    theta, velocity = np.full(replicas, 0.7), np.zeros(replicas)
    for _ in range(parts * steps):
        pull = drift[1, 0] * theta + drift[1, 1] * velocity
        theta = theta + velocity * settings.lr / parts
        velocity = (
            velocity - pull / parts + np.sqrt(noise[1, 1] / parts) * rng.normal(size=replicas)
        )
    squared = (theta - 0.7) ** 2
    standard_error = squared.std() / np.sqrt(replicas)
    expected = law.displacement_from_start(steps)
    assert abs(squared.mean() - expected) < 4.5 * standard_error + 0.02 * expected
    # Control: half a step later the law is another.
    assert (
        abs(squared.mean() - law.displacement_from_start(steps + 2))
        > 4.5 * standard_error + 0.02 * expected
    )


def test_sample_has_the_moments_of_the_law():
    law = LangevinLaw(rotated_problem(), SETTINGS[0], start=np.ones(3))
    replicas = 40_000
    for time in (None, 5):
        position, velocity = law.sample(replicas, seed=3, t=time)
        states = np.hstack([position, velocity])
        mean = law.stationary().mean if time is None else law.mean(time)
        covariance = law.stationary().covariance if time is None else law.covariance(time)
        deviation = np.sqrt(np.diag(covariance))
        assert np.all(np.abs(states.mean(0) - mean) < 5 * deviation / np.sqrt(replicas))
        error = np.abs(np.cov(states.T) - covariance) / np.outer(deviation, deviation)
        assert error.max() < 5 * np.sqrt(2 / replicas)
    few = law.sample(7, seed=3)
    np.testing.assert_array_equal(few[0], law.sample(9, seed=3)[0][:7])


def test_independent_modes_are_sampled_as_such_with_the_same_moments():
    problem = LinearRegression.from_spectrum(
        [1.0, 0.3], eigenvectors=np.array([[0.6, 0.8], [-0.8, 0.6]])
    )
    law = DiscreteLaw(problem, SGD(lr=0.2, batch_size=1, momentum=0.5))
    states = np.hstack(law.sample(40_000, seed=5))
    covariance = law.stationary().covariance
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert np.max(np.abs(np.cov(states.T) - covariance) / scale) < 5 * np.sqrt(2 / 40_000)


def test_free_modes_without_noise_stay_and_with_noise_diffuse():
    still = LangevinLaw(
        LinearRegression.from_spectrum([1.0, 0.0]),
        SGD(lr=0.1, batch_size=1),
        start=np.array([0.0, 3.0]),
    )
    assert still.mean(1000.0)[1] == 3.0
    assert still.stationary().covariance[1, 1] == 0.0
    loud = LangevinLaw(still.problem.with_noise_covariance(np.eye(2)), still.settings)
    assert loud.mode_mean_square_displacement(1e4)[1] == pytest.approx(0.1**2 * 1e4, rel=1e-3)
    with pytest.raises(InputError, match="diffuses without bound"):
        loud.stationary()


@pytest.mark.parametrize(
    ("change", "message"),
    [({"nesterov": True}, "nesterov or dampening"), ({"dampening": 0.1}, "nesterov or dampening")],
)
def test_settings_without_a_langevin_equation_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        LangevinLaw(rotated_problem(), SGD(lr=0.1, batch_size=1, momentum=0.5, **change))


@pytest.mark.parametrize(
    "start", [np.zeros(2), "equilibrium", Gaussian(np.zeros(2), np.eye(2)), np.full(3, np.nan)]
)
def test_a_start_of_wrong_kind_is_refused(start):
    with pytest.raises(InputError, match="start"):
        LangevinLaw(rotated_problem(), SETTINGS[0], start=start)


def test_times_below_zero_are_refused():
    with pytest.raises(InputError, match="t = "):
        LangevinLaw(rotated_problem(), SETTINGS[0]).mean(-1.0)


@pytest.mark.parametrize(
    ("mean", "covariance"),
    [
        (np.zeros(3), np.eye(3)),
        (np.zeros(2), np.eye(3)),
        (np.zeros(2), np.array([[1.0, 1.0], [0.0, 1.0]])),
    ],
)
def test_a_gaussian_of_wrong_shape_is_refused(mean, covariance):
    with pytest.raises(InputError):
        Gaussian(mean, covariance)
