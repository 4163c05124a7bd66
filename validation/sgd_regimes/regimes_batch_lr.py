r"""Lazy networks in the plane of batch size and learning rate: three regimes, and the batch size
where two meet.

The change of weights of a lazy network at zero loss, as of a perceptron
(`batch_learning_rate_regimes`): A T, set by T = lr/(B h), for small batches; C lr for batches above
B* = A/C, whose first steps carry the weights farther than noise would; and at small lr what
gradient descent gives, set by the margin 1/alpha. Regimes are judged in pairs of trainings whose
replicas share points and initial weights.

At a finite distance from the borders the other regimes still contribute: first steps a share B/B*
in the regime of noise, noise a share B*/B in that of first steps, tails of both at small lr. How
large these are is known from trainings only, so that what is judged is which of the variables sets
the weights: in every pair one of them stays and the other changes, and the weights must go less
than half of the way, in the logarithm, that the other would take them.

That weights go as lr at B = P follows from homogeneity and is a test of the trainers. That the
first step is all there is at B > B* is refuted on images (`first_step_on_images`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from langevin_sgd.validation.sgd_regimes import _lazy as lazy
from langevin_sgd.validation.sgd_regimes._network_lines import (
    line_through,
    logs,
    mean_series,
    missing_images,
    unfinished,
)
from langevin_sgd.validation.sgd_regimes._networks import NetworkRun, train_nets

import langevin_sgd as ls
from langevin_sgd.claims import Comparison, Data

POINTS = {"quick": 128, "full": 1024}
"""P of the plane."""
NOISY = (1, 4)
"""Batch sizes of the regime of noise."""
LOUD, FASTEST = 2.0**7, 2.0**10
"""T alpha in the regime of noise; lr alpha / h at which the first steps decide."""
SLOW = {4: 2.0**-3, 0: 1.0}
"""lr alpha / h of gradient descent, by batch size; 0 for all points."""
PLANE_BATCHES, PLANE_RATES = (1, 4, 16, 0), (2.0**0, 2.0**3, 2.0**6, 2.0**9)
REPLICAS = {"quick": 64, "full": 64}
QUIET, SHOWN = 64, 8
"""Replicas of gradient descent, whose weights scatter little, and of B*, which is only shown; of
the plane.
"""
NOISE = "ln|w - w0| at one T, B = 4 to B = 1, over ln 4"
STEP = "ln|w - w0| at one lr, B = P/2 to B = P, over ln 2"
DESCENT = "ln|w - w0| at small lr, B = P to B = 4, over that of"
TIMES = "ln t* at small lr, B = P to B = 4, over that of"


def label(points: int, batch: int, rate: float) -> str:
    """Name of a training, `rate` being lr alpha / h."""
    return f"P {points}, B {batch or points}, lr alpha/h 2^{math.log2(rate):g}"


# --- what is compared -----------------------------------------------------------------------------


def share(
    tier: str, name: str, pair: tuple[tuple[int, float], tuple[int, float]], whole: float
) -> Callable[[Data], ls.Estimate]:
    """How a logarithm differs between two trainings, given by batch size and rate, as a share of
    what another variable alone would do.
    """
    labels = [label(POINTS[tier], batch, rate) for batch, rate in pair]

    def measure(data: Data) -> ls.Estimate:
        first, second = logs(data, labels, name)
        return ls.Estimate.from_samples(
            (second - first) / whole, method="mean over replicas with the same points"
        )

    return measure


def less_than_half(name: str, other: str, measure: Callable[[Data], ls.Estimate]) -> Comparison:
    """Compare the share of what another variable alone would do with a half."""
    return Comparison(
        name=name,
        kind="at_most",
        prediction=0.5,
        scale=1.0,
        rivals={f"{other} alone": 1.0},
        measure=measure,
    )


def compared(tier: str) -> list[Comparison]:
    """Compare what sets the weights in each of the regimes."""
    points, (few, many) = POINTS[tier], NOISY
    noisy = ((few, LOUD * few), (many, LOUD * many))
    large = ((0, FASTEST), (points // 2, FASTEST))
    small, whole = SLOW.items()
    rates = math.log(whole[1] / small[1])
    temperatures = rates + math.log(small[0] / points)
    found = [
        less_than_half(NOISE, "lr", share(tier, "weight_change", noisy, math.log(many / few))),
        less_than_half(STEP, "T", share(tier, "weight_change", large, math.log(2))),
    ]
    for name, quantity in ((DESCENT, "weight_change"), (TIMES, "t_star")):
        found += [
            less_than_half(f"{name} {other}", other, share(tier, quantity, (small, whole), size))
            for other, size in (("lr", rates), ("T", temperatures))
        ]
    return found


class RegimesBatchLr(ls.claims.Claim):
    sample = "lazy"
    title = "Networks in batch size and learning rate"
    statement = (
        "The change of the weights of a lazy network at zero loss is set by lr/B for small "
        "batches, by lr alone for "
        "batches above B*, and by neither at small lr."
    )
    formula = "|w - w0| = max(A lr/(B h), C lr, G/alpha),  B* = A/(C h)"
    source = "Sclocchi and Wyart, arXiv 2309.10688 (regimes); borders derived for the perceptron"
    validity = (
        "alpha = 2^15, fully connected gelu networks; noise at B = 1 and 4, below B*; first steps "
        "at B = P/2 and P, lr far above its border; gradient descent at most a fifteenth of the "
        "borders."
    )
    control_statement = (
        "The learning rate alone sets the weights of small batches, lr/B those of large ones."
    )

    def unavailable(self, tier: str) -> str | None:
        return missing_images(lazy.NETWORKS[tier]["images"])

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        points, found = POINTS[tier], {}

        def add(size: int, batch: int, rate: float, replicas: int) -> None:
            run = run_at(tier, size, batch, rate, seed, replicas)
            found.setdefault(label(size, batch, rate), train_nets.at(run))

        for batch, rate in SLOW.items():
            add(points, batch, rate, QUIET)
        for size in reversed(lazy.SIZES[tier]):
            add(size, 0, FASTEST, replicas_at(tier, size))
        for batch in NOISY:
            add(points, batch, LOUD * batch, REPLICAS[tier])
        add(points, points // 2, FASTEST, REPLICAS[tier])
        for batch in PLANE_BATCHES:
            for rate in PLANE_RATES:
                add(points, batch, rate, SHOWN)
        return found | {
            lazy.label(size, LOUD): train_nets.at(lazy.run(tier, size, LOUD, seed))
            for size in lazy.SIZES[tier]
        }

    def comparisons(self, tier: str) -> list[Comparison]:
        return compared(tier)

    def out_of_range(self, data: Data, tier: str) -> str | None:
        return unfinished(data, list(data))

    def panels(self, data: Data, tier: str) -> list[ls.plotting.Panel]:
        return [_rates(data, tier), _sizes(data, tier)]


def run_at(
    tier: str,
    points: int,
    batch: int,
    rate: float,
    seed: int,
    replicas: int,
    steps: int | None = None,
) -> NetworkRun:
    """Training at lr alpha / h = `rate`, of the first steps only where so many are given."""
    size = batch or points
    return replace(
        lazy.run(tier, points, rate / size, seed, steps=steps, batch=size), replicas=replicas
    )


def replicas_at(tier: str, points: int) -> int:
    """Replicas of full batches at the largest learning rate."""
    return REPLICAS[tier] if points == POINTS[tier] else QUIET


def _weights(data: Data, labels: list[str]) -> np.ndarray:
    return logs(data, labels, "weight_change")


def _branches(data: Data, tier: str, points: int) -> np.ndarray:
    """Logarithms of A (per T alpha) and of C (per lr alpha / h), (2, replica)."""
    values = _weights(data, [lazy.label(points, LOUD), label(points, 0, FASTEST)])
    return np.asarray(values - np.log([[LOUD], [FASTEST]]))


def _critical(data: Data, tier: str) -> np.ndarray:
    """ln B*, (size, replica): where the branch lr/B meets that of all points in a batch."""
    return np.stack([_meeting(data, points) for points in lazy.SIZES[tier]])


def _meeting(data: Data, points: int) -> np.ndarray:
    """ln B* at the fastest learning rate, where noise at B = 1 has the temperature lr."""
    noise, step = np.exp(_weights(data, [lazy.label(points, LOUD), label(points, 0, FASTEST)]))
    ends = [noise[:QUIET] * FASTEST / LOUD, step[:QUIET]]
    return ls.experiments.branch_crossing([1.0, points], ends, slopes=(-1.0, 0.0))


def _rates(data: Data, tier: str) -> ls.plotting.Panel:
    """Change of weights against lr for several B, with the largest of the three mechanisms."""
    points = POINTS[tier]
    noise, step = np.exp(_branches(data, tier, points).mean(axis=1))
    descent = float(np.exp(_weights(data, [label(points, 0, SLOW[0])]).mean()))
    fine, series, lines = np.geomspace(PLANE_RATES[0] / 2, PLANE_RATES[-1] * 2, 60), [], []
    for batch in PLANE_BATCHES:
        values = _weights(data, [label(points, batch, rate) for rate in PLANE_RATES])
        series.append(mean_series(f"B = {batch or points}", PLANE_RATES, values))
        law = np.maximum(np.maximum(noise * fine / (batch or points), step * fine), descent)
        lines.append(
            ls.plotting.Series.theory("" if lines else "largest of three branches", fine, law)
        )
    return ls.plotting.log_log(
        f"Lazy networks, {lazy.NETWORKS[tier]['images']}, P = {points}",
        r"$lr\, \alpha / h$",
        r"$|w - w_0| / |w_0|$",
        (*series, *lines),
    )


def _sizes(data: Data, tier: str) -> ls.plotting.Panel:
    """B* against P."""
    sizes, values = lazy.SIZES[tier], _critical(data, tier)
    critical = ls.experiments.GridLine(
        axis="points",
        held={},
        x=np.array(sizes),
        fitted=np.ones(values.shape, dtype=bool),
        measured={"critical_batch_size": np.exp(values)},
    )
    exponent = ls.experiments.quantity_exponent([critical], "critical_batch_size")
    loud = line_through(data, "points", {points: lazy.label(points, LOUD) for points in sizes})
    weights = ls.experiments.quantity_exponent([loud], "weight_change")
    x = np.array(sizes)
    line = np.exp(values.mean()) * (x / np.exp(np.log(x).mean())) ** float(weights.value or 0.0)
    return ls.plotting.Panel(
        title="Critical batch size",
        x_label="P",
        y_label="B*",
        series=(
            mean_series("where noise and first steps meet", sizes, values),
            ls.plotting.Series("~ P^gamma", x, line, kind="guide"),
        ),
        x_scale="log",
        y_scale="log",
        note=f"exponent {exponent}, gamma {weights}",
    )
