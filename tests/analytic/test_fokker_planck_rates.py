"""Spectra, passage times, escape rates and the Gaussian closed form against exact values and
quadrature.
"""

import warnings

import numpy as np
import pytest
from scipy.integrate import dblquad, quad, solve_ivp
from scipy.linalg import expm

import langevin_sgd as ls
from langevin_sgd import fokker_planck as fp
from langevin_sgd.fokker_planck import equations, generators, grid
from langevin_sgd.fokker_planck.gaussian_law import GaussianLaw

STEP_TIME = 0.2


def oscillator(friction, mass=1.0, stiffness=1.0, temperature=0.5):
    return ls.Underdamped(
        potential=ls.models.potentials.Quadratic(stiffness=np.array([[stiffness]])),
        mass=mass,
        friction=friction,
        noise_covariance=np.array([[2 * friction * temperature]]),
        step_time=STEP_TIME,
    )


def double_well(temperature, friction=1.0):
    """Overdamped in U = x^4/4 - x^2/2."""
    return fp.Diffusion(
        drift=lambda x: (x - x**3) / friction, diffusion=temperature / friction, step_time=STEP_TIME
    )


def potential(x):
    return x**4 / 4 - x**2 / 2


# --- spectra --------------------------------------------------------------------------------------


def test_spectrum_of_the_ornstein_uhlenbeck_process():
    """Rates n k/friction, and Hermite functions times the stationary density."""
    equation = ls.Overdamped(
        potential=ls.models.potentials.Quadratic(
            stiffness=np.array([[1.5]]), centre=np.array([40.0])
        ),
        friction=0.5,
        noise_covariance=np.array([[0.3]]),
        step_time=STEP_TIME,
    )
    found = fp.spectrum(equation, modes=5, tolerance=1e-5)
    assert np.allclose(found.rate, np.arange(5) * 1.5 / 0.5 * STEP_TIME, rtol=1e-7)
    assert np.allclose(found.relaxation_time[1:] * found.rate[1:], 1)
    assert np.isinf(found.relaxation_time[0])
    x = (found.position.values - 40) / np.sqrt(0.3 / (2 * 0.5) / 1.5)
    for mode, hermite in enumerate((np.ones_like(x), x, x**2 - 1, x**3 - 3 * x)):
        exact = hermite * np.exp(-(x**2) / 2)
        exact /= np.abs(exact).sum() * (found.position[1] - found.position[0]).item()
        function = found.eigenfunction.values[mode]
        sign = np.sign(function @ exact)
        # One unit of length holds the whole of |p_n|: an L1 distance.
        assert (
            np.abs(sign * function - exact).sum() * (found.position[1] - found.position[0]).item()
            < 1e-3
        )


def test_spectrum_on_an_interval_and_a_ring():
    free = fp.Diffusion(drift=np.zeros_like, diffusion=0.3)
    length = 2.0
    cosines = 0.3 * (np.arange(5) * np.pi / length) ** 2
    assert np.allclose(fp.spectrum(free, modes=5, domain=(0, length)).rate, cosines, rtol=1e-4)
    sines = fp.spectrum(free, modes=4, domain=(0, length), boundary="absorbing", tolerance=1e-3)
    assert np.allclose(sines.rate, cosines[1:], rtol=1e-3)
    mixed = fp.spectrum(
        free, modes=3, domain=(0, length), boundary=("reflecting", "absorbing"), tolerance=1e-3
    )
    assert np.allclose(mixed.rate, 0.3 * ((np.arange(3) + 0.5) * np.pi / length) ** 2, rtol=1e-3)
    drifting = fp.Diffusion(drift=lambda x: np.full_like(x, 0.7), diffusion=0.3)
    ring = fp.spectrum(drifting, modes=5, domain=(0, length), boundary="periodic", tolerance=1e-3)
    waves = np.array([0, 1, 1, 2, 2]) * 2 * np.pi / length
    assert np.allclose(ring.rate, 0.3 * waves**2, rtol=1e-3, atol=1e-9)
    assert np.allclose(ring.frequency, 0.7 * waves, rtol=2e-3, atol=1e-9)


@pytest.mark.parametrize("friction", [0.5, 3.0])
def test_spectrum_of_the_oscillator(friction):
    """n a + m b with a, b the two relaxation rates (Risken, section 10.3)."""
    roots = np.roots([1, friction, 1]).astype(complex)
    exact = np.array([-(n * roots[0] + m * roots[1]) for n in range(8) for m in range(8)])
    exact = exact[np.lexsort((exact.imag, exact.real.round(9)))][:3] * STEP_TIME
    found = fp.spectrum(oscillator(friction), modes=3, cells=128, tolerance=5e-2)
    assert np.allclose(found.rate, exact.real, rtol=6e-3, atol=1e-10)
    assert np.allclose(found.frequency, np.abs(exact.imag), rtol=6e-3, atol=1e-10)


