"""A diffusion exponent that changes with the batch size, or exceeds one, is drift.

Minibatch SGD on the diabetes data, begun from the stationary law: the fitted exponent stays below
one and hardly depends on the batch size, which only sets the amplitude. The same runs begun off the
minimum along a soft eigenmode:
the squared drift grows as t^2 and does not shrink with the batch, so the exponent rises above one
and rises with the batch size, the pattern seen in deep networks.
"""

from collections.abc import Iterable

import numpy as np
import xarray as xr
from langevin_sgd.validation.limiting_dynamics.problems import exact_law
from langevin_sgd.validation.limiting_dynamics.runs import Run, displacement, mean_and_error

import langevin_sgd as ls

NAME = "diabetes"
BATCH_SIZES = (16, 64)
OFFSET = 4.0
"""Distance of the displaced start from the minimiser."""
WINDOW = (10, 100)
STARTS = {"stationary": 0.0, "displaced": OFFSET}
REPLICAS = {"quick": 16384, "full": 65536}
SCHEDULE = tuple(sorted({*ls.record.log_spaced(steps=WINDOW[1], per_decade=12).tolist(), *WINDOW}))


def settings_of(batch_size: int) -> ls.SGD:
    """Settings at a batch size."""
    return ls.SGD(lr=0.01, batch_size=batch_size, momentum=0.9)


def label(start: str, batch_size: int) -> str:
    """Name of a case."""
    return f"{start} start, batch size {batch_size}"


def law_curve(start: str, batch_size: int, times: np.ndarray) -> np.ndarray:
    """E|theta_t - theta_0|^2 by the exact law."""
    law = exact_law(NAME, settings_of(batch_size), offset=STARTS[start])
    return law.displacement_from_start(times)


def law_exponent(start: str, batch_size: int) -> float:
    """Exponent of the exact law between the ends of the window."""
    return float(exponent(law_curve(start, batch_size, np.array(WINDOW))))


def exponent(at_ends: np.ndarray) -> np.ndarray:
    """Exponent of a power law through the displacements (..., 2) at the ends of the window."""
    return np.log(at_ends[..., 1] / at_ends[..., 0]) / np.log(WINDOW[1] / WINDOW[0])


def measured_exponent(run: xr.Dataset) -> ls.Estimate:
    """Exponent between the ends of the window, jackknife over groups."""
    groups = run["squared_displacement"].sel(step=list(WINDOW)).transpose("group", "step").values
    value, error = ls.measure.jackknife(exponent, groups)
    return ls.Estimate(
        value=float(value),
        standard_error=float(error),
        n_independent=len(groups),
        method="jackknife over groups",
    )


DIFFERENCE = {
    start: f"{start} start: exponent at batch size {BATCH_SIZES[1]} minus {BATCH_SIZES[0]}"
    for start in STARTS
}


class ExponentAndDrift(ls.claims.Claim):
    title = "Exponent and drift"
    statement = (
        "At stationarity the exponent of the displacement does not depend on the batch size and "
        "stays below one; an "
        "exponent above one, or one that rises with the batch size, is drift."
    )
    formula = (
        "E|Delta_t|^2 = 2 sum_l Var_l (1 - r_l(t)) + |mean drift|^2;  Var_l ~ 1 / "
        "batch_size, drift ~ batch_size^0"
    )
    source = (
        "Kunin et al., arXiv 2107.09133, figure 7 (exponents above one in deep networks); "
        "explanation derived"
    )
    validity = (
        "Quadratic loss, overdamped window; the exact law counts the weak dependence on "
        "batch size through the noise."
    )
    control_statement = (
        "Exponents of the wrong start: those of drift for stationary runs and of "
        "diffusion for displaced ones."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return {
            label(start, batch_size): displacement.at(
                Run(
                    problem=NAME,
                    settings=settings_of(batch_size),
                    replicas=REPLICAS[tier],
                    schedule=SCHEDULE,
                    start="stationary",
                    offset=offset,
                    seed=ls.derive_seed(seed, self.id, start, batch_size),
                )
            )
            for start, offset in STARTS.items()
            for batch_size in BATCH_SIZES
        }

    def predict(self, tier: str) -> list[ls.claims.Component]:
        expected, wrong = self._exponents(STARTS), self._exponents(reversed(STARTS))
        components = []
        for (name, value), rival in zip(expected.items(), wrong.values(), strict=True):
            is_stationary = name.startswith("stationary")
            alternatives = {"drift" if is_stationary else "diffusion without drift": rival}
            if is_stationary and name not in DIFFERENCE.values():
                alternatives["normal diffusion"] = 1.0
            components.append(
                ls.claims.Component(name=name, prediction=value, alternatives=alternatives)
            )
        return components

    def control(self, tier: str) -> list[ls.claims.Component]:
        names = self._exponents(STARTS)
        return [
            ls.claims.Component(name=name, prediction=value)
            for name, value in zip(names, self._exponents(reversed(STARTS)).values(), strict=True)
        ]

    @staticmethod
    def _exponents(starts: Iterable[str]) -> dict[str, float]:
        """Exponents by the law at both batch sizes, and their difference, for each start in
        turn.
        """
        found = {}
        for start in starts:
            values = [law_exponent(start, batch_size) for batch_size in BATCH_SIZES]
            found |= {
                f"{label(start, b)}: exponent": value
                for b, value in zip(BATCH_SIZES, values, strict=True)
            }
            found[DIFFERENCE[start]] = values[1] - values[0]
        return found

    def measure(self, data: dict[str, xr.Dataset], tier: str) -> dict[str, ls.Estimate]:
        found = {}
        for start in STARTS:
            pair = [measured_exponent(data[label(start, batch_size)]) for batch_size in BATCH_SIZES]
            found |= {
                f"{label(start, b)}: exponent": one
                for b, one in zip(BATCH_SIZES, pair, strict=True)
            }
            found[DIFFERENCE[start]] = ls.Estimate(
                value=pair[1].value - pair[0].value,
                standard_error=float(np.hypot(pair[0].standard_error, pair[1].standard_error)),
                n_independent=pair[0].n_independent,
                method="difference of independent runs",
            )
        return found

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        return [self._panel(data, start) for start in STARTS]

    @staticmethod
    def _panel(data: dict[str, xr.Dataset], start: str) -> ls.plotting.Panel:
        series = []
        for batch_size in BATCH_SIZES:
            run = data[label(start, batch_size)]
            times = run["step"].values[1:]
            mean, error = mean_and_error(run, "squared_displacement")
            series.append(
                ls.plotting.Series(f"batch size {batch_size}", times, mean[1:], error[1:])
            )
            series.append(
                ls.plotting.Series(
                    "exact law" if batch_size == BATCH_SIZES[0] else "",
                    times,
                    law_curve(start, batch_size, times),
                    kind="theory",
                )
            )
        ends = np.array(WINDOW)
        height = law_curve(start, BATCH_SIZES[0], ends[:1])[0]
        series.append(
            ls.plotting.Series("normal diffusion", ends, height * ends / ends[0], kind="rival")
        )
        return ls.plotting.Panel(
            title=f"Diabetes, {start} start",
            x_label="time [steps]",
            y_label=r"$E|\theta_t - \theta_0|^2$",
            series=tuple(series),
            x_scale="log",
            y_scale="log",
        )
