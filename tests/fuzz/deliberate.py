"""Calls that break the contract on purpose, each in one way: what the rules and the runner must
notice.
"""

from __future__ import annotations

import ctypes
import time
import warnings
from collections.abc import Callable
from typing import Any

from langevin_sgd.checks import InputError


def gives_nan(lr: float) -> dict[str, float]:
    return {"value": lr * float("nan")}


def warns(lr: float) -> float:
    warnings.warn("overflow", RuntimeWarning, stacklevel=1)
    return lr


def raises(lr: float) -> float:
    return lr + "text"  # type: ignore[operator]


def calls(function: Callable[[], Any]) -> Any:
    return function()


def calls_wrongly(function: Callable[..., Any]) -> Any:
    return function(1, 2, 3)


def takes_anything(lr: Any) -> int:
    return 1


def refuses(lr: Any) -> None:
    raise InputError("lr = 0: must be a positive number")


def refuses_in_two_lines(lr: Any) -> None:
    raise InputError("lr = 0:\nmust be a positive number")


def refuses_namelessly(lr: Any) -> None:
    raise InputError("no")


def computes_without_end(lr: Any) -> None:
    while True:
        pass


def waits_without_end(lr: Any) -> None:
    time.sleep(3600)


def crashes(lr: Any) -> None:
    ctypes.string_at(0)


def fills_the_memory(lr: Any) -> int:
    return len(bytearray(2**45))
