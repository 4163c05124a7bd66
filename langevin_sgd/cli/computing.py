"""Computing the tasks of a command, saying so if some of them failed, and what is needed for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from langevin_sgd.checks import InputError
from langevin_sgd.plotting.table import one_line

if TYPE_CHECKING:
    from langevin_sgd.sweep import Store, Task


def compute(
    tasks: Sequence[Task],
    store: Store,
    *,
    workers: int | None,
    scheduler: str | None,
    retry_failed: bool,
) -> list[dict[str, Any]]:
    """Compute what the store lacks; report and return the tasks that failed, with their errors."""
    from langevin_sgd import sweep

    outcome = sweep.run(
        tasks, store, workers=workers, scheduler=scheduler, progress=True, retry_failed=retry_failed
    )
    if outcome.failed:
        reason = one_line(next(iter(outcome.failed.values())))
        print(f"langevin-sgd: {len(outcome.failed)} tasks failed: {reason}", file=sys.stderr)
    return [
        {"task": task.name, "settings": json.loads(task.settings), "error": error}
        for task, error in outcome.failed.items()
    ]


def require_torch() -> None:
    """Raise `InputError` where PyTorch, which only networks need, is not installed."""
    try:
        there = find_spec("torch") is not None
    except ValueError:  # it was taken out of reach on purpose
        there = False
    if not there:
        raise InputError("networks need PyTorch, which is not installed: pip install torch")
