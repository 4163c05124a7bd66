"""Closed-form predictions for linear regression as one JSON document.

This is what ``langevin-sgd predict`` prints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from langevin_sgd.checks import as_array, as_not_negative, require
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.damping import damping_ratio
from langevin_sgd.theory.oscillator_propagator import langevin_oscillators
from langevin_sgd.theory.oscillators import Oscillators
from langevin_sgd.theory.rotation import winding_per_step
from langevin_sgd.theory.settings import as_settings
from langevin_sgd.theory.sgd_map import sgd_oscillators
from langevin_sgd.theory.stability import require_stable
from langevin_sgd.theory.underflow import vanishing
from langevin_sgd.theory.white_noise import bounded


@vanishing
def predict_linear_regression(
    *,
    eigenvalues: Sequence[float] | np.ndarray,
    lr: float,
    momentum: float = 0.0,
    batch_size: int = 1,
    weight_decay: float = 0.0,
    noise_scale: float = 1.0,
    lags: Sequence[int] | np.ndarray = (1, 10, 100),
) -> dict[str, Any]:
    """Stationary moments, rotation and displacement of every mode, by both laws.

    They are those of the Langevin equation and of SGD itself.

    Parameters
    ----------
    eigenvalues
        Hessian eigenvalues, each >= 0, in any order (kept).
    lr, momentum, batch_size, weight_decay
        As in `SGD`; batches with replacement.
    noise_scale
        sigma^2 in Sigma = sigma^2 H, the covariance of one sample's gradient; additive. Default 1.
    lags
        Whole steps, each >= 0.

    Returns
    -------
    dict
        ``modes``: per eigenvalue ``eigenvalue``, ``stiffness``, ``damping_ratio`` (``None`` where
        it is infinite) and, under ``sde`` and ``sgd``, ``var_position``, ``var_velocity``,
        ``cov_position_velocity`` (position theta_k with v_k, the velocity that produced it),
        ``frequency_per_step`` (0 where the mode does not oscillate) and ``winding_rate_per_step``
        (mean advance of atan2(v, omega * theta), negative = clockwise); ``lags``; ``msd``:
        the stationary displacement summed over modes at those lags, under ``sde`` and ``sgd``. No
        NaN, no infinity.

    Raises
    ------
    InputError
        If an argument is out of range, or a mode is beyond the stability limit of SGD.

    Examples
    --------
    >>> result = predict_linear_regression(eigenvalues=[1.0], lr=0.1, lags=[1])
    >>> round(result["modes"][0]["sde"]["var_position"],
    ...     6), round(result["modes"][0]["sgd"]["var_position"], 6)
    (0.05, 0.052632)
    """
    sgd = SGD(lr=lr, batch_size=batch_size, momentum=momentum, weight_decay=weight_decay)
    settings = as_settings("settings", sgd)
    values, steps = _checked(eigenvalues, lags)
    noise_scale = as_not_negative("noise_scale", noise_scale)
    require_stable(settings, values)
    noise = noise_scale * values / settings.batch_size
    stiffness = values + settings.weight_decay
    laws = {
        "sde": langevin_oscillators(settings, stiffness),
        "sgd": sgd_oscillators(settings, stiffness),
    }
    summaries = {name: _summary(oscillators, noise) for name, oscillators in laws.items()}
    modes = []
    for mode, ratio in enumerate(damping_ratio(settings, stiffness)):
        columns = {
            name: {key: float(column[mode]) for key, column in rows.items()}
            for name, rows in summaries.items()
        }
        head = {"eigenvalue": float(values[mode]), "stiffness": float(stiffness[mode])}
        modes.append(
            {**head, "damping_ratio": float(ratio) if np.isfinite(ratio) else None, **columns}
        )
    displacement = {
        name: law.mean_square_displacement(steps, noise).sum(axis=-1).tolist()
        for name, law in laws.items()
    }
    return {"modes": modes, "lags": [int(step) for step in steps], "msd": displacement}


def _summary(oscillators: Oscillators, noise: np.ndarray) -> dict[str, np.ndarray]:
    blocks = bounded(oscillators.stationary(noise))
    return {
        "var_position": blocks[:, 0, 0],
        "var_velocity": blocks[:, 1, 1],
        "cov_position_velocity": blocks[:, 0, 1],
        "frequency_per_step": oscillators.frequency,
        "winding_rate_per_step": winding_per_step(oscillators) + 0.0,
    }


def _checked(
    eigenvalues: Sequence[float] | np.ndarray, lags: Sequence[int] | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    allowed = "must be a list of numbers of zero or above"
    values = as_array("eigenvalues", eigenvalues, minimum=0, allowed=allowed)
    require(values.ndim == 1 and values.size > 0, "eigenvalues", eigenvalues, allowed)
    allowed = "must be a list of whole numbers of zero or above"
    steps = as_array("lags", lags, minimum=0, allowed=allowed)
    whole = steps.ndim == 1 and steps.size > 0 and bool((steps == np.floor(steps)).all())
    require(whole, "lags", lags, allowed)
    return values, steps
