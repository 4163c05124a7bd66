r"""Curvature of the loss of a minibatch along its own gradient, in the conventions in use.

With g_b and H_b the gradient and Hessian of the loss of a batch b, means over batches, g and H
those of all points, and L the loss:

    mean_of_ratios    E[g_b.H_b g_b / |g_b|^2]        the batch sharpness of the paper
    ratio_of_means    E[g_b.H_b g_b] / E|g_b|^2
    criticality       E|g_b|^2 / (2 L)                square loss; E[d.H d] = 2 L at interpolation
    interaction       E[g_b.H g_b] / |g|^2            gradient-noise interaction, with the full H

At the edge of stability in mean square the third one, and no other, is exactly 2/lr (over the
critical second moment, features frozen); at batches of one point of a linear model the first is the
trace of the Hessian, and at the full batch the three first are at most its largest eigenvalue.
(Derived; measured in units of 1/lr.) All are undefined where residuals are zero.

References
----------
Andreyev and Beneventano, arXiv 2412.20553.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from langevin_sgd.checks import as_choice, as_count, as_flag, as_instance, as_seed
from langevin_sgd.curvature.operators import hessian
from langevin_sgd.curvature.probes import random_points
from langevin_sgd.curvature.torch_model import TorchModel
from langevin_sgd.estimate import Estimate
from langevin_sgd.measure.jackknife import jackknife
from langevin_sgd.sgd_settings import INDEPENDENT


@dataclass(frozen=True, kw_only=True)
class SampledBatchSharpness:
    """Batch sharpness in the conventions of this module, in units of 1/lr."""

    mean_of_ratios: Estimate
    ratio_of_means: Estimate
    criticality: Estimate
    interaction: Estimate


def batch_sharpness(
    model: TorchModel,
    batch_size: int,
    *,
    batches: int = 64,
    sampling: str = "without_replacement",
    interaction: bool = False,
    seed: int = 0,
) -> SampledBatchSharpness:
    """Measure batch sharpness over random batches.

    Parameters
    ----------
    model
        Module, data and loss.
    batch_size
        Points B of a batch.
    batches
        How many; default 64, at least 2.
    sampling
        ``without_replacement`` (default; distinct points in a batch) or ``with_replacement``.
    interaction
        Whether to measure the gradient-noise interaction too, which takes a product with the
        Hessian of all points for each batch; default False.
    seed
        Of the choice of batches.

    Returns
    -------
    SampledBatchSharpness
        Estimates over batches; one that was not measured is not valid and says why.

    Raises
    ------
    InputError
        If an argument lies outside its range.
    """
    as_instance("model", model, TorchModel)
    as_choice("sampling", sampling, INDEPENDENT)
    most = model.points if sampling == "without_replacement" else None
    size = as_count("batch_size", batch_size, maximum=most)
    count, seed = as_count("batches", batches, minimum=2), as_seed("seed", seed)
    with_full = as_flag("interaction", interaction)
    of_all = hessian(model) if with_full else None
    rows = []
    for number in range(count):
        part = model.take(random_points(model.points, size, number, seed, sampling))
        gradient = part.gradient()
        block = gradient[:, None]
        own = _along(gradient, hessian(part).of_block(block))
        full = 0.0 if of_all is None else _along(gradient, of_all.of_block(block))
        rows.append((own, float(gradient.double().square().sum()), full))
    own, squares, full = np.array(rows).T
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = own / squares
    method = f"{count} batches of {size}, {sampling.replace('_', ' ')}"
    return SampledBatchSharpness(
        mean_of_ratios=Estimate.from_samples(ratios, method=method),
        ratio_of_means=_ratio(own, squares, method),
        criticality=_criticality(model, squares, method),
        interaction=_interaction(model, full, method)
        if with_full
        else Estimate.refused("not asked for: interaction=True", method=method),
    )


def _along(gradient: torch.Tensor, product: torch.Tensor) -> float:
    return float(gradient.double() @ product[:, 0].double())


def _ratio(numerator: np.ndarray, denominator: np.ndarray, method: str) -> Estimate:
    value, error = jackknife(
        lambda means: means[..., 0] / means[..., 1], np.stack([numerator, denominator], 1)
    )
    return Estimate(
        value=float(value),
        standard_error=float(error),
        n_independent=len(numerator),
        method=method,
    )


def _criticality(model: TorchModel, squares: np.ndarray, method: str) -> Estimate:
    if model.loss_name != "square":
        return Estimate.refused("2 L is d.H d for the square loss only", method=method)
    if model.loss == 0:
        return Estimate.refused("the loss is zero", method=method)
    return Estimate.from_samples(squares / (2 * model.loss), method=method)


def _interaction(model: TorchModel, full: np.ndarray, method: str) -> Estimate:
    square = float(model.gradient().double().square().sum())
    if square == 0:
        return Estimate.refused("the gradient of all points is zero", method=method)
    return Estimate.from_samples(full / square, method=method)
