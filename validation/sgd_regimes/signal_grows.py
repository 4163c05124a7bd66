r"""A larger training set forces a larger signal on a network that is to fit its points in spite of
noise, not more noise.

In the lazy regime a network is a perceptron in the space of its tangent features. The signal is the
mean margin y (f - f0) on test points, which is the component of w - w0 along the mean of y grad f
there, times its length. The noise is what the batches alone leave behind: the root of half the mean
square difference there between two trainings on the same points, from the same initial weights,
with other batches.

- Noise feeds on itself: unfit points push the predictor back as fast as minibatches scatter it
  where its spread is of the order of T times the trace of the kernel, whatever the number of
  points.
- Training stops when the signal is so far above this noise that the nearest of the P points stand
  clear. That ratio depends on P alone, as a power: the signal is proportional to T P^gamma, with
  the gamma by which it grows at T << kappa as well, where it has to clear the margin kappa =
  1/alpha instead.

That signal and noise go as T at T >> kappa follows from homogeneity and is a test of the trainers;
what is judged are powers of P. They are effective ones, at P of order 10^2, which theory does not
promise to be asymptotic: it is on the right side if the signal keeps more than half of the power of
P that it has without noise, where a signal that only the margin demands has none of it, and if the
noise gets less than half of the power of the signal, where more points that act as a larger
temperature raise both alike.

The weights tell less: isotropic noise fills as many directions as have had time to relax, more of
them the longer the run, so that the norm of the rest of w - w0 grows with P though the scatter of
the outputs does not.
"""

from dataclasses import dataclass

import numpy as np
from langevin_sgd.validation.sgd_regimes._network_courses import out_of_lazy, train_in_two_orders
from langevin_sgd.validation.sgd_regimes._network_lines import missing_images
from langevin_sgd.validation.sgd_regimes._networks import DOUBLE, NetworkRun, network_run

import langevin_sgd as ls
from langevin_sgd.claims import Comparison, Data

ALPHA = 2.0**15
COLD = 1 / 8
"""T/kappa at which the margin decides."""
HOT = 32.0
"""T/kappa at which noise decides."""
COLD_BATCH = 16
"""Batch size at T << kappa, where it does not matter."""


@dataclass(frozen=True)
class GrowthOnImages:
    """One data set: training sets, network and replicas."""

    images: str
    points: tuple[int, ...]
    test_points: int
    depth: int
    width: int
    batch_size: int
    replicas: int

    @property
    def ends(self) -> tuple[int, int]:
        """Smallest and largest P, between which the powers of P are measured."""
        return self.points[0], self.points[-1]

    def run(self, points: int, temperature: float, seed: int) -> NetworkRun:
        """Settings at T/kappa."""
        return network_run(
            images=self.images,
            points=points,
            test_points=self.test_points,
            depth=self.depth,
            width=self.width,
            alpha=ALPHA,
            temperature=temperature / ALPHA,
            batch_size=COLD_BATCH if temperature == COLD else self.batch_size,
            max_steps=2**20,
            engine=DOUBLE,
            replicas=self.replicas,
            seed=ls.derive_seed(seed, "signal_grows", self.images),
        )

    def label(self, points: int, temperature: float) -> str:
        """Name of one run."""
        return f"{self.images}, P = {points}, T = {temperature:g} kappa"

    def name(self, quantity: str) -> str:
        """Name of a component."""
        return f"{self.images}: {quantity}"


GRID = {
    "quick": (GrowthOnImages("digits", (64, 128, 256, 512), 512, 2, 32, 2, 96),),
    "full": (
        GrowthOnImages("mnist", (128, 256, 512, 1024), 2048, 2, 64, 2, 64),
        GrowthOnImages("cifar10", (128, 256, 512), 2048, 2, 64, 2, 64),
    ),
    # Of P = 2^10 ... 2^14 the lower three, of 16 temperatures those that decide, B = 4 for 16 so
    # that B < B* at the smallest P, 32 replicas for 5.
    "gpu": (
        GrowthOnImages("mnist", (1024, 2048, 4096), 2048, 5, 128, 4, 32),
        GrowthOnImages("cifar10", (1024, 2048, 4096), 2048, 5, 128, 4, 32),
    ),
}

SIGNAL_OF_P = "gamma at T >> kappa / gamma at T << kappa"
NOISE_OF_P = "d ln noise / d ln signal along P"


def logs(
    data: Data, case: GrowthOnImages, points: int, temperature: float, quantity: str
) -> np.ndarray:
    """ln of signal or noise, (replica,)."""
    return np.log(data[case.label(points, temperature)][quantity].values)


def rise_with_points(
    data: Data, case: GrowthOnImages, quantity: str, temperature: float
) -> np.ndarray:
    """ln at the largest P minus ln at the smallest, (replica,)."""
    first, last = (logs(data, case, points, temperature, quantity) for points in case.ends)
    return np.asarray(last - first)


