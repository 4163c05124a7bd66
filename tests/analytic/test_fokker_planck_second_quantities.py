"""What stands beside the first number: spreads of passage times, currents, noise that depends on
the state at friction.

Each against a closed form or a law that the first number does not enter: series, moment equations,
continuity.
"""

import warnings

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd import fokker_planck as fp
from langevin_sgd.fokker_planck.gaussian_law import GaussianLaw
from langevin_sgd.models import potentials

STEP_TIME = 0.2


def flat_plane(friction=1.0, noise=(1.0, 1.0)):
    return ls.Overdamped(
        potential=potentials.quadratic([0.0, 0.0]),
        friction=friction,
        noise_covariance=np.diag(noise),
        step_time=STEP_TIME,
    )


def test_spread_of_the_times_to_leave_a_rectangle():
    """Sum of sines: <T> = sum c/lambda, <T^2> = 2 sum c/lambda^2; sides, friction and noise differ
    between the axes.
    """
    friction, noise, sides = 2.0, (1.0, 3.0), (1.0, 1.5)
    diffusion = np.array(noise) / (2 * friction**2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fp.NotConvergedWarning)
        found = fp.first_passage_time(
            flat_plane(friction, noise),
            domain=((0.0, sides[0]), (0.0, sides[1])),
            boundary="absorbing",
            cells=64,
        )
    odd = np.arange(1, 80, 2) * np.pi
    sines = [
        np.sin(np.outer(found[f"position_{i}"].values / sides[i], odd)) * 4 / odd for i in (0, 1)
    ]
    first, second = (diffusion[i] * (odd / sides[i]) ** 2 for i in (0, 1))
    rates = first[:, None] + second
    mean = sines[0] @ (1 / rates) @ sines[1].T
    square = 2 * sines[0] @ rates**-2.0 @ sines[1].T
    spread = np.sqrt(square - mean**2)
    assert np.abs(found.mean_time.values * STEP_TIME - mean).max() < 3e-3 * mean.max()
    assert np.abs(found.standard_deviation.values * STEP_TIME - spread).max() < 3e-3 * spread.max()
    control = np.sqrt(np.maximum(square / 2 - mean**2, 0))
    assert np.abs(found.standard_deviation.values * STEP_TIME - control).max() > 0.3 * spread.max()


def test_spread_of_the_times_to_leave_a_line():
    """Brownian motion from the middle of [-1, 1]: <T> = 1/(2 D), variance (2/3) <T>^2 (from the
    Laplace transform).
    """
    free = fp.Diffusion(drift=np.zeros_like, diffusion=0.3, step_time=STEP_TIME)
    found = fp.first_passage_time(free, domain=(-1.0, 1.0), boundary="absorbing").interp(
        position=0.0
    )
    assert np.isclose(found.mean_time * STEP_TIME, 1 / 0.6, rtol=1e-4)
    assert np.isclose(found.standard_deviation / found.mean_time, np.sqrt(2 / 3), rtol=1e-4)


def test_times_to_leave_a_deep_well_in_phase_space_spread_as_much_as_they_last():
    """Leaving is a rate process there, an exponential law; within e^-5 of it, and the error of 64
    cells.
    """
    temperature, friction = 0.05, 1.0
    well = ls.Underdamped(
        potential=ls.Potential.from_sympy("x**4/4 - x**2/2"),
        mass=1.0,
        friction=friction,
        noise_covariance=2 * friction * temperature,
        step_time=STEP_TIME,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fp.NotConvergedWarning)
        found = fp.first_passage_time(well, domain=((-1.9, 0.6), (-1.4, 1.4)), cells=64)
    bottom = found.sel(position=-1.0, velocity=0.0, method="nearest")
    assert np.isclose(bottom.standard_deviation, bottom.mean_time, rtol=0.02)


# --- noise that depends on the state, at friction -------------------------------------------------


