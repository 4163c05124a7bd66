r"""A larger temperature and a larger training set both force a larger signal on a network that is
to fit its points.

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

The weights tell less: isotropic noise fills as many directions as have had time to relax, more of
them the longer the run, so that the norm of the rest of w - w0 grows with P though the scatter of
the outputs does not.
"""

from dataclasses import dataclass

import numpy as np
from langevin_sgd.validation.sgd_regimes._network_courses import out_of_lazy, train_in_two_orders
from langevin_sgd.validation.sgd_regimes._network_lines import line_through, missing_images
from langevin_sgd.validation.sgd_regimes._networks import DOUBLE, NetworkRun, network_run

import langevin_sgd as ls
from langevin_sgd.claims import Comparison, Data

ALPHA = 2.0**15
COLD = 1 / 8
"""T/kappa at which the margin decides."""
HOT = (32.0, 256.0)
"""T/kappa at which noise decides, and between which the powers of T are measured."""
COLD_BATCH = 16
"""Batch size at T << kappa, where it does not matter."""
CROSSING = 4.0
"""3.5 kappa, about: T at which the signals of either side are equal, in the perceptron."""


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

    def temperatures(self, points: int) -> tuple[float, ...]:
        """T/kappa of the runs on so many points; what is neither cold nor hot is for the figure."""
        return (COLD, 2.0, *HOT) if points in self.ends else (COLD, HOT[0])

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
    "quick": (GrowthOnImages("digits", (64, 128, 256), 512, 2, 32, 2, 32),),
    "full": (
        GrowthOnImages("mnist", (128, 256, 512, 1024), 2048, 2, 64, 2, 32),
        GrowthOnImages("cifar10", (128, 256, 512), 2048, 2, 64, 2, 32),
    ),
    # Of P = 2^10 ... 2^14 the lower three, of 16 temperatures those that decide, B = 4 for 16 so
    # that B < B* at the smallest P, 32 replicas for 5.
    "gpu": (
        GrowthOnImages("mnist", (1024, 2048, 4096), 2048, 5, 128, 4, 32),
        GrowthOnImages("cifar10", (1024, 2048, 4096), 2048, 5, 128, 4, 32),
    ),
}

SIGNAL_OF_T = "d ln signal / d ln T"
RATIO_OF_T = "d ln(signal/noise) / d ln T"
SIGNAL_OF_P = "gamma at T >> kappa / gamma at T << kappa"
NOISE_OF_P = "d ln noise / d ln signal along P"
CROSSOVER = (
    f"crossover: a part of order kappa/T, up to {CROSSING:g}/{HOT[0]:g} at the lower T, "
    "over the logarithm"
)
SLOPE_MARGIN = CROSSING / HOT[0] / np.log(HOT[1] / HOT[0])
REASONS = {
    SIGNAL_OF_P: "effective powers at P of order 10^2, which the perceptron reaches from below, by "
    "up to a quarter",
    NOISE_OF_P: "few directions of large eigenvalue: training then ends in a dip of the noise, "
    "deeper the longer it is",
}
POWER_MARGIN = 0.25


def logs(
    data: Data, case: GrowthOnImages, points: int, temperature: float, quantity: str
) -> np.ndarray:
    """ln of signal or noise, (replica,)."""
    return np.log(data[case.label(points, temperature)][quantity].values)


def slopes_in_temperature(data: Data, case: GrowthOnImages, quantity: str) -> np.ndarray:
    """d ln/d ln T at T >> kappa, the same at the smallest and the largest P, (replica,)."""
    lines = [
        line_through(
            data,
            "temperature",
            {temperature: case.label(points, temperature) for temperature in HOT},
            (quantity,),
            points=points,
        )
        for points in case.ends
    ]
    return ls.experiments.replica_exponents(lines, quantity)


def rise_with_points(data: Data, case: GrowthOnImages, quantity: str, *, hot: bool) -> np.ndarray:
    """ln at the largest P minus ln at the smallest, mean over temperatures, (replica,)."""
    rises = [
        np.subtract(
            *(logs(data, case, points, temperature, quantity) for points in reversed(case.ends))
        )
        for temperature in (HOT if hot else (COLD,))
    ]
    return np.asarray(np.mean(rises, axis=0))


def quotient(top: np.ndarray, bottom: np.ndarray) -> ls.Estimate:
    """Ratio of two means over replicas."""
    value, error = ls.measure.jackknife(
        lambda m: m[:, 0] / m[:, 1], np.stack([top, bottom], axis=1)
    )
    method = "jackknife over replicas"
    return ls.Estimate(
        value=float(value), standard_error=float(error), n_independent=len(top), method=method
    )


