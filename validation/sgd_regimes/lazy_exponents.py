"""In the lazy regime weights and training time are proportional to T, from a temperature on that
does not depend on P.

Whole curves of the change of weights against T bend from a plateau into a line. A collapse of the
curves of all P finds both the exponent gamma by which they are shifted upwards and the exponent v
by which the bend moves, T_x ~ P^-v. Theory has v = 0: the margin 1/alpha alone decides where noise
begins to count, and gamma is the same on either side. delta and the exponent of t* in T are
measured far above the bend. gamma and b depend on the images, theory does not say how; they are
measured and shown.
"""

from __future__ import annotations

import numpy as np
from langevin_sgd.validation.sgd_regimes import _lazy as lazy
from langevin_sgd.validation.sgd_regimes._network_lines import (
    logs,
    mean_series,
    missing_images,
    unfinished,
)

import langevin_sgd as ls
from langevin_sgd.claims import Comparison, Data

WEIGHTS, TIMES, BEND = (
    "slope of ln|w - w0| in ln T",
    "slope of ln t* in ln T",
    "shift v of the bend, T_x ~ P^-v",
)
BEND_MARGIN = 0.1
"""By so much the measured gamma of perceptrons with d = 16 to 64 differs between noise and gradient
descent.
"""


def proportional(tier: str, quantity: str, name: str) -> Comparison:
    """Compare the power of T in a quantity far above the bend."""

    def measure(data: Data) -> ls.Estimate:
        lines = lazy.lines_in_temperature(data, tier)
        return ls.experiments.quantity_exponent(lines, quantity)

    return Comparison(
        name=name,
        prediction=1.0,
        margin=lazy.crossover_margin(*lazy.LOUD[tier]),
        basis="theory",
        reason=f"the margin still counts as a temperature of at most {lazy.CROSSOVER}/alpha",
        rivals={"noise let through by the margin, 1/2": 0.5, "gradient descent, 0": 0.0},
        wrong=0.5,
        measure=measure,
    )


class ExponentsInLazyRegime(ls.claims.Claim):
    sample = "lazy"
    title = "Exponents in the lazy regime"
    statement = (
        "Above a temperature T_x ~ 1/alpha that does not depend on P the change of the weights at "
        "zero loss and the "
        "training time of a lazy network are proportional to T; below, neither depends on T."
    )
    formula = "|w - w0| ~ T^delta P^gamma, t* ~ T P^b,  delta = 1, T >> T_x ~ P^0/alpha"
    source = (
        "Sclocchi, Geiger and Wyart, arXiv 2301.13703 (power laws); T_x derived for the perceptron"
    )
    validity = (
        "alpha = 2^15, B = 2 or 4 where noise counts, so that the first step is less than half of "
        "the change of the "
        "weights; fully connected gelu networks; T so low that the kernel changes by less than a "
        "tenth."
    )
    control_statement = (
        "The noise that the margin lets through sets weights and time, ~ T^(1/2), "
        "and T_x moves as P^-1/4."
    )
    tiers = ("quick", "full", "gpu")

    def unavailable(self, tier: str) -> str | None:
        return missing_images(lazy.NETWORKS[tier]["images"])

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return lazy.tasks(tier, seed, curves=True) | lazy.first_tasks(tier, seed)

    def comparisons(self, tier: str) -> list[Comparison]:
        return [
            proportional(tier, "weight_change", WEIGHTS),
            proportional(tier, "t_star", TIMES),
            Comparison(
                name=BEND,
                prediction=0.0,
                margin=BEND_MARGIN,
                basis="pilot",
                reason="finite size: gamma of perceptrons differs by so much above and below the "
                "bend",
                rivals={
                    "fixed change of weights, gamma of chi = 3": 0.25,
                    "fixed time, b = 1": 1.0,
                },
                wrong=0.25,
                measure=lambda data: _collapse(data, tier, "weight_change").x_exponent,
            ),
        ]

    def out_of_range(self, data: Data, tier: str) -> str | None:
        return unfinished(data, lazy.tasks(tier, 0, curves=True)) or lazy.first_step_counts(
            data, tier
        )

    def panels(self, data: Data, tier: str) -> list[ls.plotting.Panel]:
        names = {"weight_change": (r"\gamma", r"|w - w_0| / |w_0|"), "t_star": ("b", "t^*")}
        return [
            *(_curves(data, tier, name, power, y) for name, (power, y) in names.items()),
            *(_collapsed(data, tier, name, power, y) for name, (power, y) in names.items()),
            *(_sizes(data, tier, name, power, y) for name, (power, y) in names.items()),
        ]


