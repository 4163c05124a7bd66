"""The test error of a perceptron on a fresh sample of its law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from langevin_sgd.checks import as_choice, as_count, as_instance, as_tuple, convert_fields, require


@dataclass(frozen=True, kw_only=True)
class TestError:
    """Test error of a perceptron on fresh points, ``sample_test_error``, at the end.

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
    __test__: ClassVar[bool] = False  # pytest takes a class of this name for tests

    def __post_init__(self) -> None:
        convert_fields(self, {"points": as_count})


def as_test_error(name: str, record: Any) -> TestError | None:
    """Return what is to be measured of a perceptron: the observable, ``test_error``, or nothing.

    Parameters
    ----------
    name
        Of the argument, for the refusal.
    record
        An observable, its short name, a sequence of one of them, or ``None``.

    Raises
    ------
    InputError
        If something else is asked for.

    Examples
    --------
    >>> as_test_error("record", ["test_error"])
    TestError(points=1000)
    """
    if record is None:
        return None
    single = isinstance(record, str | TestError)
    given = (record,) if single else as_tuple(name, record, lambda _, one: one, empty=True)
    require(len(given) <= 1, name, record, "must be one observable")
    for one in given:
        if isinstance(one, str):
            as_choice(name, one, ("test_error",))
            return TestError()
        return as_instance(name, one, TestError)
    return None
