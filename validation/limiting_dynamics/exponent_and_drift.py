"""A diffusion exponent that changes with the batch size, or exceeds one, is drift.

Minibatch SGD on the diabetes data, from where SGD has come in `BURN_IN` steps: the fitted exponent
stays below one and hardly depends on the batch size, which only sets the amplitude. The same runs
shifted off the minimum along a soft eigenmode: the squared drift grows as t^2 and does not shrink
with the batch, so the exponent rises above one and rises with the batch size, the pattern seen in
deep networks.
"""

from dataclasses import dataclass, replace

import numpy as np
from langevin_sgd.validation.limiting_dynamics._problems import (
    DIABETES,
    RESOLVED,
    exact_law,
    lacking,
    near_misses,
)
from langevin_sgd.validation.limiting_dynamics._runs import (
    RegressionRun,
    displacement,
    mean_and_error,
)

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series, log_log, theory_and_runs

BATCH_SIZES = (16, 128)
OFFSET = 4.0
"""Distance of the displaced start from the minimiser."""
WINDOW = (10, 100)
BURN_IN = 150
"""Steps from the minimiser to the start; what the softest mode then lacks is in the margins."""
REPLICAS = {"quick": 12288, "full": 98304}
"""Of stationary runs; a third as many of displaced ones."""
SCHEDULE = tuple(sorted({*ls.record.log_spaced(steps=WINDOW[1], per_decade=12).tolist(), *WINDOW}))


@dataclass(frozen=True)
class BegunRun:
    """SGD at a batch size, begun in the stationary law or displaced from it."""

    start: str
    offset: float
    batch_size: int

    @property
    def label(self) -> str:
        """Words for names."""
        return f"{self.start} start, batch size {self.batch_size}"

    @property
    def settings(self) -> ls.SGD:
        """Settings of SGD."""
        return ls.SGD(lr=0.01, batch_size=self.batch_size, momentum=0.9)

    @property
    def other_start(self) -> "BegunRun":
        """The same at the other start."""
        other = DISPLACED if self.offset == 0 else STATIONARY
        return replace(other, batch_size=self.batch_size)

    def law_curve(self, times: np.ndarray) -> np.ndarray:
        """E|theta_t - theta_0|^2 by the exact law."""
        law = exact_law(DIABETES, self.settings, offset=self.offset)
        return law.displacement_from_start(times)

    @property
    def exponent(self) -> float:
        """Exponent of the exact law between the ends of the window."""
        return self.exponent_at(self.settings)

    def exponent_at(self, settings: ls.SGD) -> float:
        """Return the same at other settings."""
        law = exact_law(DIABETES, settings, offset=self.offset)
        return float(exponent(law.displacement_from_start(np.array(WINDOW))))

    @property
    def margin(self) -> float:
        """What the burn-in leaves out of the exponent."""
        first, last = lacking(DIABETES, self.settings, BURN_IN, WINDOW)
        return float((first + last) / np.log(WINDOW[1] / WINDOW[0]))

    def measure(self, data: ls.claims.Data, added: float = 0.0) -> ls.Estimate:
        """Exponent between the ends of the window, jackknife over groups.

        An effect of a given size is `added` by letting the last displacements grow.
        """
        run = data[self.label]["squared_displacement"].sel(step=list(WINDOW))
        growth = np.array([1.0, (WINDOW[1] / WINDOW[0]) ** added])
        groups = run.transpose("group", "step").values * growth
        value, error = ls.measure.jackknife(exponent, groups)
        return ls.Estimate(
            value=float(value),
            standard_error=float(error),
            n_independent=len(groups),
            method="jackknife over groups",
        )


STATIONARY = BegunRun("stationary", 0.0, BATCH_SIZES[0])
DISPLACED = BegunRun("displaced", OFFSET, BATCH_SIZES[0])


UNRELAXED = "modes softer than the burn-in, by the law with noise frozen"


def at_batch_sizes(start: BegunRun) -> list[BegunRun]:
    """Return a start at every batch size."""
    return [replace(start, batch_size=batch_size) for batch_size in BATCH_SIZES]


def exponent(at_ends: np.ndarray) -> np.ndarray:
    """Exponent of a power law through the displacements (..., 2) at the ends of the window."""
    return np.log(at_ends[..., 1] / at_ends[..., 0]) / np.log(WINDOW[1] / WINDOW[0])


def rival(start: BegunRun) -> str:
    """Name of what the other start has."""
    return "drift" if start.offset == 0 else "diffusion without drift"


