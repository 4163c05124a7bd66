r"""Positions sampled by BAOAB are closer to the Boltzmann distribution than its order says.

In a harmonic well the stationary covariance of a splitting is known to rounding (iterated linear
map): BAOAB has the right variance of position and a velocity short by 1 - (h omega)^2/4, OBABO the
reverse, Verlet's shadow energy.

In the double well U = x^4/4 - x^2/2, with friction so strong that every step refreshes the
velocity, OBABO moves positions by an Euler-Maruyama step of length e = h^2/(2 mass), which samples
(derived, from the next order of the generator) e^(-U/T) [1 + e g] with

    g = U'^2/(4 T) - U''/2 - mean,     hence     <x^2> = <x^2>_T + e Cov_T(x^2, g) + O(e^2) ,

whereas BAOAB moves them by x' = x - e U' + sqrt(e T/2) (R + R'), each R used in two steps, whose
bias begins at e^2, or h^4 (Leimkuhler and Matthews, Appl. Math. Res. Express 2013, 34, section 4;
Leimkuhler, Matthews and Tretyakov, Proc. R. Soc. A 470 (2014) 20140120).
"""

from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import xarray as xr
from scipy.linalg import solve_discrete_lyapunov

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series

FREQUENCIES = (0.5, 1.0, 1.5)
"""h omega in the harmonic well."""
TEMPERATURE = 0.5
STEPS_OF_WELL = (0.4, 0.45, 0.5)
"""Steps h in the double well, mass one."""
REFRESH = 40.0
"""Friction times step: the velocity keeps e^-40 of itself."""
CELLS, REACH = 1200, 4.0
"""Grid of the chain of positions."""
GRID = 1e-3
"""Accuracy of a bias in units of the leading one; twice the cells change it by less."""
BURN_IN, INTERVAL, LENGTH, GROUPS = 200, 4, 2000, 64
REPLICAS = {"quick": 16384, "full": 524288}


@dataclass(frozen=True, kw_only=True)
class HarmonicStep:
    """A step in a harmonic well of unit mass, frequency and temperature."""

    integrator: ls.sde.Integrator
    step: float


@dataclass(frozen=True, kw_only=True)
class WellEnsemble:
    """An ensemble in the double well."""

    integrator: ls.sde.Integrator
    step: float
    replicas: int
    seed: int


@ls.sweep.task()
def harmonic(case: HarmonicStep) -> xr.Dataset:
    """Stationary covariance of the integrator's own map."""
    equation = ls.Underdamped(
        potential=ls.models.potentials.quadratic([1.0]),
        mass=1.0,
        friction=0.7,
        noise_covariance=1.4,
        step_time=1.0,
    )
    step = case.integrator.linear_step(equation.linear(), case.step)
    covariance = solve_discrete_lyapunov(step.matrix[0], step.noise[0] @ step.noise[0].T)
    return ls.dataset.make(
        {"covariance": (("row", "column"), covariance, "1")}, kind="stationary_covariance"
    )


@ls.sweep.task()
def double_well(case: WellEnsemble) -> xr.Dataset:
    """Mean of x^2 over replicas and time, (group,)."""
    friction = REFRESH / case.step
    equation = ls.Underdamped(
        potential=ls.models.potentials.double_well(),
        mass=1.0,
        friction=friction,
        noise_covariance=2 * friction * TEMPERATURE,
        step_time=case.step,
    )

    def observe(block: ls.record.Snapshots) -> dict:
        square = (block.position[..., 0] ** 2).reshape(len(block.steps), GROUPS, -1)
        return {"square": (("step", "group"), square.mean(axis=2), "1")}

    run = ls.sde.simulate(
        equation,
        case.integrator,
        replicas=case.replicas,
        steps=LENGTH,
        substeps=1,
        schedule=ls.record.every(INTERVAL, steps=LENGTH, first=BURN_IN),
        start=np.where(np.arange(case.replicas) % 2, 0.9, -0.9)[:, None],
        seed=case.seed,
        record=observe,
    )
    return ls.dataset.make(
        {"square": (("group",), run["square"].mean("step").values, "1")},
        kind="stationary_sample",
        seed=case.seed,
    )


def boltzmann() -> float:
    """Return <x^2> of the Boltzmann distribution."""
    return _averages()[0]


