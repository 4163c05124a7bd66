"""The one loop that everything runs in: go on from a checkpoint, advance, keep, show progress.

Whatever happens, Ctrl-C or an error, the last state that could be kept is left in the checkpoint.
"""

from __future__ import annotations

import time

import numpy as np

from langevin_sgd.simulation.checkpoint import Checkpoint
from langevin_sgd.simulation.engine import Workload

own_rounding = np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")
"""Decorator: arithmetic as NumPy comes, so that what dies out may underflow whatever the caller's
`numpy.seterr`.
"""


def drive(
    workload: Workload, *, checkpoint: Checkpoint | None = None, progress: bool = False
) -> None:
    """Run a workload to its end.

    Parameters
    ----------
    workload
        At its beginning.
    checkpoint
        A file from which the run goes on if it is there, and which follows it.
    progress
        Whether to show a progress bar on stderr.

    Raises
    ------
    InputError
        If the checkpoint is damaged, or of another run.
    """
    if checkpoint is not None:
        checkpoint.resume(workload)
    try:
        _advance_to_the_end(workload, checkpoint, progress=progress)
    finally:
        if checkpoint is not None:
            checkpoint.write()


def _advance_to_the_end(
    workload: Workload, checkpoint: Checkpoint | None, *, progress: bool
) -> None:
    from tqdm import tqdm

    kept_at = time.monotonic()
    with tqdm(
        total=workload.total, initial=workload.done, unit=workload.unit, disable=not progress
    ) as bar:
        while workload.done < workload.total:
            due = time.monotonic() - kept_at >= workload.keep_every
            workload.advance(keeping=checkpoint is not None and due)
            bar.update(workload.done - bar.n)
            if checkpoint is not None and due and checkpoint.note(workload):
                kept_at = time.monotonic()
    if checkpoint is not None:
        checkpoint.note(workload)
