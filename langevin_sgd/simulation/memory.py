"""What of a run fits into memory."""

from __future__ import annotations

import numpy as np

from langevin_sgd.checks import require_memory
from langevin_sgd.simulation.recording import Recording
from langevin_sgd.simulation.timetable import Timetable

BUFFER_BYTES = 2**25
"""Memory that the snapshots of one chunk may take, if more than one snapshot."""


def snapshots_at_once(start: np.ndarray) -> int:
    """Return how many snapshots of position and velocity an engine may hand over together.

    Parameters
    ----------
    start
        (replica, parameter), an array of the size of either.
    """
    return int(max(1, BUFFER_BYTES // (2 * start.nbytes)))


def require_room(recording: Recording, timetable: Timetable, velocity: np.ndarray) -> None:
    """Raise `InputError` unless all records fit into memory, judged by recording the start."""
    block = recording.trial(velocity)
    each = sum(
        values.nbytes
        for recorder in recording.recorders
        for _, values, _ in recorder(block).values()
    )
    totals = sum(
        values.nbytes for _, arrays in recording.accumulators for values in arrays.values()
    )
    steps = len(timetable.schedule)
    # Joining the blocks at the end doubles what was recorded for a moment.
    require_memory("schedule", f"{steps} steps", 2 * each * steps + 2 * totals)
