"""Settings for which there are closed forms.

Float64 must hold the inverse and the square of their learning rate.
"""

from __future__ import annotations

from langevin_sgd.checks import as_instance, require
from langevin_sgd.sgd_settings import SGD

SMALLEST_LR, LARGEST_LR = 1e-300, 1e150


def as_settings(name: str, value: SGD) -> SGD:
    """Return settings whose learning rate lies between 1e-300 and 1e150.

    Raises
    ------
    InputError
        If it is no `SGD`, or its learning rate lies outside that range.

    Examples
    --------
    >>> as_settings("settings", SGD(lr=0.1, batch_size=1)).lr
    0.1
    """
    settings = as_instance(name, value, SGD)
    allowed = f"must lie between {SMALLEST_LR:g} and {LARGEST_LR:g}"
    require(SMALLEST_LR <= settings.lr <= LARGEST_LR, f"{name}.lr", settings.lr, allowed)
    return settings
