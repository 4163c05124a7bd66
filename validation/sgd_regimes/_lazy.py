r"""Lazy networks trained to zero loss: runs and theory that claims about them share.

At alpha = 2^15 a network moves its weights so little that f is linear in them, a perceptron in the
features grad f(w0) with margin 1/alpha. There theory expects the weights w - w0 at zero loss to go
as T P^gamma and the time as T P^b from a temperature T_x ~ 1/alpha on, below which neither depends
on T. The powers of T follow from homogeneity; those of P do not.

The networks have gelu units: the kinks of relu make the tangent kernel jump (`phase_diagram`).
Batches are small, the smaller the higher the temperature and the smaller P, so that the first step
is a small part of the whole.
"""

from __future__ import annotations

import numpy as np
from langevin_sgd.validation.sgd_regimes._network_lines import Data, line_through, logs
from langevin_sgd.validation.sgd_regimes._networks import (
    DOUBLE,
    NetworkRun,
    network_run,
    train_nets,
)

import langevin_sgd as ls

ALPHA = 2.0**15
STREAM = "networks in the lazy regime"
LOUD = {"quick": (2.0**5, 2.0**7), "full": (2.0**5, 2.0**7), "gpu": (2.0**3, 2.0**5)}
"""T alpha far above the crossover; a deep network leaves the lazy regime sooner."""
CURVE = (2.0**-3, 2.0**-1, 2.0**1, 2.0**3, 2.0**5, 2.0**7)
"""T alpha of whole curves, from where noise hardly counts to where it sets everything."""
SIZES = {
    "quick": (64, 128, 256, 512),
    "full": (256, 512, 1024, 2048, 4096, 8192),
    "gpu": (1024, 2048, 4096, 8192, 16384),
}
CURVES = {"quick": (64, 256), "full": (256, 1024, 4096), "gpu": (1024, 4096)}
"""P of whole curves."""
NETWORKS = {
    "quick": {"images": "digits", "depth": 2, "width": 64, "test_points": 512},
    "full": {"images": "mnist", "depth": 2, "width": 64, "test_points": 8192},
    "gpu": {"images": "mnist", "depth": 5, "width": 128, "test_points": 32768},
}
"""gpu: the reference's data and width and depth; of its P all five, of its sixteen temperatures the
six of `CURVE` and those around the crossover out of the lazy regime, which have half an octave to
two octaves between
them."""
REPLICAS = {"quick": 128, "full": 64, "gpu": 32}


def batch_size(points: int, scale: float) -> int:
    """B at T alpha = `scale`: a small part of B*, which grows with P (`regimes_batch_lr`), where
    noise counts.
    """
    return int(min(16, max(2 if points < 512 else 4, 4 / scale)))


def label(points: int, scale: float) -> str:
    """Name of a training at T alpha = `scale`."""
    return f"P {points}, T alpha 2^{np.log2(scale):g}"


def run(
    tier: str, points: int, scale: float, seed: int, *, steps: int | None = None, batch: int = 0
) -> NetworkRun:
    """Replicas of a lazy network at T alpha = `scale`; `steps` and `batch` if not as usual."""
    size = batch or batch_size(points, scale)
    return network_run(
        alpha=ALPHA,
        temperature=scale / ALPHA,
        max_steps=steps or 2**20 // size,
        replicas=REPLICAS[tier],
        seed=ls.derive_seed(seed, STREAM),
        activation="gelu",
        points=points,
        batch_size=size,
        engine=DOUBLE,
        **NETWORKS[tier],
    )


def tasks(tier: str, seed: int, *, curves: bool) -> dict[str, ls.sweep.Task]:
    """Trainings at `LOUD` temperatures for all P, with `curves` whole curves; the longest first."""
    found = {}
    for points in reversed(SIZES[tier]):
        for scale in CURVE if curves and points in CURVES[tier] else LOUD[tier]:
            found[label(points, scale)] = train_nets.at(run(tier, points, scale, seed))
    return found


def first_tasks(tier: str, seed: int) -> dict[str, ls.sweep.Task]:
    """The first step alone of the loudest trainings."""
    loudest = LOUD[tier][-1]
    return {
        f"first step, P {points}": train_nets.at(run(tier, points, loudest, seed, steps=1))
        for points in SIZES[tier]
    }


def first_step_counts(data: Data, tier: str) -> str | None:
    """Why B is not below B*, if somewhere the first step is more than half of the whole change of
    weights.
    """
    for points in SIZES[tier]:
        first, whole = logs(
            data, [f"first step, P {points}", label(points, LOUD[tier][-1])], "weight_change"
        ).mean(axis=1)
        if first - whole > np.log(0.5):
            return (
                f"at P = {points} the first step is {np.exp(first - whole):.0%} of the change "
                "of the weights"
            )
    return None


def over_sizes(data: Data, tier: str, name: str) -> np.ndarray:
    """Mean over the loud temperatures of the logarithm of a number over T, (size, replica)."""
    at = [
        logs(data, [label(points, scale) for points in SIZES[tier]], name) - np.log(scale / ALPHA)
        for scale in LOUD[tier]
    ]
    return np.asarray(np.mean(at, axis=0))


def lines_in_temperature(
    data: Data, tier: str, scales: tuple[float, ...] = (), sizes: tuple[int, ...] = ()
) -> list[ls.experiments.GridLine]:
    """Lines in T at every P, or at some: the loud temperatures, or others at T alpha = `scales`."""
    return [
        line_through(
            data,
            "temperature_per_width",
            {scale / ALPHA: label(points, scale) for scale in scales or LOUD[tier]},
            points=points,
        )
        for points in sizes or SIZES[tier]
    ]


def lines_in_points(
    data: Data, tier: str, sizes: tuple[int, ...] = ()
) -> list[ls.experiments.GridLine]:
    """Lines in P, or along some of it, at the loud temperatures."""
    return [
        line_through(
            data,
            "points",
            {points: label(points, scale) for points in sizes or SIZES[tier]},
            temperature_per_width=scale / ALPHA,
        )
        for scale in LOUD[tier]
    ]
