"""Averages of stationary moments over time and eigenmodes, and their logarithms and slopes.

Runs are those of `_runs.moments`; every number has the error of independent groups of replicas.
"""

import numpy as np
import xarray as xr

import langevin_sgd as ls


def total(run: xr.Dataset, name: str, steps: slice = slice(None)) -> np.ndarray:
    """Sum of a variable over eigenmodes, averaged over recorded steps, (group,)."""
    return np.asarray(run[name].isel(step=steps).mean("step").sum("eigenmode").values)


def log_ratio(above: np.ndarray, below: np.ndarray, *, over: float = 1.0) -> ls.Estimate:
    """ln of the ratio of two means over independent groups, divided by a number.

    With the logarithm of the ratio of two settings as the number it is the slope between them.
    """
    logs = [ls.measure.jackknife(np.log, groups) for groups in (above, below)]
    (first, first_error), (second, second_error) = logs
    return ls.Estimate(
        value=float(first - second) / over,
        standard_error=float(np.hypot(first_error, second_error)) / abs(over),
        n_independent=len(above),
        method="ratio of independent runs",
    )
