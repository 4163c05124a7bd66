"""When a run ends that is not told its number of steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langevin_sgd.checks import as_count, as_fraction, convert_fields


def _as_limit(name: str, value: Any) -> int | None:
    return None if value is None else as_count(name, value)


@dataclass(frozen=True, kw_only=True)
class Stop:
    """An early end of training.

    Parameters
    ----------
    unfit
        Training ends where at most this fraction of the training points is unfit,
        0 <= unfit < 1. By default 0: every point is fitted, the loss of a hinge vanishes.
    max_steps
        Steps after which a replica is given up, >= 1; none by default, for training that is known
        to end.

    Raises
    ------
    InputError
        If a field lies outside its range.

    Examples
    --------
    >>> Stop(max_steps=20_000)
    Stop(unfit=0.0, max_steps=20000)
    """

    unfit: float = 0.0
    max_steps: int | None = None

    def __post_init__(self) -> None:
        convert_fields(self, {"unfit": as_fraction, "max_steps": _as_limit})
