"""Orders of the integrators, measured without sampling noise.

In a linear equation the map of a step moves mean and covariance exactly, so that the error of every
moment is known to rounding. The order is the slope of log error against log step over five
halvings, with the standard error of that regression.
"""

import math

import numpy as np
import pytest
from scipy.linalg import expm, solve_continuous_lyapunov, solve_discrete_lyapunov

import langevin_sgd as ls

STEPS = 2.0 ** -np.arange(5, 11)
TIME = 1.5
DRIFT = np.array([[0.0, 1.0], [-2.0, -0.8]])
DIFFUSION = np.diag([0.0, 1.6])
START = np.array([1.0, 0.5])


def equation(kind=ls.Underdamped):
    """Oscillator of mass 1/2, stiffness 1, friction 0.4, random force of spectral density 0.4."""
    mass = {"mass": 0.5} if kind is ls.Underdamped else {}
    return kind(
        potential=ls.models.potentials.Quadratic(stiffness=np.eye(1)),
        friction=0.4,
        noise_covariance=np.array([[0.4]]),
        step_time=1.0,
        **mass,
    )


def single(integrator, size, kind=ls.Underdamped):
    step = integrator.linear_step(equation(kind).linear(), size)
    return step.matrix[0], step.noise[0]


def iterate(matrix, covariance, mean, count):
    """Mean and covariance after `count` steps of a linear map with noise of that covariance."""
    spread = np.zeros_like(covariance)
    for _ in range(count):
        mean, spread = matrix @ mean, matrix @ spread @ matrix.T + covariance
    return mean, spread


def fitted_order(errors):
    """Slope of log error against log step, with its standard error."""
    x, y = np.log(STEPS), np.log(errors)
    slope, intercept = np.polyfit(x, y, 1)
    residuals = y - slope * x - intercept
    return slope, math.sqrt((residuals**2).sum() / (len(x) - 2) / ((x - x.mean()) ** 2).sum())


def exact_moments():
    propagator = expm(DRIFT * TIME)
    stationary = solve_continuous_lyapunov(DRIFT, -DIFFUSION)
    return propagator @ START, stationary - propagator @ stationary @ propagator.T


def weak_errors(integrator):
    """Largest error of the mean, and of the covariance, at the end for each step."""
    mean, covariance = exact_moments()
    found = []
    for size in STEPS:
        matrix, noise = single(integrator, size)
        mean_found, covariance_found = iterate(matrix, noise @ noise.T, START, round(TIME / size))
        found.append((np.abs(mean_found - mean).max(), np.abs(covariance_found - covariance).max()))
    return np.array(found).T


@pytest.mark.parametrize("integrator", [ls.sde.EulerMaruyama(), ls.sde.BAOAB()])
def test_weak_order_is_the_declared_one(integrator):
    for errors in weak_errors(integrator):
        order, error = fitted_order(errors)
        assert error < 0.05
        assert abs(order - integrator.weak_order) < 0.05


@pytest.mark.parametrize("integrator", [ls.sde.EulerMaruyama(), ls.sde.BAOAB()])
def test_the_limit_is_the_right_one(integrator):
    """Richardson extrapolation of the last two steps meets the exact moments far below their own
    errors.
    """
    mean, covariance = exact_moments()
    ends = []
    for size in STEPS[-2:]:
        matrix, noise = single(integrator, size)
        ends.append(iterate(matrix, noise @ noise.T, START, round(TIME / size)))
    factor = 2**integrator.weak_order
    for coarse, fine, exact in zip(*ends, (mean, covariance), strict=True):
        limit = (factor * fine - coarse) / (factor - 1)
        assert np.abs(limit - exact).max() < 0.02 * np.abs(fine - exact).max()


def test_control_a_wrong_noise_has_another_limit():
    mean, covariance = exact_moments()
    errors = []
    for size in STEPS:
        matrix, noise = single(ls.sde.BAOAB(), size)
        errors.append(
            np.abs(
                iterate(matrix, 1.1 * noise @ noise.T, mean, round(TIME / size))[1] - covariance
            ).max()
        )
    assert fitted_order(np.array(errors))[0] < 0.05


def test_the_exact_integrator_has_no_error_at_any_step():
    assert weak_errors(ls.sde.ExactOrnsteinUhlenbeck()).max() < 1e-13
    assert math.isinf(ls.sde.ExactOrnsteinUhlenbeck().weak_order)


def common_noise_covariance(size, source_drift):
    """Covariance of (exact noise of a step, Gaussian that the integrator uses instead), driven by
    one Wiener process.

    The integrator's Gaussian is int exp(source_drift (size - s)) b dW over the step: the Wiener
    increment itself for source_drift = 0, the exact noise of the friction step for source_drift =
    -friction/mass.
    """
    nodes, weights = np.polynomial.legendre.leggauss(20)
    amplitude = math.sqrt(DIFFUSION[1, 1])
    total = np.zeros((3, 3))
    for node, weight in zip(nodes, weights, strict=True):
        left = size * (1 - node) / 2
        response = np.append(
            expm(DRIFT * left) @ [0, amplitude], amplitude * math.exp(source_drift * left)
        )
        total += size * weight / 2 * np.outer(response, response)
    return total


