"""What fits into the memory of this machine."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from langevin_sgd.checks.refusals import require


def require_memory(name: str, value: Any, needed: float) -> None:
    """Refuse what needs more bytes than are free, before anything is allocated.

    Raises
    ------
    InputError
        If more is needed than is free.

    Examples
    --------
    >>> require_memory("replicas", 10, 80.0)
    """
    free = available_memory()
    gibibytes = f"{needed / 2**30:.3g} GiB of memory, {free / 2**30:.3g} GiB are free"
    require(needed <= free, name, value, f"needs at least {gibibytes}")


def available_memory() -> float:
    """Bytes that the operating system can still give; infinite where it does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return 1024.0 * int(
            next(line for line in lines if line.startswith("MemAvailable")).split()[1]
        )
    except (OSError, StopIteration, ValueError):
        return _memory()


def _memory() -> float:
    """Bytes of memory of this machine, free or not; infinite where the system does not tell."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return math.inf
