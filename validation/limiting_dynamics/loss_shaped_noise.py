"""Gradient noise proportional to the loss: the stationary law is a power of the loss, not an
exponential.

A particle in the double well U = (w^2 - 1)^2 / 4 takes steps of SGD with Gaussian gradient noise of
variance 2 strength (U + offset), the shape that label noise and small residuals give. The Langevin
equation dw = -U' dt + sqrt(2 D) dW with D = temperature (U + offset), temperature = lr strength,
has the stationary law

    p ~ (U + offset)^-(1 + 1/temperature),

so that saddle and well differ by a power of their ratio of losses, and escape is as fast as that
ratio allows. A Boltzmann law at the temperature found in the well misses both by orders of
magnitude.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr

import langevin_sgd as ls

TEMPERATURE = 0.4
LR = 0.02
OFFSETS = (0.05, 0.2)
"""Loss at the bottom of the wells."""
ESCAPE_OFFSET = 0.2
SADDLE, WELL = (-0.1, 0.1), (0.9, 1.1)
"""Bins whose probabilities are compared, the well taken on both sides."""
TIME, BURN_IN, ESCAPE_TIME = 300.0, 30.0, 600.0
"""Physical time of a run from the wells, its first part left out, and limit of the search for an
escape.
"""
GROUPS = 64
REPLICAS = {
    "quick": {"histogram": 8192, "escape": 2048},
    "full": {"histogram": 131072, "escape": 32768},
}


@dataclass(frozen=True, kw_only=True)
class Run:
    """SGD in the double well with noise proportional to the loss."""

    offset: float
    replicas: int
    seed: int


def well_and_noise(offset: float) -> tuple[ls.Potential, ls.dynamics.Ito]:
    """Return the potential and the covariance of one gradient."""
    potential = ls.Potential.from_sympy("(w**2 - 1)**2 / 4")
    noise = ls.dynamics.Ito.proportional_to_loss(
        potential, strength=2 * TEMPERATURE / LR, offset=offset
    )
    return potential, noise


def simulate(run: Run, steps: int, **options: object) -> xr.Dataset:
    """Run SGD itself, half of the replicas from each well."""
    potential, noise = well_and_noise(run.offset)
    equation = ls.Underdamped.from_potential(
        potential, ls.SGD(lr=LR, batch_size=1), gradient_noise=noise
    )
    return ls.sde.simulate(
        equation, ls.sde.SGDMap(), replicas=run.replicas, steps=steps, seed=run.seed, **options
    )


@ls.sweep.task()
def occupation(run: Run) -> xr.Dataset:
    """How often replicas are seen in the bins at the saddle and in the wells, (group,)."""
    steps, first = round(TIME / LR), round(BURN_IN / LR)

    def observe(block: ls.record.Snapshots) -> dict:
        distance = np.abs(block.position[..., 0]).reshape(len(block.steps), GROUPS, -1)
        return {
            "saddle": (("step", "group"), (distance < SADDLE[1]).sum(axis=2), "1"),
            "wells": (
                ("step", "group"),
                ((distance > WELL[0]) & (distance < WELL[1])).sum(axis=2),
                "1",
            ),
        }

    wells = np.where(np.arange(run.replicas) % 2, 1.0, -1.0)[:, None]
    schedule = ls.record.every(25, steps=steps, first=first)
    result = simulate(run, steps, start=wells, schedule=schedule, record=observe)
    return result[["saddle", "wells"]].sum("step").assign_attrs(result.attrs)


@ls.sweep.task()
def escape(run: Run) -> xr.Dataset:
    """First step at which a replica from the left well is in the right one, (replica,); NaN if not
    in time.
    """
    steps = round(ESCAPE_TIME / LR)
    passage = ls.record.first_passage(1.0)
    result = simulate(run, steps, start=np.array([-1.0]), schedule=[steps], record=passage)
    return result[["first_passage"]]


def log_ratio(offset: float) -> float:
    """ln of the probability in the saddle bin over that in the bins of the wells, by the power
    law.
    """
    return float(np.log(_mass(SADDLE, offset) / (2 * _mass(WELL, offset))))


def _mass(interval: tuple[float, float], offset: float) -> float:
    w = np.linspace(*interval, 2001)
    return float(np.trapezoid(((w**2 - 1) ** 2 / 4 + offset) ** -(1 + 1 / TEMPERATURE), w))


def boltzmann_log_ratio(offset: float) -> float:
    """Return the same by the Boltzmann law at the temperature of the noise in the well."""
    saddle, well = np.linspace(*SADDLE, 2001), np.linspace(*WELL, 2001)
    weights = [
        np.trapezoid(np.exp(-((w**2 - 1) ** 2) / 4 / (TEMPERATURE * offset)), w)
        for w in (saddle, well)
    ]
    return float(np.log(weights[0] / (2 * weights[1])))


def log_escape_time(diffusion: object) -> float:
    """ln of the mean time from the left well to the right one, in steps, by the Fokker-Planck
    equation (Ito).
    """
    equation = ls.fokker_planck.Diffusion(
        drift=lambda w: w - w**3, diffusion=diffusion, step_time=LR
    )
    found = ls.fokker_planck.first_passage_time(equation, domain=(None, 1.0))
    return float(np.log(found["mean_time"].interp(position=-1.0)))


def ratio_name(offset: float) -> str:
    """Name of a component."""
    return f"offset {offset:g}: ln p(saddle) / p(wells)"


ESCAPE_NAME = f"offset {ESCAPE_OFFSET:g}: ln mean escape time [ln steps]"


class LossShapedNoise(ls.claims.Claim):
    title = "Noise proportional to the loss"
    statement = (
        "With gradient noise proportional to the loss the stationary law is a power of the loss, "
        "and escape from a "
        "well depends on the ratio of the losses at saddle and well."
    )
    formula = "p ~ (U + L0)^-(1 + B / (lr h)) for gradient noise of variance 2 h (U + L0) / B"
    source = (
        "derived: zero-current solution of the Ito Fokker-Planck equation with D = (lr h / "
        "B) "
        "(U + L0)"
    )
    validity = (
        "lr U'' << 1, where SGD follows its SDE; relative accuracy lr U'' / 2 of "
        "logarithms "
        "of probabilities."
    )
    control_statement = "The Boltzmann law at the temperature that the noise has in the wells."

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        def run(offset: float, kind: str) -> Run:
            derived = ls.derive_seed(seed, self.id, kind, offset)
            return Run(offset=offset, replicas=REPLICAS[tier][kind], seed=derived)

        tasks = {
            f"offset {offset:g}": occupation.at(run(offset, "histogram")) for offset in OFFSETS
        }
        return tasks | {"escape": escape.at(run(ESCAPE_OFFSET, "escape"))}

    def predict(self, tier: str) -> list[ls.claims.Component]:
        control = {component.name: component.prediction for component in self.control(tier)}
        predictions = {
            ratio_name(offset): (log_ratio(offset), abs(log_ratio(offset))) for offset in OFFSETS
        }
        escape_time = log_escape_time(lambda w: TEMPERATURE * ((w**2 - 1) ** 2 / 4 + ESCAPE_OFFSET))
        predictions[ESCAPE_NAME] = (escape_time, abs(log_ratio(ESCAPE_OFFSET)))
        return [
            ls.claims.Component(
                name=name,
                prediction=value,
                margin=LR * scale,
                margin_reason="SGD follows its SDE to a relative lr U'' / 2 in the exponent, U'' = "
                "2 in the wells",
                alternatives={"Boltzmann law at the temperature of the well": control[name]},
            )
            for name, (value, scale) in predictions.items()
        ]

    def control(self, tier: str) -> list[ls.claims.Component]:
        wrong = {ratio_name(offset): boltzmann_log_ratio(offset) for offset in OFFSETS}
        wrong[ESCAPE_NAME] = log_escape_time(TEMPERATURE * ESCAPE_OFFSET)
        return [ls.claims.Component(name=name, prediction=value) for name, value in wrong.items()]

    def measure(self, data: dict[str, xr.Dataset], tier: str) -> dict[str, ls.Estimate]:
        found = {}
        for offset in OFFSETS:
            counts = data[f"offset {offset:g}"]
            samples = np.stack([counts["saddle"].values, counts["wells"].values], axis=1).astype(
                float
            )
            value, error = ls.measure.jackknife(
                lambda mean: np.log(mean[:, 0] / mean[:, 1]), samples
            )
            found[ratio_name(offset)] = ls.Estimate(
                value=float(value),
                standard_error=float(error),
                n_independent=GROUPS,
                method="jackknife over groups",
            )
        steps = data["escape"]["first_passage"].values
        left = int((~np.isfinite(steps)).sum())
        if left:
            found[ESCAPE_NAME] = ls.Estimate.refused(
                f"{left} of {len(steps)} replicas did not escape"
            )
            return found
        value, error = ls.measure.jackknife(np.log, steps)
        found[ESCAPE_NAME] = ls.Estimate(
            value=float(value), standard_error=float(error), n_independent=len(steps)
        )
        return found

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        found = self.measure(data, tier)
        offsets = np.geomspace(0.03, 0.4, 40)
        here = [found[ratio_name(offset)] for offset in OFFSETS]
        times = data["escape"]["first_passage"].values * LR
        edges = np.linspace(0, 200, 41)
        counts = np.histogram(times, edges)[0]
        width, middle = edges[1] - edges[0], 0.5 * (edges[1:] + edges[:-1])
        mean = (
            np.exp(log_escape_time(lambda w: TEMPERATURE * ((w**2 - 1) ** 2 / 4 + ESCAPE_OFFSET)))
            * LR
        )
        rival = np.exp(log_escape_time(TEMPERATURE * ESCAPE_OFFSET)) * LR
        return [
            ls.plotting.Panel(
                title="Saddle against wells",
                x_label="loss at the bottom of the wells",
                y_label="ln p(saddle) / p(wells)",
                series=(
                    ls.plotting.Series(
                        "SGD", OFFSETS, [e.value for e in here], [e.standard_error for e in here]
                    ),
                    ls.plotting.Series(
                        "power of the loss", offsets, [log_ratio(o) for o in offsets], kind="theory"
                    ),
                    ls.plotting.Series(
                        "Boltzmann, temperature of the well",
                        offsets,
                        [boltzmann_log_ratio(o) for o in offsets],
                        kind="rival",
                    ),
                ),
                x_scale="log",
            ),
            ls.plotting.Panel(
                title="Time to the other well",
                x_label="time lr * steps",
                y_label="probability density",
                series=(
                    ls.plotting.Series(
                        "SGD",
                        middle,
                        counts / len(times) / width,
                        np.sqrt(counts) / len(times) / width,
                    ),
                    ls.plotting.Series(
                        "exponential, mean by Fokker-Planck",
                        middle,
                        np.exp(-middle / mean) / mean,
                        kind="theory",
                    ),
                    ls.plotting.Series(
                        "Boltzmann, temperature of the well",
                        middle,
                        np.exp(-middle / rival) / rival,
                        kind="rival",
                    ),
                ),
                y_scale="log",
            ),
        ]
