"""Corners of the general engine: noise by every name, no friction, several blocks, parameters by
replica, one step.

A single step of an integrator is Gaussian with a mean and a variance in closed form, at the start
of each replica.
"""

import math

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.models import potentials

FLAT = potentials.Potential.from_sympy("0*x", variables="x")
PLANE = potentials.Potential.from_sympy("x**2/2 + y**2/4", variables="x y")
SETTINGS = ls.SGD(lr=0.09, batch_size=4, momentum=0.5)
FACTOR = np.array([[1.0, 0.5], [0.2, 0.8]])
MATRIX = np.array([[1.0, 0.3], [0.3, 0.5]])

NOISES = {
    "number": (0.7, 0.7 * np.eye(2)),
    "diagonal": ([0.7, 0.2], np.diag([0.7, 0.2])),
    "matrix": (MATRIX, MATRIX),
    "isotropic": (ls.dynamics.Isotropic(0.7), 0.7 * np.eye(2)),
    "low rank": (ls.dynamics.LowRank(FACTOR), FACTOR @ FACTOR.T),
    "of the state": (
        ls.dynamics.Ito.from_sympy(["2 + 0*x", "1 + 0*y"], "x y"),
        np.diag([4.0, 1.0]),
    ),
}


@pytest.mark.parametrize("name", NOISES)
@pytest.mark.parametrize("kind", [ls.Overdamped, ls.Underdamped])
def test_noise_of_a_loss_is_lr_over_batch_size_times_that_of_a_sample(kind, name, seed):
    """The density itself, and the kicks of one overdamped step of every kind of noise (5 sigma)."""
    noise, covariance = NOISES[name]
    equation = kind.from_potential(PLANE, SETTINGS, gradient_noise=noise)
    found = equation.noise_covariance
    density = SETTINGS.lr / SETTINGS.batch_size * covariance
    if isinstance(found, ls.dynamics.LowRank):
        found = found.factor @ found.factor.T
    elif isinstance(found, ls.dynamics.Isotropic):
        found = found.variance * np.eye(2)
    elif not isinstance(found, np.ndarray):
        found = found.covariance(np.zeros(2))
    assert np.allclose(found, density, rtol=1e-12)
    if kind is ls.Underdamped:
        return
    run = ls.sde.simulate(
        equation, ls.sde.EulerMaruyama(), replicas=3000, steps=1, substeps=1, seed=seed
    )
    sampled = np.cov(run["final_position"].values.T) * equation.friction**2 / SETTINGS.lr
    error = np.sqrt((np.outer(np.diag(density), np.diag(density)) + density**2) / 3000)
    assert np.abs((sampled - density) / error).max() < 5


@pytest.mark.parametrize(
    ("name", "potential"),
    [
        *(
            (name, potentials.quadratic([0.0]))
            for name in ("BAOAB", "OBABO", "ShiftedODE", "Heun", "EulerMaruyama")
        ),
        *((name, FLAT) for name in ("BAOAB", "EulerMaruyama")),
    ],
)
def test_without_friction_the_velocity_walks(name, potential, seed):
    """Var v = noise t / mass^2, without an end: 5 sigma of 5000 replicas."""
    equation = ls.Underdamped(
        potential=potential, mass=2.0, friction=0.0, noise_covariance=0.3, step_time=0.5
    )
    run = ls.sde.simulate(
        equation,
        getattr(ls.sde, name)(),
        replicas=5000,
        steps=4,
        substeps=2,
        seed=seed,
        schedule=[4],
    )
    x, v = run["final_position"].values[:, 0], run["final_velocity"].values[:, 0]
    assert abs(v.var() / (0.3 * 2.0 / 4) - 1) < 5 * math.sqrt(2 / 5000)
    # Exact for the splittings up to their time step: Var x = noise t^3 / (3 mass^2).
    assert abs(x.var() / (0.3 * 2.0**3 / 12) - 1) < 0.25


@pytest.mark.parametrize("name", ["BAOAB", "OBABO", "EulerMaruyama"])
def test_no_friction_is_the_limit_of_little_friction(name):
    """Path by path, so that no factor of the noise can hide in the statistics."""

    def final(friction):
        equation = ls.Underdamped(
            potential=FLAT, mass=2.0, friction=friction, noise_covariance=0.3, step_time=0.5
        )
        run = ls.sde.simulate(
            equation, getattr(ls.sde, name)(), replicas=8, steps=4, substeps=2, seed=1, schedule=[4]
        )
        return np.stack([run["final_position"].values, run["final_velocity"].values])

    np.testing.assert_allclose(final(1e-10), final(0.0), rtol=1e-7, atol=1e-9)
    assert np.abs(final(1e-2) / final(0.0) - 1).max() > 1e-4  # control


