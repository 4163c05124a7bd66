"""The simulators against the exact law of section 1.3's equation, worked out here from the matrices
themselves.
"""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import block_diag, expm, solve_continuous_lyapunov

import langevin_sgd as ls

PROBLEMS = {
    "overdamped": ([0.004, 0.001], None, 0.9),
    "critical": ([0.1**2 / (2 * 0.05 * 1.9), 0.03], None, 0.9),
    "underdamped": ([1.3, 0.4], None, 0.9),
    "no momentum": ([1.3, 0.4], None, 0.0),
    "noise that does not commute": ([1.3, 0.4], [[0.7, 0.4], [0.4, 0.5]], 0.9),
}


def problem_and_settings(name, weight_decay=0.1):
    eigenvalues, covariance, momentum = PROBLEMS[name]
    turn = np.array([[np.cos(0.6), -np.sin(0.6)], [np.sin(0.6), np.cos(0.6)]])
    problem = ls.LinearRegression.from_spectrum(
        eigenvalues, minimiser=[0.5, -1.0], eigenvectors=turn
    )
    problem = problem if covariance is None else problem.with_noise_covariance(covariance)
    return problem, ls.SGD(lr=0.05, batch_size=2, momentum=momentum, weight_decay=weight_decay)


def drift_and_diffusion_matrices(problem, settings):
    """Matrices of dz = -A z dt + noise with covariance D dt, typed from the first-order form of the
    equation.
    """
    lr, momentum = settings.lr, settings.momentum
    stiffness = problem.hessian + settings.weight_decay * np.eye(2)
    scale, identity = 2 / (lr * (1 + momentum)), np.eye(2)
    drift = np.block(
        [[np.zeros((2, 2)), -identity], [scale * stiffness, scale * (1 - momentum) * identity]]
    )
    velocity_noise = 4 / ((1 + momentum) ** 2 * lr * settings.batch_size) * problem.noise_covariance
    return drift, block_diag(np.zeros((2, 2)), velocity_noise)


def exact_moments(problem, settings, start, steps):
    """Mean and covariance of (theta, v) after `steps`, from rest at `start`."""
    drift, diffusion = drift_and_diffusion_matrices(problem, settings)
    stiffness = problem.hessian + settings.weight_decay * np.eye(2)
    centre = np.concatenate(
        [np.linalg.solve(stiffness, problem.hessian @ problem.minimiser), [0, 0]]
    )
    propagator = expm(-drift * settings.lr * steps)
    stationary = solve_continuous_lyapunov(drift, diffusion)
    mean = centre + propagator @ (np.concatenate([start, [0, 0]]) - centre)
    return mean, stationary - propagator @ stationary @ propagator.T


def in_parameters(linear, matrices):
    """Matrices per group, or per group and source, as one matrix over (theta, v) in the original
    coordinates.
    """
    groups, size = len(matrices), linear.positions
    blocks = matrices.reshape(groups, 2, size, 2, size)
    full = np.zeros((2, groups, size, 2, groups, size))
    for group in range(groups):
        full[:, group, :, :, group] = blocks[group]
    turn = block_diag(linear.basis, linear.basis)
    return turn @ full.reshape(2 * groups * size, -1) @ turn.T


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("steps", [1, 37, 5000])
def test_exact_step_is_the_propagator_and_covariance_of_the_equation(name, steps):
    problem, settings = problem_and_settings(name)
    linear = ls.Underdamped.from_sgd(problem, settings).linear()
    step = ls.sde.ExactOrnsteinUhlenbeck().linear_step(linear, settings.lr * steps)
    drift, diffusion = drift_and_diffusion_matrices(problem, settings)
    propagator = expm(-drift * settings.lr * steps)
    stationary = solve_continuous_lyapunov(drift, diffusion)
    covariance = stationary - propagator @ stationary @ propagator.T
    scale = np.sqrt(np.outer(np.diag(stationary), np.diag(stationary)))
    units = np.sqrt(np.diag(stationary))
    found = in_parameters(linear, step.matrix)
    assert np.abs((found - propagator) * units / units[:, None]).max() < 1e-11
    found = in_parameters(linear, step.noise @ np.swapaxes(step.noise, 1, 2))
    assert np.abs((found - covariance) / scale).max() < 1e-11


