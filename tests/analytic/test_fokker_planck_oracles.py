"""Double wells, which have no closed form, against solutions that share no code: spectral ones, and
py-pde.
"""

import numpy as np
import pytest
from scipy.linalg import eigh
from scipy.sparse import block_array, csr_array
from scipy.sparse.linalg import expm_multiply

import langevin_sgd as ls
from langevin_sgd import fokker_planck as fp

TEMPERATURE = 0.3


def potential(x):
    return x**4 / 4 - x**2 / 2 + 0.1 * x


def slope(x):
    return x**3 - x + 0.1


def start(x, v=None):
    along = np.exp(-((x + 0.6) ** 2) / 0.2) / np.sqrt(0.2 * np.pi)
    return along if v is None else along * np.exp(-((v - 0.5) ** 2) / 0.4) / np.sqrt(0.4 * np.pi)


def sinc_grid(reach, points):
    """Nodes, and the matrices of the first and minus the second derivative of functions that vanish
    at the ends.
    """
    x = np.linspace(-reach, reach, points)
    h, gap = x[1] - x[0], np.arange(points)[:, None] - np.arange(points)
    away = np.where(gap == 0, 1, gap)
    first = np.where(gap == 0, 0, (-1.0) ** gap / away) / h
    second = np.where(gap == 0, np.pi**2 / 3, 2 * (-1.0) ** gap / away**2) / h**2
    return x, first, second


def interpolated(nodes, values, at):
    return np.sinc((at[:, None] - nodes) / (nodes[1] - nodes[0])) @ values


def smoluchowski(time):
    """p = sqrt(rest) phi, and phi obeys a Schroedinger equation in imaginary time."""
    x, _, kinetic = sinc_grid(3.6, 300)
    bend = 3 * x**2 - 1
    values, vectors = eigh(
        TEMPERATURE * kinetic + np.diag(slope(x) ** 2 / (4 * TEMPERATURE) - bend / 2)
    )
    root = np.exp(-potential(x) / (2 * TEMPERATURE))
    return x, root * (vectors @ (np.exp(-values * time) * (vectors.T @ (start(x) / root))))


def kramers(friction, time, levels=90):
    """Risken, section 10.1: p = psi_0(v) e^{-U/2T} sum_n d_n(x) psi_n(v) with orthonormal Hermite
    functions psi_n.

    Free flight and force are antisymmetric on the d_n, and friction damps d_n at the rate n
    friction.
    """
    x, derivative, _ = sinc_grid(3.2, 90)
    speed = np.sqrt(TEMPERATURE)
    bend = np.diag(slope(x) / (2 * TEMPERATURE))
    lower, raised = speed * (derivative - bend), speed * (derivative + bend)
    blocks = [[None] * levels for _ in range(levels)]
    for n in range(levels):
        blocks[n][n] = csr_array(-n * friction * np.eye(len(x)))
        if n:
            blocks[n][n - 1] = csr_array(-np.sqrt(n) * raised)
        if n < levels - 1:
            blocks[n][n + 1] = csr_array(-np.sqrt(n + 1) * lower)
    # d_n(0) by quadrature: psi_n/psi_0 are the normalised Hermite polynomials.
    nodes = np.linspace(-9 * speed, 9 * speed, 1201)
    width, polynomials = nodes[1] - nodes[0], hermite(nodes / speed, levels)
    root = np.exp(-potential(x) / (2 * TEMPERATURE))
    coefficients = polynomials @ start(x[:, None], nodes).T * width / root
    evolved = expm_multiply(block_array(blocks, format="csr") * time, coefficients.ravel())

    def density(at_x, at_v):
        weight = np.exp(-(at_v**2) / (2 * TEMPERATURE)) / np.sqrt(2 * np.pi * TEMPERATURE)
        modes = interpolated(x, (evolved.reshape(levels, -1) * root).T, at_x)
        return modes @ hermite(at_v / speed, levels) * weight

    return density


def hermite(z, levels):
    """Orthonormal Hermite polynomials for the weight of a unit normal, (level, point)."""
    found = [np.ones_like(z), z]
    for n in range(1, levels - 1):
        found.append((z * found[n] - np.sqrt(n) * found[n - 1]) / np.sqrt(n + 1))
    return np.array(found)


