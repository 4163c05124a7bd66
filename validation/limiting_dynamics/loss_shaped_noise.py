"""With gradient noise proportional to the loss the stationary law is a power of the loss.

A particle in the double well U = (w^2 - 1)^2 / 4 takes steps of SGD with Gaussian gradient noise of
variance 2 strength (U + offset), the shape that label noise and small residuals give. The Langevin
equation dw = -U' dt + sqrt(2 D) dW with D = temperature (U + offset), temperature = lr strength,
has the stationary law

    p ~ (U + offset)^-(1 + 1/temperature),

so that saddle and well differ by a power of their ratio of losses, and escape is as fast as that
ratio allows. A Boltzmann law at the temperature found in the well misses both by orders of
magnitude.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import xarray as xr

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series, log_x, log_y

TEMPERATURE = 0.4
LR = 0.02
OFFSETS = (0.05, 0.2)
"""Loss at the bottom of the wells."""
ESCAPE_OFFSET = 0.2
SADDLE, WELL = (-0.1, 0.1), (0.9, 1.1)
"""Bins whose probabilities are compared, the well taken on both sides."""
TIME, BURN_IN, ESCAPE_TIME = 300.0, 30.0, 600.0
"""Physical time of a run from the wells, of its discarded start, and limit of an escape."""
GROUPS = 64
REPLICAS = {
    "quick": {"histogram": 8192, "escape": 8192},
    "full": {"histogram": 131072, "escape": 32768},
}


@dataclass(frozen=True, kw_only=True)
class DoubleWellRun:
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


def simulate(run: DoubleWellRun, steps: int, **options: object) -> xr.Dataset:
    """Run SGD itself, half of the replicas from each well."""
    potential, noise = well_and_noise(run.offset)
    equation = ls.Underdamped.from_potential(
        potential, ls.SGD(lr=LR, batch_size=1), gradient_noise=noise
    )
    return ls.sde.simulate(
        equation, ls.sde.SGDMap(), replicas=run.replicas, steps=steps, seed=run.seed, **options
    )


@ls.sweep.task()
def occupation(run: DoubleWellRun) -> xr.Dataset:
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
def escape(run: DoubleWellRun) -> xr.Dataset:
    """First step at which a replica from the left well is in the right one, (replica,), or NaN."""
    steps = round(ESCAPE_TIME / LR)
    passage = ls.record.first_passage(1.0)
    result = simulate(run, steps, start=np.array([-1.0]), schedule=[steps], record=passage)
    return result[["first_passage"]]


def log_ratio(offset: float, temperature: float = TEMPERATURE) -> float:
    """ln of the probability of the saddle bin over that of the wells, by the power law."""
    saddle, well = (_mass(bin_, offset, temperature) for bin_ in (SADDLE, WELL))
    return float(np.log(saddle / (2 * well)))


def _mass(interval: tuple[float, float], offset: float, temperature: float) -> float:
    w = np.linspace(*interval, 2001)
    return float(np.trapezoid(((w**2 - 1) ** 2 / 4 + offset) ** -(1 + 1 / temperature), w))


def boltzmann_log_ratio(offset: float) -> float:
    """Return the same by the Boltzmann law at the temperature of the noise in the well."""
    saddle, well = np.linspace(*SADDLE, 2001), np.linspace(*WELL, 2001)
    weights = [
        np.trapezoid(np.exp(-((w**2 - 1) ** 2) / 4 / (TEMPERATURE * offset)), w)
        for w in (saddle, well)
    ]
    return float(np.log(weights[0] / (2 * weights[1])))


def log_escape_time(diffusion: object) -> float:
    """ln of the mean time, in steps, from the left well to the right one (Fokker-Planck, Ito)."""
    equation = ls.fokker_planck.Diffusion(
        drift=lambda w: w - w**3, diffusion=diffusion, step_time=LR
    )
    passage = ls.fokker_planck.first_passage_time(equation, domain=(None, 1.0))
    return float(np.log(passage["mean_time"].interp(position=-1.0)))


def shaped_escape_time(offset: float = ESCAPE_OFFSET, temperature: float = TEMPERATURE) -> float:
    """ln of the mean time to the other well with noise proportional to the loss."""
    return log_escape_time(lambda w: temperature * ((w**2 - 1) ** 2 / 4 + offset))


def boltzmann_escape_time() -> float:
    """Return the same with the noise of the well everywhere."""
    return log_escape_time(TEMPERATURE * ESCAPE_OFFSET)


def measured_log_ratio(offset: float, data: ls.claims.Data) -> ls.Estimate:
    """ln of how often replicas are seen in the saddle bin over how often in the wells."""
    counts = data[f"offset {offset:g}"]
    samples = np.stack([counts["saddle"].values, counts["wells"].values], axis=1).astype(float)
    value, error = ls.measure.jackknife(lambda mean: np.log(mean[:, 0] / mean[:, 1]), samples)
    return ls.Estimate(
        value=float(value),
        standard_error=float(error),
        n_independent=GROUPS,
        method="jackknife over groups",
    )


def measured_escape_time(data: ls.claims.Data) -> ls.Estimate:
    """ln of the mean time to the other well."""
    steps = data["escape"]["first_passage"].values
    left = int((~np.isfinite(steps)).sum())
    if left:
        return ls.Estimate.refused(f"{left} of {len(steps)} replicas did not escape")
    value, error = ls.measure.jackknife(np.log, steps)
    return ls.Estimate(value=float(value), standard_error=float(error), n_independent=len(steps))


def compared(
    name: str,
    offset: float,
    law: Callable[[float, float], float],
    boltzmann: float,
    measure: Callable[[ls.claims.Data], ls.Estimate],
) -> ls.claims.Comparison:
    """Compare a logarithm with what the power law and the Boltzmann law say."""
    return ls.claims.Comparison(
        name=f"offset {offset:g}: {name}",
        prediction=law(offset, TEMPERATURE),
        margin=LR * abs(log_ratio(offset)),
        basis="theory",
        reason="SGD follows its SDE to a relative lr U'' / 2 in the exponent, U'' = 2 in the wells",
        rivals={"Boltzmann law at the temperature of the well": boltzmann},
        wrong=boltzmann,
        near_misses={
            "lr / batch size 10 % larger": law(offset, 1.1 * TEMPERATURE),
            "lr / batch size 10 % smaller": law(offset, 0.9 * TEMPERATURE),
            "offset 10 % larger": law(1.1 * offset, TEMPERATURE),
        },
        measure=measure,
    )


class LossShapedNoise(ls.claims.Claim):
    title = "Noise proportional to the loss"
    statement = (
        "With gradient noise proportional to the loss the stationary law is a power of the loss, "
        "and escape from a well depends on the ratio of the losses at saddle and well."
    )
    formula = "p ~ (U + L0)^-(1 + B / (lr h)) for gradient noise of variance 2 h (U + L0) / B"
    source = (
        "derived: zero-current solution of the Ito "
        "Fokker-Planck equation with D = (lr h / B) (U + L0)"
    )
    validity = (
        "lr U'' << 1, where SGD follows its SDE; "
        "relative accuracy lr U'' / 2 of logarithms of probabilities."
    )
    control_statement = "The Boltzmann law at the temperature that the noise has in the wells."

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        def run(offset: float, kind: str) -> DoubleWellRun:
            derived = ls.derive_seed(seed, self.id, kind, offset)
            return DoubleWellRun(offset=offset, replicas=REPLICAS[tier][kind], seed=derived)

        tasks = {
            f"offset {offset:g}": occupation.at(run(offset, "histogram")) for offset in OFFSETS
        }
        return tasks | {"escape": escape.at(run(ESCAPE_OFFSET, "escape"))}

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        comparisons = []
        for offset in OFFSETS:
            name, measure = "ln p(saddle) / p(wells)", partial(measured_log_ratio, offset)
            wrong = boltzmann_log_ratio(offset)
            comparisons.append(compared(name, offset, log_ratio, wrong, measure))
        name, wrong = "ln mean escape time [ln steps]", boltzmann_escape_time()
        measure = measured_escape_time
        return [*comparisons, compared(name, ESCAPE_OFFSET, shaped_escape_time, wrong, measure)]

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        return [ratio_panel(data), escape_panel(data)]


def ratio_panel(data: ls.claims.Data) -> Panel:
    """Saddle against wells, by the loss at the bottom."""
    offsets = np.geomspace(0.03, 0.4, 40)
    series = (
        Series.measured("map of SGD", OFFSETS, [measured_log_ratio(one, data) for one in OFFSETS]),
        Series.theory("power of the loss", offsets, [log_ratio(one) for one in offsets]),
        Series.rival(
            "Boltzmann, temperature of the well",
            offsets,
            [boltzmann_log_ratio(one) for one in offsets],
        ),
    )
    x_label, y_label = "loss at the bottom of the wells", "ln p(saddle) / p(wells)"
    return log_x("Saddle against wells", x_label, y_label, series)


def escape_panel(data: ls.claims.Data) -> Panel:
    """Histogram of the times to the other well."""
    times = data["escape"]["first_passage"].values * LR
    edges = np.linspace(0, 200, 41)
    counts = np.histogram(times, edges)[0]
    width, middle = edges[1] - edges[0], 0.5 * (edges[1:] + edges[:-1])
    mean, rival = (np.exp(one()) * LR for one in (shaped_escape_time, boltzmann_escape_time))
    density, error = counts / len(times) / width, np.sqrt(counts) / len(times) / width
    exponential = np.exp(-middle / mean) / mean
    boltzmann = np.exp(-middle / rival) / rival
    series = (
        Series("map of SGD", middle, density, error),
        Series.theory("exponential, mean by Fokker-Planck", middle, exponential),
        Series.rival("Boltzmann, temperature of the well", middle, boltzmann),
    )
    return log_y("Time to the other well", "time lr * steps", "probability density", series)
