"""The theory at one state, or along the flow, as JSON types.

This is what ``langevin-sgd perceptron theory`` prints.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from langevin_sgd.checks import as_array, require
from langevin_sgd.theory.perceptron.averages import averages
from langevin_sgd.theory.perceptron.flow import flow
from langevin_sgd.theory.perceptron.increments import mean_increments, noise_drift
from langevin_sgd.theory.perceptron.inputs import Array
from langevin_sgd.theory.perceptron.late_stage import exponents, quasi_stationary_noise


def predict_perceptron(
    *,
    chi: float = 0.0,
    temperature: float,
    margin: float,
    signal: float,
    noise: float,
    dimension: int | None = None,
    batch_size: int | None = None,
) -> dict[str, Any]:
    """Averages, drifts, late-stage noise and exponents at one state.

    Parameters
    ----------
    chi, temperature, margin
        Data law, > -1, default 0; T = lr/B >= 0; kappa >= 0.
    signal, noise
        a = w_1/sqrt(d) and s = ||w_perp||/sqrt(d), >= 0.
    dimension, batch_size
        d >= 2 and B >= 1 for the exact increments per step at lr = T * B; both or neither.

    Returns
    -------
    dict
        ``n``, ``g1``, ``gz``, ``q`` (`averages`); ``da_dtau``, ``ds_dtau`` (`increments`;
        ``ds_dtau`` is ``None`` where it is infinite: noise 0 at T > 0); ``noise_quasi_stationary``
        (`late_stage`, whatever the state); ``exponents``:
        ``gamma``, ``b``, ``delta``; ``mean_increments``: ``da`` and ``ds2``, mean changes of a and
        s^2 in a step, or ``None`` without dimension and batch size. No NaN, no infinity.

    Raises
    ------
    InputError
        If an argument is out of range.

    Examples
    --------
    >>> result = predict_perceptron(chi=1, temperature=0.5, margin=0.1, signal=2.0, noise=0.3)
    >>> round(result["n"], 8), result["exponents"], result["mean_increments"]
    (0.00911365, {'gamma': 0.5, 'b': 2.0, 'delta': 1.0}, None)
    """
    require(
        (dimension is None) == (batch_size is None),
        "batch_size",
        batch_size,
        "goes together with dimension",
    )
    state = averages(signal, noise, chi=chi, margin=margin)
    speed = noise_drift(signal, noise, chi=chi, margin=margin, temperature=temperature)
    steps = None
    if dimension is not None and batch_size is not None:
        da, ds2 = mean_increments(
            signal,
            noise,
            chi=chi,
            margin=margin,
            temperature=temperature,
            dimension=dimension,
            batch_size=batch_size,
        )
        steps = {"da": float(da), "ds2": float(ds2)}
    law = exponents(chi)
    return {
        **{name: float(getattr(state, name)) for name in ("n", "g1", "gz", "q")},
        "da_dtau": float(state.g1),
        "ds_dtau": speed if math.isfinite(speed) else None,
        "noise_quasi_stationary": quasi_stationary_noise(
            chi=chi, margin=margin, temperature=temperature
        ),
        "exponents": {"gamma": law.gamma, "b": law.b, "delta": law.delta},
        "mean_increments": steps,
    }


def predict_flow(
    *, chi: float = 0.0, temperature: float, margin: float, tau: float | Sequence[float] | Array
) -> dict[str, list[float]]:
    """Signal and noise at the times tau = lr * steps / d, from a = 0 and s = 1e-3.

    They hold in the limit of large dimension.

    Returns
    -------
    dict
        ``tau``, ``a`` and ``s``: lists of one length, in the order given.

    Examples
    --------
    >>> path = predict_flow(chi=2, temperature=1.0, margin=0.05, tau=[300.0])
    >>> round(path["a"][0], 5), round(path["s"][0], 6)
    (1.31046, 0.284467)
    """
    times = np.atleast_1d(as_array("tau", tau, ndim=(0, 1), minimum=0))
    a, s = flow(times, chi=chi, margin=margin, temperature=temperature)
    return {"tau": times.tolist(), "a": a.tolist(), "s": s.tolist()}
