"""Noise begins to matter at a temperature of a few times the margin, which moves with the number of
points only as dips of the noise do.

The weights and the time at zero loss against T, from kappa/16 to 256 kappa: a plateau, as of
gradient descent, and a line ~ T. The crossover T_x is where the straight lines of the two ends
cross. Each replica has the same points at all temperatures, and the first of the points of larger
training sets.

T_x lies between two bounds (derived). One visit moves the margin of its point by T, which is a
small part of it below kappa: T_x >= kappa. And noise ends training with no more unfit points than
gradient descent, so T_x is at most where the branches meet with equal constants of the stop. On
the branch of noise training ends in dips of the noise, which become deeper with P, on that of
gradient descent it does not: T_x ~ P^(minus their slope), and not ~ P^(-gamma), as from a fixed
threshold of the weights. Below T_x weights and times are as at a temperature T_x + T.
"""

from functools import partial

import numpy as np
import xarray as xr
from langevin_sgd.validation.sgd_regimes import _stops as stops
from langevin_sgd.validation.sgd_regimes._runs import joined, parts, perceptron_ensemble

import langevin_sgd as ls

DIMENSION, MARGIN = 32, 1 / 64
SIZES = {0.0: (256, 512, 1024), 1.0: (1024, 2048, 4096)}
LOW, NEXT, HIGH = 1 / 16, 1 / 4, 256.0
"""T/kappa that decide."""
BETWEEN = (1.0, 4.0, 16.0, 64.0)
"""T/kappa that are shown."""
REPLICAS = {"quick": 64, "full": 512}


def label(chi: float, points: int, temperature: float) -> str:
    """Name of a training; `temperature` in units of the margin."""
    return f"chi {chi:g}, P {points}, T/kappa {temperature:g}"


def crossover(chi: float) -> float:
    """T_x/kappa where the branches meet with equal constants of the stop: its upper bound."""
    return ls.theory.perceptron.crossover_temperature(chi=chi, margin=1.0)


LET_THROUGH = "noise let through by the margin, 1/2"
TAIL = float(np.log((1 + NEXT) / (1 + LOW)) / np.log(NEXT / LOW))
"""Slope in ln T, between the two temperatures below T_x, of 1 + T/T_x at its lower bound, kappa."""


def compared(chi: float) -> list[ls.claims.Comparison]:
    """Compare position, dependence on P, and the plateaus, at one chi."""
    sizes, gamma = SIZES[chi], ls.theory.perceptron.exponents(chi).gamma
    dips = stops.dip(chi, np.array(sizes) / DIMENSION, DIMENSION)
    drift = float(dips[0] - dips[-1]) / float(np.log(sizes[-1] / sizes[0]))
    kappa_d = float(np.log(DIMENSION))

    def between(data: ls.claims.Data) -> ls.Estimate:
        return _mean(_slopes_between(data, chi))

    position = partial(_position, chi)
    return [
        ls.claims.Comparison(
            name=f"ln(T_x/kappa), chi {chi:g}: at least T_x = kappa",
            prediction=0.0,
            kind="at_least",
            rivals={"any noise, T_x = kappa/d": -kappa_d},
            near_misses={"T_x = 2 kappa": float(np.log(2))},
            measure=position,
        ),
        ls.claims.Comparison(
            name=f"ln(T_x/kappa), chi {chi:g}: at most with equal constants of the stop",
            prediction=float(np.log(crossover(chi))),
            kind="at_most",
            rivals={"T_x = kappa d": kappa_d, "T_x = 1": -np.log(MARGIN)},
            wrong=kappa_d,
            near_misses={"a tenth below the bound": float(np.log(0.9 * crossover(chi)))},
            measure=position,
        ),
        ls.claims.Comparison(
            name=f"slope of ln T_x in ln P, chi {chi:g}",
            prediction=drift,
            margin=stops.TRUSTED * drift,
            basis="theory",
            reason=stops.MARGIN_REASON,
            scale=gamma,
            rivals={"fixed threshold of the weights, T P^gamma": -gamma},
            wrong=-gamma,
            near_misses={"dips on the other branch": -drift},
            measure=between,
        ),
        ls.claims.Comparison(
            name=f"slope of ln ||w*|| in ln T below T_x, chi {chi:g}: at most a tail",
            prediction=TAIL,
            kind="at_most",
            scale=0.5,
            rivals={LET_THROUGH: 0.5, "proportional to T": 1.0},
            wrong=0.5,
            near_misses={"a power 1/10": 0.1},
            measure=partial(_below, chi, "norm"),
        ),
        ls.claims.Comparison(
            name=f"slope of ln t* in ln T below T_x, chi {chi:g}: at most of noise let through",
            prediction=0.5,
            kind="at_most",
            rivals={"proportional to T": 1.0},
            wrong=1.0,
            near_misses={"a power 2/5": 0.4},
            measure=partial(_below, chi, "t_star"),
        ),
    ]


