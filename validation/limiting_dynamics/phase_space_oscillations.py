"""Modes turn in phase space: clockwise, at the natural frequency, and oscillate at a lower one.

Stationary minibatch SGD on the diabetes data, its four stiffest eigenmodes followed at every step.
Two different numbers are called frequency: the stationary current winds about the minimum at a mean
rate that the Langevin equation puts at its natural frequency lr * omega, while the correlations
oscillate at the phase advance of the map, which damping lowers.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from langevin_sgd.validation.limiting_dynamics._problems import (
    DIABETES,
    built,
    exact_law,
    rival_laws,
)
from langevin_sgd.validation.limiting_dynamics._runs import RegressionRun, rotation

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series, log_x

SETTINGS = ls.SGD(lr=0.05, batch_size=64, momentum=0.8)
MODES = (0, 1, 2, 3)
BURN_IN, STEPS = 200, 300
"""Steps before recording (the covariance relaxes as momentum^steps), and recorded steps."""
REPLICAS = {"quick": 2048, "full": 32768}
NORMALITY = 0.01
"""Accuracy of the winding rate, whose law takes state and noise of batches of 64 as normal."""


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


WINDING, FREQUENCY = Rotation("winding rate", "winding_rate"), Rotation("frequency", "frequency")


class PhaseSpaceOscillations(ls.claims.Claim):
    title = "Phase-space oscillations"
    statement = (
        "Every eigenmode of SGD with momentum circulates "
        "clockwise in the plane of position and velocity, faster the stiffer it is; "
        "correlations oscillate at the phase advance of the map, below the natural frequency."
    )
    formula = (
        "cos(frequency) = (1 + momentum - lr k) / (2 sqrt(momentum));  "
        "winding rate = -lr omega + O(lr k)"
    )
    source = (
        "Kunin et al., arXiv 2107.09133 (phase-space oscillations); "
        "winding and frequency of the map derived"
    )
    validity = (
        "Stationary, oscillating modes: (1 - sqrt(momentum))^2 < lr k < (1 + "
        "sqrt(momentum))^2; nearly normal noise."
    )
    control_statement = (
        "The currents as drawn with the sign of PyTorch's momentum buffer: the "
        "same rates counter-clockwise."
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
        exact = exact_law(DIABETES, SETTINGS).oscillators
        langevin = rival_laws(DIABETES, SETTINGS)["Langevin equation"].oscillators
        winding, wrong = map(ls.theory.winding_per_step, (exact, langevin))
        natural = ls.theory.natural_angle_per_step(exact)
        comparisons = []
        for mode in MODES:
            comparisons += [
                ls.claims.Comparison(
                    name=f"eigenmode {mode + 1}: {WINDING.name} [rad/step]",
                    prediction=winding[mode],
                    margin=NORMALITY * abs(winding[mode]),
                    basis="convention",
                    reason="state and minibatch noise taken as normal",
                    rivals={"counter-clockwise": -winding[mode], "no circulation": 0.0},
                    wrong=-wrong[mode],
                    measure=partial(WINDING.of, mode, tier),
                ),
                ls.claims.Comparison(
                    name=f"eigenmode {mode + 1}: {FREQUENCY.name} [rad/step]",
                    prediction=exact.frequency[mode],
                    rivals={"natural frequency": natural[mode]},
                    measure=partial(FREQUENCY.of, mode, tier),
                ),
            ]
        return comparisons

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        values = built(DIABETES).eigenvalues[list(MODES)]
        stiffness = np.geomspace(0.5, 1.5, 40) * np.linspace(values[-1], values[0], 40)
        spectrum = ls.LinearRegression.from_spectrum(stiffness)
        law = ls.theory.DiscreteLaw(spectrum, SETTINGS).oscillators
        winding, natural = ls.theory.winding_per_step(law), ls.theory.natural_angle_per_step(law)
        falling, panels = np.sort(stiffness)[::-1], []
        for title, rate, exact, rival in (
            ("Winding rate", WINDING, winding, ("Langevin equation", -natural)),
            ("Frequency of correlations", FREQUENCY, law.frequency, ("natural frequency", natural)),
        ):
            series = (
                Series.measured("SGD", values, [rate.of(mode, tier, data) for mode in MODES]),
                Series.theory("exact law", falling, exact),
                Series.rival(rival[0], falling, rival[1]),
            )
            panels.append(log_x(title, "eigenvalue of the Hessian", "radians per step", series))
        return panels
