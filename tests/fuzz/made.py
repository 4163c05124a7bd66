"""Good objects of the package, small and quick, made once in each process."""

from __future__ import annotations

import os
from typing import Any

import numba
import numpy as np

import langevin_sgd as ls

from .clock import once

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(12, 2))
Y = X @ [1.0, -2.0] + RANDOM.normal(size=12)
LABELS = np.where(X[:, 0] > 0, 1.0, -1.0)
STEPS = [0, 1, 2, 3, 4, 6, 8, 10]
SMALL = {"steps": 10, "replicas": 4, "seed": 1}


@once
def regression() -> Any:
    return ls.LinearRegression.from_data(X, Y)


@once
def spectral() -> Any:
    return ls.LinearRegression.from_spectrum([0.2, 1.0])


@once
def sgd() -> Any:
    return ls.SGD(lr=0.1, batch_size=2, momentum=0.5)


@once
def plain_sgd() -> Any:
    return ls.SGD(lr=0.1, batch_size=2)


@once
def minimum() -> Any:
    features = np.random.default_rng(1).normal(size=(4, 3))
    return ls.theory.stability.InterpolatingMinimum.from_features(features)


@once
def critical_moments() -> Any:
    return ls.theory.stability.critical.critical_moments(minimum(), sgd())


@once
def langevin_law() -> Any:
    return ls.theory.LangevinLaw(spectral(), sgd())


@once
def discrete_law() -> Any:
    return ls.theory.DiscreteLaw(spectral(), sgd())


@once
def law_of_data() -> Any:
    return ls.theory.DiscreteLaw(regression(), plain_sgd(), noise="minibatch")


@once
def langevin_law_of_data() -> Any:
    return ls.theory.LangevinLaw(regression(), plain_sgd())


@once
def modified_loss() -> Any:
    return ls.theory.ModifiedLoss(langevin_law())


@once
def oscillators() -> Any:
    return langevin_law().oscillators


@once
def synthetic() -> Any:
    return ls.data.DepletedSign(points=12, dimension=3, chi=0.5)


@once
def images() -> Any:
    return ls.data.BinaryImages(points=16, test_points=8)


@once
def given() -> Any:
    return ls.data.given_points.GivenPoints(X, LABELS)


@once
def synthetic_sets() -> Any:
    return ls.data.SyntheticPoints(law=synthetic(), test_points=8)


@once
def perceptron() -> Any:
    return ls.Perceptron(data=synthetic(), margin=0.1)


@once
def perceptron_of_data() -> Any:
    return ls.Perceptron.from_data(X, LABELS, margin=0.1)


@once
def trained_perceptron() -> Any:
    return ls.training.run(
        perceptron(), plain_sgd(), replicas=3, seed=1, stop=ls.Stop(max_steps=2000)
    )


@once
def networks() -> Any:
    return ls.NetworkProblem(small_network(), (X, LABELS))


@once
def trained_networks() -> Any:
    engine = ls.training.NetworkEngine(keep_weights=True)
    stop = ls.Stop(max_steps=20)
    return ls.training.run(networks(), sgd(), replicas=2, seed=1, stop=stop, engine=engine)


@once
def one_pass_run() -> Any:
    return ls.training.run(one_pass(), plain_sgd(), **SMALL)


@once
def one_pass() -> Any:
    return ls.models.OnePassPerceptron(dimension=3, chi=0.0, margin=0.1)


@once
def double_well() -> Any:
    return ls.models.potentials.double_well()


@once
def energy_of_x() -> Any:
    return numba.njit(_energy)


@once
def force_of_x() -> Any:
    return numba.njit(_force)


@once
def hessian_of_x() -> Any:
    return numba.njit(_hessian)


def _energy(x: float, k: float) -> float:
    return k * x * x / 2


def _force(x: float, k: float) -> float:
    return -k * x


def _hessian(x: float, k: float) -> float:
    return k


@once
def valley() -> Any:
    return ls.models.potentials.curved_valley()


@once
def bowl() -> Any:
    return ls.models.potentials.quadratic([0.5, 1.0])


@once
def line_bowl() -> Any:
    return ls.models.potentials.quadratic([1.0])


@once
def hinge_loss() -> Any:
    return ls.models.hinge_loss.HingeLoss(rows=X * LABELS[:, None], margin=0.1)


@once
def overdamped() -> Any:
    return ls.Overdamped(
        potential=double_well(), friction=1.0, noise_covariance=0.5, step_time=0.05
    )


@once
def underdamped() -> Any:
    return ls.Underdamped(
        potential=double_well(), mass=1.0, friction=1.0, noise_covariance=0.5, step_time=0.05
    )


@once
def linear_overdamped() -> Any:
    return ls.Overdamped.from_sgd(spectral(), plain_sgd())


@once
def linear_underdamped() -> Any:
    return ls.Underdamped.from_sgd(spectral(), sgd())


@once
def line() -> Any:
    return ls.Overdamped(potential=line_bowl(), friction=1.0, noise_covariance=1.0, step_time=0.1)


