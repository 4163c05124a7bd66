"""Too few tosses: underpowered."""

from langevin_sgd.validation.coins._coin import FairCoin


class Few(FairCoin):
    """Too few tosses: underpowered."""

    title = "Coin tossed twice"
    tosses = 2
