r"""The temperature at which a network leaves the lazy regime goes as T_c ~ P^-a with a =
gamma/delta.

Noise moves the weights of a lazy network by T^delta P^gamma (`lazy_exponents`). If the regime ends
where they have moved by a fixed part, whatever P is, T_c ~ P^(-gamma/delta). T_c is read from
something else than the weights: from the tangent kernel, where its relative change is a quarter,
and, where test errors can be told apart, from the shift in T by which curves of test error over its
lazy value at different P fall on one another. gamma and delta are those of the change of weights
deep in the lazy regime, of the same replicas.

What is judged is a delta/gamma: 1, whatever the images. That the lazy law holds up to a point where
the kernel has changed by a quarter is true to about as much: the margin.
"""

from __future__ import annotations

from functools import partial

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

THRESHOLD = 0.25
"""Relative change of the kernel at T_c."""
SIZES = {
    "quick": (64, 128, 256),
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
OCTAVES = 2.0
RESOLVED = 5.0
"""Standard errors by which test errors must differ between the ends of a curve."""
KERNEL, ERROR = "a delta/gamma, a from the kernel", "a delta/gamma, a from the test error"


class CrossoverTemperatureNetworks(ls.claims.Claim):
    sample = "lazy"
    title = "Temperature at which networks leave the lazy regime"
    statement = (
        "The temperature at which the tangent kernel changes by a fixed part goes as P^-a, a = "
        "gamma/delta, gamma and "
        "delta being the exponents of the change of weights of lazy networks."
    )
    formula = "T_c ~ P^-a,  a = gamma/delta"
    source = "Sclocchi, Geiger and Wyart, arXiv 2301.13703"
    validity = (
        "alpha = 2^15, B = 2 or 4, fully connected gelu networks; T_c two octaves or more below "
        "T_max at every P. The "
        "full and gpu tiers read T_c from the test error as well, from P = 1024 on, if it differs "
        "between the ends."
    )
    control_statement = "The crossover does not depend on P, a = 0."
    tiers = ("quick", "full", "gpu")
    out_of_range_allowed = ("full", "gpu")

    def unavailable(self, tier: str) -> str | None:
        return missing_images(lazy.NETWORKS[tier]["images"])

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return {
            lazy.label(points, scale): train_nets.at(lazy.run(tier, points, scale, seed))
            for points in reversed(SIZES[tier])
            for scale in (*_cold(tier), HOT[tier])
        }

    def comparisons(self, tier: str) -> list[Comparison]:
        return [compared(tier, name) for name in _names(tier)]

    def out_of_range(self, data: Data, tier: str) -> str | None:
        cold = [lazy.label(points, scale) for points in SIZES[tier] for scale in _cold(tier)]
        return unfinished(data, cold) or _close_to_failure(data, tier) or _unresolved(data, tier)

    def panels(self, data: Data, tier: str) -> list[ls.plotting.Panel]:
        more = [_error_panel(data, tier)] if ERROR in _names(tier) else []
        return [_kernel_panel(data, tier), _temperature_panel(data, tier), *more]


def compared(tier: str, name: str) -> Comparison:
    """Compare a delta/gamma, a being read from the kernel or from the test error."""
    return Comparison(
        name=name,
        prediction=1.0,
        margin=THRESHOLD,
        basis="convention",
        reason="the lazy law is off by about the change of the kernel at T_c, a quarter",
        rivals={
            "T_c independent of P": 0.0,
            "T_c at a fixed time, a = b with b = 1 + 2 gamma": 3.0,
        },
        wrong=0.0 if name == KERNEL else None,
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


def _from_kernel(tier: str, data: Data) -> ls.Estimate:
    """a delta/gamma, and its error by the jackknife over replicas."""
    low, high = lazy.LOUD[tier]
    return ls.experiments.crossover_ratio(
        _lines(data, tier), threshold=THRESHOLD, window=(low / lazy.ALPHA, high / lazy.ALPHA)
    )


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
    """Why T_c may be a matter of failing trainings, if it is not two octaves below T_max
    somewhere.
    """
    highest = HOT[tier] / lazy.ALPHA / 2**OCTAVES
    for points, one in zip(SIZES[tier], _lines(data, tier), strict=True):
        crossing = ls.experiments.crossing(one, THRESHOLD).value
        if crossing is None or crossing > highest:
            return (
                f"at P = {points} T_c is less than two octaves below the highest temperature tried"
            )
        if fitted(data[lazy.label(points, HOT[tier])]).mean() < 0.5:
            return f"at P = {points} T_c is less than two octaves below T_max"
    return None


def _unresolved(data: Data, tier: str) -> str | None:
    """Why test errors do not show T_c, if at some P the ends of the curve do not differ."""
    if ERROR not in _names(tier):
        return None
    for points, curve in zip(LARGE[tier], _relative_errors(data, tier), strict=True):
        change = ls.Estimate.from_samples(curve[-1] - curve[0])
        if not abs(change.value or 0.0) > RESOLVED * (change.standard_error or 0.0):
            return f"at P = {points} test errors do not tell the ends of the curve apart"
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
        note=f"a delta/gamma = {_from_kernel(tier, data)}",
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
