"""How the run of one replica ended: one set of codes for every engine.

A result holds them as the variable ``status`` (replica,), with names in the attributes
``flag_values`` and ``flag_meanings`` of the CF conventions.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np

LIMIT = 1e100
"""A coordinate beyond this is a divergence: its square still fits a float64."""


class Status(IntEnum):
    """How a run ended."""

    FINISHED = 0
    """It made all steps that were asked for, or every training point is fitted."""
    STEP_LIMIT = 1
    """It was given up after the most steps allowed, with points still unfit."""
    TIME_LIMIT = 2
    """It was given up after the most seconds allowed."""
    REACHED = 3
    """It ended early, where the fraction of unfit points that was asked for was reached."""
    STUCK = 4
    """Points are unfit, but none of them can change a weight any more."""
    DIVERGED = 5
    """A coordinate was no finite number below `LIMIT`."""


def flags() -> dict[str, Any]:
    """Return the attributes of a variable of statuses."""
    names = " ".join(status.name.lower() for status in Status)
    return {"flag_values": np.array(list(Status), np.int8), "flag_meanings": names}
