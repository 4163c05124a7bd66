"""An address of a scheduler that is none left a client behind that waited for minutes, then gave a
traceback.
"""

import subprocess
import sys

import pytest

import langevin_sgd as ls
from langevin_sgd.sweep import pools

pytest.importorskip("distributed", reason="needs langevin-sgd[cluster]")
NONE = "must be the address of a Dask scheduler, as tcp://HOST:PORT"
ADDRESSES = {
    "127.0.0.1": NONE,
    "": NONE,
    "tcp://": NONE,
    "tcp://:8786": NONE,
    "foo://127.0.0.1:80": NONE,
    "nonsense:x": NONE,
    "tcp://127.0.0.1:99999999": NONE,
    "tls://127.0.0.1:8786": "needs certificates in Dask's configuration",
}


@pytest.mark.parametrize(("address", "message"), ADDRESSES.items(), ids=repr)
def test_what_is_no_address_is_refused_before_a_client_is_made(monkeypatch, address, message):
    monkeypatch.setattr("distributed.Client", None)
    with pytest.raises(ls.InputError, match=f"^scheduler = '.*': {message}$"):
        pools.ClusterPool(address)


@pytest.mark.parametrize("address", [None, 3, ("127.0.0.1", 8786)])
def test_what_is_no_text_is_refused(monkeypatch, address):
    monkeypatch.setattr("distributed.Client", None)
    with pytest.raises(ls.InputError, match="must be the address of a Dask scheduler"):
        pools.ClusterPool(address)


def test_nothing_is_left_that_complains_at_the_end():
    code = (
        "import sys, langevin_sgd as ls\n"
        "from langevin_sgd.sweep.pools import ClusterPool\n"
        "for address in ('127.0.0.1', 'tcp://127.0.0.1:9', '127.0.0.1:9'):\n"
        "    try: ClusterPool(address, patience=0.2)\n"
        "    except ls.InputError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.count("\n") == 3
    assert done.stderr == ""
