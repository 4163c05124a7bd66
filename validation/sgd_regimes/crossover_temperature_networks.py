r"""The temperature at which a network leaves the lazy regime, T_c ~ P^-a with a = gamma/delta,
depends on how much of the tangent kernel has to change.

Noise moves the weights of a lazy network by T^delta P^gamma (`lazy_exponents`). If the regime ends
where they have moved by a fixed part, whatever P is, T_c ~ P^(-gamma/delta). T_c is read from
something else than the weights: from the tangent kernel, where its relative change is a given part,
and, where test errors can be told apart, from the shift in T by which curves of test error over its
lazy value at different P fall on one another. gamma and delta are those of the change of weights
deep in the lazy regime, of the same replicas.

If the argument is right, a delta/gamma is one whatever the part, and best for a small one, where
the lazy law holds best. It is not: the kernel's change has an exponent of its own in P, deep in the
lazy regime as without noise, smaller than that of the weights: those that P adds lie in directions
that change the kernel less. Only around T_c the kernel catches up, so that a delta/gamma rises with
the part, to about one at a quarter. Judged are therefore the rise of a delta/gamma from a part of
1/64 to a quarter, and the exponent of the kernel over that of the weights at T so low that it
changes by less than a hundredth: theory has 0 and 1, right is more than 0 and less than 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
from langevin_sgd.validation.sgd_regimes import _lazy as lazy
from langevin_sgd.validation.sgd_regimes._network_lines import (
    fitted,
    logs,
    mean_series,
    missing_images,
    unfinished,
)
from langevin_sgd.validation.sgd_regimes._networks import train_nets

import langevin_sgd as ls
from langevin_sgd.claims import Comparison, Data

SMALL, THRESHOLD = 1 / 64, 0.25
"""Relative changes of the kernel at which T_c is read off."""
DEEP = (2.0**-3, 2.0**-1, 2.0**1, 2.0**3)
"""T alpha deep in the lazy regime, of `_lazy.CURVE`."""
SIZES = {
    "quick": (64, 128, 256, 512),
    "full": (256, 512, 1024, 2048, 4096, 8192),
    "gpu": (1024, 2048, 4096, 8192, 16384),
}
LARGE = {"full": (1024, 2048, 4096, 8192), "gpu": SIZES["gpu"]}
"""P at which the test error is looked at: with fewer points it hardly changes before training
fails.
"""
WARM = {
    "quick": (2.0**9, 2.0**10, 2.0**11),
    "full": (2.0**8, 2.0**9, 2.0**10, 2.0**11, 2.0**12),
    "gpu": (2.0**6, 2.0**7, 2.0**8, 2.0**9),
}
"""T alpha around the crossover."""
HOT = {"quick": 2.0**13, "full": 2.0**13, "gpu": 2.0**11}
"""T alpha above it, at which training must still succeed: two octaves above T_c or more."""
FEW = 16
"""Replicas there, of which half must succeed."""
KERNEL = "a delta/gamma at a quarter of the kernel"
ERROR = "a delta/gamma, a from the test error"
RISE = "rise of a delta/gamma from 1/64 to 1/4 of the kernel"
DEPTH = "exponent in P of the kernel's change over that of the weights, lazy"


class CrossoverTemperatureNetworks(ls.claims.Claim):
    sample = "lazy"
    title = "Temperature at which networks leave the lazy regime"
    statement = (
        "The temperature at which the tangent kernel has changed by a part goes as P^-a, a = "
        "gamma/delta, whatever the part, as the kernel changes in proportion to the weights."
    )
    formula = "T_c ~ P^-a,  a = gamma/delta"
    expected_verdict = "refuted"
    expected_reason = (
        "Deep in the lazy regime the kernel's change grows with a smaller power of P than that of "
        "the weights, so that a delta/gamma rises with the part, from about 1/2 to about 1."
    )
    source = "Sclocchi, Geiger and Wyart, arXiv 2301.13703"
    validity = (
        "alpha = 2^15, B = 2 or 4, fully connected gelu networks; T_c two octaves or more below "
        "T_max at every P. The full and gpu tiers read T_c from the test error as well, from "
        "P = 1024 on. T_c from the disagreement with the linearised network is not measured. "
        "The change of the kernel on 64 points scatters by a third between replicas, so that its "
        "exponent is known to a sixth of that of the weights only."
    )
    control_statement = "The crossover does not depend on P, a = 0, and neither does the kernel."
    tiers = ("quick", "full", "gpu")

    def unavailable(self, tier: str) -> str | None:
        return missing_images(lazy.NETWORKS[tier]["images"])

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        found = {}
        for points in reversed(SIZES[tier]):
            for scale in _cold(tier):
                found[lazy.label(points, scale)] = train_nets.at(
                    lazy.run(tier, points, scale, seed)
                )
            hot = replace(lazy.run(tier, points, HOT[tier], seed), replicas=FEW)
            found[lazy.label(points, HOT[tier])] = train_nets.at(hot)
        return found | {
            lazy.label(points, scale): train_nets.at(lazy.run(tier, points, scale, seed))
            for points in lazy.CURVES[tier]
            for scale in DEEP
        }

    def comparisons(self, tier: str) -> list[Comparison]:
        return [
            *as_predicted_and_as_is(
                RISE, 0.0, "at_least", {"T_c of a small part independent of P": 1.0}, tier, _rise
            ),
            *as_predicted_and_as_is(
                DEPTH, 1.0, "at_most", {"the kernel does not depend on P": 0.0}, tier, _depth
            ),
            *(compared(tier, name) for name in _names(tier)),
        ]

    def out_of_range(self, data: Data, tier: str) -> str | None:
        cold = [lazy.label(points, scale) for points in SIZES[tier] for scale in _cold(tier)]
        return unfinished(data, cold) or _close_to_failure(data, tier)

    def panels(self, data: Data, tier: str) -> list[ls.plotting.Panel]:
        more = [_error_panel(data, tier)] if ERROR in _names(tier) else []
        return [_kernel_panel(data, tier), _temperature_panel(data, tier), *more]


def as_predicted_and_as_is(
    name: str,
    prediction: float,
    kind: Literal["at_least", "at_most"],
    rivals: dict[str, float],
    tier: str,
    measure: Callable[[str, Data], ls.Estimate],
) -> list[Comparison]:
    """Compare a number with what theory says, and with the side of it on which it is."""
    beyond = prediction - 1.0 if kind == "at_least" else prediction + 1.0
    return [
        Comparison(
            name=name,
            prediction=prediction,
            expected="refuted",
            scale=1.0,
            rivals=rivals,
            measure=partial(measure, tier),
        ),
        Comparison(
            name=f"{name}, {kind.replace('_', ' ')}",
            kind=kind,
            prediction=prediction,
            scale=1.0,
            rivals={"the other way round": beyond},
            measure=partial(measure, tier),
        ),
    ]


def compared(tier: str, name: str) -> Comparison:
    """Compare a delta/gamma, a being read from the kernel or from the test error, with none."""
    return Comparison(
        name=name,
        kind="at_least",
        prediction=0.5,
        scale=1.0,
        rivals={"T_c independent of P": 0.0},
        measure=partial(_from_kernel if name == KERNEL else _from_error, tier),
    )


def _names(tier: str) -> list[str]:
    return [KERNEL] if tier == "quick" else [KERNEL, ERROR]


def _cold(tier: str) -> tuple[float, ...]:
    """T alpha of the curves."""
    return tuple(sorted({*lazy.LOUD[tier], *WARM[tier]}))


def _curves(data: Data, tier: str, name: str, sizes: tuple[int, ...] = ()) -> np.ndarray:
    """Logarithms along the curves of all P, or of some, (size, temperature, replica)."""
    labels = [
        [lazy.label(points, scale) for scale in _cold(tier)] for points in sizes or SIZES[tier]
    ]
    return np.stack([logs(data, one, name) for one in labels])


# --- measurement ----------------------------------------------------------------------------------


def _lines(data: Data, tier: str) -> list[ls.experiments.GridLine]:
    """Lines in T at every P, those of the loud temperatures with them."""
    return lazy.lines_in_temperature(data, tier, _cold(tier), SIZES[tier])


def _exponents(data: Data, tier: str) -> tuple[float, float]:
    """gamma and delta of the change of weights at the loud temperatures."""
    in_points = lazy.lines_in_points(data, tier, SIZES[tier])
    in_temperature = lazy.lines_in_temperature(data, tier, lazy.LOUD[tier], SIZES[tier])
    gamma, delta = (
        ls.experiments.quantity_exponent(lines, "weight_change")
        for lines in (in_points, in_temperature)
    )
    return float(gamma.value or np.nan), float(delta.value or np.nan)


def _ratio(tier: str, lines: list[ls.experiments.GridLine], part: float) -> ls.Estimate:
    """a delta/gamma at a part of the kernel, and its error by the jackknife over replicas."""
    low, high = lazy.LOUD[tier]
    return ls.experiments.crossover_ratio(
        lines, threshold=part, window=(low / lazy.ALPHA, high / lazy.ALPHA)
    )


def _from_kernel(tier: str, data: Data) -> ls.Estimate:
    """a delta/gamma at a quarter of the kernel."""
    return _ratio(tier, _lines(data, tier), THRESHOLD)


def _rise(tier: str, data: Data) -> ls.Estimate:
    """How much larger a delta/gamma is at a quarter of the kernel than at a small part, jackknife
    over replicas.
    """
    lines = _lines(data, tier)
    count = lines[0].fitted.shape[1]
    whole, *without = (
        _difference(tier, [_of_replicas(line, kept) for line in lines])
        for kept in (np.arange(count), *(np.delete(np.arange(count), n) for n in range(count)))
    )
    values = np.array(without)
    if not np.isfinite([whole, *without]).all():
        return ls.Estimate.refused("the kernel does not cross both parts at every P")
    return ls.Estimate(
        value=whole,
        standard_error=float(np.sqrt((count - 1) * values.var())),
        n_independent=count,
        method="difference of two crossings of mean curves, jackknife over replicas",
    )


def _difference(tier: str, lines: list[ls.experiments.GridLine]) -> float:
    large, small = (_ratio(tier, lines, part).value for part in (THRESHOLD, SMALL))
    return np.nan if large is None or small is None else large - small


def _of_replicas(line: ls.experiments.GridLine, kept: np.ndarray) -> ls.experiments.GridLine:
    """A line of some replicas."""
    measured = {name: values[:, kept] for name, values in line.measured.items()}
    return replace(line, fitted=line.fitted[:, kept], measured=measured)


def _depth(tier: str, data: Data) -> ls.Estimate:
    """Exponent in P of the kernel's change over that of the weights, deep in the lazy regime."""
    first, last = lazy.CURVES[tier][0], lazy.CURVES[tier][-1]
    kernel, weights = (
        np.mean(
            [
                np.subtract(*logs(data, [lazy.label(last, one), lazy.label(first, one)], name))
                for one in DEEP
            ],
            axis=0,
        )
        for name in ("kernel_change", "weight_change")
    )
    return ls.measure.share_of_effect(kernel, weights, np.zeros_like(weights))