def exponents(run: BegunRun) -> ls.claims.Comparison:
    """Compare the exponent of one run."""
    wrong = run.other_start.exponent
    return ls.claims.Comparison(
        name=f"{run.label}: exponent",
        prediction=run.exponent,
        rivals={rival(run): wrong} | ({"normal diffusion": 1.0} if run.offset == 0 else {}),
        wrong=wrong,
        margin=run.margin,
        basis="theory",
        reason=UNRELAXED,
        near_misses=near_misses(run.exponent_at, run.settings, margin=run.margin),
        measure=run.measure,
    )


def difference(start: BegunRun) -> ls.claims.Comparison:
    """Compare the difference of the exponents at the two batch sizes."""
    small, large = at_batch_sizes(start)
    wrong = large.other_start.exponent - small.other_start.exponent

    def measure(data: ls.claims.Data, added: float = 0.0) -> ls.Estimate:
        pair = small.measure(data), large.measure(data, added)
        return ls.Estimate(
            value=pair[1].value - pair[0].value,
            standard_error=float(np.hypot(pair[0].standard_error, pair[1].standard_error)),
            n_independent=pair[0].n_independent,
            method="difference of independent runs",
        )

    def after_slip(settings: ls.SGD) -> float:
        """Return the difference with both learning rates and momenta off in the same way."""
        first = replace(settings, batch_size=small.batch_size)
        return large.exponent_at(settings) - small.exponent_at(first)

    def with_effect(data: ls.claims.Data, size: float) -> ls.Estimate:
        return measure(data, max(size, RESOLVED * abs(wrong)))

    margin = small.margin + large.margin
    sizes = f"{large.batch_size} minus {small.batch_size}"
    drifts = start.offset != 0
    return ls.claims.Comparison(
        name=f"{start.start} start: exponent at batch size {sizes}",
        prediction=large.exponent - small.exponent,
        scale=None if drifts else abs(wrong),
        rivals={rival(start): wrong},
        wrong=wrong,
        margin=margin,
        basis="theory",
        reason=UNRELAXED,
        near_misses=near_misses(after_slip, large.settings, margin=margin) if drifts else {},
        injected=None if drifts else with_effect,
        measure=measure,
    )


class ExponentAndDrift(ls.claims.Claim):
    title = "Exponent and drift"
    statement = (
        "At stationarity the exponent of the displacement does not depend on the batch size and "
        "stays below one; an exponent above one, or one that rises with the batch size, is drift."
    )
    formula = (
        "E|Delta_t|^2 = 2 sum_l Var_l (1 - r_l(t)) + |mean drift|^2;  Var_l ~ 1 / "
        "batch_size, drift ~ batch_size^0"
    )
    source = (
        "Kunin et al., arXiv 2107.09133, "
        "figure 7 (exponents above one in deep networks); explanation derived"
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
            run.label: displacement.at(
                RegressionRun(
                    problem=DIABETES,
                    settings=run.settings,
                    replicas=REPLICAS[tier] // (1 if run.offset == 0 else 3),
                    schedule=SCHEDULE,
                    start="burned in from the minimiser",
                    burn_in=BURN_IN,
                    offset=run.offset,
                    seed=ls.derive_seed(seed, self.id, run.start, run.batch_size),
                )
            )
            for start in (STATIONARY, DISPLACED)
            for run in at_batch_sizes(start)
        }

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        comparisons = []
        for start in (STATIONARY, DISPLACED):
            comparisons += [*map(exponents, at_batch_sizes(start)), difference(start)]
        return comparisons

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        return [panel(data, start) for start in (STATIONARY, DISPLACED)]


def panel(data: ls.claims.Data, start: BegunRun) -> Panel:
    """Displacement from one start over time."""
    runs = []
    for run in at_batch_sizes(start):
        times = data[run.label]["step"].values[1:]
        mean, error = mean_and_error(data[run.label], "squared_displacement")
        points = Series(f"batch size {run.batch_size}", times, mean[1:], error[1:])
        runs.append((points, Series.theory("exact law", times, run.law_curve(times))))
    ends = np.array(WINDOW)
    linear = start.law_curve(ends[:1])[0] * ends / ends[0]
    series = (*theory_and_runs(runs), Series.rival("normal diffusion", ends, linear))
    title = f"Diabetes, {start.start} start"
    return log_log(title, "time [steps]", r"$E|\theta_t - \theta_0|^2$", series)
