"""What an engine of training is asked: one frozen value, checked by `langevin_sgd.training.run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langevin_sgd.training.variants import Variant


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """A call of `langevin_sgd.training.run`, as an engine sees it.

    Parameters
    ----------
    variants
        What is trained; one, unless the engine trains variants together.
    vary
        How they came about, for the provenance; ``None`` where nothing is varied.
    numbers
        Numbers of the replicas, contiguous unless the engine takes any.
    steps
        Exact number of steps, of engines that are told one.
    seed
        Of data, initial weights, batches and noise.
    record, schedule, start
        As the user gave them: engines differ in what they take.
    engine
        How it is computed, of the class that the engine has, or ``None`` if it has none.
    checkpoint
        Where the run is kept.
    progress
        Whether a progress bar is shown.
    """

    variants: tuple[Variant, ...]
    vary: Mapping[str, Sequence[Any]] | None
    numbers: Sequence[int]
    steps: int | None
    seed: int
    record: Any
    schedule: Any
    start: Any
    engine: Any
    checkpoint: Path | None
    progress: bool
