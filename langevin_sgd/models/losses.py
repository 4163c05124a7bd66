r"""Losses of a predictor o = alpha * (f - f0) at a label y = +-1, with m = y o the margin.

    hinge             max(0, 1 - m)
    quadratic_hinge   max(0, 1 - m)^2
    soft_hinge        x exp(-1/(2x)), x = max(0, 1 - m): infinitely smooth
    square            (o - y)^2 / 2
    logistic          log(1 + exp(-m)), the cross-entropy of two classes

Training uses loss(alpha * (f - f0), y) / alpha, whose gradient in the weights does not grow with
alpha: 1/alpha is the margin asked of f - f0. `pull` is minus the derivative by o. Written so that
NaN stays NaN: a hinge that asked for m < 1 would take a diverged network for a fitted one.

References
----------
Sclocchi, Geiger and Wyart, arXiv 2301.13703 (the factor 1/alpha; the first four losses are those of
their code).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch

Function = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Of outputs and labels, of one shape."""


class Loss(NamedTuple):
    """A loss, minus its derivative by the output, and whether it vanishes from a margin of one
    on.
    """

    value: Function
    pull: Function
    vanishes: bool


_SMALLEST = 1e-3
"""Below this x the soft hinge, x exp(-1/(2x)) < 1e-220, and its derivative are zero in effect."""


def _short(o: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """What is missing to a margin of one; NaN stays NaN."""
    return (1 - y * o).clamp(min=0)


def _soft_value(o: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    x = _short(o, y).clamp(min=_SMALLEST)
    return x * torch.exp(-0.5 / x)


def _soft_pull(o: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    x = _short(o, y).clamp(min=_SMALLEST)
    slope = torch.exp(-0.5 / x) * (1 + 0.5 / x)
    return y * torch.where(x == _SMALLEST, 0, slope)


LOSSES: dict[str, Loss] = {
    "hinge": Loss(_short, lambda o, y: y * ~(y * o >= 1), vanishes=True),
    "quadratic_hinge": Loss(
        lambda o, y: _short(o, y) ** 2, lambda o, y: 2 * y * _short(o, y), vanishes=True
    ),
    "soft_hinge": Loss(_soft_value, _soft_pull, vanishes=True),
    "square": Loss(lambda o, y: (o - y) ** 2 / 2, lambda o, y: y - o, vanishes=False),
    "logistic": Loss(
        lambda o, y: torch.nn.functional.softplus(-y * o),
        lambda o, y: y * torch.sigmoid(-y * o),
        vanishes=False,
    ),
}
