r"""Stability limits of SGD on a quadratic loss: of the mean, and of the mean square.

Mean (linear) stability, derived from the roots of the one-step matrix lying inside the unit circle:

    lr * (1 - dampening) * (eigenvalue + weight_decay) < 2 (1 + momentum)
    (heavy ball)
                                                       < 2 (1 + momentum) / (1 + 2 momentum)
                                                       (Nesterov)

Mean-square stability is stricter, because minibatch noise grows with the distance from the minimum:
with R the map that answers white noise with a stationary covariance of positions and T the noise
that a covariance of positions causes, it needs the spectral radius `noise_feedback` of R T below
one (see `minibatch_noise`).

The Langevin equation has neither limit; a law that it predicts beyond them does not exist for SGD.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from langevin_sgd.checks import InputError, as_array, as_instance, require
from langevin_sgd.models.linear_regression import LinearRegression
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.minibatch_noise import MinibatchFluctuations
from langevin_sgd.theory.modes import Modes
from langevin_sgd.theory.settings import as_settings
from langevin_sgd.theory.sgd_map import sgd_oscillators
from langevin_sgd.theory.underflow import vanishing


def largest_stable_stiffness(settings: SGD) -> float:
    """Largest stable eigenvalue + weight decay, in units of the Hessian.

    Examples
    --------
    >>> largest_stable_stiffness(SGD(lr=0.1, batch_size=1, momentum=0.5))
    30.0
    """
    oscillators = sgd_oscillators(as_settings("settings", settings), np.ones(1))
    return float(oscillators.stability_limit / oscillators.stiffness[0])


def require_stable(settings: SGD, eigenvalues: np.ndarray) -> None:
    """Refuse Hessian eigenvalues at or beyond the stability limit of SGD.

    Raises
    ------
    InputError
        Naming the largest eigenvalue and the limit.
    """
    settings, values = as_settings("settings", settings), as_array("eigenvalues", eigenvalues)
    require(values.size > 0, "eigenvalues", eigenvalues, "must hold at least one number")
    limit = largest_stable_stiffness(settings) - settings.weight_decay
    largest = float(values.max())
    if largest >= limit:
        raise InputError(
            f"eigenvalue {largest:.10g}: beyond the stability limit of SGD, "
            f"eigenvalue < {limit:.10g} at lr = {settings.lr:g}, "
            f"momentum = {settings.momentum:g}, weight_decay = {settings.weight_decay:g}"
        )


@vanishing
def noise_feedback(problem: LinearRegression, settings: SGD) -> float:
    """Spectral radius of the noise caused in turn by noise.

    SGD is stable in the mean square where it is below one.

    Parameters
    ----------
    problem
        A problem with data.
    settings
        Batches with or without replacement.

    Raises
    ------
    InputError
        If there are no data, batches come in epochs, or already the mean is unstable.
    """
    problem, settings = (
        as_instance("problem", problem, LinearRegression),
        as_settings("settings", settings),
    )
    if problem.X is None or settings.sampling == "epochs":
        raise InputError(
            "problem, settings: mean-square stability needs "
            "data and batches independent of one another"
        )
    modes = Modes(problem, settings)
    require_stable(settings, modes.eigenvalues)
    return MinibatchFluctuations(sgd_oscillators(settings, modes.stiffness), modes).noise_feedback


@vanishing
def largest_stable_lr(problem: LinearRegression, settings: SGD) -> float:
    """Largest lr at which SGD is stable in the mean square, the other settings kept.

    At most the linear limit; equal to it at full batches without replacement, which make no noise.

    Raises
    ------
    InputError
        As for `noise_feedback`, and if there is neither curvature nor weight decay, which no
        learning rate makes unstable.
    """
    from scipy.optimize import brentq

    problem, settings = (
        as_instance("problem", problem, LinearRegression),
        as_settings("settings", settings),
    )
    stiffest = float(problem.eigenvalues.max()) + settings.weight_decay
    if stiffest == 0:
        raise InputError(
            "problem: without curvature and weight decay every learning rate is stable"
        )
    linear = settings.lr * largest_stable_stiffness(settings) / stiffest

    def margin(lr: float) -> float:
        return noise_feedback(problem, replace(settings, lr=lr)) - 1

    nearly = linear * (1 - 1e-9)
    return (
        linear
        if margin(nearly) < 0
        else float(brentq(margin, linear * 1e-9, nearly, xtol=linear * 1e-12))
    )