def test_friction_by_replica_may_vanish_for_some(seed):
    friction = np.repeat([0.0, 1e-9, 0.8], 2000)
    equation = ls.Underdamped(
        potential=FLAT, mass=2.0, friction=friction, noise_covariance=0.3, step_time=0.5
    )
    run = ls.sde.simulate(
        equation, ls.sde.BAOAB(), replicas=6000, steps=4, substeps=2, seed=seed, schedule=[4]
    )
    found = run["final_velocity"].values[:, 0].reshape(3, -1).var(axis=1)
    damped = 0.3 / (2 * 0.8 * 2) * (1 - math.exp(-2 * 0.8 * 2.0 / 2))
    assert np.abs(found / [0.15, 0.15, damped] - 1).max() < 5 * math.sqrt(2 / 2000)


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_parameters_by_replica_reach_their_replica_in_every_block(precision):
    """Replicas of the first, the second and the third block of 512 are the runs with their numbers
    alone.
    """
    replicas = 1300
    rng = np.random.default_rng(0)
    numbers = {
        name: rng.uniform(0.4, 0.9, replicas)
        for name in ("mass", "friction", "step_time", "variance", "quartic")
    }

    def equation(values):
        return ls.Underdamped(
            potential=potentials.double_well().with_values(quartic=values["quartic"]),
            noise_covariance=ls.dynamics.Isotropic(values["variance"]),
            **{name: values[name] for name in ("mass", "friction", "step_time")},
        )

    options = {
        "steps": 5,
        "substeps": 3,
        "seed": 4,
        "schedule": [5],
        "precision": precision,
        "start": [0.5],
    }
    options["first_replica"] = 100
    sweep = ls.sde.simulate(equation(numbers), ls.sde.BAOAB(), replicas=replicas, **options)
    for r in (0, 411, 412, 923, 924, 1299):
        alone = {**options, "first_replica": 100 + r}
        single = equation(
            {name: values[r : r + 1] for name, values in numbers.items()}
        )  # the same kernels
        found = ls.sde.simulate(single, ls.sde.BAOAB(), replicas=1, **alone)
        for name in ("final_position", "final_velocity"):
            assert np.allclose(
                sweep[name].values[r],
                found[name].values[0],
                rtol=0 if precision == "float64" else 1e-5,
            )


START = np.stack([np.linspace(-1.5, 1.5, 2048), np.linspace(2.0, -1.0, 2048)], axis=1)
FRICTION, TIME = 0.4, 0.02
AMPLITUDES = ["sqrt(0.2 + x**2)", "0.5 + y**2/4"]


def amplitude(x):
    return np.stack([np.sqrt(0.2 + x[:, 0] ** 2), 0.5 + x[:, 1] ** 2 / 4], axis=1)


def amplitude_times_slope(x):
    """b db/dx of each direction."""
    return np.stack([x[:, 0], (0.5 + x[:, 1] ** 2 / 4) * x[:, 1] / 2], axis=1)


def one_step(integrator, calculus, seed, precision="float64", noise=None):
    """Displacements over one step of 2048 starts, four times, in units of their own deviation."""
    noise = getattr(ls.dynamics, calculus).from_sympy(AMPLITUDES, "x y") if noise is None else noise
    equation = ls.Overdamped(
        potential=PLANE, friction=FRICTION, noise_covariance=noise, step_time=TIME
    )
    starts = np.tile(START, (4, 1))
    run = ls.sde.simulate(
        equation,
        integrator,
        replicas=len(starts),
        steps=1,
        substeps=1,
        seed=seed,
        start=starts,
        precision=precision,
    )
    force = np.stack([-starts[:, 0], -starts[:, 1] / 2], axis=1)
    moved = run["final_position"].values - starts - TIME / FRICTION * force
    scale = math.sqrt(TIME) / FRICTION
    return (
        moved / (scale * amplitude(starts)),
        scale * amplitude_times_slope(starts) / amplitude(starts),
        starts,
    )


