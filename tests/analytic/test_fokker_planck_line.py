"""One-dimensional Fokker-Planck solutions against exact laws, quadrature and matrix
exponentials.
"""

import warnings

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm
from scipy.special import iv

import langevin_sgd as ls
from langevin_sgd import fokker_planck as fp
from langevin_sgd.fokker_planck import chain, equations, exponential, grid, line

STIFFNESS, FRICTION, NOISE, STEP_TIME = 2.0, 0.5, 0.4, 0.1


def harmonic():
    potential = ls.models.potentials.Quadratic(
        stiffness=np.array([[STIFFNESS]]), centre=np.array([0.3])
    )
    noise = np.array([[NOISE]])
    return ls.Overdamped(
        potential=potential, friction=FRICTION, noise_covariance=noise, step_time=STEP_TIME
    )


def harmonic_law(steps, mean, variance, noise=NOISE):
    decay = np.exp(-STIFFNESS / FRICTION * STEP_TIME * steps)
    stationary = noise / (2 * FRICTION * STIFFNESS)
    return 0.3 + decay * (mean - 0.3), stationary + decay**2 * (variance - stationary)


def distance(found, exact, dims=("position",)):
    """L1 distance of a solution from exact densities at every time."""
    cell = np.prod([float(found[dim][1] - found[dim][0]) for dim in dims])
    return np.abs(found.density.values - exact).sum(axis=tuple(range(1, exact.ndim))) * cell


def normal(x, mean, variance):
    return np.exp(-((x - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)


def quartic():
    """A tilted double well, as plain functions."""
    return fp.Diffusion(drift=lambda x: x - x**3 + 0.2, diffusion=0.15)


# --- the exponential ------------------------------------------------------------------------------


def test_rational_approximation_on_the_negative_axis():
    poles, residues = exponential.poles_and_residues()
    points = -np.concatenate([[0], np.logspace(-6, 8, 500)])
    found = (residues / (points[:, None] - poles)).sum(axis=1).real
    assert len(poles) == exponential.DEGREE // 2
    assert np.abs(found - np.exp(points)).max() < 2e-13


@pytest.mark.parametrize("time", [1e-4, 0.3, 50.0, 500.0])
def test_propagation_is_the_matrix_exponential(time):
    axis = grid.make_axis((-2.5, 2.5), 90, ("absorbing", "reflecting"))
    found = chain.discretise(equations.as_line(quartic()), axis)
    mass = normal(axis.centres, -1, 0.01) * axis.width
    exact = expm(line.matrix(found).toarray() * time) @ mass
    assert np.abs(line.evolve(found, mass, np.array([time]))[0] - exact).sum() < 1e-11


@pytest.mark.parametrize(
    ("diffusion", "height"), [(0.5, 0.8), (0.05, 0.8), (0.05, 1.05), (0.02, 0.0)]
)
def test_propagation_around_a_ring_is_the_matrix_exponential(diffusion, height):
    tilted = fp.Diffusion(drift=lambda x: 1 + height * np.sin(x), diffusion=diffusion)
    found = chain.discretise(
        equations.as_line(tilted), grid.make_axis((0, 2 * np.pi), 100, "periodic")
    )
    mass = np.zeros(100)
    mass[10] = 1
    generator = line.matrix(found).toarray()
    assert np.abs(generator.sum(axis=0)).max() < 1e-10
    for time in (0.1, 1.0, 10.0):
        exact = expm(generator * time) @ mass
        assert np.abs(line.evolve(found, mass, np.array([time]))[0] - exact).sum() < 2e-8
    assert np.abs(generator @ line.stationary(found)).max() < 1e-10


# --- transients -----------------------------------------------------------------------------------


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4, 1e-6])
def test_ornstein_uhlenbeck_transient(tolerance):
    steps = np.array([0.0, 1.0, 2.5, 40.0])
    found = fp.solve(
        harmonic(), initial=fp.GaussianDensity(1.0, 0.02), times=steps, tolerance=tolerance
    )
    mean, variance = harmonic_law(steps[:, None], 1.0, 0.02)
    exact = normal(found.position.values, mean, variance)
    error = distance(found, exact)
    assert (error < tolerance).all()
    assert (error < 1.3 * found.error.values + 1e-9).all()
    assert found.attrs["converged"] == 1
    # Exact as the scheme is at rest, the last density is the stationary one at the cell centres, to
    # the domain's tails.
    assert error[-1] < 1e-7


