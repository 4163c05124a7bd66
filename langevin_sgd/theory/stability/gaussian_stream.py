r"""Stability on a stream of Gaussian inputs: the minimum of infinitely many samples.

Inputs x ~ N(0, H), every sample fresh, no label noise. With D_a = E delta_a^2 along the
eigenvectors of H, S = sum_b lambda_b D_b = 2 E L and Wick's theorem, the noise of a step along mode
a is

    N_a = (lambda_a^2 D_a + lambda_a S) / B,

and a second moment that grows by rho per step has D_a = kappa_a N_a, kappa_a the answer of one mode
to noise discounted by sqrt(rho) (`feedback`). With q_a = kappa_a lambda_a^2 / B therefore

    sum_a q_a / (1 - q_a) = 1,      every q_a < 1,

at rho = 1 the edge of stability, at given lr the growth rho of E L per step. For plain SGD q_a = lr
lambda_a / (B (2 - lr lambda_a)): the edge is (lr/B) sum_a lambda_a / (2 - lr lambda_a (1 + 1/B)) =
1; for heavy ball q_a = lr lambda_a (1+beta) / (B (1-beta) (2 (1+beta) - lr lambda_a)).

Source: derived (Wick). Agarwala and Pennington (arXiv 2404.19261) obtain the same without the term
1/B in the denominator. Exact for Gaussian inputs, heavy ball and Nesterov.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from langevin_sgd.checks import as_array, require
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.settings import as_settings
from langevin_sgd.theory.sgd_map import sgd_oscillators
from langevin_sgd.theory.stability.feedback import mean_growth, noise_per_spread
from langevin_sgd.theory.stability.limits import largest_stable_stiffness
from langevin_sgd.theory.stability.minimum import LARGEST, SMALLEST, require_computable
from langevin_sgd.theory.stability.roots import first_above, root
from langevin_sgd.theory.underflow import vanishing

_FIRST = 1e-12
"""Distance from the edge of the mean, relative, at which the search begins."""


def total_feedback(own: np.ndarray) -> float:
    """sum_a q_a / (1 - q_a); infinite where some q_a is one or more.

    Parameters
    ----------
    own
        (mode,), q_a >= 0, the feedback of a mode on itself.
    """
    return float(np.sum(own / (1 - own))) if np.all(own < 1) else np.inf


def own_feedback(values: np.ndarray, settings: SGD, growth: float) -> np.ndarray:
    """(mode,) q_a at a growth above that of the mean.

    Parameters
    ----------
    values
        (mode,) Eigenvalues.
    settings
        Learning rate, batch size and momentum.
    growth
        rho > 0.
    """
    inverse = noise_per_spread(sgd_oscillators(settings, values), growth, pairs=False)
    # At the growth of the mean, where nothing holds a mode back, rounding may leave any sign.
    held = np.where(inverse > 0, inverse, np.inf) * settings.batch_size
    return np.where(inverse > 0, values**2 / held, np.inf)


@vanishing
def stream_edge_lr(eigenvalues: Any, settings: SGD) -> float:
    """Largest learning rate at which SGD on a Gaussian stream is stable in the mean square.

    Parameters
    ----------
    eigenvalues
        (mode,), variances of the inputs along their principal axes, each > 0.
    settings
        Batch size and momentum (heavy ball or Nesterov); the learning rate does not matter.

    Raises
    ------
    InputError
        If an argument is out of range, or there is weight decay, dampening or another sampling.

    Examples
    --------
    >>> round(stream_edge_lr([1.0], SGD(lr=0.1, batch_size=2)), 6)
    1.0
    """
    values, settings = as_stream(eigenvalues, settings)
    unit = largest_stable_stiffness(replace(settings, lr=1.0))
    highest = unit / float(values.max()) * (1 - _FIRST)
    below = _spare(lambda lr: own_feedback(values, replace(settings, lr=lr), 1.0))
    lowest = highest
    while below(lowest) < 0:
        lowest *= 0.5
    return root(below, lowest, highest)


@vanishing
def stream_growth_factor(eigenvalues: Any, settings: SGD) -> float:
    """Factor per step by which E L on a Gaussian stream grows in the end.

    Parameters
    ----------
    eigenvalues, settings
        As in `stream_edge_lr`, the learning rate too.

    Raises
    ------
    InputError
        As `stream_edge_lr`, and if lr * eigenvalue exceeds 1e30.

    Examples
    --------
    >>> round(stream_growth_factor([1.0], SGD(lr=0.5, batch_size=2)), 6)
    0.5
    """
    values, settings = as_stream(eigenvalues, settings)
    require_computable(settings, float(values.max()))
    below = _spare(lambda growth: own_feedback(values, settings, growth))
    mean = mean_growth(sgd_oscillators(settings, values))
    lowest = max(mean, 1e-30) * (1 + _FIRST)
    if below(lowest) >= 0:
        return lowest
    return root(below, lowest, first_above(below, lowest, 1.5))


def _spare(own: Callable[[float], np.ndarray]) -> Callable[[float], float]:
    """1 / F - 1, with F the total feedback: -1 where F is infinite."""

    def spare(number: float) -> float:
        feedback = total_feedback(own(number))
        return 1 / feedback - 1 if feedback > 0 else np.inf

    return spare


def as_stream(eigenvalues: Any, settings: SGD) -> tuple[np.ndarray, SGD]:
    """Return eigenvalues above zero and settings of momentum alone.

    Raises
    ------
    InputError
        If they are others.
    """
    settings = as_settings("settings", settings)
    settings.require_only(("momentum", "nesterov"), by="a stream of Gaussian inputs")
    values = as_array("eigenvalues", eigenvalues, ndim=1)
    within = values.size > 0 and bool(((values >= SMALLEST) & (values <= LARGEST)).all())
    allowed = f"must be a list of numbers between {SMALLEST:g} and {LARGEST:g}"
    require(within, "eigenvalues", eigenvalues, allowed)
    return values, settings
