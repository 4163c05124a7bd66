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

import numpy as np
import xarray as xr
from scipy.linalg import solve_discrete_lyapunov

import langevin_sgd as ls

FREQUENCIES = (0.5, 1.0, 1.5)
"""h omega in the harmonic well."""
TEMPERATURE = 0.5
STEPS_OF_WELL = (0.3, 0.4, 0.5)
"""Steps h in the double well, mass one."""
REFRESH = 40.0
"""Friction times step: the velocity keeps e^-40 of itself."""
SCHEMES = ("BAOAB", "OBABO")
BURN_IN, INTERVAL, LENGTH, GROUPS = 200, 4, 2000, 64
REPLICAS = {"quick": 16384, "full": 524288}


@dataclass(frozen=True, kw_only=True)
class Harmonic:
    """A harmonic well of unit mass, frequency and temperature."""

    integrator: str
    step: float


@dataclass(frozen=True, kw_only=True)
class Well:
    """An ensemble in the double well."""

    integrator: str
    step: float
    replicas: int
    seed: int


@ls.sweep.task()
def harmonic(case: Harmonic) -> xr.Dataset:
    """Stationary covariance of the integrator's own map."""
    equation = ls.Underdamped(
        potential=ls.models.potentials.quadratic([1.0]),
        mass=1.0,
        friction=0.7,
        noise_covariance=1.4,
        step_time=1.0,
    )
    step = getattr(ls.sde, case.integrator)().linear_step(equation.linear(), case.step)
    covariance = solve_discrete_lyapunov(step.matrix[0], step.noise[0] @ step.noise[0].T)
    return ls.dataset.make(
        {"covariance": (("row", "column"), covariance, "1")}, kind="stationary_covariance"
    )


@ls.sweep.task()
def double_well(case: Well) -> xr.Dataset:
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
        getattr(ls.sde, case.integrator)(),
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


def coefficient() -> float:
    """Cov(x^2, g): bias of <x^2> of Euler-Maruyama over its step."""
    return _averages()[1]


def _averages() -> tuple[float, float]:
    x = np.linspace(-4, 4, 8001)
    weight = np.exp(-(x**4 / 4 - x**2 / 2) / TEMPERATURE)
    weight /= weight.sum()
    g = (x**3 - x) ** 2 / (4 * TEMPERATURE) - (3 * x**2 - 1) / 2
    return float(weight @ x**2), float(weight @ (x**2 * (g - weight @ g)))


def harmonic_name(integrator: str, step: float, what: str) -> str:
    """Name of a component in the harmonic well."""
    return f"harmonic, h w = {step:g}: {integrator}, variance of {what} / (T/k or T/m)"


def well_name(integrator: str, step: float) -> str:
    """Name of a component in the double well: bias in units of the leading one of
    Euler-Maruyama.
    """
    return f"double well, h = {step:g}: {integrator}, bias of <x^2> / leading bias of OBABO"


def relative_remainder(step: float) -> float:
    """e U'' in the wells, U'' = 2: next order over leading one."""
    return step**2


