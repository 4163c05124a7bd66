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

import math
from dataclasses import replace

import numpy as np
import xarray as xr
from langevin_sgd.validation.sgd_regimes._networks import (
    Data,
    NetworkRun,
    best_scale,
    failure_scale,
    finished_and_error,
    fitted,
    train_nets,
)

import langevin_sgd as ls

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
SHARPNESS = 20.0
"""Power of the test error in the weights of T_opt."""


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
    return NetworkRun(
        depth=depth,
        alpha=alpha,
        temperature=float(2**scale * alpha ** exponent(depth)),
        max_steps=int(TIME / (BATCH * 2**scale)),
        replicas=replicas,
        batch_size=BATCH,
        seed=seed,
    )


# --- measurement ----------------------------------------------------------------------------------


def finished(data: Data, depth: int) -> np.ndarray:
    """Whether runs reached zero loss, (alpha, temperature, replica)."""
    return np.array(
        [[fitted(data[label(depth, a, k)]) for k in range(TEMPERATURES)] for a in ALPHAS]
    )


def largest_temperature(data: Data, depth: int) -> np.ndarray:
    """log2 of T_max alpha^-k, (alpha, replica)."""
    return failure_scale(finished(data, depth), scales(depth))


def moments(data: Data, depth: int) -> np.ndarray:
    """Whether a run finished, and its test error if so, else 0: (replica, 2, alpha,
    temperature).
    """
    each = [
        finished_and_error(data, [label(depth, a, k) for k in range(TEMPERATURES)]) for a in ALPHAS
    ]
    return np.stack(each, axis=2)


def best_temperature(means: np.ndarray, depth: int) -> np.ndarray:
    """log2 of T_opt alpha^-k, (n, alpha), from averaged moments (n, 2, alpha, temperature)."""
    return best_scale(means, scales(depth), SHARPNESS)


def best(data: Data, depth: int) -> tuple[np.ndarray, np.ndarray, ls.Estimate]:
    """log2 of T_opt alpha^-k and its error, (alpha,), and the difference between the larger alpha
    and the smaller.
    """
    samples = moments(data, depth)
    jackknife = ls.measure.jackknife
    values, spread = jackknife(lambda means: best_temperature(means, depth), samples)
    value, error = jackknife(
        lambda means: np.diff(best_temperature(means, depth), axis=1)[:, 0], samples
    )
    method = "mean of ln T weighted with error^-20, jackknife over seeds"
    difference = ls.Estimate(
        value=float(value), standard_error=float(error), n_independent=len(samples), method=method
    )
    return values, spread, difference


def as_exponent(octaves: ls.Estimate, depth: int) -> ls.Estimate:
    """The exponent that follows from the octaves by which T alpha^-k is larger at the larger
    alpha.
    """
    found = octaves.scaled(1 / OCTAVES)
    return replace(found, value=None if found.value is None else exponent(depth) + found.value)


LEFT_OUT = "initial weights, left out by the theory, at the larger alpha"


def of_largest(depth: int) -> ls.claims.Comparison:
    """Compare the exponent of T_max."""

    def measure(data: Data) -> ls.Estimate:
        small, large = largest_temperature(data, depth)
        return as_exponent(ls.Estimate.from_samples(large - small), depth)

    return ls.claims.Comparison(
        name=f"k of T_max, D = {depth}",
        prediction=exponent(depth),
        margin=margin(depth),
        reason=LEFT_OUT,
        rivals=rivals(depth),
        wrong=(depth - 1) / depth if depth > 1 else None,
        wrong_margin=margin(depth) if depth > 1 else 0.0,
        measure=measure,
    )


def of_best(depth: int, tier: str) -> ls.claims.Comparison:
    """Compare the exponent of T_opt, which the quick tier resolves from distant rivals only."""
    near = tier == "full"
    return ls.claims.Comparison(
        name=f"k of T_opt, D = {depth}",
        prediction=exponent(depth),
        margin=margin(depth),
        reason=LEFT_OUT,
        rivals={
            name: value for name, value in rivals(depth).items() if near or value in (0.0, 1.0)
        },
        measure=lambda data: as_exponent(best(data, depth)[2], depth),
    )


class OptimalTemperature(ls.claims.Claim):
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
        return [
            *(of_largest(depth) for depth in DEPTHS),
            *(of_best(depth, tier) for depth in DEPTHS),
        ]

    def out_of_range(self, data: dict[str, xr.Dataset], tier: str) -> str | None:
        for depth in DEPTHS:
            part = finished(data, depth).mean(axis=-1)
            if part[:, 0].min() < 0.9 or part[:, -1].max() > 0.1:
                return f"T_max does not lie among the temperatures at D = {depth}"
        return None

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        return [_curve_panel(data, depth) for depth in DEPTHS] + [
            _power_panel(data, depth) for depth in DEPTHS
        ]


def _curve_panel(data: Data, depth: int) -> ls.plotting.Panel:
    done, samples = finished(data, depth), moments(data, depth)
    error = np.where(np.moveaxis(done, -1, 0), samples[:, 1], np.nan)
    series = []
    for place, alpha in enumerate(ALPHAS):
        enough = done[place].sum(axis=-1) > 2
        found = error[:, place, enough]
        count = done[place, enough].sum(axis=-1)
        name = rf"$\alpha = 2^{{{math.log2(alpha):.0f}}}$"
        spread = np.nanstd(found, axis=0, ddof=1) / np.sqrt(count)
        series.append(
            ls.plotting.Series(name, 2 ** scales(depth)[enough], np.nanmean(found, axis=0), spread)
        )
    largest = 2 ** float(largest_temperature(data, depth).mean())
    series.append(ls.plotting.Series.guide("T_max", [largest] * 2, [0.045, 0.075]))
    return ls.plotting.log_x(
        f"D = {depth}, k = {exponent(depth):.2f}",
        r"$T \alpha^{-k}$",
        "test error",
        series,
        note=f"{int((~done).sum())} of {done.size} runs unfinished",
    )


def _power_panel(data: Data, depth: int) -> ls.plotting.Panel:
    k, alphas = exponent(depth), np.array(ALPHAS)
    largest = largest_temperature(data, depth)
    optimum, spread, _ = best(data, depth)
    found = {
        "T_max": (largest.mean(axis=1), largest.std(axis=1, ddof=1) / math.sqrt(largest.shape[1])),
        "T_opt": (optimum, spread),
    }
    lines = {f"k = {k:.2f}": (k, "theory")} | {
        name: (value, "rival") for name, value in rivals(depth).items()
    }
    top = 2 ** found["T_max"][0] * alphas**k
    ratio = 2 ** (optimum - largest.mean(axis=1))
    return ls.plotting.log_log(
        f"Temperatures, D = {depth}",
        r"$\alpha$",
        "T",
        (
            *(
                ls.plotting.Series(
                    name, alphas, 2**value * alphas**k, 2**value * alphas**k * math.log(2) * error
                )
                for name, (value, error) in found.items()
            ),
            *(
                ls.plotting.Series(name, alphas, top[1] * (alphas / alphas[1]) ** value, kind=kind)
                for name, (value, kind) in lines.items()
            ),
        ),
        note=f"T_opt/T_max = {ratio[0]:.2f} (left), {ratio[1]:.2f} (right)",
    )
