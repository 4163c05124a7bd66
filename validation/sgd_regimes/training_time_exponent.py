"""The time to zero loss grows as a power of the number of points, b = 1 + 2/(1+chi).

Trainings on P/d fixed at two values, for d = 32 to 256; the local slope of the mean of ln t* at
each d, extrapolated to infinite d. Finite d makes slopes smaller: the noise has time for rare dips,
in the deepest of which training ends. How t* grows with d at a fixed P/d is not claimed: t*/(T d)
still rises there, by local powers of d that fall from 0.9 to 0.5 between d = 32 and 256, because
the last visits wait for the unfit *training* points, whose number goes to order one, and not for
the c d points of the flow.
"""

import numpy as np
from langevin_sgd.validation.sgd_regimes import _stops as stops
from langevin_sgd.validation.sgd_regimes._stops import WINDOWS, Window

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series, log_log


def rivals(chi: float) -> dict[str, float]:
    """What else the exponent could be."""
    return {"1 + 1/(1+chi)": 1 + 1 / (1 + chi), "one pass per point, 1": 1.0}


def compared(window: Window) -> ls.claims.Comparison:
    """Compare the exponent at one chi."""
    margin = stops.margin(window, "time")
    return ls.claims.Comparison(
        name=f"b at chi {window.chi:g}, P/d {window.ratios[0]} to {window.ratios[1]}",
        prediction=ls.theory.perceptron.exponents(window.chi).b,
        margin=margin,
        basis="convention",
        reason=stops.MARGIN_REASON,
        rivals=rivals(window.chi),
        wrong=rivals(window.chi)["1 + 1/(1+chi)"],
        wrong_margin=margin,
        measure=lambda data: stops.extrapolation(data, window, "t_star").limit,
    )


class TrainingTimeExponent(ls.claims.Claim):
    sample = "ends"
    title = "Exponent of the training time"
    statement = (
        "The time to zero loss grows with the number of points as P^b, b = 1 + 2/(1+chi), "
        "at fixed d >> 1."
    )
    formula = "t* ~ T P^b at fixed d,  b = 1 + 2/(1+chi)"
    source = "Sclocchi, Geiger and Wyart, arXiv 2301.13703"
    validity = (
        "T >> kappa, B below the critical batch size, P/d so large that the flow comes to the stop "
        "within 1 % of its "
        "asymptotic slope, d -> infinity by extrapolation. chi = 3 needs P/d beyond 500 and is "
        "judged in the full tier "
        "only: out of range in the quick one."
    )
    control_statement = "The weights have to grow in one direction only: b = 1 + 1/(1+chi)."

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return stops.tasks(tier, seed)

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        return [compared(window) for window in WINDOWS[tier]]

    def out_of_range(self, data: ls.claims.Data, tier: str) -> str | None:
        return stops.unfinished(data)

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        return [
            stops.slope_panel(
                data,
                window,
                quantity="time",
                name="t_star",
                exponent=ls.theory.perceptron.exponents(window.chi).b,
                rivals=rivals(window.chi),
                y_label=r"$d\,\ln t^* / d\,\ln P$",
            )
            for window in WINDOWS[tier]
        ] + [self._times(data, window) for window in WINDOWS[tier]]

    @staticmethod
    def _times(data: ls.claims.Data, window: Window) -> Panel:
        ratios, series = np.array(window.ratios), []
        for dimension in stops.DIMENSIONS:
            samples = [
                stops.joined(data, window.label(dimension, ratio), "t_star") / dimension
                for ratio in ratios
            ]
            means = [ls.measure.geometric_mean(one) for one in samples]
            values = [one.value for one in means]
            series.append(Series.measured(f"d = {dimension}", ratios, means))
        fine = np.geomspace(ratios[0] / 1.2, ratios[1] * 1.2, 20)
        tau, _, _ = ls.theory.perceptron.flow_until(
            stops.CONSTANT[window.chi] / fine,
            chi=window.chi,
            margin=stops.MARGIN,
            temperature=stops.TEMPERATURE,
        )
        middle = float(np.sqrt(ratios[0] * ratios[1]))
        height = float(np.sqrt(values[0] * values[1]))
        lines = [Series.theory("flow to P n = c d", fine, tau)]
        lines += [
            Series.rival(label, fine, height * (fine / middle) ** value)
            for label, value in rivals(window.chi).items()
        ]
        title = rf"Time to zero loss, $\chi$ = {window.chi:g}"
        return log_log(title, "P/d", r"$t^*/(T d)$", (*series, *lines))