def compared(case: GrowthOnImages) -> list[Comparison]:
    """Compare the powers of T and of P in signal and noise of one data set."""

    def ratio_of_powers(data: Data) -> ls.Estimate:
        signal, noise = (
            slopes_in_temperature(data, case, quantity) for quantity in ("signal", "noise")
        )
        return ls.Estimate.from_samples(signal - noise)

    return [
        Comparison(
            name=case.name(SIGNAL_OF_T),
            prediction=1.0,
            margin=SLOPE_MARGIN,
            basis="theory",
            reason=CROSSOVER,
            rivals={"the margin demands the signal": 0.0, "noise adds up as a random walk": 0.5},
            wrong=0.0,
            wrong_margin=SLOPE_MARGIN,
            measure=lambda data: ls.Estimate.from_samples(
                slopes_in_temperature(data, case, "signal")
            ),
        ),
        Comparison(
            name=case.name(RATIO_OF_T),
            prediction=0.0,
            margin=SLOPE_MARGIN,
            basis="theory",
            reason=CROSSOVER,
            rivals={"noise comes on top": -1.0, "noise grows, the signal like its root": -0.5},
            wrong=-1.0,
            wrong_margin=SLOPE_MARGIN,
            measure=ratio_of_powers,
        ),
        Comparison(
            name=case.name(SIGNAL_OF_P),
            prediction=1.0,
            margin=POWER_MARGIN,
            basis="convention",
            reason=REASONS[SIGNAL_OF_P],
            rivals={"noise makes the signal independent of P": 0.0},
            measure=lambda data: quotient(
                rise_with_points(data, case, "signal", hot=True),
                rise_with_points(data, case, "signal", hot=False),
            ),
        ),
        Comparison(
            name=case.name(NOISE_OF_P),
            prediction=0.0,
            margin=POWER_MARGIN,
            basis="convention",
            reason=REASONS[NOISE_OF_P],
            rivals={"P raises both alike": 1.0},
            wrong=1.0,
            wrong_margin=POWER_MARGIN,
            measure=lambda data: quotient(
                rise_with_points(data, case, "noise", hot=True),
                rise_with_points(data, case, "signal", hot=True),
            ),
        ),
    ]


class SignalGrows(ls.claims.Claim):
    title = "Noise and points force a larger signal"
    statement = (
        "To fit its points in spite of SGD noise a lazy network needs a signal that grows like T "
        "and with the same "
        "power of P as without noise, while the noise it has to rise above grows like T and does "
        "not depend on P."
    )
    formula = (
        "signal ~ T P^gamma,  noise ~ T P^0  at the end of training, T >> kappa;  signal ~ "
        "kappa P^gamma, T << kappa"
    )
    source = (
        "Sclocchi, Geiger and Wyart, arXiv 2301.13703 (statement, perceptron); noise in the "
        "outputs derived"
    )
    validity = (
        "alpha >> 1 (weights change by a few per cent at most), T >> kappa = 1/alpha, B < B*."
    )
    control_statement = (
        "Noise comes on top of a signal that the margin alone demands; and more points raise noise "
        "and signal alike, "
        "as a larger temperature does."
    )
    tiers = ("quick", "full", "gpu")

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return {
            case.label(points, temperature): train_in_two_orders.at(
                case.run(points, temperature, seed)
            )
            for case in GRID[tier]
            for points in case.points
            for temperature in case.temperatures(points)
        }

    def comparisons(self, tier: str) -> list[Comparison]:
        return [comparison for case in GRID[tier] for comparison in compared(case)]

    def out_of_range(self, data: Data, tier: str) -> str | None:
        return out_of_lazy(data)

    def unavailable(self, tier: str) -> str | None:
        return missing_images(*(case.images for case in GRID[tier]))

    def panels(self, data: Data, tier: str) -> list[ls.plotting.Panel]:
        return [
            panel
            for case in GRID[tier]
            for panel in (_over_temperature(data, case), _over_points(data, case))
        ]


def _averages(samples: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Geometric means and their errors, from logarithms."""
    values = np.exp([one.mean() for one in samples])
    return values, values * [one.std(ddof=1) / np.sqrt(len(one)) for one in samples]


def _over_temperature(data: Data, case: GrowthOnImages) -> ls.plotting.Panel:
    series = []
    for points in case.ends:
        x = np.array(case.temperatures(points))
        for quantity in ("signal", "noise"):
            values, errors = _averages([logs(data, case, points, t, quantity) for t in x])
            series.append(ls.plotting.Series(f"{quantity}, P = {points}", x, values, errors))
            guide = "T" if (points, quantity) == (case.ends[0], "signal") else ""
            series.append(ls.plotting.Series.theory(guide, x[-2:], values[-1] * x[-2:] / x[-1]))
    top = series[4].y[0]
    series.append(ls.plotting.Series.rival("margin alone", x, np.full(len(x), top)))
    return ls.plotting.log_log(
        f"Signal and noise at the end, {case.images}",
        r"$T/\kappa$",
        r"margin / $\kappa$",
        series,
        note=f"{case.depth} hidden layers of {case.width}, {case.replicas} replicas",
    )


def _over_points(data: Data, case: GrowthOnImages) -> ls.plotting.Panel:
    series, x = [], np.array(case.points)
    for name, temperature, quantity, unit in (
        ("signal/T", HOT[0], "signal", HOT[0]),
        ("noise/T", HOT[0], "noise", HOT[0]),
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
        rise_with_points(data, case, "signal", hot=True),
        np.full(case.replicas, np.log(x[-1] / x[0])),
    )
    return ls.plotting.log_log(
        f"Growth with the training set, {case.images}",
        "training points P",
        "margin over its scale",
        series,
        note=f"T = {HOT[0]:g} kappa: gamma = {gamma}",
    )
