"""What holds for any potential, grid and time: positivity, conservation, decay of free energy,
detailed balance.
"""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import langevin_sgd as ls
from langevin_sgd import fokker_planck as fp
from langevin_sgd.fokker_planck import chain, equations, grid, line, relaxation, transport

coefficient = st.floats(-3, 3)
polynomials = st.tuples(coefficient, coefficient, coefficient, st.floats(0.05, 2))
temperatures = st.floats(0.02, 3)
times = st.floats(1e-4, 1e4)
sizes = st.integers(4, 120).map(lambda n: 2 * n)


@pytest.fixture(autouse=True)
def _coarse_on_purpose():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fp.NotConvergedWarning)
        yield


def rough_density(seed, cells):
    """Anything not negative: spikes over many orders, and empty cells."""
    generator = np.random.default_rng(seed)
    density = generator.random(cells) ** 30 * (generator.random(cells) < 0.5)
    density[generator.integers(cells)] = 1.0
    return density


def equation_of(polynomial, temperature, calculus="ito", noise=0.0):
    slope = np.polynomial.Polynomial([0, *polynomial]).deriv()
    return fp.Diffusion(
        drift=lambda x: -slope(x),
        diffusion=lambda x: temperature * (1 + noise * np.sin(x) ** 2),
        calculus=calculus,
    )


@given(
    polynomials,
    temperatures,
    st.floats(0, 2),
    st.sampled_from(list(equations.SHARE)),
    sizes,
    st.integers(0, 99),
)
def test_probability_stays_positive_and_conserved_and_free_energy_falls(
    polynomial, temperature, noise, calculus, cells, seed
):
    equation = equation_of(polynomial, temperature, calculus, noise)
    found = fp.solve(
        equation,
        initial=rough_density(seed, cells),
        times=[0, 1e-4, 1e-2, 0.3, 10.0, 1e4],
        domain=(-2.5, 3.0),
        cells=cells,
    )
    assert (found.density.values >= 0).all()
    assert np.abs(found.probability.values - 1).max() < 1e-12
    free_energy = found.free_energy.values
    assert (np.diff(free_energy) <= 1e-12 * (1 + free_energy[0])).all()
    assert (free_energy >= -1e-12).all()
    assert (found.entropy_production.values >= -1e-12).all()


@given(polynomials, temperatures, sizes)
def test_detailed_balance_has_no_current_at_rest(polynomial, temperature, cells):
    found = chain.discretise(
        equations.as_line(equation_of(polynomial, temperature)),
        grid.make_axis((-2.0, 2.0), cells, "reflecting"),
    )
    rest = line.stationary(found)
    largest = (found.right * rest).max()
    assert np.abs(found.current(rest)).max() <= 1e-9 * largest


@given(polynomials, st.floats(0.3, 3), sizes, st.integers(0, 99))
def test_entropy_production_is_the_loss_of_free_energy(polynomial, temperature, cells, seed):
    found = chain.discretise(
        equations.as_line(equation_of(polynomial, temperature)),
        grid.make_axis((-2.0, 2.0), cells, "reflecting"),
    )
    rest = line.stationary(found)
    mass = rest * (1 + 0.5 * np.sin(np.arange(cells) + seed))
    mass /= mass.sum()
    from langevin_sgd.fokker_planck.thermodynamics import pair_production, relative_entropy

    # -d/dt sum p ln(p/rest) along d p/dt = A p, without a difference quotient.
    change = line.matrix(found) @ mass
    exact = -(change * np.log(mass / rest)).sum()
    assert np.isclose(pair_production(found.right, found.left, mass), exact, rtol=1e-6, atol=1e-9)
    assert relative_entropy(mass[None], np.log(rest)) >= 0


@given(polynomials, temperatures, times, times)
def test_propagation_is_a_semigroup(polynomial, temperature, first, second):
    found = chain.discretise(
        equations.as_line(equation_of(polynomial, temperature)),
        grid.make_axis((-2.0, 2.0), 60, "reflecting"),
    )
    mass = np.zeros(60)
    mass[17] = 1.0
    once = line.evolve(found, mass, np.array([first + second]))[0]
    twice = line.evolve(found, mass, np.array([first, first + second]))[1]
    # The error of a step is 6e-14 of a mass in units of the root of the stationary one, in which
    # the generator is symmetric; downhill of where the mass began that is more. Three steps here.
    at_rest = line.log_stationary(found)
    error = 3 * 6e-14 * np.exp((at_rest - at_rest[17]) / 2).sum()
    assert np.abs(once - twice).sum() < min(error, 1e-9)


@given(polynomials, st.floats(0.3, 3))
def test_relaxation_rates_are_those_of_the_symmetric_matrix(polynomial, temperature):
    found = chain.discretise(
        equations.as_line(equation_of(polynomial, temperature)),
        grid.make_axis((-1.5, 1.5), 40, "reflecting"),
    )
    values, vectors = relaxation._line_modes(found, 5)
    generator = line.matrix(found).toarray()
    root = np.sqrt(line.stationary(found))
    exact = np.linalg.eigvalsh((generator * root).T / root)[::-1][:5]
    scale = np.abs(np.diagonal(generator)).max()
    assert np.abs(values.real - exact).max() < 1e-11 * scale
    left = vectors / line.stationary(found)
    overlaps = left @ vectors.T
    lengths = np.sqrt(np.diagonal(overlaps))
    assert np.abs(overlaps / np.outer(lengths, lengths) - np.eye(5)).max() < 1e-5


@given(st.floats(-300, 300), st.integers(0, 99), st.integers(12, 80))
def test_a_shift_keeps_what_it_moves(amount, seed, cells):
    rows = rough_density(seed, cells)[None]
    whole, moved = np.floor(np.array([amount])), np.empty_like(rows)
    transport.shift_rows(
        rows, whole.astype(np.int64), transport.shift_weights(amount - whole), moved
    )
    assert (moved >= 0).all()
    assert np.isclose(moved.sum(), rows.sum(), rtol=1e-13)


@settings(max_examples=12)
@given(
    st.floats(0.02, 20),
    st.floats(0.2, 2),
    st.sampled_from(["reflecting", "periodic", "absorbing"]),
    st.integers(0, 99),
)
def test_phase_space_stays_positive_and_conserved(friction, temperature, boundary, seed):
    equation = ls.Underdamped(
        potential=ls.models.potentials.Quadratic(stiffness=np.array([[1.0]])),
        mass=1.0,
        friction=friction,
        noise_covariance=np.array([[2 * friction * temperature]]),
        step_time=1.0,
    )
    found = fp.solve(
        equation,
        initial=rough_density(seed, 32 * 32).reshape(32, 32),
        times=[0, 0.5, 3.0],
        domain=((-2, 2), (-4, 4)),
        cells=32,
        time_step=0.25,
        boundary=boundary,
    )
    assert (found.density.values >= 0).all()
    probability = found.probability.values
    if boundary == "absorbing":
        assert (np.diff(probability) <= 1e-13).all()
        assert "free_energy" not in found
    else:
        assert np.abs(probability - 1).max() < 1e-12
        assert (found.entropy_production.values >= -1e-12).all()
