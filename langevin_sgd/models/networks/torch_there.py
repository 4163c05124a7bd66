"""Whether PyTorch is there, which networks need and nothing else of the package does."""

from __future__ import annotations

from importlib.util import find_spec

from langevin_sgd.checks import InputError


def require_torch() -> None:
    """Raise `InputError` where PyTorch is not installed."""
    if find_spec("torch") is None:
        raise InputError(
            "torch: is not installed, and networks need it: pip install torch "
            "(on a machine without a GPU with --index-url https://download.pytorch.org/whl/cpu)"
        )
