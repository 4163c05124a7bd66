r"""The best temperature of a network in the feature regime, and the largest that trains, go as
alpha^((D-1)/(D+1)).

A network of D hidden layers is homogeneous of degree D + 1 in its weights. To reach f = 1/alpha
they grow to alpha^(-1/(D+1)), where the curvature of f, alpha^(-(D-1)/(D+1)), times the temperature
decides on noise and stability. Two exponents are measured between two values of alpha, each from
nine temperatures half an octave apart.

- T_max, beyond which training fails: for each seed the temperature below which as many of the nine
  lie as it trained at, to zero loss; ln T_max is averaged over seeds (Spearman and Karber's
  estimator of a threshold).
- T_opt: the mean of ln T weighted with the runs that finished, times their mean test error to the
  power -20, which falls by a factor e over 5 %, about the error of a point. Runs that did not
  finish have no test error and no weight.

Both are those of `langevin_sgd.experiments`, as the command ``train`` measures them.

The test error falls as nearly a power of T up to T_max, so that the best temperature is one of the
largest that train. A collapse of whole error curves cannot decide: the errors at the smaller alpha
are larger by some 15 %, and on a power law a factor passes for a shift in T. Taken for a shift it
would make k smaller by about 0.1; with a free factor the shift of nearly straight lines is
undetermined. Theory says at which temperature the error is least, not how small it is.

How exact the theory is. It leaves out the initial weights, a part e = alpha^(1/(D+1)) of the final
ones. The curvature changes by up to (1 + e)^(D-1), which between the two alphas moves the exponent
by the margin. For D = 1 the curvature stays as it is, but weights leave the neighbourhood of zero
exponentially, in a time ln(1/alpha), where they leave it as a power for D > 1: exponents then hold
up to a logarithm, which is the margin.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from langevin_sgd.validation.sgd_regimes._network_lines import line_through
from langevin_sgd.validation.sgd_regimes._networks import NetworkRun, network_run, train_nets

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series, log_log

DEPTHS = (1, 2, 3)
ALPHAS = (2.0**-18, 2.0**-8)
OCTAVES = math.log2(ALPHAS[1] / ALPHAS[0])
REPLICAS = {"quick": {1: 32, 2: 48, 3: 32}, "full": dict.fromkeys(DEPTHS, 256)}
FIRST = {1: -1.5, 2: -2.5, 3: -2.5}
"""log2 of lr alpha^-k / h at the first of the temperatures, so that the T_max of both alphas lies
among them even if k = (D-1)/D."""
TEMPERATURES, SPACING = 9, 0.5
BATCH = 16
TIME = 8192.0
"""lr alpha^-k / h times the steps that a run may take, about twice what the longest needed."""
STREAM = "temperatures of networks"


def exponent(depth: int) -> float:
    """k = (D-1)/(D+1)."""
    return (depth - 1) / (depth + 1)


def rivals(depth: int) -> dict[str, float]:
    """What else the exponent could be, where it differs."""
    every = {
        "no dependence on alpha, 0": 0.0,
        "f grows as |w|^D, (D-1)/D": (depth - 1) / depth,
        "T ~ alpha, 1": 1.0,
    }
    return {name: value for name, value in every.items() if value != exponent(depth)}


def margin(depth: int) -> float:
    """Exponent of what the initial weights change between the two alphas."""
    if depth == 1:
        change = math.log(math.log(ALPHAS[0]) / math.log(ALPHAS[1]))
    else:
        low, high = (1 + alpha ** (1 / (depth + 1)) for alpha in ALPHAS)
        change = (depth - 1) * math.log(high / low)
    return change / (OCTAVES * math.log(2))


def scales(depth: int) -> np.ndarray:
    """log2 of T alpha^-k, (temperature,)."""
    return FIRST[depth] + SPACING * np.arange(TEMPERATURES) - math.log2(BATCH)


def label(depth: int, alpha: float, place: int) -> str:
    """Name of a point of the grid."""
    return f"D {depth}, alpha 2^{math.log2(alpha):.0f}, temperature {place}"


def run_at(depth: int, alpha: float, scale: float, replicas: int, seed: int) -> NetworkRun:
    """Training at T = 2^scale alpha^k."""
    return network_run(
        depth=depth,
        alpha=alpha,
        temperature=temperature(depth, alpha, scale),
        max_steps=int(TIME / (BATCH * 2**scale)),
        replicas=replicas,
        batch_size=BATCH,
        seed=seed,
    )


# --- measurement ----------------------------------------------------------------------------------


def temperature(depth: int, alpha: float, scale: float) -> float:
    """T = 2^scale alpha^k."""
    return float(2**scale * alpha ** exponent(depth))


def line_at(data: ls.claims.Data, depth: int, alpha: float) -> ls.experiments.GridLine:
    """Trainings at all temperatures of one alpha."""
    labels = {
        temperature(depth, alpha, float(scale)): label(depth, alpha, place)
        for place, scale in enumerate(scales(depth))
    }
    return line_through(data, "temperature_per_width", labels, alpha=alpha)


def compared(tier: str, depth: int, boundary: Literal["T_max", "T_opt"]) -> ls.claims.Comparison:
    """Compare the power of alpha with which a boundary moves."""

    def measure(data: ls.claims.Data) -> ls.Estimate:
        lines = [line_at(data, depth, alpha) for alpha in ALPHAS]
        return ls.experiments.boundary_exponent(boundary, lines, "alpha")

    told_apart = {
        rival: value
        for rival, value in rivals(depth).items()
        if boundary == "T_max" or tier == "full" or value in (0.0, 1.0)
    }
    return ls.claims.Comparison(
        name=f"k of {boundary}, D = {depth}",
        prediction=exponent(depth),
        margin=margin(depth),
        basis="theory",
        reason="initial weights, left out by the theory, at the larger alpha",
        rivals=told_apart,
        wrong=(depth - 1) / depth if boundary == "T_max" and depth > 1 else None,
        wrong_margin=margin(depth) if boundary == "T_max" and depth > 1 else 0.0,
        measure=measure,
    )


class OptimalTemperature(ls.claims.Claim):
    sample = "plane"
    title = "Best and largest temperature in the feature regime"
    statement = (
        "In the feature regime the temperature of least test error and the largest temperature at "
        "which a network of D "
        "hidden layers trains are both proportional to alpha^((D-1)/(D+1))."
    )
    formula = "T_opt, T_max ~ alpha^k,  k = (D-1)/(D+1)"
    source = "Sclocchi, Geiger and Wyart, arXiv 2301.13703 (k); corrections of finite alpha derived"
    validity = (
        "alpha << 1; fully connected relu networks without biases; here parity of digits, P = 256, "
        "h = 64, B = 16, "
        "alpha = 2^-18 and 2^-8. The quick tier tells T_max from all rivals, T_opt from k = 0 and "
        "1 only; the full "
        "tier tells T_opt from (D-1)/D as well."
    )
    control_statement = "The output grows with one power of the weights less, k = (D-1)/D."

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        own = ls.derive_seed(seed, STREAM)
        return {
            label(depth, alpha, place): train_nets.at(
                run_at(depth, alpha, float(scale), REPLICAS[tier][depth], own)
            )
            for depth in reversed(DEPTHS)
            for alpha in ALPHAS
            for place, scale in enumerate(scales(depth))
        }

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        boundaries: tuple[Literal["T_max", "T_opt"], ...] = ("T_max", "T_opt")
        return [compared(tier, depth, boundary) for boundary in boundaries for depth in DEPTHS]

    def out_of_range(self, data: ls.claims.Data, tier: str) -> str | None:
        for depth in DEPTHS:
            for alpha in ALPHAS:
                largest = ls.experiments.largest_temperature(line_at(data, depth, alpha))
                if not largest.valid:
                    return (
                        f"T_max does not lie among the temperatures at D = {depth}: {largest.note}"
                    )
        return None

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        return [_curve_panel(data, depth) for depth in DEPTHS] + [
            _power_panel(data, depth) for depth in DEPTHS
        ]


def _curve_panel(data: ls.claims.Data, depth: int) -> Panel:
    lines = [line_at(data, depth, alpha) for alpha in ALPHAS]
    series = []
    for one in lines:
        enough = one.fitted.sum(axis=1) > 2
        errors = [
            ls.Estimate.from_samples(values[done])
            for values, done in zip(
                one.measured["test_error"][enough], one.fitted[enough], strict=True
            )
        ]
        name = rf"$\alpha = 2^{{{math.log2(one.held['alpha']):.0f}}}$"
        series.append(Series.measured(name, 2 ** scales(depth)[enough], errors))
    largest = [ls.experiments.largest_temperature(one) for one in lines]
    scaled = [
        float(one.value or np.nan) / alpha ** exponent(depth)
        for one, alpha in zip(largest, ALPHAS, strict=True)
    ]
    middle = float(np.exp(np.log(scaled).mean()))
    series.append(Series.guide("T_max", [middle] * 2, [0.045, 0.075]))
    done = np.array([one.fitted for one in lines])
    return Panel(
        title=f"D = {depth}, k = {exponent(depth):.2f}",
        x_label=r"$T \alpha^{-k}$",
        y_label="test error",
        series=tuple(series),
        x_scale="log",
        note=f"{int((~done).sum())} of {done.size} runs unfinished",
    )


def _power_panel(data: ls.claims.Data, depth: int) -> Panel:
    k, alphas = exponent(depth), np.array(ALPHAS)
    lines = [line_at(data, depth, alpha) for alpha in ALPHAS]
    found = {
        "T_max": [ls.experiments.largest_temperature(one) for one in lines],
        "T_opt": [ls.experiments.best_temperature(one) for one in lines],
    }
    series = [Series.measured(name, alphas, estimates) for name, estimates in found.items()]
    top, best = (one.y for one in series)
    series.append(Series.theory(f"k = {k:.2f}", alphas, top[1] * (alphas / alphas[1]) ** k))
    series += [
        Series.rival(name, alphas, top[1] * (alphas / alphas[1]) ** value)
        for name, value in rivals(depth).items()
    ]
    ratio = best / top
    note = f"T_opt/T_max = {ratio[0]:.2f} (left), {ratio[1]:.2f} (right)"
    return log_log(f"Temperatures, D = {depth}", r"$\alpha$", "T", series, note=note)
