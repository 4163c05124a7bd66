"""Doors of the Fokker-Planck equations and of the potentials: NaN, masks, shared arrays, wrong
kinds and sizes.
"""

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd import fokker_planck as fp
from langevin_sgd.fokker_planck.gaussian_law import GaussianLaw
from langevin_sgd.models import potentials

LINE = fp.Diffusion(drift=lambda x: -x, diffusion=0.5, step_time=0.1)
START = fp.GaussianDensity(0.5, 0.04)
MASKED = np.ma.masked_greater([0.0, 1.0, 999.0], 100)
MANY = ls.Overdamped(
    potential=potentials.quadratic([1.0]),
    friction=1.0,
    noise_covariance=0.1,
    step_time=np.array([0.1, 0.2]),
)


def plane(**changes):
    given = {
        "potential": potentials.quadratic([1.0, 2.0]),
        "friction": 1.0,
        "noise_covariance": 0.5,
        "step_time": 0.1,
    }
    return ls.Overdamped(**{**given, **changes})


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: fp.GaussianDensity(float("nan"), 1.0), "mean"),
        (lambda: fp.GaussianDensity([], np.zeros((0, 0))), "mean"),
        (lambda: fp.GaussianDensity("0", 1.0), "mean"),
        (lambda: fp.GaussianDensity(np.ma.masked_greater([1.0, 999.0], 100), np.eye(2)), "mean"),
        (lambda: fp.GaussianDensity([0, 0], [[1, 0.5], [0.1, 1]]), "covariance"),
        (lambda: fp.GaussianDensity([0, 0], [[1, 2], [2, 1]]), "covariance"),
        (lambda: fp.GaussianDensity([0, 0], [[1e12, 2], [2, 1e-12]]), "covariance"),
        (lambda: fp.GaussianDensity([0, 0], [1.0, 1.0]), "covariance"),
        (lambda: fp.GaussianDensity(0.0, 1j), "covariance"),
        (lambda: fp.GaussianDensity(0.0, 0.0), "covariance"),
        (lambda: fp.solve(None, initial=START, times=[1.0]), "equation"),
        (lambda: fp.solve(MANY, initial=START, times=[1.0]), "step_time"),
        (lambda: fp.solve(LINE, initial=None, times=[1.0], domain=(-4, 4)), "initial"),
        (lambda: fp.solve(LINE, initial=lambda x: None, times=[1.0], domain=(-4, 4)), "initial"),
        (lambda: fp.solve(LINE, initial=lambda x: 1j * x, times=[1.0], domain=(-4, 4)), "initial"),
        (
            lambda: fp.solve(
                LINE, initial=lambda x: np.full_like(x, 1e308), times=[1.0], domain=(-4, 4)
            ),
            "initial",
        ),
        (lambda: fp.solve(LINE, initial=START, times=MASKED), "times"),
        (lambda: fp.solve(LINE, initial=START, times=["1"]), "times"),
        (lambda: fp.solve(LINE, initial=START, times=[]), "times"),
        (lambda: fp.solve(LINE, initial=START, times=[1e308]), "times"),
        (lambda: fp.solve(LINE, initial=START, times=[[1.0, 2.0]]), "times"),
        (lambda: fp.solve(LINE, initial=START, times=[1.0], domain=3.0), "domain"),
        (lambda: fp.solve(LINE, initial=START, times=[1.0], domain=(0, float("nan"))), "domain"),
        (lambda: fp.solve(LINE, initial=START, times=[1.0], domain=(-1e308, 1e308)), "domain"),
        (lambda: fp.solve(LINE, initial=START, times=[1.0], boundary=None), "boundary"),
        (lambda: fp.solve(LINE, initial=START, times=[1.0], boundary=("reflecting",)), "boundary"),
        (lambda: fp.solve(LINE, initial=START, times=[1.0], cells=10**12), "cells"),
        (lambda: fp.solve(LINE, initial=START, times=[1.0], tolerance="small"), "tolerance"),
        (lambda: fp.solve(plane(), initial="stationary", times=[1.0], domain=(-3, 3)), "domain"),
        (
            lambda: fp.solve(plane(), initial="stationary", times=[1.0], domain=((-3, 3), (2, 1))),
            "domain",
        ),
        (lambda: fp.solve(plane(), initial="stationary", times=[1.0], cells=10**6), "cells"),
        (
            lambda: fp.solve(plane(), initial="stationary", times=[1.0], time_step=1e-300),
            "time_step",
        ),
        (
            lambda: fp.solve(
                plane(), initial="stationary", times=[1.0], boundary=("absorbing",) * 3
            ),
            "boundary",
        ),
        (lambda: fp.spectrum("line"), "equation"),
        (lambda: fp.spectrum(LINE, modes=1000), "modes"),
        (lambda: fp.spectrum(plane(), modes=1000), "modes"),
        (lambda: fp.spectrum(LINE, cells=2**30), "cells"),
        (lambda: fp.spectrum(LINE, domain=(None, None, 1)), "domain"),
        (lambda: fp.spectrum(LINE, domain=(None, "1")), "domain"),
        (lambda: fp.first_passage_time(LINE, domain=(2.0, 1.0)), "domain"),
        (lambda: fp.first_passage_time(LINE, domain=5), "domain"),
        (lambda: fp.Diffusion(drift=1.0, diffusion=1.0), "drift"),
        (
            lambda: fp.spectrum(fp.Diffusion(drift=lambda x: 1j * x, diffusion=1.0), domain=(0, 1)),
            "drift",
        ),
        (
            lambda: fp.spectrum(fp.Diffusion(drift=lambda x: x[:3], diffusion=1.0), domain=(0, 1)),
            "drift",
        ),
        (
            lambda: fp.spectrum(fp.Diffusion(drift=lambda x: "a", diffusion=1.0), domain=(0, 1)),
            "drift",
        ),
        (
            lambda: fp.spectrum(
                fp.Diffusion(drift=lambda x: -x, diffusion=lambda x: x), domain=(-1, 1)
            ),
            "diffusion",
        ),
        (lambda: GaussianLaw(None, START), "equation"),
        (lambda: GaussianLaw(plane(), None), "start"),
        (
            lambda: GaussianLaw(plane(), fp.GaussianDensity([0, 0], np.eye(2))).mean(float("nan")),
            "t",
        ),
        (lambda: GaussianLaw(plane(), fp.GaussianDensity([0, 0], np.eye(2))).mean(MASKED), "t"),
        (lambda: potentials.quadratic([1.0, float("nan")]), "spectrum"),
        (lambda: potentials.quadratic([]), "spectrum"),
        (lambda: potentials.quadratic(MASKED), "spectrum"),
        (lambda: potentials.quadratic([1.0], centre=[float("nan")]), "centre"),
        (lambda: potentials.quadratic([1.0], centre=[0.0, 1.0]), "centre"),
        (lambda: potentials.quadratic([1.0, 2.0], eigenvectors=[[1, 1], [0, 1]]), "eigenvectors"),
        (
            lambda: potentials.quadratic([1.0, 2.0], eigenvectors=np.full((2, 2), np.nan)),
            "eigenvectors",
        ),
        (lambda: potentials.quadratic([1.0, 2.0], eigenvectors=np.eye(3)), "eigenvectors"),
        (lambda: potentials.Quadratic(stiffness=[[1, 2], [0, 1]]), "stiffness"),
        (lambda: potentials.Quadratic(stiffness=[1.0]), "stiffness"),
        (lambda: potentials.quadratic([1.0]).force([float("nan")] * 2), "theta"),
        (lambda: potentials.quadratic([1.0, 2.0]).energy("ab"), "theta"),
        (lambda: potentials.quadratic([1.0]).modified("1"), "lr"),
        (lambda: potentials.double_well(quartic=float("inf")), "quartic"),
        (lambda: potentials.double_well(quartic=MASKED), "quartic"),
        (lambda: potentials.double_well().force(np.array([1j])), "theta"),
        (lambda: potentials.hinge(margin=-1.0).boltzmann(1.0), "margin"),
        (lambda: potentials.double_well(curvature=-1.0).boltzmann(1.0), "curvature"),
        (lambda: potentials.curved_valley(along=-1.0).boltzmann(1.0), "along"),
        (lambda: potentials.hinge(stiffness=-1.0).boltzmann(1.0), "stiffness"),
        (lambda: ls.Potential.from_functions(None, None), "energy"),
        (lambda: ls.Potential.from_sympy("x**2", name=3), "name"),
        (lambda: ls.Potential.from_sympy("x**2", moments=3), "moments"),
    ],
)
def test_bad_input_is_one_line_that_names_the_argument(call, argument):
    with pytest.raises(ls.InputError) as caught:
        call()
    assert str(caught.value).startswith((f"{argument} = ", f"{argument}["))
    assert "\n" not in str(caught.value)


def test_objects_keep_what_they_were_made_from():
    mean, covariance, centre, stiffness = np.zeros(2), np.eye(2), np.ones(2), np.eye(2)
    start, well = (
        fp.GaussianDensity(mean, covariance),
        potentials.Quadratic(stiffness=stiffness, centre=centre),
    )
    factors = np.array([1.0, 2.0])
    formula = ls.Potential.from_sympy("a*x**2", parameters={"a": factors})
    for array in (mean, covariance, centre, stiffness, factors):
        array[...] = 7.0
    assert start.mean.tolist() == [0.0, 0.0]
    assert start.covariance.tolist() == well.stiffness.tolist() == np.eye(2).tolist()
    assert well.centre.tolist() == [1.0, 1.0]
    assert formula.values["a"].tolist() == [1.0, 2.0]


def test_a_covariance_in_units_far_apart_is_taken():
    """Judged in units of its own standard deviations."""
    given = fp.GaussianDensity([0, 0], [[1e16, 0.5], [0.5, 1e-16]])
    assert np.isclose(given(0.0, 0.0), 1 / (2 * np.pi * np.sqrt(0.75)), rtol=1e-9)