@pytest.mark.parametrize(
    ("integrator", "calculus", "drift"),
    [
        (ls.sde.EulerMaruyama(), "Ito", 0.0),
        (ls.sde.Milstein(), "Ito", 0.0),
        (ls.sde.Milstein(), "Stratonovich", 0.5),
        (ls.sde.Heun(), "Stratonovich", 0.5),
    ],
)
def test_noise_of_the_state_in_the_plane_with_friction(integrator, calculus, drift, seed):
    """Variance of each direction in every quarter of the starts, independence, and the drift of the
    calculus.

    The drift of Stratonovich is b b'/(2 friction^2): with b'/b known, its coefficient is one half
    and that of Ito zero.
    """
    kicks, slope, _ = one_step(integrator, calculus, seed)
    count = len(kicks)
    for quarter in np.split(np.arange(count).reshape(4, 2048), 4, axis=1):
        spread = kicks[quarter.ravel()].var(axis=0)
        assert np.abs(spread - 1).max() < 5 * math.sqrt(2 / 2048) + 0.1
    assert abs((kicks[:, 0] * kicks[:, 1]).mean()) < 5.5 / math.sqrt(count)
    coefficient = (kicks * slope).sum(axis=0) / (slope**2).sum(axis=0)
    error = np.sqrt(1 / (slope**2).sum(axis=0))
    assert (error < 0.07).all()
    assert np.abs(coefficient - drift).max() < 5 * error.max() + 0.02


def test_milstein_bends_the_kick_by_its_square(seed):
    """Regression of the displacement on (dW^2 - dt): b b'/(2 friction^2), which Euler-Maruyama has
    not.
    """
    bent, slope, _ = one_step(ls.sde.Milstein(), "Ito", seed)
    plain = one_step(ls.sde.EulerMaruyama(), "Ito", seed)[0]
    assert np.allclose(bent - plain, slope / 2 * (plain**2 - 1), atol=1e-9)
    doubled = [f"2*({formula})" for formula in AMPLITUDES]
    halved = ls.dynamics.Ito.from_sympy(doubled, "x y").scaled(0.25)
    assert np.allclose(one_step(ls.sde.Milstein(), "Ito", seed, noise=halved)[0], bent, atol=1e-9)
    single = one_step(ls.sde.Milstein(), "Ito", seed, precision="float32")[0]
    assert abs(single.var() - bent.var()) < 0.1


def test_noise_of_the_state_in_an_underdamped_plane(seed):
    """The kick of a velocity has the amplitude of its position, over the mass."""
    noise = ls.dynamics.Ito.from_sympy(AMPLITUDES, "x y")
    equation = ls.Underdamped(
        potential=PLANE, mass=0.3, friction=FRICTION, noise_covariance=noise, step_time=1e-4
    )
    starts = np.tile(START, (2, 1))
    run = ls.sde.simulate(
        equation, ls.sde.BAOAB(), replicas=len(starts), steps=1, substeps=1, seed=seed, start=starts
    )
    kicks = run["final_velocity"].values / (math.sqrt(1e-4) / 0.3 * amplitude(starts))
    for half in np.split(np.arange(len(starts)).reshape(2, 2048), 2, axis=1):
        assert np.abs(kicks[half.ravel()].var(axis=0) - 1).max() < 5 * math.sqrt(2 / 2048)


def test_constant_noise_says_its_density_at_any_point():
    """Number, matrix, factor and variances by replica; a point of another dimension is refused."""
    theta = np.zeros((3, 2))
    for name in ("matrix", "isotropic", "low rank"):
        noise, covariance = NOISES[name]
        equation = ls.Overdamped(
            potential=PLANE, friction=1.0, noise_covariance=noise, step_time=0.1
        )
        found = equation.noise.covariance(theta)
        assert found.shape == (3, 2, 2)
        assert np.allclose(found, covariance, rtol=1e-14)
        assert np.allclose(equation.noise.constant_density("noise"), covariance, rtol=1e-14)
        with pytest.raises(ls.InputError, match="theta"):
            equation.noise.covariance(np.zeros(3))
    by_replica = ls.dynamics.Isotropic([1.0, 2.0, 3.0], parameters=2)
    assert by_replica.covariance(theta)[:, 1, 1].tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(ls.InputError, match="3 replicas"):
        by_replica.covariance(np.zeros((4, 2)))
    with pytest.raises(ls.InputError, match="the same for all replicas"):
        by_replica.constant_density("noise")
