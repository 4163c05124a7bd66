"""A task that is quick and whose law is known, and the claim about it that the files beside
share.
"""

from dataclasses import dataclass

import numpy as np

import langevin_sgd as ls


@dataclass(frozen=True)
class Coin:
    """A coin tossed many times."""

    heads: float
    tosses: int
    seed: int
    trouble: str = ""


@ls.sweep.task(version=1)
def toss(coin: Coin):
    """Toss a coin in 50 groups; the frequency of heads in each."""
    if coin.trouble:
        raise ArithmeticError(coin.trouble)
    tosses = np.random.default_rng(coin.seed).random((50, coin.tosses)) < coin.heads
    variables = {"frequency": (("replica",), tosses.mean(axis=1), "1")}
    return ls.dataset.make(variables, kind="tosses", seed=coin.seed)


def share(data):
    """Share of heads in all hands."""
    return ls.Estimate.from_samples([data[label].frequency for label in sorted(data)])


class FairCoin(ls.claims.Claim):
    """The coin is fair."""

    title = "Fair coin"
    statement = "Heads and tails come equally often."
    formula = "P(heads) = 1/2"
    source = "derived: symmetry of the coin"
    validity = "any number of tosses"
    control_statement = "Heads come up in 70 of 100 tosses."
    tiers = ("quick",)
    heads, tosses, trouble = 0.5, 4000, ""

    def tasks(self, tier, seed):
        return {
            f"hand {hand}": toss.at(Coin(self.heads, self.tosses, seed + hand, self.trouble))
            for hand in range(2)
        }

    def comparisons(self, tier):
        return [
            ls.claims.Comparison(
                name="heads", prediction=0.5, rivals={"loaded": 0.6}, wrong=0.7, measure=share
            )
        ]

    def panels(self, data, tier):
        groups = np.arange(50)
        series = [
            ls.plotting.Series(
                "tosses", groups, data["hand 0"].frequency, np.full(50, 0.5 / np.sqrt(self.tosses))
            ),
            ls.plotting.Series("fair", [0, 50], [0.5, 0.5], kind="theory"),
            ls.plotting.Series("loaded", [0, 50], [0.6, 0.6], kind="rival"),
        ]
        return [ls.plotting.Panel("Frequency of heads", "group", "frequency", series)]
