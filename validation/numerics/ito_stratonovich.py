"""Ito and Stratonovich are two equations, and simulation and Fokker-Planck tell them apart alike.

The noise of dx = -x dt + sqrt(strength (1 + x^2)) dW depends on the state, so its reading matters:
Stratonovich adds the drift strength x / 2. The stationary laws are powers of 1 + x^2,

    p ~ (1 + x^2)^-a,     a = 1 + 1/strength (Ito),     a = 1/2 + 1/strength (Stratonovich),

and the bounded observable 1 / (1 + x^2) has the mean (a - 1/2) / a (a ratio of beta functions).
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr

import langevin_sgd as ls

STRENGTH = 0.4
STEP, SUBSTEPS, STEPS = 0.1, 16, 150
"""Physical time of a recorded step, integrator steps in it, and length of a run: 15 relaxation
times.
"""
CALCULI = {"Ito": ls.dynamics.Ito, "Stratonovich": ls.dynamics.Stratonovich}
SCHEMES = (
    ("EulerMaruyama", "Ito"),
    ("Milstein", "Ito"),
    ("Milstein", "Stratonovich"),
    ("Heun", "Stratonovich"),
)
GROUPS = 64
REPLICAS = {"quick": 65536, "full": 1048576}
GRID = 1e-4
"""Accuracy asked of the Fokker-Planck solver."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """An ensemble from x = 0."""

    integrator: str
    calculus: str
    replicas: int
    seed: int


def equation(calculus: str) -> ls.Overdamped:
    """Return the equation in one of the two readings."""
    return ls.Overdamped(
        potential=ls.Potential.from_sympy("x**2 / 2"),
        friction=1.0,
        noise_covariance=CALCULI[calculus].from_sympy(
            "sqrt(strength*(1 + x**2))", parameters={"strength": STRENGTH}
        ),
        step_time=STEP,
    )


@ls.sweep.task()
def simulation(run: Run) -> xr.Dataset:
    """Mean of 1 / (1 + x^2) at the end, (group,), and counts of x in bins."""
    result = ls.sde.simulate(
        equation(run.calculus),
        getattr(ls.sde, run.integrator)(),
        replicas=run.replicas,
        steps=STEPS,
        schedule=[STEPS],
        substeps=SUBSTEPS,
        seed=run.seed,
        record=ls.record.states(),
    )
    x = result["position"].values[0, :, 0]
    edges = np.linspace(-3, 3, 41)
    variables = {
        "observable": (("group",), (1 / (1 + x**2)).reshape(GROUPS, -1).mean(axis=1), "1"),
        "count": (("bin",), np.histogram(x, edges)[0], "1"),
    }
    return ls.dataset.make(variables, kind="stationary_sample", seed=run.seed)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A stationary solution of the Fokker-Planck equation."""

    calculus: str


@ls.sweep.task()
def fokker_planck(case: Grid) -> xr.Dataset:
    """Mean of 1 / (1 + x^2) in the stationary density on a grid, evolved from a Gaussian."""
    found = ls.fokker_planck.solve(
        equation(case.calculus),
        initial=ls.fokker_planck.GaussianDensity(0.0, 0.25),
        times=[0, STEPS],
        domain=(-30.0, 30.0),
        tolerance=GRID,
    )
    density, x = found["density"].isel(step=-1), found["position"]
    mean = float((density / (1 + x**2)).sum() / density.sum())
    return ls.dataset.make({"observable": ((), np.array(mean), "1")}, kind="stationary_density")


def exact(calculus: str) -> float:
    """Mean of 1 / (1 + x^2)."""
    power = (1.0 if calculus == "Ito" else 0.5) + 1 / STRENGTH
    return (power - 0.5) / power


def density(calculus: str, x: np.ndarray) -> np.ndarray:
    """Stationary density."""
    fine = np.linspace(-200, 200, 400001)
    power = (1.0 if calculus == "Ito" else 0.5) + 1 / STRENGTH
    return (1 + x**2) ** -power / np.trapezoid((1 + fine**2) ** -power, fine)


def other(calculus: str) -> str:
    """Return the other reading."""
    return "Stratonovich" if calculus == "Ito" else "Ito"


NAMES = {
    f"{scheme}, {calculus}": calculus
    for scheme, calculus in (*SCHEMES, *(("Fokker-Planck", c) for c in CALCULI))
}


class ItoStratonovich(ls.claims.Claim):
    title = "Ito against Stratonovich"
    statement = (
        "Simulation and Fokker-Planck equation read state-dependent noise in the sense that the "
        "type of the noise "
        "says, and the two senses are told apart."
    )
    formula = (
        "E[1 / (1 + x^2)] = (a - 1/2) / a,  a = 1 + 1/strength (Ito), 1/2 + 1/strength "
        "(Stratonovich)"
    )
    source = "derived: zero-current solutions; Gardiner, Stochastic Methods (2009), section 4.3"
    validity = "Stationary; steps of the integrator much shorter than the relaxation time."
    control_statement = "Each result read in the other sense."

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        tasks = {
            f"Fokker-Planck, {calculus}": fokker_planck.at(Grid(calculus=calculus))
            for calculus in CALCULI
        }
        for scheme, calculus in SCHEMES:
            derived = ls.derive_seed(seed, self.id, scheme, calculus)
            run = Run(integrator=scheme, calculus=calculus, replicas=REPLICAS[tier], seed=derived)
            tasks[f"{scheme}, {calculus}"] = simulation.at(run)
        return tasks

    def predict(self, tier: str) -> list[ls.claims.Component]:
        components = []
        for name, calculus in NAMES.items():
            on_grid = name.startswith("Fokker-Planck")
            components.append(
                ls.claims.Component(
                    name=name,
                    prediction=exact(calculus),
                    margin=2 * GRID if on_grid else STEP / SUBSTEPS * (1 - exact(calculus)),
                    margin_reason="tolerance of the solver, domain cut at 30"
                    if on_grid
                    else "one step, in relaxation times",
                    alternatives={other(calculus): exact(other(calculus))},
                )
            )
        return components

    def control(self, tier: str) -> list[ls.claims.Component]:
        return [
            ls.claims.Component(name=name, prediction=exact(other(c))) for name, c in NAMES.items()
        ]

    def measure(self, data: dict[str, xr.Dataset], tier: str) -> dict[str, ls.Estimate]:
        found = {}
        for name in NAMES:
            observable = data[name]["observable"].values
            if observable.ndim:
                found[name] = ls.Estimate.from_samples(
                    observable, method="mean over groups of replicas"
                )
            else:
                found[name] = ls.Estimate(
                    value=float(observable), standard_error=0.0, method="density on a grid"
                )
        return found

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        edges = np.linspace(-3, 3, 41)
        middle, width = 0.5 * (edges[1:] + edges[:-1]), edges[1] - edges[0]
        x = np.linspace(-3, 3, 241)
        panels = []
        for scheme, calculus in (SCHEMES[0], SCHEMES[3]):
            count = data[f"{scheme}, {calculus}"]["count"].values
            scale = 1 / (REPLICAS[tier] * width)
            panels.append(
                ls.plotting.Panel(
                    title=f"{calculus} ({scheme})",
                    x_label="x",
                    y_label="stationary density",
                    series=(
                        ls.plotting.Series(
                            "simulation", middle, count * scale, np.sqrt(count) * scale
                        ),
                        ls.plotting.Series(calculus, x, density(calculus, x), kind="theory"),
                        ls.plotting.Series(
                            other(calculus), x, density(other(calculus), x), kind="rival"
                        ),
                    ),
                    y_scale="log",
                )
            )
        return panels
