r"""Full gradients with Gaussian noise of the minibatch covariance do what minibatches do, while
many points are unfit.

Four ways to train the same networks on the same points at the same learning rate: minibatches of B
points; the gradient of all points with Gaussian noise of the covariance that those minibatches have
at the present weights; the same with isotropic noise of that covariance's trace; and the gradient
of all points alone. Compared are numbers after a few passes over the points, as the share

    (X of the Langevin noise - X of a rival) / (X of SGD - X of the rival),
    X = mean ln signal, mean ln |w - w0|, ...

1 if Langevin noise is as good as minibatches, 0 if it is no better than the rival. The signal is
the component of w - w0 along the mean of y grad f(w0, x) over test points. The rival is isotropic
noise, but for the weight change: as isotropic noise has the trace of the true noise, it makes
weights that are as large, in directions where they do not matter. There the rival is no noise.

How exact the theory is. The first two moments of a step agree, whatever the weights. What is left
is that steps of SGD are not Gaussian; after M unfit points have been met, averages differ from
Gaussian ones by 1/sqrt(M) at most. About a quarter of the points is unfit when it is first met, M =
P/4 per pass, by trial. Later, points that are met again matter, and a quarter of the effect is
missing; see `langevin_noise_late`.

As M is known by trial only, what is judged is that the share is at least 7/8, halfway between all
of the effect and what is left of it at the end of training; after two passes, where M is larger.
Weights are a few per cent below one, by five standard errors. The fraction of unfit points is shown
but not judged: its share is known to .08 from 96 replicas, so that 1 could not be told from .55,
and forty times as many would be needed.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from langevin_sgd.validation.sgd_regimes._network_courses import SIGNAL_AND_KERNEL, out_of_lazy
from langevin_sgd.validation.sgd_regimes._network_lines import missing_images
from langevin_sgd.validation.sgd_regimes._networks import NetworkRun, network_run, train_nets

import langevin_sgd as ls
from langevin_sgd.claims import Comparison, Data

ALPHA = 2.0**14
PASSES = (0.5, 1, 2, 4, 8)
JUDGED = (2,)
"""Passes over the points after which the theory is judged."""
NOISES = {
    "minibatches": "sgd",
    "Langevin": "minibatch_covariance",
    "isotropic": "isotropic",
    "none": "sgd",
}
RIVALS = {"signal": "isotropic", "weight_change": "none"}
SHOWN = RIVALS | {"unfit_fraction": "isotropic"}
RIVAL_NAMES = {"isotropic": "isotropic noise", "none": "no noise"}
MOST = 7 / 8
"""Share that the theory has at least."""
NAMES = {
    "signal": "ln signal",
    "unfit_fraction": "unfit fraction",
    "weight_change": "ln weight change",
}


@dataclass(frozen=True)
class NoiseOnImages:
    """One comparison: data, network, SGD at T/kappa, and replicas."""

    images: str
    points: int
    test_points: int
    depth: int
    width: int
    batch_size: int
    temperature: float
    replicas: int

    def run(self, noise: str, seed: int) -> NetworkRun:
        """Settings of one of the four trainings."""
        steps_per_pass = self.points / self.batch_size
        lr_in_batches = 1 if noise != "none" else self.batch_size / self.points
        run = network_run(
            images=self.images,
            points=self.points,
            test_points=self.test_points,
            depth=self.depth,
            width=self.width,
            alpha=ALPHA,
            temperature=self.temperature / ALPHA * lr_in_batches,
            batch_size=self.batch_size if noise != "none" else self.points,
            engine=ls.training.NetworkEngine(noise=NOISES[noise]),
            record=SIGNAL_AND_KERNEL,
            max_steps=2**20,
            replicas=self.replicas,
            seed=ls.derive_seed(seed, "langevin_noise", self.images),
        )
        return replace(run, schedule=tuple(round(passes * steps_per_pass) for passes in PASSES))

    @property
    def title(self) -> str:
        """What tells it from other comparisons."""
        return (
            f"{self.images}, P = {self.points}, B = {self.batch_size}, T = "
            f"{self.temperature:g} "
            "kappa"
        )

    def label(self, noise: str) -> str:
        """Name of one training."""
        return f"{self.title}, {noise}"

    def accuracy(self, passes: float) -> float:
        """1/sqrt(M), M = P/4 for each pass."""
        return 1 / math.sqrt(self.points * passes / 4)


GRID = {
    "quick": (
        NoiseOnImages("digits", 256, 512, 2, 32, 2, 16.0, 96),
        NoiseOnImages("digits", 256, 512, 2, 32, 4, 64.0, 96),
    ),
    "full": tuple(
        NoiseOnImages(images, points, 2048, 2, 64, batch_size, temperature, 64)
        for images, points in (("mnist", 256), ("cifar10", 256))
        for batch_size, temperature in ((2, 16.0), (8, 16.0), (2, 64.0), (2, 4.0))
    ),
    # Of P = 2^10 ... 2^14 the smallest, of 16 temperatures one, B = 8 for 16, 32 replicas for 5.
    "gpu": tuple(
        NoiseOnImages(images, 1024, 2048, 5, 128, 8, 16.0, 32) for images in ("mnist", "cifar10")
    ),
}


def langevin_tasks(tier: str, seed: int) -> dict[str, ls.sweep.Task]:
    """The four trainings of every comparison."""
    return {
        case.label(noise): train_nets.at(case.run(noise, seed))
        for case in GRID[tier]
        for noise in NOISES
    }


def share_of(
    data: Data,
    case: NoiseOnImages,
    quantity: str,
    rival: str,
    passes: float | None,
    candidate: str = "Langevin",
) -> ls.Estimate:
    """Share of a noise in the effect of minibatches after some passes, or at zero loss."""
    found = []
    for noise in (candidate, "minibatches", rival):
        result = data[case.label(noise)]
        if passes is None:
            values = result[quantity].values
        else:
            values = (
                result[f"recorded_{quantity}"]
                .transpose("step", "replica")
                .values[PASSES.index(passes)]
            )
        found.append(values if quantity == "unfit_fraction" else np.log(values))
    return ls.measure.share_of_effect(*found)


def compared(case: NoiseOnImages, passes: float, quantity: str) -> Comparison:
    """Compare the share that Langevin noise has in the effect of minibatches after some passes."""
    after = "1 pass" if passes == 1 else f"{passes:g} passes"
    rival = RIVALS[quantity]
    what = f"{NAMES[quantity]} after {after}, share over {RIVAL_NAMES[rival]}"
    return Comparison(
        name=f"{case.title}: {what}",
        kind="at_least",
        prediction=MOST,
        scale=1.0,
        rivals={f"as {RIVAL_NAMES[rival]}": 0.0, "as at the end of training, three quarters": 0.75},
        wrong=0.0,
        measure=lambda data: share_of(data, case, quantity, rival, passes),
        placebo=lambda data: share_of(data, case, quantity, rival, passes, rival),
    )


class LangevinNoise(ls.claims.Claim):
    sample = "covariance_noise"
    title = "Langevin noise in place of minibatches"
    statement = (
        "While many points are unfit, the gradient of all points with Gaussian noise of the "
        "minibatch covariance has 7/8 or more of the effect of minibatches on the signal and the "
        "weight change; isotropic noise of the same trace has none on the signal."
    )
    formula = "dw = -grad L dt + sqrt(lr C(w)) dW;  (X_Langevin - X_rival)/(X_SGD - X_rival) > 7/8"
    source = "Sclocchi, Geiger and Wyart, arXiv 2301.13703 (the equation); its accuracy in words"
    validity = (
        "The first passes over the points, most of them not yet met twice while unfit; B < "
        "B*, T >> kappa, lazy."
    )
    control_statement = (
        "Isotropic noise of the same trace does what Langevin noise of the "
        "minibatch covariance does."
    )
    tiers = ("quick", "full", "gpu")

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return langevin_tasks(tier, seed)

    def comparisons(self, tier: str) -> list[Comparison]:
        return [
            compared(case, passes, quantity)
            for case in GRID[tier]
            for passes in JUDGED
            for quantity in RIVALS
        ]

    def out_of_range(self, data: Data, tier: str) -> str | None:
        return out_of_lazy(data)

    def unavailable(self, tier: str) -> str | None:
        return missing_images(*(case.images for case in GRID[tier]))

    def panels(self, data: Data, tier: str) -> list[ls.plotting.Panel]:
        return [
            panel for case in GRID[tier] for panel in (_courses(data, case), _shares(data, case))
        ]


def _courses(data: Data, case: NoiseOnImages) -> ls.plotting.Panel:
    series = []
    for noise in NOISES:
        values = np.log(
            data[case.label(noise)]["recorded_signal"].transpose("step", "replica").values
        )
        mean, error = values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(case.replicas)
        series.append(ls.plotting.Series(noise, PASSES, np.exp(mean), np.exp(mean) * error))
    return ls.plotting.log_log(
        "Signal, by noise", "passes over the points", r"signal $/ |w_0|$", series, note=case.title
    )


def _shares(data: Data, case: NoiseOnImages) -> ls.plotting.Panel:
    series = []
    for quantity, rival in SHOWN.items():
        passes = [one for one in PASSES if quantity != "unfit_fraction" or one <= max(JUDGED)]
        found = [share_of(data, case, quantity, rival, one) for one in passes]
        series.append(ls.plotting.Series.measured(NAMES[quantity], passes, found))
    series.append(
        ls.plotting.Series.theory("as minibatches", PASSES[:: len(PASSES) - 1], np.ones(2))
    )
    series.append(ls.plotting.Series.rival("as the rival", PASSES[:: len(PASSES) - 1], np.zeros(2)))
    for side in (1, -1):
        edge = [1 + side * case.accuracy(one) for one in PASSES]
        series.append(ls.plotting.Series.guide("", PASSES, edge))
    errors = [100 * float(data[case.label(noise)]["test_error"].mean()) for noise in NOISES]
    return ls.plotting.log_x(
        "Share of the effect of minibatches",
        "passes over the points",
        "share",
        series,
        note="test errors at the end: " + ", ".join(f"{error:.1f}" for error in errors) + " %",
    )
