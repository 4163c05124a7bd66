r"""Online regression on Gaussian inputs: the stationary state in closed form.

The noise is that of SGD in full, as it depends on the state.

Inputs x ~ N(0, H), label noise sigma^2, every sample fresh. With B = E u u^T about the minimiser
(Wick's theorem)

    Sigma = sigma^2 H + H tr(H B) + H B H ,

and, with w_l = lr (1+beta) / ((1-beta) h_l (2 (1+beta) - lr h_l)) and u_l = w_l h_l^2 / S, beta the
momentum,

    F = sum_l u_l / (1 - u_l),   excess = sum_l h_l Var theta_l = sigma^2 F / (1 - F),
    Var theta_l = w_l h_l (excess + sigma^2) / (S (1 - u_l)) .

Derived: white noise of variance q_l gives Var theta_l = w_l q_l, closed by q_l from Sigma. Exact
for heavy-ball SGD without weight decay; SGD diverges in the mean square as F reaches one. Additive
noise is the limit F << 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import InputError, as_array, as_not_negative, require
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.settings import as_settings
from langevin_sgd.theory.sgd_map import sgd_oscillators
from langevin_sgd.theory.stability import require_stable
from langevin_sgd.theory.stability.gaussian_stream import total_feedback
from langevin_sgd.theory.underflow import vanishing


@dataclass(frozen=True, eq=False)
class GaussianInputLaw:
    """Stationary state of online SGD on Gaussian inputs.

    Parameters
    ----------
    feedback
        F, below one.
    excess
        Twice the excess loss: sum of eigenvalue * variance.
    variances
        (eigenmode,), stationary variances of the positions.
    """

    feedback: float
    excess: float
    variances: np.ndarray


@vanishing
def gaussian_input_law(
    eigenvalues: np.ndarray, settings: SGD, *, noise_scale: float = 1.0
) -> GaussianInputLaw:
    """Solve for the stationary state of SGD on Gaussian inputs.

    Parameters
    ----------
    eigenvalues
        (eigenmode,), variances of the inputs along their principal axes, each > 0.
    settings
        Plain momentum, no weight decay.
    noise_scale
        Variance sigma^2 of the label noise.

    Raises
    ------
    InputError
        If an argument is out of range, the settings are others, or SGD diverges in the mean square.
    """
    settings, values = (
        as_settings("settings", settings),
        as_array("eigenvalues", eigenvalues, ndim=1),
    )
    positive = values.size > 0 and bool((values > 0).all())
    require(positive, "eigenvalues", eigenvalues, "must be a list of numbers above zero")
    noise_scale = as_not_negative("noise_scale", noise_scale)
    if settings.weight_decay or settings.nesterov or settings.dampening:
        raise InputError(
            "settings: the law for Gaussian inputs is for plain momentum without weight decay"
        )
    require_stable(settings, values)
    response = sgd_oscillators(settings, values).stationary(np.ones_like(values))[:, 0, 0]
    own_feedback = response * values**2 / settings.batch_size
    feedback = total_feedback(own_feedback)
    if feedback >= 1:
        raise InputError(
            f"lr = {settings.lr:g}: "
            f"SGD on Gaussian inputs diverges in the mean square, F = {feedback:.4g}"
        )
    excess = noise_scale * feedback / (1 - feedback)
    variances = (
        response * values * (excess + noise_scale) / (settings.batch_size * (1 - own_feedback))
    )
    return GaussianInputLaw(feedback, excess, variances)
