"""The noise of SGD acts at the end of training of networks too: it counts only after most points
are fitted.

Four ways to train the same networks on the same points at the same learning rate, as for the
perceptron in `noise_acts_late`: batches of a few points always, full batches always, batches of a
few points until a fraction of the points is left unfit and full batches from there, and the
reverse. The share of a mixed training in the effect of noise is

    (mean ln |w* - w0| - that of gradient descent) / (that of SGD - that of gradient descent),

1 if it has the whole effect of noise, 0 if none, and likewise for the training time.

- Late noise alone has the whole effect: what gradient descent has learnt before is a head start of
  a small part of the way, and what the weights owe to noise is forgotten as soon as points are
  unfit again.
- Early noise alone has none on the way that is left, which is that of gradient descent. But weights
  that it has moved stay moved, and add to the others in square: a share of ln(1 + r^2)/2 over the
  whole effect on ln |w* - w0| at most, with r = |w - w0| at the switch over |w* - w0| of gradient
  descent.

Both corrections are known roughly only, so that what is judged is the side of one half: late noise
has more than half of the effect and early noise less, where the rival, noise that acts early, has
it the other way round.

The switch is judged at an unfit fraction of .3, still in the first pass over the points, so that
none is met again yet.
"""

from dataclasses import dataclass, replace

from langevin_sgd.validation.sgd_regimes._network_courses import (
    SIGNAL_AND_KERNEL,
    SwitchedCourse,
    out_of_lazy,
    train_switched,
)
from langevin_sgd.validation.sgd_regimes._network_lines import missing_images
from langevin_sgd.validation.sgd_regimes._networks import NetworkRun, network_run, train_nets
from langevin_sgd.validation.sgd_regimes._switched_noise import (
    Quantity,
    SwitchedNoise,
    share,
)

import langevin_sgd as ls
from langevin_sgd.claims import Comparison, Data

ALPHA = 2.0**12
TEMPERATURE = 2.0
"""T/kappa."""
SWITCH = 0.3
SWITCHES = (0.1, 0.3)
QUANTITIES = {
    "weight_change": Quantity(
        name="ln weight change", symbol="|w^* - w_0|", axis=r"$|w^* - w_0| / |w_0|$"
    ),
    "t_star": Quantity(name="ln t*", symbol="t^*", axis="$t^*$"),
}


@dataclass(frozen=True)
class SwitchedNetwork:
    """Data, network and replicas."""

    images: str
    points: int
    test_points: int
    depth: int
    width: int
    batch_size: int
    replicas: int

    def noisy(self, seed: int) -> NetworkRun:
        """Batches of a few points."""
        return network_run(
            images=self.images,
            points=self.points,
            test_points=self.test_points,
            depth=self.depth,
            width=self.width,
            alpha=ALPHA,
            temperature=TEMPERATURE / ALPHA,
            batch_size=self.batch_size,
            max_steps=2**20,
            record=SIGNAL_AND_KERNEL,
            replicas=self.replicas,
            seed=ls.derive_seed(seed, "noise_acts_late_networks", self.images),
        )

    def silent(self, seed: int) -> NetworkRun:
        """Full batches at the same learning rate."""
        noisy = self.noisy(seed)
        return replace(noisy, settings=replace(noisy.settings, batch_size=self.points))

    @property
    def title(self) -> str:
        """What tells it from other cases."""
        return self.images

    @property
    def note(self) -> str:
        """Sizes and temperature."""
        return f"P = {self.points}, B = {self.batch_size}, T = {TEMPERATURE:g} kappa"

    def label(self, when: str) -> str:
        """Name of one treatment."""
        return f"{self.title}, {when}"


GRID = {
    "quick": (SwitchedNetwork("digits", 512, 512, 2, 32, 4, 48),),
    "full": (
        SwitchedNetwork("mnist", 2048, 2048, 2, 64, 4, 32),
        SwitchedNetwork("cifar10", 2048, 2048, 2, 64, 4, 32),
    ),
    # Of 16 temperatures one, of P = 2^10 ... 2^14 the third, B = 8 for 16, 32 replicas for 5.
    "gpu": (
        SwitchedNetwork("mnist", 4096, 2048, 5, 128, 8, 32),
        SwitchedNetwork("cifar10", 4096, 2048, 5, 128, 8, 32),
    ),
}


class NoiseActsLateNetworks(SwitchedNoise):
    title = "SGD noise acts late, on networks"
    statement = (
        "Noise that sets in after most points are fitted has most of the effect of SGD noise on "
        "weights and training time of a network; noise that ends there has little of it."
    )
    formula = (
        "share = (X - X_never)/(X_always - X_never),  X = mean ln |w* - w0|, mean ln t*:  "
        "late > 1/2, early < 1/2"
    )
    source = (
        "Sclocchi, Geiger and Wyart, arXiv 2301.13703 (noise acts through the end of "
        "training); design derived"
    )
    validity = "Lazy regime, T of order kappa or above, B < B*."
    control_statement = (
        "Noise acts early, by choosing where training goes: early noise has the "
        "effect, late noise none."
    )
    tiers = ("quick", "full", "gpu")

    grid = GRID
    switch, switches = SWITCH, SWITCHES
    quantities = QUANTITIES
    train, train_switched = train_nets, train_switched
    switched = SwitchedCourse.of

    def _compared(self, case: SwitchedNetwork, order: str, quantity: str) -> Comparison:
        """Compare the share that noise early or late has in the effect of noise with a half."""
        early = order == "early"
        words = self.quantities[quantity].name

        def placebo(data: Data) -> ls.Estimate:
            """The share of noise at the other end of training."""
            other = "late" if early else "early"
            return share(data, case, other, self.switch, quantity)

        return Comparison(
            name=f"{case.title}, {order} only: share of the effect of noise on {words}",
            kind="at_most" if early else "at_least",
            prediction=0.5,
            scale=1.0,
            rivals={"noise acts early": 1.0 if early else 0.0},
            measure=lambda data: share(data, case, order, self.switch, quantity),
            placebo=placebo,
        )

    def out_of_range(self, data: Data, tier: str) -> str | None:
        return out_of_lazy(data)

    def unavailable(self, tier: str) -> str | None:
        return missing_images(*(case.images for case in GRID[tier]))