def well():
    return ls.models.potentials.Potential.from_sympy("x**4/4 - x**2/2 + x/10")


def test_line_against_a_spectral_solution():
    equation = ls.Overdamped(
        potential=well(), friction=2.0, noise_covariance=4 * TEMPERATURE, step_time=0.5
    )
    found = fp.solve(
        equation, initial=lambda x: start(x), times=[4.0], domain=(-3.0, 3.0), tolerance=1e-5
    )
    x = found.position.values
    exact = interpolated(*smoluchowski(1.0), x)
    distance = np.abs(found.density.values[0] - exact).sum() * (x[1] - x[0])
    assert distance < 1e-5
    assert distance < 1.1 * found.attrs["error_estimate"]


@pytest.mark.parametrize("friction", [0.3, 2.0])
def test_phase_space_against_a_spectral_solution(friction):
    equation = ls.Underdamped(
        potential=well(),
        mass=1.0,
        friction=friction,
        noise_covariance=2 * friction * TEMPERATURE,
        step_time=0.5,
    )
    found = fp.solve(
        equation, initial=start, times=[3.0], domain=((-3, 3), (-4, 4)), tolerance=5e-4
    )
    x, v = found.position.values, found.velocity.values
    distance = (
        np.abs(found.density.values[0] - kramers(friction, 1.5)(x, v)).sum()
        * (x[1] - x[0])
        * (v[1] - v[0])
    )
    assert found.attrs["converged"] == 1
    assert distance < 5e-4


def test_control_another_friction_is_noticed():
    equation = ls.Underdamped(
        potential=well(), mass=1.0, friction=2.0, noise_covariance=4.0 * TEMPERATURE, step_time=0.5
    )
    found = fp.solve(
        equation, initial=start, times=[3.0], domain=((-3, 3), (-4, 4)), tolerance=2e-3
    )
    x, v = found.position.values, found.velocity.values
    other = kramers(2.04, 1.5)(x, v)
    assert np.abs(found.density.values[0] - other).sum() * (x[1] - x[0]) * (v[1] - v[0]) > 4e-3


@pytest.mark.parametrize("calculus", ["ito", "stratonovich"])
def test_state_dependent_noise_of_an_equation_object_against_py_pde(calculus):
    """dx = -U' dt + b dW with b^2 = 0.4 (1 + x^2/2), each calculus with its own drift typed out
    here.
    """
    pde = pytest.importorskip("pde")
    kind = {"ito": ls.dynamics.Ito, "stratonovich": ls.dynamics.Stratonovich}
    noise = {name: made.from_sympy("sqrt(0.4*(1 + x**2/2))") for name, made in kind.items()}
    equation = ls.Overdamped(
        potential=well(), friction=1.0, noise_covariance=noise[calculus], step_time=1.0
    )
    found = fp.solve(
        equation,
        initial=lambda x: start(x),
        times=[0.8],
        domain=(-3.5, 3.5),
        cells=400,
        tolerance=1e-3,
    )
    extra = 0.0 if calculus == "ito" else 0.1
    oracle = pde.PDE(
        {"p": f"-d_dx((x - x**3 - 0.1 + {extra} * x) * p) + laplace(0.2 * (1 + x**2 / 2) * p)"},
        bc="derivative",
    )
    grid = pde.CartesianGrid([[-3.5, 3.5]], 400)
    field = pde.ScalarField(grid, start(grid.axes_coords[0]))
    solver = pde.ScipySolver(oracle, backend="numpy", method="BDF", rtol=1e-6, atol=1e-9)
    # SciPy's BDF subtracts rows of its table that it has not written yet, and never uses what comes
    # out.
    with np.errstate(invalid="ignore", over="ignore"):
        solver.make_stepper(field, dt=1e-4)(field, 0.0, 0.8)
    width = 7 / 400
    assert np.abs(found.density.values[0] - field.data).sum() * width < 2e-3
    other = ls.Overdamped(
        potential=well(),
        friction=1.0,
        noise_covariance=noise["ito" if extra else "stratonovich"],
        step_time=1.0,
    )
    wrong = fp.solve(
        other,
        initial=lambda x: start(x),
        times=[0.8],
        domain=(-3.5, 3.5),
        cells=400,
        tolerance=1e-3,
    )
    assert np.abs(wrong.density.values[0] - field.data).sum() * width > 0.02
