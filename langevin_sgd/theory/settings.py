"""Settings for which there are closed forms.

Float64 must hold the inverse and the square of their learning rate.
"""

from __future__ import annotations

from langevin_sgd.checks import InputError, as_instance, require
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


def noise_factor(settings: SGD, samples: int | None) -> float:
    """Covariance of a batch gradient over the covariance of one sample's gradient.

        1/B (with replacement)   or   (N-B) / (B (N-1)) (distinct samples in a batch),

    the second the variance of a mean of B of N items drawn without replacement.

    Parameters
    ----------
    settings
        Batch size and sampling; the rest does not matter.
    samples
        Number of samples N; None for a problem without data.

    Raises
    ------
    InputError
        If batches are drawn without replacement (or in epochs) from a problem without data, or of
        too few samples.

    Examples
    --------
    >>> noise_factor(SGD(lr=0.1, batch_size=2, sampling="without_replacement"), 5)
    0.375
    """
    size = settings.batch_size
    if settings.sampling == "with_replacement":
        return 1 / size
    if samples is None:
        raise InputError(
            f"sampling = {settings.sampling!r}: "
            "needs a problem with data, this one is a spectrum only"
        )
    if size > samples:
        raise InputError(f"batch_size = {size}: must not exceed the {samples} samples of the data")
    return (samples - size) / (size * (samples - 1)) if samples > 1 else 0.0
