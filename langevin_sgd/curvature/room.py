"""Whether a computation fits into the memory of the machine or of the device that it runs on."""

from __future__ import annotations

from typing import Any

import torch

from langevin_sgd.checks import require_memory


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
    free = float(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else None
    require_memory(name, value, needed, free=free, instead=instead)
