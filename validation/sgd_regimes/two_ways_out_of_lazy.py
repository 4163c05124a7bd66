r"""A network leaves the lazy regime by raising T as by lowering alpha, with opposite effects on the
test error.

Two ways lead out of the lazy regime from one place in it, alpha = 2^15 at a temperature where noise
counts little against the margin. Along the first T rises at fixed alpha; along the second alpha
falls at fixed T alpha, with noise as weak as it was. On both the error is read off where the
tangent kernel has changed by the same part, `CHANGED`: by a straight line in the logarithms of
error and of the mean change of the kernel, between a training before and one beyond. All replicas
are paired, on the same points and initial weights. Judged is the change of the logarithm of the
test error along the first way as a share of that along the second: below zero if the effects are
opposite, one if it is the way of the kernel alone that counts.

Places, replicas and `CHANGED` were chosen in a pilot of 16 replicas on another stream: the first
way changed ln(error) by .05 on MNIST and .03 on CIFAR-10, the second by -.08 and -.02. In the first
version of the claim the first way began beyond the crossover to strong noise, where the harm had
been done already, and ended farther out. No data that decide were made by it; in a pilot of it, of
8 replicas on MNIST, both ways lowered the error. From a change of the kernel by .6 on the harm is
lost again. The second version, the present one with 64 replicas, could not decide: .049(7) and
-.080(6) on MNIST, .016(4) and -.031(3) on CIFAR-10. Only the numbers of replicas were raised, so
that an effect of that size is seen on other data.

That the kernel changes as T and as 1/alpha deep in the lazy regime follows from homogeneity and is
a property test of the trainers. On digits there is nothing to judge: from T alpha = 2^5 to 2^11 the
error of gelu networks on 256 points changes by less than a thirtieth. The claim has no quick tier.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from langevin_sgd.validation.sgd_regimes import _lazy as lazy
from langevin_sgd.validation.sgd_regimes._network_lines import (
    logs,
    mean_series,
    missing_images,
    unfinished,
)
from langevin_sgd.validation.sgd_regimes._networks import (
    DOUBLE,
    NetworkRun,
    network_run,
    train_nets,
)

import langevin_sgd as ls
from langevin_sgd.claims import Comparison, Data

ALPHAS = (2.0**15, 2.0**5, 2.0**4)
"""The second way."""
CHANGED = 0.5
"""Relative change of the kernel at which the two ways are compared."""


@dataclass(frozen=True, kw_only=True)
class WaysOnImages:
    """Networks of one kind of images.

    Parameters
    ----------
    images, depth, width, points, test_points
        The network and its data.
    scales
        T alpha of the first way, at alpha = 2^15; the first is that of the whole second way.
    replicas
        Of every training.
    """

    images: str
    depth: int
    width: int
    points: int
    test_points: int
    scales: tuple[float, ...]
    replicas: int


def _octaves(*powers: int) -> tuple[float, ...]:
    return tuple(2.0**power for power in powers)


CASES = {
    "full": tuple(
        WaysOnImages(
            images=images,
            depth=2,
            width=64,
            points=1024,
            test_points=8192,
            scales=_octaves(0, 9, 11),
            replicas=replicas,
        )
        for images, replicas in (("mnist", 128), ("cifar10", 288))
    ),
    "gpu": tuple(
        WaysOnImages(
            images=images,
            depth=5,
            width=128,
            points=1024,
            test_points=32768 if images == "mnist" else 16384,
            scales=_octaves(-3, 9, 11),
            replicas=64,
        )
        for images in ("mnist", "cifar10")
    ),
}
"""gpu: the reference's network and P; of its plane of 26 by 31 points three along either way."""


def _run(case: WaysOnImages, alpha: float, scale: float, seed: int) -> NetworkRun:
    size = lazy.batch_size(case.points, scale)
    return network_run(
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
        replicas=case.replicas,
        engine=DOUBLE,
        seed=ls.derive_seed(seed, lazy.STREAM),
    )


def hotter(case: WaysOnImages, scale: float) -> str:
    """Name of a training of the first way."""
    return f"{case.images}, T alpha 2^{math.log2(scale):g}"


def nearer(case: WaysOnImages, alpha: float) -> str:
    """Name of a training of the second way."""
    return f"{case.images}, alpha 2^{math.log2(alpha):g}"


