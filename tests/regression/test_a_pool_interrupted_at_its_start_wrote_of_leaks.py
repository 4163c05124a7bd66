"""Whoever interrupts a pool that is just being started leaves locks to a tracker; that it clears
them away had been four lines on stderr, beside the one that says what happened.
"""

import subprocess
import sys

PROGRAM = """
import os, sys
from langevin_sgd.sweep.pools import LocalPool
pool = LocalPool(1)
assert pool.submit(abs, -1).result() == 1
assert os.environ.get("PYTHONWARNINGS") == (sys.argv[1] or None)
from loky.backend.resource_tracker import register
register("/loky-left-behind", "semlock")
pool.close(at_once=True)
"""


def test_what_is_left_to_the_tracker_is_cleared_without_a_word(monkeypatch):
    for before in ("", "ignore:nothing"):
        if before:
            monkeypatch.setenv("PYTHONWARNINGS", before)
        words = [sys.executable, "-c", PROGRAM, before]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")