def test_commuting_noise_is_separated_and_other_noise_is_not():
    groups = {
        name: len(ls.Underdamped.from_sgd(*problem_and_settings(name)).linear().drift)
        for name in PROBLEMS
    }
    assert groups.pop("noise that does not commute") == 1
    assert set(groups.values()) == {2}


def test_degenerate_modes_are_separated_by_their_noise():
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(4, 4)))[0]
    hessian = rotation @ np.diag([2.0, 1.0, 1.0, 1.0]) @ rotation.T
    covariance = rotation @ np.diag([0.5, 3.0, 2.0, 1.0]) @ rotation.T
    problem = ls.LinearRegression(
        hessian=hessian, minimiser=np.zeros(4), noise_covariance=covariance
    )
    linear = ls.Overdamped.from_sgd(problem, ls.SGD(lr=0.1, batch_size=1)).linear()
    assert len(linear.drift) == 4
    assert np.allclose(
        linear.basis @ np.diag(-linear.drift[:, 0, 0]) @ linear.basis.T, hessian, atol=1e-12
    )


def test_reference_numbers_of_the_stationary_law():
    problem = ls.LinearRegression.from_spectrum([1.3]).with_noise_covariance([[0.7]])
    equation = ls.Underdamped.from_sgd(problem, ls.SGD(lr=0.05, batch_size=1, momentum=0.9))
    step = ls.sde.ExactOrnsteinUhlenbeck().linear_step(equation.linear(), 1e4)
    assert np.allclose(step.noise[0] @ step.noise[0].T, [[0.1346154, 0], [0, 3.6842105]], atol=1e-7)


@pytest.mark.parametrize("lr", [1e-8, 1e-5, 1e-2])
def test_covariance_of_one_step_keeps_its_digits_at_any_learning_rate(lr):
    """Var theta, of order h^3, is computed beside Var v, of order h: against quadrature of the
    response function.
    """
    stiffness, momentum = 1.3, 0.9
    problem = ls.LinearRegression.from_spectrum([stiffness])
    equation = ls.Underdamped.from_sgd(problem, ls.SGD(lr=lr, batch_size=1, momentum=momentum))
    step = ls.sde.ExactOrnsteinUhlenbeck().linear_step(equation.linear(), lr)
    gamma = (1 - momentum) / (lr * (1 + momentum))
    delta = np.sqrt(complex(2 * stiffness / (lr * (1 + momentum)) - gamma**2))
    noise = 4 * stiffness / ((1 + momentum) ** 2 * lr)

    def response(u):
        return (np.exp(-gamma * lr * u) * np.sin(delta * lr * u) / delta / lr).real ** 2

    variance = noise * lr**3 * quad(response, 0, 1, epsabs=0, epsrel=1e-12)[0]
    assert np.isclose((step.noise[0] @ step.noise[0].T)[0, 0], variance, rtol=1e-10)


def test_a_free_direction_diffuses():
    problem = ls.LinearRegression.from_spectrum([1.0, 0.0]).with_noise_covariance(np.eye(2))
    settings = ls.SGD(lr=0.1, batch_size=4, momentum=0.5)
    step = ls.sde.ExactOrnsteinUhlenbeck().linear_step(
        ls.Underdamped.from_sgd(problem, settings).linear(), 1e5
    )
    noise = step.noise[
        1
    ]  # spectral density lr/(B friction^2) in units of tau; the memory is forgotten
    assert np.isclose((noise @ noise.T)[0, 0], 0.1 / 4 / 0.5**2 * 1e5, rtol=1e-4)


# --- the kernel realises the map ------------------------------------------------------------------