def quotient(top: np.ndarray, bottom: np.ndarray) -> ls.Estimate:
    """Ratio of two means over replicas."""
    return ls.measure.share_of_effect(top, bottom, np.zeros_like(bottom))


def exchanged(rise: np.ndarray) -> np.ndarray:
    """The same with the two sizes of every other replica exchanged: nothing depends on P."""
    return np.asarray(rise * (1 - 2 * (np.arange(len(rise)) % 2)))


def compared(case: GrowthOnImages) -> list[Comparison]:
    """Compare the powers of P in signal and noise of one data set."""

    def hot(data: Data, quantity: str) -> np.ndarray:
        return rise_with_points(data, case, quantity, HOT)

    def cold(data: Data) -> np.ndarray:
        return rise_with_points(data, case, "signal", COLD)

    return [
        Comparison(
            name=case.name(SIGNAL_OF_P),
            kind="at_least",
            prediction=0.5,
            scale=1.0,
            rivals={"the margin alone demands the signal, 0": 0.0},
            measure=lambda data: quotient(hot(data, "signal"), cold(data)),
            placebo=lambda data: quotient(exchanged(hot(data, "signal")), cold(data)),
        ),
        Comparison(
            name=case.name(NOISE_OF_P),
            kind="at_most",
            prediction=0.5,
            scale=1.0,
            rivals={"P raises both alike": 1.0},
            measure=lambda data: quotient(hot(data, "noise"), hot(data, "signal")),
            placebo=lambda data: quotient(hot(data, "signal"), hot(data, "signal")),
        ),
    ]


class SignalGrows(ls.claims.Claim):
    title = "Points force a larger signal, not more noise"
    statement = (
        "To fit its points in spite of SGD noise a lazy network needs a signal that grows with P "
        "much as without noise, while the noise it has to rise above hardly depends on P."
    )
    formula = (
        "signal ~ P^gamma' at T >> kappa with gamma' > gamma/2, gamma that at T << kappa;  noise ~ "
        "P^x, x < gamma'/2"
    )
    source = (
        "Sclocchi, Geiger and Wyart, arXiv 2301.13703 (statement, perceptron); noise in the "
        "outputs derived"
    )
    validity = (
        "alpha >> 1 (weights change by a few per cent at most), T >> kappa = 1/alpha, B < B*."
    )
    control_statement = (
        "The margin alone demands the signal, and more points raise noise and signal alike."
    )
    tiers = ("quick", "full", "gpu")

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return {
            case.label(points, temperature): train_in_two_orders.at(
                case.run(points, temperature, seed)
            )
            for case in GRID[tier]
            for points in case.points
            for temperature in (COLD, HOT)
        }

    def comparisons(self, tier: str) -> list[Comparison]:
        return [comparison for case in GRID[tier] for comparison in compared(case)]

    def out_of_range(self, data: Data, tier: str) -> str | None:
        return out_of_lazy(data)

    def unavailable(self, tier: str) -> str | None:
        return missing_images(*(case.images for case in GRID[tier]))

    def panels(self, data: Data, tier: str) -> list[ls.plotting.Panel]:
        return [_over_points(data, case) for case in GRID[tier]]


def _averages(samples: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Geometric means and their errors, from logarithms."""
    values = np.exp([one.mean() for one in samples])
    return values, values * [one.std(ddof=1) / np.sqrt(len(one)) for one in samples]


def _over_points(data: Data, case: GrowthOnImages) -> ls.plotting.Panel:
    series, x = [], np.array(case.points)
    for name, temperature, quantity, unit in (
        ("signal/T", HOT, "signal", HOT),
        ("noise/T", HOT, "noise", HOT),
        (rf"signal/$\kappa$ at T = $\kappa$/{1 / COLD:g}", COLD, "signal", 1.0),
    ):
        values, errors = _averages(
            [logs(data, case, points, temperature, quantity) for points in case.points]
        )
        series.append(ls.plotting.Series(name, x, values / unit, errors / unit))
    signal, noise, cold = (one.y for one in series)
    series += [
        ls.plotting.Series.theory(r"as at $T \ll \kappa$", x, signal[0] * cold / cold[0]),
        ls.plotting.Series.theory("", x, np.full(len(x), noise[0])),
        ls.plotting.Series.rival("noise as the signal", x, noise[0] * signal / signal[0]),
    ]
    gamma = quotient(
        rise_with_points(data, case, "signal", HOT),
        np.full(case.replicas, np.log(x[-1] / x[0])),
    )
    return ls.plotting.log_log(
        f"Growth with the training set, {case.images}",
        "training points P",
        "margin over its scale",
        series,
        note=f"T = {HOT:g} kappa: gamma = {gamma}",
    )
