"""A claim whose tasks take their time, to be interrupted."""

import os
import time
from dataclasses import dataclass

import numpy as np

import langevin_sgd as ls

FIRST, LATER = 0.1, 0.2


@dataclass(frozen=True)
class Nap:
    """A nap, and the noise of sleep."""

    seconds: float
    seed: int


@ls.sweep.task(version=1)
def sleep(nap: Nap):
    """Sleep, then draw numbers; all but the first naps are endless where somebody is about to
    interrupt them.
    """
    endless = nap.seconds > FIRST and "ENDLESS_NAPS" in os.environ
    time.sleep(600 if endless else nap.seconds)
    noise = np.random.default_rng(nap.seed).standard_normal(1000)
    return ls.dataset.make({"noise": (("sample",), noise, "1")}, kind="sleep", seed=nap.seed)


def mean(data):
    """Mean over all naps."""
    return ls.Estimate.from_samples([result.noise for result in data.values()])


class Patience(ls.claims.Claim):
    """Sleep is sound."""

    title = "Patience"
    statement = "The noise of sleep has zero mean."
    formula = "E x = 0"
    source = "derived: symmetry"
    validity = "always"
    control_statement = "The mean is two."
    tiers = ("quick",)

    def tasks(self, tier, seed):
        return {
            f"nap {number}": sleep.at(Nap(FIRST if number < 2 else LATER, seed + number))
            for number in range(8)
        }

    def comparisons(self, tier):
        return [
            ls.claims.Comparison(
                name="mean", prediction=0.0, rivals={"one": 1.0}, wrong=2.0, measure=mean
            )
        ]

    def panels(self, data, tier):
        noise = data["nap 0"].noise
        return [
            ls.plotting.Panel(
                "Noise", "sample", "noise", [ls.plotting.Series("noise", range(1000), noise)]
            )
        ]
