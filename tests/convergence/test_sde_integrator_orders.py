"""Orders of the integrators: exact recursions where the equation is linear, common-noise pairs
where it is not.

A pair is one path at step h and one at step h/2, driven by the same Wiener process: the noise of a
coarse step is made from that of its two halves by the rule of each integrator. The order is the
slope of the log error over the levels; its standard error comes from groups of independent
replicas.
"""

import math

import numpy as np
import pytest
from scipy.linalg import expm, solve_continuous_lyapunov

import langevin_sgd as ls
from langevin_sgd.models import potentials

TIME = 1.5
DRIFT = np.array([[0.0, 1.0], [-2.0, -0.8]])
DIFFUSION = np.diag([0.0, 1.6])
START = np.array([1.0, 0.5])


def oscillator(kind=ls.Underdamped):
    """Oscillator of mass 1/2, stiffness 1, friction 0.4, random force of spectral density 0.4."""
    mass = {"mass": 0.5} if kind is ls.Underdamped else {}
    return kind(
        potential=potentials.quadratic([1.0]),
        friction=0.4,
        noise_covariance=0.4,
        step_time=1.0,
        **mass,
    )


def weak_errors(integrator, sizes, kind=ls.Underdamped, strength=1.0):
    """Errors of mean and covariance at the end, from the exact recursion of the integrator's linear
    map.
    """
    drift, diffusion = (
        (DRIFT, DIFFUSION) if kind is ls.Underdamped else (np.array([[-2.5]]), np.array([[2.5]]))
    )
    start = START[: len(drift)]
    propagator, stationary = expm(drift * TIME), solve_continuous_lyapunov(drift, -diffusion)
    exact = propagator @ start, stationary - propagator @ stationary @ propagator.T
    found = []
    for size in sizes:
        step = integrator.linear_step(oscillator(kind).linear(), size)
        matrix, noise = step.matrix[0], strength * step.noise[0]
        mean, spread = start, np.zeros_like(diffusion)
        for _ in range(round(TIME / size)):
            mean, spread = matrix @ mean, matrix @ spread @ matrix.T + noise @ noise.T
        found.append([np.abs(mean - exact[0]).max(), np.abs(spread - exact[1]).max()])
    return np.array(found).T


def slope(sizes, errors):
    return np.polyfit(np.log(sizes), np.log(errors), 1)[0]


LINEAR = [
    (ls.sde.EulerMaruyama(), ls.Overdamped),
    (ls.sde.Milstein(), ls.Overdamped),
    (ls.sde.Heun(), ls.Overdamped),
    (ls.sde.Heun(), ls.Underdamped),
    (ls.sde.OBABO(), ls.Underdamped),
    (ls.sde.ShiftedODE(), ls.Underdamped),
]


@pytest.mark.parametrize(("integrator", "kind"), LINEAR)
def test_weak_order_in_linear_equations(integrator, kind):
    """Five halvings; the slope of the last two levels agrees with that of all, and with the
    declared order or above.
    """
    sizes = TIME / 2.0 ** np.arange(5, 10)
    for errors in weak_errors(integrator, sizes, kind):
        assert abs(slope(sizes[-2:], errors[-2:]) - slope(sizes, errors)) < 0.15
        assert slope(sizes[-2:], errors[-2:]) > integrator.weak_order - 0.05
    assert (
        min(slope(sizes, errors) for errors in weak_errors(integrator, sizes, kind))
        < integrator.weak_order + 1.1
    )


def test_control_wrong_noise_has_another_limit():
    sizes = TIME / 2.0 ** np.arange(5, 10)
    assert slope(sizes, weak_errors(ls.sde.OBABO(), sizes, strength=1.05)[1]) < 0.1


@pytest.mark.parametrize(("integrator", "kind"), LINEAR)
def test_block_and_linear_steps_are_the_same(integrator, kind):
    """The compiled step of a block, driven by given normals, is the linear map."""
    rng = np.random.default_rng(3)
    equation = kind(
        potential=potentials.quadratic([1.0, 3.0]),
        friction=0.4,
        noise_covariance=0.4 if integrator.weak_order == 2 else [0.4, 0.2],
        step_time=0.3,
        **({"mass": 0.5} if kind is ls.Underdamped else {}),
    )
    step = integrator.linear_step(equation.linear(), 0.3)
    draws, orders = step.noise.shape[2], step.matrix.shape[1]
    state, normals = rng.normal(size=(orders, 7, 2)), rng.normal(size=(1, draws, 2, 7))
    velocity = state[1] if orders == 2 else None
    found = ls.sde.follow(equation, integrator, normals, start=state[0], velocity=velocity)
    expected = np.einsum("gij,jrg->irg", step.matrix, state) + np.einsum(
        "gid,dgr->irg", step.noise, normals[0]
    )
    for part in range(orders):
        assert np.allclose(found[part][0], expected[part], rtol=0, atol=1e-13)


# --- pairs on one Wiener process ------------------------------------------------------------------

LEVELS = 6
COARSEST = 16


