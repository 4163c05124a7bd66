"""A run that is killed or interrupted: nothing stored is computed again, and the bytes are the same in the end."""

import os
import signal
import time

import pytest


def stored(directory):
    """Results by name: bytes and time of writing."""
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in directory.rglob("*.nc")}


def wait_for(directory, count):
    deadline = time.monotonic() + 60
    while len(stored(directory)) < count:
        assert time.monotonic() < deadline, "no result in a minute"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("stores")


def run_patience(start, directory, **options):
    return start("claims", "run", "patience", "--workers", "2", "--results", directory, **options)


def test_kill_and_run_again_ends_in_the_same_bytes(start, command, directory):
    killed = run_patience(start, directory / "killed")
    wait_for(directory / "killed", 2)
    killed.kill()
    killed.communicate()
    time.sleep(1.0)  # workers leave with their parent; one may just be writing
    before = stored(directory / "killed")
    assert 2 <= len(before) < 8

    again = run_patience(start, directory / "killed")
    _, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    after = stored(directory / "killed")
    assert len(after) == 8
    assert before.items() <= after.items()  # the same bytes, written at the same time

    assert command("claims", "run", "patience", "--results", directory / "whole")[0] == 0
    assert {name: data for name, (data, _) in stored(directory / "whole").items()} == {
        name: data for name, (data, _) in after.items()
    }


def test_interrupt_leaves_a_store_that_continues(start, directory):
    process = run_patience(start, directory / "interrupted", start_new_session=True)
    wait_for(directory / "interrupted", 1)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "langevin-sgd: interrupted; the same command continues"
    assert "Traceback" not in err
    assert 1 <= len(stored(directory / "interrupted")) < 8
