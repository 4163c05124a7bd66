"""The weights at zero loss grow as T^delta P^gamma with delta = 1 and gamma = 1/(1+chi).

gamma: local slopes of the mean of ln ||w*|| on the trainings of `stops`, extrapolated to infinite
d. delta: at d = 32, P = 1024, from temperatures far above the margin, each replica with the same
points and batches at all of them.
"""

import numpy as np
from langevin_sgd.validation.sgd_regimes import _stops as stops
from langevin_sgd.validation.sgd_regimes._runs import joined, parts, perceptron_ensemble
from langevin_sgd.validation.sgd_regimes._stops import WINDOWS, Window

import langevin_sgd as ls

DIMENSION, POINTS, MARGIN = 32, 1024, 1 / 32
TEMPERATURES = (64 * MARGIN, 256 * MARGIN, 1024 * MARGIN)
REPLICAS = {"quick": 64, "full": 512}
CHIS = (0.0, 1.0)


def label(chi: float, temperature: float) -> str:
    """Name of a training that shows delta."""
    return f"chi {chi:g}, T/kappa {temperature / MARGIN:g}"


def rivals(chi: float) -> dict[str, float]:
    """What gamma would be for the other of chi = 0 and 1, or if P did not matter."""
    other = 0.0 if chi else 1.0
    return {f"that of chi = {other:g}": 1 / (1 + other), "no dependence on P": 0.0}


def delta_margin(chi: float) -> float:
    """What is left of the margin kappa in the slope, if weights are as at a temperature T + T_x."""
    left = ls.theory.perceptron.crossover_temperature(chi=chi, margin=MARGIN)
    rise = np.log1p(left / np.array(TEMPERATURES))
    return float((rise[0] - rise[-1]) / np.log(TEMPERATURES[-1] / TEMPERATURES[0]))


def compared_gamma(window: Window) -> ls.claims.Comparison:
    """Compare the exponent in P at one chi."""
    others, margin = rivals(window.chi), stops.margin(window, "norm")
    return ls.claims.Comparison(
        name=f"gamma at chi {window.chi:g}, P/d {window.ratios[0]} to {window.ratios[1]}",
        prediction=ls.theory.perceptron.exponents(window.chi).gamma,
        margin=margin,
        basis="convention",
        reason=stops.MARGIN_REASON,
        rivals=others,
        wrong=next(iter(others.values())),
        wrong_margin=margin,
        measure=lambda data: stops.extrapolation(data, window, "norm").limit,
    )


def compared_delta(chi: float) -> ls.claims.Comparison:
    """Compare the exponent in T at one chi."""

    def measure(data: ls.claims.Data) -> ls.Estimate:
        norms = [joined(data, label(chi, temperature), "norm") for temperature in TEMPERATURES]
        return ls.measure.fit_power_law(TEMPERATURES, np.stack(norms)).exponent

    span = f"{TEMPERATURES[0] / MARGIN:g} to {TEMPERATURES[-1] / MARGIN:g}"
    return ls.claims.Comparison(
        name=f"delta at chi {chi:g}, T/kappa {span}",
        prediction=1.0,
        margin=delta_margin(chi),
        basis="theory",
        reason="the margin still adds of order T_x/T to the weights at the lowest temperature",
        rivals={"noise let through by the margin, 1/2": 0.5, "gradient descent, 0": 0.0},
        wrong=0.5,
        wrong_margin=delta_margin(chi),
        measure=measure,
    )


