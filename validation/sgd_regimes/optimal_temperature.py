r"""The best temperature of a network in the feature regime, and the largest that trains, go as
alpha^((D-1)/(D+1)).

A network of D hidden layers is homogeneous of degree D + 1 in its weights. To reach f = 1/alpha
they grow to alpha^(-1/(D+1)), where the curvature of f, alpha^(-(D-1)/(D+1)), times the temperature
decides on noise and stability.

- T_max, beyond which training fails: for each seed the temperature below which as many of those
  tried lie as it trained at, to zero loss; ln T_max is averaged over seeds (Spearman and Karber's
  estimator of a threshold). Temperatures half an octave apart bracket the place where theory has
  it; T_max that a bracket does not enclose is not measured, and the claim fails.
- T_opt, of least test error: the vertex of a parabola through the mean errors around the least, a
  run that fails counting with the worst error of its line. Temperatures are the same for all
  alphas, so that nothing found on them can move with alpha by itself, and unless the error rises on
  both sides of the least by five standard errors there is no T_opt. The placebo, errors shuffled
  over temperatures, has none.

Both are those of `langevin_sgd.experiments`, as the command ``train`` measures them.

T_opt is judged on MNIST only, in the tier full. On digits, P = 256, the mean error of the runs that
finish falls all the way to T_max at one and two hidden layers, and the only optimum is that failing
counts as an error; with three layers and alpha = 2^-8 it changes by a tenth within a factor of four
in T and the optimum is not there.

How exact the theory is. It leaves out the initial weights, a part e = alpha^(1/(D+1)) of the final
ones. The curvature changes by up to (1 + e)^(D-1), which between the two alphas moves the exponent
by the margin. For D = 1 the curvature stays as it is, but weights leave the neighbourhood of zero
exponentially, in a time ln(1/alpha), where they leave it as a power for D > 1: exponents then hold
up to a logarithm, which is the margin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from langevin_sgd.validation.sgd_regimes._network_lines import line_through, missing_images
from langevin_sgd.validation.sgd_regimes._networks import NetworkRun, network_run, train_nets

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series, log_log

ALPHAS = (2.0**-18, 2.0**-8)
"""Between which T_max is measured."""
FIRST = {1: -0.5, 2: -1.5, 3: -1.5, 5: -1.5}
"""log2 of lr alpha^-k / h at the first of the temperatures, so that the T_max of both alphas lies
among them even if k = (D-1)/D, up to D = 3."""
TEMPERATURES, SPACING = 7, 0.5
BATCH = 16
TIME = 8192.0
"""lr alpha^-k / h times the steps that a run may take, about twice what the longest needed."""
STREAM = "temperatures of networks"
NEAR = (2.0**-14, 2.0**-11, 2.0**-8)
"""Alphas of T_opt, nearer to one another: all have the same temperatures."""
BELOW, ABOVE = 3.0, 3.0
"""Octaves of lr alpha^-k / h below the first temperature of T_max, at the least alpha, and above
it, at the largest, between which T_opt is looked for."""


@dataclass(frozen=True, kw_only=True)
class Images:
    """Data and replicas of a tier.

    Parameters
    ----------
    images, points, test_points
        The data.
    replicas
        By depth.
    optimum
        Depths at which T_opt is judged.
    time
        In units of `TIME`.
    """

    images: str
    points: int
    test_points: int
    replicas: dict[int, int]
    optimum: tuple[int, ...] = ()
    time: float = 1.0


TIERS = {
    "quick": Images(images="digits", points=256, test_points=1536, replicas={1: 48, 2: 48, 3: 48}),
    "full": Images(
        images="mnist",
        points=1024,
        test_points=8192,
        replicas={1: 64, 2: 64, 3: 64, 5: 32},
        optimum=(1, 2, 3),
        time=4.0,
    ),
}


def exponent(depth: int) -> float:
    """k = (D-1)/(D+1)."""
    return (depth - 1) / (depth + 1)


def rivals(depth: int, alphas: tuple[float, ...] = ALPHAS) -> dict[str, float]:
    """What else the exponent could be, where it differs by more than twice the margin."""
    k, least = exponent(depth), 2 * margin(depth, alphas)
    every = {
        "no dependence on alpha, 0": 0.0,
        "f grows as |w|^D, (D-1)/D": (depth - 1) / depth,
        "T ~ alpha, 1": 1.0,
    }
    return {name: value for name, value in every.items() if abs(value - k) > least}


def margin(depth: int, alphas: tuple[float, ...] = ALPHAS) -> float:
    """Exponent of what the initial weights change between the least and the largest alpha."""
    if depth == 1:
        change = math.log(math.log(alphas[0]) / math.log(alphas[-1]))
    else:
        low, high = (1 + alpha ** (1 / (depth + 1)) for alpha in (alphas[0], alphas[-1]))
        change = (depth - 1) * math.log(high / low)
    return change / math.log(alphas[-1] / alphas[0])


def scales(depth: int) -> np.ndarray:
    """log2 of T alpha^-k around T_max, (temperature,)."""
    return FIRST[depth] + SPACING * np.arange(TEMPERATURES) - math.log2(BATCH)


def fixed(depth: int) -> np.ndarray:
    """log2 of T at which T_opt is looked for, the same for all alphas, (temperature,)."""
    ends = [exponent(depth) * math.log2(alpha) for alpha in (NEAR[0], NEAR[-1])]
    first = FIRST[depth] - math.log2(BATCH)
    low, high = np.floor(first - BELOW + ends[0]), np.ceil(first + ABOVE + ends[1])
    return np.arange(low, high + SPACING, SPACING)


def label(depth: int, alpha: float, logarithm: float) -> str:
    """Name of a training at T = 2^logarithm."""
    return f"D {depth}, alpha 2^{math.log2(alpha):.0f}, T 2^{logarithm:.3f}"


def bracket(depth: int, alpha: float) -> list[float]:
    """log2 of T around T_max."""
    return [float(scale) + exponent(depth) * math.log2(alpha) for scale in scales(depth)]


def run_at(tier: str, depth: int, alpha: float, logarithm: float, seed: int) -> NetworkRun:
    """Training at T = 2^logarithm."""
    case = TIERS[tier]
    of_alpha = logarithm - exponent(depth) * math.log2(alpha)
    return network_run(
        depth=depth,
        alpha=alpha,
        temperature=2.0**logarithm,
        max_steps=int(case.time * TIME / (BATCH * 2**of_alpha)),
        replicas=case.replicas[depth],
        batch_size=BATCH,
        seed=seed,
        images=case.images,
        points=case.points,
        test_points=case.test_points,
    )


# --- measurement ----------------------------------------------------------------------------------


def line_at(
    data: ls.claims.Data, depth: int, alpha: float, logarithms: list[float]
) -> ls.experiments.GridLine:
    """Trainings at some temperatures of one alpha."""
    labels = {2.0**one: label(depth, alpha, one) for one in logarithms}
    return line_through(data, "temperature_per_width", labels, alpha=alpha)


def lines_of(
    data: ls.claims.Data, depth: int, boundary: Literal["T_max", "T_opt"]
) -> list[ls.experiments.GridLine]:
    """The lines on which a boundary is looked for."""
    if boundary == "T_max":
        return [line_at(data, depth, alpha, bracket(depth, alpha)) for alpha in ALPHAS]
    return [line_at(data, depth, alpha, fixed(depth).tolist()) for alpha in NEAR]


def shuffled(line: ls.experiments.GridLine) -> ls.experiments.GridLine:
    """The same runs, of each replica at temperatures drawn anew: what is left has no effect of
    T.
    """
    count, replicas = line.fitted.shape
    order = np.random.default_rng(0).permuted(np.tile(np.arange(count)[:, None], replicas), axis=0)
    measured = {
        name: np.take_along_axis(values, order, axis=0) for name, values in line.measured.items()
    }
    return replace(line, fitted=np.take_along_axis(line.fitted, order, axis=0), measured=measured)


def compared(depth: int, boundary: Literal["T_max", "T_opt"]) -> ls.claims.Comparison:
    """Compare the power of alpha with which a boundary moves."""

    def measure(data: ls.claims.Data) -> ls.Estimate:
        return of_lines(lines_of(data, depth, boundary))

    def placebo(data: ls.claims.Data) -> ls.Estimate:
        return of_lines([shuffled(line) for line in lines_of(data, depth, boundary)])

    def of_lines(lines: list[ls.experiments.GridLine]) -> ls.Estimate:
        found = ls.experiments.boundary_exponent(boundary, lines, "alpha")
        if found.valid and found.note:  # a boundary is known at some alphas only
            return ls.Estimate.refused(found.note, method=found.method)
        return found

    alphas = ALPHAS if boundary == "T_max" else NEAR
    decade, known = math.log(alphas[-1] / alphas[0]), margin(depth, alphas)
    k, others = exponent(depth), rivals(depth, alphas)
    wrong = (depth - 1) / depth
    return ls.claims.Comparison(
        name=f"k of {boundary}, D = {depth}",
        prediction=k,
        margin=known,
        basis="theory",
        reason="initial weights, left out by the theory, at the larger alpha",
        rivals=others,
        wrong=wrong if wrong in others.values() else None,
        wrong_margin=known if wrong in others.values() else 0.0,
        near_misses={
            "learning rate off by 10 % at one alpha": k + math.log(1.1) / decade,
            "learning rate off by a factor of 2 at one alpha": k + math.log(2) / decade,
        },
        placebo=placebo,
        measure=measure,
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
        "alpha << 1; fully connected relu networks without biases; parity of digits, P = 256, h = "
        "64, B = 16, alpha = 2^-18 and 2^-8 for T_max. T_opt on MNIST alone, in the full tier: on "
        "digits the error of runs that finish has no least value below T_max. D = 5 in the full "
        "tier, where the margin is too wide to tell k from (D-1)/D."
    )
    control_statement = "The output grows with one power of the weights less, k = (D-1)/D."

    def unavailable(self, tier: str) -> str | None:
        return missing_images(TIERS[tier].images)

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        own, case, found = ls.derive_seed(seed, STREAM), TIERS[tier], {}
        for depth in reversed(case.replicas):
            places = [(alpha, one) for alpha in ALPHAS for one in bracket(depth, alpha)]
            if depth in case.optimum:
                places += [(alpha, float(one)) for alpha in NEAR for one in fixed(depth)]
            for alpha, one in places:
                run = run_at(tier, depth, alpha, one, own)
                found[label(depth, alpha, one)] = train_nets.at(run)
        return found

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        case = TIERS[tier]
        return [compared(depth, "T_max") for depth in case.replicas] + [
            compared(depth, "T_opt") for depth in case.optimum
        ]

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        case = TIERS[tier]
        return [
            *(_curve_panel(data, depth, "T_max") for depth in case.replicas),
            *(_curve_panel(data, depth, "T_opt") for depth in case.optimum),
            *(_power_panel(data, depth, depth in case.optimum) for depth in case.replicas),
        ]


def _curve_panel(data: ls.claims.Data, depth: int, boundary: Literal["T_max", "T_opt"]) -> Panel:
    lines, k = lines_of(data, depth, boundary), exponent(depth)
    series = []
    for one in lines:
        errors = [
            ls.Estimate.from_samples(values) for values in one.failures_as_worst("test_error")
        ]
        alpha = one.held["alpha"]
        name = rf"$\alpha = 2^{{{math.log2(alpha):.0f}}}$"
        series.append(Series.measured(name, one.x / alpha**k, errors))
    done = np.array([one.fitted for one in lines])
    return Panel(
        title=f"Around {boundary}, D = {depth}, k = {k:.2f}",
        x_label=r"$T \alpha^{-k}$",
        y_label="test error, failing as the worst",
        series=tuple(series),
        x_scale="log",
        note=f"{int((~done).sum())} of {done.size} runs unfinished",
    )


def _power_panel(data: ls.claims.Data, depth: int, with_optimum: bool) -> Panel:
    k = exponent(depth)
    found = {"T_max": ls.experiments.largest_temperature}
    if with_optimum:
        found["T_opt"] = ls.experiments.best_temperature
    series = []
    for name, measure in found.items():
        lines = lines_of(data, depth, "T_max" if name == "T_max" else "T_opt")
        alphas = [line.held["alpha"] for line in lines]
        series.append(Series.measured(name, alphas, [measure(line) for line in lines]))
    alphas, top = np.array(ALPHAS), series[0].y
    series.append(Series.theory(f"k = {k:.2f}", alphas, top[1] * (alphas / alphas[1]) ** k))
    series += [
        Series.rival(name, alphas, top[1] * (alphas / alphas[1]) ** value)
        for name, value in rivals(depth).items()
    ]
    return log_log(f"Temperatures, D = {depth}", r"$\alpha$", "T", series)
