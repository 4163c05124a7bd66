"""In the lazy regime weights and training time grow as powers of P, and the temperature from which
on noise counts does not depend on P.

Whole curves of the change of weights against T bend from a plateau into a line. A collapse of the
curves of all P finds both the exponent gamma by which they are shifted upwards and the exponent v
by which the bend moves, T_x ~ P^-v. Theory has v = 0: the margin 1/alpha alone decides where noise
begins to count, and gamma is the same on either side. If noise began to count where it moves the
weights by a fixed part, the bend would move with v = gamma.

That weights and time are powers of P at all is judged by local exponents, over two octaves each:
those between the largest P over those between the smallest, one for a power law. gamma and b
themselves depend on the images, theory does not say how; they are shown.

That weights and time are proportional to T far above T_x is no physics: a network whose output is
linear in its weights does the same steps with learning rate and margin both multiplied by a number,
and all weights with them. It is a property test of the trainers.
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

WEIGHTS = "exponent of |w - w0| in P, upper over lower sizes"
TIMES = "exponent of t* in P, upper over lower sizes"
BEND = "shift v of the bend over gamma, T_x ~ P^-v"


def power_of_points(tier: str, quantity: str, name: str) -> Comparison:
    """Compare the local exponent in P at the largest sizes with that at the smallest."""
    return Comparison(
        name=name,
        prediction=1.0,
        rivals={"saturates: half as large at the upper end": 0.5, "ends there: no power": 0.0},
        wrong=0.5,
        near_misses={"largest P off by an octave": 0.5},
        measure=lambda data: local_exponents(lazy.over_sizes(data, tier, quantity), tier),
        placebo=lambda data: local_exponents(shuffled(lazy.over_sizes(data, tier, quantity)), tier),
    )


def local_exponents(values: np.ndarray, tier: str) -> ls.Estimate:
    """Ratio of the exponents of the upper and of the lower two sizes, from logarithms (size,
    replica).
    """
    x = np.log(lazy.SIZES[tier])
    upper = (values[-1] - values[-2]) / (x[-1] - x[-2])
    lower = (values[1] - values[0]) / (x[1] - x[0])
    return ls.measure.share_of_effect(upper, lower, np.zeros_like(lower))


def shuffled(values: np.ndarray) -> np.ndarray:
    """The same numbers, of each replica at sizes drawn anew."""
    return np.random.default_rng(0).permuted(values, axis=0)


def bend(data: Data, tier: str) -> ls.Estimate:
    """v over gamma, from a collapse of the weights; gamma is known far better than v."""
    found = _collapse(data, tier, "weight_change")
    gamma = found.y_exponent.value
    return found.x_exponent.scaled(1 / gamma) if gamma else found.y_exponent


class ExponentsInLazyRegime(ls.claims.Claim):
    sample = "lazy"
    title = "Exponents in the lazy regime"
    statement = (
        "The change of the weights of a lazy network at zero loss and its training time are powers "
        "of the number of points, and the temperature above which both grow with T does not move "
        "with the weights."
    )
    formula = "|w - w0| ~ P^gamma, t* ~ P^b at T >> T_x;  T_x ~ P^-v / alpha,  v < gamma/2"
    source = (
        "Sclocchi, Geiger and Wyart, arXiv 2301.13703 (power laws); T_x derived for the perceptron"
    )
    validity = (
        "alpha = 2^15, B = 2 or 4 where noise counts, so that the first step is less than half of "
        "the change of the weights; fully connected gelu networks; T so low that the kernel "
        "changes by less than a tenth. Powers over the sizes of the tier: P = 64 to 512 on digits. "
        "The rise of ln t* over an octave scatters by a third between replicas, so that its power "
        "is known to a fifth only."
    )
    control_statement = (
        "The exponent falls by half from the smallest to the largest P, and the bend lies at a "
        "fixed change of the weights, v = gamma."
    )
    tiers = ("quick", "full", "gpu")

    def unavailable(self, tier: str) -> str | None:
        return missing_images(lazy.NETWORKS[tier]["images"])

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return lazy.tasks(tier, seed, curves=True) | lazy.first_tasks(tier, seed)

    def comparisons(self, tier: str) -> list[Comparison]:
        return [
            power_of_points(tier, "weight_change", WEIGHTS),
            power_of_points(tier, "t_star", TIMES),
            Comparison(
                name=BEND,
                kind="at_most",
                prediction=0.5,
                scale=1.0,
                rivals={"a fixed change of weights, v = gamma": 1.0},
                measure=lambda data: bend(data, tier),
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
