"""Whether PyTorch is there, which networks need and nothing else of the package does."""

from __future__ import annotations

from langevin_sgd.checks import InputError


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
