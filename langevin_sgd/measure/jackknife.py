r"""The jackknife over replicas: bias and standard error of any smooth function of means.

With n independent replicas, f the value from all of them and f_i that without replica i,

    value = n f - (n - 1) mean(f_i),      standard error^2 = (n - 1)/n sum_i (f_i - mean(f_i))^2

(Quenouille 1956; Tukey 1958; Efron, *The Jackknife, the Bootstrap and Other Resampling Plans*,
1982). The value is free of the bias of order 1/n that a curved function of a noisy mean has,
exactly so for a quadratic one. Whatever is correlated within a replica, for instance the points of
a fitted curve, is left out together, so that no model of the correlation is needed. Valid for
smooth functions (not for a median) of at least a few replicas.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from langevin_sgd.checks import as_array, as_callable, require
from langevin_sgd.estimate import Estimate, in_units

LARGEST_RELATIVE_ERROR = 0.3
"""Largest relative error of a denominator for which the jackknife gives the ratio an interval."""


def jackknife(
    function: Callable[[np.ndarray], np.ndarray], samples: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Value and standard error of a function of the mean over replicas.

    Parameters
    ----------
    function
        Maps means (n, ...) to results (n, ...), row by row.
    samples
        (replica, ...), at least two replicas.

    Returns
    -------
    value, standard_error
        Shape of one row of the result of `function`; NaN or infinity where `function` is not finite
        for all replicas or without one of them.

    Raises
    ------
    InputError
        If `samples` are no real numbers, some are masked, there are fewer than two replicas, or
        `function` gives no numbers, row by row.

    Examples
    --------
    >>> value, error = jackknife(lambda mean: mean**2, np.array([1.0, 2.0, 3.0]))
    >>> round(float(value), 6)  # 2^2 minus the variance 1/3 of the mean
    3.666667
    """
    function = as_callable("function", function)
    samples = as_array("samples", samples, finite=False)
    count = len(samples) if samples.ndim else 0
    require(count >= 2, "samples", samples, "must have at least two replicas")
    with np.errstate(all="ignore"):  # whatever is not finite ends in an estimate that is not valid
        total = samples.sum(axis=0)
        full = _rows(function, (total / count)[None])[0]
        without = _rows(function, (total - samples) / (count - 1))
        centre = without.mean(axis=0)
        scatter, exponent = in_units(without - centre, axis=0)
        variance = (count - 1) / count * (scatter**2).sum(axis=0)
        return count * full - (count - 1) * centre, np.ldexp(np.sqrt(variance), exponent[0])


def _rows(function: Callable[[np.ndarray], np.ndarray], means: np.ndarray) -> np.ndarray:
    """Results of a function, one row for each of the means."""
    values = as_array("function: its result", function(means), finite=False)
    require(
        values.shape[:1] == means.shape[:1],
        "function",
        values.shape,
        f"must give {len(means)} rows for as many",
    )
    return values


def share_of_effect(found: np.ndarray, whole: np.ndarray, none: np.ndarray) -> Estimate:
    """Estimate which share of an effect something has.

    The share is (mean found - mean none)/(mean whole - mean none).

    Parameters
    ----------
    found, whole, none
        (replica,) what was found, with the whole effect, and without it, replicas paired; at least
        two.

    Returns
    -------
    Estimate
        1 for the whole effect, 0 for none; not bounded by them. Not valid where a sample is not
        finite, or where the whole effect is not known to `LARGEST_RELATIVE_ERROR`.

    Raises
    ------
    InputError
        If shapes differ.

    Examples
    --------
    >>> share_of_effect(np.array([3.0, 4.0]), np.array([5.0, 5.0]), np.array([1.0, 1.0])).value
    0.625
    """
    parts = {"found": found, "whole": whole, "none": none}
    arrays = [as_array(name, values, ndim=1, finite=False) for name, values in parts.items()]
    for name, array in zip(parts, arrays, strict=True):
        require(
            array.shape == arrays[0].shape,
            name,
            array,
            f"must have shape {arrays[0].shape}, as found",
        )
    method, samples = "jackknife over replicas", in_units(np.stack(arrays, axis=1))[0]
    bad = int(np.count_nonzero(~np.isfinite(samples).all(axis=1)))
    if bad or len(samples) < 2:
        return Estimate.refused(
            f"{bad} of {len(samples)} replicas are not finite, at least 2 needed", method=method
        )
    value, error = jackknife(
        lambda mean: (mean[:, 0] - mean[:, 2]) / (mean[:, 1] - mean[:, 2]), samples
    )
    share = Estimate(
        value=float(value), standard_error=float(error), n_independent=len(samples), method=method
    )
    effect = Estimate.from_samples(samples[:, 1] - samples[:, 2])
    size, spread = abs(effect.value or 0.0), effect.standard_error or 0.0
    if spread >= LARGEST_RELATIVE_ERROR * size:
        return Estimate.refused(
            f"the whole effect is not resolved: {effect}", value=share.value, method=method
        )
    return share
