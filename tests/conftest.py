"""Fixtures for all tests."""

import contextlib
import os
from collections.abc import Iterator

import hypothesis
import pytest

from langevin_sgd.randomness import derive_seed, fresh_seed

# The search for doctests takes every file for a module, and there are several of this name.
collect_ignore_glob = ["*conftest.py"]

# Property tests draw the same examples on every run; a failure is repeated by running the test
# again.
hypothesis.settings.register_profile("package", derandomize=True, deadline=None, max_examples=50)
hypothesis.settings.load_profile("package")

_BASE = fresh_seed() if os.environ.get("LANGEVIN_SGD_FRESH_SEEDS") else 0


def pytest_report_header() -> str:
    return f"seed of the statistical tests: {_BASE}"


@pytest.fixture(scope="session", autouse=True)
def away_from_the_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Work in a temporary folder: a command that takes what it should refuse writes into the
    current one.
    """
    with contextlib.chdir(tmp_path_factory.mktemp("here")):
        yield


@pytest.fixture
def one_torch_thread() -> Iterator[None]:
    """Autograd on small tensors: threads that wait for one another on busy cores take ten times as
    long.
    """
    from langevin_sgd.training.networks import schedule_of_groups as rounds

    with rounds.one_torch_thread():
        yield


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Seed of a statistical test: fixed, its own for every test, and fresh under ``make soak``."""
    return derive_seed(_BASE, request.node.nodeid)
