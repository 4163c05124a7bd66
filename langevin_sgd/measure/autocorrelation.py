r"""Autocorrelation and effective sample size of stationary series.

    r(n) = E x_k x_{k+n} / E x_k^2,      tau = 1 + 2 sum_{n>=1} r(n),
    effective sample size = samples / tau

with x measured from its mean. The integrated time and the effective sample size come from
arviz-stats (rank-free, over all replicas at once; Vehtari et al., Bayesian Analysis 16 (2021) 667),
which on short series has the smallest bias of the estimators in use. It cuts off times below
1/log10(samples), which antithetic series may have: such a time is not valid here, since the number
is that of the cut and not of the series. No estimator is usable on series shorter than about 50 tau
(Sokal's rule, *Monte Carlo Methods in Statistical Mechanics*, 1997, section 3): the estimate is
then not valid, and still handed over.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from langevin_sgd.checks import as_array, as_positive, require
from langevin_sgd.estimate import Estimate, in_units
from langevin_sgd.measure.curve import Curve
from langevin_sgd.measure.displacement import as_lags
from langevin_sgd.measure.jackknife import jackknife

LENGTH_IN_TIMES = 50
"""How many autocorrelation times a series must span, per replica."""
_GROUPS = 16
_ROUNDING = 16 * np.finfo(float).eps


def lagged_moments(series: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Return per replica the mean of x^2, of x_k x_{k+lag} at each lag, and of x.

    The shape is (replica, 2 + lag).

    The series (step, replica) is first shifted by its overall mean; all is in a unit in which it is
    of order one.
    """
    series = in_units(series)[0]
    shifted = series - series.mean()
    steps = len(shifted)
    products = [
        np.einsum("kr,kr->r", shifted[: steps - n], shifted[n:]) / (steps - n) for n in lags
    ]
    return np.stack([np.mean(shifted**2, axis=0), *products, shifted.mean(axis=0)], axis=1)


def autocorrelation(series: np.ndarray, lags: np.ndarray) -> Curve:
    """Normalised autocorrelation function, with errors over replicas.

    Parameters
    ----------
    series
        (step, replica), stationary, at equal intervals; at least two replicas.
    lags
        (lag,), in recorded intervals, 0 <= lag < steps.

    Returns
    -------
    Curve
        Over lags; NaN where a replica is not finite or all values are equal.

    Raises
    ------
    InputError
        If shapes or lags do not fit.
    """
    series = as_series("series", series, replicas=2)
    lags = as_lags(lags, len(series), minimum=0)
    moments = (
        np.full((series.shape[1], len(lags) + 2), np.nan)
        if doubt(series)
        else lagged_moments(series, lags)
    )
    value, error = jackknife(normalised, moments)
    return Curve(
        x=lags,
        value=value,
        standard_error=error,
        n_independent=series.shape[1],
        method="lagged products, jackknife over replicas",
    )


def normalised(mean: np.ndarray) -> np.ndarray:
    """Autocorrelation (n, lag) from rows of averaged `lagged_moments`."""
    square = mean[:, -1:] ** 2
    ratio: np.ndarray = (mean[:, 1:-1] - square) / (mean[:, :1] - square)
    return ratio


