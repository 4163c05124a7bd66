"""Noise begins to matter at a temperature of about three times the margin, whatever the number of
points.

The weights at zero loss against T, from kappa/16 to 256 kappa: a plateau, as of gradient descent,
and a line ~ T. The crossover T_x is where the straight lines of the two ends cross. Each replica
has the same points at all temperatures, and the first of the points of larger training sets.
"""

import numpy as np
import xarray as xr
from langevin_sgd.validation.sgd_regimes import _stops as stops
from langevin_sgd.validation.sgd_regimes._runs import joined, parts, perceptron_ensemble

import langevin_sgd as ls

DIMENSION, MARGIN = 32, 1 / 64
SIZES = {0.0: (256, 512, 1024), 1.0: (1024, 2048, 4096)}
CONSTANTS_RATIO = {0.0: 0.5 / 0.94, 1.0: 0.25 / 0.85}
"""c of the stop with noise over its middle value in gradient descent."""
LOW, NEXT, HIGH = 1 / 16, 1 / 4, 256.0
"""T/kappa that decide."""
BETWEEN = (1.0, 4.0, 16.0, 64.0)
"""T/kappa that are shown."""
REPLICAS = {"quick": 64, "full": 512}


def label(chi: float, points: int, temperature: float) -> str:
    """Name of a training; `temperature` in units of the margin."""
    return f"chi {chi:g}, P {points}, T/kappa {temperature:g}"


def crossover(chi: float, ratio: float) -> float:
    """T_x/kappa by theory, for a ratio of the constants of the stop with noise and without."""
    return ls.theory.perceptron.crossover_temperature(chi=chi, margin=1.0, constant_ratio=ratio)


def compared(chi: float) -> list[ls.claims.Comparison]:
    """Compare position, dependence on P, and the plateau, at one chi."""
    sizes, gamma = SIZES[chi], ls.theory.perceptron.exponents(chi).gamma
    value, equal = crossover(chi, CONSTANTS_RATIO[chi]), crossover(chi, 1.0)
    dips = stops.dip(chi, np.array(sizes) / DIMENSION, DIMENSION)
    kappa_d = float(np.log(DIMENSION))
    tail = np.log((1 + NEXT / value) / (1 + LOW / value)) / np.log(NEXT / LOW)
    return [
        ls.claims.Comparison(
            name=f"ln(T_x/kappa), chi {chi:g}",
            prediction=np.log(value),
            margin=np.log(equal / value),
            basis="pilot",
            reason="constants of the two stops: from the known ones to equal ones",
            rivals={"T_x = kappa d": kappa_d, "T_x = 1": -np.log(MARGIN)},
            wrong=kappa_d,
            measure=lambda data: _mean(_crossings(data, chi).mean(axis=0)),
        ),
        ls.claims.Comparison(
            name=f"slope of ln T_x in ln P, chi {chi:g}",
            prediction=0.0,
            margin=(dips[0] - dips[-1]) / np.log(sizes[-1] / sizes[0]),
            basis="theory",
            reason="finite d: with noise, the weights grow more slowly by dips of depth "
            "sqrt(ln(N)/d)",
            rivals={"fixed threshold of the weights, -gamma": -gamma},
            wrong=-gamma,
            measure=lambda data: _mean(_slopes_between(data, chi)),
        ),
        ls.claims.Comparison(
            name=f"slope in ln T below T_x, chi {chi:g}",
            prediction=0.0,
            margin=tail,
            basis="theory",
            reason="tail of the crossover: weights as at a temperature T_x + T",
            rivals={"noise let through by the margin, 1/2": 0.5, "proportional to T": 1.0},
            wrong=0.5,
            measure=lambda data: _mean(_slopes_below(data, chi)),
        ),
    ]


def _mean(samples: np.ndarray) -> ls.Estimate:
    return ls.Estimate.from_samples(samples, method="mean over replicas with the same points")


def _crossings(data: ls.claims.Data, chi: float) -> np.ndarray:
    """ln(T_x/kappa) of every replica, (size, replica)."""
    norms = np.exp(_logs(data, chi, (LOW, HIGH)))
    ends = [norms[:, 0], norms[:, 1]]
    return ls.experiments.branch_crossing([LOW, HIGH], ends, slopes=(0.0, 1.0))


def _slopes_between(data: ls.claims.Data, chi: float) -> np.ndarray:
    """Slope of ln T_x in ln P of every replica, from the ends of the sizes."""
    crossings, sizes = _crossings(data, chi), SIZES[chi]
    return (crossings[-1] - crossings[0]) / np.log(sizes[-1] / sizes[0])


