"""Shapes, axes and counts that a compiled loop would have followed out of its arrays end in one
line.
"""

import subprocess
import sys

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd import randomness, training
from langevin_sgd.fokker_planck.gaussian_law import GaussianLaw
from langevin_sgd.models import potentials
from langevin_sgd.models.hinge_loss import HingeLoss
from langevin_sgd.record.recorders import histograms
from langevin_sgd.training.batches import batch_indices, gradient_normals

WELL = potentials.double_well()
EQUATION = ls.Underdamped(
    potential=WELL, mass=0.7, friction=0.5, noise_covariance=0.4, step_time=0.1
)
LINEAR = ls.Underdamped(
    potential=potentials.quadratic([1.0, 0.3]),
    mass=0.7,
    friction=0.5,
    noise_covariance=0.4,
    step_time=0.1,
)
SETTINGS = ls.SGD(lr=0.1, batch_size=2)
SPECTRUM = ls.LinearRegression.from_spectrum([1.0, 0.3])
DIFFUSION = ls.fokker_planck.Diffusion(drift=lambda x: -x, diffusion=1.0)
DENSITY = ls.fokker_planck.GaussianDensity(0.0, 1.0)
DENSITIES = ls.fokker_planck.GaussianDensity(np.zeros(4), np.eye(4))


class Wide(ls.sde.ExactOrnsteinUhlenbeck):
    """An integrator whose step has a component too many."""

    def linear_step(self, equation, size):
        step = super().linear_step(equation, size)
        wide = np.concatenate([step.noise, step.noise], axis=1)
        return ls.sde.integrator.LinearStep(step.matrix, wide)


class Long(ls.sde.ExactOrnsteinUhlenbeck):
    """An integrator whose step has twice the groups."""

    def linear_step(self, equation, size):
        step = super().linear_step(equation, size)
        return ls.sde.integrator.LinearStep(
            np.tile(step.matrix, (2, 1, 1)), np.tile(step.noise, (2, 1, 1))
        )


def simulate(equation=EQUATION, integrator=None, **options):
    given = ls.sde.BAOAB() if integrator is None else integrator
    return ls.sde.simulate(equation, given, **{"replicas": 3, "steps": 4, "seed": 1, **options})


def noisy(**fields):
    loss = HingeLoss(rows=np.ones((4, 2)), margin=1.0)
    given = {
        "loss": loss,
        "strength": 1.0,
        "shape": np.eye(2),
        "weight": np.ones(4),
        "mean_squared": 0.0,
    }
    return ls.dynamics.minibatch_noise.ShapedNoise(**{**given, **fields})


def linear(**fields):
    given = {"drift": -np.ones((2, 1, 1)), "noise": np.ones((2, 1, 1)), "orders": 1}
    given |= {"centre": np.zeros(2), "basis": np.eye(2)}
    return ls.dynamics.linear.LinearEquation(**{**given, **fields})