def pulls(run, mean, covariance):
    """Deviations of sampled mean and covariance of (theta, v) in standard errors of Gaussian
    samples.
    """
    state = np.concatenate([run["position"].values[-1], run["velocity"].values[-1]], axis=1)
    count = len(state)
    of_mean = (state.mean(axis=0) - mean) / np.sqrt(np.diag(covariance) / count)
    error = np.sqrt(
        (np.outer(np.diag(covariance), np.diag(covariance)) + covariance**2) / (count - 1)
    )
    return np.concatenate([of_mean, ((np.cov(state.T) - covariance) / error)[np.triu_indices(4)]])


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize(("integrator", "substeps"), [("ExactOrnsteinUhlenbeck", 1), ("BAOAB", 12)])
def test_sampled_moments_along_the_transient(name, integrator, substeps, seed):
    """14 Gaussian pulls at each of two times: beyond 5.2 sigma with probability 6e-6 for each
    case.
    """
    problem, settings = problem_and_settings(name)
    equation = ls.Underdamped.from_sgd(problem, settings)
    start = np.array([2.0, 1.0])
    for steps in (3, 40):
        run = ls.sde.simulate(
            equation,
            getattr(ls.sde, integrator)(),
            replicas=3000,
            steps=steps,
            seed=seed,
            start=start,
            substeps=substeps,
            record=ls.record.states(),
            schedule=[steps],
        )
        mean, covariance = exact_moments(problem, settings, start, steps)
        assert np.abs(pulls(run, mean, covariance)).max() < 5.2


@pytest.mark.parametrize("change", ["noise", "mass", "friction"])
def test_control_a_wrong_equation_is_noticed(change, seed):
    problem, settings = problem_and_settings("underdamped")
    right = ls.Underdamped.from_sgd(problem, settings)
    factor = {name: 1.25 if name == change else 1.0 for name in ("noise", "mass", "friction")}
    wrong = ls.Underdamped(
        potential=right.potential,
        mass=right.mass * factor["mass"],
        friction=right.friction * factor["friction"],
        noise_covariance=right.noise_covariance * factor["noise"],
        step_time=right.step_time,
    )
    start = np.array([2.0, 1.0])
    options = {
        "replicas": 3000,
        "steps": 40,
        "start": start,
        "record": ls.record.states(),
        "schedule": [40],
    }
    run = ls.sde.simulate(wrong, ls.sde.ExactOrnsteinUhlenbeck(), seed=seed, **options)
    assert np.abs(pulls(run, *exact_moments(problem, settings, start, 40))).max() > 5.2


def test_overdamped_law(seed):
    """Mean and variance of each mode at three times: 6 pulls, beyond 5 sigma with probability
    4e-6.
    """
    stiffness, friction, replicas = np.array([1.3, 0.4]), 0.1, 4000
    problem = ls.LinearRegression.from_spectrum(stiffness)
    equation = ls.Overdamped.from_sgd(problem, ls.SGD(lr=0.05, batch_size=2, momentum=1 - friction))
    for steps in (1, 3, 30):
        run = ls.sde.simulate(
            equation,
            ls.sde.ExactOrnsteinUhlenbeck(),
            replicas=replicas,
            steps=steps,
            seed=seed,
            start=[2.0, 1.0],
        )
        decay = np.exp(-stiffness * 0.05 * steps / friction)
        variance = 0.05 / (2 * 2 * friction) * (1 - decay**2)
        end = run["final_position"].values
        assert np.abs((end.mean(axis=0) - [2, 1] * decay) / np.sqrt(variance / replicas)).max() < 5
        assert (
            np.abs((end.var(axis=0, ddof=1) / variance - 1) / np.sqrt(2 / (replicas - 1))).max() < 5
        )
        assert np.isnan(run["final_velocity"].values).all()
        assert not run["status"].any()


