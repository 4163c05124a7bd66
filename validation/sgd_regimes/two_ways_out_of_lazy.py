r"""A network leaves the lazy regime by raising T as by lowering alpha; what that does to the test
error is measured.

Two ways lead out of the lazy regime. Along the first T rises at fixed alpha, far above 1/alpha:
weights and tangent kernel change in proportion to T (`lazy_exponents`). Along the second alpha
falls at fixed T alpha, with noise at most at its crossover: they change as 1/alpha
(`phase_diagram`). Both are judged deep in the lazy regime, by exponents, and at the end, where the
kernel must have changed by itself, to a factor of four.

Theory does not say what either does to the test error. In the full and gpu tiers the change of its
logarithm from the beginning to the end of each way is shown with its error, for MNIST and CIFAR-10.
On digits it is left out: there are too few test images, 512 here, for a change by a tenth of an
error of 6 %, three wrong images.
"""

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr
from langevin_sgd.validation.sgd_regimes import _lazy as lazy
from langevin_sgd.validation.sgd_regimes._networks import (
    Data,
    NetworkRun,
    logs,
    mean_series,
    missing_images,
    slope,
    train_nets,
    unfinished,
)

import langevin_sgd as ls

ALPHAS = (2.0**15, 2.0**12, 2.0**7, 2.0**4)
"""The second way; the first two decide about the exponent."""
FACTOR = 4.0
"""Kernels count as changed by themselves between a quarter and four times as much."""
LAZY = 0.01
"""Relative change of a kernel that stays lazy, for the rival."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Networks of one kind of images.

    Parameters
    ----------
    images, depth, width, points, test_points
        The network and its data.
    scales
        T alpha of the first way, at alpha = 2^15; the first two decide about the exponent.
    warmth
        T alpha of the second way.
    replicas, fewer
        Of the first way and of the second.
    """

    images: str
    depth: int
    width: int
    points: int
    test_points: int
    scales: tuple[float, ...]
    warmth: float
    replicas: int
    fewer: int


def _octaves(*powers: int) -> tuple[float, ...]:
    return tuple(2.0**power for power in powers)


CASES = {
    "quick": (
        Case(
            images="digits",
            depth=2,
            width=64,
            points=256,
            test_points=512,
            scales=_octaves(5, 7, 9, 10, 11, 13),
            warmth=1.0,
            replicas=lazy.REPLICAS["quick"],
            fewer=24,
        ),
    ),
    "full": tuple(
        Case(
            images=images,
            depth=2,
            width=64,
            points=1024,
            test_points=16384,
            scales=_octaves(5, 7, 9, 11, 12),
            warmth=1.0,
            replicas=48,
            fewer=48,
        )
        for images in ("mnist", "cifar10")
    ),
    "gpu": tuple(
        Case(
            images=images,
            depth=5,
            width=128,
            points=1024,
            test_points=32768 if images == "mnist" else 16384,
            scales=_octaves(3, 5, 7, 9, 11),
            warmth=2.0**-3,
            replicas=32,
            fewer=32,
        )
        for images in ("mnist", "cifar10")
    ),
}
"""gpu: the reference's network and P; of its plane of 26 by 31 points five along one way and four
along the other. In the quick tier trainings of the first way are those of
`crossover_temperature_networks`."""


def _run(case: Case, alpha: float, scale: float, replicas: int, seed: int) -> NetworkRun:
    size = lazy.batch_size(case.points, scale)
    return NetworkRun(
        depth=case.depth,
        width=case.width,
        activation="gelu",
        images=case.images,
        points=case.points,
        test_points=case.test_points,
        alpha=alpha,
        temperature=scale / alpha,
        batch_size=size,
        max_steps=2**20 // size,
        replicas=replicas,
        precision="float64",
        seed=ls.derive_seed(seed, lazy.STREAM),
    )


def hotter(case: Case, scale: float) -> str:
    """Name of a training of the first way."""
    return f"{case.images}, T alpha 2^{math.log2(scale):g}"


def nearer(case: Case, alpha: float) -> str:
    """Name of a training of the second way."""
    return f"{case.images}, alpha 2^{math.log2(alpha):g}"


def names(case: Case) -> dict[str, str]:
    """Names of the components."""
    change = "the kernel's change"
    return {
        "T": f"slope of the ln of {change} in ln T, {case.images}",
        "alpha": f"slope of the ln of {change} in ln alpha, {case.images}",
        "hot": f"ln of {change} at high T, {case.images}",
        "feature": f"ln of {change} at small alpha, {case.images}",
    }


