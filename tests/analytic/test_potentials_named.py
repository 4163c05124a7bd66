"""Potentials: derivatives, exact moments, formulas and functions of one's own, and what is
refused.
"""

import math
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
from numba import njit

import langevin_sgd as ls
from langevin_sgd.kernels.exponential import exponential
from langevin_sgd.models import potentials
from langevin_sgd.models.potentials import Potential

RNG = np.random.default_rng(1)
TURN = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
NAMED = {
    "double well": potentials.double_well(quartic=0.7, curvature=1.3),
    "Mueller-Brown": potentials.mueller_brown(scale=0.05),
    "curved valley": potentials.curved_valley(bend=0.8, along=1.5, across=6.0),
    "hinge": potentials.hinge(stiffness=2.0, margin=0.4),
    "quadratic": potentials.quadratic([3.0, 1.0, 0.2], centre=[1.0, 0.0, -1.0], eigenvectors=TURN),
    "three variables": Potential.from_sympy(
        "x1**2*x2 + sin(x10)*exp(-x2**2) + sqrt(1 + x1**2)*c", parameters={"c": 2.0}
    ),
}


@pytest.mark.parametrize("name", NAMED)
def test_derivatives_against_differences(name):
    potential, small = NAMED[name], 1e-5
    theta = RNG.uniform(-1.2, 1.2, size=(2, 5, potential.parameters))
    shifts = small * np.eye(potential.parameters)
    slope = [
        (potential.energy(theta + s) - potential.energy(theta - s)) / (2 * small) for s in shifts
    ]
    assert np.allclose(-potential.force(theta), np.moveaxis(slope, 0, -1), rtol=1e-6, atol=1e-6)
    bend = [
        -(potential.force(theta + s) - potential.force(theta - s)) / (2 * small) for s in shifts
    ]
    assert np.allclose(potential.hessian(theta), np.moveaxis(bend, 0, -1), rtol=1e-5, atol=1e-5)
    assert potential.energy(theta).shape == (2, 5)


def test_energy_against_python():
    theta = RNG.normal(size=(4, 3))
    for row, energy in zip(theta, NAMED["three variables"].energy(theta), strict=True):
        x1, x2, x10 = row
        assert math.isclose(
            energy, x1**2 * x2 + math.sin(x10) * math.exp(-(x2**2)) + 2 * math.sqrt(1 + x1**2)
        )


@pytest.mark.parametrize("name", ["double well", "hinge", "curved valley"])
@pytest.mark.parametrize("temperature", [0.05, 0.4, 3.0])
def test_moments_against_quadrature(name, temperature):
    potential = NAMED[name]
    axes = np.meshgrid(
        *[np.linspace(-1, 1, 1201 if potential.parameters == 2 else 40001)] * potential.parameters
    )
    width = 12 * math.sqrt(temperature) + 2.5
    stretch = np.array([width, width**1.6][: potential.parameters])
    theta = np.stack(axes, axis=-1).reshape(-1, potential.parameters) * stretch
    energy = potential.energy(theta)
    weight = np.exp(-(energy - energy.min()) / temperature)
    weight /= weight.sum()
    mean = weight @ theta
    exact = potential.boltzmann(temperature)
    assert np.allclose(mean, exact.mean, atol=1e-5)
    assert np.allclose(
        (theta - mean).T @ (weight[:, None] * (theta - mean)),
        exact.covariance,
        rtol=2e-4,
        atol=1e-5,
    )
    assert np.isclose(weight @ energy, exact.energy, rtol=2e-4)


def test_moments_of_the_quadratic():
    moments = NAMED["quadratic"].boltzmann(0.5)
    assert np.allclose(moments.covariance, TURN @ np.diag(0.5 / np.array([3.0, 1.0, 0.2])) @ TURN.T)
    assert moments.energy == 0.75


def test_stationary_points_of_the_mueller_brown_surface():
    surface = potentials.mueller_brown()
    points = {
        (-0.558, 1.442): -146.700,
        (0.623, 0.028): -108.167,
        (-0.822, 0.624): -40.665,
        (0.212, 0.293): -72.249,
    }
    for point, energy in points.items():
        assert abs(surface.energy(np.array(point)) - energy) < 1e-3
        assert np.abs(surface.force(np.array(point))).max() < 0.6
    negative = [np.linalg.eigvalsh(surface.hessian(np.array(point)))[0] < 0 for point in points]
    assert negative == [False, False, True, True]


def test_parameters_by_replica():
    wells = potentials.double_well(curvature=np.array([1.0, 2.0, 3.0]))
    theta = RNG.normal(size=(4, 3, 1))
    for replica, curvature in enumerate((1.0, 2.0, 3.0)):
        single = wells.with_values(curvature=curvature)
        assert np.array_equal(wells.force(theta)[:, replica], single.force(theta[:, replica]))
    with pytest.raises(ls.InputError, match="curvature is an array"):
        wells.boltzmann(1.0)


@njit
def exponentials(out, x):
    for i in range(len(x)):
        out[i] = exponential(x[i])


@pytest.mark.parametrize(
    ("kind", "limit", "error"), [(np.float64, 700, 2e-16), (np.float32, 86, 2e-7)]
)
def test_exponential(kind, limit, error):
    x = np.random.default_rng(1).uniform(-limit, limit, 20_000).astype(kind)
    out = np.empty_like(x)
    exponentials(out, x)
    assert np.abs(out / np.exp(x.astype(np.longdouble)) - 1).max() < error
    edge = np.array([np.nan, np.inf, -np.inf, 0.0], kind)
    exponentials(out[:4], edge)
    assert np.isnan(out[0])
    assert out[1] > np.finfo(kind).max / 100
    assert 0 < out[2] < 1e-37
    assert out[3] == 1


