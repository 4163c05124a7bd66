"""Stability of SGD at an interpolating minimum as one JSON document.

This is what ``langevin-sgd predict stability`` prints.
"""

from __future__ import annotations

from typing import Any

from langevin_sgd.checks import as_choice, as_seed, require
from langevin_sgd.sgd_settings import INDEPENDENT, SGD, Sampling
from langevin_sgd.theory.stability.alignment import alignment, alignment_range
from langevin_sgd.theory.stability.batch_sharpness import batch_sharpness
from langevin_sgd.theory.stability.bounds import frobenius_bound_lr
from langevin_sgd.theory.stability.edge import edge_lr, growth_factor, mean_edge_lr
from langevin_sgd.theory.stability.minimum import InterpolatingMinimum
from langevin_sgd.theory.underflow import vanishing


@vanishing
def predict_stability(
    *,
    features: Any,
    batch_size: int,
    sampling: Sampling = "with_replacement",
    momentum: float = 0.0,
    nesterov: bool = False,
    lr: float | None = None,
    residuals: Any = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Edge of stability, growth of the loss beside it, alignment of the noise.

    The loss is (1/2n) sum_i |r_i|^2; the features are frozen at a minimum that fits every sample.

    Parameters
    ----------
    features
        (n, d) or (n, k, d), d f(x_i) / d theta.
    batch_size
        1 to n.
    sampling
        ``with_replacement`` (default) or ``without_replacement``.
    momentum, nesterov
        As in `SGD`.
    lr
        Where the growth rate is wanted; default nowhere.
    residuals
        (n,) or (n, k), for the numbers that depend on them; default none of those.
    seed
        Of random batches, where there are too many to enumerate; default 0.

    Returns
    -------
    dict
        ``lr_threshold`` (mean square), ``lr_threshold_gd`` (mean), ``growth_rate`` (factor per step
        of E L at `lr`, or None), ``frobenius_bound_lr`` (of plain SGD; None without noise),
        ``mu_min``, ``mu_max``, ``frobenius_g`` and, with residuals, ``mu``, ``alignment_cosine``
        (None without noise), ``alignment_size``, ``trace_sigma_g`` and ``batch_sharpness`` with
        ``mean_of_ratio`` and ``ratio_of_means``, and the standard errors of both where batches were
        drawn. No NaN, no infinity.

    Raises
    ------
    InputError
        If an argument is out of range.

    Examples
    --------
    >>> found = predict_stability(features=[[1.0], [1.0]], batch_size=1, lr=0.5)
    >>> round(found["lr_threshold"], 6), round(found["growth_rate"], 6)
    (2.0, 0.25)
    """
    sampling = as_choice("sampling", sampling, INDEPENDENT)
    seed = as_seed("seed", seed)
    settings = SGD(
        lr=1.0 if lr is None else lr,
        batch_size=batch_size,
        momentum=momentum,
        nesterov=nesterov,
        sampling=sampling,
    )
    minimum = InterpolatingMinimum.from_features(features)
    fits = settings.batch_size <= minimum.samples
    allowed = f"must be at most the {minimum.samples} samples of the features"
    require(fits, "batch_size", batch_size, allowed)
    growth = None if lr is None else growth_factor(minimum, settings)
    mu_min, mu_max = alignment_range(minimum)
    document: dict[str, Any] = {
        "lr_threshold": edge_lr(minimum, settings),
        "lr_threshold_gd": mean_edge_lr(minimum, settings),
        "growth_rate": growth,
        "frobenius_bound_lr": frobenius_bound_lr(minimum, settings, mu=mu_min),
        "mu_min": mu_min,
        "mu_max": mu_max,
        "frobenius_g": minimum.frobenius_norm,
    }
    if residuals is not None:
        document |= _at_residuals(minimum, settings, residuals, seed)
    return document


def _at_residuals(
    minimum: InterpolatingMinimum, settings: SGD, residuals: Any, seed: int
) -> dict[str, Any]:
    found = alignment(minimum, residuals)
    sharpness = batch_sharpness(minimum, settings, residuals, seed=seed)
    conventions = {
        "mean_of_ratio": sharpness.mean_of_ratio,
        "ratio_of_means": sharpness.ratio_of_means,
    }
    numbers = {name: estimate.value for name, estimate in conventions.items()}
    if not sharpness.exact:
        numbers |= {
            f"{name}_standard_error": estimate.standard_error
            for name, estimate in conventions.items()
        }
    return {
        "mu": found.mu,
        "alignment_cosine": found.cosine,
        "alignment_size": found.size,
        "trace_sigma_g": found.trace_sigma_g,
        "batch_sharpness": numbers,
    }
