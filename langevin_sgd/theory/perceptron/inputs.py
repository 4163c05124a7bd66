r"""The data law of the perceptron, and the checks that its theory shares.

Components 2 ... d of an input x are standard normal, the label is y = sign(x_1), and |x_1| has the
density

    C x^chi exp(-x^2/2),   C = 2^((1-chi)/2) / Gamma((1+chi)/2),   chi > -1,

a chi variable with chi + 1 degrees of freedom: mean M = sqrt(2) Gamma((2+chi)/2) /
Gamma((1+chi)/2), mean square 1 + chi. Data are depleted near the decision boundary for chi > 0; chi
= 0 is Gaussian (Sclocchi, Geiger and Wyart, arXiv 2301.13703).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from langevin_sgd.checks import as_array, as_chi, as_not_negative, as_positive, require

Array = np.ndarray
Numbers = float | Sequence[float] | Array
Result = TypeVar("Result", float, Array)

LARGEST_CHI = 100.0
"""Depletion exponent up to which averages are checked against quadrature in forty digits."""
SMALLEST_SIZE, LARGEST_SIZE = 1e-50, 1e50
"""Range of weights, margins and temperatures; squares of their ratios stay within float64."""


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


def as_integrable_chi(name: str, value: float) -> float:
    """Return a depletion exponent for which integrals over the data are taken, -1 < chi <= 100."""
    return as_chi(name, value, LARGEST_CHI)


def as_size(name: str, value: float) -> float:
    """Return a margin, a temperature, a signal or a noise: zero, or from 1e-50 to 1e50.

    Raises
    ------
    InputError
        If the value is not allowed; the message names the argument, the value and what is allowed.
    """
    size = as_not_negative(name, value)
    require(size == 0 or SMALLEST_SIZE <= size <= LARGEST_SIZE, name, value, _SIZES)
    return size


def as_positive_size(name: str, value: float) -> float:
    """Return such a number that is not zero.

    Raises
    ------
    InputError
        If the value is not allowed; the message names the argument, the value and what is allowed.
    """
    size = as_positive(name, value)
    allowed = f"must be a positive number from {SMALLEST_SIZE:g} to {LARGEST_SIZE:g}"
    require(SMALLEST_SIZE <= size <= LARGEST_SIZE, name, value, allowed)
    return size


def as_sizes(name: str, values: float | Array) -> Array:
    """Return an array of signals or noises from zero to 1e50.

    Raises
    ------
    InputError
        If the value is not allowed; the message names the argument, the value and what is allowed.
    """
    sizes = not_negative(name, values)
    require(bool((sizes <= LARGEST_SIZE).all()), name, values, f"must be at most {LARGEST_SIZE:g}")
    return sizes


def not_negative(name: str, value: Numbers) -> Array:
    """Return `value` as an array of floats, finite and zero or above, or raise `InputError`."""
    return as_array(name, value, minimum=0, allowed="must be finite and zero or above")


def held(name: str, value: Numbers, result: Result) -> Result:
    """Return `result` if float64 can hold it; else refuse the argument that made it so large.

    Raises
    ------
    InputError
        If the result holds infinity or NaN.
    """
    require(
        bool(np.all(np.isfinite(result))),
        name,
        value,
        "leads to numbers beyond the range of float64",
    )
    return result


_SIZES = f"must be zero or from {SMALLEST_SIZE:g} to {LARGEST_SIZE:g}"
