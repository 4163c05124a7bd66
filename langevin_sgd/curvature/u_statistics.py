r"""Moments of noise and curvature of n points, without bias from m of them.

Sums over points i, j, ... of all n run over equal and over distinct ones, and the mean over a
subset estimates only sums over distinct ones without bias. So each sum is split by which of its
points coincide; a part with c distinct points is scaled by n(n-1)...(n-c+1) / m(m-1)...(m-c+1).
With F, C and A as in `alignment` and A_i = A_ii, where all indices below are distinct:

    sum |F_ij|^2     = [F_ii^2] + [F_ij^2]
    |sum_i C_ji|^2   = [C_jj^2] + 2 [C_jj C_ji] + [C_ji^2] + [C_ji C_jk]
    (sum_j A_ij)^2   = [A_i^2] + 2 [A_i A_ij] + [A_ij^2] + [A_ij A_ik]
    (sum A_ij)^2     = [A_i^2] + [A_i A_j] + 4 [A_i A_ij] + 2 [A_i A_jk]
                       + 2 [A_ij^2] + 4 [A_ij A_ik] + [A_ij A_kl]

Putting the m points alone into the formulas for all (plug-in) is wrong by the parts with equal
points, which weigh n/m times too much. (Derived.)
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from langevin_sgd.curvature.alignment import Contractions


class NoiseMoments(NamedTuple):
    """Unbiased estimates for all points; the squares of norms may come out below zero."""

    trace_product: float
    """Of tr(Sigma G)."""
    squared_curvature: float
    """Of |G|_F^2."""
    squared_noise: float
    """Of |Sigma|_F^2."""


def moments_of_subset(subset: Contractions, points: int) -> NoiseMoments:
    """Return estimates for all `points` from the Gram matrices of some of them.

    Parameters
    ----------
    subset
        Of m >= 4 points, drawn without replacement.
    points
        Number n of all points.
    """
    features, crossed, losses = subset
    m = len(losses)
    scale = [math.prod((points - i) / (m - i) for i in range(distinct)) for distinct in range(5)]
    return NoiseMoments(
        trace_product=_trace_product(crossed, points, scale),
        squared_curvature=_split(features.square().sum((1, 3)), scale) / points**2,
        squared_noise=_squared_noise(losses, points, scale),
    )


def _split(entries: torch.Tensor, scale: list[float]) -> float:
    """Sum of entries (point, point), equal and distinct points scaled apart."""
    equal = float(entries.diagonal().sum())
    return scale[1] * equal + scale[2] * (float(entries.sum()) - equal)


def _trace_product(crossed: torch.Tensor, points: int, scale: list[float]) -> float:
    """(1/n^2) sum |C_ji|^2 - (1/n^3) sum_j |sum_i C_ji|^2."""
    squares = crossed.square().sum(1)
    equal = crossed.diagonal(dim1=0, dim2=2).mT
    rest = crossed.sum(2) - equal
    mixed = float((equal * rest).sum())
    distinct = float(squares.sum() - squares.diagonal().sum())
    three = float(rest.square().sum()) - distinct
    whole = _split(squares, scale)
    of_sums = whole + 2 * scale[2] * mixed + scale[3] * three
    return whole / points**2 - of_sums / points**3


def _squared_noise(losses: torch.Tensor, points: int, scale: list[float]) -> float:
    """(1/n^2) [sum A_ij^2 - (2/n) sum_i (sum_j A_ij)^2 + (1/n^2) (sum A_ij)^2]."""
    equal = losses.diagonal()
    apart = losses - torch.diag(equal)
    rows, total, trace = apart.sum(1), apart.sum(), equal.sum()
    one = equal.square().sum()
    pairs = apart.square().sum()
    products = trace**2 - one
    mixed = (equal * rows).sum()
    triples = rows.square().sum() - pairs
    beside = trace * total - 2 * mixed
    quadruples = total**2 - 2 * pairs - 4 * triples
    first = scale[1] * one + scale[2] * pairs
    second = first + 2 * scale[2] * mixed + scale[3] * triples
    third = (
        scale[1] * one
        + scale[2] * (products + 4 * mixed + 2 * pairs)
        + scale[3] * (2 * beside + 4 * triples)
        + scale[4] * quadruples
    )
    return float(first - 2 * second / points + third / points**2) / points**2
