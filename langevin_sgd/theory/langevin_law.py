r"""Law of the underdamped Langevin equation of SGD: an Ornstein-Uhlenbeck process.

    (lr/2)(1+momentum) theta'' + (1-momentum) theta' + grad L(theta) + weight_decay theta =
    sqrt(lr/S) Sigma^{1/2} dW/dt

(Kunin et al., arXiv 2107.09133), with physical time lr per step. Assumes a quadratic loss, noise
frozen at the minimum, Gaussian and independent from step to step; accurate where lr * stiffness is
small (`sde_accuracy` says how accurate). Batches without replacement enter by their smaller
one-step covariance; the correlations between the batches of an epoch do not enter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from langevin_sgd.theory.law import Law
from langevin_sgd.theory.oscillator_propagator import langevin_oscillators
from langevin_sgd.theory.oscillators import Oscillators
from langevin_sgd.theory.white_noise import Fluctuations, WhiteFluctuations


@dataclass(frozen=True, eq=False)
class LangevinLaw(Law):
    """Exact law of the Langevin equation; parameters and methods as in `law.Law`, any real time.

    Raises
    ------
    InputError
        For Nesterov momentum or dampening, for which the equation is not written.

    Examples
    --------
    >>> from langevin_sgd import SGD, LinearRegression
    >>> law = LangevinLaw(LinearRegression.from_spectrum([1.0, 4.0]),
    ...     SGD(lr=0.1, batch_size=2, momentum=0.5))
    >>> # positions isotropic, velocities shaped by the Hessian
    >>> position, velocity = law.mode_variances()
    >>> np.round(position, 6).tolist(), np.round(velocity, 6).tolist()
    ([0.05, 0.05], [2.666667, 0.666667])
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        langevin_oscillators(self.settings, np.ones(1))  # refuses what has no equation

    @cached_property
    def oscillators(self) -> Oscillators:
        """Damped oscillators of mass lr (1 + momentum) / 2."""
        return langevin_oscillators(self.settings, self.modes.stiffness)

    @cached_property
    def fluctuations(self) -> Fluctuations:
        """White noise of covariance Sigma / S per step."""
        return WhiteFluctuations(self.oscillators, self.modes.noise)

    def local_displacement(self) -> float:
        r"""Local displacement lr^2 E|v|^2 = lr^2 tr Sigma / (S (1 - momentum^2)) (Kunin et al.).

        ``mean_square_displacement(1)`` of the equation's own path over one step is smaller, by O(1)
        at momentum 0.
        """
        return float(self.settings.lr**2 * self.mode_variances()[1].sum())