@pytest.mark.parametrize(("calculus", "share"), [("Ito", 1.0), ("Stratonovich", 0.5)])
def test_state_dependent_noise_in_the_plane_at_friction(calculus, share):
    """d<x^2>/dt of two independent axes, in closed form: noise enters as b^2/friction^2, and so
    does its drift.

    dx = -k x/f dt + (b/f) dW with b^2 = c (1 + s x^2): d<x^2>/dt = -2 k/f <x^2> + (c/f^2)(1 + s
    <x^2>), and for Stratonovich c s/f^2 <x^2> more.
    """
    friction, stiffness, scale, bend = (
        2.0,
        np.array([1.0, 0.5]),
        np.array([0.8, 0.5]),
        np.array([1.0, 0.3]),
    )
    noise = getattr(ls.dynamics, calculus).from_sympy(
        ["sqrt(0.8*(1 + x**2))", "sqrt(0.5*(1 + 0.3*y**2))"], variables="x y"
    )
    equation = ls.Overdamped(
        potential=potentials.quadratic(stiffness),
        friction=friction,
        noise_covariance=noise,
        step_time=STEP_TIME,
    )
    start = np.array([0.09, 0.16])
    steps = np.array([2.0, 5.0])
    found = fp.solve(
        equation,
        initial=fp.GaussianDensity([0.0, 0.0], np.diag(start)),
        times=steps,
        domain=((-3.6, 3.6), (-3.0, 3.0)),
        cells=(128, 96),
        tolerance=1e-2,
    )
    grown = scale / friction**2
    rate = 2 * stiffness / friction - grown * bend * (1 + 2 * (1 - share))
    exact = grown / rate + (start - grown / rate) * np.exp(-np.outer(steps * STEP_TIME, rate))
    mass = found.density / found.density.sum(["position_0", "position_1"])
    squares = [
        (mass * found[f"position_{i}"] ** 2).sum(["position_0", "position_1"]).values
        for i in (0, 1)
    ]
    assert np.allclose(np.array(squares).T, exact, rtol=3e-3)


@pytest.mark.parametrize(("calculus", "share"), [("Ito", 1.0), ("Stratonovich", 0.5)])
def test_state_dependent_noise_on_a_line_at_friction(calculus, share):
    """At rest p ~ b^(-2 share) e^{-2 f int U'/b^2}: a power of 1 + x^2 for b^2 = 1 + x^2, U =
    x^2/2.
    """
    friction = 3.0
    noise = getattr(ls.dynamics, calculus).from_sympy("sqrt(1 + x**2)")
    equation = ls.Overdamped(
        potential=potentials.quadratic([1.0]),
        friction=friction,
        noise_covariance=noise,
        step_time=STEP_TIME,
    )
    found = fp.solve(
        equation, initial="stationary", times=[0.0], domain=(-4.0, 4.0), cells=256, tolerance=1e-2
    )
    ratio = found.density.values[0] * (1 + found.position.values**2) ** (share + friction)
    assert np.allclose(ratio, ratio[128], rtol=1e-3)


# --- currents -------------------------------------------------------------------------------------


def coupled(noise):
    return ls.Overdamped(
        potential=potentials.Quadratic(stiffness=np.array([[1.0, 0.5], [0.5, 1.5]])),
        friction=1.5,
        noise_covariance=noise,
        step_time=STEP_TIME,
    )


@pytest.mark.parametrize("boundary", ["reflecting", ("reflecting", "absorbing")])
def test_currents_in_the_plane_carry_what_the_density_gains(boundary):
    """dp/dt = -dJ_0/dx_0 - dJ_1/dx_1 on cells of different widths, by a central difference in
    time.
    """
    early, late = 2.0, 2.02
    found = fp.solve(
        coupled(np.diag([0.6, 0.3])),
        initial=fp.GaussianDensity([0.5, -0.2], np.diag([0.05, 0.03])),
        times=[early, (early + late) / 2, late],
        domain=((-2.0, 2.5), (-1.0, 1.2)),
        cells=(64, 96),
        boundary=boundary,
        time_step=0.01,
        tolerance=1.0,
    )
    widths = [float(found[f"position_{i}"][1] - found[f"position_{i}"][0]) for i in (0, 1)]
    assert widths[0] > 2 * widths[1]
    gained = (found.density.values[2] - found.density.values[0]) / (late - early)
    currents = [found[f"current_{i}"].values[1] for i in (0, 1)]
    carried = -sum(np.diff(current, axis=i) / widths[i] for i, current in enumerate(currents))
    assert np.abs(gained - carried).max() < 2e-3 * np.abs(gained).max()


