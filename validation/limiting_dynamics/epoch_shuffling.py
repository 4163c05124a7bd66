"""Shuffled epochs, the way SGD is run in practice, remove diffusion beyond one epoch.

Each sample is used once per epoch, so the noise of an epoch sums to zero. Along a direction that is
nearly flat, SGD with independent batches walks away from the minimiser as sqrt(t); with shuffled
epochs it returns at the end of each epoch, and its variance in the middle of an epoch is the same
after fifty epochs as in the first.

The law takes the noise as frozen at the minimiser. What it leaves out, noise that depends on the
parameters, is of relative size lr tr(H) / (2 batch_size (1 - momentum)); if it were white it would
add that fraction of the variance under independent batches, which is the margin.
"""

from dataclasses import replace
from functools import partial

import numpy as np
from langevin_sgd.validation.limiting_dynamics._problems import (
    GaussianSamples,
    built,
    exact_law,
    near_misses,
)
from langevin_sgd.validation.limiting_dynamics._runs import (
    RegressionRun,
    mean_and_error,
    measured,
    moments,
)

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series, theory_and_runs

PROBLEM = GaussianSamples(samples=512, inputs=6, softest=1e-3, seed=2)
EPOCHS = ls.SGD(lr=0.01, batch_size=16, momentum=0.5, sampling="epochs")
INDEPENDENT = replace(EPOCHS, sampling="with_replacement")
BATCHES = 32
"""Batches in an epoch: 512 samples."""
MIDDLES = tuple(BATCHES * epoch + BATCHES // 2 for epoch in (0, 10, 50))
MODES = {"stiffest mode": 0, "softest mode": -1}
REPLICAS = {"quick": 8192, "full": 262144}
FIRST_EPOCHS = tuple(range(2, 4 * BATCHES + 1, 2))
LATE_MIDDLES = tuple(
    BATCHES * epoch + BATCHES // 2 for epoch in (0, 1, 2, 3, 5, 7, 10, 14, 20, 28, 40, 50)
)
SCHEDULE = tuple(sorted({*FIRST_EPOCHS, *LATE_MIDDLES}))


def variances(settings: ls.SGD, times: tuple[int, ...] | np.ndarray) -> np.ndarray:
    """Position variance of all eigenmodes from the minimiser at rest, (time, eigenmode)."""
    return exact_law(PROBLEM, settings, "minimiser").mode_covariance(times)[..., 0, 0]


def variance(time: int, mode: int, settings: ls.SGD) -> float:
    """Position variance of one eigenmode at one time."""
    return float(variances(settings, (time,))[0, mode])


def feedback() -> float:
    """Relative size of the noise that depends on the parameters."""
    trace = float(built(PROBLEM).eigenvalues.sum())
    return EPOCHS.lr * trace / (2 * EPOCHS.batch_size * (1 - EPOCHS.momentum))


class EpochShuffling(ls.claims.Claim):
    title = "Shuffled epochs"
    statement = (
        "With shuffled epochs the gradient noise sums to zero over an epoch: "
        "diffusion along soft directions ends after one epoch, "
        "and the variance within an epoch repeats from epoch to epoch."
    )
    formula = (
        "E xi_a xi_b^T = q (delta_ab - (1 - delta_ab) / (M - 1)) "
        "within an epoch of M batches, 0 between epochs"
    )
    source = (
        "derived (sampling without replacement from a finite population); "
        "compare Kuehn and Rosenow, arXiv 2306.05300"
    )
    validity = "Batch size divides N; lr tr(H) << 2 batch_size (1 - momentum)."
    control_statement = (
        "Independent batches, the noise that stochastic differential equations assume."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return {
            settings.sampling: moments.at(
                RegressionRun(
                    problem=PROBLEM,
                    settings=settings,
                    replicas=REPLICAS[tier],
                    schedule=SCHEDULE,
                    start="minimiser",
                    modes=(0, built(PROBLEM).parameters - 1),
                    seed=ls.derive_seed(seed, self.id, settings.sampling),
                )
            )
            for settings in (EPOCHS, INDEPENDENT)
        }

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        shuffled, independent = variances(EPOCHS, MIDDLES), variances(INDEPENDENT, MIDDLES)
        comparisons = [
            ls.claims.Comparison(
                name=f"epochs: variance of the {label} after {time / BATCHES:g} epochs",
                prediction=shuffled[i, mode],
                margin=feedback() * independent[i, mode],
                basis="theory",
                reason="noise that depends on the parameters, taken as white",
                rivals={"independent batches": independent[i, mode]},
                wrong=independent[i, mode],
                near_misses=near_misses(
                    partial(variance, time, mode),
                    EPOCHS,
                    margin=feedback() * independent[i, mode],
                ),
                measure=measured(EPOCHS.sampling, "var_position", step=time, eigenmode=mode),
            )
            for label, mode in MODES.items()
            for i, time in enumerate(MIDDLES)
        ]
        last, label, where = MIDDLES[-1], "softest mode", {"eigenmode": MODES["softest mode"]}
        with_replacement = ls.claims.Comparison(
            name=f"with replacement: variance of the {label} after {last / BATCHES:g} epochs",
            prediction=independent[-1, MODES[label]],
            rivals={"shuffled epochs": shuffled[-1, MODES[label]]},
            near_misses=near_misses(partial(variance, last, MODES[label]), INDEPENDENT),
            measure=measured(INDEPENDENT.sampling, "var_position", step=last, **where),
        )
        return [*comparisons, with_replacement]

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        first = [panel(data, label, mode, FIRST_EPOCHS, "linear") for label, mode in MODES.items()]
        title, softest = "softest mode, in the middle of epochs", MODES["softest mode"]
        return [*first, panel(data, title, softest, LATE_MIDDLES, "log")]


def panel(
    data: ls.claims.Data, title: str, mode: int, times: tuple[int, ...], x_scale: str
) -> Panel:
    """Variance of one mode over time, with both samplings."""
    epochs, runs = np.array(times) / BATCHES, []
    for settings, name in ((EPOCHS, "shuffled epochs"), (INDEPENDENT, "independent batches")):
        run = data[settings.sampling].sel(step=list(times))
        mean, error = mean_and_error(run, "var_position")
        points = Series(f"SGD, {name}", epochs, mean[:, mode], error[:, mode])
        runs.append((points, Series.theory("law", epochs, variances(settings, times)[:, mode])))
    return Panel(
        title=title.capitalize(),
        x_label="time [epochs]",
        y_label="variance of position",
        series=theory_and_runs(runs),
        x_scale=x_scale,
        y_scale="log",
    )
