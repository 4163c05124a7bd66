"""A loaded coin: refuted, as the claim expects."""

from dataclasses import replace

from langevin_sgd.validation.coins._coin import FairCoin


class Loaded(FairCoin):
    """A loaded coin: refuted, as the claim expects."""

    title = "Coin from the casino"
    heads = 0.6
    expected_verdict = "refuted"
    expected_reason = "the coin is loaded: 60 heads in 100 tosses"

    def comparisons(self, tier):
        [fair] = super().comparisons(tier)
        right = {"name": "heads of this coin", "prediction": 0.6, "rivals": {"fair": 0.5}}
        return [replace(fair, expected="refuted"), replace(fair, **right)]