def test_spectrum_of_the_plane_is_the_sum_of_its_axes():
    equation = ls.Overdamped(
        potential=ls.models.potentials.Quadratic(stiffness=np.diag([1.0, 0.7])),
        friction=1.0,
        noise_covariance=np.diag([1.0, 0.4]),
        step_time=STEP_TIME,
    )
    found = fp.spectrum(equation, modes=5, cells=64, tolerance=3e-2)
    assert np.allclose(
        found.rate, np.array([0, 0.7, 1.0, 1.4, 1.7]) * STEP_TIME, rtol=5e-3, atol=1e-10
    )


def test_a_generator_in_phase_space_conserves_and_has_boltzmann_at_rest():
    phase = equations.as_phase_space(oscillator(0.3))
    for boundary in ("reflecting", "periodic"):
        axes = (
            grid.make_axis((-3.0, 2.5), 24, boundary),
            grid.make_axis((-4.0, 4.0), 20, "reflecting"),
        )
        # On a ring the potential must match at the seam.
        axes = (
            (grid.make_axis((-3.0, 3.0), 24, boundary), axes[1]) if boundary == "periodic" else axes
        )
        matrix = generators.phase_space_generator(phase, *axes)
        rest = np.exp(
            -phase.energy(axes[0].centres)[:, None]
            - axes[1].centres ** 2 / 2 / phase.thermal_velocity**2
        ).ravel()
        assert np.abs(matrix.sum(axis=0)).max() < 1e-11
        assert np.abs(matrix @ (rest / rest.sum())).max() < 1e-14


# --- first passage --------------------------------------------------------------------------------


def test_mean_passage_time_over_a_barrier_against_the_double_integral():
    """T(x) = (1/D) int_x^b e^{Phi(y)} int_{-inf}^y e^{-Phi(z)} dz dy (Gardiner, section 5.5)."""
    temperature, end = 0.1, 0.8
    found = fp.first_passage_time(double_well(temperature), domain=(None, end), tolerance=1e-6)
    for start in (-1.5, -1.0, 0.0, 0.5):
        inner, _ = dblquad(
            lambda z, y: np.exp((potential(y) - potential(z)) / temperature),
            start,
            end,
            -3.0,
            lambda y: y,
            epsrel=1e-9,
        )
        exact = inner / temperature / STEP_TIME
        assert np.isclose(found.mean_time.interp(position=start), exact, rtol=2e-5)
    assert np.allclose(found.exit_high, 1)
    # Over a barrier of two and a half temperatures and more, leaving is almost exponential: spread
    # = mean.
    well = found.sel(position=-1.0, method="nearest")
    assert np.isclose(well.standard_deviation, well.mean_time, rtol=0.06)


def test_control_another_temperature_is_noticed():
    found = fp.first_passage_time(double_well(0.1), domain=(None, 0.8))
    other = fp.first_passage_time(double_well(0.101), domain=(None, 0.8))
    assert abs(float(found.mean_time[0] / other.mean_time[0]) - 1) > 0.01


def test_leaving_an_interval_with_drift():
    """Gambler's ruin in closed form, mean time included."""
    speed, diffusion = 0.4, 0.3
    drifting = fp.Diffusion(
        drift=lambda x: np.full_like(x, speed), diffusion=diffusion, step_time=STEP_TIME
    )
    found = fp.first_passage_time(drifting, domain=(0.0, 1.0), boundary="absorbing", tolerance=1e-5)
    x, ratio = found.position.values, speed / diffusion
    high = np.expm1(-ratio * x) / np.expm1(-ratio)
    assert np.abs(found.exit_high.values - high).max() < 1e-4
    assert np.abs(found.mean_time.values * STEP_TIME - (high - x) / speed).max() < 1e-4


def test_passage_times_of_a_very_high_barrier_keep_their_digits():
    """Barrier of 100 temperatures: e^100 times longer than a relaxation, compared in the logarithm
    by quadrature.
    """
    temperature = 0.0025
    found = fp.first_passage_time(double_well(temperature), domain=(None, 0.9), tolerance=1e-4)
    top, _ = quad(lambda y: np.exp(potential(y) / temperature), -0.5, 0.5, points=[0.0])
    bottom, _ = quad(
        lambda z: np.exp((-0.25 - potential(z)) / temperature), -1.5, -0.5, points=[-1.0]
    )
    exact = np.log(top * bottom / temperature / STEP_TIME) + 0.25 / temperature
    assert np.isclose(
        np.log(float(found.mean_time.sel(position=-1.0, method="nearest"))), exact, atol=1e-3
    )