def test_control_a_wrong_temperature_is_noticed():
    steps = np.array([1.0, 2.5])
    found = fp.solve(harmonic(), initial=fp.GaussianDensity(1.0, 0.02), times=steps)
    mean, variance = harmonic_law(steps[:, None], 1.0, 0.02, noise=1.02 * NOISE)
    assert (
        distance(found, normal(found.position.values, mean, variance)) > 20 * found.error.values
    ).all()


def test_a_ring_with_uniform_drift_is_a_travelling_wrapped_normal():
    speed, diffusion, time = 1.5, 0.05, 2.0
    equation = fp.Diffusion(
        drift=lambda x: np.full_like(x, speed), diffusion=diffusion, step_time=0.5
    )
    initial = normal
    found = fp.solve(
        equation,
        initial=lambda x: initial(x, 2.0, 0.09),
        times=[time / 0.5],
        domain=(0, 2 * np.pi),
        boundary="periodic",
    )
    images = 2 * np.pi * np.arange(-4, 5)[:, None]
    exact = normal(
        found.position.values + images, 2.0 + speed * time, 0.09 + 2 * diffusion * time
    ).sum(axis=0)
    assert distance(found, exact[None]) < 2e-4
    assert abs(float(found.probability[0]) - 1) < 1e-12


def test_absorbing_ends_against_the_sine_series():
    diffusion, length, times = 0.3, 2.0, np.array([0.05, 0.4, 2.0])
    equation = fp.Diffusion(drift=np.zeros_like, diffusion=diffusion)
    wave = np.arange(1, 60)[:, None] * np.pi / length

    def initial(x):
        return np.sin(np.pi * x / length) ** 3

    found = fp.solve(
        equation,
        initial=initial,
        times=times,
        domain=(0, length),
        boundary="absorbing",
        tolerance=1e-5,
    )
    x = found.position.values
    norm = quad(initial, 0, length)[0]
    weights = [
        2 / length * quad(lambda y, k=k: initial(y) * np.sin(k * y), 0, length)[0] / norm
        for k in wave[:4, 0]
    ]
    modes = [w * np.sin(k * x) for w, k in zip(weights, wave[:4, 0], strict=True)]
    exact = np.einsum("kt,kx->tx", np.exp(-diffusion * wave[:4] ** 2 * times), modes)
    assert (distance(found, exact) < 1e-5).all()
    outflow = found.current.values[:, -1] - found.current.values[:, 0]
    decay = -np.einsum(
        "k,kt->t",
        [np.sum(m) * (x[1] - x[0]) for m in modes],
        -diffusion * wave[:4] ** 2 * np.exp(-diffusion * wave[:4] ** 2 * times),
    )
    assert np.allclose(outflow, decay, rtol=1e-4)


def test_multiplicative_noise_in_three_calculi_against_the_lognormal_law():
    """dx = a x dt + s x dW: log x is Gaussian with drift a - s^2/2 (Ito), a (Stratonovich), a +
    s^2/2 (anti-Ito).
    """
    rate, strength, time, width = -0.3, 0.5, 1.0, 0.2
    for calculus, share in (("ito", 1.0), ("stratonovich", 0.5), ("anti_ito", 0.0)):
        equation = fp.Diffusion(
            drift=lambda x: rate * x, diffusion=lambda x: strength**2 * x**2 / 2, calculus=calculus
        )
        found = fp.solve(
            equation,
            initial=lambda x: normal(np.log(x), 0, width**2) / x,
            times=[time],
            domain=(0.02, 14.0),
            tolerance=1e-3,
        )
        x, variance = found.position.values, width**2 + strength**2 * time

        def exact(given, x=x, variance=variance):
            drift = rate + strength**2 * (0.5 - given)
            return normal(np.log(x), drift * time, variance)[None] / x

        assert distance(found, exact(share)) < 1e-3
        for other in {0.0, 0.5, 1.0} - {share}:
            assert distance(found, exact(other)) > 0.05


