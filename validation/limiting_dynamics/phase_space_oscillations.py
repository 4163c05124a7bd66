"""Modes turn in phase space: clockwise, at the natural frequency, and oscillate at a lower one.

Stationary minibatch SGD on the diabetes data, its four stiffest eigenmodes followed at every step.
Two different numbers are called frequency: the stationary current winds about the minimum at a mean
rate that the Langevin equation puts at its natural frequency lr * omega, while the correlations
oscillate at the phase advance of the map, which damping lowers.
"""

import numpy as np
import xarray as xr
from langevin_sgd.validation.limiting_dynamics.problems import exact_law, problem, rival_laws
from langevin_sgd.validation.limiting_dynamics.runs import Run, rotation

import langevin_sgd as ls

NAME = "diabetes"
SETTINGS = ls.SGD(lr=0.05, batch_size=64, momentum=0.8)
MODES = (0, 1, 2, 3)
BURN_IN, STEPS = 200, 300
"""Steps from the minimiser before recording (the covariance relaxes as momentum^steps), and
recorded steps.
"""
REPLICAS = {"quick": 2048, "full": 32768}
NORMALITY = 0.01
"""Relative accuracy of the winding rate, whose law takes the state and the noise of a batch of 64
as normal.
"""


def names(mode: int) -> tuple[str, str]:
    """Names of the two components of a mode."""
    return (
        f"eigenmode {mode + 1}: winding rate [rad/step]",
        f"eigenmode {mode + 1}: frequency [rad/step]",
    )


class PhaseSpaceOscillations(ls.claims.Claim):
    title = "Phase-space oscillations"
    statement = (
        "Every eigenmode of SGD with momentum circulates clockwise in the plane of position and "
        "velocity, faster the "
        "stiffer it is; correlations oscillate at the phase advance of the map, below the natural "
        "frequency."
    )
    formula = (
        "cos(frequency) = (1 + momentum - lr k) / (2 sqrt(momentum));  winding rate = -lr "
        "omega + O(lr k)"
    )
    source = (
        "Kunin et al., arXiv 2107.09133 (phase-space oscillations); winding and frequency of "
        "the map derived"
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
        run = Run(
            problem=NAME,
            settings=SETTINGS,
            replicas=REPLICAS[tier],
            schedule=tuple(range(BURN_IN, BURN_IN + STEPS + 1)),
            start="minimiser",
            modes=MODES,
            seed=ls.derive_seed(seed, self.id),
        )
        return {"run": rotation.at(run)}

    def predict(self, tier: str) -> list[ls.claims.Component]:
        exact = exact_law(NAME, SETTINGS).oscillators
        winding, frequency = ls.theory.winding_per_step(exact), exact.frequency
        natural = ls.theory.natural_angle_per_step(exact)
        components = []
        for mode in MODES:
            winding_name, frequency_name = names(mode)
            components.append(
                ls.claims.Component(
                    name=winding_name,
                    prediction=float(winding[mode]),
                    margin=NORMALITY * abs(float(winding[mode])),
                    margin_reason="state and minibatch noise taken as normal",
                    alternatives={
                        "counter-clockwise": -float(winding[mode]),
                        "no circulation": 0.0,
                    },
                )
            )
            components.append(
                ls.claims.Component(
                    name=frequency_name,
                    prediction=float(frequency[mode]),
                    alternatives={"natural frequency": float(natural[mode])},
                )
            )
        return components

    def control(self, tier: str) -> list[ls.claims.Component]:
        winding = ls.theory.winding_per_step(
            rival_laws(NAME, SETTINGS)["Langevin equation"].oscillators
        )
        return [
            ls.claims.Component(name=names(mode)[0], prediction=-float(winding[mode]))
            for mode in MODES
        ]

    def measure(self, data: dict[str, xr.Dataset], tier: str) -> dict[str, ls.Estimate]:
        found = {}
        for column, mode in enumerate(MODES):
            for name, quantity in zip(names(mode), ("winding_rate", "frequency"), strict=True):
                found[name] = ls.Estimate(
                    value=float(data["run"][quantity][column]),
                    standard_error=float(data["run"][f"{quantity}_error"][column]),
                    n_independent=REPLICAS[tier],
                    method="replicas of one ensemble",
                )
        return found

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        found = self.measure(data, tier)
        stiffness = np.geomspace(0.5, 1.5, 40) * np.linspace(
            problem(NAME).eigenvalues[MODES[-1]], problem(NAME).eigenvalues[0], 40
        )
        law = ls.theory.DiscreteLaw(
            ls.LinearRegression.from_spectrum(stiffness), SETTINGS
        ).oscillators
        measured = [[found[names(mode)[i]] for mode in MODES] for i in (0, 1)]
        values = problem(NAME).eigenvalues[list(MODES)]
        natural = ls.theory.natural_angle_per_step(law)
        return [
            ls.plotting.Panel(
                title=title,
                x_label="eigenvalue of the Hessian",
                y_label="radians per step",
                series=(
                    ls.plotting.Series(
                        "SGD", values, [e.value for e in points], [e.standard_error for e in points]
                    ),
                    ls.plotting.Series(
                        "exact law", np.sort(stiffness)[::-1], theory, kind="theory"
                    ),
                    ls.plotting.Series(rival_label, np.sort(stiffness)[::-1], rival, kind="rival"),
                ),
                x_scale="log",
            )
            for title, points, theory, rival_label, rival in (
                (
                    "Winding rate",
                    measured[0],
                    ls.theory.winding_per_step(law),
                    "Langevin equation",
                    -natural,
                ),
                (
                    "Frequency of correlations",
                    measured[1],
                    law.frequency,
                    "natural frequency",
                    natural,
                ),
            )
        ]
