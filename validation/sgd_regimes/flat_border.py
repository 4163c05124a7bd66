r"""The temperature at which a network leaves the lazy regime does not depend on alpha.

From a temperature far above the margin 1/alpha on, noise sets how far the weights of a lazy network
move, T P^gamma, and alpha has dropped out. Where they have moved so far that the tangent kernel has
changed by a given part is then a horizontal line in the plane of alpha and T. T_c is read off where
the geometric mean of the kernel's change crosses `PART`, on replicas with the same images, initial
weights and batches at every alpha.

How exact the theory is. A visit to an unfit point of margin m < 1/alpha adds 2 T m + T^2 K to the
square of the change of the weights (Novikoff; K the kernel at the point, of order one where T is
lr/(B h)), so that the margin lengthens it by a part 1/(T alpha) at most; to first order the kernel
and with it ln T_c change by as much. Between the two alphas this is the exponent that the margin
allows.

The rival is that noise matters where it beats the margin, T ~ 1/alpha: true of where noise begins
to count (`crossover_temperature`), not of where it leads out of the lazy regime.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from langevin_sgd.validation.sgd_regimes import _lazy as lazy
from langevin_sgd.validation.sgd_regimes._network_lines import (
    line_through,
    logs,
    mean_series,
    missing_images,
    unfinished,
)
from langevin_sgd.validation.sgd_regimes._networks import DOUBLE, network_run, train_nets

import langevin_sgd as ls
from langevin_sgd.claims import Comparison, Data

ALPHAS = (2.0**10, 2.0**14, 2.0**18)
TEMPERATURES = (2.0**-7, 2.0**-6, 2.0**-5, 2.0**-4)
"""T around T_c."""
PART = 0.25
"""Relative change of the kernel at which T_c is read off."""
POINTS = {"quick": 256, "full": 1024}
BATCH = 4
REPLICAS = 224
"""The development stream asked for 3.1 times 64."""


def label(alpha: float, temperature: float) -> str:
    """Name of a training."""
    return f"alpha 2^{math.log2(alpha):.0f}, T 2^{math.log2(temperature):g}"


def lines(data: Data) -> list[ls.experiments.GridLine]:
    """Lines in T at every alpha."""
    return [
        line_through(
            data,
            "temperature_per_width",
            {one: label(alpha, one) for one in TEMPERATURES},
            alpha=alpha,
        )
        for alpha in ALPHAS
    ]


def exponent_of_border(found: list[ls.experiments.GridLine]) -> ls.Estimate:
    """Power of alpha in T_c."""
    return ls.experiments.boundary_exponent("T_c", found, "alpha", threshold=PART)


def shifted(line: ls.experiments.GridLine, power: float) -> ls.experiments.GridLine:
    """The same curve at temperatures that go with a power of alpha."""
    factor = (line.held["alpha"] / ALPHAS[0]) ** power
    return ls.experiments.GridLine(
        axis=line.axis,
        held=line.held,
        x=line.x * factor,
        fitted=line.fitted,
        measured=line.measured,
    )


class FlatBorder(ls.claims.Claim):
    title = "Border of the lazy regime in alpha"
    statement = (
        "The temperature at which the tangent kernel of a network has changed by a given part does "
        "not depend on alpha once noise is strong against the margin."
    )
    formula = "d ln T_c / d ln alpha = 0  for T_c alpha >> 1"
    source = "Sclocchi, Geiger and Wyart, arXiv 2301.13703; corrections of finite alpha derived"
    validity = (
        "Fully connected gelu networks of two hidden layers, B = 4, alpha from 2^10 to 2^18, "
        "where T_c alpha is 2^4 or more."
    )
    control_statement = "The border lies where noise beats the margin, T_c ~ 1/alpha."

    def unavailable(self, tier: str) -> str | None:
        return missing_images(lazy.NETWORKS[tier]["images"])

    def tasks(self, tier: str, seed: int) -> Mapping[str, ls.sweep.Task]:
        return {
            label(alpha, temperature): train_nets.at(
                network_run(
                    alpha=alpha,
                    temperature=temperature,
                    activation="gelu",
                    points=POINTS[tier],
                    batch_size=BATCH,
                    max_steps=2**18,
                    replicas=REPLICAS,
                    seed=ls.derive_seed(seed, "flat_border"),
                    engine=DOUBLE,
                    **lazy.NETWORKS[tier],
                )
            )
            for alpha in ALPHAS
            for temperature in TEMPERATURES
        }

    def comparisons(self, tier: str) -> list[Comparison]:
        reach = math.log(ALPHAS[-1] / ALPHAS[0])

        def measure(data: Data) -> ls.Estimate:
            return exponent_of_border(lines(data))

        def injected(data: Data, size: float) -> ls.Estimate:
            return exponent_of_border([shifted(line, size) for line in lines(data)])

        return [
            Comparison(
                name="slope of ln T_c in ln alpha",
                prediction=0.0,
                margin=1 / (TEMPERATURES[1] * ALPHAS[0]) / reach,
                basis="theory",
                reason="what the margin 1/alpha adds to the change of the weights at the least "
                "alpha and an octave below T_c",
                rivals={"noise against the margin, T_c ~ 1/alpha": -1.0},
                near_misses={
                    "learning rate off by 10 % at one end": math.log(1.1) / reach,
                    "learning rate off by a factor of 2 at one end": math.log(2) / reach,
                },
                measure=measure,
                injected=injected,
            )
        ]

    def out_of_range(self, data: Data, tier: str) -> str | None:
        return unfinished(data, list(data))

    def panels(self, data: Data, tier: str) -> list[ls.plotting.Panel]:
        return [_kernel_panel(data, tier), _border_panel(data)]


def _kernel_panel(data: Data, tier: str) -> ls.plotting.Panel:
    """Change of the kernel against T at every alpha."""
    x = np.array(TEMPERATURES)
    series = [
        mean_series(
            rf"$\alpha = 2^{{{math.log2(alpha):.0f}}}$",
            x,
            logs(data, [label(alpha, one) for one in TEMPERATURES], "kernel_change"),
        )
        for alpha in ALPHAS
    ]
    return ls.plotting.log_log(
        f"Networks on {lazy.NETWORKS[tier]['images']}, P = {POINTS[tier]}",
        "T = lr/(B h)",
        r"$\|K - K_0\| / \|K_0\|$",
        (*series, ls.plotting.Series.guide("part", x[[0, -1]], [PART] * 2)),
    )


def _border_panel(data: Data) -> ls.plotting.Panel:
    """T_c against alpha."""
    x = np.array(ALPHAS)
    found = [ls.experiments.crossing(line, PART) for line in lines(data)]
    measured = ls.plotting.Series.measured("from the kernel", x, found)
    height = float(np.exp(np.log(measured.y).mean()))
    return ls.plotting.log_log(
        "Border of the lazy regime",
        r"$\alpha$",
        "$T_c$",
        (
            measured,
            ls.plotting.Series.theory("independent of alpha", x, np.full(len(x), height)),
            ls.plotting.Series.rival(r"~ $1/\alpha$", x, height * x[0] / x),
        ),
    )