def pairs(integrator, equation, replicas, seed, *, start):
    """End points (level, replica, parameter) at steps TIME/COARSEST ... TIME/(COARSEST
    2^(LEVELS-1)).
    """
    finest = COARSEST * 2 ** (LEVELS - 1)
    shape = finest, integrator.draws, equation.potential.parameters, replicas
    normals = np.random.default_rng(seed).normal(size=shape)
    return ls.sde.refinements(equation, integrator, normals, levels=LEVELS, start=start)


GROUPS = 16


def strong_order(ends):
    """Slope of the root mean square distance of neighbouring levels, and its standard error over
    groups of replicas.
    """
    differences = np.array(np.split(np.diff(ends, axis=0), GROUPS, axis=1))
    distance = np.sqrt((differences**2).sum(axis=3).mean(axis=2))
    slopes = -np.polyfit(np.arange(distance.shape[1]), np.log2(distance).T, 1)[0]
    return slopes.mean(), slopes.std(ddof=1) / math.sqrt(GROUPS)


WELL = potentials.double_well()
UNDERDAMPED = ls.Underdamped(
    potential=WELL, mass=0.5, friction=0.6, noise_covariance=0.6, step_time=TIME
)
ITO = ls.dynamics.Ito.from_sympy("2 + sin(2*x)")
STRATONOVICH = ls.dynamics.Stratonovich.from_sympy("2 + sin(2*x)")


def overdamped(noise):
    return ls.Overdamped(
        potential=potentials.hinge(margin=0.5), friction=2.0, noise_covariance=noise, step_time=TIME
    )


STRONG = {
    "Euler-Maruyama, additive": (ls.sde.EulerMaruyama(), UNDERDAMPED, 1.0),
    "Heun, additive": (ls.sde.Heun(), UNDERDAMPED, 1.0),
    "BAOAB": (ls.sde.BAOAB(), UNDERDAMPED, 1.0),
    "OBABO": (ls.sde.OBABO(), UNDERDAMPED, 1.0),
    "shifted ODE": (ls.sde.ShiftedODE(), UNDERDAMPED, 3.0),
    "Euler-Maruyama, Ito": (ls.sde.EulerMaruyama(), overdamped(ITO), 0.5),
    "Milstein, Ito": (ls.sde.Milstein(), overdamped(ITO), 1.0),
    "Milstein, Stratonovich": (ls.sde.Milstein(), overdamped(STRATONOVICH), 1.0),
    "Heun, Stratonovich": (ls.sde.Heun(), overdamped(STRATONOVICH), 1.0),
}


def ends_of(name, seed, replicas):
    integrator, equation, _ = STRONG[name]
    return pairs(integrator, equation, replicas, seed % 2**32, start=[0.8])


@pytest.mark.parametrize("name", STRONG)
def test_strong_order_by_pairs(name, seed):
    """Five halvings: within 0.2 (what the coarse levels still bend) plus five standard errors of
    the declared order.
    """
    integrator, equation, expected = STRONG[name]
    additive = isinstance(equation.noise_covariance, np.ndarray)
    assert expected == (
        integrator.strong_order if additive else integrator.multiplicative_orders[0]
    )
    order, error = strong_order(ends_of(name, seed, 1600))
    assert error < 0.05
    assert abs(order - expected) < 0.2 + 5 * error


@pytest.mark.parametrize("name", ["BAOAB", "OBABO", "shifted ODE", "Heun, additive"])
def test_coarser_normals_are_those_of_one_process(name):
    """After two joins the normals still have unit variance, each draw independent of the others (5
    sigma); those of BAOAB know how long the steps were.
    """
    integrator, equation, _ = STRONG[name]
    fine = np.random.default_rng(7).normal(size=(4, integrator.draws, 1, 40_000))
    coarse = integrator.coarser(equation, integrator.coarser(equation, fine, 0.1), 0.2)
    covariance = np.cov(coarse.reshape(-1, 40_000))
    assert np.abs(covariance - np.eye(integrator.draws)).max() < 5 * math.sqrt(2 / 40_000)
    if name == "BAOAB":
        wrong = integrator.coarser(equation, integrator.coarser(equation, fine, 0.1), 0.1)
        assert not np.allclose(wrong, coarse)


def test_control_pairs_of_different_noise_do_not_converge(seed):
    first, second = (ends_of("BAOAB", seed + k, 1600) for k in (0, 1))
    mixed = first.copy()
    mixed[::2] = second[::2]
    assert abs(strong_order(mixed)[0]) < 0.1


# --- the right limit ------------------------------------------------------------------------------


def weight(power, limit=0.5):
    """Probability of |x| < limit under (1 + x^2)^-power, by quadrature."""
    from scipy.integrate import quad

    inside, whole = (quad(lambda x: (1 + x * x) ** -power, 0, end)[0] for end in (limit, np.inf))
    return inside / whole


