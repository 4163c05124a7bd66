r"""Activations phi and their mean squares at a standard normal, by which networks divide.

For relu E phi(z)^2 = 1/2, for a linear network 1. For gelu, phi(z) = z Phi(z), it is 1/3 + 1/(2 pi
sqrt(3)):
integrating by parts twice, E[z^2 Phi^2] = E[Phi^2] + 2 E[z Phi p] with p the normal density, where
E[Phi^2] = 1/3, p^2 is 1/(2 sqrt(pi)) times the density of variance 1/2, and under that z Phi has
the mean (1/2) / sqrt(3 pi).
"""

from __future__ import annotations

import math
from typing import Literal

Activation = Literal["relu", "gelu", "linear"]
MEAN_SQUARE: dict[str, float] = {
    "relu": 1 / 2,
    "gelu": 1 / 3 + 1 / (2 * math.pi * math.sqrt(3)),
    "linear": 1.0,
}
"""E phi(z)^2 of a standard normal z."""
