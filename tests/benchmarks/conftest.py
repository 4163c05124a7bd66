"""Benchmarks run under ``make bench`` only and print ratios taken side by side; nothing is held
against a limit.
"""

import pytest


def pytest_ignore_collect(collection_path, config):
    """Leave this folder out of every other run."""
    return None if config.getoption("--benchmark-only", default=False) else True


class Table:
    """Times of one module, printed when it is done."""

    def __init__(self, title):
        self.title = title
        self.seconds = {}

    def time(self, benchmark, label, function, *, per, rounds=7):
        """Best of `rounds` runs of ``function()``, divided by `per`."""
        benchmark.pedantic(function, rounds=rounds, warmup_rounds=1)
        self.seconds[label] = benchmark.stats.stats.min / per

    def __str__(self):
        reference = next(iter(self.seconds.values()))
        rows = [
            f"{label:<66} {1e9 * seconds:12.1f} ns {seconds / reference:10.2f} x"
            for label, seconds in self.seconds.items()
        ]
        return "\n".join(["", self.title, *rows])


@pytest.fixture(scope="module")
def table(request):
    """Table of the module; its docstring is the title, its first row the unit of the ratios."""
    made = Table(request.module.__doc__)
    yield made
    print(made)