def _relative_errors(data: Data, tier: str) -> np.ndarray:
    """ln of the test error over its mean at the loud temperatures, (size, temperature, replica), at
    `LARGE`.
    """
    errors = _curves(data, tier, "test_error", LARGE[tier])
    loud = [_cold(tier).index(scale) for scale in lazy.LOUD[tier]]
    return np.asarray(errors - errors[:, loud].mean(axis=(1, 2), keepdims=True))


def _from_error(tier: str, data: Data) -> ls.Estimate:
    """a delta/gamma with a from a collapse of test errors over their lazy values, shifted in T
    alone.
    """
    curves = np.exp(_relative_errors(data, tier))
    found = ls.measure.collapse(
        [(points, _cold(tier), curve) for points, curve in zip(LARGE[tier], curves, strict=True)],
        y_exponent=0.0,
    ).x_exponent
    gamma, delta = _exponents(data, tier)
    return found.scaled(delta / gamma)


def _close_to_failure(data: Data, tier: str) -> str | None:
    """Why T_c may be a matter of failing trainings, if two octaves above the curves most fail."""
    for points in SIZES[tier]:
        if fitted(data[lazy.label(points, HOT[tier])]).mean() < 0.5:
            return f"at P = {points} T_max is less than two octaves above the curve of the kernel"
    return None


