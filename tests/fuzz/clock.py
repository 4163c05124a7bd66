"""Processor time that one case may take; what Numba compiles and what is made once for all cases is
not counted.
"""

from __future__ import annotations

import functools
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

LIMIT = 5.0
"""Seconds of processor time of a case. The kernel of the system ends the process then, whatever
code is running.
"""

Made = TypeVar("Made")


class Clock:
    """A timer of this process that can be stopped."""

    def __init__(self) -> None:
        self._left = 0.0
        self._stops = 0

    @contextmanager
    def running(self, seconds: float = LIMIT) -> Iterator[None]:
        """Run for at most so many seconds."""
        self._set(seconds)
        try:
            yield
        finally:
            self._set(0.0)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Take time out; may be nested."""
        self.stop()
        try:
            yield
        finally:
            self.go_on()

    def stop(self) -> None:
        """Take time out, until as many calls of `go_on`."""
        if self._stops == 0:
            self._left = signal.getitimer(signal.ITIMER_PROF)[0]
            self._set(0.0)
        self._stops += 1

    def go_on(self) -> None:
        """Let the time go on."""
        self._stops -= 1
        if self._stops == 0:
            self._set(self._left)

    def _set(self, seconds: float) -> None:
        signal.setitimer(signal.ITIMER_PROF, seconds)


CLOCK = Clock()


def once(make: Callable[[], Made]) -> Callable[[], Made]:
    """Make an object at the first call, which takes no time of the case that asks for it."""
    kept = functools.lru_cache(maxsize=1)(make)

    @functools.wraps(make)
    def make_once() -> Made:
        with CLOCK.stopped():
            return kept()

    return make_once


def leave_out_compiling() -> None:
    """Stop the clock whenever Numba compiles."""
    from numba.core import event

    class Listener(event.Listener):
        def on_start(self, event: Any) -> None:
            if threading.current_thread() is threading.main_thread():
                CLOCK.stop()

        def on_end(self, event: Any) -> None:
            if threading.current_thread() is threading.main_thread():
                CLOCK.go_on()

    event.register("numba:compile", Listener())
