"""A run that is killed or interrupted: nothing stored is computed again, and the bytes are the same
in the end.
"""

import os
import signal
import time

import pytest


def stored(directory):
    """Results by name: bytes and time of writing."""
    return {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in directory.rglob("*.nc")
    }


def wait_for(directory, count):
    deadline = time.monotonic() + 60
    while len(stored(directory)) < count:
        assert time.monotonic() < deadline, "no result in a minute"
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def heard():
    """A shell starts what it puts into the background deaf to Ctrl-C, and ``nohup`` to a hang-up,
    and so would be all that the tests start.
    """
    awake = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.getsignal(number) for number in awake}
    for number, handler in awake.items():
        if before[number] is signal.SIG_IGN:
            signal.signal(number, handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("stores")


def run_patience(start, directory, *, endless=False, **options):
    """Start eight naps; if they are endless, but for the first two, no load of the machine can let
    them end in time.
    """
    environment = os.environ | ({"ENDLESS_NAPS": "1"} if endless else {})
    return start(
        "claims",
        "run",
        "patience",
        "--workers",
        "2",
        "--results",
        directory,
        env=environment,
        **options,
    )


def test_kill_and_run_again_ends_in_the_same_bytes(start, command, directory):
    killed = run_patience(start, directory / "killed", endless=True)
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


@pytest.mark.parametrize(
    ("number", "send"),
    [
        (signal.SIGINT, os.killpg),  # Ctrl-C
        (signal.SIGTERM, os.killpg),  # a batch system
        (signal.SIGHUP, os.kill),  # a session that ends
        (signal.SIGHUP, os.killpg),  # a terminal that is closed
    ],
)
def test_interrupt_leaves_a_store_that_continues(start, directory, number, send):
    here = directory / f"{signal.Signals(number).name}-{send.__name__}"
    process = run_patience(start, here, endless=True, start_new_session=True)
    wait_for(here, 1)
    send(process.pid, number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "langevin-sgd: interrupted; the same command continues\n"
    assert 1 <= len(stored(here)) < 8
