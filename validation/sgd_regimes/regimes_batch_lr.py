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

import math
from dataclasses import replace

import numpy as np
import xarray as xr
from langevin_sgd.validation.sgd_regimes import _lazy as lazy
from langevin_sgd.validation.sgd_regimes._networks import (
    Data,
    NetworkRun,
    logs,
    mean_series,
    missing_images,
    slope,
    train_nets,
    unfinished,
)

import langevin_sgd as ls

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


class RegimesBatchLr(ls.claims.Claim):
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

    def predict(self, tier: str) -> list[ls.claims.Component]:
        points, critical = POINTS[tier], CRITICAL[tier]
        border = critical * WARM
        few, many = NOISY
        component = ls.claims.Component
        return [
            component(
                name=NOISE,
                prediction=0.0,
                margin=math.log((1 + many / critical) / (1 + few / critical)),
                margin_reason="what the first steps add, a share B/B* of the weights",
                alternatives={"lr alone": math.log(many / few)},
            ),
            component(
                name=STEP,
                prediction=0.0,
                margin=math.log((1 + 2 * critical / points) / (1 + critical / points)),
                margin_reason="what noise adds, a share B*/B of the weights",
                alternatives={"T alone": -math.log(2)},
            ),
            component(
                name=STEP_RATE,
                prediction=1.0,
                margin=math.log((1 + border / FAST) / (1 + border / FASTEST))
                / math.log(FASTEST / FAST),
                margin_reason="what gradient descent adds, a share of the border over lr",
                alternatives={"gradient descent, 0": 0.0},
            ),
            component(
                name=DESCENT,
                prediction=0.0,
                margin=math.log1p(
                    max(
                        rate * (1 / ((batch or points) * WARM) + 1 / border)
                        for batch, rate in SLOW.items()
                    )
                ),
                margin_reason="tails of noise and of first steps, their shares T/T_x and lr over "
                "the border",
                alternatives={
                    "lr alone": math.log(SLOW[0] / SLOW[4]),
                    "T alone": math.log(4 * SLOW[0] / (points * SLOW[4])),
                },
            ),
        ]

    def control(self, tier: str) -> list[ls.claims.Component]:
        wrong = {
            NOISE: math.log(NOISY[1] / NOISY[0]),
            STEP: -math.log(2),
            DESCENT: math.log(SLOW[0] / SLOW[4]),
        }
        return [ls.claims.Component(name=name, prediction=value) for name, value in wrong.items()]

    def measure(self, data: dict[str, xr.Dataset], tier: str) -> dict[str, ls.Estimate]:
        points = POINTS[tier]
        few, many = NOISY

        def change(*trainings: tuple[int, float]) -> np.ndarray:
            return _weights(data, [label(points, batch, rate) for batch, rate in trainings])

        found = {
            NOISE: np.diff(change((few, LOUD * few), (many, LOUD * many)), axis=0)[0],
            STEP: np.diff(change((points // 2, FASTEST), (0, FASTEST)), axis=0)[0],
            STEP_RATE: slope((FAST, FASTEST), change((0, FAST), (0, FASTEST))),
            DESCENT: np.diff(change(*SLOW.items()), axis=0)[0],
        }
        method = "mean over replicas with the same points"
        return {
            name: ls.Estimate.from_samples(values, method=method) for name, values in found.items()
        }

    def out_of_range(self, data: dict[str, xr.Dataset], tier: str) -> str | None:
        return unfinished(data, [name for name in data if not name.endswith("first step")])

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
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
    """ln B*, (size, replica)."""
    return np.stack(
        [-np.diff(_branches(data, tier, points), axis=0)[0, :QUIET] for points in lazy.SIZES[tier]]
    )


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
            ls.plotting.Series(
                "" if lines else "largest of three branches", fine, law, kind="theory"
            )
        )
    return ls.plotting.Panel(
        title=f"Lazy networks, {lazy.NETWORKS[tier]['images']}, P = {points}",
        x_label=r"$lr\, \alpha / h$",
        y_label=r"$|w - w_0| / |w_0|$",
        series=(*series, *lines),
        x_scale="log",
        y_scale="log",
    )


def _sizes(data: Data, tier: str) -> ls.plotting.Panel:
    """B* against P."""
    sizes, values = lazy.SIZES[tier], _critical(data, tier)
    exponent = ls.Estimate.from_samples(slope(sizes, values))
    weights = ls.Estimate.from_samples(
        slope(sizes, _weights(data, [lazy.label(points, LOUD) for points in sizes]))
    )
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
    return ls.plotting.Panel(
        title="All points in a batch, large lr",
        x_label="P",
        y_label=r"$|w - w_0| \,/\, lr\, |\nabla L(w_0)|$",
        series=(
            mean_series("SGD", sizes, whole - first),
            ls.plotting.Series("the first step alone", sizes, np.ones(len(sizes)), kind="guide"),
        ),
        x_scale="log",
    )
