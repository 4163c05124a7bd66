"""Parameters keep diffusing after convergence, with the curve and the exponent that the spectrum
dictates.

On real data the displacement of minibatch SGD is compared with its exact law, lag by lag. On
spectra l^-s the exponent is 1/s while the time lies between the relaxation times of the stiffest
and of the softest of m modes: there, with u = h_1 lr t / (1 - momentum),

    E|Delta_t|^2 ~ u^(1/s) Gamma(1 - 1/s) - 1/2 - u m^(1-s) / (s - 1) .

The largest deviation of the local slope of this expansion from 1/s inside the window is the margin.
"""

import numpy as np
import xarray as xr
from langevin_sgd.validation.limiting_dynamics.problems import exact_law, rival_laws
from langevin_sgd.validation.limiting_dynamics.runs import (
    Run,
    displacement,
    estimate,
    mean_and_error,
)

import langevin_sgd as ls

REAL = {
    "digits": ls.SGD(lr=0.01, batch_size=16, momentum=0.9),
    "diabetes": ls.SGD(lr=0.05, batch_size=16, momentum=0.9),
}
LAGS = (1, 10, 100, 1000)
BURNED, BURN_IN = "diabetes, burned in", 3000
"""One case whose start is not drawn from the law: thirteen relaxation times of the softest mode
from rest.
"""
SPECTRUM_SETTINGS = ls.SGD(lr=0.1, batch_size=1, momentum=0.5)
MODES = {1.5: 1500, 2.0: 1000, 3.0: 300}
WINDOWS = {1.5: (40, 400), 2.0: (100, 2000), 3.0: (100, 2000)}
CURVES = {name: (name, settings) for name, settings in REAL.items()} | {
    BURNED: ("diabetes", REAL["diabetes"])
}
"""Runs on real data by label: problem and settings."""
REPLICAS = {
    "quick": {"digits": 3072, "diabetes": 8192, BURNED: 4096, 1.5: 256, 2.0: 256, 3.0: 1024},
    "full": {"digits": 32768, "diabetes": 131072, BURNED: 65536, 1.5: 4096, 2.0: 4096, 3.0: 16384},
}


def spectrum_name(s: float) -> str:
    """Name of the problem with eigenvalues l^-s."""
    return f"power_law({s},{MODES[s]})"


def slope_margin(s: float) -> float:
    """Largest deviation from 1/s of the local slope of the expansion, at the ends of the window."""
    ends = np.array(WINDOWS[s], dtype=float)
    log_step = 1e-4
    below, above = (
        ls.theory.power_law_displacement(
            ends * np.exp(sign * log_step), SPECTRUM_SETTINGS, largest=1.0, decay=s, modes=MODES[s]
        )
        for sign in (-1, 1)
    )
    slope = np.log(above / below) / (2 * log_step)
    return float(np.abs(slope - ls.theory.spectral_exponent(s)).max())


