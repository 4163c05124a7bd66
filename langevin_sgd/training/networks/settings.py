"""The numbers of every run of a call: its margin, learning rate, batch size and random numbers.

Runs are all replicas of the first variant, then all of the second, and so on.
"""

from __future__ import annotations

from typing import NamedTuple

from langevin_sgd.models.network_problem import NetworkProblem
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.training.request import RunRequest


class Numbers(NamedTuple):
    """One entry for each run."""

    alpha: list[float]
    settings: list[SGD]
    problems: list[NetworkProblem]
    places: list[int]
    """Place of the replica among those of its variant."""
    draws: list[tuple[int, int]]
    """Seed and number, of which data, initial weights and batches are functions."""


def numbers_of(request: RunRequest) -> Numbers:
    """Give every run its own numbers."""
    replicas = [(place, number) for place, number in enumerate(request.numbers)]
    runs = [(variant, *replica) for variant in request.variants for replica in replicas]
    return Numbers(
        [variant.problem.alpha for variant, _, _ in runs],
        [variant.settings for variant, _, _ in runs],
        [variant.problem for variant, _, _ in runs],
        [place for _, place, _ in runs],
        [(request.seed, number) for _, _, number in runs],
    )