def strong_error(integrator, size, source_drift):
    """Root mean square distance of the integrator's path from the exact path of the same Wiener
    process.
    """
    matrix, noise = single(integrator, size)
    joint = common_noise_covariance(size, source_drift)
    transfer = np.zeros((4, 3))
    transfer[:2, :2] = np.eye(2)
    transfer[2:, 2] = noise[:, 0] / math.sqrt(joint[2, 2])
    both = np.block([[expm(DRIFT * size), np.zeros((2, 2))], [np.zeros((2, 2)), matrix]])
    mean, spread = iterate(
        both, transfer @ joint @ transfer.T, np.tile(START, 2), round(TIME / size)
    )
    difference = np.hstack([np.eye(2), -np.eye(2)])
    return math.sqrt(
        np.trace(difference @ spread @ difference.T) + ((difference @ mean) ** 2).sum()
    )


@pytest.mark.parametrize(
    ("integrator", "source_drift"), [(ls.sde.EulerMaruyama(), 0.0), (ls.sde.BAOAB(), -0.8)]
)
def test_strong_order_is_the_declared_one(integrator, source_drift):
    order, error = fitted_order(
        np.array([strong_error(integrator, size, source_drift) for size in STEPS])
    )
    assert error < 0.05
    assert abs(order - integrator.strong_order) < 0.05


def test_control_independent_noise_has_no_strong_convergence():
    """The same measure with the integrator's noise independent of the exact path does not
    shrink.
    """
    errors = []
    for size in STEPS:
        matrix, noise = single(ls.sde.BAOAB(), size)
        mean, covariance = exact_moments()
        mean_found, covariance_found = iterate(matrix, noise @ noise.T, START, round(TIME / size))
        errors.append(
            math.sqrt(np.trace(covariance + covariance_found) + ((mean - mean_found) ** 2).sum())
        )
    assert abs(fitted_order(np.array(errors))[0]) < 0.05


def stationary(integrator, size):
    matrix, noise = single(integrator, size)
    return solve_discrete_lyapunov(matrix, noise @ noise.T)


def test_baoab_has_no_configurational_bias_and_the_known_one_in_velocity():
    """Stiffness 1, mass 1/2, temperature 0.4/(2*0.4) = 1/2: Var theta = 1/2, Var v = 1, omega^2 =
    2.
    """
    for size in (0.1, 0.5, 1.0, 1.3):
        covariance = stationary(ls.sde.BAOAB(), size)
        assert abs(covariance[0, 0] - 0.5) < 1e-12
        assert abs(covariance[1, 1] - (1 - 2 * size**2 / 4)) < 1e-12
        assert abs(covariance[0, 1]) < 1e-12


def test_control_euler_maruyama_has_a_configurational_bias():
    assert abs(stationary(ls.sde.EulerMaruyama(), 0.1)[0, 0] - 0.5) > 0.02


def test_euler_maruyama_in_the_overdamped_equation():
    """Map x' = (1 - h k/f) x + sqrt(h D)/f xi, so Var = D/(2 k f)/(1 - h k/(2 f)): typed here, k =
    1, f = D = 0.4.
    """
    matrix, noise = single(ls.sde.EulerMaruyama(), 0.1, ls.Overdamped)
    variance = noise[0, 0] ** 2 / (1 - matrix[0, 0] ** 2)
    assert math.isclose(variance, 0.5 / (1 - 0.1 / 0.8), rel_tol=1e-12)


def test_the_kernel_makes_the_steps_of_the_map(seed):
    """Euler-Maruyama far from its limit: moments of its own map, not of the SDE (5 sigma, 5
    pulls).
    """
    matrix, noise = single(ls.sde.EulerMaruyama(), 0.25)
    mean, covariance = iterate(matrix, noise @ noise.T, START, 8)
    replicas = 20_000
    run = ls.sde.simulate(
        equation(),
        ls.sde.EulerMaruyama(),
        replicas=replicas,
        steps=2,
        substeps=4,
        seed=seed,
        start=(START[:1], START[1:]),
    )
    state = np.hstack([run["final_position"].values, run["final_velocity"].values])
    error = np.sqrt(
        (np.outer(np.diag(covariance), np.diag(covariance)) + covariance**2) / (replicas - 1)
    )
    assert np.abs((state.mean(axis=0) - mean) / np.sqrt(np.diag(covariance) / replicas)).max() < 5
    assert np.abs((np.cov(state.T) - covariance) / error).max() < 5
    exact = solve_continuous_lyapunov(DRIFT, -DIFFUSION)
    propagator = expm(2 * DRIFT)
    wrong = exact - propagator @ exact @ propagator.T
    assert np.abs((np.cov(state.T) - wrong) / error).max() > 10
