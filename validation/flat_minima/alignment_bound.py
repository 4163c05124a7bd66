r"""The noise of SGD stays aligned with the curvature along training, whatever the number of points
and of weights.

    mu = Tr(Sigma G) / (2 L ||G||_F^2)

compares the covariance of single gradients with 2 L G, which it would be if residuals did not know
of features. The mean of mu over residuals of all directions is 1 - 1/n identically (a test of the
theory); what SGD makes of the residuals need not be such. Along trainings of linear networks,
random features and networks of two hidden layers on digits, from the first step to where the loss
has fallen to a third or a fiftieth, mu is compared with

- a bound of one half. Isotropic noise of equal trace has at most a twentieth here;
- the slope of ln mu in ln n, that of 1 - 1/n, and in ln(width), zero, with a margin of .05 each. If
  the noise were spread over all weights as isotropic noise is, mu would fall as one over the width
  of a linear network or faster.

The least mu over all residuals at the end, mu_0, is the constant of the Frobenius bound. It is much
smaller, since residuals may lie along the mean of the inputs; it is claimed to be above .01.

Bounds and margins are from a pilot of 8 replicas on another stream: mu between .94 and 1.07
everywhere, mu_0 between .03 and .10.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from langevin_sgd.validation.flat_minima._along import Course, noise_along

import langevin_sgd as ls
from langevin_sgd.claims import Comparison, Data
from langevin_sgd.plotting import Panel, Series

SCHEDULE = (1, 10, 30, 100, 300, 1000, 3000)
POINTS, WIDTHS = (32, 64, 128), (32, 64, 128)
MIDDLE = 64
"""Points where the width changes, and width where the points do."""
REPLICAS = 32
LEAST, LEAST_WORST = 0.5, 0.01
"""What mu and mu_0 are above."""
SLOPE_MARGIN = 0.05
KINDS = {
    "linear network": {"depth": 1, "activation": "linear", "lr": 0.01},
    "random features": {"depth": 1, "activation": "relu", "frozen": 1, "lr": 0.02},
    "network": {"depth": 2, "activation": "gelu", "lr": 0.02},
}


def label(kind: str, points: int, width: int) -> str:
    """Name of a training."""
    return f"{kind}, P {points}, h {width}"


def course(kind: str, points: int, width: int, seed: int) -> Course:
    """One training; replica r has one seed in all of them."""
    given = dict(KINDS[kind])
    lr = given.pop("lr")
    data = ls.data.BinaryImages(name="digits", points=points)
    network = ls.models.networks.FullyConnected(
        dimension=data.dimension, width=width, output_scaling="ntk", **given
    )
    return Course(
        problem=ls.NetworkProblem(network, data, loss="square"),
        settings=ls.SGD(lr=lr, batch_size=4, sampling="without_replacement"),
        schedule=SCHEDULE,
        replicas=REPLICAS,
        seed=ls.derive_seed(seed, "alignment"),
    )


def sizes() -> list[tuple[int, int]]:
    """Points and widths."""
    return sorted({*((n, MIDDLE) for n in POINTS), *((MIDDLE, h) for h in WIDTHS)})


def along(data: Data, kind: str, points: int, width: int, name: str = "mu") -> np.ndarray:
    """Mean over the moments of a training, (replica,)."""
    return np.asarray(data[label(kind, points, width)][name].values.mean(axis=0))


def mean_mu(data: Data, kind: str, name: str = "mu") -> ls.Estimate:
    """Mean of mu over moments and sizes."""
    found = [along(data, kind, *size, name) for size in sizes()]
    return ls.Estimate.from_samples(np.mean(found, axis=0), method="mean over replicas")


def slope(data: Data, kind: str, of: str, name: str = "mu") -> ls.Estimate:
    """Slope of ln mu in the logarithm of points or width, between the ends."""
    ends = [(n, MIDDLE) for n in POINTS[::2]] if of == "P" else [(MIDDLE, h) for h in WIDTHS[::2]]
    first, last = (np.log(along(data, kind, *size, name)) for size in ends)
    span = np.log(POINTS[-1] / POINTS[0] if of == "P" else WIDTHS[-1] / WIDTHS[0])
    return ls.Estimate.from_samples((last - first) / span, method="mean over replicas")


def worst(data: Data, kind: str) -> ls.Estimate:
    """Smallest mu_0 over sizes, mean over replicas."""
    found = [data[label(kind, *size)]["mu_0"].values for size in sizes()]
    return ls.Estimate.from_samples(np.min(found, axis=0), method="least of all sizes")


def compared(kind: str) -> list[Comparison]:
    """Compare the alignment with its bounds and with no dependence on size."""
    finite = float(np.diff(np.log([1 - 1 / n for n in POINTS[::2]]))[0]) / float(
        np.log(POINTS[-1] / POINTS[0])
    )
    return [
        Comparison(
            name=f"{kind}: mu along training",
            kind="at_least",
            prediction=LEAST,
            rivals={"isotropic noise of equal trace": 0.05},
            measure=partial(mean_mu, kind=kind),
            placebo=partial(mean_mu, kind=kind, name="isotropic"),
        ),
        Comparison(
            name=f"{kind}: mu_0 at the end, the least of all sizes",
            kind="at_least",
            prediction=LEAST_WORST,
            scale=1.0,
            rivals={"no bound": 0.0},
            measure=partial(worst, kind=kind),
        ),
        *(
            Comparison(
                name=f"{kind}: slope of ln mu in ln {symbol}",
                prediction=finite if symbol == "P" else 0.0,
                margin=SLOPE_MARGIN,
                basis="pilot",
                reason="residuals of SGD do not point in all directions alike",
                scale=1.0,
                rivals={"spread over all weights or points, -1": -1.0},
                near_misses={"mu falls as the eighth root": -0.125},
                measure=partial(slope, kind=kind, of=symbol),
            )
            for symbol in ("P", "h")
        ),
    ]


class AlignmentBound(ls.claims.Claim):
    title = "Alignment of noise and curvature"
    statement = (
        "Along training the alignment of SGD's noise with the curvature stays above one half, and "
        "changes neither with the number of points nor with the width, for linear networks, "
        "random features and networks."
    )
    formula = "mu = Tr(Sigma G)/(2 L ||G||_F^2) > 1/2"
    source = "Wu, Wang and Su, arXiv 2207.02628 (alignment); finite n derived"
    validity = (
        "Square loss, batches of 4 of 32 to 128 digits, widths 32 to 128, before the loss is "
        "small against rounding; G, not H, where residuals are not zero."
    )
    control_statement = "Isotropic noise of equal trace; alignment that fades with the size."
    tiers = ("quick",)

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return {
            label(kind, *size): noise_along.at(course(kind, *size, seed))
            for kind in KINDS
            for size in sizes()
        }

    def comparisons(self, tier: str) -> list[Comparison]:
        return [comparison for kind in KINDS for comparison in compared(kind)]

    def out_of_range(self, data: Data, tier: str) -> str | None:
        for kind in KINDS:
            for size in sizes():
                loss = data[label(kind, *size)]["loss"].values
                if not (loss < 0.5).all():
                    return f"{label(kind, *size)}: a replica has learnt nothing"
        return None

    def panels(self, data: Data, tier: str) -> list[Panel]:
        return [_course_panel(data), _size_panel(data, "P"), _size_panel(data, "h")]


def _course_panel(data: Data) -> Panel:
    series = []
    for kind in KINDS:
        run = data[label(kind, MIDDLE, MIDDLE)]
        for name, words in (("mu", kind), ("isotropic", f"{kind}, isotropic noise")):
            found = [ls.Estimate.from_samples(values) for values in run[name].values]
            series.append(Series.measured(words, SCHEDULE, found))
    ends = [SCHEDULE[0], SCHEDULE[-1]]
    return Panel(
        title=f"Alignment along training, P = h = {MIDDLE}",
        x_label="step",
        y_label=r"$\mu$",
        series=(*series, Series.guide("bound", ends, [LEAST, LEAST])),
        x_scale="log",
        y_scale="log",
    )


def _size_panel(data: Data, of: str) -> Panel:
    values = POINTS if of == "P" else WIDTHS
    series = []
    for kind in KINDS:
        places = [(one, MIDDLE) if of == "P" else (MIDDLE, one) for one in values]
        means = [ls.Estimate.from_samples(along(data, kind, *size)) for size in places]
        least = [
            ls.Estimate.from_samples(data[label(kind, *size)]["mu_0"].values) for size in places
        ]
        series.append(Series.measured(kind, values, means))
        series.append(Series.measured(rf"{kind}, $\mu_0$", values, least))
    return Panel(
        title="Alignment against the number of points" if of == "P" else "Against the width",
        x_label=of,
        y_label=r"$\mu$",
        series=tuple(series),
        x_scale="log",
        y_scale="log",
    )
