"""Solutions in phase space and in the plane against the exact Gaussian law, worked out here from
the matrices.
"""

import warnings

import numpy as np
import pytest
from scipy.linalg import expm, solve_continuous_lyapunov

import langevin_sgd as ls
from langevin_sgd import fokker_planck as fp
from langevin_sgd.fokker_planck import chain, equations, grid, kramers, plane, transport

STEP_TIME = 0.5


def oscillator(friction, mass=0.5, stiffness=2.0, temperature=0.3):
    return ls.Underdamped(
        potential=ls.models.potentials.Quadratic(
            stiffness=np.array([[stiffness]]), centre=np.array([0.2])
        ),
        mass=mass,
        friction=friction,
        noise_covariance=np.array([[2 * friction * temperature]]),
        step_time=STEP_TIME,
    )


def law(drift, noise, centre, mean, covariance, time):
    propagator, stationary = expm(drift * time), solve_continuous_lyapunov(drift, -noise)
    return centre + propagator @ (mean - centre), stationary + propagator @ (
        covariance - stationary
    ) @ propagator.T


def oscillator_law(friction, start, steps, mass=0.5, stiffness=2.0, temperature=0.3):
    drift = np.array([[0, 1], [-stiffness / mass, -friction / mass]])
    noise = np.diag([0, 2 * friction * temperature / mass**2])
    return law(drift, noise, np.array([0.2, 0]), start.mean, start.covariance, steps * STEP_TIME)


def distances(found, names, laws):
    coordinates = np.meshgrid(*(found[name].values for name in names), indexing="ij")
    area = np.prod([float(found[name][1] - found[name][0]) for name in names])
    return np.array(
        [
            np.abs(density - fp.GaussianDensity(*moments)(*coordinates)).sum() * area
            for density, moments in zip(found.density.values, laws, strict=True)
        ]
    )


START = fp.GaussianDensity([0.9, 0.4], [[0.05, 0.01], [0.01, 0.1]])


@pytest.mark.parametrize("friction", [0.01, 0.1, 1.0, 8.0])
def test_oscillator_transient(friction):
    steps = np.array([0.0, 1.0, 3.0])
    found = fp.solve(oscillator(friction), initial=START, times=steps, tolerance=2e-3)
    error = distances(
        found, ["position", "velocity"], [oscillator_law(friction, START, step) for step in steps]
    )
    assert (error < 2e-3).all()
    assert (error < 1.5 * found.error.values + 1e-5).all()
    assert found.attrs["converged"] == 1
    assert (found.density.values >= 0).all()
    assert np.abs(found.probability.values - 1).max() < 1e-12


def test_control_wrong_friction_and_mass_are_noticed():
    found = fp.solve(oscillator(1.0), initial=START, times=[2.0], tolerance=2e-3)
    for changes in ({"friction": 1.05}, {"friction": 1.0, "mass": 0.52}):
        wrong = oscillator_law(**changes, start=START, steps=2.0)
        assert distances(found, ["position", "velocity"], [wrong])[0] > 5e-3


def test_stationary_state_free_energy_and_production():
    friction, temperature, mass = 1.0, 0.3, 0.5
    steps = np.array([0.0, 0.5, 40.0])
    found = fp.solve(oscillator(friction), initial=START, times=steps, tolerance=2e-3)
    rest = np.diag([temperature / 2.0, temperature / mass])
    assert (
        np.abs(found.density[-1] - found.stationary_density).sum() < 2e-3 * found.density[-1].sum()
    )
    for row, step in enumerate(steps[:2]):
        mean, covariance = oscillator_law(friction, START, step)
        offset, inverse = mean - [0.2, 0], np.linalg.inv(covariance)
        entropy = (
            np.trace(np.linalg.solve(rest, covariance)) + offset @ np.linalg.solve(rest, offset) - 2
        ) / 2
        entropy -= np.log(np.linalg.det(covariance) / np.linalg.det(rest)) / 2
        assert np.isclose(found.free_energy[row], temperature * entropy, rtol=3e-3)
        # friction/mass v_T^2 < (d/dv ln p/p_rest)^2 >: a Gaussian integral
        gradient = np.linalg.inv(rest) - inverse
        mean_square = (gradient @ covariance @ gradient)[1, 1] + (
            offset[1] * mass / temperature
        ) ** 2
        exact = friction / mass * temperature / mass * mean_square * STEP_TIME
        assert np.isclose(found.entropy_production[row], exact, rtol=1e-2)


