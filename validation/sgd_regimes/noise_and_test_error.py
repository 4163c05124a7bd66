"""What SGD noise does to the test error depends on how dense points are at the boundary: nothing at
chi = 0, harm at 1.

Trainings to zero loss on the same points with T << kappa, where noise is too weak to matter, and T
>> kappa, where it rules the end of training. The error is that of the population, in closed form
from signal and noise. In either regime it falls as d/P whatever chi, but for dips of the noise
(`_stops`): at T >> kappa the error is the unfit fraction, n ~ (s/a)^(1+chi), at the end.

There is no theory of the size of the harm at chi = 1, so that only its sign is judged, and none of
why noise should be nearly neutral at chi = 0: that was found in earlier runs, and is judged as a
change of less than a tenth.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import xarray as xr
from langevin_sgd.validation.sgd_regimes import _stops as stops
from langevin_sgd.validation.sgd_regimes._runs import (
    PerceptronEnsemble,
    censored,
    perceptron_ensemble,
    train,
)

import langevin_sgd as ls

REGIMES = {"weak noise": (1 / 8, 8), "strong noise": (32.0, 1)}
"""T/kappa and batch size; the crossover lies at about 3."""
NOTICED = 1.25
"""A change of the error that ought to be noticed: rivals for Gaussian points are a harm and a use
of noise of this size.
"""
LITTLE = 1.1
"""A change of the error that is called none: about 3 % are seen at d = 32."""


@dataclass(frozen=True)
class TestErrorSizes:
    """One data law: P/d of the paired trainings, the two P/d of the slope, and how many replicas of
    each.
    """

    chi: float
    dimension: int
    ratio: int
    pairs: int
    slope_ratios: tuple[int, int]
    slope_replicas: int

    def run(self, regime: str, ratio: int, replicas: int, seed: int) -> PerceptronEnsemble:
        """Settings of one point; replica r has the same points in both regimes."""
        temperature, batch_size = REGIMES[regime]
        return perceptron_ensemble(
            points=ratio * self.dimension,
            dimension=self.dimension,
            chi=self.chi,
            temperature=temperature,
            margin=1.0,
            batch_size=batch_size,
            replicas=replicas,
            seed=ls.derive_seed(seed, "noise_and_test_error", self.chi),
        )

    def label(self, regime: str, ratio: int) -> str:
        """Name of one point."""
        return f"chi {self.chi:g}, P/d {ratio}, {regime}"

    @property
    def points(self) -> dict[tuple[str, int], int]:
        """Replicas by regime and P/d."""
        found = {("strong noise", ratio): self.slope_replicas for ratio in self.slope_ratios}
        pairs = {(regime, self.ratio): self.pairs for regime in REGIMES}
        return found | {place: max(n, found.get(place, 0)) for place, n in pairs.items()}


GRID = {
    "quick": (
        TestErrorSizes(0.0, 32, 16, 512, (16, 64), 256),
        TestErrorSizes(1.0, 32, 64, 384, (16, 64), 256),
    ),
    "full": (
        TestErrorSizes(0.0, 64, 32, 256, (16, 128), 128),
        TestErrorSizes(1.0, 64, 256, 512, (32, 256), 256),
    ),
}


def log_errors(
    data: Mapping[str, xr.Dataset], case: TestErrorSizes, regime: str, ratio: int
) -> np.ndarray:
    """ln of the population error, (replica,)."""
    return np.log(data[case.label(regime, ratio)]["test_error"].values)


def effect_of_noise(case: TestErrorSizes) -> list[ls.claims.Comparison]:
    """Compare the errors with noise and without: hardly changed at chi = 0, larger above."""

    def measure(data: ls.claims.Data) -> ls.Estimate:
        weak, strong = (log_errors(data, case, regime, case.ratio) for regime in REGIMES)
        return ls.Estimate.from_samples(strong - weak, method="mean over pairs on the same points")

    ends = f"chi {case.chi:g}, P/d = {case.ratio}: ln(error with noise / error without)"
    helps = {f"noise helps by a factor {NOTICED:g}": -float(np.log(NOTICED))}
    harms = {f"noise harms by a factor {NOTICED:g}": float(np.log(NOTICED))}
    if case.chi > 0:
        return [
            ls.claims.Comparison(
                name=f"{ends}: above 0",
                prediction=0.0,
                kind="at_least",
                scale=1.0,
                rivals=helps,
                measure=measure,
                placebo=partial(_exchanged, case),
            )
        ]
    little = float(np.log(LITTLE))
    return [
        ls.claims.Comparison(
            name=f"{ends}: less than a factor {LITTLE:g}",
            prediction=little,
            kind="at_most",
            scale=1.0,
            rivals=harms,
            near_misses={"a harm by a twelfth": float(np.log(13 / 12))},
            measure=measure,
        ),
        ls.claims.Comparison(
            name=f"{ends}: more than a factor 1/{LITTLE:g}",
            prediction=-little,
            kind="at_least",
            scale=1.0,
            rivals=helps,
            near_misses={"a gain by a twelfth": -float(np.log(13 / 12))},
            measure=measure,
        ),
    ]


def _exchanged(case: TestErrorSizes, data: ls.claims.Data) -> ls.Estimate:
    """The same with the two regimes exchanged in half of the pairs: no effect."""
    weak, strong = (log_errors(data, case, regime, case.ratio) for regime in REGIMES)
    sign = np.where(np.arange(len(weak)) % 2, 1.0, -1.0)
    return ls.Estimate.from_samples(sign * (strong - weak))


def power_of_points(case: TestErrorSizes) -> ls.claims.Comparison:
    """Compare how the error with noise falls with P."""
    first, last = case.slope_ratios
    ends = stops.dip(case.chi, np.array(case.slope_ratios, dtype=float), case.dimension)
    margin = (1 + case.chi) * abs(float(ends[1] - ends[0])) / float(np.log(last / first))

    def measure(data: ls.claims.Data) -> ls.Estimate:
        low, high = (
            log_errors(data, case, "strong noise", ratio)[: case.slope_replicas]
            for ratio in case.slope_ratios
        )
        return ls.Estimate.from_samples(
            (high - low) / np.log(last / first), method="mean slope of replicas with nested points"
        )

    return ls.claims.Comparison(
        name=f"chi {case.chi:g}, P/d = {first} to {last}: slope of ln(error) in ln P",
        prediction=-1.0,
        margin=margin,
        basis="theory",
        reason="finite d: training ends in a dip of the noise, of relative depth sqrt(ln(N)/d)",
        rivals={"P^(-1/2)": -0.5, "P^(-3/2)": -1.5},
        wrong=-0.5,
        near_misses={"P^(-2/3)": -2 / 3, "P^(-3/5)": -0.6, "P^(-4/3)": -4 / 3},
        measure=measure,
    )


class NoiseAndTestError(ls.claims.Claim):
    title = "Noise and test error"
    statement = (
        "SGD noise changes the test error of the perceptron by less than a tenth for Gaussian "
        "points and makes it larger for points depleted at the boundary (chi = 1); the error falls "
        "as d/P in both."
    )
    formula = "eps* = c' d/P;  c'(T >> kappa)/c'(T << kappa) = 0.9 ... 1.1 (chi = 0), > 1 (chi = 1)"
    source = "derived; the model: Sclocchi, Geiger and Wyart, arXiv 2301.13703"
    validity = "Trained to zero loss, B below the critical batch size, d = 32 ... 64, P/d >= 16."
    control_statement = (
        "Noise that changes the error by a quarter, or helps at chi = 1, and an error that falls "
        "as P^(-1/2)."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return {
            case.label(regime, ratio): train.at(case.run(regime, ratio, replicas, seed))
            for case in GRID[tier]
            for (regime, ratio), replicas in case.points.items()
        }

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        effects = [one for case in GRID[tier] for one in effect_of_noise(case)]
        return effects + [power_of_points(case) for case in GRID[tier]]

    def out_of_range(self, data: dict[str, xr.Dataset], tier: str) -> str | None:
        return f"{censored(data)} replicas did not reach zero loss" if censored(data) else None

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        return [self._errors(data, tier), self._pairs(data, tier)]

    @staticmethod
    def _errors(data: dict[str, xr.Dataset], tier: str) -> ls.plotting.Panel:
        series = []
        for case in GRID[tier]:
            for regime in REGIMES:
                ratios = sorted(ratio for found, ratio in case.points if found == regime)
                logs = [
                    ls.Estimate.from_samples(log_errors(data, case, regime, ratio))
                    for ratio in ratios
                ]
                means = np.exp([one.value for one in logs])
                errors = means * [one.standard_error for one in logs]
                series.append(
                    ls.plotting.Series(rf"$\chi$ = {case.chi:g}, {regime}", ratios, means, errors)
                )
            height = means[-1] * ratios[-1]
            fine = np.geomspace(min(case.slope_ratios) / 1.2, max(case.slope_ratios) * 1.2, 20)
            series.append(ls.plotting.Series.theory("" if case.chi else "d/P", fine, height / fine))
        root = means[0] * np.sqrt(ratios[0] / fine)
        series.append(ls.plotting.Series.rival(r"$P^{-1/2}$", fine, root))
        return ls.plotting.log_log(
            "Test error at zero loss", "P/d", "population test error", series
        )

    @staticmethod
    def _pairs(data: dict[str, xr.Dataset], tier: str) -> ls.plotting.Panel:
        series, notes = [], []
        for case in GRID[tier]:
            weak, strong = (
                log_errors(data, case, regime, case.ratio) + np.log(case.ratio)
                for regime in REGIMES
            )
            series.append(
                ls.plotting.Series(rf"$\chi$ = {case.chi:g}", np.exp(weak), np.exp(strong))
            )
            notes.append(rf"{np.exp(np.mean(strong - weak)):.2f} at $\chi$ = {case.chi:g}")
        ends = np.array([0.05, 1.2])
        series.append(ls.plotting.Series.theory("noise neutral", ends, ends))
        return ls.plotting.log_log(
            "Same points with and without noise",
            "error P/d, weak noise",
            "error P/d, strong noise",
            series,
            note="mean ratio " + ", ".join(notes),
        )
