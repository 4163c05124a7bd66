"""Whether a computation fits into the memory of the machine or of the device that it runs on."""

from __future__ import annotations

from typing import Any

import torch

from langevin_sgd.checks import require
from langevin_sgd.checks.memory import available_memory


def require_room(
    name: str, value: Any, needed: float, *, device: torch.device, instead: str
) -> None:
    """Refuse what needs more bytes than are free, before anything is allocated.

    Parameters
    ----------
    name, value
        What makes it large, for the refusal.
    needed
        Bytes.
    device
        Where they are needed.
    instead
        The way out, in words.

    Raises
    ------
    InputError
        If more is needed than is free.

    Examples
    --------
    >>> require_room("points", 10, 800.0, device=torch.device("cpu"), instead="take fewer")
    """
    on_cuda = device.type == "cuda"
    free = float(torch.cuda.mem_get_info(device)[0]) if on_cuda else available_memory()
    gibibytes = f"{needed / 2**30:.3g} GiB of memory, {free / 2**30:.3g} GiB are free"
    require(needed <= free, name, value, f"needs at least {gibibytes}: {instead}")
