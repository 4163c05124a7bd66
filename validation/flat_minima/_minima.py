"""Minima that SGD finds with the square loss, and the learning rates that theories allow there.

Trainings of `_search`, at several batch sizes and learning rates. A theory says of a minimum up to
which learning rate SGD stays there; if it is what decides, SGD from a start that is too sharp stops
where that is the learning rate it has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from langevin_sgd.validation.flat_minima._search import Search, find_minima

import langevin_sgd as ls
from langevin_sgd.theory.stability import (
    InterpolatingMinimum,
    batch_sharpness,
    edge_bounds,
    edge_lr,
    mean_edge_lr,
)

STAGES, STAGE_STEPS, STEPS = 12, 500, 5000
KICK = 1e-2
POINTS, WIDTH, ALPHA = 32, 32, 16.0
"""Digits, hidden units, and the scale of the predictor: starts are 1.7 to 4 times too sharp."""
REPLICAS = 48
FITTED = 1e-2
"""Half the mean square of what is missing to the labels, of a network that fits its points."""
RATES = {1: (0.1, 0.2), 4: (0.2, 0.3), POINTS: (0.3, 0.5)}
"""Learning rates by batch size."""

Theory = Callable[[InterpolatingMinimum, ls.SGD, np.ndarray], float | None]
"""Largest learning rate at a minimum, for settings and with residuals; None where it has none."""


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """SGD at one batch size and one learning rate.

    Parameters
    ----------
    batch_size, lr
        Of the end.
    """

    batch_size: int
    lr: float

    @property
    def settings(self) -> ls.SGD:
        """Batches of distinct points."""
        return ls.SGD(lr=self.lr, batch_size=self.batch_size, sampling="without_replacement")

    @property
    def label(self) -> str:
        """Name of the training."""
        return f"B {self.batch_size}, lr {self.lr:g}"

    def search(self, seed: int) -> Search:
        """All that is trained; replica r has one start and one set of points in all cases."""
        data = ls.data.BinaryImages(name="digits", points=POINTS)
        network = ls.models.networks.FullyConnected(
            dimension=data.dimension,
            width=WIDTH,
            depth=1,
            activation="gelu",
            output_scaling="ntk",
        )
        return Search(
            problem=ls.NetworkProblem(network, data, loss="square", alpha=ALPHA),
            settings=self.settings,
            stages=STAGES,
            stage_steps=STAGE_STEPS,
            steps=STEPS,
            kick=KICK,
            replicas=REPLICAS,
            seed=ls.derive_seed(seed, "minima"),
        )


CASES = tuple(Stopped(batch_size=size, lr=rate) for size, rates in RATES.items() for rate in rates)


def tasks(seed: int) -> dict[str, ls.sweep.Task]:
    """All trainings."""
    return {case.label: find_minima.at(case.search(seed)) for case in CASES}


def minimum_at(run: xr.Dataset, replica: int, moment: int = -1) -> InterpolatingMinimum:
    """Where a replica is at some moment, as theory sees it: with features frozen."""
    return InterpolatingMinimum(kernel=run["kernel"].values[moment, replica])


# --- theories -------------------------------------------------------------------------------------


def exact(minimum: InterpolatingMinimum, settings: ls.SGD, residuals: np.ndarray) -> float:
    """The edge of the mean square."""
    return edge_lr(minimum, settings)


def of_gradient_descent(
    minimum: InterpolatingMinimum, settings: ls.SGD, residuals: np.ndarray
) -> float:
    """2 / lambda_1."""
    return mean_edge_lr(minimum, settings)


def of_trace(
    minimum: InterpolatingMinimum, settings: ls.SGD, residuals: np.ndarray
) -> float | None:
    """2 / (p Tr H); none without noise."""
    return edge_bounds(minimum, settings).trace


def of_frobenius(
    minimum: InterpolatingMinimum, settings: ls.SGD, residuals: np.ndarray
) -> float | None:
    """1 / (||H||_F sqrt(p mu_0)), the bound of Wu, Wang and Su; none without noise."""
    return edge_bounds(minimum, settings).frobenius


def of_one_step(minimum: InterpolatingMinimum, settings: ls.SGD, residuals: np.ndarray) -> float:
    """The sufficient condition of Wu, Ma and E: the mean square grows in no single step."""
    return edge_bounds(minimum, settings).sufficient


def of_batch_sharpness(
    minimum: InterpolatingMinimum, settings: ls.SGD, residuals: np.ndarray
) -> float | None:
    """2 / batch sharpness, the mean of the ratios over batches, at the residuals of the run.

    None for full batches: once they have converged what is left of the gradient lies along soft
    modes, and says nothing of where the run has stopped.
    """
    if settings.batch_size == minimum.samples:
        return None
    return 2 / float(batch_sharpness(minimum, settings, residuals, draws=2000).mean_of_ratio.value)


def fitted(data: ls.claims.Data) -> np.ndarray:
    """Replicas that have fitted their points at the end of every search, by number.

    At the edge single replicas are thrown off now and then, and may be on their way back at the
    end: they are at no minimum. Whatever the others end at is judged.
    """
    losses = np.stack([ALPHA * data[case.label]["loss"].values[-1] for case in CASES])
    return np.flatnonzero((losses < FITTED).all(axis=0))


def distances(data: ls.claims.Data, case: Stopped, theory: Theory) -> np.ndarray:
    """ln(lr / that of a theory) at the end of the replicas that have fitted their points,
    (replica,); NaN where the theory says nothing.
    """
    run = data[case.label]
    found = []
    for replica in fitted(data):
        residuals = run["residual"].values[-1, replica]
        allowed = theory(minimum_at(run, replica), case.settings, residuals)
        found.append(np.nan if allowed is None else np.log(case.lr / allowed))
    return np.array(found)


def came_from_beyond(data: ls.claims.Data, case: Stopped) -> np.ndarray:
    """Whether a stage of the warm-up began beyond the edge, (replica,)."""
    run = data[case.label]
    rates = run["lr"].values[1:STAGES]
    beyond = [
        any(
            rate > edge_lr(minimum_at(run, replica, before), case.settings)
            for before, rate in enumerate(rates)
        )
        for replica in range(run.sizes["replica"])
    ]
    return np.array(beyond)


def not_stopped(data: ls.claims.Data) -> str | None:
    """Why minima are none that SGD has selected: one replica in four did not fit its points
    somewhere, or one in ten was never beyond the edge.
    """
    count = data[CASES[0].label].sizes["replica"]
    if len(fitted(data)) < 0.75 * count:
        return (
            f"{count - len(fitted(data))} of {count} replicas diverged or did not fit their points"
        )
    for case in CASES:
        if came_from_beyond(data, case).mean() < 0.9:
            return f"{case.label}: one replica in ten was never beyond the edge"
    return None