def test_overdamped_is_the_limit_of_underdamped():
    """At times much longer than the memory, the slow mode of both agrees to first order in lr
    k/(friction^2).
    """
    for lr, tolerance in ((1e-3, 2e-2), (1e-4, 2e-3)):
        settings = ls.SGD(lr=lr, batch_size=1, momentum=0.5)
        problem = ls.LinearRegression.from_spectrum([1.0])
        time = 1.0
        slow, full = (
            ls.sde.ExactOrnsteinUhlenbeck().linear_step(
                kind.from_sgd(problem, settings).linear(), time
            )
            for kind in (ls.Overdamped, ls.Underdamped)
        )
        assert abs(full.matrix[0, 0, 0] / slow.matrix[0, 0, 0] - 1) < tolerance
        assert (
            abs((full.noise[0] @ full.noise[0].T)[0, 0] / slow.noise[0, 0, 0] ** 2 - 1) < tolerance
        )


def test_without_noise_the_path_is_the_damped_one_in_the_original_coordinates():
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    problem = ls.LinearRegression.from_spectrum([5.0, 2.0, 0.3], noise_scale=0.0, eigenvectors=turn)
    equation = ls.Underdamped.from_sgd(problem, ls.SGD(lr=0.1, batch_size=1, momentum=0.8))
    run = ls.sde.simulate(
        equation, ls.sde.ExactOrnsteinUhlenbeck(), steps=7, start=([1, 2, 3], [0, -1, 5])
    )
    linear = np.block(
        [[np.zeros((3, 3)), np.eye(3)], [-problem.hessian / 0.09, -0.2 / 0.09 * np.eye(3)]]
    )
    end = expm(0.7 * linear) @ [1, 2, 3, 0, -1, 5]
    assert np.allclose(run["final_position"].values[0], end[:3], rtol=1e-10)
    assert np.allclose(run["final_velocity"].values[0], end[3:], rtol=1e-10)


# --- from SGD -------------------------------------------------------------------------------------


def test_noise_without_replacement_is_that_of_distinct_samples():
    """Covariance of the gradient over every batch of 3 out of 6 samples, enumerated."""
    from itertools import combinations

    rng = np.random.default_rng(5)
    problem = ls.LinearRegression.from_data(rng.normal(size=(6, 2)), rng.normal(size=6))
    gradients = problem.X * (problem.X @ problem.minimiser - problem.y)[:, None]
    batches = np.array([gradients[list(batch)].mean(axis=0) for batch in combinations(range(6), 3)])
    settings = ls.SGD(lr=0.1, batch_size=3, momentum=0.3, sampling="without_replacement")
    found = ls.Underdamped.from_sgd(problem, settings).noise_covariance
    assert np.allclose(found, 0.1 * np.cov(batches.T, bias=True), rtol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sampling": "epochs"}, "sampling = 'epochs'"),
        ({"sampling": "without_replacement"}, "needs a problem with data"),
        ({"nesterov": True, "momentum": 0.5}, "plain momentum"),
        ({"dampening": 0.5, "momentum": 0.5}, "plain momentum"),
    ],
)
def test_settings_the_equation_does_not_describe_are_refused(changes, message):
    problem = ls.LinearRegression.from_spectrum([1.0])
    settings = ls.SGD(**{"lr": 0.1, "batch_size": 1, **changes})
    for equation in (ls.Underdamped, ls.Overdamped):
        with pytest.raises(ls.InputError, match=message) as caught:
            equation.from_sgd(problem, settings)
        assert "\n" not in str(caught.value)


def test_energy_force_and_hessian_agree():
    potential = ls.models.potentials.Quadratic(
        stiffness=np.array([[2.0, 0.5], [0.5, 1.0]]), centre=np.array([1.0, -1.0])
    )
    theta, small = np.array([0.3, 0.7]), 1e-4 * np.eye(2)
    slope = (potential.energy(theta + small) - potential.energy(theta - small)) / 2e-4
    assert np.allclose(-potential.force(theta), slope)
    bend = (potential.force(theta - small) - potential.force(theta + small)) / 2e-4
    assert np.allclose(potential.hessian(theta), bend)