class BaoabBias(ls.claims.Claim):
    title = "Configurational bias of BAOAB"
    statement = (
        "Positions sampled by BAOAB carry no error in a harmonic well and, at strong friction, "
        "none of order h^2 in a "
        "double well, where OBABO and Euler-Maruyama have one."
    )
    formula = (
        "Var x = T/k, Var v = (T/m) (1 - (h w)^2/4);  <x^2> - <x^2>_T = O(h^4) (BAOAB), "
        "(h^2/2m) Cov(x^2, g) (OBABO)"
    )
    source = (
        "Leimkuhler and Matthews, Appl. Math. Res. Express 2013, 34; the bias of OBABO at "
        "strong friction: derived"
    )
    validity = (
        "h w < 2 in the harmonic well; friction * h / mass >> 1 and h^2 U'' / (2 m) << 1 "
        "in "
        "the double well."
    )
    control_statement = "The errors of BAOAB and OBABO exchanged."

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        tasks = {}
        for scheme in SCHEMES:
            for step in FREQUENCIES:
                tasks[f"harmonic, {scheme}, {step:g}"] = harmonic.at(
                    Harmonic(integrator=scheme, step=step)
                )
            for step in STEPS_OF_WELL:
                derived = ls.derive_seed(seed, self.id, scheme, step)
                run = Well(integrator=scheme, step=step, replicas=REPLICAS[tier], seed=derived)
                tasks[f"double well, {scheme}, {step:g}"] = double_well.at(run)
        return tasks

    @staticmethod
    def _numbers() -> dict[str, tuple[float, float]]:
        """Value and that of the other scheme, harmonic well, by name."""
        numbers = {}
        for step in FREQUENCIES:
            short = 1 - step**2 / 4
            for what, values in {"x": (1.0, 1 / short), "v": (short, 1.0)}.items():
                numbers[harmonic_name("BAOAB", step, what)] = values
                numbers[harmonic_name("OBABO", step, what)] = values[::-1]
        return numbers

    def predict(self, tier: str) -> list[ls.claims.Component]:
        components = [
            ls.claims.Component(
                name=name,
                prediction=value,
                margin=1e-10,
                margin_reason="rounding",
                alternatives={"other scheme": rival},
            )
            for name, (value, rival) in self._numbers().items()
        ]
        for step in STEPS_OF_WELL:
            for scheme, value in zip(SCHEMES, (0.0, 1.0), strict=True):
                components.append(
                    ls.claims.Component(
                        name=well_name(scheme, step),
                        prediction=value,
                        margin=relative_remainder(step),
                        margin_reason="the next order, h^2 U''/(2 m) of the leading one",
                        alternatives={"other scheme": 1 - value},
                    )
                )
        return components

    def control(self, tier: str) -> list[ls.claims.Component]:
        return [
            ls.claims.Component(
                name=right.name,
                prediction=right.alternatives["other scheme"],
                margin=right.margin,
                margin_reason=right.margin_reason,
            )
            for right in self.predict(tier)
        ]

    def measure(self, data: dict[str, xr.Dataset], tier: str) -> dict[str, ls.Estimate]:
        found = {}
        for scheme in SCHEMES:
            for step in FREQUENCIES:
                covariance = data[f"harmonic, {scheme}, {step:g}"]["covariance"].values
                for i, what in enumerate("xv"):
                    found[harmonic_name(scheme, step, what)] = ls.Estimate(
                        value=float(covariance[i, i]),
                        standard_error=0.0,
                        method="stationary covariance of the map",
                    )
            for step in STEPS_OF_WELL:
                bias = data[f"double well, {scheme}, {step:g}"]["square"].values - boltzmann()
                found[well_name(scheme, step)] = ls.Estimate.from_samples(
                    bias / (step**2 / 2 * coefficient()), method="mean over groups of replicas"
                )
        return found

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        found = self.measure(data, tier)
        fine, steps = np.linspace(0, 1.7, 60), np.linspace(0, 0.55, 60)
        flat, short = np.ones_like(fine), 1 - fine**2 / 4
        curves = {"BAOAB": {"x": flat, "v": short}, "OBABO": {"x": 1 / short, "v": flat}}
        variances, wells = [], []
        for scheme, by_what in curves.items():
            for what, curve in by_what.items():
                here = [found[harmonic_name(scheme, step, what)].value for step in FREQUENCIES]
                variances.append(
                    ls.plotting.Series(
                        f"{scheme}, {'position' if what == 'x' else 'velocity'}", FREQUENCIES, here
                    )
                )
                variances.append(ls.plotting.Series("", fine, curve, kind="theory"))
            here = [
                found[well_name(scheme, step)].scaled(step**2 / 2 * coefficient())
                for step in STEPS_OF_WELL
            ]
            wells.append(
                ls.plotting.Series(
                    scheme, STEPS_OF_WELL, [e.value for e in here], [e.standard_error for e in here]
                )
            )
            leading = steps**2 / 2 * coefficient() * (scheme == "OBABO")
            wells.append(
                ls.plotting.Series(
                    "" if scheme == "BAOAB" else "order h^2", steps, leading, kind="theory"
                )
            )
        return [
            ls.plotting.Panel("Harmonic well", "h w", "variance / exact", tuple(variances)),
            ls.plotting.Panel(
                "Double well, strong friction", "step h", "bias of <x^2>", tuple(wells)
            ),
        ]
