"""Fokker-Planck solvers to t = 1 at equal L1 error, side by side on one thread.

One dimension: a double well, U = x^4/4 - x^2/2 at T = 0.2, against a sinc-spectral solution. Phase
space: an oscillator against its exact law, py-pde on as many cells as it needs for an error of
1e-3. Each peer is followed by this package at an error no larger than the peer's.
Compilation is left out for all; solutions of this package include the choice of what was not given,
the error estimate and the making of the dataset.
"""

import numpy as np
import pytest
from scipy.linalg import eigh, expm

import langevin_sgd as ls
from langevin_sgd import fokker_planck as fp

TEMPERATURE, END = 0.2, 3.0


@pytest.fixture(scope="module")
def results():
    """Rows (label, seconds, L1 error), printed when the module is done; ratios are to the row above
    each of ours.
    """
    rows = []
    yield rows
    print("\n" + __doc__.splitlines()[0])
    peer = None
    for label, seconds, error in rows:
        ours = label.startswith("ours")
        peer = peer if ours else seconds
        ratio = f"{peer / seconds:9.0f} x faster" if ours and peer else ""
        print(f"{label:<58} {1e3 * seconds:11.2f} ms  L1 error {error:8.1e} {ratio}")


def measure(benchmark, rows, label, function, error, rounds=7):
    benchmark.pedantic(function, rounds=rounds, warmup_rounds=1)
    rows.append((label, benchmark.stats.stats.median, error(function())))


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    from threadpoolctl import threadpool_limits

    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    with threadpool_limits(1):
        yield


# --- one dimension --------------------------------------------------------------------------------


def start(x):
    return np.exp(-((x + 0.5) ** 2) / 0.1) / np.sqrt(0.1 * np.pi)


def sinc_reference(points=500):
    """Exact to rounding: p = sqrt(rest) phi, d phi/dt = -H phi with H a Schroedinger operator on a
    sinc grid.
    """
    x = np.linspace(-3.6, 3.6, points)
    h, force, bend = x[1] - x[0], x**3 - x, 3 * x**2 - 1
    index = np.arange(points)
    gap = np.where(np.eye(points) == 1, 1, index[:, None] - index)
    kinetic = np.where(np.eye(points) == 1, np.pi**2 / 3, 2.0 * (-1.0) ** gap / gap**2) / h**2
    hamiltonian = TEMPERATURE * kinetic + np.diag(force**2 / (4 * TEMPERATURE) - bend / 2)
    values, vectors = eigh(hamiltonian)
    root = np.exp(-(x**4 / 4 - x**2 / 2) / (2 * TEMPERATURE))
    phi = root * (vectors @ (np.exp(-values) * (vectors.T @ (start(x) / root))))

    def density(at):
        return np.sinc((at[:, None] - x) / h) @ phi

    return density


REFERENCE = sinc_reference()


def line_error(x, density):
    return np.abs(density - REFERENCE(x)).sum() * (x[1] - x[0])


def ours_on_a_line(cells):
    equation = fp.Diffusion(drift=lambda x: x - x**3, diffusion=TEMPERATURE)
    return lambda: fp.solve(
        equation, initial=start, times=[1.0], domain=(-END, END), cells=cells, tolerance=1.0
    )


def error_of_ours(found):
    return line_error(found.position.values, found.density.values[0])


def fplanck_solver(cells, monkeypatch):
    """Its generator is made beforehand, and not timed."""
    monkeypatch.setattr(
        np, "product", np.prod, raising=False
    )  # fplanck 0.2 was written for NumPy 1
    fplanck = pytest.importorskip("fplanck")
    from scipy import constants

    solver = fplanck.fokker_planck(
        temperature=TEMPERATURE / constants.k,
        drag=1.0,
        extent=2 * END,
        resolution=2 * END / cells * (1 + 1e-12),
        potential=lambda x: x**4 / 4 - x**2 / 2,
        boundary=fplanck.boundary.reflecting,
    )
    return lambda: (solver.axes[0], solver.propagate(start, 1.0, normalize=False))


