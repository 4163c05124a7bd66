r"""Damping rates and regimes of the modes, per unit of physical time tau = lr * steps.

    gamma = (1-momentum) / (lr (1+momentum)),   omega = sqrt(2 stiffness / (lr (1+momentum))),
    zeta = gamma / omega

A mode is underdamped (it oscillates, at sqrt(omega^2 - gamma^2)) for zeta < 1, that is for
lr * stiffness > (1-momentum)^2 / (2 (1+momentum)) (Kunin et al., arXiv 2107.09133). The SGD map
oscillates for (1 - sqrt(momentum))^2 < lr * stiffness < (1 + sqrt(momentum))^2 and flips sign every
step above (derived).
"""

from __future__ import annotations

import numpy as np

from langevin_sgd.checks import as_array
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.oscillator_propagator import langevin_oscillators
from langevin_sgd.theory.settings import as_settings
from langevin_sgd.theory.underflow import vanishing


def damping_rate(settings: SGD) -> float:
    """Return gamma, per unit of tau; velocities forget at twice this rate."""
    settings = as_settings("settings", settings)
    return float(langevin_oscillators(settings, np.zeros(1)).mean_rate[0] / settings.lr)


@vanishing
def natural_frequency(settings: SGD, stiffness: np.ndarray) -> np.ndarray:
    """Return omega of modes of stiffness eigenvalue + weight decay, radians per unit of tau."""
    settings = as_settings("settings", settings)
    oscillators = langevin_oscillators(settings, as_array("stiffness", stiffness, minimum=0))
    return np.sqrt(oscillators.rate_product) / settings.lr


def damping_ratio(settings: SGD, stiffness: np.ndarray) -> np.ndarray:
    """Return zeta = gamma / omega; infinite at stiffness zero."""
    omega = natural_frequency(settings, stiffness)
    return np.divide(
        damping_rate(settings), omega, out=np.full_like(omega, np.inf), where=omega > 0
    )


def regime(settings: SGD, stiffness: np.ndarray) -> list[str]:
    """Name each mode's regime: underdamped, critical (to rounding) or overdamped.

    Examples
    --------
    >>> regime(SGD(lr=0.05, batch_size=1, momentum=0.9), np.array([1.3, 1e-3]))
    ['underdamped', 'overdamped']
    """
    ratios = damping_ratio(settings, stiffness)
    names = np.where(ratios < 1, "underdamped", "overdamped")
    return np.where(np.abs(ratios - 1) < 1e-12, "critical", names).tolist()
