"""Modes turn in phase space: clockwise, at the natural frequency, and oscillate at a lower one.

Stationary minibatch SGD on the diabetes data, its four stiffest eigenmodes followed at every step.
Two different numbers are called frequency: the stationary current turns about the minimum at a rate
that the Langevin equation puts at its natural frequency lr * omega, while the correlations
oscillate at the phase advance of the map, which damping lowers.

The rate of turning is the angular momentum over the moment of inertia, in coordinates x = omega
theta and v, where the stationary density of the Langevin equation is round,

    rate = E[x_k v_{k+1} - v_k x_{k+1}] / E[x^2 + v^2] = -lr omega (1 + momentum - lr k / 2) / 2 .

It holds second moments alone, and these are those of white noise of some size whatever the noise of
minibatches depends on: the number is exact (derived; for the Langevin equation in infinitesimal
steps it is -lr omega).
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from langevin_sgd.validation.limiting_dynamics._problems import (
    DIABETES,
    built,
    exact_law,
    near_misses,
)
from langevin_sgd.validation.limiting_dynamics._runs import RegressionRun, rotation

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series, log_x

SETTINGS = ls.SGD(lr=0.05, batch_size=64, momentum=0.8)
MODES = (0, 1, 2, 3)
BURN_IN, STEPS = 200, 300
"""Steps before recording (the covariance relaxes as momentum^steps), and recorded steps."""
REPLICAS = {"quick": 2048, "full": 32768}


@dataclass(frozen=True)
class Rotation:
    """A rate at which eigenmodes turn, as a variable of the results."""

    name: str
    variable: str

    def of(self, mode: int, tier: str, data: ls.claims.Data) -> ls.Estimate:
        """Measure it in one mode."""
        run, column = data["run"], MODES.index(mode)
        return ls.Estimate(
            value=float(run[self.variable][column]),
            standard_error=float(run[f"{self.variable}_error"][column]),
            n_independent=REPLICAS[tier],
            method="replicas of one ensemble",
        )


TURNING, FREQUENCY = Rotation("rate of turning", "turning"), Rotation("frequency", "frequency")


def frequency(settings: ls.SGD) -> np.ndarray:
    """Phase advance of all eigenmodes under the map of SGD."""
    return np.asarray(exact_law(DIABETES, settings).oscillators.frequency)


def turning(settings: ls.SGD) -> np.ndarray:
    """Rate of turning of all eigenmodes, by the stationary moments of the exact law."""
    law = exact_law(DIABETES, settings)
    reference = exact_law(DIABETES, SETTINGS).oscillators
    omega = ls.theory.natural_angle_per_step(reference) / SETTINGS.lr
    (position, velocity), next_step = law.mode_variances(), law.mode_autocovariance(1)
    momentum = omega * (next_step[:, 1, 0] - next_step[:, 0, 1])
    return momentum / (omega**2 * position + velocity)


class PhaseSpaceOscillations(ls.claims.Claim):
    title = "Phase-space oscillations"
    statement = (
        "Every eigenmode of SGD with momentum circulates "
        "clockwise in the plane of position and velocity, faster the stiffer it is; "
        "correlations oscillate at the phase advance of the map, below the natural frequency."
    )
    formula = (
        "cos(frequency) = (1 + momentum - lr k) / (2 sqrt(momentum));  "
        "rate of turning = -lr omega (1 + momentum - lr k / 2) / 2"
    )
    source = (
        "Kunin et al., arXiv 2107.09133 (phase-space oscillations); "
        "turning and frequency of the map derived"
    )
    validity = (
        "Stationary, oscillating modes: (1 - sqrt(momentum))^2 < lr k < (1 + "
        "sqrt(momentum))^2; minibatch noise of any law."
    )
    control_statement = (
        "Both at the natural frequency of the Langevin equation, which the rate of turning misses "
        "by the length of a step and the frequency by damping."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        run = RegressionRun(
            problem=DIABETES,
            settings=SETTINGS,
            replicas=REPLICAS[tier],
            schedule=tuple(range(BURN_IN, BURN_IN + STEPS + 1)),
            start="minimiser",
            modes=MODES,
            seed=ls.derive_seed(seed, self.id),
        )
        return {"run": rotation.at(run)}

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        map_of_sgd = exact_law(DIABETES, SETTINGS).oscillators
        natural = ls.theory.natural_angle_per_step(map_of_sgd)
        phase, turned = frequency(SETTINGS), turning(SETTINGS)
        comparisons = []
        for mode in MODES:
            comparisons += [
                ls.claims.Comparison(
                    name=f"eigenmode {mode + 1}: {TURNING.name} [rad/step]",
                    prediction=turned[mode],
                    rivals={"Langevin equation": -natural[mode]},
                    near_misses=near_misses(
                        lambda one, mode=mode: turning(one)[mode], SETTINGS, resolved=0.02
                    ),
                    measure=partial(TURNING.of, mode, tier),
                ),
                ls.claims.Comparison(
                    name=f"eigenmode {mode + 1}: {FREQUENCY.name} [rad/step]",
                    prediction=phase[mode],
                    rivals={"natural frequency": natural[mode]},
                    near_misses=near_misses(lambda one, mode=mode: frequency(one)[mode], SETTINGS),
                    measure=partial(FREQUENCY.of, mode, tier),
                ),
            ]
        return comparisons

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        values = built(DIABETES).eigenvalues[list(MODES)]
        stiffness = np.geomspace(0.5, 1.5, 40) * np.linspace(values[-1], values[0], 40)
        spectrum = ls.LinearRegression.from_spectrum(stiffness)
        law = ls.theory.DiscreteLaw(spectrum, SETTINGS).oscillators
        natural = ls.theory.natural_angle_per_step(law)
        turned = -0.5 * natural * (1 + SETTINGS.momentum - 0.5 * law.stiffness)
        falling, panels = np.sort(stiffness)[::-1], []
        for title, rate, exact, rival in (
            ("Rate of turning", TURNING, turned, ("Langevin equation", -natural)),
            ("Frequency of correlations", FREQUENCY, law.frequency, ("natural frequency", natural)),
        ):
            series = (
                Series.measured("SGD", values, [rate.of(mode, tier, data) for mode in MODES]),
                Series.theory("exact law", falling, exact),
                Series.rival(rival[0], falling, rival[1]),
            )
            panels.append(log_x(title, "eigenvalue of the Hessian", "radians per step", series))
        return panels
