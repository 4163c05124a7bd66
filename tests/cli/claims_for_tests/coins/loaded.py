"""A loaded coin: refuted, as the claim expects."""

from langevin_sgd.validation.coins._coin import FairCoin


class Loaded(FairCoin):
    """A loaded coin: refuted, as the claim expects."""

    title = "Coin from the casino"
    heads = 0.6
    expected_verdict = "refuted"
    expected_reason = "the coin is loaded: 60 heads in 100 tosses"