@lru_cache(maxsize=32)
def chain_bias(name: str, step: float, temperature: float = TEMPERATURE) -> float:
    """Bias of <x^2> in units of the leading one, from the Markov chain of positions.

    Seen at y = x - sqrt(e T/2) R, BAOAB too is a chain: y' = y + 2 sqrt(e T/2) R - e U'(y +
    sqrt(e T/2) R). Its kernel on a grid is a quadrature over R; the stationary law solves it.
    """
    e = step**2 / 2
    shift = (e * temperature / 2) ** 0.5
    normal, weights = np.polynomial.hermite_e.hermegauss(80)
    y = np.linspace(-REACH, REACH, CELLS)
    seen = y[:, None] + (shift * normal if name == "BAOAB" else 0.0)
    after = y[:, None] + 2 * shift * normal - e * (seen**3 - seen)
    place = np.clip((after - y[0]) / (y[1] - y[0]), 0, CELLS - 1.000001)
    lower = place.astype(int)
    kernel = np.zeros((CELLS, CELLS))
    rows, share = np.broadcast_to(np.arange(CELLS)[:, None], lower.shape), place - lower
    mass = np.broadcast_to(weights / weights.sum(), lower.shape)
    np.add.at(kernel, (rows, lower), mass * (1 - share))
    np.add.at(kernel, (rows, lower + 1), mass * share)
    balance = kernel.T - np.eye(CELLS)
    balance[0] = 1.0
    law = np.linalg.solve(balance, np.eye(CELLS)[0])
    square = float(law @ y**2) + (shift**2 if name == "BAOAB" else 0.0)
    return (square - boltzmann()) / (e * coefficient())


def coefficient() -> float:
    """Cov(x^2, g): bias of <x^2> of Euler-Maruyama over its step."""
    return _averages()[1]


def _averages() -> tuple[float, float]:
    x = np.linspace(-4, 4, 8001)
    weight = np.exp(-(x**4 / 4 - x**2 / 2) / TEMPERATURE)
    weight /= weight.sum()
    g = (x**3 - x) ** 2 / (4 * TEMPERATURE) - (3 * x**2 - 1) / 2
    return float(weight @ x**2), float(weight @ (x**2 * (g - weight @ g)))


@dataclass(frozen=True)
class Splitting:
    """A splitting, its variances in a harmonic well, and its leading bias in the double well.

    Variances are in units of the exact ones, the bias in that of Euler-Maruyama, `short` is
    1 - (h omega)^2/4.
    """

    integrator: ls.sde.Integrator
    is_exact_in: str
    bias: float

    @property
    def name(self) -> str:
        """Name of the integrator."""
        return type(self.integrator).__name__

    def variance(self, what: str, short: np.ndarray | float) -> np.ndarray | float:
        """Stationary variance of ``x`` or ``v``."""
        if what == self.is_exact_in:
            return np.ones_like(short)
        return 1 / short if what == "x" else short

    def measured_variance(self, step: float, what: str, data: ls.claims.Data) -> ls.Estimate:
        """Variance of ``x`` or ``v`` in the harmonic well."""
        covariance = data[f"harmonic, {self.name}, {step:g}"]["covariance"].values
        place = "xv".index(what)
        return ls.Estimate(
            value=float(covariance[place, place]),
            standard_error=0.0,
            method="stationary covariance of the map",
        )

    def measured_bias(self, step: float, data: ls.claims.Data) -> ls.Estimate:
        """Bias of <x^2> in the double well, in units of the leading one of Euler-Maruyama."""
        bias = data[f"double well, {self.name}, {step:g}"]["square"].values - boltzmann()
        return ls.Estimate.from_samples(
            bias / (step**2 / 2 * coefficient()), method="mean over groups of replicas"
        )


EXACT_POSITIONS = Splitting(ls.sde.BAOAB(), is_exact_in="x", bias=0.0)
EXACT_VELOCITIES = Splitting(ls.sde.OBABO(), is_exact_in="v", bias=1.0)
SPLITTINGS = (EXACT_POSITIONS, EXACT_VELOCITIES)


def other(splitting: Splitting) -> Splitting:
    """Return the other one."""
    return EXACT_VELOCITIES if splitting is EXACT_POSITIONS else EXACT_POSITIONS


def variance(splitting: Splitting, step: float, what: str) -> ls.claims.Comparison:
    """Compare a variance in the harmonic well, found from the map of a step."""
    short = 1 - step**2 / 4
    wrong = other(splitting).variance(what, short)
    return ls.claims.Comparison(
        name=f"harmonic, h w = {step:g}: {splitting.name}, variance of {what} / (T/k or T/m)",
        prediction=splitting.variance(what, short),
        margin=1e-10,
        basis="exact",
        reason="rounding",
        rivals={"other scheme": wrong},
        wrong=wrong,
        wrong_margin=1e-10,
        near_misses={"step 10 % larger": splitting.variance(what, 1 - (1.1 * step) ** 2 / 4)},
        measure=partial(splitting.measured_variance, step, what),
    )


