"""Small cases of what no claim covers, in the words of the commit that is compared with.

A case is a function that returns its variables by name: arrays, Datasets, or mappings of these.
``cases_now.py`` holds the same cases in the words of the present package: where an interface
changes, its words change and these stay. Outside its functions this file uses nothing of the
package, so that it can be read whatever the words are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

import langevin_sgd as ls
from langevin_sgd.data.embedded import digit_pair
from langevin_sgd.record.recorders import histograms
from langevin_sgd.training.batches import batch_indices, gradient_normals

CASES: dict[str, Callable[[], Mapping[str, Any]]] = {}
"""Name -> case."""


def case(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function as a case, or as one case for each of some names, which it is given."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        title = function.__name__.replace("_", " ")
        if not names:
            CASES[title] = function
        for name in names:
            CASES[f"{title} {name}"] = partial(function, name)
        return function

    return enter


SAMPLINGS = ("with_replacement", "without_replacement", "epochs")


# --- linear regression ---------------------------------------------------------------------------


def regression() -> Any:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(40, 5)) * [3.0, 2.0, 1.0, 0.5, 0.2]
    return ls.LinearRegression.from_data(X, X @ np.arange(5.0) + rng.normal(size=40))


@case(*SAMPLINGS)
def regression_in_memory(sampling: str) -> Any:
    settings = ls.SGD(
        lr=0.02, batch_size=6, momentum=0.8, weight_decay=0.01, dampening=0.1, sampling=sampling
    )
    options = {"replicas": 5, "steps": 60, "seed": 8, "first_replica": 2}
    return ls.training.run(regression(), settings, record=ls.record.states(), **options)


@case()
def regression_with_nesterov() -> Any:
    settings = ls.SGD(lr=0.02, batch_size=40, momentum=0.8, nesterov=True, sampling="epochs")
    options = {"replicas": 3, "steps": 50, "seed": 8, "start": (np.ones(5), -np.ones(5))}
    return ls.training.run(regression(), settings, **options)


@case()
def regression_continued() -> Any:
    settings = ls.SGD(lr=0.02, batch_size=6, momentum=0.8)
    first = ls.training.run(regression(), settings, replicas=3, steps=50, seed=1)
    second = ls.training.run(regression(), settings, replicas=3, steps=50, seed=1, start=first)
    return {"first": first, "second": second}


@case()
def regression_from_a_checkpoint() -> Any:
    settings = ls.SGD(lr=0.02, batch_size=6, momentum=0.8)
    options = {"replicas": 3, "steps": 50, "seed": 1, "checkpoint": "run.nc"}
    record = [ls.record.displacement(), ls.record.time_averages(first=10)]
    runs = [ls.training.run(regression(), settings, record=record, **options) for _ in range(2)]
    return {"written": runs[0], "read": runs[1]}


@case()
def regression_diverged() -> Any:
    settings = ls.SGD(lr=5.0, batch_size=6)
    return ls.training.run(regression(), settings, replicas=3, steps=200, seed=1)


@case("diagonal", "dense")
def quadratic_law(kind: str) -> Any:
    problem = ls.LinearRegression.from_spectrum([2.0, 1.0, 0.1])
    if kind == "dense":
        problem = problem.with_noise_covariance(np.eye(3) + 0.3)
    settings = ls.SGD(lr=0.05, batch_size=6, momentum=0.8, weight_decay=0.01)
    record = [ls.record.states(), ls.record.moments()]
    return ls.training.run(problem, settings, replicas=11, steps=60, seed=8, record=record)


@case(*SAMPLINGS)
def batches(sampling: str) -> Any:
    settings = ls.SGD(lr=1.0, batch_size=7, sampling=sampling)
    options = {"seed": 5, "replica": 2, "first_step": 3, "steps": 70}
    return {
        "batches": batch_indices(settings, 24, **options),
        "normals": gradient_normals(5, **options),
    }


# --- perceptrons ---------------------------------------------------------------------------------


def perceptron(**changes: Any) -> Any:
    law = {"points": 48, "dimension": 6, "chi": 0.5} | changes
    return ls.Perceptron(data=ls.data.DepletedSign(**law), margin=0.1)


def trained_perceptrons(problem: Any, settings: Any, **changes: Any) -> Any:
    """Training of perceptrons, with fields of engine and stop among the changes."""
    engine = {
        name: changes.pop(name) for name in ("method", "precision", "batch_seed") if name in changes
    }
    stop = {name: changes.pop(name) for name in ("unfit", "max_steps") if name in changes}
    return ls.training.run(
        problem,
        settings,
        stop=ls.Stop(**stop),
        engine=ls.training.PerceptronEngine(**engine),
        **changes,
    )


@case(*SAMPLINGS)
def perceptron_plain(sampling: str) -> Any:
    settings = ls.SGD(lr=0.5, batch_size=5, sampling=sampling)
    return trained_perceptrons(
        perceptron(),
        settings,
        replicas=5,
        seed=3,
        batch_seed=4,
        method="plain",
        schedule=[0, 1, 5, 25, 125],
        record=ls.training.observables.TestError(points=50),
        first_replica=1,
        max_steps=10_000,
    )


@case("accelerated", "auto")
def perceptron_by_method(method: str) -> Any:
    settings = ls.SGD(lr=0.1, batch_size=1)
    options = {"replicas": 5, "seed": 3, "method": method, "schedule": [0, 10, 100, 1000]}
    return trained_perceptrons(perceptron(points=2000), settings, **options)


@case()
def perceptron_in_float32() -> Any:
    settings = ls.SGD(lr=0.5, batch_size=48, sampling="without_replacement")
    options = {"replicas": 3, "seed": 3, "precision": "float32", "start": np.full(6, 0.1)}
    return trained_perceptrons(perceptron(), settings, **options)


@case()
def perceptron_stopped_early() -> Any:
    settings, options = ls.SGD(lr=0.5, batch_size=2), {"replicas": 6, "seed": 3}
    return {
        "unfit": trained_perceptrons(perceptron(), settings, unfit=0.2, **options),
        "limit": trained_perceptrons(perceptron(), settings, max_steps=40, **options),
    }


@case()
def perceptron_on_given_points() -> Any:
    X, y = digit_pair(3, 8)
    problem = ls.Perceptron.from_data(X[:60], y[:60], margin=0.1)
    settings, options = ls.SGD(lr=0.5, batch_size=2), {"replicas": 3, "seed": 3}
    contradiction = ls.Perceptron.from_data(np.ones((4, 2)), np.array([1, -1, 1, -1]), margin=0.1)
    return {
        "separable": trained_perceptrons(problem, settings, **options),
        "not": trained_perceptrons(contradiction, settings, max_steps=50, **options),
    }


@case()
def perceptron_diverged() -> Any:
    settings, options = ls.SGD(lr=1e200, batch_size=2), {"replicas": 3, "seed": 3}
    return trained_perceptrons(perceptron(), settings, max_steps=500, **options)


@case()
def perceptron_from_a_checkpoint() -> Any:
    settings = ls.SGD(lr=0.5, batch_size=2)
    options = {"replicas": 3, "seed": 3, "schedule": [0, 10, 100], "checkpoint": "run.nc"}
    runs = [trained_perceptrons(perceptron(), settings, **options) for _ in range(2)]
    return {"written": runs[0], "read": runs[1]}


@case()
def perceptron_in_one_pass() -> Any:
    problem = ls.models.OnePassPerceptron(dimension=20, chi=0.5, margin=0.1)
    settings = ls.SGD(lr=0.5, batch_size=3)
    options = {"replicas": 5, "steps": 200, "seed": 3, "start": (0.0, 0.1), "first_replica": 1}
    return ls.training.run(problem, settings, **options)


# --- networks ------------------------------------------------------------------------------------


def images(**changes: Any) -> Any:
    return ls.data.BinaryImages(**{"points": 32, "test_points": 24, **changes})


VARIED = ("alpha", "lr", "batch_size", "momentum", "points", "temperature_per_width")
ENGINE = ("noise", "precision", "seconds", "keep_weights")


def trained(**changes: Any) -> Any:
    """Four networks on 32 digits, one replica in each of four variants: in two regimes, with two
    learning rates. Fields of problem, settings, stop and engine are among the changes.
    """
    given = {
        "network": ls.models.networks.FullyConnected(dimension=64, width=12, depth=2),
        "data": images(),
        "alpha": [1.0, 1.0, 64.0, 64.0],
        "lr": [0.5, 2.0, 0.5, 2.0],
        "batch_size": 6,
        "momentum": 0.0,
        "max_steps": 300,
        "unfit": 0.0,
        "seed": 4,
        "keep_weights": True,
        "schedule": [0, 1, 10, 100],
        "sampling": "without_replacement",
        "loss": "hinge",
        **changes,
    }
    problem = ls.NetworkProblem(given.pop("network"), given.pop("data"), loss=given.pop("loss"))
    stop = ls.Stop(unfit=given.pop("unfit"), max_steps=given.pop("max_steps"))
    engine = {name: given.pop(name) for name in ENGINE if name in given}
    vary = {name: given.pop(name) for name in VARIED if given.get(name) is not None}
    given.pop("lr", None)
    numbers, places = given.pop("numbers", [0, 1, 2, 3]), given.pop("places", [0, 1, 2, 3])
    vary = {
        name: value if isinstance(value, list) else [value] * len(places)
        for name, value in vary.items()
    }
    settings = ls.SGD(lr=1.0, batch_size=1, sampling=given.pop("sampling"))
    runs = ls.training.run(
        problem,
        settings,
        stop=stop,
        engine=ls.training.NetworkEngine(**engine),
        vary=vary,
        replicas=numbers,
        **given,
    )
    return own_replicas(runs, places)


def own_replicas(runs: Any, places: list[int]) -> Any:
    """Keep of variant k the replica at the k-th of these places."""
    return side_by_side([runs.isel(variant=k, replica=[place]) for k, place in enumerate(places)])


def side_by_side(runs: list[Any]) -> Any:
    """Join results along ``replica``."""
    import xarray as xr

    made = xr.concat(runs, "replica", combine_attrs="override")
    first = [name for name in ("step", "replica") if name in made.dims]
    return made.transpose(*first, ...)


@case()
def networks_fully_connected() -> Any:
    kernel = ls.training.observables.KernelChange(points=8)
    return trained(record=["margins", "noise_temperature", "signal", kernel])


@case()
def networks_of_several_sizes() -> Any:
    numbers = {"points": [32, 24, 32, 24], "batch_size": [6, 6, 3, 3], "momentum": [0.0, 0.5] * 2}
    return trained(
        numbers=[0, 1], places=[0, 1, 0, 1], lr=None, temperature_per_width=0.01, **numbers
    )


@case(*SAMPLINGS)
def networks_sampling(sampling: str) -> Any:
    return trained(sampling=sampling, precision="float64")


@case("quadratic_hinge", "soft_hinge", "square", "logistic")
def networks_loss(loss: str) -> Any:
    return trained(loss=loss, lr=0.2, max_steps=120)


@case("minibatch_covariance", "isotropic")
def networks_noise(noise: str) -> Any:
    return trained(noise=noise)


@case("gelu", "linear", "ntk", "frozen")
def networks_kind(kind: str) -> Any:
    own = {"ntk": {"output_scaling": "ntk"}, "frozen": {"frozen": 1}}
    shape = own.get(kind, {"activation": kind})
    network = ls.models.networks.FullyConnected(dimension=64, width=12, depth=2, **shape)
    return trained(network=network, lr=0.1)


@case()
def networks_ended_otherwise() -> Any:
    network = ls.models.networks.FullyConnected(dimension=64, width=4, depth=2)
    return {
        "reached": trained(unfit=0.4),
        "large steps": trained(network=network, alpha=1.0, lr=[1e3, 1e5, 1e30, 1e38]),
        "no time": trained(lr=1e-6, seconds=1e-9),
    }


@case()
def networks_continued() -> Any:
    """Each variant has a seed of its own, and a call of its own."""
    regimes = zip([1.0, 1.0, 64.0, 64.0], [0.5, 2.0, 0.5, 2.0], [1, 2, 3, 4], strict=True)
    given = [{"alpha": [alpha], "lr": [lr], "seed": seed} for alpha, lr, seed in regimes]
    alone = {"momentum": 0.5, "numbers": [0], "places": [0]}
    first = [trained(max_steps=20, schedule=[0, 20], **alone, **own) for own in given]
    second = [
        trained(start=begun.expand_dims("variant"), **alone, **own | {"seed": None})
        for begun, own in zip(first, given, strict=True)
    ]
    return {"first": side_by_side(first), "second": side_by_side(second)}


@case()
def networks_from_a_checkpoint() -> Any:
    runs = [trained(checkpoint="run.nc") for _ in range(2)]
    return {"written": runs[0], "read": runs[1]}


@case()
def networks_on_given_points() -> Any:
    X, y, X_test, y_test = images().sample(seed=1)
    sets = [(X[k:], y[k:], X_test, y_test) for k in range(4)]
    return {"one": trained(data=(X, y)), "each": trained(data=sets)}


@case("simple_cnn", "mobile_cnn", "resnet18")
def networks_convolutional(family: str) -> Any:
    from langevin_sgd.models.networks.families import of_family

    network = of_family(family, image=(1, 8, 8), width=4)
    kernel = ls.training.observables.KernelChange(points=6)
    options = {"max_steps": 20, "schedule": [0, 10], "lr": 0.2}
    return trained(network=network, record=[kernel, "noise_temperature"], **options)


@case()
def networks_own_module() -> Any:
    from torch.nn import Linear, ReLU, Sequential

    def build() -> Any:
        return Sequential(Linear(64, 6), ReLU(), Linear(6, 1))

    network = ls.models.networks.OwnNetwork(build=build, width=6)
    return trained(network=network, lr=0.1, momentum=0.5)


# --- recorders -----------------------------------------------------------------------------------


def recorders(problem: Any) -> list[Any]:
    def cubed(theta: np.ndarray) -> np.ndarray:
        return (theta**3).sum(axis=-1)

    edges, record = np.linspace(-2.0, 2.0, 9), ls.record
    return [
        record.displacement(),
        record.speed(),
        record.states(),
        record.eigenprojections(problem.eigenvectors[:, :2], centre=np.full(5, 0.1)),
        record.loss(problem.loss),
        record.observables(cubed=cubed),
        record.moments(),
        histograms(edges, coordinate=1),
        record.time_averages(first=10),
        record.histogram(edges, coordinate=2, first=10),
        record.current((edges, edges), coordinates=(0, 5), first=10),
    ]


SCHEDULES = {"at every step": None, "on a schedule": [0, 7, 20, 21, 60]}


@case(*SCHEDULES)
def recorders_of_sgd(when: str) -> Any:
    problem, settings = regression(), ls.SGD(lr=0.02, batch_size=6, momentum=0.8)
    options = {"replicas": 6, "steps": 60, "seed": 8, "schedule": SCHEDULES[when]}
    return ls.training.run(problem, settings, record=recorders(problem), **options)


@case(*SCHEDULES)
def recorders_of_sde(when: str) -> Any:
    problem = regression()
    equation = ls.Underdamped.from_sgd(problem, ls.SGD(lr=0.02, batch_size=6, momentum=0.8))
    options = {"replicas": 6, "steps": 60, "seed": 8, "schedule": SCHEDULES[when]}
    return ls.sde.simulate(equation, ls.sde.BAOAB(), record=recorders(problem), **options)


@case()
def first_passages() -> Any:
    record = [
        ls.record.first_passage(0.3),
        ls.record.first_passage(-0.2, axis=1, direction="down", name="below"),
    ]
    options = {"replicas": 6, "steps": 40, "seed": 8, "record": record}
    return ls.sde.simulate(valley(ls.Underdamped), ls.sde.BAOAB(), **options)


@case()
def schedules() -> Any:
    return {
        "every": ls.record.every(7, steps=50, first=3),
        "log": ls.record.log_spaced(steps=5000, per_decade=7, first=2),
        "default": ls.record.schedules.as_schedule(None, 300),
    }


# --- integrators ---------------------------------------------------------------------------------

UNDERDAMPED = ("BAOAB", "OBABO", "ShiftedODE", "EulerMaruyama", "Heun", "SGDMap")
OVERDAMPED = ("EulerMaruyama", "Milstein", "Heun")
EXACT = "ExactOrnsteinUhlenbeck"


def numbers_of(kind: Any) -> dict[str, Any]:
    """Friction and so on, with the mass that the map of SGD needs."""
    mass = {"mass": 0.07} if kind is ls.Underdamped else {}
    return {"friction": 0.6, "step_time": 0.1, "noise_covariance": 0.2, **mass}


def valley(kind: Any, **changes: Any) -> Any:
    potential = ls.models.potentials.curved_valley()
    return kind(potential=potential, **{**numbers_of(kind), **changes})


def bowl(kind: Any, **changes: Any) -> Any:
    potential = ls.models.potentials.quadratic([2.0, 0.5], centre=np.array([0.3, -0.1]))
    return kind(potential=potential, **{**numbers_of(kind), **changes})


def simulated(equation: Any, integrator: Any, **changes: Any) -> Any:
    """Six replicas over 30 steps of the equation."""
    options = {"replicas": 6, "steps": 30, "seed": 8, "first_replica": 3, "start": [0.5, 0.2]}
    return ls.sde.simulate(
        equation, integrator, record=ls.record.states(), **{**options, **changes}
    )


def both_ways(equation: Any, integrator: Any) -> dict[str, Any]:
    """Simulated with noise of its own, and following given normals."""
    normals = np.random.default_rng(2).normal(size=(12, 3, 2, 6))
    draws = {"OBABO": 2, "ShiftedODE": 3}.get(type(integrator).__name__, 1)
    substeps = 1 if isinstance(integrator, ls.sde.SGDMap) else 4
    path = ls.sde.follow(equation, integrator, normals[:, :draws], substeps=substeps)
    return {
        "simulated": simulated(equation, integrator),
        "followed": dict(zip(("position", "velocity"), path, strict=True)),
    }


@case(*UNDERDAMPED)
def underdamped_integrator(name: str) -> Any:
    return both_ways(valley(ls.Underdamped), getattr(ls.sde, name)())


@case(*OVERDAMPED)
def overdamped_integrator(name: str) -> Any:
    return both_ways(valley(ls.Overdamped), getattr(ls.sde, name)())


@case(*UNDERDAMPED, EXACT)
def underdamped_linear_integrator(name: str) -> Any:
    return simulated(bowl(ls.Underdamped), getattr(ls.sde, name)())


@case(*OVERDAMPED, EXACT)
def overdamped_linear_integrator(name: str) -> Any:
    return simulated(bowl(ls.Overdamped), getattr(ls.sde, name)())


@case()
def linear_equation_of_sgd() -> Any:
    problem = regression().with_noise_covariance(np.eye(5) + 0.3)
    settings = ls.SGD(lr=0.02, batch_size=6, momentum=0.8, weight_decay=0.1)
    exact = ls.sde.ExactOrnsteinUhlenbeck()
    found = {}
    for kind in (ls.Underdamped, ls.Overdamped):
        equation = kind.from_sgd(problem, settings)
        first = simulated(equation, exact, start=np.zeros(5), steps=7)
        # The numbers of steps 7 to 37, from a place of its own.
        first["final_position"][:], first["final_velocity"][:] = 0.0, 0.1
        found[kind.__name__.lower()] = simulated(equation, exact, start=first)
    return found


@case("float32", "mixed")
def integrator_precision(precision: str) -> Any:
    return simulated(valley(ls.Underdamped), ls.sde.BAOAB(), precision=precision)


@case()
def numbers_by_replica() -> Any:
    by_replica = {"friction": np.linspace(0.3, 0.8, 6), "step_time": np.linspace(0.05, 0.1, 6)}
    noise = ls.dynamics.Isotropic(np.linspace(0.1, 0.3, 6))
    changed = bowl(ls.Underdamped, noise_covariance=noise, **by_replica)
    return simulated(changed, ls.sde.BAOAB(), first_replica=0)


@case()
def simulation_from_a_checkpoint() -> Any:
    options = {"checkpoint": "run.nc"}
    runs = [simulated(valley(ls.Underdamped), ls.sde.BAOAB(), **options) for _ in range(2)]
    return {"written": runs[0], "read": runs[1]}


@case()
def simulation_diverged() -> Any:
    equation = valley(ls.Overdamped, step_time=2.0)
    return simulated(equation, ls.sde.EulerMaruyama(), substeps=1, start=[3.0, 3.0])


# --- noise ---------------------------------------------------------------------------------------

CONSTANT = ("number", "diagonal", "matrix", "isotropic", "low rank")


def constant_noise(kind: str) -> Any:
    return {
        "number": 0.2,
        "diagonal": np.array([0.2, 0.1]),
        "matrix": np.array([[0.2, 0.05], [0.05, 0.1]]),
        "isotropic": ls.dynamics.Isotropic(0.2),
        "low rank": ls.dynamics.LowRank(np.array([[0.4], [0.2]])),
    }[kind]


@case(*CONSTANT)
def constant_noise_of_kind(kind: str) -> Any:
    noise = constant_noise(kind)
    settings = ls.SGD(lr=0.1, batch_size=4, momentum=0.4)
    potential = ls.models.potentials.curved_valley()
    scaled = ls.Underdamped.from_potential(potential, settings, gradient_noise=noise)
    return {
        "valley": simulated(valley(ls.Overdamped, noise_covariance=noise), ls.sde.EulerMaruyama()),
        "bowl": simulated(bowl(ls.Underdamped, noise_covariance=noise), ls.sde.BAOAB()),
        "scaled": simulated(scaled, ls.sde.BAOAB()),
    }


def formula(calculus: str) -> Any:
    kind = getattr(ls.dynamics, calculus)
    return kind.from_sympy(["1/2 + x**2/4", "1/2 + sin(y)/4"], variables="x y")


@case("Ito", "Stratonovich")
def noise_of_state(calculus: str) -> Any:
    noise, theta = formula(calculus), np.array([[0.5, 0.2], [0.1, -0.3]])
    fitting = {"Ito": ("EulerMaruyama", "Milstein"), "Stratonovich": ("Heun", "Milstein")}
    equation = valley(ls.Overdamped, noise_covariance=noise.scaled(0.2))
    runs = {name: simulated(equation, getattr(ls.sde, name)()) for name in fitting[calculus]}
    return {"variance": noise.variance(theta), "covariance": noise.covariance(theta), **runs}


@case("BAOAB", "Heun")
def noise_of_state_underdamped(name: str) -> Any:
    equation = valley(ls.Underdamped, noise_covariance=formula("Ito"))
    return simulated(equation, getattr(ls.sde, name)())


@case()
def noise_proportional_to_loss() -> Any:
    potential = ls.models.potentials.curved_valley(bend=0.5)
    noise = ls.dynamics.Ito.proportional_to_loss(potential, strength=0.3, offset=0.1)
    return simulated(valley(ls.Overdamped, noise_covariance=noise), ls.sde.EulerMaruyama())


@case("by point", "decoupled", "isotropic")
def noise_of_minibatches(kind: str) -> Any:
    settings = ls.SGD(lr=0.5, batch_size=4, sampling="without_replacement")
    equation = ls.Overdamped.from_sgd(perceptron(), settings, seed=2, replica=1)
    noise = equation.noise_covariance
    chosen = noise if kind == "by point" else getattr(noise, kind)()
    changed = ls.Overdamped(
        potential=equation.potential,
        friction=equation.friction,
        noise_covariance=chosen,
        step_time=equation.step_time,
    )
    w = np.linspace(0.0, 0.2, 12).reshape(2, 6)
    record = ls.record.observables(unfit=equation.potential.unfit_fraction)
    options = {"replicas": 6, "steps": 30, "seed": 8, "substeps": 1}
    return {
        "covariance": chosen.covariance(w),
        "run": ls.sde.simulate(changed, ls.sde.EulerMaruyama(), record=record, **options),
    }


# --- Fokker-Planck equations ---------------------------------------------------------------------


def well(kind: Any) -> Any:
    mass = {"mass": 0.5} if kind is ls.Underdamped else {}
    potential = ls.models.potentials.double_well()
    return kind(potential=potential, friction=1.0, noise_covariance=0.5, step_time=1.0, **mass)


@case()
def fokker_planck_on_a_line() -> Any:
    planck, equation = ls.fokker_planck, well(ls.Overdamped)
    start, options = planck.GaussianDensity(0.5, 0.04), {"cells": 128, "tolerance": 0.01}
    return {
        "solve": planck.solve(equation, initial=start, times=[0, 0.5, 2.0], **options),
        "absorbing": planck.solve(
            equation,
            initial=start,
            times=[1.0, 5.0],
            domain=(-2.0, 1.5),
            boundary=("reflecting", "absorbing"),
            **options,
        ),
        "spectrum": planck.spectrum(equation, modes=3, **options),
        "passage": planck.first_passage_time(equation, domain=(-2.0, 1.0), **options),
        "escape": of_rate(planck.escape_rate(equation, barrier=0.0)),
    }


def of_rate(rate: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(rate).items() if isinstance(value, float)}


@case("ito", "stratonovich", "anti_ito")
def fokker_planck_of_a_diffusion(calculus: str) -> Any:
    equation = ls.fokker_planck.Diffusion(
        drift=lambda x: -x, diffusion=lambda x: 0.3 + 0.1 * x**2, calculus=calculus
    )
    options = {"times": [0.5, 2.0], "domain": (-3.0, 3.0), "cells": 128}
    return ls.fokker_planck.solve(
        equation, initial=ls.fokker_planck.GaussianDensity(0.5, 0.04), tolerance=1e-2, **options
    )


@case()
def fokker_planck_in_phase_space() -> Any:
    planck, equation = ls.fokker_planck, well(ls.Underdamped)
    start = planck.GaussianDensity(np.array([0.5, 0.0]), np.diag([0.1, 0.4]))
    options = {"cells": 64, "time_step": 0.05, "tolerance": 0.1}
    return {
        "solve": planck.solve(equation, initial=start, times=[0, 0.5], **options),
        "spectrum": planck.spectrum(equation, modes=3, cells=64, tolerance=0.1),
    }


@case()
def fokker_planck_in_the_plane() -> Any:
    start = ls.fokker_planck.GaussianDensity(np.array([0.5, 0.3]), np.diag([0.1, 0.1]))
    options = {"cells": 64, "time_step": 0.05, "tolerance": 0.5, "times": [0, 0.5]}
    return ls.fokker_planck.solve(
        valley(ls.Overdamped, noise_covariance=0.6), initial=start, **options
    )


# --- grids ---------------------------------------------------------------------------------------


@case()
def grid_of_perceptrons() -> Any:
    grid = ls.experiments.Grid(
        ls.Perceptron(data=ls.data.DepletedSign(points=16, dimension=4), margin=0.01),
        ls.SGD(lr=1.0, batch_size=1, sampling="without_replacement"),
        axes={
            "dimension": (4, 8),
            "points_per_dimension": (4, 8),
            "chi": (0.0, 1.0),
            "temperature": (0.5, 1.0),
            "batch_size": (1, 2),
        },
        replicas=10,
        seed=3,
    )
    return grid.collect()


@case()
def grid_of_networks() -> Any:
    networks = [
        ls.models.networks.FullyConnected(dimension=64, depth=1, width=4),
        ls.models.networks.FullyConnected(dimension=64, depth=2, width=4),
        ls.models.networks.SimpleCNN(image=(1, 8, 8), width=4),
    ]
    grid = ls.experiments.Grid(
        ls.NetworkProblem(networks[0], images(points=16, test_points=20)),
        ls.SGD(lr=1.0, batch_size=4, sampling="without_replacement"),
        stop=ls.Stop(max_steps=300),
        axes={
            "network": networks,
            "alpha": (1.0, 64.0),
            "temperature_per_width": (0.002, 0.02),
            "problem.data.points": (16, 24),
        },
        record=["margins", ls.training.observables.KernelChange(points=4)],
        replicas=3,
        seed=3,
    )
    return grid.collect()
