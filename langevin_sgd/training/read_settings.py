"""What each problem reads of the settings."""

from __future__ import annotations

READ: dict[str, tuple[str, ...]] = {
    "LinearRegression": (
        "lr",
        "batch_size",
        "momentum",
        "weight_decay",
        "dampening",
        "nesterov",
        "sampling",
    ),
    "Perceptron": ("lr", "batch_size", "sampling"),
    "OnePassPerceptron": ("lr", "batch_size"),
    "NetworkProblem": ("lr", "batch_size", "momentum", "weight_decay", "sampling"),
}
"""Problem class -> fields of `langevin_sgd.SGD` by which it is trained; the others must be at their
defaults.
"""