def test_current_has_the_divergence_of_the_density():
    """Sum over a rectangle: what flows in through its sides changes the probability inside."""
    equation = oscillator(1.0)
    times = np.array([1.0, 1.002, 1.004])
    found = fp.solve(
        equation, initial=START, times=times, cells=256, time_step=0.02, tolerance=1e-2
    )
    x, v = found.position.values, found.velocity.values
    h, k = x[1] - x[0], v[1] - v[0]
    a, b = (np.searchsorted(axis, ends) for axis, ends in ((x, (0.0, 0.7)), (v, (-0.5, 0.8))))
    inside = found.density.values[:, a[0] : a[1], b[0] : b[1]].sum(axis=(1, 2)) * h * k
    along, across = found.current_position.values[1], found.current_velocity.values[1]

    def through(flow, index):
        return (flow[index - 1] + flow[index]) / 2

    inflow = k * (through(along, a[0]) - through(along, a[1]))[b[0] : b[1]].sum()
    inflow += h * (through(across.T, b[0]) - through(across.T, b[1]))[a[0] : a[1]].sum()
    assert np.isclose((inside[2] - inside[0]) / 0.004, inflow, rtol=5e-3)


def test_walls_reflect_absorb_and_join():
    """Free flight with weak friction: images of the free Gaussian in the mirrors, none, or around
    the ring.
    """
    equation = ls.Underdamped(
        potential=ls.models.potentials.Quadratic(stiffness=np.array([[0.0]])),
        mass=1.0,
        friction=1e-3,
        noise_covariance=np.array([[2e-3 * 0.05]]),
        step_time=1.0,
    )
    start = fp.GaussianDensity([0.7, 0.6], np.diag([0.01, 0.02]))
    drift, noise = np.array([[0, 1], [0, -1e-3]]), np.diag([0, 2e-3 * 0.05])
    block = np.block([[-drift, noise], [np.zeros((2, 2)), drift.T]])
    time = 0.6
    exponential = expm(block * time)
    propagator = exponential[2:, 2:].T
    mean, covariance = (
        propagator @ start.mean,
        propagator @ (start.covariance @ propagator.T + exponential[:2, 2:]),
    )
    free = fp.GaussianDensity(mean, covariance)
    options = {
        "initial": start,
        "times": [time],
        "domain": ((0, 1), (-1.8, 1.8)),
        "cells": 128,
        "tolerance": 1e-2,
    }

    def error(found, exact):
        x, v = np.meshgrid(found.position, found.velocity, indexing="ij")
        return (
            np.abs(found.density.values[0] - exact(x, v)).sum()
            * (x[1, 0] - x[0, 0])
            * (v[0, 1] - v[0, 0])
        )

    def mirrored(x, v):
        return sum(free(2 * n + x, v) + free(2 * n - x, -v) for n in range(-3, 4))

    found = {
        name: fp.solve(equation, boundary=name, **options)
        for name in ("reflecting", "absorbing", "periodic")
    }
    assert error(found["reflecting"], mirrored) < 4e-3
    assert error(found["periodic"], lambda x, v: sum(free(x + n, v) for n in range(-3, 4))) < 4e-3
    assert error(found["absorbing"], free) < 4e-3
    assert abs(float(found["reflecting"].probability[0]) - 1) < 1e-12
    assert 0.2 < float(found["absorbing"].probability[0]) < 0.4
    mixed = {
        ends: fp.solve(equation, boundary=ends, **options)
        for ends in (("reflecting", "absorbing"), ("absorbing", "reflecting"))
    }
    # Moving right, all that left through the high end is gone, or has been sent back by it.
    assert error(mixed["reflecting", "absorbing"], lambda x, v: free(x, v) + free(-x, -v)) < 4e-3
    assert error(mixed["absorbing", "reflecting"], lambda x, v: free(x, v) + free(2 - x, -v)) < 4e-3