def _position(chi: float, data: ls.claims.Data) -> ls.Estimate:
    return _mean(_crossings(data, chi).mean(axis=0))


def _below(chi: float, name: str, data: ls.claims.Data) -> ls.Estimate:
    return _mean(_slopes_below(data, chi, name))


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


def _slopes_below(data: ls.claims.Data, chi: float, name: str) -> np.ndarray:
    """Slope in ln T below the crossover of every replica, on average over the sizes."""
    logs = _logs(data, chi, (LOW, NEXT), name)
    return (logs[:, 1] - logs[:, 0]).mean(axis=0) / np.log(NEXT / LOW)


class CrossoverTemperature(ls.claims.Claim):
    title = "Temperature at which noise begins to matter"
    statement = (
        "Below a crossover T_x of a few times kappa the weights at zero loss depend on T no more "
        "than as T_x + T, and the time no more than as T^(1/2); T_x grows with P as dips of the "
        "noise become deeper, and does not fall as P^(-gamma)."
    )
    formula = (
        "||w*|| ~ (T + T_x) sqrt(d) (P/d)^gamma,  kappa <= T_x <= kappa (T/s_qs) "
        "[1/((1+chi) J_chi)]^(1/(1+chi)),  d ln T_x/d ln P = -d ln(1 - sqrt(ln(N)/d))/d ln P"
    )
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
        fine, bound = np.geomspace(LOW / 2, HIGH * 2, 60), crossover(chi)
        plateau, line = series[-1].y[0], series[-1].y[-1] / HIGH * fine
        ends, crossing = fine[[0, -1]], plateau * HIGH / series[-1].y[-1]
        return ls.plotting.log_log(
            rf"Weights at zero loss, $\chi$ = {chi:g}, d = {DIMENSION}",
            r"$T/\kappa$",
            r"$\|w^*\| \,/\, \kappa\sqrt{d}\,(P/d)^{\gamma}$",
            (
                *series,
                ls.plotting.Series.theory(
                    r"plateau, then ~ T from the upper bound of $T_x$ on",
                    fine,
                    plateau * np.maximum(1, fine / bound),
                ),
                ls.plotting.Series.rival(
                    r"crossover at $\kappa d$", fine, plateau * np.maximum(1, fine / DIMENSION)
                ),
                ls.plotting.Series.guide("", ends, np.full(2, plateau)),
                ls.plotting.Series.guide("", fine[line > plateau / 3], line[line > plateau / 3]),
            ),
            note=rf"theory: $T_x$ at most {bound:.2f} $\kappa$; the dotted lines cross at "
            rf"{crossing:.2f} $\kappa$",
        )


def _logs(
    data: ls.claims.Data, chi: float, temperatures: tuple[float, ...], name: str = "norm"
) -> np.ndarray:
    """ln ||w*|| or ln t*, (size, temperature, replica)."""
    return np.log(
        [[joined(data, label(chi, points, t), name) for t in temperatures] for points in SIZES[chi]]
    )
