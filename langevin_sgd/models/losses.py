r"""Losses of networks, with first and second derivatives by the outputs.

One output and a label y = +-1. Of a predictor o = alpha * (f - f0), with m = y o the margin:

    hinge             max(0, 1 - m)
    quadratic_hinge   max(0, 1 - m)^2
    soft_hinge        x exp(-1/(2x)), x = max(0, 1 - m): infinitely smooth
    square            (o - y)^2 / 2
    logistic          log(1 + exp(-m)), the cross-entropy of two classes

Training uses loss(alpha * (f - f0), y) / alpha, whose gradient in the weights does not grow with
alpha: 1/alpha is the margin asked of f - f0. What enters a step is the pull, minus the derivative
by o. Written so that NaN stays NaN: a hinge that asked for m < 1 would take a diverged network for
a fitted one.

Several outputs o_k and the number c of a class, with e its unit vector and p = softmax(o):

    square            |o - e|^2 / 2        gradient o - e    Hessian 1
    cross_entropy     -log p_c             gradient p - e    Hessian diag(p) - p p^T

Training has one output; losses of several are for measuring networks.

References
----------
Sclocchi, Geiger and Wyart, arXiv 2301.13703 (the factor 1/alpha; the first four losses are those of
their code).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from langevin_sgd.checks import InputError
from langevin_sgd.models.loss_names import VANISHES

Function = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Of outputs and labels, of one shape."""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A loss of one output, as functions of outputs and labels +-1 of one shape."""

    value: Function
    pull: Function
    """Minus the first derivative by the output."""
    second_derivative: Function
    """By the output; where the first one jumps, at a margin of one, that of larger margins."""
    vanishes: bool
    """Whether it is zero from a margin of one on, so that a point can be fitted."""

    def derivative(self, o: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """First derivative by the output."""
        return -self.pull(o, y)


# --- hinges ---------------------------------------------------------------------------------------

_SMALLEST = 1e-3
"""Below this x the soft hinge, x exp(-1/(2x)) < 1e-220, and its derivatives are zero in effect."""


def _short(o: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """What is missing to a margin of one; NaN stays NaN."""
    return (1 - y * o).clamp(min=0)


def _unfit(o: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Whether the margin is below one, or NaN."""
    return ~(y * o >= 1)


def _hinge_pull(o: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return y * _unfit(o, y)


def _hinge_second(o: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(o)


def _quadratic_value(o: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return _short(o, y) ** 2


def _quadratic_pull(o: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return 2 * y * _short(o, y)


def _quadratic_second(o: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return 2.0 * _unfit(o, y).to(o.dtype)


def _soft_value(o: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    x = _short(o, y).clamp(min=_SMALLEST)
    return x * torch.exp(-0.5 / x)


def _soft_pull(o: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    x = _short(o, y).clamp(min=_SMALLEST)
    slope = torch.exp(-0.5 / x) * (1 + 0.5 / x)
    return y * torch.where(x == _SMALLEST, 0, slope)


def _soft_second(o: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    x = _short(o, y).clamp(min=_SMALLEST)
    return torch.where(x == _SMALLEST, 0, torch.exp(-0.5 / x) / (4 * x**3))


# --- losses that never vanish ---------------------------------------------------------------------


def _square_value(o: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (o - y) ** 2 / 2


def _square_pull(o: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return y - o


def _square_second(o: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(o)


def _logistic_value(o: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.softplus(-y * o)


def _logistic_pull(o: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return y * torch.sigmoid(-y * o)


def _logistic_second(o: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(o) * torch.sigmoid(-o)


LOSSES: dict[str, Loss] = {
    "hinge": Loss(
        value=_short, pull=_hinge_pull, second_derivative=_hinge_second, vanishes=VANISHES["hinge"]
    ),
    "quadratic_hinge": Loss(
        value=_quadratic_value,
        pull=_quadratic_pull,
        second_derivative=_quadratic_second,
        vanishes=VANISHES["quadratic_hinge"],
    ),
    "soft_hinge": Loss(
        value=_soft_value,
        pull=_soft_pull,
        second_derivative=_soft_second,
        vanishes=VANISHES["soft_hinge"],
    ),
    "square": Loss(
        value=_square_value,
        pull=_square_pull,
        second_derivative=_square_second,
        vanishes=VANISHES["square"],
    ),
    "logistic": Loss(
        value=_logistic_value,
        pull=_logistic_pull,
        second_derivative=_logistic_second,
        vanishes=VANISHES["logistic"],
    ),
}
"""Name -> loss of one output."""


# --- several outputs ------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ClassLoss:
    """A loss of several outputs, (..., class), at numbers of classes, (...) of integers.

    Its Hessian by the outputs is given by its products with vectors (..., class).
    """

    value: Function
    """(...)."""
    gradient: Function
    """(..., class)."""
    hessian_product: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
    """Of outputs, numbers of classes and vectors: (..., class)."""
    vanishes: bool
    """Whether it is zero beyond some margin."""


def unit_vectors(classes: torch.Tensor, o: torch.Tensor) -> torch.Tensor:
    """Return the vectors e (..., class), one at the class of an input and zero elsewhere.

    Parameters
    ----------
    classes
        (...) numbers of classes, from 0 on.
    o
        (..., class) outputs, for shape and type.

    Raises
    ------
    InputError
        If they are no integers, of another shape, or there are no such classes.
    """
    count = o.shape[-1]
    if classes.is_floating_point() or classes.shape != o.shape[:-1]:
        kind = f"{tuple(classes.shape)} of type {classes.dtype}"
        raise InputError(
            f"classes = shape {kind}: must be integers of the shape {tuple(o.shape[:-1])}"
        )
    if bool(((classes < 0) | (classes >= count)).any()):
        raise InputError(f"classes = {classes.flatten()[:5].tolist()}: must be 0 ... {count - 1}")
    return torch.nn.functional.one_hot(classes.long(), count).to(o.dtype)


def _squares_value(o: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    return (o - unit_vectors(classes, o)).square().sum(-1) / 2


def _squares_gradient(o: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    return o - unit_vectors(classes, o)


def _squares_hessian(o: torch.Tensor, classes: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    return vectors.clone()


def _entropy_value(o: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    of_class = (unit_vectors(classes, o) * o).sum(-1)
    return torch.logsumexp(o, -1) - of_class


def _entropy_gradient(o: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    return torch.softmax(o, -1) - unit_vectors(classes, o)


def _entropy_hessian(o: torch.Tensor, classes: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    p = torch.softmax(o, -1)
    mean = (p * vectors).sum(-1, keepdim=True)
    return p * (vectors - mean)


CLASS_LOSSES: dict[str, ClassLoss] = {
    "square": ClassLoss(
        value=_squares_value,
        gradient=_squares_gradient,
        hessian_product=_squares_hessian,
        vanishes=False,
    ),
    "cross_entropy": ClassLoss(
        value=_entropy_value,
        gradient=_entropy_gradient,
        hessian_product=_entropy_hessian,
        vanishes=False,
    ),
}
"""Name -> loss of several outputs."""