def test_friction_matrix_conserves_and_keeps_the_maxwell_distribution():
    phase = equations.as_phase_space(oscillator(1.0))
    axis = grid.make_axis(
        (-6 * phase.thermal_velocity, 6 * phase.thermal_velocity), 96, "reflecting"
    )
    maxwell = np.exp(-((axis.centres / phase.thermal_velocity) ** 2) / 2)
    maxwell /= maxwell.sum()
    for time in (1e-4, 0.01, 0.3, 10.0):
        matrix = kramers.friction_matrix(phase, axis, time)
        assert (matrix >= 0).all()
        assert np.abs(matrix.sum(axis=0) - 1).max() < 1e-13
        assert np.abs(matrix @ maxwell - maxwell).sum() < 1e-11


def test_shift_is_exact_for_whole_cells_positive_conservative_and_accurate():
    cells = 64
    x = (np.arange(cells) + 0.5) / cells
    amounts = np.array([3.0, -5.0, 0.3, 7.61, -0.5, -130.2])
    rows = np.tile(np.exp(np.sin(2 * np.pi * x)), (len(amounts), 1))
    moved = np.empty_like(rows)
    whole = np.floor(amounts)
    transport.shift_rows(
        rows, whole.astype(np.int64), transport.shift_weights(amounts - whole), moved
    )
    exact = np.exp(np.sin(2 * np.pi * (x - amounts[:, None] / cells)))
    assert np.abs(moved[:2] - exact[:2]).max() < 1e-14
    assert np.abs(moved - exact).max() < 1e-8
    spikes = np.random.default_rng(1).random((len(amounts), cells)) ** 20
    transport.shift_rows(
        spikes, whole.astype(np.int64), transport.shift_weights(amounts - whole), moved
    )
    assert (moved >= 0).all()
    assert np.allclose(moved.sum(axis=1), spikes.sum(axis=1), rtol=1e-14)


# --- the plane ------------------------------------------------------------------------------------

STIFFNESS = np.array([[1.0, 0.4], [0.4, 0.6]])


def membrane(noise):
    potential = ls.models.potentials.Quadratic(stiffness=STIFFNESS)
    return ls.Overdamped(
        potential=potential, friction=0.5, noise_covariance=np.diag(noise), step_time=STEP_TIME
    )


@pytest.mark.parametrize("noise", [(0.2, 0.2), (0.1, 0.3)])
def test_plane_transient_and_stationary_state(noise):
    start = fp.GaussianDensity([0.6, -0.4], np.diag([0.08, 0.06]))
    steps = np.array([0.0, 0.5, 2.0, 60.0])
    found = fp.solve(membrane(noise), initial=start, times=steps, tolerance=1e-2, cells=96)
    drift, spectral = -STIFFNESS / 0.5, np.diag(noise) / 0.5**2
    laws = [
        law(drift, spectral, np.zeros(2), start.mean, start.covariance, step * STEP_TIME)
        for step in steps
    ]
    error = distances(found, ["position_0", "position_1"], laws)
    assert (error < 1.3 * found.error.values + 1e-3).all()
    assert (error < 1e-2).all()
    assert (found.density.values >= 0).all()
    assert np.abs(found.probability.values - 1).max() < 1e-12
    rest = solve_continuous_lyapunov(drift, -spectral)
    x, y = np.meshgrid(found.position_0, found.position_1, indexing="ij")
    area = (x[1, 0] - x[0, 0]) * (y[0, 1] - y[0, 0])
    off = (
        np.abs(found.stationary_density.values - fp.GaussianDensity([0, 0], rest)(x, y)).sum()
        * area
    )
    assert off < (1e-8 if noise[0] == noise[1] else 2e-3)
    # With one temperature no current remains; with two it circulates, at a rate known from the
    # covariance.
    produced = float(found.entropy_production[-1])
    inverse = np.linalg.inv(rest)
    velocity = drift + spectral / 2 @ inverse
    exact = np.trace(np.linalg.solve(spectral / 2, velocity @ rest @ velocity.T)) * STEP_TIME
    assert np.isclose(produced, exact, rtol=1e-2, atol=1e-10)


