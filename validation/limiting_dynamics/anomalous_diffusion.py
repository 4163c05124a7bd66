"""After convergence parameters keep diffusing, with an exponent set by the spectrum.

On real data the displacement of minibatch SGD is compared with its exact law, lag by lag, from
where SGD itself has come in many steps, so that nothing is drawn from the law under test. Modes
softer than that burn-in are not stationary yet; what they lack of the displacement is bounded by
the law with the noise frozen at the minimiser, and is the margin.

On spectra l^-s, with Gaussian noise in place of batches, the exponent is 1/s while the time lies
between the relaxation times of the stiffest and of the softest of m modes: there, with u = h_1 lr t
/ (1 - momentum),

    E|Delta_t|^2 ~ u^(1/s) Gamma(1 - 1/s) - 1/2 - u m^(1-s) / (s - 1) .

The largest deviation of the local slope of this expansion from 1/s inside the window is the margin.
"""

from dataclasses import dataclass

import numpy as np
from langevin_sgd.validation.limiting_dynamics._problems import (
    DIABETES,
    DIGITS,
    EmbeddedData,
    PowerLawSpectrum,
    exact_law,
    lacking,
    near_misses,
    rival_laws,
)
from langevin_sgd.validation.limiting_dynamics._runs import (
    RegressionRun,
    displacement,
    mean_and_error,
    measured,
)

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series, log_log

LAGS = (1, 10, 100, 1000)


def schedule(stop: int) -> tuple[int, ...]:
    """Lags of a run."""
    return tuple(ls.record.log_spaced(steps=stop, per_decade=8).tolist())


@dataclass(frozen=True, kw_only=True)
class RunOnData:
    """Minibatch SGD on real data, from what `burn_in` steps from rest at the minimiser lead to."""

    label: str
    problem: EmbeddedData
    settings: ls.SGD
    replicas: dict[str, int]
    burn_in: int

    def task(self, tier: str, seed: int) -> ls.sweep.Task:
        """Return the run."""
        run = RegressionRun(
            problem=self.problem,
            settings=self.settings,
            replicas=self.replicas[tier],
            schedule=schedule(LAGS[-1]),
            start="burned in from the minimiser",
            burn_in=self.burn_in,
            seed=seed,
        )
        return displacement.at(run)

    def law_curve(self, settings: ls.SGD) -> np.ndarray:
        """Stationary displacement at the lags by the exact law."""
        return exact_law(self.problem, settings).mean_square_displacement(LAGS)

    def comparisons(self) -> list[ls.claims.Comparison]:
        """Compare the displacement with the exact law, lag by lag."""
        exact, rivals = self.law_curve(self.settings), rival_laws(self.problem, self.settings)
        at_lags = {name: one.mean_square_displacement(LAGS) for name, one in rivals.items()}
        margins = exact * lacking(self.problem, self.settings, self.burn_in, LAGS)
        linear = exact[0] * LAGS[-1]
        return [
            ls.claims.Comparison(
                name=f"{self.label}: squared displacement in {lag} steps",
                prediction=exact[i],
                margin=margins[i],
                basis="theory",
                reason="modes softer than the burn-in, by the law with noise frozen",
                rivals={name: values[i] for name, values in at_lags.items()},
                wrong=linear if lag == LAGS[-1] else None,
                near_misses=near_misses(
                    lambda changed, i=i: self.law_curve(changed)[i],
                    self.settings,
                    margin=margins[i],
                ),
                measure=measured(self.label, "squared_displacement", step=lag),
            )
            for i, lag in enumerate(LAGS)
        ]


@dataclass(frozen=True, kw_only=True)
class RunOnSpectrum:
    """The map of SGD with Gaussian noise on a spectrum l^-s, and the lags of the fit."""

    spectrum: PowerLawSpectrum
    window: tuple[int, int]
    replicas: dict[str, int]

    @property
    def label(self) -> str:
        """Label of the run."""
        return f"power_law({self.spectrum.decay},{self.spectrum.modes})"

    def task(self, tier: str, seed: int) -> ls.sweep.Task:
        """Return the run."""
        run = RegressionRun(
            problem=self.spectrum,
            settings=SPECTRUM_SETTINGS,
            replicas=self.replicas[tier],
            schedule=schedule(self.window[1]),
            start="stationary",
            seed=seed,
        )
        return displacement.at(run)

    def comparison(self) -> ls.claims.Comparison:
        """Compare the exponent."""
        s = self.spectrum.decay
        others = [one.spectrum.decay for one in SPECTRA if one is not self]
        return ls.claims.Comparison(
            name=f"spectrum l^-{s}: exponent",
            prediction=ls.theory.spectral_exponent(s),
            margin=self.slope_margin(),
            basis="theory",
            reason="next terms of the expansion at the ends of the window",
            rivals={"normal diffusion": 1.0} | {f"spectrum l^-{one}": 1 / one for one in others},
            wrong=1.0,
            near_misses={f"spectrum l^-{one:.3g}": 1 / one for one in (1.3 * s, s / 1.3)},
            measure=self.exponent,
        )

    def exponent(self, data: ls.claims.Data) -> ls.Estimate:
        """Fit the exponent inside the window."""
        run = data[self.label]
        curve = run["step"].values, run["squared_displacement"].values
        return ls.measure.diffusion_exponent(curve, window=self.window)

    def slope_margin(self) -> float:
        """Largest deviation from 1/s of the expansion's local slope at the ends of the window."""
        ends, log_step = np.array(self.window, dtype=float), 1e-4
        s, modes = self.spectrum.decay, self.spectrum.modes
        below, above = (
            ls.theory.power_law_displacement(
                ends * np.exp(sign * log_step), SPECTRUM_SETTINGS, largest=1.0, decay=s, modes=modes
            )
            for sign in (-1, 1)
        )
        slope = np.log(above / below) / (2 * log_step)
        return float(np.abs(slope - ls.theory.spectral_exponent(s)).max())