WORDS = np.zeros(4, np.uint64)
CASES = {
    "shape of lists": (lambda: randomness.normals(([8], 2, 2), 1), "shape"),
    "shape of floats": (lambda: randomness.normals((2.0, 2), 1), "shape"),
    "shape that is a number": (lambda: randomness.normals(3, 1), "shape"),
    "negative shape": (lambda: randomness.normals((-1,), 1), "shape"),
    "immense shape": (lambda: randomness.normals((2**32, 2**32), 1), "shape"),
    "step of a generator": (lambda: randomness.normals((2,), 1, step=-1), "step"),
    "substream of a generator": (lambda: randomness.normals((2,), 1, substream=1.5), "substream"),
    "seed that is a text": (lambda: randomness.normals((2,), "1"), "seed"),
    "seed that is true": (lambda: randomness.derive_seed(True), "seed"),
    "seed that is a fraction": (lambda: randomness.derive_seed(1.7, "a"), "seed"),
    "labels that are no words": (lambda: randomness.derive_seed(1, object()), "labels"),
    "counter of two words": (lambda: randomness.threefry4x64(WORDS[:2], WORDS), "counter"),
    "key of another type": (lambda: randomness.threefry4x64(WORDS, WORDS.astype(float)), "key"),
    "eleven rounds": (lambda: randomness.threefry4x64(WORDS, WORDS, 11), "rounds"),
    "replicas in a list": (lambda: simulate(replicas=[3]), "replicas"),
    "axis beyond": (lambda: simulate(record=ls.record.first_passage(0.0, axis=1)), "axis"),
    "axis below": (lambda: ls.record.first_passage(0.0, axis=-1), "axis"),
    "axis below, made by hand": (
        lambda: ls.record.passages.FirstPassage(0.0, -5, "up", "x"),
        "axis",
    ),
    "level that is a text": (lambda: ls.record.first_passage("a"), "level"),
    "one edge of a current": (lambda: ls.record.current((np.arange(3.0),)), "edges"),
    "edges of a current in one": (lambda: ls.record.current((0.0, 1.0)), "edges"),
    "coordinates of a current": (
        lambda: ls.record.current((np.arange(3.0),) * 2, coordinates=(0, -1)),
        "coordinates",
    ),
    "coordinate beyond": (
        lambda: simulate(record=ls.record.current((np.arange(3.0),) * 2, coordinates=(0, 2))),
        "coordinate",
    ),
    "coordinate of histograms": (
        lambda: histograms([0.0, 1.0], coordinate=-1),
        "coordinate",
    ),
    "edges with NaN": (lambda: ls.record.histogram([0.0, np.nan]), "edges"),
    "eigenvectors of one dimension": (
        lambda: ls.record.eigenprojections(np.ones(3)),
        "eigenvectors",
    ),
    "eigenvectors of others": (
        lambda: simulate(record=ls.record.eigenprojections(np.eye(3))),
        "eigenvectors",
    ),
    "centre of others": (
        lambda: ls.record.eigenprojections(np.eye(3), centre=np.ones(2)),
        "centre",
    ),
    "loss that is no function": (lambda: ls.record.loss(3), "function"),
    "observable that is no function": (lambda: ls.record.observables(a=3), "a = 3"),
    "start of another shape": (lambda: simulate(start=np.zeros((2, 1))), "start"),
    "start with a mask": (lambda: simulate(start=np.ma.masked_greater([9.0], 1)), "start"),
    "complex velocity": (lambda: simulate(start=([0.0], [1j])), "velocity"),
    "start of words": (lambda: simulate(start=["a"]), "start"),
    "start of SGD": (lambda: training.run(SPECTRUM, SETTINGS, steps=3, start=np.zeros(3)), "start"),
    "schedule of fractions": (lambda: simulate(schedule=[0.5]), "schedule"),
    "schedule of two dimensions": (lambda: simulate(schedule=[[0, 1]]), "schedule"),
    "schedule with a mask": (lambda: simulate(schedule=np.ma.masked_equal([0, 1], 1)), "schedule"),
    "schedule without end": (lambda: ls.record.every(1, steps=10**15), "schedule"),
    "schedule that begins at its end": (lambda: ls.record.every(1, steps=5, first=6), "steps"),
    "points without end": (
        lambda: ls.record.log_spaced(steps=100, per_decade=10**15),
        "per_decade",
    ),
    "record that is a number": (lambda: simulate(record=5), "record"),
    "two passages of one name": (
        lambda: simulate(record=[ls.record.first_passage(0.0), ls.record.first_passage(1.0)]),
        "'first_passage' is recorded twice",
    ),
    "passage of a name that is taken": (
        lambda: simulate(record=ls.record.first_passage(0.0, name="status")),
        "'status' is recorded twice",
    ),
    "accumulator and recorder of one name": (
        lambda: simulate(
            record=[
                ls.record.time_averages(),
                lambda block: {"time_mean": (("step",), np.zeros(len(block.steps)), "1")},
            ]
        ),
        "'time_mean' is recorded twice",
    ),
    "immense run": (lambda: training.run(SPECTRUM, SETTINGS, steps=3, replicas=10**14), "memory"),
    "steps beyond the counter": (lambda: simulate(steps=2**62, substeps=8), "steps"),
    "equation that is none": (lambda: simulate(equation=WELL), "equation"),
    "integrator that is none": (lambda: simulate(integrator="BAOAB"), "integrator"),
    "integrator that is a class": (lambda: simulate(integrator=ls.sde.BAOAB), "integrator"),
    "problem that is none": (lambda: training.run(WELL, SETTINGS, steps=3), "problem"),
    "settings that are none": (lambda: training.run(SPECTRUM, {"lr": 0.1}, steps=3), "settings"),
    "step too wide": (lambda: simulate(LINEAR, Wide()), "noise"),
    "step too long": (lambda: simulate(LINEAR, Long()), "matrix"),
    "normals of another shape": (
        lambda: ls.sde.follow(EQUATION, ls.sde.BAOAB(), np.zeros((3, 2, 1, 4))),
        "normals",
    ),
    "normals for nobody": (
        lambda: ls.sde.follow(EQUATION, ls.sde.BAOAB(), np.zeros((3, 1, 1, 0))),
        "normals",
    ),
    "normals with NaN": (
        lambda: ls.sde.follow(EQUATION, ls.sde.BAOAB(), np.full((3, 1, 1, 4), np.nan)),
        "normals",
    ),
    "weights of other points": (lambda: noisy(weight=np.ones(3)), "weight"),
    "noise of another shape": (lambda: noisy(shape=np.eye(3)), "shape"),
    "noise that is no covariance": (lambda: noisy(shape=-np.eye(2)), "shape"),
    "noise of no loss": (lambda: noisy(loss=WELL), "loss"),
    "centre of another equation": (lambda: linear(centre=np.zeros(3)), "centre"),
    "basis of another equation": (lambda: linear(basis=np.eye(3)), "basis"),
    "noise of another equation": (lambda: linear(noise=np.ones((3, 1, 1))), "noise"),
    "three orders": (lambda: linear(orders=3), "orders"),
    "step of a linear equation that is NaN": (
        lambda: ls.sde.BAOAB().linear_step(LINEAR.linear(), np.nan),
        "size",
    ),
    "step of a linear equation of the other order": (
        lambda: ls.sde.BAOAB().linear_step(linear(), 0.1),
        "equation",
    ),
    "step of no linear equation": (lambda: ls.sde.Heun().linear_step(EQUATION, 0.1), "equation"),
    "linearity of nothing": (lambda: ls.dynamics.equation.is_linear(None), "equation"),
    "factor of a noise": (lambda: noisy().scaled("2"), "factor"),
    "factor of a noise that is NaN": (lambda: noisy().scaled(np.nan), "factor"),
    "noise of no replica": (lambda: ls.dynamics.Isotropic([]), "variance"),
    "noise of a negative strength": (
        lambda: ls.dynamics.Ito.proportional_to_loss(WELL, strength=-1.0),
        "strength",
    ),
    "amplitude that is no formula": (lambda: ls.dynamics.Ito.from_sympy("("), "^amplitude"),
    "amplitude of objects": (lambda: ls.dynamics.Stratonovich.from_sympy([object()]), "^amplitude"),
    "noise of a gradient": (
        lambda: ls.Overdamped.from_potential(WELL, SETTINGS, gradient_noise=np.nan),
        "^gradient_noise",
    ),
    "replica of a regression": (
        lambda: ls.Overdamped.from_sgd(SPECTRUM, SETTINGS, replica=np.inf),
        "replica",
    ),
    "seed of a regression": (lambda: ls.Overdamped.from_sgd(SPECTRUM, SETTINGS, seed="1"), "seed"),
    "steps of a schedule": (lambda: ls.record.schedules.as_schedule([0, 5], steps=b"9"), "steps"),
    "schedule of truths": (lambda: simulate(schedule=[True]), "schedule"),
    "record that is a mapping": (lambda: simulate(record={}), "record"),
    "coordinates that are masked": (
        lambda: ls.record.current((np.arange(3.0),) * 2, coordinates=np.ma.masked),
        "coordinates",
    ),
    "record that is a class": (lambda: simulate(record=ls.SGD), "record"),
    "loss that is a class": (lambda: ls.record.loss(ls.SGD), "function"),
    "infinite point": (lambda: WELL.energy([[np.inf]]), "theta"),
    "parameter that is true": (lambda: ls.models.potentials.double_well(quartic=True), "quartic"),
    "parameter that is a word": (
        lambda: ls.Potential.from_sympy("a*x**2", parameters={"a": "text"}),
        "^parameters",
    ),
    "name that is none": (lambda: ls.Potential.from_functions(None, None, name=3), "name"),
    "coordinate of a density": (lambda: DENSITY.support(1), "coordinate"),
    "coordinate of a density in words": (lambda: DENSITY.support("x"), "coordinate"),
    "deviations of a density": (lambda: DENSITY.support(0, np.ma.masked), "deviations"),
    "two times for one density": (
        lambda: GaussianLaw(LINEAR, DENSITIES).at([1.0, 2.0]),
        "t = ",
    ),
    "domain in words": (
        lambda: ls.fokker_planck.spectrum(DIFFUSION, domain=np.array(["-3.0", "3.0"])),
        "domain",
    ),
    "domain that is masked": (
        lambda: ls.fokker_planck.spectrum(DIFFUSION, domain=np.ma.masked),
        "domain",
    ),
    "domain that is a point": (
        lambda: ls.fokker_planck.spectrum(DIFFUSION, domain=(0.0, 1e-300)),
        "domain",
    ),
    "diffusion that is a class": (
        lambda: ls.fokker_planck.Diffusion(drift=lambda x: -x, diffusion=ls.SGD),
        "diffusion",
    ),
    "samples beyond 32 bits": (
        lambda: batch_indices(SETTINGS, 2**31, seed=1, steps=1),
        "samples",
    ),
    "steps without end": (
        lambda: batch_indices(SETTINGS, 10, seed=1, steps=10**15),
        "steps",
    ),
    "normals without end": (lambda: gradient_normals(3, seed=1, steps=10**15), "steps"),
    "steps beyond the counter of batches": (
        lambda: batch_indices(SETTINGS, 10, seed=1, steps=5, first_step=2**63 - 3),
        "steps",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_one_line_names_the_argument(name):
    call, named = CASES[name]
    with pytest.raises(ls.InputError, match=named) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_counts_of_other_kinds_are_converted():
    assert randomness.normals([np.int64(2), np.array(3)], np.uint64(1)).shape == (2, 3)
    assert randomness.normals((), 1).shape == ()
    assert randomness.normals((0, 3), 1).shape == (0, 3)
    assert randomness.derive_seed(np.int64(1), np.int64(2)) == randomness.derive_seed(1, 2)
    plain = simulate(replicas=3, steps=4, seed=1, substeps=2)
    other = simulate(
        replicas=np.int32(3), steps=np.array(4), seed=np.uint8(1), substeps=np.int64(2)
    )
    assert other.identical(plain)
    sgd = training.run(
        SPECTRUM, SETTINGS, replicas=np.int16(2), steps=np.int64(5), seed=np.array(3)
    )
    assert sgd.identical(training.run(SPECTRUM, SETTINGS, replicas=2, steps=5, seed=3))
    assert np.array_equal(
        batch_indices(SETTINGS, np.int8(9), seed=1, steps=np.array(3)),
        batch_indices(SETTINGS, 9, seed=1, steps=3),
    )


def test_functions_of_kernels_do_not_crash_python():
    """They have no machine code of their own, and once jumped to address 0."""
    code = "from langevin_sgd import randomness; randomness.uniform(5)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "TypeError" in done.stderr