class AnomalousDiffusion(ls.claims.Claim):
    title = "Displacement after convergence"
    statement = (
        "After convergence the squared displacement of the parameters follows the stationary law "
        "of the linearised "
        "dynamics; for a Hessian spectrum l^-s it grows as t^(1/s) between the relaxation times of "
        "its modes."
    )
    formula = "E|Delta_t|^2 = 2 sum_l Var_l (1 - r_l(t));  exponent 1/s for h_l ~ l^-s"
    source = (
        "Kunin et al., arXiv 2107.09133 (anomalous diffusion); the exact stationary law and the "
        "exponent of "
        "a spectrum are derived from the SGD map"
    )
    validity = (
        "Stationary SGD on a quadratic loss; the exponent inside the window of the spectrum, with "
        "noise proportional "
        "to the Hessian."
    )
    control_statement = (
        "Normal diffusion: the displacement of one step grows linearly in time, exponent one."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        tasks = {name: self._task(name, name, REAL[name], LAGS[-1], tier, seed) for name in REAL}
        tasks[BURNED] = self._task(
            BURNED, "diabetes", REAL["diabetes"], LAGS[-1], tier, seed, "burned in"
        )
        for s, (_, stop) in WINDOWS.items():
            name = spectrum_name(s)
            tasks[name] = self._task(s, name, SPECTRUM_SETTINGS, stop, tier, seed)
        return tasks

    def _task(
        self,
        case: str | float,
        name: str,
        settings: ls.SGD,
        stop: int,
        tier: str,
        seed: int,
        start: str = "stationary",
    ) -> ls.sweep.Task:
        return displacement.at(
            Run(
                problem=name,
                settings=settings,
                replicas=REPLICAS[tier][case],
                schedule=tuple(ls.record.log_spaced(steps=stop, per_decade=8).tolist()),
                start=start,
                burn_in=BURN_IN if start == "burned in" else 0,
                seed=ls.derive_seed(seed, self.id, case),
            )
        )

    def predict(self, tier: str) -> list[ls.claims.Component]:
        return [*self._on_real_data(), *self._on_spectra()]

    def _on_real_data(self) -> list[ls.claims.Component]:
        components = []
        for name, (problem_name, settings) in CURVES.items():
            exact = exact_law(problem_name, settings).mean_square_displacement(LAGS)
            rivals = {
                rival: law.mean_square_displacement(LAGS)
                for rival, law in rival_laws(problem_name, settings).items()
            }
            for i, lag in enumerate(LAGS):
                components.append(
                    ls.claims.Component(
                        name=f"{name}: squared displacement in {lag} steps",
                        prediction=float(exact[i]),
                        alternatives={rival: float(values[i]) for rival, values in rivals.items()},
                    )
                )
        return components

    def _on_spectra(self) -> list[ls.claims.Component]:
        return [
            ls.claims.Component(
                name=f"spectrum l^-{s}: exponent",
                prediction=ls.theory.spectral_exponent(s),
                margin=slope_margin(s),
                margin_reason="next terms of the expansion at the ends of the window",
                alternatives={"normal diffusion": 1.0}
                | {f"spectrum l^-{other}": 1 / other for other in MODES if other != s},
            )
            for s in MODES
        ]

    def control(self, tier: str) -> list[ls.claims.Component]:
        linear = [
            ls.claims.Component(
                name=f"{name}: squared displacement in {LAGS[-1]} steps",
                prediction=float(exact_law(name, settings).mean_square_displacement([1])[0])
                * LAGS[-1],
            )
            for name, settings in REAL.items()
        ]
        return [
            *linear,
            *(
                ls.claims.Component(name=f"spectrum l^-{s}: exponent", prediction=1.0)
                for s in MODES
            ),
        ]

    def measure(self, data: dict[str, xr.Dataset], tier: str) -> dict[str, ls.Estimate]:
        found = {
            f"{name}: squared displacement in {lag} steps": estimate(
                data[name], "squared_displacement", step=lag
            )
            for name in CURVES
            for lag in LAGS
        }
        for s, window in WINDOWS.items():
            run = data[spectrum_name(s)]
            found[f"spectrum l^-{s}: exponent"] = ls.measure.diffusion_exponent(
                (run["step"].values, run["squared_displacement"].values), window=window
            )
        return found

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        return [*(self._real_panel(name, data[name]) for name in REAL), self._spectra_panel(data)]

    def _real_panel(self, name: str, run: xr.Dataset) -> ls.plotting.Panel:
        lags = run["step"].values[1:]
        dense = ls.record.log_spaced(steps=lags[-1], per_decade=60)[1:]
        laws = {"exact law": exact_law(name, REAL[name]), **rival_laws(name, REAL[name])}
        lines = [
            ls.plotting.Series(
                label,
                dense,
                law.mean_square_displacement(dense),
                kind="theory" if label == "exact law" else "rival",
            )
            for label, law in laws.items()
        ]
        mean, error = mean_and_error(run, "squared_displacement")
        return ls.plotting.Panel(
            title=f"Minibatch SGD on {name}",
            x_label="lag [steps]",
            y_label=r"$E|\Delta_t|^2$",
            series=(ls.plotting.Series("SGD", lags, mean[1:], error[1:]), *lines),
            x_scale="log",
            y_scale="log",
        )

    def _spectra_panel(self, data: dict[str, xr.Dataset]) -> ls.plotting.Panel:
        series = []
        for s in MODES:
            run = data[spectrum_name(s)]
            lags = run["step"].values[1:]
            mean, error = mean_and_error(run, "squared_displacement")
            law = exact_law(spectrum_name(s), SPECTRUM_SETTINGS).mean_square_displacement(lags)
            inside = (lags >= WINDOWS[s][0]) & (lags <= WINDOWS[s][1])
            middle = np.flatnonzero(inside)[inside.sum() // 2]
            power = law[middle] * (lags[inside] / lags[middle]) ** (1 / s)
            series += [
                ls.plotting.Series(f"s = {s}", lags, mean[1:], error[1:]),
                ls.plotting.Series("exact law" if s == 3 else "", lags, law, kind="theory"),
                ls.plotting.Series(
                    "slope 1/s" if s == 3 else "", lags[inside], power, kind="guide"
                ),
            ]
        return ls.plotting.Panel(
            title=r"Spectra $h_l = l^{-s}$",
            x_label="lag [steps]",
            y_label=r"$E|\Delta_t|^2$",
            series=tuple(series),
            x_scale="log",
            y_scale="log",
        )
