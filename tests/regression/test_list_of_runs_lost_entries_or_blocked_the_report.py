"""``claims.json``: runs at the same time keep each other's entries, and what cannot be understood
blocks nothing.
"""

import json
import subprocess
import sys

import pytest

import langevin_sgd as ls
from langevin_sgd.claims import Comparison
from langevin_sgd.claims.runner import judge_stored, run
from langevin_sgd.sweep import Store


class Nothing(ls.claims.Claim):
    """A claim that needs no data."""

    id, paper, tiers = "nothing", "tests", ("quick", "full")
    title = statement = formula = source = validity = control_statement = "text"

    def tasks(self, tier, seed):
        return {}

    def comparisons(self, tier):
        estimate = ls.Estimate(value=1.0, standard_error=0.01)
        rivals = {"rival": 2.0}
        return [
            Comparison(
                name="a", prediction=1.0, rivals=rivals, wrong=3.0, measure=lambda data: estimate
            )
        ]

    def panels(self, data, tier):
        return []


class Other(Nothing):
    id = "other"


RUNS_OF_ONE_PROCESS = """
import pathlib, sys, time
from langevin_sgd.claims.runs import remember
from langevin_sgd.sweep import Store
here, name, others = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
(here / f"ready-{name}").touch()
while len(list(here.glob("ready-*"))) < others:
    time.sleep(0.01)
for number in range(40):
    remember(Store(here / "results"),
        {f"tests/{name}{number}": {"quick": {"seed": number, "device": "cpu"}}})
"""


def test_runs_at_the_same_time_keep_the_entries_of_each_other(tmp_path):
    names = ["a", "b", "c"]
    words = [
        [sys.executable, "-P", "-c", RUNS_OF_ONE_PROCESS, str(tmp_path), name, str(len(names))]
        for name in names
    ]
    started = [subprocess.Popen(line, stderr=subprocess.PIPE, text=True) for line in words]
    for process in started:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    known = json.loads((tmp_path / "results" / "claims.json").read_text())
    assert known == {
        f"tests/{name}{number}": {"quick": {"seed": number, "device": "cpu"}}
        for name in names
        for number in range(40)
    }


@pytest.mark.parametrize(
    "content",
    [
        *("[]", "null", "3", '"x"', "{", "", "\udcff", "[" * 100_000, '{"tests/nothing": 3}'),
        *('{"tests/nothing": {"quick": 3}}', '{"tests/nothing": {"quick": {"seed": -1}}}'),
        '{"tests/nothing": {"quick": {"seed": 0, "colour": 1}}}',
        '{"tests/nothing": {"quack": {"seed": 0}}}',
        '{"tests/nothing": {"quick": {"seed": 0, "device": 3}}}',
    ],
)
def test_a_list_of_another_shape_is_one_line_and_blocks_nothing(tmp_path, caplog, content):
    store, file = Store(tmp_path), tmp_path / "claims.json"
    run([Other()], store)
    good = json.loads(file.read_text())
    try:
        damaged = json.dumps(good | json.loads(content))
    except (ValueError, TypeError, RecursionError):
        damaged = content
    file.write_bytes(damaged.encode("utf-8", "surrogateescape"))
    caplog.clear()
    judged = {one.claim.id: one.verdict for one in judge_stored(store, claims=[Nothing(), Other()])}
    assert judged["nothing"] == "not_run"
    assert judged["other"] == ("not_run" if damaged == content else "supported")
    assert len(caplog.messages) == 1
    assert "\n" not in caplog.messages[0]
    assert "claims.json" in caplog.messages[0]
    run([Nothing()], store)
    assert json.loads(file.read_text())["tests/nothing"]["quick"] == {"seed": 0, "device": "cpu"}


def test_other_tiers_and_claims_stay_in_the_list(tmp_path):
    run([Nothing(), Other()], Store(tmp_path), seed=1)
    run([Nothing()], Store(tmp_path), tier="full", seed=2)
    one, two = ({"seed": seed, "device": "cpu"} for seed in (1, 2))
    known = json.loads((tmp_path / "claims.json").read_text())
    assert known == {"tests/nothing": {"quick": one, "full": two}, "tests/other": {"quick": one}}


def test_a_claim_of_which_nothing_is_stored_is_asked_for_nothing(tmp_path):
    class Expensive(Nothing):
        id = "expensive"

        def comparisons(self, tier):
            pytest.fail("predicted, though nothing is stored")

        tasks = comparisons

    run([Nothing()], Store(tmp_path))
    judged = judge_stored(Store(tmp_path), claims=[Nothing(), Expensive()])
    assert [one.verdict for one in judged] == ["supported", "not_run"]
    assert "run: langevin-sgd claims run tests/expensive --tier quick" in judged[1].reason


def test_a_store_that_has_lost_its_list_is_looked_through(tmp_path):
    run([Nothing()], Store(tmp_path))
    (tmp_path / "claims.json").unlink()
    (tmp_path / "some.nc").touch()
    assert [one.verdict for one in judge_stored(Store(tmp_path), claims=[Nothing()])] == [
        "supported"
    ]


def test_a_pipe_is_not_waited_for(tmp_path, caplog):
    """As the list of runs, and as a result in a store without a list."""
    import os

    (tmp_path / "one").mkdir()
    os.mkfifo(tmp_path / "one" / "claims.json")
    assert [one.verdict for one in judge_stored(Store(tmp_path / "one"), claims=[Nothing()])] == [
        "not_run"
    ]
    assert "it is a folder, a device or a pipe" in caplog.text
    (tmp_path / "two").mkdir()
    os.mkfifo(tmp_path / "two" / "a.nc")
    [judged] = judge_stored(Store(tmp_path / "two"), claims=[Nothing()])
    assert judged.reason.startswith("nothing is stored; run: ")