def bias(splitting: Splitting, step: float) -> ls.claims.Comparison:
    """Compare the bias in the double well with that of the chain of positions."""
    scheme, wrong = splitting.name, chain_bias(other(splitting).name, step)
    return ls.claims.Comparison(
        name=f"double well, h = {step:g}: {scheme}, bias of <x^2> / leading bias of OBABO",
        prediction=chain_bias(scheme, step),
        margin=GRID,
        basis="theory",
        reason="grid of the chain of positions",
        scale=1.0,
        rivals={"other scheme": wrong},
        wrong=wrong,
        wrong_margin=GRID,
        near_misses={
            "temperature 5 % higher": chain_bias(scheme, step, 1.05 * TEMPERATURE),
            "half of the other scheme": 0.5 * (wrong + chain_bias(scheme, step)),
        },
        measure=partial(splitting.measured_bias, step),
    )


class BaoabBias(ls.claims.Claim):
    title = "Configurational bias of BAOAB"
    statement = (
        "Positions sampled by BAOAB carry no error in a harmonic well and, at strong friction, "
        "none of order h^2 in a double well, where OBABO and Euler-Maruyama have one."
    )
    formula = (
        "Var x = T/k, Var v = (T/m) (1 - (h w)^2/4);  <x^2> - <x^2>_T = O(h^4) (BAOAB), "
        "(h^2/2m) Cov(x^2, g) (OBABO)"
    )
    source = (
        "Leimkuhler and Matthews, Appl. Math. Res. Express 2013, 34; "
        "the bias of OBABO at strong friction: derived"
    )
    validity = (
        "h w < 2 in the harmonic well; "
        "friction * h / mass >> 1 and h^2 U'' / (2 m) << 1 in the double well."
    )
    control_statement = "The errors of BAOAB and OBABO exchanged."

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        tasks = {}
        for splitting in SPLITTINGS:
            integrator, scheme = splitting.integrator, splitting.name
            for step in FREQUENCIES:
                task = harmonic.at(HarmonicStep(integrator=integrator, step=step))
                tasks[f"harmonic, {scheme}, {step:g}"] = task
            for step in STEPS_OF_WELL:
                run = WellEnsemble(
                    integrator=integrator,
                    step=step,
                    replicas=REPLICAS[tier],
                    seed=ls.derive_seed(seed, self.id, scheme, step),
                )
                tasks[f"double well, {scheme}, {step:g}"] = double_well.at(run)
        return tasks

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        in_harmonic_well = [
            variance(splitting, step, what)
            for step in FREQUENCIES
            for what in "xv"
            for splitting in SPLITTINGS
        ]
        in_double_well = [
            bias(splitting, step) for step in STEPS_OF_WELL for splitting in SPLITTINGS
        ]
        return in_harmonic_well + in_double_well

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        return [harmonic_panel(data), well_panel(data)]


def harmonic_panel(data: ls.claims.Data) -> Panel:
    """Variances against the step."""
    fine = np.linspace(0, 1.7, 60)
    series = []
    for splitting in SPLITTINGS:
        for what, word in (("x", "position"), ("v", "velocity")):
            here = [splitting.measured_variance(step, what, data).value for step in FREQUENCIES]
            curve = splitting.variance(what, 1 - fine**2 / 4)
            series.append(Series(f"{splitting.name}, {word}", FREQUENCIES, here))
            series.append(Series.theory("", fine, curve))
    return Panel("Harmonic well", "h w", "variance / exact", series)


def well_panel(data: ls.claims.Data) -> Panel:
    """Bias in the double well against the step."""
    steps = np.linspace(0, 0.55, 60)
    series = []
    for splitting in SPLITTINGS:
        here = [
            splitting.measured_bias(step, data).scaled(step**2 / 2 * coefficient())
            for step in STEPS_OF_WELL
        ]
        leading = steps**2 / 2 * coefficient() * splitting.bias
        label = "order h^2" if splitting.bias else ""
        series.append(Series.measured(splitting.name, STEPS_OF_WELL, here))
        series.append(Series.theory(label, steps, leading))
    return Panel("Double well, strong friction", "step h", "bias of <x^2>", series)