# --- stationary states ----------------------------------------------------------------------------


def test_boltzmann_is_stationary_to_rounding_on_any_grid():
    equation = quartic()
    for cells in (16, 100, 512):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", fp.NotConvergedWarning)
            found = fp.solve(
                equation, initial="stationary", times=[0, 1, 1e5], domain=(-2.5, 2.5), cells=cells
            )
        x = found.position.values
        weights = np.exp((x**2 / 2 - x**4 / 4 + 0.2 * x) / 0.15)
        exact = weights / weights.sum() / (x[1] - x[0])
        assert np.abs(found.density.values / exact - 1).max() < 1e-9
        assert np.abs(found.current.values).max() < 1e-11
        assert np.abs(found.free_energy.values).max() < 1e-12


def test_stationary_density_of_state_dependent_noise():
    """p ~ D^(-share) exp(int a/D): a Student density for D = 1 + x^2, with the calculus in its
    exponent.
    """
    for calculus, share in (("ito", 1.0), ("stratonovich", 0.5), ("anti_ito", 0.0)):
        equation = fp.Diffusion(
            drift=lambda x: -3 * x, diffusion=lambda x: 1 + x**2, calculus=calculus
        )
        found = fp.solve(
            equation, initial="stationary", times=[0, 7.0], domain=(-20, 20), cells=400
        )
        x = found.position.values
        weights = (1 + x**2) ** (-1.5 - share)
        assert np.allclose(found.density.values, weights / weights.sum() / (x[1] - x[0]), rtol=1e-8)


def test_current_around_a_tilted_ring():
    """The stationary current of a tilted cosine (Stratonovich's formula, here by double
    quadrature).
    """
    force, diffusion = 0.5, 0.2
    equation = fp.Diffusion(drift=lambda x: force + np.sin(x), diffusion=diffusion, step_time=0.1)
    found = fp.solve(
        equation,
        initial="stationary",
        times=[5.0],
        domain=(0, 2 * np.pi),
        boundary="periodic",
        cells=512,
    )

    def potential(x):
        return (np.cos(x) - force * x) / diffusion

    def inner(x):
        return quad(lambda y: np.exp(potential(x + y) - potential(x)), 0, 2 * np.pi)[0]

    # p(x) is proportional to inner(x), and J = D (1 - e^{-2 pi force/D}) over the integral of
    # inner.
    exact = (
        diffusion
        * (1 - np.exp(-2 * np.pi * force / diffusion))
        / quad(inner, 0, 2 * np.pi, epsrel=1e-9)[0]
    )
    current = found.current.values[0] / 0.1
    assert np.ptp(current) < 1e-10
    assert np.isclose(current[0], exact, rtol=1e-4)
    # At rest all the entropy is produced by the work of the force: J times the rise of the
    # potential around the ring.
    assert np.isclose(
        float(found.entropy_production[0]) / 0.1,
        current[0] * 2 * np.pi * force / diffusion,
        rtol=1e-6,
    )


def test_free_energy_and_entropy_production_of_a_gaussian():
    """Relative entropy and its decay rate for an Ornstein-Uhlenbeck process in closed form."""
    steps = np.array([0.0, 1.0, 4.0])
    found = fp.solve(harmonic(), initial=fp.GaussianDensity(1.0, 0.02), times=steps, tolerance=1e-5)
    mean, variance = harmonic_law(steps, 1.0, 0.02)
    temperature = NOISE / (2 * FRICTION)
    rest = temperature / STIFFNESS
    entropy = ((mean - 0.3) ** 2 / rest + variance / rest - 1 - np.log(variance / rest)) / 2
    assert np.allclose(found.free_energy, temperature * entropy, rtol=1e-3, atol=1e-9)
    diffusion = temperature / FRICTION
    production = diffusion * (
        (mean - 0.3) ** 2 / rest**2 + (1 / variance - 1 / rest) ** 2 * variance
    )
    assert np.allclose(found.entropy_production, production * STEP_TIME, rtol=1e-3, atol=1e-9)


# --- the von Mises limit, and the size of what is asked -------------------------------------------


