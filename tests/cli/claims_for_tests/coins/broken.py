"""Tosses that fail."""

from langevin_sgd.validation.coins._coin import FairCoin


class Broken(FairCoin):
    """Tosses that fail."""

    title = "Lost coin"
    trouble = "the coin rolled away"
