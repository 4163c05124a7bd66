"""With all points in a batch and a large learning rate the first step of a lazy network is not the
whole of its way on images.

Of batches above B* theory says that the first step, from the initial weights along the mean
gradient, carries them farther than noise ever would, and that training is over soon after: the
regime is named after it. In the isotropic perceptron it is nearly all there is, because the rule
that it leaves (Hebb's) is a good one. On images it is not. The mean of the images of a class is a
poor rule, since a few directions of large variance rule it, and the points that the first step sets
wrong are put right by steps as large: in a step of the same learning rate each of n P of them moves
the weights by lr/P as before. They add coherently while they are a fixed part of the points, in
directions that the first step has not fitted, so that the whole is more than the first step by a
part of order one, and grows with P. Judged is that the whole is the first step, which is refuted,
and that it is more than one and a half of it.
"""

from __future__ import annotations

import math

import numpy as np
from langevin_sgd.validation.sgd_regimes import _lazy as lazy
from langevin_sgd.validation.sgd_regimes import regimes_batch_lr as regimes
from langevin_sgd.validation.sgd_regimes._network_lines import (
    logs,
    mean_series,
    missing_images,
    unfinished,
)
from langevin_sgd.validation.sgd_regimes._networks import train_nets

import langevin_sgd as ls
from langevin_sgd.claims import Comparison, Data

WHOLE = "ln of the whole change of the weights over the first step"
FACTOR = 1.5
"""By which the whole is larger, at least: each step after the first adds a part of order one."""


def first_label(points: int) -> str:
    """Name of a training of one step."""
    return f"P {points}, first step"


def whole_label(points: int) -> str:
    """Name of a training to zero loss."""
    return regimes.label(points, 0, regimes.FASTEST)


class FirstStepOnImages(ls.claims.Claim):
    sample = "lazy"
    title = "The first step of full batches on images"
    statement = (
        "With all points in a batch and a large learning rate the change of the weights of a lazy "
        "network at zero loss is that of the first step."
    )
    formula = "|w - w0| = lr |grad L(w0)|"
    source = "Sclocchi and Wyart, arXiv 2309.10688 (first-step-dominated SGD)"
    validity = (
        "alpha = 2^15, lr alpha / h = 2^10, B = P, fully connected gelu networks; the perceptron "
        "in isotropic data has it to a few per cent."
    )
    control_statement = "The whole is three times the first step."
    expected_verdict = "refuted"
    expected_reason = (
        "Images have a few directions of large variance, for which the mean gradient is a poor "
        "rule: the points that it leaves unfit take steps as large, and the whole is about twice "
        "the first step (B = P, lr alpha / h = 2^10)."
    )

    def unavailable(self, tier: str) -> str | None:
        return missing_images(lazy.NETWORKS[tier]["images"])

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        found = {}
        for points in reversed(lazy.SIZES[tier]):
            replicas = regimes.replicas_at(tier, points)
            for name, steps in ((whole_label(points), None), (first_label(points), 1)):
                run = regimes.run_at(tier, points, 0, regimes.FASTEST, seed, replicas, steps)
                found[name] = train_nets.at(run)
        return found

    def comparisons(self, tier: str) -> list[Comparison]:
        def measure(data: Data) -> ls.Estimate:
            return ls.Estimate.from_samples(over_first_step(data, tier).mean(axis=0))

        def placebo(data: Data) -> ls.Estimate:
            """The whole of one run over that of another."""
            whole = over_first_step(data, tier)[0]
            return ls.Estimate.from_samples(whole - np.roll(whole, 1))

        return [
            Comparison(
                name=WHOLE,
                prediction=0.0,
                expected="refuted",
                scale=math.log(3),
                rivals={"three times as much": math.log(3)},
                measure=measure,
            ),
            Comparison(
                name=f"{WHOLE}, at least",
                kind="at_least",
                prediction=math.log(FACTOR),
                scale=math.log(3),
                rivals={"the first step alone": 0.0},
                measure=measure,
                placebo=placebo,
            ),
        ]

    def out_of_range(self, data: Data, tier: str) -> str | None:
        return unfinished(data, [whole_label(points) for points in lazy.SIZES[tier]])

    def panels(self, data: Data, tier: str) -> list[ls.plotting.Panel]:
        sizes = lazy.SIZES[tier]
        return [
            ls.plotting.log_x(
                "All points in a batch, large lr",
                "P",
                r"$|w - w_0| \,/\, lr\, |\nabla L(w_0)|$",
                (
                    mean_series("SGD", sizes, over_first_step(data, tier)),
                    ls.plotting.Series.theory("the first step alone", sizes, np.ones(len(sizes))),
                ),
            )
        ]


def over_first_step(data: Data, tier: str) -> np.ndarray:
    """ln of the whole change of the weights over the first step, (size, replica)."""
    sizes = lazy.SIZES[tier]
    count = min(data[whole_label(points)].sizes["replica"] for points in sizes)
    whole, first = (
        logs(data, [name(points) for points in sizes], "weight_change")[:, :count]
        for name in (whole_label, first_label)
    )
    return np.asarray(whole - first)