def py_pde_on_a_line(cells):
    pde = pytest.importorskip("pde")
    equation = pde.PDE(
        {"p": f"-d_dx((x - x**3) * p) + {TEMPERATURE} * laplace(p)"}, bc={"value": 0}
    )
    grid = pde.CartesianGrid([[-END, END]], cells)
    x = grid.axes_coords[0]
    first = pde.ScalarField(grid, start(x))
    stepper = pde.ScipySolver(equation, method="BDF", rtol=1e-5, atol=1e-7).make_stepper(
        first, dt=1e-4
    )

    def solve():
        state = first.copy()
        stepper(state, 0.0, 1.0)
        return x, state.data

    return solve


LINE = [
    ("fplanck", 200),
    ("ours", 216),
    ("fplanck", 400),
    ("ours", 420),
    ("fplanck", 1000),
    ("ours", 1050),
]


@pytest.mark.parametrize(("solver", "cells"), [*LINE, ("py-pde, BDF", 1000), ("ours", 680)])
def test_line(benchmark, results, monkeypatch, solver, cells):
    if solver == "ours":
        measure(
            benchmark,
            results,
            f"ours, {cells} cells",
            ours_on_a_line(cells),
            error_of_ours,
            rounds=15,
        )
        return
    solve = fplanck_solver(cells, monkeypatch) if solver == "fplanck" else py_pde_on_a_line(cells)
    measure(
        benchmark,
        results,
        f"{solver}, {cells} cells",
        solve,
        lambda found: line_error(*found),
        rounds=3,
    )


# --- phase space ----------------------------------------------------------------------------------

CELLS, PEER_CELLS, REACH, FRICTION = 256, 330, 6.5, 1.0
START = fp.GaussianDensity([1.5, 0.5], np.diag([0.3, 0.3]))
OSCILLATOR = ls.Underdamped(
    potential=ls.models.potentials.Quadratic(stiffness=np.eye(1)),
    mass=1.0,
    friction=FRICTION,
    noise_covariance=np.array([[2 * FRICTION]]),
    step_time=1.0,
)


def phase_space_error(x, v, density):
    propagator = expm(np.array([[0, 1], [-1, -FRICTION]]))
    covariance = np.eye(2) + propagator @ (START.covariance - np.eye(2)) @ propagator.T
    exact = fp.GaussianDensity(propagator @ START.mean, covariance)(
        *np.meshgrid(x, v, indexing="ij")
    )
    return np.abs(density - exact).sum() * (x[1] - x[0]) * (v[1] - v[0])


def py_pde_in_phase_space():
    pde = pytest.importorskip("pde")
    right_side = (
        f"-y * d_dx(p) + (x + {FRICTION} * y) * d_dy(p) + {FRICTION} * p + {FRICTION} * d2_dy2(p)"
    )
    equation = pde.PDE({"p": right_side}, bc={"value": 0})
    grid = pde.CartesianGrid([[-REACH, REACH]] * 2, [PEER_CELLS, PEER_CELLS])
    x, v = grid.axes_coords
    first = pde.ScalarField(grid, START(*np.meshgrid(x, v, indexing="ij")))
    solver = pde.RungeKuttaSolver(equation, adaptive=True, tolerance=1e-4)
    stepper = solver.make_stepper(first, dt=1e-4)

    def solve():
        state = first.copy()
        stepper(state, 0.0, 1.0)
        return x, v, state.data

    return solve


def test_py_pde_in_phase_space(benchmark, results):
    label = f"py-pde, Runge-Kutta, {PEER_CELLS} x {PEER_CELLS}"
    measure(
        benchmark,
        results,
        label,
        py_pde_in_phase_space(),
        lambda found: phase_space_error(*found),
        rounds=2,
    )


@pytest.mark.parametrize("time_step", [0.05, 0.025])
def test_ours_in_phase_space(benchmark, results, time_step):
    def solve():
        return fp.solve(
            OSCILLATOR,
            initial=START,
            times=[1.0],
            domain=((-REACH, REACH),) * 2,
            cells=CELLS,
            time_step=time_step,
            tolerance=1.0,
        )

    def error(found):
        return phase_space_error(
            found.position.values, found.velocity.values, found.density.values[0]
        )

    measure(benchmark, results, f"ours, {CELLS} x {CELLS}, steps of {time_step}", solve, error)
