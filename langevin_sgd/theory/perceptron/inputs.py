r"""The data law of the perceptron, and the checks that its theory shares.

Components 2 ... d of an input x are standard normal, the label is y = sign(x_1), and |x_1| has the density

    C x^chi exp(-x^2/2),   C = 2^((1-chi)/2) / Gamma((1+chi)/2),   chi > -1,

a chi variable with chi + 1 degrees of freedom: mean M = sqrt(2) Gamma((2+chi)/2) / Gamma((1+chi)/2), mean square
1 + chi. Data are depleted near the decision boundary for chi > 0; chi = 0 is Gaussian (Sclocchi, Geiger and Wyart,
arXiv 2301.13703).
"""

from __future__ import annotations

import math

import numpy as np

from langevin_sgd.checks import is_real, require

Array = np.ndarray


def density_amplitude(chi: float) -> float:
    """Amplitude C of the density C x^chi exp(-x^2/2) of |x_1|.

    Examples
    --------
    >>> density_amplitude(1.0)
    1.0
    """
    return math.exp((1 - chi) / 2 * math.log(2) - math.lgamma((1 + chi) / 2))


def mean_projection(chi: float) -> float:
    """Mean M of |x_1|, the projection of an input on the teacher's direction.

    Examples
    --------
    >>> round(mean_projection(1.0), 6)
    1.253314
    """
    return math.sqrt(2) * math.exp(math.lgamma((2 + chi) / 2) - math.lgamma((1 + chi) / 2))


def require_chi(chi: float) -> None:
    """Raise `InputError` unless chi is a finite number above -1."""
    require(is_real(chi) and chi > -1, "chi", chi, "must be a number above -1")


def not_negative(name: str, value: float | Array) -> Array:
    """Return `value` as an array of floats; raise `InputError` unless all of it is finite and zero or above."""
    values = np.asarray(value, dtype=float)
    require(bool(np.all(np.isfinite(values) & (values >= 0))), name, value, "must be finite and zero or above")
    return values
