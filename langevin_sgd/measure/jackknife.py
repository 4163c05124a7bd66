r"""The jackknife over replicas: bias and standard error of any smooth function of means.

With n independent replicas, f the value from all of them and f_i that without replica i,

    value = n f - (n - 1) mean(f_i),      standard error^2 = (n - 1)/n sum_i (f_i - mean(f_i))^2

(Quenouille 1956; Tukey 1958; Efron, *The Jackknife, the Bootstrap and Other Resampling Plans*, 1982). The value is free
of the bias of order 1/n that a curved function of a noisy mean has, exactly so for a quadratic one. Whatever is
correlated within a replica, for instance the points of a fitted curve, is left out together, so that no model of the
correlation is needed. Valid for smooth functions (not for a median) of at least a few replicas.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def jackknife(function: Callable[[np.ndarray], np.ndarray], samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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
        Shape of one row of the result of `function`.

    Examples
    --------
    >>> value, error = jackknife(lambda mean: mean**2, np.array([1.0, 2.0, 3.0]))
    >>> round(float(value), 6)  # 2^2 minus the variance 1/3 of the mean
    3.666667
    """
    count = len(samples)
    total = samples.sum(axis=0)
    full = function((total / count)[None])[0]
    without = function((total - samples) / (count - 1))
    centre = without.mean(axis=0)
    variance = (count - 1) / count * ((without - centre) ** 2).sum(axis=0)
    return count * full - (count - 1) * centre, np.sqrt(variance)
