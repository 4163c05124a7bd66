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

import numpy as np
import xarray as xr
from langevin_sgd.validation.limiting_dynamics.problems import exact_law, problem
from langevin_sgd.validation.limiting_dynamics.runs import Run, estimate, mean_and_error, moments

import langevin_sgd as ls

NAME = "small_gaussian"
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
    return exact_law(NAME, settings, "minimiser").mode_covariance(times)[..., 0, 0]


def feedback() -> float:
    """Relative size of the noise that depends on the parameters."""
    trace = float(problem(NAME).eigenvalues.sum())
    return EPOCHS.lr * trace / (2 * EPOCHS.batch_size * (1 - EPOCHS.momentum))


class EpochShuffling(ls.claims.Claim):
    title = "Shuffled epochs"
    statement = (
        "With shuffled epochs the gradient noise sums to zero over an epoch: diffusion along soft "
        "directions ends "
        "after one epoch, and the variance within an epoch repeats from epoch to epoch."
    )
    formula = (
        "E xi_a xi_b^T = q (delta_ab - (1 - delta_ab) / (M - 1)) within an epoch of M "
        "batches, 0 between epochs"
    )
    source = (
        "derived (sampling without replacement from a finite population); compare Kuehn and "
        "Rosenow, arXiv 2306.05300"
    )
    validity = "Batch size divides N; lr tr(H) << 2 batch_size (1 - momentum)."
    control_statement = (
        "Independent batches, the noise that stochastic differential equations assume."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return {
            settings.sampling: moments.at(
                Run(
                    problem=NAME,
                    settings=settings,
                    replicas=REPLICAS[tier],
                    schedule=SCHEDULE,
                    start="minimiser",
                    modes=(0, problem(NAME).parameters - 1),
                    seed=ls.derive_seed(seed, self.id, settings.sampling),
                )
            )
            for settings in (EPOCHS, INDEPENDENT)
        }

    def predict(self, tier: str) -> list[ls.claims.Component]:
        shuffled, independent = variances(EPOCHS, MIDDLES), variances(INDEPENDENT, MIDDLES)
        components = [
            ls.claims.Component(
                name=self._name("epochs", label, time),
                prediction=float(shuffled[i, mode]),
                margin=feedback() * float(independent[i, mode]),
                margin_reason="noise that depends on the parameters, taken as white",
                alternatives={"independent batches": float(independent[i, mode])},
            )
            for label, mode in MODES.items()
            for i, time in enumerate(MIDDLES)
        ]
        last = ls.claims.Component(
            name=self._name("with_replacement", "softest mode", MIDDLES[-1]),
            prediction=float(independent[-1, MODES["softest mode"]]),
            alternatives={"shuffled epochs": float(shuffled[-1, MODES["softest mode"]])},
        )
        return [*components, last]

    @staticmethod
    def _name(sampling: str, label: str, time: int) -> str:
        return (
            f"{sampling.replace('_', ' ')}: variance of the {label} after {time / BATCHES:g} epochs"
        )

    def control(self, tier: str) -> list[ls.claims.Component]:
        independent = variances(INDEPENDENT, MIDDLES)
        return [
            ls.claims.Component(
                name=self._name("epochs", label, time), prediction=float(independent[i, mode])
            )
            for label, mode in MODES.items()
            for i, time in enumerate(MIDDLES)
        ]

    def measure(self, data: dict[str, xr.Dataset], tier: str) -> dict[str, ls.Estimate]:
        return {
            self._name(sampling, label, time): estimate(
                run, "var_position", step=time, eigenmode=mode
            )
            for sampling, run in data.items()
            for label, mode in MODES.items()
            for time in MIDDLES
        }

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        first = [
            self._panel(data, label, mode, FIRST_EPOCHS, "linear") for label, mode in MODES.items()
        ]
        label, mode = "softest mode", MODES["softest mode"]
        return [
            *first,
            self._panel(data, f"{label}, in the middle of epochs", mode, LATE_MIDDLES, "log"),
        ]

    @staticmethod
    def _panel(
        data: dict[str, xr.Dataset], title: str, mode: int, times: tuple[int, ...], x_scale: str
    ) -> ls.plotting.Panel:
        epochs, series = np.array(times) / BATCHES, []
        for settings in (EPOCHS, INDEPENDENT):
            mean, error = mean_and_error(
                data[settings.sampling].sel(step=list(times)), "var_position"
            )
            name = "shuffled epochs" if settings is EPOCHS else "independent batches"
            curve = variances(settings, times)[:, mode]
            series.append(ls.plotting.Series(f"SGD, {name}", epochs, mean[:, mode], error[:, mode]))
            series.append(
                ls.plotting.Series(
                    "law" if settings is EPOCHS else "", epochs, curve, kind="theory"
                )
            )
        return ls.plotting.Panel(
            title=title.capitalize(),
            x_label="time [epochs]",
            y_label="variance of position",
            series=tuple(series),
            x_scale=x_scale,
            y_scale="log",
        )