# --- functions of one's own -----------------------------------------------------------------------


@njit
def energy(x, y, a):
    return a * x**4 / 4 + math.cosh(y) * x


@njit
def force(x, y, a):
    return -a * x**3 - math.cosh(y), -math.sinh(y) * x


@njit
def hessian(x, y, a):
    return 3 * a * x**2, math.sinh(y), math.sinh(y), math.cosh(y) * x


def test_functions_that_stand_alone_are_kept_compiled():
    own = Potential.from_functions(energy, force, hessian, variables="x y", parameters={"a": 1.5})
    formula = Potential.from_sympy("a*x**4/4 + cosh(y)*x", variables="x y", parameters={"a": 1.5})
    theta = RNG.normal(size=(6, 2))
    assert own.cached
    for name in ("energy", "force", "hessian"):
        assert np.allclose(getattr(own, name)(theta), getattr(formula, name)(theta), rtol=1e-13)


def test_functions_that_do_not_stand_alone_are_accepted_and_said_to_be_so():
    stiffness = 2.0
    closed_energy, closed_force = (
        njit(lambda x: stiffness * x**2 / 2),
        njit(lambda x: -stiffness * x),
    )
    with pytest.warns(UserWarning, match="every process compiles"):
        own = Potential.from_functions(closed_energy, closed_force)
    assert not own.cached
    assert own.force(np.array([3.0])).tolist() == [-6.0]
    equation = ls.Underdamped(
        potential=own, mass=1.0, friction=0.5, noise_covariance=0.3, step_time=0.1
    )
    formula = ls.Underdamped(
        potential=Potential.from_sympy("x**2"),
        mass=1.0,
        friction=0.5,
        noise_covariance=0.3,
        step_time=0.1,
    )
    ends = [
        ls.sde.simulate(given, ls.sde.BAOAB(), replicas=5, steps=20, seed=1)[
            "final_position"
        ].values
        for given in (equation, formula)
    ]
    assert np.allclose(*ends, rtol=1e-12)
    with pytest.raises(ls.InputError, match="was made without one"):
        own.hessian(np.zeros(1))


PROGRAM = """
import langevin_sgd as ls
from langevin_sgd.models.potentials import Potential
from langevin_sgd.sde import binding
import numpy as np
well = Potential.from_sympy("x**4/4 - x**2/2 + x/7")
equation = ls.Underdamped(potential=well, mass=1.0, friction=1.0, noise_covariance=0.5,
    step_time=0.1)
run = ls.sde.simulate(equation, ls.sde.BAOAB(), replicas=3, steps=20, seed=1)
from langevin_sgd.sde.engine import coefficients
rule = ls.sde.BAOAB().block_step(equation, coefficients(equation), 0.1)
made = binding.kernels(equation, rule, ls.sde.BAOAB().driver, np.float64)
stats = [getattr(made, name).stats for name in ("advance", "settle", "release")]
print(sum(sum(s.cache_hits.values()) for s in stats),
    sum(sum(s.cache_misses.values()) for s in stats))
print(float(run["final_position"].values.sum()).hex())
"""


def test_a_second_process_compiles_nothing(tmp_path):
    """Cache hits and misses of the three kernels, in two processes that share a folder; and the
    same bits.
    """
    environment = {"LANGEVIN_SGD_CACHE": str(tmp_path), "PATH": "/usr/bin:/bin"}
    import os

    environment = {**os.environ, **environment, "NUMBA_CACHE_DIR": str(tmp_path / "numba")}
    outputs = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for _ in range(2)
    ]
    assert outputs[0][0] == "0 3"
    assert outputs[1][0] == "3 0"
    assert outputs[0][1] == outputs[1][1]
    assert list(tmp_path.glob("langevin_sgd_generated_*.py"))


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Potential.from_sympy("x**2 +"), "cannot be read as a formula"),
        (lambda: Potential.from_sympy("x > 2"), "must be a formula"),
        (lambda: Potential.from_sympy("3"), "at least one variable"),
        (
            lambda: Potential.from_sympy("a*x", variables="x"),
            "a is neither a variable nor a parameter",
        ),
        (lambda: Potential.from_sympy("x", parameters={"a": 1.0}), "do not occur"),
        (lambda: Potential.from_sympy("a*x", parameters={"a": float("nan")}), "must be finite"),
        (
            lambda: Potential.from_sympy("a*x", variables="x a", parameters={"a": 1.0}),
            "must differ",
        ),
        (lambda: Potential.from_functions(math.sin, math.cos), "must be a function compiled"),
        (lambda: potentials.double_well().with_values(depth=1.0), "is no parameter"),
        (lambda: potentials.double_well().force(np.zeros(2)), "last axis of length 1"),
        (lambda: potentials.mueller_brown().boltzmann(1.0), "no exact moments"),
        (lambda: potentials.quadratic([1.0, 0.0]).boltzmann(1.0), "no density"),
        (lambda: potentials.double_well().boltzmann(0.0), "temperature = 0.0"),
    ],
)
def test_bad_input_gets_one_line(make, message):
    with pytest.raises(ls.InputError, match=re.escape(message)) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_nothing_is_said_about_functions_that_stand_alone():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Potential.from_functions(energy, force, variables="x y", parameters={"a": 1.0})
