"""A fair coin: supported."""

from langevin_sgd.validation.coins._coin import FairCoin


class Fair(FairCoin):
    """A fair coin: supported."""

    title = "Coin from the bank"