def at_equal_change(kernel: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Change of ln(error) from the start of a way to `CHANGED`, (replica,), by a straight line in
    the mean of the logarithm of the kernel's change; both (place, replica).
    """
    places, target = kernel.mean(axis=1), np.log(CHANGED)
    share = (target - places[-2]) / (places[-1] - places[-2])
    return np.asarray((1 - share) * errors[-2] + share * errors[-1] - errors[0])


def effects(data: Data, case: WaysOnImages) -> list[np.ndarray]:
    """Change of ln(error) along both ways up to `CHANGED`, each (replica,)."""
    kernels, errors = _ways(data, case, "kernel_change"), _ways(data, case, "test_error")
    return [at_equal_change(*way) for way in zip(kernels, errors, strict=True)]


def compared(case: WaysOnImages) -> Comparison:
    """Compare the effects of the two ways on the test error."""

    def measure(data: Data) -> ls.Estimate:
        first, second = effects(data, case)
        return ls.measure.share_of_effect(first, second, np.zeros_like(second))

    def placebo(data: Data) -> ls.Estimate:
        """Start and end of the first way exchanged in every other replica."""
        first, second = effects(data, case)
        sign = 1 - 2 * (np.arange(len(first)) % 2)
        return ls.measure.share_of_effect(sign * first, second, np.zeros_like(second))

    return Comparison(
        name=f"effect of raising T on ln test error over that of lowering alpha, {case.images}",
        kind="at_most",
        prediction=0.0,
        rivals={"the way out does not matter": 1.0},
        measure=measure,
        placebo=placebo,
    )


class TwoWaysOutOfLazy(ls.claims.Claim):
    title = "Two ways out of the lazy regime"
    statement = (
        "Raising the temperature of a lazy network and lowering alpha both lead out of the lazy "
        "regime, and change the test error in opposite directions."
    )
    formula = "d ln(error) along T  /  d ln(error) along 1/alpha  < 0"
    source = "Sclocchi, Geiger and Wyart, arXiv 2301.13703"
    validity = (
        "Fully connected gelu networks on MNIST and CIFAR-10, up to where the tangent kernel has "
        "changed by one half."
    )
    control_statement = "What counts is how much the kernel changes, and not by which way."
    tiers = ("full", "gpu")

    def unavailable(self, tier: str) -> str | None:
        return missing_images(*(case.images for case in CASES[tier]))

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        found = {}
        for case in CASES[tier]:
            for alpha in ALPHAS[1:]:
                run = _run(case, alpha, case.scales[0], seed)
                found[nearer(case, alpha)] = train_nets.at(run)
            for scale in case.scales:
                run = _run(case, lazy.ALPHA, scale, seed)
                found[hotter(case, scale)] = train_nets.at(run)
        return found

    def comparisons(self, tier: str) -> list[Comparison]:
        return [compared(case) for case in CASES[tier]]

    def out_of_range(self, data: Data, tier: str) -> str | None:
        for case in CASES[tier]:
            for way in _ways(data, case, "kernel_change"):
                before, beyond = np.exp(way[-2:].mean(axis=1))
                if not before < CHANGED < beyond:
                    return (
                        f"{case.images}: the kernel changes by {before:.2g} and {beyond:.2g}, "
                        f"not by {CHANGED:g} between them"
                    )
        return unfinished(data, list(data))

    def panels(self, data: Data, tier: str) -> list[ls.plotting.Panel]:
        found = []
        for case in CASES[tier]:
            found += [_kernel_panel(data, case, way) for way in (0, 1)]
            found += [_error_panel(data, case)]
        return found


def _ways(data: Data, case: WaysOnImages, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of a number along the two ways, each (place, replica)."""
    start = hotter(case, case.scales[0])
    first = logs(data, [hotter(case, scale) for scale in case.scales], name)
    return first, logs(data, [start, *(nearer(case, alpha) for alpha in ALPHAS[1:])], name)


def _kernel_panel(data: Data, case: WaysOnImages, way: int) -> ls.plotting.Panel:
    """Change of the kernel along one way, with its line."""
    x = (np.array(case.scales) / lazy.ALPHA, np.array(ALPHAS))[way]
    power, text = ((1.0, "~ T"), (-1.0, r"~ $1/\alpha$"))[way]
    points = mean_series("SGD", x, _ways(data, case, "kernel_change")[way])
    return ls.plotting.log_log(
        f"{('Raising T', 'Lowering alpha')[way]}, {case.images}",
        ("T = lr/(B h)", r"$\alpha$")[way],
        r"$\|K - K_0\| / \|K_0\|$",
        (
            points,
            ls.plotting.Series.theory(text, x, points.y[0] * (x / x[0]) ** power),
            ls.plotting.Series.rival("constant", x, np.full(len(x), points.y[0])),
        ),
    )


def _error_panel(data: Data, case: WaysOnImages) -> ls.plotting.Panel:
    """Test error against the change of the kernel along both ways."""
    changes, errors = _ways(data, case, "kernel_change"), _ways(data, case, "test_error")
    series, notes = [], []
    for name, change, error in zip(("raising T", "lowering alpha"), changes, errors, strict=True):
        series.append(mean_series(name, np.exp(change.mean(axis=1)), error))
        notes.append(f"{name} {ls.Estimate.from_samples(at_equal_change(change, error))}")
    return ls.plotting.log_x(
        f"Test error, {case.images}, P = {case.points}",
        r"$\|K - K_0\| / \|K_0\|$",
        "test error",
        series,
        note=f"change of ln error at {CHANGED:g}: " + ", ".join(notes),
    )
