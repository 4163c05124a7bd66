"""What the claim about the density at the boundary measures, on data made for it."""

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
import torch
import xarray as xr
from langevin_sgd.validation.sgd_regimes import _kernel_teacher as teacher
from langevin_sgd.validation.sgd_regimes import boundary_density as density

import langevin_sgd as ls
from langevin_sgd.claims.claim import check_comparisons
from langevin_sgd.claims.comparison import measured
from langevin_sgd.claims.verdict import judge
from langevin_sgd.curvature.tangent_kernel import tangent_kernel
from langevin_sgd.models.networks import FullyConnected

CASE = density.CASES[1]
SIGMAS = 4.5


def margins(chi, seed=0):
    """Margins of density ~ m^chi up to two, (block, image)."""
    u = np.random.default_rng(seed).random((density.BLOCKS, 1000))
    return 2 * u ** (1 / (1 + chi))


def apart(estimate, value):
    """Distance from a value in standard errors."""
    return abs(estimate.value - value) / estimate.standard_error


# --- density --------------------------------------------------------------------------------------


@pytest.mark.parametrize("chi", [0.0, 0.5, 1.0])
def test_chi_is_that_of_the_density_that_was_made(chi):
    """Control: it is not that of a density half a power away."""
    found = density.local_exponent(margins(chi))
    assert apart(found, chi) < SIGMAS
    assert apart(found, chi + 0.5) > SIGMAS


def test_the_error_of_chi_is_the_spread_of_data_made_anew():
    found = [density.local_exponent(margins(0.0, seed)) for seed in range(40)]
    spread = np.std([one.value for one in found], ddof=1)
    assert np.mean([one.standard_error for one in found]) == pytest.approx(spread, rel=0.5)


def test_a_depletion_that_is_put_in_is_found():
    for size in (0.4, 1.0):
        assert apart(density.local_exponent(margins(0.0), size), size) < SIGMAS
    assert apart(density.local_exponent(margins(0.0)), 0.4) > SIGMAS


@pytest.mark.parametrize(("error", "bounded"), [(density.LEAST_ERROR, True), (0.001, False)])
def test_the_margin_holds_the_curvature_of_two_gaussians(error, bounded):
    """Of equal weight, mean square one, each beyond zero by `error`; not so where fewer are."""
    normal = NormalDist()
    apart_squared = normal.inv_cdf(error) ** 2
    spread = (1 + apart_squared) ** -0.5
    mean = math.sqrt(apart_squared) * spread
    low, high = (
        normal.cdf((one - mean) / spread) - normal.cdf((-one - mean) / spread)
        for one in (density.LOW, density.HIGH)
    )
    curved = math.log(high / low) / math.log(density.HIGH / density.LOW) - 1
    assert (0 < curved < density.CURVED) == bounded


# --- teachers -------------------------------------------------------------------------------------


def points(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 20)).astype(np.float32)


def test_the_kernel_is_that_of_wide_networks():
    """In the mean over networks of width 512, to a per cent or two; not that of one layer less."""
    x = points(6)

    def mean_kernel(depth):
        network = FullyConnected(dimension=20, width=512, depth=depth, output_scaling="ntk")
        replicas = network.replicas([(1, number) for number in range(48)], torch.float64)
        inputs = torch.from_numpy(x).double().expand(48, -1, -1)
        return tangent_kernel(replicas, inputs).mean(dim=0).numpy()

    kernel = teacher.tangent_kernel(x, x)
    unit = np.trace(kernel) / len(x)
    assert np.abs(mean_kernel(2) - kernel).max() < 0.06 * unit
    assert np.abs(mean_kernel(1) - kernel).max() > 0.2 * unit
    assert np.diag(kernel) == pytest.approx(3 * (x**2).sum(axis=1) / 20, rel=1e-3)


def test_a_teacher_without_ridge_knows_its_training_set_and_one_with_much_is_the_mean():
    x = points(30)
    y = np.sign(x[:, 0]).astype(float)
    exact, flat = teacher.taught(x, y, x, (1e-9, 1e9))
    assert exact == pytest.approx(y, abs=1e-4)
    mean = teacher.tangent_kernel(x, x) @ y
    assert flat / np.linalg.norm(flat) == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)


def test_ridges_are_in_units_of_the_kernel():
    """Images twice as bright, of four times the kernel, have the same teacher."""
    x, y = points(30), np.sign(points(30)[:, 0]).astype(float)
    once, twice = (teacher.taught(c * x, y, c * points(5, seed=1), (0.1,)) for c in (1, 2))
    assert twice == pytest.approx(once, rel=1e-4)