def autocorrelation_time(series: np.ndarray, *, interval: float = 1.0) -> Estimate:
    """Integrated autocorrelation time tau in steps.

    Parameters
    ----------
    series
        (step, replica), stationary, at equal intervals; at least four steps.
    interval
        Steps between recorded values.

    Returns
    -------
    Estimate
        The error comes from leaving out groups of replicas (at most 16; none with fewer than four
        replicas). Not valid where a replica spans fewer than 50 tau, is constant or not finite, or
        where the time is the least that the library can report.

    Raises
    ------
    InputError
        If the shape does not fit, a value is no real number or masked, or `interval` is not
        positive.
    """
    interval = as_positive("interval", interval)
    series = as_series("series", series)
    method = "arviz-stats, error by jackknife over groups of replicas"
    if len(series) < 4:
        return Estimate.refused(f"{len(series)} steps, at least 4 needed", method=method)
    if reason := doubt(series) or stuck(series):
        return Estimate.refused(reason, method=method)
    series = in_units(series)[0]  # the library takes what spreads by less than 1e-15 for constant
    intervals = _integrated_time(series)
    if intervals <= _least_time(series.size):
        cut = (
            f"anticorrelated: the time is at or below {interval * intervals:.3g}, "
            "the least that arviz-stats tells"
        )
        return Estimate.refused(cut, method=method)
    if len(series) < LENGTH_IN_TIMES * intervals:
        spans = (
            f"a replica spans {len(series) / intervals:.3g} autocorrelation times, "
            f"{LENGTH_IN_TIMES} needed"
        )
        return Estimate.refused(spans, value=interval * intervals, method=method)
    error, groups = _group_error(series)
    note = "" if error is not None else "fewer than four replicas: no error"
    in_records = Estimate(
        value=intervals, standard_error=error, n_independent=groups, method=method, note=note
    )
    return in_records.scaled(interval)


def effective_sample_size(series: np.ndarray) -> Estimate:
    """Effective number of independent values in all replicas together, samples / tau.

    Parameters
    ----------
    series
        (step, replica), stationary, at equal intervals.

    Returns
    -------
    Estimate
        Not valid where `autocorrelation_time` is not.
    """
    time = autocorrelation_time(series)
    if time.value is None:
        return time
    size = np.size(series) / time.value
    relative = None if time.standard_error is None else time.standard_error / time.value
    return replace(time, value=size, standard_error=None if relative is None else size * relative)


def as_series(name: str, values: Any, *, replicas: int = 1) -> np.ndarray:
    """Return a series (step, replica) with enough replicas; values need not be finite.

    Raises
    ------
    InputError
        If it has another shape.
    """
    series = as_array(name, values, finite=False)
    fits = series.ndim == 2 and series.shape[0] >= 2 and series.shape[1] >= replicas
    require(fits, name, series.shape, f"must have shape (step, replica), at least (2, {replicas})")
    return series


def doubt(series: np.ndarray) -> str:
    """Why a series (step, replica) says nothing, or an empty string."""
    bad = int(np.count_nonzero(~np.isfinite(series).all(axis=0)))
    if bad:
        return f"{bad} of {series.shape[1]} replicas are not finite"
    return "the series is constant" if np.all(_constant(series.ravel()[:, None])) else ""


def _constant(series: np.ndarray) -> np.ndarray:
    """(replica,) whether a replica does not move by more than rounding."""
    series = in_units(series, axis=0)[0]
    still: np.ndarray = np.ptp(series, axis=0) <= _ROUNDING * np.abs(series).max(axis=0)
    return still


def stuck(series: np.ndarray) -> str:
    """Say that some replicas do not move, or nothing."""
    stuck = int(np.count_nonzero(_constant(series)))
    return f"{stuck} of {series.shape[1]} replicas are constant" if stuck else ""


def _least_time(size: int) -> float:
    """Time at which arviz-stats cuts off, with room for rounding."""
    return (1 + 1e-9) / float(np.log10(size))


def _integrated_time(series: np.ndarray) -> float:
    from arviz_stats.base.array import array_stats

    return float(series.size / array_stats.ess(series.T, method="mean"))


def _group_error(series: np.ndarray) -> tuple[float | None, int | None]:
    """Delete-a-group jackknife error of the integrated time."""
    groups = np.array_split(np.arange(series.shape[1]), min(series.shape[1], _GROUPS))
    count = len(groups)
    if count < 4:
        return None, None
    without = np.array([_integrated_time(np.delete(series, group, axis=1)) for group in groups])
    if (without <= _least_time(series.size - groups[0].size)).any():
        return None, None
    return float(np.sqrt((count - 1) * without.var())), count
