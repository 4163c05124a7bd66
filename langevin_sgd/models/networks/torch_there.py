"""Whether PyTorch, which only networks need, is installed, and the names of its devices."""

from __future__ import annotations

import re
from typing import Any

from langevin_sgd.checks import InputError, require


def as_device(name: str, value: Any) -> str:
    """Return the name of a device, whether it is there or not.

    Examples
    --------
    >>> as_device("device", "cuda:1")
    'cuda:1'
    """
    known = isinstance(value, str) and re.fullmatch(r"cpu|cuda(:\d{1,3})?", value) is not None
    require(known, name, value, "must be cpu or cuda (or cuda:1, its number)")
    return str(value)


def require_torch() -> None:
    """Raise `InputError` where PyTorch is not installed, or cannot be imported."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        reason = " ".join(str(error).split())[:80]
        raise InputError(
            f"torch: is not installed ({reason}), and networks need it: pip install torch "
            "(on a machine without a GPU with --index-url https://download.pytorch.org/whl/cpu)"
        ) from None