def test_a_step_in_the_plane_leaves_boltzmann_unchanged():
    problem = plane.PlaneProblem(
        equations.as_plane(membrane((0.2, 0.2))),
        "stationary",
        np.array([1.0]),
        ((-2.5, 2.5), (-3.0, 3.0)),
        "reflecting",
    )
    mass = problem.stationary((40, 48))
    moved = mass.copy()
    problem.stepper((40, 48), 0.7, 1).repeat(moved, 5)
    assert np.abs(moved - mass).sum() < 1e-12
    matrix = plane.generator(*problem.chains((40, 48)))
    assert np.abs(np.asarray(matrix.sum(axis=0))).max() < 1e-9
    assert np.abs(matrix @ mass.ravel()).max() < 1e-12


def test_state_dependent_noise_in_the_plane_separates_into_lines():
    """Noise of each axis that depends on its own coordinate, in a separable potential: a product of
    two solutions.
    """
    noise = ls.dynamics.Stratonovich.from_sympy(
        ["sqrt(1 + x**2)", "sqrt(1 + y**2/4)"], variables=["x", "y"]
    )
    potential = ls.models.potentials.Quadratic(stiffness=np.diag([6.0, 4.0]))
    equation = ls.Overdamped(
        potential=potential, friction=1.0, noise_covariance=noise, step_time=1.0
    )
    start = fp.GaussianDensity([0.3, -0.2], np.diag([0.1, 0.1]))
    domain = ((-4.0, 4.0), (-4.0, 4.0))
    options = {"times": [0.2], "cells": 128, "tolerance": 5e-2}
    found = fp.solve(equation, initial=start, domain=domain, **options)
    lines = [
        fp.solve(
            fp.Diffusion(
                drift=lambda x, k=k: -k * x,
                diffusion=lambda x, s=s: (1 + s * x**2) / 2,
                calculus="stratonovich",
            ),
            initial=fp.GaussianDensity(start.mean[i], 0.1),
            domain=domain[i],
            **options,
        ).density.values[0]
        for i, (k, s) in enumerate(((6.0, 1.0), (4.0, 0.25)))
    ]
    assert np.abs(found.density.values[0] - np.outer(*lines)).max() < 1e-9


@pytest.mark.parametrize(
    ("equation", "message"),
    [
        (oscillator(0.0), "friction = 0.0: must be a positive number"),
        (membrane((0.2, 0.0)), "without noise"),
    ],
)
def test_equations_that_cannot_be_solved_are_refused(equation, message):
    with pytest.raises(ls.InputError, match=message):
        fp.solve(equation, initial="stationary", times=[1.0])


def test_correlated_noise_is_refused_and_the_mend_named():
    equation = ls.Overdamped(
        potential=ls.models.potentials.Quadratic(stiffness=np.eye(2)),
        friction=1.0,
        noise_covariance=np.array([[1.0, 0.5], [0.5, 1.0]]),
        step_time=1.0,
    )
    with pytest.raises(ls.InputError, match="turn the axes to its eigenvectors"):
        fp.solve(equation, initial="stationary", times=[1.0])


def test_chains_side_by_side_are_the_chains_one_by_one():
    plane_equation = equations.as_plane(membrane((0.1, 0.3)))
    axis, others = (
        grid.make_axis((-2.0, 1.5), 20, ("absorbing", "reflecting")),
        np.array([-0.5, 0.7]),
    )
    together = chain.discretise(plane_equation.line(0, others), axis)
    for i, other in enumerate(others):
        alone = chain.discretise(plane_equation.line(0, np.array([other])), axis)
        for name in ("right", "left", "kill"):
            assert np.array_equal(getattr(together, name)[:, i], getattr(alone, name)[:, 0])


def test_too_few_steps_are_reported():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fp.NotConvergedWarning)
        found = fp.solve(oscillator(1.0), initial=START, times=[3.0], time_step=1.0)
    assert found.attrs["converged"] == 0
