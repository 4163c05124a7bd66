r"""Lazy networks in the plane of batch size and learning rate: three regimes, and the batch size
where two meet.

The change of weights of a lazy network at zero loss, as of a perceptron
(`batch_learning_rate_regimes`): A T, set by T = lr/(B h), for small batches; C lr for batches above
B* = A/C, whose first steps carry the weights farther than noise would; and at small lr what
gradient descent gives, set by the margin 1/alpha. Regimes are judged in pairs of trainings whose
replicas share points and initial weights; A and C are measured at several P for B*.

In the isotropic perceptron the first step is nearly all there is at B > B*, because the rule it
leaves (Hebb's) is a good one. On images it is not: the points that the first step sets wrong are
put right by as large ones. The whole is then a multiple of the first step, |lr grad L(w0)| in a
training of one step with the same points, which is shown. What is judged is that it goes as lr and
does not depend on B.
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
CRITICAL = {"quick": 18.0, "full": 30.0}
"""B* at that P and ..."""
WARM = 0.85
"""... T_x alpha, in trainings with other random numbers: for the margins."""
NOISY = (1, 4)
"""Batch sizes of the regime of noise."""
LOUD, FAST, FASTEST = 2.0**7, 2.0**7, 2.0**10
"""T alpha in the regime of noise; lr alpha / h from which on the first step decides, and the
largest.
"""
SLOW = {4: 2.0**-3, 0: 1.0}
"""lr alpha / h of gradient descent, by batch size; 0 for all points."""
PLANE_BATCHES, PLANE_RATES = (1, 4, 16, 0), (2.0**0, 2.0**3, 2.0**6, 2.0**9)
REPLICAS = {"quick": 32, "full": 48}
QUIET, SHOWN = 16, 8
"""Replicas of gradient descent, whose weights scatter little, and of B*, which is only shown; of
the plane.
"""
NOISE, STEP, STEP_RATE, DESCENT = (
    "ln|w - w0| at one T, B = 4 to B = 1",
    "ln|w - w0| at one lr, B = P to B = P/2",
    "slope of ln|w - w0| in ln lr at B = P",
    "ln|w - w0| at small lr, B = P to B = 4",
)


def label(points: int, batch: int, rate: float) -> str:
    """Name of a training, `rate` being lr alpha / h."""
    return f"P {points}, B {batch or points}, lr alpha/h 2^{math.log2(rate):g}"


# --- what is compared -----------------------------------------------------------------------------


def between(tier: str, *trainings: tuple[int, float]) -> Callable[[Data], ls.Estimate]:
    """How ln|w - w0| differs between two trainings, given by batch size and rate."""
    labels = [label(POINTS[tier], batch, rate) for batch, rate in trainings]

    def measure(data: Data) -> ls.Estimate:
        (difference,) = np.diff(_weights(data, labels), axis=0)
        return ls.Estimate.from_samples(
            difference, method="mean over replicas with the same points"
        )

    return measure


def of_noise(tier: str) -> Comparison:
    """Compare two small batches at one temperature."""
    critical, (few, many) = CRITICAL[tier], NOISY
    return Comparison(
        name=NOISE,
        prediction=0.0,
        margin=math.log((1 + many / critical) / (1 + few / critical)),
        basis="pilot",
        reason="what the first steps add, a share B/B* of the weights",
        rivals={"lr alone": math.log(many / few)},
        wrong=math.log(many / few),
        measure=between(tier, (few, LOUD * few), (many, LOUD * many)),
    )


def of_first_step(tier: str) -> Comparison:
    """Compare two large batches at one learning rate."""
    share = CRITICAL[tier] / POINTS[tier]
    return Comparison(
        name=STEP,
        prediction=0.0,
        margin=math.log((1 + 2 * share) / (1 + share)),
        basis="pilot",
        reason="what noise adds, a share B*/B of the weights",
        rivals={"T alone": -math.log(2)},
        wrong=-math.log(2),
        measure=between(tier, (POINTS[tier] // 2, FASTEST), (0, FASTEST)),
    )


def of_rate(tier: str) -> Comparison:
    """Compare the power of lr in the weights of full batches."""
    border = CRITICAL[tier] * WARM
    left = math.log((1 + border / FAST) / (1 + border / FASTEST))

    def measure(data: Data) -> ls.Estimate:
        labels = {rate: label(POINTS[tier], 0, rate) for rate in (FAST, FASTEST)}
        return ls.experiments.quantity_exponent([line_through(data, "lr", labels)], "weight_change")

    return Comparison(
        name=STEP_RATE,
        prediction=1.0,
        margin=left / math.log(FASTEST / FAST),
        basis="pilot",
        reason="what gradient descent adds, a share of the border over lr",
        rivals={"gradient descent, 0": 0.0},
        measure=measure,
    )


def of_descent(tier: str) -> Comparison:
    """Compare small and full batches at small learning rates."""
    points, border = POINTS[tier], CRITICAL[tier] * WARM
    tails = [rate * (1 / ((batch or points) * WARM) + 1 / border) for batch, rate in SLOW.items()]
    return Comparison(
        name=DESCENT,
        prediction=0.0,
        margin=math.log1p(max(tails)),
        basis="pilot",
        reason="tails of noise and of first steps, their shares T/T_x and lr over the border",
        rivals={
            "lr alone": math.log(SLOW[0] / SLOW[4]),
            "T alone": math.log(4 * SLOW[0] / (points * SLOW[4])),
        },
        wrong=math.log(SLOW[0] / SLOW[4]),
        measure=between(tier, *SLOW.items()),
    )


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
        "at B = P/2 and P, "
        "lr at least eight times its border; gradient descent at most a fifteenth of the borders."
    )
    control_statement = (
        "The learning rate alone sets the weights of small batches, lr/B those of large ones."
    )

    def unavailable(self, tier: str) -> str | None:
        return missing_images(lazy.NETWORKS[tier]["images"])

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        points, found = POINTS[tier], {}

        def add(
            size: int, batch: int, rate: float, replicas: int, steps: int | None = None
        ) -> None:
            name = label(size, batch, rate) + (", first step" if steps else "")
            found.setdefault(
                name, train_nets.at(_run(tier, size, batch, rate, seed, replicas, steps))
            )

        for batch, rate in SLOW.items():
            add(points, batch, rate, QUIET)
        for size in reversed(lazy.SIZES[tier]):
            add(size, 0, FASTEST, REPLICAS[tier] if size == points else QUIET)
            add(size, 0, FASTEST, QUIET, 1)
        for batch in NOISY:
            add(points, batch, LOUD * batch, REPLICAS[tier])
        add(points, points // 2, FASTEST, REPLICAS[tier])
        add(points, 0, FAST, REPLICAS[tier])
        for batch in PLANE_BATCHES:
            for rate in PLANE_RATES:
                add(points, batch, rate, SHOWN)
        return found | {
            lazy.label(size, LOUD): train_nets.at(lazy.run(tier, size, LOUD, seed))
            for size in lazy.SIZES[tier]
        }

    def comparisons(self, tier: str) -> list[Comparison]:
        return [of_noise(tier), of_first_step(tier), of_rate(tier), of_descent(tier)]

    def out_of_range(self, data: Data, tier: str) -> str | None:
        return unfinished(data, [name for name in data if not name.endswith("first step")])

    def panels(self, data: Data, tier: str) -> list[ls.plotting.Panel]:
        return [_rates(data, tier), _sizes(data, tier), _first(data, tier)]


def _run(
    tier: str,
    points: int,
    batch: int,
    rate: float,
    seed: int,
    replicas: int,
    steps: int | None = None,
) -> NetworkRun:
    size = batch or points
    return replace(
        lazy.run(tier, points, rate / size, seed, steps=steps, batch=size), replicas=replicas
    )


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


def _first(data: Data, tier: str) -> ls.plotting.Panel:
    """The whole over the first step, all points in a batch."""
    sizes = lazy.SIZES[tier]
    whole, first = (
        _weights(data, [label(points, 0, FASTEST) + end for points in sizes])
        for end in ("", ", first step")
    )
    return ls.plotting.log_x(
        "All points in a batch, large lr",
        "P",
        r"$|w - w_0| \,/\, lr\, |\nabla L(w_0)|$",
        (
            mean_series("SGD", sizes, whole - first),
            ls.plotting.Series.guide("the first step alone", sizes, np.ones(len(sizes))),
        ),
    )