class WeightChangeExponent(ls.claims.Claim):
    sample = "ends"
    title = "Exponents of the weight change"
    statement = (
        "The weights at zero loss grow as T^delta P^gamma with delta = 1 and gamma = "
        "1/(1+chi), at fixed d >> 1."
    )
    formula = "||w*|| ~ T sqrt(d) (P/d)^gamma,  gamma = 1/(1+chi)"
    source = "Sclocchi, Geiger and Wyart, arXiv 2301.13703 (exponents); dependence on d derived"
    validity = (
        "gamma: as for the training time, chi = 3 in the full tier only. delta: T above 64 kappa; "
        "a fit that begins at "
        "8 kappa finds about 0.91."
    )
    control_statement = (
        "gamma of the other chi, and delta = 1/2, as for the noise that the "
        "margin "
        "lets through at T << kappa."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        found = stops.tasks(tier, seed)
        for chi in CHIS:
            for temperature in TEMPERATURES:
                run = perceptron_ensemble(
                    points=POINTS,
                    dimension=DIMENSION,
                    chi=chi,
                    temperature=temperature,
                    margin=MARGIN,
                    replicas=REPLICAS[tier],
                    seed=ls.derive_seed(seed, self.id, chi),
                )
                found |= dict(parts(label(chi, temperature), run))
        return found

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        return [*map(compared_gamma, WINDOWS[tier]), *map(compared_delta, CHIS)]

    def out_of_range(self, data: ls.claims.Data, tier: str) -> str | None:
        return stops.unfinished(data)

    def panels(self, data: ls.claims.Data, tier: str) -> list[ls.plotting.Panel]:
        slopes = [
            stops.slope_panel(
                data,
                window,
                quantity="norm",
                name="norm",
                exponent=ls.theory.perceptron.exponents(window.chi).gamma,
                rivals=rivals(window.chi),
                y_label=r"$d\,\ln \|w^*\| / d\,\ln P$",
            )
            for window in WINDOWS[tier]
        ]
        return [*slopes, self._collapse(data, tier), self._temperatures(data)]

    @staticmethod
    def _collapse(data: ls.claims.Data, tier: str) -> ls.plotting.Panel:
        """||w*||/(T sqrt(d)) against P/d: one line for each chi."""
        series, lines = [], []
        for window in WINDOWS[tier]:
            points = [(d, ratio) for d in stops.DIMENSIONS for ratio in window.ratios]
            means = [
                ls.measure.geometric_mean(joined(data, window.label(d, ratio), "norm")).scaled(
                    d**-0.5
                )
                for d, ratio in points
            ]
            x, y = [ratio for _, ratio in points], [one.value for one in means]
            series.append(
                ls.plotting.Series(
                    rf"$\chi$ = {window.chi:g}", x, y, [one.standard_error for one in means]
                )
            )
            fine = np.geomspace(window.ratios[0] / 1.3, window.ratios[1] * 1.3, 20)
            _, a, s = ls.theory.perceptron.flow_until(
                stops.CONSTANT[window.chi] / fine,
                chi=window.chi,
                margin=stops.MARGIN,
                temperature=stops.TEMPERATURE,
            )
            lines.append(
                ls.plotting.Series.theory(
                    "flow to P n = c d" if not lines else "", fine, np.hypot(a, s)
                )
            )
        return ls.plotting.log_log(
            f"Weights at zero loss, d = {stops.DIMENSIONS[0]} to {stops.DIMENSIONS[-1]}",
            "P/d",
            r"$\|w^*\|/(T\sqrt{d})$",
            (*series, *lines),
        )

    @staticmethod
    def _temperatures(data: ls.claims.Data) -> ls.plotting.Panel:
        series, lines = [], []
        x = np.array(TEMPERATURES) / MARGIN
        for chi in CHIS:
            means = [
                ls.measure.geometric_mean(joined(data, label(chi, t), "norm")) for t in TEMPERATURES
            ]
            y = np.array([one.value for one in means])
            series.append(
                ls.plotting.Series(
                    rf"$\chi$ = {chi:g}", x, y, [one.standard_error for one in means]
                )
            )
            lines.append(ls.plotting.Series.theory("~ T" if not lines else "", x, y[1] * x / x[1]))
        lines += [
            ls.plotting.Series.rival(
                r"~ $T^{1/2}$" if s is series[0] else "", x, s.y[1] * (x / x[1]) ** 0.5
            )
            for s in series
        ]
        return ls.plotting.log_log(
            f"Temperature, d = {DIMENSION}, P = {POINTS}",
            r"$T/\kappa$",
            r"$\|w^*\|$",
            (*series, *lines),
        )
