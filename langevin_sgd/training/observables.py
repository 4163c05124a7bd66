"""What is measured of perceptrons and networks beside their losses and errors: values for `record`.

They are measured on the schedule, if there is one, and at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langevin_sgd.checks import as_choice, as_count, as_tuple, convert_fields, require


@dataclass(frozen=True)
class Margins:
    """Margins y o of a network: ``mean_margin`` and ``margin`` (..., margin_quantile), and
    ``test_...`` of both where there are test points.
    """


@dataclass(frozen=True)
class NoiseTemperature:
    """Temperature of the noise of SGD on a network: ``gradient_noise`` and ``noise_temperature``;
    as costly as two steps on all points.
    """


@dataclass(frozen=True)
class Signal:
    """Change of the weights of a network along the mean gradient over test points, and across it:
    ``signal`` and ``noise``.
    """


@dataclass(frozen=True, kw_only=True)
class KernelChange:
    """Change of the tangent kernel of a network, ``kernel_change``, at the end.

    Parameters
    ----------
    points
        Points, the first of the test set (of the training set if there is none), on which the
        kernel is compared before and after; 64 by default.

    Raises
    ------
    InputError
        If there are not 1 or more points.

    Examples
    --------
    >>> KernelChange(points=16)
    KernelChange(points=16)
    """

    points: int = 64

    def __post_init__(self) -> None:
        convert_fields(self, {"points": as_count})


@dataclass(frozen=True, kw_only=True)
class TestError:
    """Test error of a perceptron, ``sample_test_error``, at the end.

    Parameters
    ----------
    points
        Points of a fresh sample of the law; 1000 by default.

    Raises
    ------
    InputError
        If there are not 1 or more points.

    Examples
    --------
    >>> TestError().points
    1000
    """

    points: int = 1000

    def __post_init__(self) -> None:
        convert_fields(self, {"points": as_count})


Observable = Margins | NoiseTemperature | Signal | KernelChange | TestError


OF_NETWORKS: dict[str, Observable] = {
    "margins": Margins(),
    "noise_temperature": NoiseTemperature(),
    "signal": Signal(),
    "kernel": KernelChange(),
}
"""What can be recorded of networks, by short names."""


def observables(name: str, record: Any, known: Mapping[str, Observable]) -> tuple[Observable, ...]:
    """Return what is to be measured, one observable, a short name, or a sequence of them.

    Parameters
    ----------
    name
        Of the argument, for the refusal.
    record
        What the user asks for; nothing if ``None``.
    known
        Observables that can be measured there, by short names.

    Raises
    ------
    InputError
        If something else is asked for.

    Examples
    --------
    >>> observables("record", ["margins"], {"margins": Margins()})
    (Margins(),)
    """
    if record is None:
        return ()
    single = isinstance(record, str | Observable)
    given = (record,) if single else as_tuple(name, record, lambda _, one: one, empty=True)
    return tuple(_observable(name, one, known) for one in given)


def _observable(name: str, value: Any, known: Mapping[str, Observable]) -> Observable:
    if isinstance(value, str):
        return known[as_choice(name, value, known)]
    kinds = tuple(type(one) for one in known.values())
    names = ", ".join(f"{kind.__name__}(...)" for kind in kinds)
    require(isinstance(value, kinds), name, value, f"must be one of {names}, or a short name")
    found: Observable = value
    return found