def test_mean_passage_time_in_the_plane_and_in_phase_space():
    """The plane: a disc is no rectangle, but a square is a sum of sines. Phase space: strong
    friction is overdamped.
    """
    flat = ls.Overdamped(
        potential=ls.models.potentials.Quadratic(stiffness=np.zeros((2, 2))),
        friction=1.0,
        noise_covariance=np.eye(2),
        step_time=STEP_TIME,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fp.NotConvergedWarning)
        found = fp.first_passage_time(flat, domain=((0, 1), (0, 1)), boundary="absorbing", cells=64)
    odd = np.arange(1, 60, 2) * np.pi
    weights = 16 / (odd[:, None] * odd) / (odd[:, None] ** 2 + odd**2) * 2
    sines = np.sin(np.outer(found.position_0.values, odd))
    exact = sines @ weights @ sines.T / STEP_TIME
    assert np.abs(found.mean_time.values - exact).max() < 2e-3 * exact.max()
    friction, temperature = 12.0, 0.5
    slow = fp.first_passage_time(
        oscillator(friction, temperature=temperature),
        domain=((-3.5, 1.0), (-3.8, 3.8)),
        cells=128,
        tolerance=0.1,
    )
    line = fp.first_passage_time(
        fp.Diffusion(
            drift=lambda x: -x / friction, diffusion=temperature / friction, step_time=STEP_TIME
        ),
        domain=(-3.5, 1.0 + 1.46 * np.sqrt(temperature) / friction),
    )
    # To 3 %, that is, to the next order in v_T/damping; without the Milne length the times differ
    # by 20 %. The wall appears a Milne length, 1.46 v_T/damping, farther out (Burschka and
    # Titulaer, J. Stat. Phys. 25, 569).
    rest = np.exp(-(slow.velocity.values**2) / 2 / temperature)
    mean = (slow.mean_time.values @ rest / rest.sum())[np.abs(slow.position.values) < 0.02].mean()
    assert np.isclose(mean, line.mean_time.interp(position=0.0), rtol=0.035)


# --- escape ---------------------------------------------------------------------------------------


def test_escape_rate_approaches_that_of_kramers():
    """Overdamped: sqrt(U''(well) |U''(top)|)/(2 pi friction) e^{-dU/T}, with the known first
    correction in T.
    """
    excess = []
    for temperature in (0.04, 0.02, 0.01):
        rate = fp.escape_rate(double_well(temperature, friction=2.0), barrier=0.0)
        kramers = np.sqrt(2) / (2 * np.pi * 2.0) * np.exp(-0.25 / temperature) * STEP_TIME
        assert rate.converged
        assert rate.separation > 30
        excess.append(rate.value / kramers - 1)
    # The correction is linear in T: -(3/2) T here (Edholm and Leimar, Physica A 98 (1979) 313).
    assert np.allclose(excess, -1.5 * np.array([0.04, 0.02, 0.01]), rtol=0.2)


def test_rates_of_both_wells_balance_and_equal_inverse_passage_times():
    temperature = 0.03
    tilted = fp.Diffusion(drift=lambda x: x - x**3 + 0.1, diffusion=temperature)
    top = float(np.roots([-1, 0, 1, 0.1]).real[np.abs(np.roots([-1, 0, 1, 0.1])).argmin()])
    left, right = (fp.escape_rate(tilted, barrier=top, well=well) for well in ("low", "high"))

    def weight(x):
        return np.exp((x**2 / 2 - x**4 / 4 + 0.1 * x) / temperature)

    below, above = quad(weight, -3, top)[0], quad(weight, top, 3)[0]
    assert np.isclose(left.value * below, right.value * above, rtol=1e-4)
    passage = fp.first_passage_time(tilted, domain=(None, 1.0))
    time = float(passage.mean_time.sel(position=-1.0, method="nearest"))
    assert np.isclose(left.value * time, 1, rtol=0.03)


def test_escape_in_phase_space_across_friction():
    """Strong friction: Kramers' formula of spatial diffusion; the symmetric quartic at dU/T = 5."""
    temperature = 0.05
    well = ls.models.potentials.Potential.from_sympy("x**4/4 - x**2/2")
    for friction, tolerance in ((2.0, 0.08), (6.0, 0.08)):
        equation = ls.Underdamped(
            potential=well,
            mass=1.0,
            friction=friction,
            noise_covariance=np.array([[2 * friction * temperature]]),
            step_time=STEP_TIME,
        )
        rate = fp.escape_rate(equation, barrier=0.0, cells=128, tolerance=0.1)
        transmission = np.sqrt(1 + friction**2 / 4) - friction / 2
        kramers = transmission * np.sqrt(2) / (2 * np.pi) * np.exp(-0.25 / temperature) * STEP_TIME
        assert np.isclose(rate.value, kramers * (1 - 1.5 * temperature), rtol=tolerance)