def inside(integrator, noise, seed):
    """Fraction of |x| < 1/2 at late times for dx = -x dt + sqrt(1 + x^2) dW, and its standard
    error.
    """
    equation = ls.Overdamped(
        potential=potentials.quadratic([1.0]), friction=1.0, noise_covariance=noise, step_time=0.1
    )
    run = ls.sde.simulate(
        equation, integrator, replicas=20_000, steps=80, substeps=10, seed=seed, schedule=[80]
    )
    fraction = (np.abs(run["final_position"].values) < 0.5).mean()
    return fraction, math.sqrt(fraction * (1 - fraction) / 20_000)


POWERS = {"Ito": 2.0, "Stratonovich": 1.5}


@pytest.mark.parametrize(
    ("integrator", "calculus"),
    [
        ("EulerMaruyama", "Ito"),
        ("Milstein", "Ito"),
        ("Milstein", "Stratonovich"),
        ("Heun", "Stratonovich"),
    ],
)
def test_the_limit_is_that_of_the_calculus(integrator, calculus, seed):
    """Stationary laws (1 + x^2)^-2 (Ito) and (1 + x^2)^-3/2 (Stratonovich): five sigma, and the
    other one beyond.
    """
    noise = getattr(ls.dynamics, calculus).from_sympy("sqrt(1 + x**2)")
    found, error = inside(getattr(ls.sde, integrator)(), noise, seed)
    other = "Stratonovich" if calculus == "Ito" else "Ito"
    assert abs(found - weight(POWERS[calculus])) < 5 * error + 0.003
    assert abs(found - weight(POWERS[other])) > 10 * error


@pytest.mark.parametrize("name", ["BAOAB", "OBABO", "Heun", "ShiftedODE"])
def test_stationary_law_of_the_double_well(name, seed):
    """<x^2> against the closed form and <v^2> = T/m, at small steps: 5 sigma."""
    equation = ls.Underdamped(
        potential=WELL, mass=0.5, friction=1.0, noise_covariance=0.8, step_time=0.1
    )
    run = ls.sde.simulate(
        equation,
        getattr(ls.sde, name)(),
        replicas=8000,
        steps=120,
        substeps=2,
        seed=seed,
        start=[0.5],
        schedule=[120],
    )
    x, v = run["final_position"].values[:, 0], run["final_velocity"].values[:, 0]
    moments = WELL.boltzmann(0.4)
    for sample, expected in (
        (x**2, moments.covariance[0, 0]),
        (v**2, 0.8),
        (WELL.energy(x[:, None]), moments.energy),
    ):
        assert abs(sample.mean() - expected) < 5 * sample.std() / math.sqrt(8000) + 0.004


def test_the_sgd_map_is_sgd(seed):
    """The same law as real SGD with additive noise of the same covariance: means and variances
    within 5 sigma.
    """
    problem = ls.LinearRegression.from_spectrum([1.0, 0.3], minimiser=[1.0, -1.0])
    settings = ls.SGD(lr=0.2, batch_size=2, momentum=0.7)
    options = {"replicas": 4000, "steps": 15, "schedule": [15]}
    sgd = ls.training.run(problem, settings, seed=seed, **options)
    equation = ls.Underdamped.from_sgd(problem, settings)
    step = ls.sde.SGDMap()
    linear = ls.sde.simulate(equation, step, seed=seed + 1, **options)
    block = ls.sde.simulate(equation, step, seed=seed + 2, precision="mixed", **options)
    for run in (linear, block):
        for name in ("final_position", "final_velocity"):
            one, two = sgd[name].values, run[name].values
            error = np.sqrt((one.var(axis=0) + two.var(axis=0)) / 4000)
            assert np.abs((one.mean(axis=0) - two.mean(axis=0)) / error).max() < 5
            assert np.abs(np.log(one.var(axis=0) / two.var(axis=0))).max() < 5 * math.sqrt(4 / 4000)


def test_second_order_modified_equation_is_an_order_closer_to_sgd():
    """Mean and variance of plain SGD at a fixed time: error O(lr) for the plain equation, O(lr^2)
    for the modified.
    """
    stiffness, time, sizes = 1.0, 1.0, 1 / 2.0 ** np.arange(3, 8)
    well = potentials.quadratic([stiffness])
    errors = {"plain": [], "modified": []}
    for lr in sizes:
        settings, steps = ls.SGD(lr=lr, batch_size=1), round(time / lr)
        decay = 1 - lr * stiffness
        exact = decay**steps
        for name, build in (
            ("plain", ls.Overdamped.from_potential),
            ("modified", ls.Overdamped.modified),
        ):
            linear = build(well, settings, gradient_noise=0.5).linear()
            errors[name].append(
                abs(
                    ls.sde.ExactOrnsteinUhlenbeck().linear_step(linear, time).matrix[0, 0, 0]
                    - exact
                )
            )
    assert abs(slope(sizes, errors["plain"]) - 1) < 0.1
    assert abs(slope(sizes, errors["modified"]) - 2) < 0.1


def test_the_modified_potential_of_a_formula():
    well, lr, theta = potentials.double_well(), 0.1, np.array([[0.3], [1.7]])
    found = well.modified(lr).energy(theta)
    assert np.allclose(
        found, well.energy(theta) + lr / 4 * well.force(theta)[:, 0] ** 2, rtol=1e-12
    )