def test_every_held_out_image_is_judged_by_one_teacher_of_its_own_training_set():
    images = ls.data.BinaryImages(points=80, test_points=240)
    settings = teacher.KernelTeachers(images=images, teachers=2, blocks=6, ridges=(0.1,), seed=3)
    found = teacher.margins_of_teachers(settings)
    x, y, held_out, label = images.sample(3)
    [second] = teacher.taught(x[40:], y[40:].astype(float), held_out[120:], (0.1,))
    expected = np.abs(second) / np.sqrt((second**2).mean())
    assert found["margin"].sel(ridge=0.1).values[3:].ravel() == pytest.approx(expected)
    wrong = (np.sign(second) != label[120:]).mean()
    assert found["test_error"].values[0, 3:].mean() == pytest.approx(wrong)


# --- networks, and the claim ----------------------------------------------------------------------


def made(chi=0.0, gamma=None, error=0.1, kernel=0.001):
    """Results of all tasks: margins of density m^chi, and networks that are powers of P."""
    rng = np.random.default_rng(1)
    data = {}
    for case in density.CASES:
        for size in density.TAUGHT:
            values = np.stack([margins(chi, size), margins(chi, size + 1)])
            shape = (len(density.RIDGES), density.BLOCKS)
            data[case.taught(size)] = xr.Dataset(
                {
                    "margin": (("ridge", "replica", "sample"), values),
                    "test_error": (("ridge", "replica"), np.full(shape, error)),
                },
                coords={"ridge": list(density.RIDGES)},
            )
        for size in case.sizes:
            spread = np.exp(0.05 * rng.normal(size=(2, density.REPLICAS)))
            values = {
                "weight_change": size ** (gamma or case.gamma) * spread[0],
                "t_star": size**case.b * spread[1],
                "kernel_change": np.full(density.REPLICAS, kernel),
                "test_error": np.full(density.REPLICAS, 0.1),
                "status": np.zeros(density.REPLICAS, dtype=int),
            }
            arrays = {name: ("replica", one) for name, one in values.items()}
            data[case.trained(size)] = xr.Dataset(arrays)
    return data


def verdicts(data):
    """Whether each comparison comes out as it expects."""
    comparisons = density.BoundaryDensity().comparisons("full")
    found = measured(comparisons, data)
    return {
        one.name: judge(one.prediction, one.margin, one.rivals, found[one.name])[0] == one.expected
        for one in comparisons
    }


def test_comparisons_can_be_told_from_their_rivals():
    check_comparisons(claim := density.BoundaryDensity(), claim.comparisons("full"))


def test_a_finite_density_and_exponents_of_visits_are_what_the_claim_expects():
    assert all(verdicts(made()).values())


def test_a_depleted_density_and_exponents_of_chi_zero_are_not():
    """What is said to be wrong would be seen: chi that gamma needs, and gamma of chi = 0."""
    found = verdicts(made(chi=CASE.needed, gamma=1.0))
    assert not any(good for name, good in found.items() if name.startswith("chi"))
    assert not any(good for name, good in found.items() if name.startswith("gamma"))
    assert all(good for name, good in found.items() if name.startswith("b "))


def test_sizes_exchanged_leave_no_exponent():
    data = made()
    for quantity, power in (("weight_change", CASE.gamma), ("t_star", CASE.b)):
        assert apart(density.exponent_of_networks(CASE, quantity, data), power) < SIGMAS
        assert apart(density.exponent_of_shuffled(CASE, quantity, data), 0.0) < SIGMAS


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, None),
        ({"error": 0.001}, "a teacher is wrong on 0.001 only"),
        ({"kernel": 0.05}, "the kernel changes by 0.05"),
    ],
)
def test_range(more, said):
    assert density.BoundaryDensity().out_of_range(made(**more), "full") == said


def test_development_and_decision_share_no_image():
    claim = density.BoundaryDensity()
    for tasks, part in ((claim.tasks, "odd"), (claim.development_tasks, "even")):
        settings = [task.settings for task in tasks("full", 0).values()]
        assert all(f'"part":"{part}"' in one.replace(" ", "") for one in settings)
    case = replace(CASE, block=1)
    assert set(case.tasks(part="odd", seed=0)) == set(CASE.tasks(part="even", seed=0))