# --- the Gaussian law -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [ls.Overdamped, ls.Underdamped])
def test_gaussian_law_against_the_moment_equations(kind):
    """dm/dt = A m, dC/dt = A C + C A^T + N integrated as ordinary differential equations; singular
    stiffness too.
    """
    rng = np.random.default_rng(4)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    problem = ls.LinearRegression.from_spectrum(
        [2.0, 0.5, 0.0], eigenvectors=turn, minimiser=[1.0, -1.0, 0.5]
    )
    problem = problem.with_noise_covariance(turn @ np.diag([1.0, 0.3, 0.2]) @ turn.T + 0.05)
    settings = ls.SGD(lr=0.1, batch_size=4, momentum=0.6)
    equation = kind.from_sgd(problem, settings)
    friction, noise = 0.4, 0.1 / 4 * problem.noise_covariance
    if kind is ls.Overdamped:
        drift, spectral, size = -problem.hessian / friction, noise / friction**2, 3
    else:
        mass, zero = 0.1 * 1.6 / 2, np.zeros((3, 3))
        drift = np.block(
            [[zero, np.eye(3)], [-problem.hessian / mass, -friction / mass * np.eye(3)]]
        )
        spectral, size = np.block([[zero, zero], [zero, noise / mass**2]]), 6
    start = fp.GaussianDensity(rng.normal(size=size), np.diag(rng.uniform(0.1, 0.4, size)))
    centre = np.concatenate([equation.potential.centre, np.zeros(size - 3)])

    def slope(_, packed):
        mean, covariance = packed[:size], packed[size:].reshape(size, size)
        change = drift @ covariance
        return np.concatenate([drift @ (mean - centre), (change + change.T + spectral).ravel()])

    times = [0.0, 3.0, 40.0]
    packed = np.concatenate([start.mean, start.covariance.ravel()])
    exact = solve_ivp(
        slope, (0, 4.0), packed, t_eval=np.array(times) * 0.1, rtol=1e-10, atol=1e-12
    ).y.T
    law = GaussianLaw(equation, start)
    assert np.allclose(law.mean(times), exact[:, :size], rtol=1e-7, atol=1e-9)
    assert np.allclose(law.covariance(times).reshape(3, -1), exact[:, size:], rtol=1e-7, atol=1e-9)
    with pytest.raises(ls.InputError, match="no stationary law"):
        law.stationary()


def test_gaussian_law_at_rest_and_the_grid():
    equation = oscillator(0.8)
    start = fp.GaussianDensity([0.7, 0.0], np.diag([0.05, 0.1]))
    law = GaussianLaw(equation, start)
    assert np.allclose(law.stationary().covariance, 0.5 * np.eye(2), atol=1e-12)
    assert np.allclose(law.at(1e6).covariance, 0.5 * np.eye(2), atol=1e-9)
    assert np.allclose(
        law.mean(3.0)[0], expm(np.array([[0, 1], [-1, -0.8]]) * 3 * STEP_TIME) @ start.mean
    )
    found = fp.solve(equation, initial=start, times=[3.0], tolerance=2e-3)
    x, v = np.meshgrid(found.position, found.velocity, indexing="ij")
    area = (x[1, 0] - x[0, 0]) * (v[0, 1] - v[0, 0])
    assert np.abs(found.density.values[0] - law.at(3.0)(x, v)).sum() * area < 2e-3


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fp.spectrum(double_well(0.1), modes=0), "modes = 0"),
        (lambda: fp.spectrum(double_well(0.1), cells=33), "cells = 33: must be a multiple of 2"),
        (lambda: fp.spectrum(fp.Diffusion(drift=np.zeros_like, diffusion=1.0)), "does not confine"),
        (
            lambda: fp.first_passage_time(double_well(0.1), domain=(0, 1), boundary="reflecting"),
            "absorbing end",
        ),
        (
            lambda: fp.first_passage_time(double_well(0.1), domain=(0, 1), cells=50),
            "multiple of 32",
        ),
        (lambda: fp.escape_rate(double_well(0.1)), "barrier = None"),
        (lambda: fp.escape_rate(double_well(0.1), barrier=9.0), "must lie in the domain"),
        (lambda: fp.escape_rate(double_well(0.1), barrier=0.0, well="left"), "well = 'left'"),
        (
            lambda: GaussianLaw(oscillator(1.0), fp.GaussianDensity(0.0, 1.0)),
            "must have 2 coordinates",
        ),
        (lambda: fp.GaussianDensity([0, 0], -np.eye(2)), "must be symmetric and positive definite"),
    ],
)
def test_bad_input_gets_one_clear_line(call, message):
    with pytest.raises(ls.InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
