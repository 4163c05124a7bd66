"""Names of the losses of one output, without torch; their functions are in ``losses``."""

from __future__ import annotations

from typing import Literal

LossName = Literal["hinge", "quadratic_hinge", "soft_hinge", "square", "logistic"]
VANISHES: dict[LossName, bool] = {
    "hinge": True,
    "quadratic_hinge": True,
    "soft_hinge": True,
    "square": False,
    "logistic": False,
}
"""Loss -> whether it is zero from a margin of one on, so that a point can be fitted."""