def test_stationary_density_on_a_closed_ring_is_von_mises():
    equation = fp.Diffusion(drift=lambda x: -np.sin(x), diffusion=0.5)
    found = fp.solve(
        equation,
        initial=lambda x: np.ones_like(x),
        times=[100.0],
        domain=(-np.pi, np.pi),
        boundary="periodic",
    )
    exact = np.exp(2 * np.cos(found.position.values)) / (2 * np.pi * iv(0, 2.0))
    assert np.allclose(found.density.values[0], exact, rtol=1e-6)


def test_a_result_that_is_not_converged_says_so():
    with pytest.warns(fp.NotConvergedWarning, match="above tolerance"):
        found = fp.solve(
            harmonic(), initial=fp.GaussianDensity(1.0, 0.02), times=[0, 1.0], cells=32
        )
    assert found.attrs["converged"] == 0
    assert found.attrs["error_estimate"] > 1e-4
    assert found.converged.values.tolist() == [bool(error <= 1e-4) for error in found.error.values]


def test_a_result_is_stored_and_read_back(tmp_path):
    found = fp.solve(harmonic(), initial=fp.GaussianDensity(1.0, 0.02), times=[0, 1.0])
    ls.save(found, tmp_path / "density.nc")
    assert ls.load(tmp_path / "density.nc").identical(found)
    assert found.density.attrs["units"] == "1/theta"
    assert ls.dataset.provenance(found)["kind"] == "fokker_planck_solution"


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"times": [1.0, 0.5]}, "times = .*must be finite numbers that increase"),
        ({"times": []}, "times"),
        ({"cells": 33}, "cells = 33: must be a multiple of 2"),
        ({"cells": (32, 32)}, "cells = .*must be one number"),
        ({"boundary": "reflect"}, "did you mean 'reflecting'"),
        ({"boundary": ("periodic", "absorbing")}, "both ends or none"),
        ({"domain": (1.0, 0.0)}, "domain = .*low < high"),
        ({"tolerance": 0.0}, "tolerance = 0.0: must be a positive number"),
        ({"initial": lambda x: x}, "initial density that is no `GaussianDensity` needs domain"),
        ({"initial": np.ones(5), "domain": (-1, 1), "cells": 8}, "must have the shape of the grid"),
        ({"initial": lambda x: x, "domain": (-1, 1)}, "must be finite, not negative"),
        ({"initial": "rest"}, "initial = 'rest'"),
        ({"initial": fp.GaussianDensity(5.0, 0.1), "domain": (-1, 1)}, "mean outside the domain"),
    ],
)
def test_bad_input_gets_one_clear_line(changes, message):
    arguments = {"initial": fp.GaussianDensity(0.0, 0.1), "times": [1.0], **changes}
    with pytest.raises(ls.InputError, match=message) as caught:
        fp.solve(harmonic(), **arguments)
    assert "\n" not in str(caught.value)


def test_what_has_no_density_is_refused():
    quadratic = ls.models.potentials.Quadratic(stiffness=np.eye(3))
    cube = ls.Overdamped(
        potential=quadratic, friction=1.0, noise_covariance=np.eye(3), step_time=0.1
    )
    with pytest.raises(ls.InputError, match="Overdamped with 3 parameters"):
        fp.solve(cube, initial="stationary", times=[1.0])
    free = fp.Diffusion(drift=np.zeros_like, diffusion=1.0)
    with pytest.raises(ls.InputError, match="does not confine"):
        fp.solve(free, initial=fp.GaussianDensity(0.0, 1.0), times=[1.0])
    with pytest.raises(ls.InputError, match=r"calculus = 'itoh'.*did you mean 'ito'"):
        fp.Diffusion(drift=np.zeros_like, diffusion=1.0, calculus="itoh")
    still = ls.Overdamped(
        potential=ls.models.potentials.Quadratic(stiffness=np.eye(1)),
        friction=1.0,
        noise_covariance=np.zeros((1, 1)),
        step_time=1,
    )
    with pytest.raises(ls.InputError, match="without noise"):
        fp.solve(still, initial=fp.GaussianDensity(0.0, 1.0), times=[1.0])