def _samples(data: Data, points: int, name: str) -> np.ndarray:
    """Logarithms along one curve, (temperature, replica)."""
    return logs(data, [lazy.label(points, scale) for scale in lazy.CURVE], name)


def _collapse(data: Data, tier: str, name: str) -> ls.measure.Collapse:
    return ls.measure.collapse(
        [(points, lazy.CURVE, np.exp(_samples(data, points, name))) for points in lazy.CURVES[tier]]
    )


def _curves(data: Data, tier: str, name: str, power: str, y: str) -> ls.plotting.Panel:
    """One number against T for every P, with lines ~ T."""
    series = [
        mean_series(f"P = {points}", lazy.CURVE, _samples(data, points, name))
        for points in lazy.CURVES[tier]
    ]
    top, x = series[-1].y[-1], np.array(lazy.CURVE)
    lines = [
        ls.plotting.Series.theory("~ T", x, top * x / x[-1]),
        ls.plotting.Series.rival(r"~ $T^{1/2}$", x, top * (x / x[-1]) ** 0.5),
    ]
    return ls.plotting.log_log(
        "Lazy networks at zero loss, " + lazy.NETWORKS[tier]["images"],
        r"$T \alpha$",
        f"${y}$",
        (*series, *lines),
    )


def _collapsed(data: Data, tier: str, name: str, power: str, y: str) -> ls.plotting.Panel:
    """The same curves on one another."""
    found = _collapse(data, tier, name)
    series = []
    for points in lazy.CURVES[tier]:
        one = mean_series(f"P = {points}", lazy.CURVE, _samples(data, points, name))
        if found.quality is not None:
            x, scaled = found.scaled(points, one.x, one.y)
            one = ls.plotting.Series(one.label, x, scaled, one.error * scaled / one.y)
        series.append(one)
    return ls.plotting.log_log(
        "Collapse",
        r"$T \alpha\, P^v$",
        f"${y}\\, P^{{-{power}}}$",
        series,
        note=f"v = {found.x_exponent}, ${power}$ = {found.y_exponent}, quality "
        f"{found.quality or np.nan:.2g}",
    )


def _sizes(data: Data, tier: str, name: str, power: str, y: str) -> ls.plotting.Panel:
    """The same over T against P, far above T_x, with the fitted power."""
    sizes = lazy.SIZES[tier]
    series = [
        mean_series(
            rf"$T \alpha$ = {scale:g}",
            sizes,
            logs(data, [lazy.label(points, scale) for points in sizes], name),
            scale / lazy.ALPHA,
        )
        for scale in lazy.LOUD[tier]
    ]
    values = lazy.over_sizes(data, tier, name)
    exponent = ls.experiments.quantity_exponent(lazy.lines_in_points(data, tier), name)
    x = np.array(sizes)
    middle, height = np.exp(np.log(x).mean()), np.exp(values.mean())
    line = ls.plotting.Series(
        "fit", x, height * (x / middle) ** float(exponent.value or 0.0), kind="guide"
    )
    return ls.plotting.Panel(
        title="Number of points",
        x_label="P",
        y_label=f"${y} / T$",
        series=(*series, line),
        x_scale="log",
        y_scale="log",
        note=f"${power}$ = {exponent}",
    )