class TwoWaysOutOfLazy(ls.claims.Claim):
    title = "Two ways out of the lazy regime"
    statement = (
        "Raising the temperature of a lazy network changes its tangent kernel in proportion to T, "
        "lowering alpha in "
        "proportion to 1/alpha, and both until it has changed by itself."
    )
    formula = "|dK| / |K0| ~ T at 1/alpha << T,  ~ 1/alpha at T alpha = const,  up to order 1"
    source = "Sclocchi, Geiger and Wyart, arXiv 2301.13703"
    validity = (
        "Fully connected gelu networks; exponents at T alpha = 32 to 128 (gpu: 8 to 32) and alpha "
        "= 2^15 to 2^12. What "
        "either way does to the test error is measured on MNIST and CIFAR-10, not predicted."
    )
    control_statement = (
        "The kernel of a lazy network depends on neither, and stays as it is at "
        "the ends of both ways."
    )
    tiers = ("quick", "full", "gpu")

    def unavailable(self, tier: str) -> str | None:
        return missing_images(*(case.images for case in CASES[tier]))

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        found = {}
        for case in CASES[tier]:
            for alpha in ALPHAS:
                run = _run(case, alpha, case.warmth, case.fewer, seed)
                found[nearer(case, alpha)] = train_nets.at(run)
            for scale in case.scales:
                run = _run(case, lazy.ALPHA, scale, case.replicas, seed)
                found[hotter(case, scale)] = train_nets.at(run)
        return found

    def predict(self, tier: str) -> list[ls.claims.Component]:
        return [component for case in CASES[tier] for component in self._predict(case)]

    @staticmethod
    def _predict(case: Case) -> list[ls.claims.Component]:
        what, component = names(case), ls.claims.Component
        moved = math.log1p(math.sqrt(case.width) / ALPHAS[1]) / math.log(ALPHAS[0] / ALPHAS[1])
        ends = {"stays lazy, a hundredth": math.log(LAZY)}
        return [
            component(
                name=what["T"],
                prediction=1.0,
                margin=lazy.crossover_margin(*case.scales[:2]),
                margin_reason="the margin still counts as a temperature of at most "
                f"{lazy.CROSSOVER}/alpha",
                alternatives={"T does not matter, 0": 0.0, "root of the noise, 1/2": 0.5},
            ),
            component(
                name=what["alpha"],
                prediction=-1.0,
                margin=moved,
                margin_reason="change of the weights, of order sqrt(h)/alpha, left out by the "
                "theory",
                alternatives={
                    "alpha does not matter, 0": 0.0,
                    "root of the change of weights, -1/2": -0.5,
                },
            ),
            *(
                component(
                    name=what[end],
                    prediction=0.0,
                    margin=math.log(FACTOR),
                    margin_reason="of order one: to a factor of four",
                    alternatives=ends,
                )
                for end in ("hot", "feature")
            ),
        ]

    def control(self, tier: str) -> list[ls.claims.Component]:
        wrong = {"T": 0.0, "alpha": 0.0, "hot": math.log(LAZY), "feature": math.log(LAZY)}
        return [
            ls.claims.Component(name=names(case)[key], prediction=value)
            for case in CASES[tier]
            for key, value in wrong.items()
        ]

    def measure(self, data: dict[str, xr.Dataset], tier: str) -> dict[str, ls.Estimate]:
        found = {}
        for case in CASES[tier]:
            first, second = _ways(data, case, "kernel_change")
            numbers = {
                "T": slope(case.scales[:2], first[:2]),
                "alpha": slope(ALPHAS[:2], second[:2]),
                "hot": first[-1],
                "feature": second[-1],
            }
            found |= {
                names(case)[key]: ls.Estimate.from_samples(values)
                for key, values in numbers.items()
            }
        return found

    def out_of_range(self, data: dict[str, xr.Dataset], tier: str) -> str | None:
        return unfinished(data, list(data))

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        found = []
        for case in CASES[tier]:
            found += [_kernel_panel(data, case, way) for way in (0, 1)]
            if tier != "quick":
                found += [_error_panel(data, case)]
        return found


def _ways(data: Data, case: Case, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of a number along the two ways, each (place, replica)."""
    first = logs(data, [hotter(case, scale) for scale in case.scales], name)
    return first, logs(data, [nearer(case, alpha) for alpha in ALPHAS], name)


def _kernel_panel(data: Data, case: Case, way: int) -> ls.plotting.Panel:
    """Change of the kernel along one way, with its line."""
    x = (np.array(case.scales) / lazy.ALPHA, np.array(ALPHAS))[way]
    power, text = ((1.0, "~ T"), (-1.0, r"~ $1/\alpha$"))[way]
    points = mean_series("SGD", x, _ways(data, case, "kernel_change")[way])
    return ls.plotting.Panel(
        title=f"{('Raising T', 'Lowering alpha')[way]}, {case.images}",
        x_label=("T = lr/(B h)", r"$\alpha$")[way],
        y_label=r"$\|K - K_0\| / \|K_0\|$",
        series=(
            points,
            ls.plotting.Series(text, x, points.y[0] * (x / x[0]) ** power, kind="theory"),
            ls.plotting.Series("constant", x, np.full(len(x), points.y[0]), kind="rival"),
            ls.plotting.Series(
                "a quarter, four times", x, np.full(len(x), 1 / FACTOR), kind="guide"
            ),
            ls.plotting.Series("", x, np.full(len(x), FACTOR), kind="guide"),
        ),
        x_scale="log",
        y_scale="log",
    )


def _error_panel(data: Data, case: Case) -> ls.plotting.Panel:
    """Test error against the change of the kernel along both ways."""
    changes, errors = _ways(data, case, "kernel_change"), _ways(data, case, "test_error")
    series, notes = [], []
    for name, change, error in zip(("raising T", "lowering alpha"), changes, errors, strict=True):
        series.append(mean_series(name, np.exp(change.mean(axis=1)), error))
        notes.append(f"{name} {ls.Estimate.from_samples(error[-1] - error[0])}")
    return ls.plotting.Panel(
        title=f"Test error, {case.images}, P = {case.points}",
        x_label=r"$\|K - K_0\| / \|K_0\|$",
        y_label="test error",
        series=tuple(series),
        x_scale="log",
        note="change of ln error: " + ", ".join(notes),
    )
