r"""Curvature along an update from forward passes alone, at a finite step and locally.

Along an update u the loss of the same points is

    L(w - h u) = L(w) - h g.u + h^2/2 u.H u - h^3/6 (third derivative) + ...

The step h_c > 0 at which it is back where it was gives the **critical sharpness** 2/h_c. Where the
loss is quadratic up to h_c it is u.H u/(g.u), the local sharpness; in networks the cubic term is of
order one, so that 2/h_c is a quantity of its own. The local curvature is that of a Richardson pair,

    D(h) = 2 (L(w - h u) - L(w) + h g.u)/h^2,     u.H u = 2 D(h/2) - D(h) + O(h^2),

at h = eps^(1/4) h_c, where rounding and what is left of the series are about equal (derived). Their
ratio says how anharmonic the loss is. With u the gradient of a batch, local curvature over |u|^2 is
the term of that batch in batch sharpness.

References
----------
Critical sharpness: arXiv 2601.16979.

Validity: losses at points are subtracted one by one before they are added up, in single precision
or better; a weight of bfloat16 does not notice steps below 2^-8 of it. A network of relu has kinks,
which a finite step crosses: there the local curvature is one over that step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from scipy.optimize import brentq

from langevin_sgd.checks import as_instance, require
from langevin_sgd.curvature.torch_model import TorchModel

_DOUBLINGS = 40
"""Factors of two by which the first step is changed to find the one that brings the loss back."""
_ACCURACY = 1e-6
"""Relative accuracy of h_c."""


class UpdateCurvature(NamedTuple):
    """Curvature of the loss along an update u, in units of 1/lr where u is a gradient."""

    critical_step: float | None
    """h_c; None where no step brings the loss back."""
    slope: float
    """g.u."""
    curvature: float
    """u.H u, local."""
    cubic: float
    """|D(h) - D(h/2)|, what the pair took out: a bound of what it leaves, and of rounding."""

    @property
    def critical_sharpness(self) -> float | None:
        """2/h_c; None where no step brings the loss back."""
        return None if self.critical_step is None else 2 / self.critical_step

    @property
    def local_sharpness(self) -> float:
        """u.H u / (g.u)."""
        return self.curvature / self.slope

    @property
    def anharmonicity(self) -> float | None:
        """Critical over local sharpness, 1 for a quadratic loss; None where either is missing."""
        critical = self.critical_sharpness
        return None if critical is None or not self.curvature else critical / self.local_sharpness


def update_curvature(model: TorchModel, update: torch.Tensor | None = None) -> UpdateCurvature:
    """Measure critical sharpness and local curvature along an update.

    Parameters
    ----------
    model
        Module, loss, and the points whose loss is followed: those of the batch (``model.take``).
    update
        (parameter,) u, the weights move to w - h u; default the gradient of the loss.

    Returns
    -------
    UpdateCurvature

    Raises
    ------
    InputError
        If the loss does not fall along the update, or the weights are in half precision.
    """
    as_instance("model", model, TorchModel)
    precise = model.dtype in (torch.float32, torch.float64)
    require(precise, "model", str(model.dtype), "must be in single precision or better: .float()")
    gradient = model.gradient()
    u = gradient if update is None else model.vector("update", update)
    slope = float(gradient.double() @ u.double())
    require(
        slope > 0,
        "update",
        f"a direction with g.u = {slope:.3g}",
        "must be one along which w - h u lowers the loss: g.u > 0",
    )
    at_rest = model.losses()

    def rise(h: float) -> float:
        change = float((model.losses(h * u) - at_rest).mean())
        return change if math.isfinite(change) else math.inf

    first = max(float(at_rest.mean()), torch.finfo(model.dtype).eps) / slope
    critical = _critical_step(rise, first)
    h = torch.finfo(model.dtype).eps ** 0.25 * (first if critical is None else critical)
    whole, half = (2 * (rise(step) + step * slope) / step**2 for step in (h, h / 2))
    return UpdateCurvature(critical, slope, 2 * half - whole, abs(whole - half))


def _critical_step(rise: Callable[[float], float], first: float) -> float | None:
    """Return the step at which the loss is back, bracketed by factors of two."""
    below = above = first
    falls = rise(first) < 0
    for _ in range(_DOUBLINGS):
        if falls:
            below, above = above, 2 * above
            if rise(above) >= 0:
                break
        else:
            below, above = below / 2, below
            if rise(below) < 0:
                break
    else:
        return None
    cap = abs(rise(below))
    bounded = brentq(lambda h: min(rise(h), cap), below, above, rtol=_ACCURACY, xtol=1e-300)
    return float(bounded)
