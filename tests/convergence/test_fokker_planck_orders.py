"""Measured orders of the Fokker-Planck solvers in cells and in time, each with the limit it tends
to.
"""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from scipy.linalg import expm, solve_continuous_lyapunov

import langevin_sgd as ls
from langevin_sgd import fokker_planck as fp
from langevin_sgd.fokker_planck import (
    chain,
    equations,
    generators,
    grid,
    kramers,
    plane,
    relaxation,
)


@pytest.fixture(autouse=True)
def _unconverged_on_purpose():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fp.NotConvergedWarning)
        yield


def orders(errors):
    return np.log2(np.array(errors[:-1]) / np.array(errors[1:]))


def normal(x, mean, variance):
    return np.exp(-((x - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)


def ornstein_uhlenbeck_errors():
    """L1 errors of dx = -2 x dt + dW at t = 0.4 for doubled cells."""
    equation, errors = fp.Diffusion(drift=lambda x: -2 * x, diffusion=0.5), []
    decay = np.exp(-0.8)
    for cells in (64, 128, 256, 512):
        found = fp.solve(
            equation,
            initial=fp.GaussianDensity(0.8, 0.05),
            times=[0.4],
            domain=(-3, 3),
            cells=cells,
        )
        exact = normal(found.position.values, 0.8 * decay, 0.25 + decay**2 * (0.05 - 0.25))
        errors.append(np.abs(found.density.values[0] - exact).sum() * 6 / cells)
    return errors


def test_second_order_in_the_cells_of_a_line():
    errors = ornstein_uhlenbeck_errors()
    assert np.allclose(orders(errors)[-2:], 2, atol=0.03)
    assert errors[-1] < 2e-4


def test_control_an_upwind_flux_is_of_first_order(monkeypatch):
    monkeypatch.setattr(chain, "bernoulli", lambda w: 1 + np.maximum(-w, 0))
    errors = ornstein_uhlenbeck_errors()
    assert orders(errors)[-1] < 1.2
    assert errors[-1] > 2e-3


def test_second_order_with_absorbing_ends_and_state_dependent_noise():
    """Successive differences on nested grids, and the cosine law of dy = sqrt(2) dW in x = y +
    y^3/10 as the limit.
    """
    errors = []
    for cells in (64, 128, 256, 512):
        # y is Brownian between absorbing walls at +-1; x(y) = sinh y has drift x and D = 1 + x^2
        # (Ito).
        equation = fp.Diffusion(drift=lambda x: x, diffusion=lambda x: 1 + x**2)
        wall = np.sinh(1.0)
        found = fp.solve(
            equation,
            initial=lambda x: np.maximum(np.cos(np.pi * np.arcsinh(x) / 2), 0) / np.sqrt(1 + x**2),
            times=[0.3],
            domain=(-wall, wall),
            boundary="absorbing",
            cells=cells,
        )
        y = np.arcsinh(found.position.values)
        exact = np.pi / 4 * np.cos(np.pi * y / 2) * np.exp(-((np.pi / 2) ** 2) * 0.3) / np.cosh(y)
        errors.append(np.abs(found.density.values[0] - exact).sum() * 2 * wall / cells)
    assert np.allclose(orders(errors)[-2:], 2, atol=0.1)
    assert errors[-1] < 1e-5


def test_no_error_of_time_on_a_line():
    equation = fp.Diffusion(drift=lambda x: x - x**3, diffusion=0.2)
    options = {"initial": fp.GaussianDensity(-1.0, 0.02), "domain": (-2.5, 2.5), "cells": 200}
    once = fp.solve(equation, times=[3.0], **options).density.values[-1]
    often = fp.solve(equation, times=np.linspace(0.01, 3.0, 60), **options).density.values[-1]
    assert np.abs(once - often).sum() * 5 / 200 < 1e-12


def test_second_order_in_time_in_phase_space():
    friction, time = 0.8, 1.5
    phase = equations.PhaseSpace(lambda x: -2 * x, lambda x: x**2, friction, 1.0, 1.0, 1.0)
    drift, noise = np.array([[0, 1], [-2, -friction]]), np.diag([0, 2 * friction])
    start = fp.GaussianDensity([0.6, 0.8], np.diag([0.2, 0.3]))
    propagator, rest = expm(drift * time), solve_continuous_lyapunov(drift, -noise)
    exact = fp.GaussianDensity(
        propagator @ start.mean, rest + propagator @ (start.covariance - rest) @ propagator.T
    )
    axes = grid.make_axis((-5, 5), 160, "reflecting"), grid.make_axis((-6, 6), 160, "reflecting")
    x, v = np.meshgrid(axes[0].centres, axes[1].centres, indexing="ij")
    area, errors = axes[0].width * axes[1].width, []
    for steps in (4, 8, 16, 32):
        mass = start(x, v) * area
        mass /= mass.sum()
        kramers.Step(phase, *axes, time / steps).repeat(mass, steps)
        errors.append(np.abs(mass - exact(x, v) * area).sum())
    assert np.allclose(orders(errors), 2, atol=0.06)
    assert errors[-1] < 7e-4


def test_weak_friction_applied_in_strides_smears_less():
    """One application of friction for three steps; the cells are wide, so that narrow kernels would
    smear.
    """
    friction, time = 0.1, 1.0
    phase = equations.PhaseSpace(lambda x: -x, lambda x: x**2 / 2, friction, 1.0, 1.0, 1.0)
    drift, noise = np.array([[0, 1], [-1, -friction]]), np.diag([0, 2 * friction])
    start = fp.GaussianDensity([1.0, 0.5], np.diag([0.3, 0.3]))
    propagator, rest = expm(drift * time), solve_continuous_lyapunov(drift, -noise)
    exact = fp.GaussianDensity(
        propagator @ start.mean, rest + propagator @ (start.covariance - rest) @ propagator.T
    )
    axes = (
        grid.make_axis((-6.5, 6.5), 96, "reflecting"),
        grid.make_axis((-6.5, 6.5), 96, "reflecting"),
    )
    x, v = np.meshgrid(axes[0].centres, axes[1].centres, indexing="ij")
    area, errors = axes[0].width * axes[1].width, {}
    for stride in (1, 3):
        mass = start(x, v) * area
        mass /= mass.sum()
        kramers.Step(phase, *axes, time / 36, stride).repeat(mass, 36)
        errors[stride] = np.abs(mass - exact(x, v) * area).sum()
    assert kramers.friction_stride(phase, axes[1], time / 36, time) == 3
    assert errors[3] < 3e-4
    assert errors[1] > 2 * errors[3]


def test_second_order_in_time_in_the_plane():
    stiffness = np.array([[1.0, 0.5], [0.5, 0.8]])
    equation = ls.Overdamped(
        potential=ls.models.potentials.Quadratic(stiffness=stiffness),
        friction=1.0,
        noise_covariance=np.eye(2),
        step_time=1.0,
    )
    domain = ((-4.0, 4.0), (-4.0, 4.0))
    start = fp.GaussianDensity([0.8, -0.6], np.diag([0.2, 0.2]))
    problem = plane.PlaneProblem(
        equations.as_plane(equation), start, np.array([1.0]), domain, "reflecting"
    )
    solutions = [problem.solution((48, 48), 1.0 / steps)[0] for steps in (4, 8, 16, 32, 64)]
    distances = [np.abs(first - second).sum() for first, second in pairwise(solutions)]
    assert np.allclose(orders(distances), 2, atol=0.1)
    exact = expm_action(problem, (48, 48))
    assert np.abs(solutions[-1] - exact).sum() < 2 * distances[-1]


def expm_action(problem, cells):
    """The exponential of the whole generator, not split."""
    from scipy.sparse.linalg import expm_multiply

    matrix = plane.generator(*problem.chains(cells)).tocsr()
    start = problem._initial(
        *np.meshgrid(*(axis.centres for axis in problem.axes(cells)), indexing="ij")
    )
    return expm_multiply(
        matrix, (start / start.sum()).ravel(), traceA=matrix.diagonal().sum()
    ).reshape(cells)


def test_second_order_of_eigenvalues_in_phase_space_and_on_a_line():
    equation = ls.Underdamped(
        potential=ls.models.potentials.Quadratic(stiffness=np.eye(1)),
        mass=1.0,
        friction=1.0,
        noise_covariance=np.array([[1.0]]),
        step_time=1.0,
    )
    _, build = generators.generators(equation, None, "reflecting")
    errors = [abs(relaxation._modes(build(cells), 2)[0][1].real + 0.5) for cells in (32, 64, 128)]
    assert np.allclose(orders(errors)[-1], 2, atol=0.15)
    line = fp.Diffusion(drift=lambda x: -x, diffusion=1.0)
    _, build = generators.generators(line, None, "reflecting")
    errors = [abs(relaxation._modes(build(cells), 3)[0][2].real + 2) for cells in (64, 128, 256)]
    assert np.allclose(orders(errors), 2, atol=0.05)
