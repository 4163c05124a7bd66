r"""Frequency and decay of an oscillating mode, from its autocorrelation function.

    r(n) = e^{-decay n} [cos(frequency n) + b sin(frequency n)]

holds for every underdamped linear mode, of the Langevin equation as of SGD itself (in SGD decay =
-log(momentum)/2). The three parameters are fitted to the measured function by least squares
(iminuit). The error of a lag is taken to grow as 1 - e^{-2 decay n}, from nothing to that of
uncorrelated values (Bartlett): weights from the scatter of a few replicas would scatter themselves
and spoil the errors. The points are correlated, so the errors carry the scatter of the replicas
through the linearised fit ("sandwich" errors) and do not trust the weights. Preferred to the mean
frequency of a spectrum, which the broad background biases upwards.

Range: at least one visible turn within the lags, a few decay times per replica, one mode at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import as_positive, require
from langevin_sgd.estimate import Estimate
from langevin_sgd.measure.autocorrelation import as_series, doubt, lagged_moments, normalised
from langevin_sgd.measure.displacement import as_lags

_UNIT = 0.01
"""Error of long lags in the fit; it sets only how closely the minimum is found."""


@dataclass(frozen=True, kw_only=True)
class Oscillation:
    """Angular frequency and decay rate, both per step."""

    frequency: Estimate
    decay: Estimate


def oscillation(position: np.ndarray, *, lags: np.ndarray, interval: float = 1.0) -> Oscillation:
    """Fit frequency and decay of one mode.

    Parameters
    ----------
    position
        (step, replica), one eigenmode at stationarity, at equal intervals; at least two replicas. A
        velocity serves as well.
    lags
        (lag,), in recorded intervals, 0 < lag < steps; they should cover about one or two decay
        times.
    interval
        Steps between recorded values.

    Returns
    -------
    Oscillation
        Not valid where the autocorrelation never turns negative within the lags, or the fit does
        not converge.

    Raises
    ------
    InputError
        If positions, lags or interval are not as described.
    """
    interval = as_positive("interval", interval)
    require(1 / interval < np.inf, "interval", interval, "must have an inverse")
    series = as_series("position", position, replicas=2)
    lags = as_lags(lags, len(series), minimum=1)
    method = (
        f"damped cosine fitted to the autocorrelation at {len(lags)} lags, errors over replicas"
    )
    if reason := doubt(series):
        return _refused(reason, method)
    correlation, influence = _linearised(lagged_moments(series, lags))
    if correlation.min() >= 0:
        return _refused(
            "the autocorrelation does not turn negative within the lags: no oscillation seen",
            method,
        )
    first, weight = _first_guess(lags, correlation)
    parameters = _fit(lags.astype(float), correlation, first, _UNIT / weight)
    if parameters is None:
        return _refused("the fit of a damped cosine did not converge", method)
    slope = _jacobian(lags, *parameters) * weight[:, None]
    each = (influence * weight) @ np.linalg.pinv(slope).T
    errors = each.std(axis=0, ddof=1) / np.sqrt(len(each))
    frequency, decay = (
        Estimate(value=value, standard_error=error, n_independent=len(each), method=method)
        for value, error in zip(parameters[:2], errors[:2], strict=True)
    )
    return Oscillation(frequency=frequency.scaled(1 / interval), decay=decay.scaled(1 / interval))


def _refused(reason: str, method: str) -> Oscillation:
    refused = Estimate.refused(reason, method=method)
    return Oscillation(frequency=refused, decay=refused)


def _linearised(moments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Autocorrelation (lag,) and what each replica adds to it, to first order, (replica, lag)."""
    mean = moments.mean(axis=0)
    correlation = normalised(mean[None])[0]
    return correlation, (moments[:, 1:-1] - correlation * moments[:, :1]) / mean[0]


def _model(lag: np.ndarray, frequency: float, decay: float, b: float) -> np.ndarray:
    return np.exp(-decay * lag) * (np.cos(frequency * lag) + b * np.sin(frequency * lag))


def _jacobian(lag: np.ndarray, frequency: float, decay: float, b: float) -> np.ndarray:
    """Derivatives of the model by frequency, decay and b, (lag, 3)."""
    envelope, cosine, sine = np.exp(-decay * lag), np.cos(frequency * lag), np.sin(frequency * lag)
    by_frequency = envelope * lag * (b * cosine - sine)
    return np.stack(
        [by_frequency, -lag * _model(lag, frequency, decay, b), envelope * sine], axis=1
    )


def _first_guess(
    lags: np.ndarray, correlation: np.ndarray
) -> tuple[tuple[float, float], np.ndarray]:
    """Frequency and decay to start from, and the weights (lag,) that follow from the decay."""
    # Half a turn takes about as long as the autocorrelation to its deepest point.
    deepest = int(np.argmin(correlation))
    frequency = np.pi / lags[deepest]
    decay = -np.log(min(0.99, -correlation[deepest])) / lags[deepest]
    weight: np.ndarray = 1 / np.sqrt(-np.expm1(-2 * decay * lags))
    return (float(frequency), float(decay)), weight


def _fit(
    lags: np.ndarray, correlation: np.ndarray, first: tuple[float, float], error: np.ndarray
) -> tuple[float, float, float] | None:
    from iminuit import Minuit
    from iminuit.cost import LeastSquares

    fit = Minuit(
        LeastSquares(lags, correlation, error, _model), frequency=first[0], decay=first[1], b=0.0
    )
    fit.limits["frequency"] = (0, None)
    fit.migrad()
    return tuple(fit.values) if fit.valid else None
