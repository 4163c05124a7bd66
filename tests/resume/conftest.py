"""What tests of the store share."""

import importlib
import sys

import pytest


@pytest.fixture
def forget():
    """Return a function that forgets what was read of sources, and modules by a part of their
    names.
    """

    def forget_now(part):
        importlib.invalidate_caches()
        for name in [name for name in sys.modules if name.startswith("langevin_sgd.sweep.")]:
            for cached in vars(sys.modules[name]).values():
                if hasattr(cached, "cache_clear"):
                    cached.cache_clear()
        for name in [name for name in sys.modules if part in name]:
            del sys.modules[name]

    return forget_now