def test_currents_in_the_plane_are_those_of_a_gaussian():
    """J = (drift - D grad ln p) p of the exact Gaussian law, at the faces."""
    equation, steps = coupled(np.diag([0.6, 0.3])), 2.0
    start = fp.GaussianDensity([0.5, -0.2], np.diag([0.05, 0.03]))
    found = fp.solve(
        equation,
        initial=start,
        times=[steps],
        domain=((-2.0, 2.5), (-1.3, 1.2)),
        cells=(128, 128),
        tolerance=1.0,
    )
    law = GaussianLaw(equation, start).at(steps)
    inverse, stiffness = np.linalg.inv(law.covariance), equation.potential.stiffness
    for i, noise in ((0, 0.6), (1, 0.3)):
        names = [f"face_{j}" if j == i else f"position_{j}" for j in (0, 1)]
        x = np.stack(np.meshgrid(*(found[name].values for name in names), indexing="ij"), axis=-1)
        spread = noise / (2 * 1.5**2)
        exact = -(x @ stiffness)[..., i] / 1.5 + spread * ((x - law.mean) @ inverse)[..., i]
        exact *= law(x[..., 0], x[..., 1]) * STEP_TIME
        assert np.abs(found[f"current_{i}"].values[0] - exact).max() < 5e-3 * np.abs(exact).max()


def test_currents_on_a_line_carry_what_the_density_gains():
    equation = fp.Diffusion(
        drift=lambda x: -x, diffusion=lambda x: 0.3 + x**2 / 10, step_time=STEP_TIME
    )
    found = fp.solve(
        equation,
        initial=fp.GaussianDensity(0.5, 0.05),
        times=[2.0, 2.01, 2.02],
        domain=(-3, 3),
        cells=128,
        tolerance=1.0,
    )
    width = float(found.position[1] - found.position[0])
    gained = (found.density.values[2] - found.density.values[0]) / 0.02
    carried = -np.diff(found.current.values[1]) / width
    assert np.abs(gained - carried).max() < 1e-4 * np.abs(gained).max()


def test_currents_in_phase_space_carry_what_the_density_gains():
    """The same by central differences on both axes, with mass, friction and units that are not
    one.
    """
    equation = ls.Underdamped(
        potential=potentials.quadratic([1.4]),
        mass=2.0,
        friction=0.7,
        noise_covariance=0.9,
        step_time=STEP_TIME,
    )
    found = fp.solve(
        equation,
        initial=fp.GaussianDensity([0.6, 0.1], np.diag([0.2, 0.15])),
        times=[3.0, 3.05, 3.1],
        domain=((-4.0, 4.0), (-3.0, 3.0)),
        cells=(128, 128),
        time_step=0.05,
        tolerance=1.0,
    )
    gained = (found.density.values[2] - found.density.values[0]) / 0.1
    slopes = [
        np.gradient(found[f"current_{name}"].values[1], found[name].values, axis=axis)
        for axis, name in enumerate(("position", "velocity"))
    ]
    inner = np.s_[2:-2, 2:-2]
    assert np.abs(gained + sum(slopes))[inner].max() < 2e-2 * np.abs(gained).max()


def test_entropy_of_the_plane_is_produced_along_both_axes():
    """At one temperature T times the production is -dF/dt; an axis left out would miss its part."""
    found = fp.solve(
        coupled(0.5 * np.eye(2)),
        initial=fp.GaussianDensity([0.5, -0.4], np.diag([0.05, 0.03])),
        times=[2.0, 2.01, 2.02],
        domain=((-2.5, 2.5), (-2.0, 2.0)),
        cells=(64, 64),
        time_step=0.005,
        tolerance=1.0,
    )
    fallen = -(found.free_energy.values[2] - found.free_energy.values[0]) / 0.02
    temperature = 0.5 / (2 * 1.5)
    assert np.isclose(temperature * found.entropy_production.values[1], fallen, rtol=1e-3)
