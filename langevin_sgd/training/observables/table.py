"""The table of observables, by their short names."""

from __future__ import annotations

from typing import Any

from langevin_sgd.checks import as_choice, as_instance, as_tuple, require
from langevin_sgd.training.observables.interface import Observable
from langevin_sgd.training.observables.kernel_change import KernelChange
from langevin_sgd.training.observables.margins import Margins
from langevin_sgd.training.observables.noise_temperature import NoiseTemperature
from langevin_sgd.training.observables.signal import Signal

OBSERVABLES: dict[str, type[Observable]] = {
    kind.name: kind for kind in (Margins, NoiseTemperature, Signal, KernelChange)
}
"""Short name -> class."""


def as_observables(name: str, record: Any) -> tuple[Observable, ...]:
    """Return observables: one or several, or the short names of some.

    Parameters
    ----------
    name
        Of the argument, for the refusal.
    record
        An observable, a short name, or a sequence of them; none if it is ``None``.

    Raises
    ------
    InputError
        If something else is asked for, or one thing twice.

    Examples
    --------
    >>> as_observables("record", ["margins", KernelChange(points=16)])
    (Margins(), KernelChange(points=16))
    """
    if record is None:
        return ()
    single = isinstance(record, str | Observable)
    given = (record,) if single else as_tuple(name, record, lambda _, value: value, empty=True)
    observables = tuple(_as_observable(name, value) for value in given)
    names = [observable.name for observable in observables]
    require(len(set(names)) == len(names), name, names, "must be different ones")
    return observables


def _as_observable(name: str, value: Any) -> Observable:
    if isinstance(value, str):
        return OBSERVABLES[as_choice(name, value, OBSERVABLES)]()
    return as_instance(name, value, Observable, f"must be one of {', '.join(OBSERVABLES)}")
