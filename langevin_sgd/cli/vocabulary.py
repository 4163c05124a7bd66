"""The options of the command for the arguments of the library, by name.

``perceptron`` keeps the letters of Sclocchi, Geiger and Wyart (arXiv 2301.13703).
"""

from __future__ import annotations

_COMMON = {
    "points": "P",
    "batch_size": "B",
    "max_steps": "max-steps",
    "test_points": "test-points",
    "directory": "results",
}

PERCEPTRON = _COMMON | {
    "dimension": "d",
    "temperature": "T",
    "margin": "kappa",
    "signal": "a",
    "noise": "s",
    "points_per_dimension": "P-over-d",
}
"""Argument -> option of ``perceptron``."""

TRAIN = _COMMON | {
    "temperature_per_width": "temperature-per-width",
    "KernelChange.points": "probe-points",
    "replicas": "seeds",
    "name": "data",
    "record": "observe",
}
"""Argument -> option of ``train``."""
