"""A coin tossed on a device of choice."""

from dataclasses import dataclass

from langevin_sgd.validation.coins._coin import Coin, FairCoin, toss

import langevin_sgd as ls


@dataclass(frozen=True)
class Tossed:
    """A coin and where it is tossed."""

    coin: Coin
    device: str = "cpu"


@ls.sweep.task()
def toss_on_device(tossed: Tossed):
    """Toss it, and say where."""
    found = toss(tossed.coin)
    found.attrs["device"] = tossed.device
    return found


class Anywhere(FairCoin):
    """Fair on every device."""

    title = "Coin on a device"
    tiers = ("quick", "gpu")

    def tasks(self, tier, seed):
        return {
            f"hand {hand}": toss_on_device.at(Tossed(Coin(0.5, 4000, seed + hand)))
            for hand in range(2)
        }