ON_DIGITS = RunOnData(
    label="digits",
    problem=DIGITS,
    settings=ls.SGD(lr=0.01, batch_size=16, momentum=0.9),
    replicas={"quick": 3072, "full": 32768},
    burn_in=1000,
)
ON_DIABETES = RunOnData(
    label="diabetes",
    problem=DIABETES,
    settings=ls.SGD(lr=0.05, batch_size=16, momentum=0.9),
    replicas={"quick": 8192, "full": 131072},
    burn_in=1000,
)
ON_DATA = (ON_DIGITS, ON_DIABETES)
SPECTRUM_SETTINGS = ls.SGD(lr=0.1, batch_size=1, momentum=0.5)
SPECTRA = (
    RunOnSpectrum(
        spectrum=PowerLawSpectrum(1.5, 1500),
        window=(40, 400),
        replicas={"quick": 256, "full": 4096},
    ),
    RunOnSpectrum(
        spectrum=PowerLawSpectrum(2.0, 1000),
        window=(100, 2000),
        replicas={"quick": 256, "full": 4096},
    ),
    RunOnSpectrum(
        spectrum=PowerLawSpectrum(3.0, 300),
        window=(500, 5000),
        replicas={"quick": 1024, "full": 16384},
    ),
)


class AnomalousDiffusion(ls.claims.Claim):
    title = "Displacement after convergence"
    statement = (
        "After convergence the squared displacement "
        "of the parameters follows the stationary law of the linearised dynamics; "
        "for a Hessian spectrum l^-s it grows as t^(1/s) between the relaxation times of its modes."
    )
    formula = "E|Delta_t|^2 = 2 sum_l Var_l (1 - r_l(t));  exponent 1/s for h_l ~ l^-s"
    source = (
        "Kunin et al., arXiv 2107.09133 (anomalous diffusion); "
        "the exact stationary law and the exponent of a spectrum are derived from the SGD map"
    )
    validity = (
        "SGD after convergence on a quadratic loss; "
        "the exponent inside the window of the spectrum, with noise proportional to the Hessian."
    )
    control_statement = (
        "Normal diffusion: the displacement of one step grows linearly in time, exponent one."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        on_data = {
            run.label: run.task(tier, ls.derive_seed(seed, self.id, run.label)) for run in ON_DATA
        }
        on_spectra = {
            run.label: run.task(tier, ls.derive_seed(seed, self.id, run.spectrum.decay))
            for run in SPECTRA
        }
        return on_data | on_spectra

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        on_data = [comparison for run in ON_DATA for comparison in run.comparisons()]
        return [*on_data, *(run.comparison() for run in SPECTRA)]

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        return [*(data_panel(run, data) for run in ON_DATA), spectra_panel(data)]


def data_panel(case: RunOnData, data: ls.claims.Data) -> Panel:
    """Displacement on real data against lag."""
    run = data[case.label]
    lags = run["step"].values[1:]
    dense = ls.record.log_spaced(steps=lags[-1], per_decade=60)[1:]
    mean, error = mean_and_error(run, "squared_displacement")
    exact = exact_law(case.problem, case.settings).mean_square_displacement(dense)
    rivals = [
        Series.rival(name, dense, law.mean_square_displacement(dense))
        for name, law in rival_laws(case.problem, case.settings).items()
    ]
    points = Series("minibatch SGD", lags, mean[1:], error[1:])
    series = (points, Series.theory("exact law", dense, exact), *rivals)
    return log_log(f"Minibatch SGD on {case.label}", "lag [steps]", r"$E|\Delta_t|^2$", series)


def spectra_panel(data: ls.claims.Data) -> Panel:
    """Displacement on all spectra against lag."""
    series = []
    for case in SPECTRA:
        run, s = data[case.label], case.spectrum.decay
        lags = run["step"].values[1:]
        mean, error = mean_and_error(run, "squared_displacement")
        law = exact_law(case.spectrum, SPECTRUM_SETTINGS).mean_square_displacement(lags)
        inside = (lags >= case.window[0]) & (lags <= case.window[1])
        middle = np.flatnonzero(inside)[inside.sum() // 2]
        power = law[middle] * (lags[inside] / lags[middle]) ** (1 / s)
        # The legend names them once, with the last spectrum.
        exact, slope = ("exact law", "slope 1/s") if case is SPECTRA[-1] else ("", "")
        series += [
            Series(f"s = {s}", lags, mean[1:], error[1:]),
            Series.theory(exact, lags, law),
            Series.guide(slope, lags[inside], power),
        ]
    return log_log(
        r"Gaussian noise, spectra $h_l = l^{-s}$", "lag [steps]", r"$E|\Delta_t|^2$", series
    )
