"""What is derived from a potential or a noise: the modified potential of SGD, and the drift that
noise adds.

Against finite differences of the energy and of the variance, which share no code with the
derivatives of formulas.
"""

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.kernels.block_functions import PRELUDE, adding, built_on, filling
from langevin_sgd.models import potentials
from langevin_sgd.models.potentials.potential import lane_values

LR = 0.3
FORMULAS = {
    "double well": potentials.double_well(quartic=0.7, curvature=1.3),
    "curved valley": potentials.curved_valley(bend=0.8, along=1.5, across=2.0),
    "kink": ls.Potential.from_sympy("a*abs(x)**3/3 + exp(-x**2/2)", parameters={"a": 0.5}),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_modified_potential_of_a_formula(name):
    """U + (lr/4) |grad U|^2, and its force as the difference of that."""
    potential = FORMULAS[name]
    modified = potential.modified(LR)
    theta = np.random.default_rng(1).uniform(-1.5, 1.5, (7, potential.parameters))
    exact = potential.energy(theta) + LR / 4 * (potential.force(theta) ** 2).sum(axis=-1)
    assert np.allclose(modified.energy(theta), exact, rtol=1e-13, atol=1e-13)
    small = 1e-5 * np.eye(potential.parameters)
    slope = [(modified.energy(theta + s) - modified.energy(theta - s)) / 2e-5 for s in small]
    assert np.allclose(-modified.force(theta), np.moveaxis(slope, 0, -1), rtol=1e-6, atol=1e-7)


def test_modified_quadratic_potential():
    stiffness = np.array([[2.0, 0.5], [0.5, 1.0]])
    potential = potentials.Quadratic(stiffness=stiffness, centre=[1.0, -2.0])
    theta = np.random.default_rng(1).normal(size=(5, 2))
    exact = potential.energy(theta) + LR / 4 * (potential.force(theta) ** 2).sum(axis=-1)
    assert np.allclose(potential.modified(LR).energy(theta), exact, rtol=1e-13)


def test_what_jumps_when_it_is_modified_is_refused():
    """The square of a force with a jump jumps: no modified potential of a hinge that is linear."""
    with pytest.raises(ls.InputError, match=r"jumps by 0\.075"):
        ls.Potential.from_sympy("Max(0, x)").modified(LR)


@pytest.mark.parametrize("kind", [ls.dynamics.Ito, ls.dynamics.Stratonovich])
def test_spread_of_state_dependent_noise(kind):
    """b_i db_i/dx_i is half the slope of b_i^2 along its own axis; by differences of the
    variance.
    """
    noise = kind.from_sympy(["sqrt(1 + x**2 + y**2)", "2 + sin(y)*x"], variables="x y")
    theta = np.random.default_rng(2).uniform(-1, 1, (6, 2))
    exact = [
        (noise.variance(theta + step) - noise.variance(theta - step))[:, i] / 4e-5
        for i, step in enumerate(1e-5 * np.eye(2))
    ]
    assert np.allclose(rows_at(noise.spread, noise, theta), np.array(exact).T, rtol=1e-6, atol=1e-8)
    scaled = noise.scaled(9.0)
    assert np.allclose(
        rows_at(scaled.spread, noise, theta), 9 * np.array(exact).T, rtol=1e-6, atol=1e-7
    )
    assert np.allclose(scaled.variance(theta), 9 * noise.variance(theta), rtol=1e-13)


def rows_at(rows, noise, theta):
    """What generated rows give at points (point, coordinate)."""
    from langevin_sgd.kernels.generated import load

    text = (
        PRELUDE
        + filling("fill", rows)
        + "\n\n@kernel\ndef run(out, x, values):\n    fill(out, x, values)\n"
    )
    out = np.empty(theta.T.shape)
    load(text, sources=built_on()).run(
        out, np.ascontiguousarray(theta.T), lane_values(noise.values, (len(theta),))
    )
    return out.T


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_forces_are_added_times_the_factor_of_each_lane(kind):
    """As integrators do it: out + factor * force, in the precision of the block, factors and
    parameters by lane.
    """
    from langevin_sgd.kernels.generated import load

    lanes = 5
    potential = potentials.curved_valley(bend=np.linspace(0.2, 1.0, lanes))
    text = PRELUDE + adding("add", potential.code.force)
    text += "\n\n@kernel\ndef run(out, x, factors, values):\n    add(out, x, factors, 1, values)\n"
    rng = np.random.default_rng(3)
    theta, before = rng.normal(size=(2, lanes)), rng.normal(size=(2, lanes))
    factors = rng.normal(size=(3, lanes))
    out = before.astype(kind)
    values = np.asarray(lane_values(potential.values, (lanes,)), dtype=kind)
    load(text, sources=built_on()).run(out, theta.astype(kind), factors.astype(kind), values)
    exact = before + factors[1] * potential.force(theta.T).T
    assert np.allclose(out, exact, rtol=0, atol=2e-5 if kind is np.float32 else 1e-13)
    assert out.dtype == kind