@once
def kramers() -> Any:
    return ls.Underdamped(
        potential=line_bowl(), mass=1.0, friction=1.0, noise_covariance=1.0, step_time=0.1
    )


@once
def diffusion() -> Any:
    return ls.fokker_planck.Diffusion(drift=lambda x: -x, diffusion=0.5)


@once
def gaussian_law() -> Any:
    return ls.fokker_planck.gaussian_law.GaussianLaw(
        linear_overdamped(), ls.fokker_planck.GaussianDensity([0.0, 0.0], np.eye(2))
    )


@once
def initial() -> Any:
    return ls.fokker_planck.GaussianDensity(0.5, 0.1)


@once
def noise_of_state() -> Any:
    return ls.dynamics.Ito.from_sympy("sqrt(1 + x**2)", "x")


@once
def stratonovich() -> Any:
    return ls.dynamics.Stratonovich.from_sympy("sqrt(1 + x**2)", "x")


@once
def minibatch_noise() -> Any:
    return ls.dynamics.minibatch_noise.MinibatchNoise(loss=hinge_loss(), strength=0.1)


@once
def shaped_noise() -> Any:
    return minibatch_noise().isotropic()


@once
def simulated() -> Any:
    return ls.sde.simulate(overdamped(), ls.sde.EulerMaruyama(), **SMALL, schedule=STEPS)


@once
def escaped() -> Any:
    recorder = ls.record.first_passage(0.1)
    return ls.sde.simulate(
        overdamped(), ls.sde.EulerMaruyama(), steps=100, replicas=8, seed=1, record=recorder
    )


@once
def run() -> Any:
    return ls.training.run(
        regression(), plain_sgd(), **SMALL, record=ls.record.displacement(), schedule=STEPS
    )


@once
def noise_temperature() -> Any:
    return ls.training.observables.noise_temperature.NoiseTemperature()


@once
def network() -> Any:
    return ls.models.networks.FullyConnected(dimension=64, width=4, depth=2)


@once
def small_network() -> Any:
    return ls.models.networks.FullyConnected(dimension=2, width=4, depth=2)


@once
def convolutional() -> Any:
    return ls.models.networks.SimpleCNN(image=(1, 8, 8), width=2)


def module() -> Any:
    import torch

    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))


@once
def own_network() -> Any:
    return ls.models.networks.OwnNetwork(build=module)


@once
def networks_of_law() -> Any:
    return ls.NetworkProblem(network(), images())


def _grid_of_networks(max_steps: int, axes: Any) -> Any:
    return ls.experiments.Grid(
        networks_of_law(),
        ls.SGD(lr=1.0, batch_size=4, sampling="without_replacement"),
        stop=ls.Stop(max_steps=max_steps),
        axes=axes,
        replicas=3,
        record=[ls.training.observables.KernelChange(points=4)],
    )


@once
def network_grid() -> Any:
    axes = {
        "alpha": (1.0, 100.0),
        "temperature_per_width": (0.01, 0.02, 0.04),
        "problem.data.points": (8, 16),
    }
    return _grid_of_networks(40, axes)


@once
def network_result() -> Any:
    return network_grid().collect()


@once
def lazy_result() -> Any:
    axes = {
        "alpha": (100.0,),
        "temperature_per_width": (0.01, 0.02, 0.04),
        "problem.data.points": (8, 16, 32),
    }
    return _grid_of_networks(400, axes).collect()


@once
def grid_lines() -> Any:
    return ls.experiments.lines_along(network_result(), "temperature_per_width")


@once
def network_averages() -> Any:
    return ls.experiments.network_averages.average_networks(network_result())


def _grid_of_perceptrons(axes: Any) -> Any:
    return ls.experiments.Grid(
        ls.Perceptron(data=ls.data.DepletedSign(points=8, dimension=3), margin=0.1),
        ls.SGD(lr=1.0, batch_size=1, sampling="without_replacement"),
        stop=ls.Stop(max_steps=2000),
        axes=axes,
        replicas=3,
    )


@once
def perceptron_grid() -> Any:
    return _grid_of_perceptrons({"points": (8, 16, 32), "temperature": (0.5, 1.0, 2.0)})


@once
def ratio_grid() -> Any:
    return _grid_of_perceptrons({"points_per_dimension": (2.0, 4.0), "dimension": (2, 3, 4)})


@once
def perceptron_result() -> Any:
    return perceptron_grid().collect()


@once
def ratio_result() -> Any:
    return ratio_grid().collect()


@once
def perceptron_cell() -> Any:
    return ls.experiments.cell.Cell(
        problem=perceptron(), settings=plain_sgd(), stop=ls.Stop(max_steps=500), seed=1
    )


@once
def network_cell() -> Any:
    return ls.experiments.cell.Cell(
        problem=networks_of_law(), settings=plain_sgd(), stop=ls.Stop(max_steps=20), seed=1
    )


