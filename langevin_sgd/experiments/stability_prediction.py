"""Table of the stability of SGD at a minimum that fits every sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langevin_sgd.estimate import format_with_error
from langevin_sgd.plotting.table import Table

_WORDS = {
    "lr_threshold": "largest stable lr, mean square",
    "lr_threshold_gd": "largest stable lr, mean (gradient descent)",
    "growth_rate": "growth of the mean loss per step at lr",
    "frobenius_bound_lr": "bound 1/(||G|| sqrt(p mu_min)) on lr, plain SGD",
    "mu_min": "smallest alignment mu over residuals",
    "mu_max": "largest alignment mu over residuals",
    "frobenius_g": "||G||, Frobenius",
    "mu": "alignment mu at the residuals",
    "alignment_cosine": "its direction, a cosine",
    "alignment_size": "its size",
    "trace_sigma_g": "Tr(Sigma G)",
    "mean_of_ratio": "batch sharpness, mean of the ratio",
    "ratio_of_means": "batch sharpness, ratio of the means",
}


def stability_table(document: Mapping[str, Any]) -> Table:
    """Return the numbers of `langevin_sgd.theory.stability.predict.predict_stability` in words."""
    sharpness = document.get("batch_sharpness", {})
    numbers = {**document, **sharpness}
    rows = [
        [words, _written(numbers[name], numbers.get(f"{name}_standard_error"))]
        for name, words in _WORDS.items()
        if name in numbers
    ]
    return Table(["quantity", "value"], rows, [1])


def _written(value: float | None, error: float | None) -> str:
    return "none" if value is None else format_with_error(value, error)