def _slopes_below(data: ls.claims.Data, chi: float) -> np.ndarray:
    """Slope in ln T below the crossover of every replica, on average over the sizes."""
    logs = _logs(data, chi, (LOW, NEXT))
    return (logs[:, 1] - logs[:, 0]).mean(axis=0) / np.log(NEXT / LOW)


class CrossoverTemperature(ls.claims.Claim):
    title = "Temperature at which noise begins to matter"
    statement = (
        "The weights at zero loss do not depend on T below a crossover of order 3 kappa, "
        "which is independent of P."
    )
    formula = "||w*|| ~ max(T, T_x) sqrt(d) (P/d)^gamma,  T_x = (2.5 to 3.4) kappa"
    source = (
        "derived: where the stops with and without noise meet; regimes: Sclocchi et al., "
        "arXiv 2301.13703"
    )
    validity = "Batch sizes below B*, P/d of at least 8; T_x is a crossover, a decade wide."
    control_statement = (
        "Noise matters once the weights pass a fixed threshold, T_x ~ P^(-gamma), "
        "at a temperature of order kappa d."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        found = {}
        for chi, sizes in SIZES.items():
            for points in reversed(sizes):
                between = BETWEEN if points == sizes[-1] else ()
                for temperature in (LOW, NEXT, *between, HIGH):
                    run = perceptron_ensemble(
                        points=points,
                        dimension=DIMENSION,
                        chi=chi,
                        temperature=temperature * MARGIN,
                        margin=MARGIN,
                        replicas=REPLICAS[tier],
                        seed=ls.derive_seed(seed, self.id, chi),
                    )
                    count = 4 if temperature == LOW and points == sizes[-1] else 1
                    found |= dict(parts(label(chi, points, temperature), run, count))
        return found

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        return [comparison for chi in SIZES for comparison in compared(chi)]

    def out_of_range(self, data: dict[str, xr.Dataset], tier: str) -> str | None:
        return stops.unfinished(data)

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        return [self._panel(data, chi) for chi in SIZES]

    @staticmethod
    def _panel(data: dict[str, xr.Dataset], chi: float) -> ls.plotting.Panel:
        """Weights in units of kappa sqrt(d) (P/d)^gamma against T/kappa: one curve for all P."""
        gamma, series = ls.theory.perceptron.exponents(chi).gamma, []
        for points in SIZES[chi]:
            shown = (LOW, NEXT, *(BETWEEN if points == SIZES[chi][-1] else ()), HIGH)
            unit = MARGIN * DIMENSION**0.5 * (points / DIMENSION) ** gamma
            means = [
                ls.measure.geometric_mean(joined(data, label(chi, points, t), "norm")).scaled(
                    1 / unit
                )
                for t in shown
            ]
            y, error = (
                [getattr(one, name) for one in means] for name in ("value", "standard_error")
            )
            series.append(ls.plotting.Series(f"P = {points}", shown, y, error))
        fine, x_t = np.geomspace(LOW / 2, HIGH * 2, 60), crossover(chi, CONSTANTS_RATIO[chi])
        plateau, line = series[-1].y[0], series[-1].y[-1] / HIGH * fine
        ends, crossing = fine[[0, -1]], plateau * HIGH / series[-1].y[-1]
        return ls.plotting.log_log(
            rf"Weights at zero loss, $\chi$ = {chi:g}, d = {DIMENSION}",
            r"$T/\kappa$",
            r"$\|w^*\| \,/\, \kappa\sqrt{d}\,(P/d)^{\gamma}$",
            (
                *series,
                ls.plotting.Series.theory(
                    r"plateau, then ~ T from $T_x$ on", fine, plateau * np.maximum(1, fine / x_t)
                ),
                ls.plotting.Series.rival(
                    r"crossover at $\kappa d$", fine, plateau * np.maximum(1, fine / DIMENSION)
                ),
                ls.plotting.Series.guide("", ends, np.full(2, plateau)),
                ls.plotting.Series.guide("", fine[line > plateau / 3], line[line > plateau / 3]),
            ),
            note=rf"theory: $T_x$ = {x_t:.2f} $\kappa$; the dotted lines cross at {crossing:.2f} "
            r"$\kappa$",
        )


def _logs(data: dict[str, xr.Dataset], chi: float, temperatures: tuple[float, ...]) -> np.ndarray:
    """ln ||w*||, (size, temperature, replica)."""
    return np.log(
        [
            [joined(data, label(chi, points, t), "norm") for t in temperatures]
            for points in SIZES[chi]
        ]
    )