# --- figure ---------------------------------------------------------------------------------------


def _kernel_panel(data: Data, tier: str) -> ls.plotting.Panel:
    """Change of the kernel against T."""
    x = np.array(_cold(tier)) / lazy.ALPHA
    curves = _curves(data, tier, "kernel_change")
    series = [
        mean_series(f"P = {points}", x, one)
        for points, one in zip(SIZES[tier], curves, strict=True)
    ]
    threshold = ls.plotting.Series.guide("threshold", x[[0, -1]], [THRESHOLD] * 2)
    return ls.plotting.log_log(
        "Lazy networks at zero loss, " + lazy.NETWORKS[tier]["images"],
        "T = lr/(B h)",
        r"$\|K - K_0\| / \|K_0\|$",
        (*series, threshold),
    )


def _temperature_panel(data: Data, tier: str) -> ls.plotting.Panel:
    """T_c against P, with the slope that the weights predict."""
    sizes = np.array(SIZES[tier])
    found = [ls.experiments.crossing(one, THRESHOLD) for one in _lines(data, tier)]
    measured = ls.plotting.Series.measured("from the kernel", sizes, found)
    crossing = measured.y
    gamma, delta = _exponents(data, tier)
    small = _ratio(tier, _lines(data, tier), SMALL)
    middle, height = np.exp(np.log(sizes).mean()), np.exp(np.log(crossing).mean())
    lines = {
        f"P^-gamma/delta, {gamma / delta:.2f}": (gamma / delta, "theory"),
        "independent of P": (0.0, "rival"),
    }
    highest = ls.plotting.Series(
        "highest T that trains here", sizes[[0, -1]], [HOT[tier] / lazy.ALPHA] * 2, kind="guide"
    )
    return ls.plotting.Panel(
        title="Crossover",
        x_label="P",
        y_label="$T_c$",
        series=(
            measured,
            *(
                ls.plotting.Series(name, sizes, height * (sizes / middle) ** -power, kind=kind)
                for name, (power, kind) in lines.items()
            ),
            highest,
        ),
        x_scale="log",
        y_scale="log",
        note=f"a delta/gamma = {_from_kernel(tier, data)}, {small} at {SMALL:.3f}",
    )


def _error_panel(data: Data, tier: str) -> ls.plotting.Panel:
    """Test error over its lazy value, against T scaled by the exponents of the weights."""
    gamma, delta = _exponents(data, tier)
    x = np.array(_cold(tier)) / lazy.ALPHA
    curves = _relative_errors(data, tier)
    return ls.plotting.Panel(
        title="Test error over its lazy value",
        x_label=r"$T\, P^{\gamma/\delta}$",
        y_label="ratio",
        series=tuple(
            mean_series(f"P = {points}", x * points ** (gamma / delta), one)
            for points, one in zip(LARGE[tier], curves, strict=True)
        ),
        x_scale="log",
    )