@once
def switch() -> Any:
    return ls.experiments.Switch(
        first=plain_sgd(), second=plain_sgd(), at=ls.Stop(unfit=0.5, max_steps=5)
    )


@once
def exponent_fit() -> Any:
    return ls.experiments.fit_exponents(perceptron_result())[0]


@once
def exponent_limit() -> Any:
    return ls.experiments.extrapolate_exponents(ratio_result())[0]


@once
def lazy_exponents() -> Any:
    return ls.experiments.fit_lazy_exponents(lazy_result())[0]


@once
def estimate() -> Any:
    return ls.Estimate(value=1.0, standard_error=0.1, n_independent=10)


@once
def curves() -> Any:
    x = np.geomspace(1, 100, 8)
    noise = np.random.default_rng(3)
    return [
        (p, x, x**0.5 * p**0.3 * noise.lognormal(0, 0.02, 8), 0.02 * x**0.5 * p**0.3)
        for p in (1.0, 2.0, 4.0)
    ]


@once
def bent_curves() -> Any:
    x = np.geomspace(0.01, 100, 12)
    noise = np.random.default_rng(3)
    return [
        (p, x, (x * p) / (1 + x * p) * noise.lognormal(0, 0.02, 12), 0.02 + 0 * x)
        for p in (1.0, 2.0, 4.0)
    ]


@once
def collapse() -> Any:
    return ls.measure.collapse(bent_curves())


@once
def corrected() -> Any:
    x = np.geomspace(1, 1000, 10)
    y = x**0.5 * (1 + 1 / x) * np.random.default_rng(1).lognormal(0, 0.01, 10)
    correction_to_scaling = ls.measure.scaling_corrections.correction_to_scaling
    return correction_to_scaling(x, y, y_error=0.01 * y)


@once
def passage() -> Any:
    series = np.array([[3.0, 2.0], [2.0, 1.0], [1.0, -1.0], [-1.0, -2.0]])
    return ls.measure.passage.first_at_or_below(np.arange(4), series)


@once
def curve() -> Any:
    return ls.measure.displacement_curve(run())


@once
def derivation() -> Any:
    return ls.theory.perceptron.derivation.derive_exponents()


@once
def power_law() -> Any:
    x = np.geomspace(1, 100, 6)
    return ls.measure.fit_power_law(
        x, x**0.5 * [1.01, 0.98, 1.02, 0.99, 1.0, 1.01], y_error=0.02 * x**0.5
    )


@once
def local_slopes() -> Any:
    x = np.geomspace(1, 100, 6)
    return ls.measure.power_law.local_slopes(x, x**0.5, y_error=0.02 * x**0.5)


@once
def extrapolation() -> Any:
    size = np.array([8.0, 16.0, 32.0, 64.0])
    return ls.measure.scaling_corrections.extrapolate(
        size, 1 + 1 / size + [0.001, -0.002, 0.001, 0.0], error=np.full(4, 0.002)
    )


@once
def phase_diagram() -> Any:
    return ls.theory.perceptron.PhaseDiagram(margin=0.1, points=100, dimension=10, constant=1.0)


@once
def panel() -> Any:
    return ls.plotting.Panel(
        "title", "x", "y", [ls.plotting.Series("a", [1.0, 2.0], [3.0, 4.0], [0.1, 0.1])]
    )


@once
def colours() -> Any:
    return ls.plotting.Map(
        [1.0, 2.0, 3.0], [1.0, 2.0], [[1.0, 2.0, 3.0], [4.0, 5.0, float("nan")]], "colour"
    )


def figure() -> Any:
    return ls.plotting.draw([panel()])


@once
def task() -> Any:
    return perceptron_grid().tasks()[0]


def store() -> Any:
    """The store of this case, with one result."""
    kept = ls.sweep.Store("store")
    if not kept.has(task()):
        ls.sweep.run([task()], kept)
    return kept


@once
def dataset() -> Any:
    variables = {"msd": (("step",), np.array([1.0, 2.0]), "w^2")}
    return ls.dataset.make(
        variables, coords={"step": np.array([0, 1])}, kind="test", settings={"lr": 0.1}, seed=1
    )


def saved() -> str:
    ls.save(dataset(), "saved.nc")
    return "saved.nc"


@once
def claim() -> Any:
    return ls.claims.discovery.find_claim("fair")


@once
def comparison() -> Any:
    return ls.claims.Comparison(
        name="slope",
        prediction=1.0,
        margin=0.1,
        basis="theory",
        reason="a reason",
        rivals={"rival": 2.0},
        wrong=3.0,
        measure=slope,
    )


def slope(data: Any) -> Any:
    return ls.Estimate(value=1.0, standard_error=0.1)


@once
def judgement() -> Any:
    return ls.claims.runner.run(
        [claim()], ls.sweep.Store(os.path.join(os.environ["FUZZ_KEPT"], "claims"))
    )[0]


@once
def linear_equation() -> Any:
    return linear_overdamped().linear()


@once
def equation_with_velocities() -> Any:
    return linear_underdamped().linear()
