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
from langevin_sgd.plotting import Panel, Series, log_y

STRENGTH = 0.4
STEP, SUBSTEPS, STEPS = 0.1, 16, 150
"""Time of a recorded step, integrator steps in it, and length of a run: 15 relaxation times."""
CALCULI = {"Ito": ls.dynamics.Ito, "Stratonovich": ls.dynamics.Stratonovich}
GROUPS = 64
REPLICAS = {"quick": 65536, "full": 1048576}
GRID = 1e-4
"""Accuracy asked of the Fokker-Planck solver."""


@dataclass(frozen=True, kw_only=True)
class ReadEnsemble:
    """An ensemble from x = 0, its noise read in one of two senses."""

    integrator: ls.sde.Integrator
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
def simulation(run: ReadEnsemble) -> xr.Dataset:
    """Mean of 1 / (1 + x^2) at the end, (group,), and counts of x in bins."""
    result = ls.sde.simulate(
        equation(run.calculus),
        run.integrator,
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
class ReadDensity:
    """A stationary solution of the Fokker-Planck equation."""

    calculus: str


@ls.sweep.task()
def fokker_planck(case: ReadDensity) -> xr.Dataset:
    """Mean of 1 / (1 + x^2) in the stationary density on a grid, evolved from a Gaussian."""
    solution = ls.fokker_planck.solve(
        equation(case.calculus),
        initial=ls.fokker_planck.GaussianDensity(0.0, 0.25),
        times=[0, STEPS],
        domain=(-30.0, 30.0),
        tolerance=GRID,
    )
    density, x = solution["density"].isel(step=-1), solution["position"]
    mean = float((density / (1 + x**2)).sum() / density.sum())
    return ls.dataset.make({"observable": ((), np.array(mean), "1")}, kind="stationary_density")


def exact(calculus: str, strength: float = STRENGTH) -> float:
    """Mean of 1 / (1 + x^2)."""
    power = (1.0 if calculus == "Ito" else 0.5) + 1 / strength
    return (power - 0.5) / power


def density(calculus: str, x: np.ndarray) -> np.ndarray:
    """Stationary density."""
    fine = np.linspace(-200, 200, 400001)
    power = (1.0 if calculus == "Ito" else 0.5) + 1 / STRENGTH
    return (1 + x**2) ** -power / np.trapezoid((1 + fine**2) ** -power, fine)


def other(calculus: str) -> str:
    """Return the other reading."""
    return "Stratonovich" if calculus == "Ito" else "Ito"


@dataclass(frozen=True)
class WayToMean:
    """An integrator, or without one the Fokker-Planck equation, and how it reads the noise."""

    integrator: ls.sde.Integrator | None
    calculus: str

    @property
    def scheme(self) -> str:
        """Name of the integrator or the equation."""
        return type(self.integrator).__name__ if self.integrator else "Fokker-Planck"

    @property
    def label(self) -> str:
        """Name of the way and of its result."""
        return f"{self.scheme}, {self.calculus}"

    def task(self, tier: str, seed: int) -> ls.sweep.Task:
        """Return what gives the mean."""
        if self.integrator is None:
            return fokker_planck.at(ReadDensity(calculus=self.calculus))
        run = ReadEnsemble(
            integrator=self.integrator,
            calculus=self.calculus,
            replicas=REPLICAS[tier],
            seed=seed,
        )
        return simulation.at(run)

    def compared(self) -> ls.claims.Comparison:
        """Compare the mean with the exact one."""
        value, wrong = exact(self.calculus), exact(other(self.calculus))
        if self.integrator is None:
            margin, reason = 2 * GRID, "tolerance of the solver, domain cut at 30"
        else:
            margin, reason = STEP / SUBSTEPS * (1 - value), "one step, in relaxation times"
        return ls.claims.Comparison(
            name=self.label,
            prediction=value,
            margin=margin,
            basis="theory",
            reason=reason,
            rivals={other(self.calculus): wrong},
            wrong=wrong,
            near_misses={"noise 10 % stronger": exact(self.calculus, 1.1 * STRENGTH)},
            measure=self.measure,
        )

    def measure(self, data: ls.claims.Data) -> ls.Estimate:
        """Mean of the observable."""
        observable = data[self.label]["observable"].values
        if self.integrator is None:
            value = float(observable)
            return ls.Estimate(value=value, standard_error=0.0, method="density on a grid")
        return ls.Estimate.from_samples(observable, method="mean over groups of replicas")


BY_EULER = WayToMean(ls.sde.EulerMaruyama(), "Ito")
BY_HEUN = WayToMean(ls.sde.Heun(), "Stratonovich")
SIMULATED = (
    BY_EULER,
    WayToMean(ls.sde.Milstein(), "Ito"),
    WayToMean(ls.sde.Milstein(), "Stratonovich"),
    BY_HEUN,
)
ON_GRID = (WayToMean(None, "Ito"), WayToMean(None, "Stratonovich"))


class ItoStratonovich(ls.claims.Claim):
    title = "Ito against Stratonovich"
    statement = (
        "Simulation and Fokker-Planck equation read state-dependent "
        "noise in the sense that the type of the noise says, and the two senses are told apart."
    )
    formula = (
        "E[1 / (1 + x^2)] = (a - 1/2) / a,  "
        "a = 1 + 1/strength (Ito), 1/2 + 1/strength (Stratonovich)"
    )
    source = "derived: zero-current solutions; Gardiner, Stochastic Methods (2009), section 4.3"
    validity = "Stationary; steps of the integrator much shorter than the relaxation time."
    control_statement = "Each result read in the other sense."

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return {
            way.label: way.task(tier, ls.derive_seed(seed, self.id, way.scheme, way.calculus))
            for way in (*ON_GRID, *SIMULATED)
        }

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        return [way.compared() for way in (*SIMULATED, *ON_GRID)]

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        return [panel(way, data[way.label], REPLICAS[tier]) for way in (BY_EULER, BY_HEUN)]


def panel(way: WayToMean, run: xr.Dataset, replicas: int) -> Panel:
    """Stationary density in one reading."""
    edges, x = np.linspace(-3, 3, 41), np.linspace(-3, 3, 241)
    middle, count = 0.5 * (edges[1:] + edges[:-1]), run["count"].values
    scale = 1 / (replicas * (edges[1] - edges[0]))
    wrong = other(way.calculus)
    series = (
        Series("simulation", middle, count * scale, np.sqrt(count) * scale),
        Series.theory(way.calculus, x, density(way.calculus, x)),
        Series.rival(wrong, x, density(wrong, x)),
    )
    return log_y(f"{way.calculus} ({way.scheme})", "x", "stationary density", series)
