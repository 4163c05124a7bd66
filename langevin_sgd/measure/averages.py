"""Averages of positive quantities that scatter over orders of magnitude."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from langevin_sgd.checks import InputError, as_array
from langevin_sgd.estimate import Estimate


def geometric_mean(samples: np.ndarray) -> Estimate:
    """Mean of the logarithm, given back as a number: the average for times and norms.

    Parameters
    ----------
    samples
        (replica,), positive.

    Returns
    -------
    Estimate
        exp(mean(log)), with the standard error of the mean of the logarithm times the value.

    Raises
    ------
    InputError
        If a sample is zero or negative, no real number, or masked.

    Examples
    --------
    >>> round(geometric_mean(np.array([1.0, 100.0, 1.0, 100.0])).value, 9)
    10.0
    """
    values = as_array("samples", samples, finite=False)
    if (values <= 0).any():
        raise InputError(
            f"samples = a smallest value of {float(np.nanmin(values))!r}: must all be positive"
        )
    logarithm = Estimate.from_samples(np.log(values), method="geometric mean over replicas")
    if logarithm.value is None or logarithm.standard_error is None:
        return logarithm
    value = math.exp(logarithm.value)
    return replace(logarithm, value=value, standard_error=value * logarithm.standard_error)
