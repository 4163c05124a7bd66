"""What fits into the memory of this machine."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from langevin_sgd.checks.refusals import require


def require_memory(
    name: str, value: Any, needed: float, *, free: float | None = None, instead: str = ""
) -> None:
    """Refuse what needs more bytes than are free, before anything is allocated.

    Parameters
    ----------
    name, value
        What makes it large, for the refusal.
    needed
        Bytes.
    free
        Bytes there are; by default what this machine can still give.
    instead
        The way out, in words; none by default.

    Raises
    ------
    InputError
        If more is needed than is free.

    Examples
    --------
    >>> require_memory("replicas", 10, 80.0)
    """
    there = available_memory() if free is None else free
    gibibytes = f"{needed / 2**30:.3g} GiB of memory, {there / 2**30:.3g} GiB are free"
    way_out = f": {instead}" if instead else ""
    require(needed <= there, name, value, f"needs at least {gibibytes}{way_out}")


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
