"""Computing the tasks of a command, and saying so if some of them failed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langevin_sgd.sweep import Store, Task


def compute(
    tasks: Sequence[Task], store: Store, *, workers: int | None, scheduler: str | None, retry_failed: bool
) -> bool:
    """Compute what the store lacks; return whether all is there, after one line about what failed."""
    from langevin_sgd import sweep

    outcome = sweep.run(tasks, store, workers=workers, scheduler=scheduler, progress=True, retry_failed=retry_failed)
    if outcome.failed:
        reason = next(iter(outcome.failed.values()))
        print(f"langevin-sgd: {len(outcome.failed)} tasks failed: {reason}", file=sys.stderr)
    return not outcome.failed
