r"""Alignment of noise and curvature by two estimators, where Gram matrices of all are too large.

From products alone (`alignment_by_products`): with xi_i standard normal,

    z = (1/sqrt n) sum_i (xi_i - mean xi) g_i     has the covariance Sigma,
    E z.G z = tr(Sigma G),    E |G v|^2 = |G|_F^2,    E |Sigma v|^2 = |Sigma|_F^2,

v a vector of random signs, and z is the gradient of a weighted loss: one backward pass, no gradient
at a single point. Relative spread of one probe: about sqrt(2/effective rank).

From Gram matrices of subsets (`alignment_by_subsets`): `u_statistics`, a subset each, without bias
in the three moments.

The moments are unbiased, mu, cosine and size are functions of them: their bias is of the square of
the relative error, which the jackknife over subsets takes out to first order. (Derived.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import as_count, as_instance, as_seed, require
from langevin_sgd.curvature.alignment import contracted
from langevin_sgd.curvature.gram import gram_of_outputs
from langevin_sgd.curvature.operators import gauss_newton, noise_covariance
from langevin_sgd.curvature.probes import gaussian_probes, random_points
from langevin_sgd.curvature.torch_model import TorchModel
from langevin_sgd.curvature.traces import squared_frobenius_norm
from langevin_sgd.curvature.u_statistics import moments_of_subset
from langevin_sgd.estimate import Estimate
from langevin_sgd.measure.jackknife import jackknife
from langevin_sgd.randomness import derive_seed

_LEAST = 4
"""Points of a subset, below which products of four distinct ones cannot be formed."""


@dataclass(frozen=True, kw_only=True)
class AlignmentEstimates:
    """Alignment with standard errors; see `alignment.ModelAlignment` for the exact one.

    Parameters
    ----------
    trace_product, squared_curvature, squared_noise
        tr(Sigma G), |G|_F^2 and |Sigma|_F^2, unbiased.
    mu, cosine, size
        What follows from them and from the loss, which is known exactly.
    """

    trace_product: Estimate
    squared_curvature: Estimate
    squared_noise: Estimate
    mu: Estimate
    cosine: Estimate
    size: Estimate


def alignment_by_products(
    model: TorchModel, *, probes: int = 32, deflate: int = 10, seed: int = 0
) -> AlignmentEstimates:
    """Estimate alignment from products with G and Sigma.

    Parameters
    ----------
    model
        Module, data and loss.
    probes
        Random vectors for each of the three moments; default 32, at least 2.
    deflate
        Eigenvalues of G and of Sigma that are taken out first; default 10.
    seed
        Of the probes.

    Raises
    ------
    InputError
        If an argument lies outside its range, or the loss is zero.
    """
    loss = _loss_of(model)
    probes, seed = as_count("probes", probes, minimum=2), as_seed("seed", seed)
    noise, curvature = noise_covariance(model), gauss_newton(model)
    squared_noise, squared_curvature = (
        squared_frobenius_norm(
            operator, probes=probes, deflate=deflate, seed=derive_seed(seed, operator.name)
        )
        for operator in (noise, curvature)
    )
    gradients = model.output_gradients()
    samples = []
    for probe in range(probes):
        xi = gaussian_probes(model.points, probe, 1, seed, gradients)
        z = model.pulled_back(gradients * (xi - xi.mean()) / math.sqrt(model.points))
        samples.append(float(z.double() @ curvature.of_block(z[:, None])[:, 0].double()))
    product = Estimate.from_samples(samples, method="tr(Sigma G), Gaussian probes of Sigma")
    moments = (product, squared_curvature, squared_noise)
    return AlignmentEstimates(
        trace_product=product,
        squared_curvature=squared_curvature,
        squared_noise=squared_noise,
        mu=_power_law(moments, (1, -1, 0), 2 * loss),
        cosine=_power_law(moments, (1, -0.5, -0.5), 1.0),
        size=_power_law(moments, (0, -0.5, 0.5), 2 * loss),
    )


def alignment_by_subsets(
    model: TorchModel, points: int, *, subsets: int = 16, seed: int = 0
) -> AlignmentEstimates:
    """Estimate alignment from the Gram matrices of random subsets of the points.

    Parameters
    ----------
    model
        Module, data and loss.
    points
        Points m of each subset, from 4 to all.
    subsets
        How many; default 16, at least 2.
    seed
        Of the choice of points.

    Raises
    ------
    InputError
        If an argument lies outside its range, or the loss is zero.
    """
    loss = _loss_of(model)
    require(model.points >= _LEAST, "model", f"{model.points} points", "must have at least 4")
    points = as_count("points", points, minimum=_LEAST, maximum=model.points)
    subsets, seed = as_count("subsets", subsets, minimum=2), as_seed("seed", seed)
    rows = []
    for number in range(subsets):
        part = model.take(random_points(model.points, points, number, seed, "without_replacement"))
        gram, gradients = gram_of_outputs(part), part.output_gradients()
        contractions = contracted(gram, gradients, part.hessian_roots())
        rows.append(moments_of_subset(contractions, model.points))
    samples = np.array(rows)
    method = f"U-statistics of {points} of {model.points} points"
    product, curvature, noise = (Estimate.from_samples(s, method=method) for s in samples.T)

    def ratio(powers: tuple[float, float, float], unit: float) -> Estimate:
        value, error = jackknife(lambda m: (m ** np.array(powers)).prod(-1) / unit, samples)
        return Estimate(
            value=float(value), standard_error=float(error), n_independent=subsets, method=method
        )

    return AlignmentEstimates(
        trace_product=product,
        squared_curvature=curvature,
        squared_noise=noise,
        mu=ratio((1, -1, 0), 2 * loss),
        cosine=ratio((1, -0.5, -0.5), 1.0),
        size=ratio((0, -0.5, 0.5), 2 * loss),
    )


def _loss_of(model: TorchModel) -> float:
    as_instance("model", model, TorchModel)
    require(
        model.loss > 0, "model", "a loss of zero", "alignment is 0/0: move the weights a little"
    )
    return model.loss


def _power_law(moments: tuple[Estimate, ...], powers: tuple[float, ...], unit: float) -> Estimate:
    """Return a product of powers of independent estimates over a unit, with propagated error."""
    value, relative = 1 / unit, 0.0
    for moment, power in zip(moments, powers, strict=True):
        if power == 0:
            continue
        number, error = moment.value, moment.standard_error
        if number is None or error is None or number <= 0:
            return Estimate.refused("a moment came out zero or below: take more probes")
        value *= number**power
        relative += (power * error / number) ** 2
    counts = [moment.n_independent or 0 for moment in moments]
    return Estimate(
        value=value,
        standard_error=abs(value) * math.sqrt(relative),
        n_independent=min(counts),
        method="from independent moments",
    )
