r"""Currents of real minibatch SGD: within overdamped modes, and between modes.

Stationary minibatch SGD on the diabetes data. Two currents that no stationary density shows:

- within a mode (theta, v) turns at -lr omega (1 + momentum - lr k / 2) / 2, in every regime of
  damping: also in an overdamped mode, whose correlations do not oscillate;
- between modes. Where the covariance of the noise does not commute with the Hessian, heat flows
  between modes and <theta_i v_j> - <v_i theta_j> is not zero, in the Langevin equation

      (k_i - k_j) <theta_i theta_j> / (1 - momentum) .

The numbers compared are those of the exact law of the map, in units of the product of the standard
deviations of theta_i and v_j; noise that commutes with the Hessian gives none.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from langevin_sgd.validation.limiting_dynamics._problems import (
    DIABETES,
    built,
    exact_law,
    near_misses,
    rival_laws,
)
from langevin_sgd.validation.limiting_dynamics._runs import RegressionRun, crossed

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series

SETTINGS = ls.SGD(lr=0.05, batch_size=16, momentum=0.8)
MODES = (0, 1, 3, 7, 8)
OVERDAMPED = 8
PAIRS = ((0, 3), (3, 7), (0, 1))
"""Eigenmodes between which currents stand out most from their fluctuations, by the law."""
FIRST, LAST, EVERY = 300, 700, 5
"""Steps at which two consecutive states are taken; the softest of the modes relaxes in 51."""
REPLICAS = {"quick": 24576, "full": 393216}


def between(settings: ls.SGD, pair: tuple[int, int]) -> float:
    """Current between two modes by the exact law, in the unit of the settings of the runs."""
    return current(exact_law(DIABETES, settings), pair)


def current(law: ls.theory.Law, pair: tuple[int, int]) -> float:
    """Current between two modes under a law, in the unit of the settings of the runs."""
    vectors = built(DIABETES).eigenvectors[:, list(pair)]
    crossing = vectors.T @ law.stationary().cross_covariance @ vectors
    return float(crossing[0, 1] - crossing[1, 0]) / unit(pair)


def unit(pair: tuple[int, int]) -> float:
    """Product of the standard deviations of theta_i and v_j."""
    position, velocity = exact_law(DIABETES, SETTINGS).mode_variances()
    return float((position[pair[0]] * velocity[pair[1]]) ** 0.5)


def turning(settings: ls.SGD) -> float:
    """Rate at which the overdamped mode turns (opening formula)."""
    natural = natural_angle(settings)
    product = settings.lr * built(DIABETES).eigenvalues[OVERDAMPED]
    return float(-natural * (1 + settings.momentum - product / 2) / 2)


def natural_angle(settings: ls.SGD) -> float:
    """lr omega of the overdamped mode, omega that of the runs."""
    product = SETTINGS.lr * built(DIABETES).eigenvalues[OVERDAMPED]
    return float(settings.lr / SETTINGS.lr * (2 * product / (1 + SETTINGS.momentum)) ** 0.5)


def measured_between(pair: tuple[int, int], data: ls.claims.Data) -> ls.Estimate:
    """Current between two modes, mean over groups."""
    i, j = (MODES.index(mode) for mode in pair)
    crossing = data["run"]["position_velocity"].values
    return ls.Estimate.from_samples((crossing[:, i, j] - crossing[:, j, i]) / unit(pair))


def measured_turning(data: ls.claims.Data) -> ls.Estimate:
    """Angular momentum over moment of inertia of the overdamped mode."""
    place, run = MODES.index(OVERDAMPED), data["run"]
    omega = natural_angle(SETTINGS) / SETTINGS.lr
    names = ("now_next_velocity", "next_now_velocity", "position_position", "velocity_velocity")
    forth, back, positions, velocities = (run[name].values[:, place, place] for name in names)
    samples = np.stack([omega * (forth - back), omega**2 * positions + velocities], axis=1)
    value, error = ls.measure.jackknife(lambda mean: mean[:, 0] / mean[:, 1], samples)
    return ls.Estimate(
        value=float(value),
        standard_error=float(error),
        n_independent=len(samples),
        method="ratio of means, jackknife over groups",
    )


def compared_between(pair: tuple[int, int]) -> ls.claims.Comparison:
    """Compare the current between two modes."""
    predict: Callable[[ls.SGD], float] = partial(between, pair=pair)
    value = predict(SETTINGS)
    return ls.claims.Comparison(
        name=f"eigenmodes {pair[0] + 1} and {pair[1] + 1}: <theta v> - <v theta>",
        prediction=value,
        rivals={"noise that commutes with the Hessian": 0.0},
        near_misses=near_misses(
            predict,
            SETTINGS,
            resolved=0.12,
            more={"noise a fifth nearer to commuting": 0.8 * value},
        ),
        measure=partial(measured_between, pair),
    )


class Currents(ls.claims.Claim):
    title = "Currents in phase space"
    statement = (
        "Stationary minibatch SGD circulates within every eigenmode, overdamped ones included, and "
        "between eigenmodes where the noise does not commute with the Hessian."
    )
    formula = (
        "rate of turning = -lr omega (1 + momentum - lr k / 2) / 2;  <theta_i v_j> - <v_i theta_j> "
        "= (k_i - k_j) <theta_i theta_j> / (1 - momentum) + O(lr k)"
    )
    source = (
        "Kunin et al., arXiv 2107.09133 (stationary current); between modes: derived, exact law of "
        "the map"
    )
    validity = "Quadratic loss, stationary; minibatch noise of any covariance."
    control_statement = "No current: overdamped modes do not turn, and modes are independent."

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        first = range(FIRST, LAST, EVERY)
        run = RegressionRun(
            problem=DIABETES,
            settings=SETTINGS,
            replicas=REPLICAS[tier],
            schedule=tuple(sorted({*first, *(step + 1 for step in first)})),
            start="minimiser",
            modes=MODES,
            seed=ls.derive_seed(seed, self.id),
        )
        return {"run": crossed.at(run)}

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        natural = natural_angle(SETTINGS)
        within = ls.claims.Comparison(
            name=f"eigenmode {OVERDAMPED + 1}, overdamped: rate of turning [rad/step]",
            prediction=turning(SETTINGS),
            rivals={"no turning, as no oscillation": 0.0, "Langevin equation": -natural},
            wrong=0.0,
            near_misses={"Langevin equation": -natural},
            measure=measured_turning,
        )
        return [within, *map(compared_between, PAIRS)]

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        number = np.arange(len(PAIRS))
        langevin = rival_laws(DIABETES, SETTINGS)["Langevin equation"]
        series = (
            Series.measured("SGD", number, [measured_between(pair, data) for pair in PAIRS]),
            Series.theory("exact law", number, [between(SETTINGS, pair) for pair in PAIRS]),
            Series.guide("Langevin equation", number, [current(langevin, pair) for pair in PAIRS]),
        )
        names = ", ".join(f"{first + 1}-{second + 1}" for first, second in PAIRS)
        return [Panel("Currents between modes", f"pair of {names}", "current", series)]
