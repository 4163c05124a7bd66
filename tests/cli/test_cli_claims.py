"""``claims`` on the command line: documents, tables, exit status, report."""

import json
import math
import os
import subprocess
import sys

import pytest
from threadpoolctl import threadpool_limits

import langevin_sgd as ls
from langevin_sgd.claims import runner
from langevin_sgd.claims.discovery import find_claims
from langevin_sgd.estimate import format_with_error

KEYS = (
    "id paper tier verdict expected_verdict prediction measurement standard_error pull "
    "control_verdict seconds"
)
# Fields may be added, never removed.
ADDED_KEYS = (
    "decided_by margin pull_without_margin by_margin grade beneath as_expected stream criteria "
    "controls"
)
COMPONENT_KEYS = (
    "name kind prediction margin basis measurement standard_error alternatives verdict "
    "expected_verdict tolerance deviation grade near_misses replicas_needed pull_without_margin"
)


def strict(text):
    """Parse JSON that holds no NaN and no infinity."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"not strict JSON: {name}"))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return tmp_path_factory.mktemp("results")


def run_coins(command, results, *words):
    return command("claims", "run", "--paper", "coins", "--results", results, *words)


def test_run_prints_the_documented_json(command, results):
    status, out, err = run_coins(command, results, "--json", "--workers", "1")
    assert status == 1
    found = {entry["id"]: entry for entry in strict(out)}
    assert list(found) == ["broken", "fair", "few", "loaded"]
    assert {name: entry["verdict"] for name, entry in found.items()} == {
        "broken": "failed",
        "fair": "supported",
        "few": "underpowered",
        "loaded": "refuted",
    }
    for entry in found.values():
        assert list(entry) == [*KEYS.split(), *ADDED_KEYS.split(), "components"]
        assert all(list(component) == COMPONENT_KEYS.split() for component in entry["components"])
    fair = found["fair"]
    assert len(fair["components"]) > 0
    assert fair["control_verdict"] == "refuted"
    assert fair["pull"] == pytest.approx((fair["measurement"] - 0.5) / fair["standard_error"])
    assert fair["seconds"] >= 0
    assert found["broken"]["measurement"] is None
    assert found["broken"]["pull"] is None
    assert (
        "coins/broken: failed: task 'hand 0' failed: ArithmeticError: the coin rolled away" in err
    )
    assert "coins/few: underpowered: heads: cannot be told from: loaded" in err


def test_run_again_computes_nothing_and_judges_the_same(command, results, monkeypatch):
    monkeypatch.setattr("langevin_sgd.sweep.execution.LocalPool", None)
    status, out, _ = run_coins(command, results)
    assert status == 1
    rows = {line.split()[0]: line for line in out.splitlines() if line}
    assert rows["fair"].endswith("supported")
    assert "refuted (expected)" in rows["loaded"]
    assert "not as expected" in rows["few"]
    assert f"results: {results}" in out
    assert f"langevin-sgd claims report --results {results}" in out


def test_run_of_claims_as_expected_is_zero(command, results):
    status, out, err = command(
        "claims", "run", "fair", "coins/loaded", "--results", results, "--json"
    )
    assert (status, err) == (0, "")
    assert [entry["id"] for entry in strict(out)] == ["fair", "loaded"]


def test_another_seed_is_another_result(command, results, tmp_path):
    _, one, _ = command("claims", "run", "fair", "--results", results, "--json")
    _, two, _ = command(
        "claims", "run", "fair", "--results", tmp_path, "--seed", "5", "--json", "--workers", "1"
    )
    assert strict(one)[0]["measurement"] != strict(two)[0]["measurement"]


def test_a_tier_without_a_grid_is_not_run(command, tmp_path):
    status, out, err = command(
        "claims", "run", "fair", "--tier", "full", "--results", tmp_path, "--json"
    )
    assert status == 0
    assert strict(out)[0]["verdict"] == "not_run"
    assert "has no full tier (has: quick)" in err


def test_report(command, results, tmp_path):
    for name in ("one", "two"):
        status, out, _ = command(
            "claims", "report", "--results", results, "--output", tmp_path / name
        )
        assert status == 0
    assert str(tmp_path / "two" / "index.html") in out
    files = sorted(
        path.relative_to(tmp_path / "one")
        for path in (tmp_path / "one").rglob("*")
        if path.is_file()
    )
    assert all(
        (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
        for file in files
    )
    page, text = (tmp_path / "one" / name for name in ("index.html", "report.md"))
    _, out, _ = command("claims", "run", "fair", "--results", results, "--json")
    [fair] = strict(out)
    measured = format_with_error(fair["measurement"], fair["standard_error"])
    for document in (page.read_text(), text.read_text()):
        assert "Coin from the casino" in document
        assert "refuted, as expected" in document
        assert measured.replace("+-", "±") in document
        assert "P(heads) = 1/2" in document
        assert "the coin rolled away" in document
        assert "numpy" in document
    assert "http" not in page.read_text().replace("http://www.w3.org", "")
    assert page.read_text().count("<img") == page.read_text().count(' alt="')
    assert "(figures/coins-fair-quick-1.svg)" in text.read_text()
    rows = (tmp_path / "one" / "data" / "coins-fair-quick.csv").read_text().splitlines()
    assert rows[0] == "panel,x_label,y_label,series,kind,x,y,standard_error,value"
    assert len(rows) == 1 + 50 + 2 + 2
    assert all(math.isfinite(float(row.split(",")[6])) for row in rows[1:])


def test_report_of_an_empty_store_says_what_to_run(command, tmp_path):
    status, _, err = command(
        "claims", "report", "--results", tmp_path / "none", "--output", tmp_path
    )
    assert (status, err) == (0, "6 not run\n")
    assert (
        "nothing is stored; run: langevin-sgd claims run coins/fair"
        in (tmp_path / "report.md").read_text()
    )


def test_report_of_named_claims_holds_no_others(command, results, tmp_path):
    status, out, _ = command(
        "claims", "report", "coins/fair", "loaded", "--results", results, "--output", tmp_path
    )
    assert status == 0
    assert out.startswith("2 claims: 1 supported, 1 refuted; none not as expected.")
    text = (tmp_path / "report.md").read_text()
    assert "coins/fair" in text
    assert "coins/few" not in text
    status, _, err = command("claims", "report", "fairr", "--results", results)
    assert status == 2
    assert "claim = 'fairr': must be one of" in err


def test_predictions_are_asked_for_only_where_results_are_stored(command, results, tmp_path):
    """A claim that was run, and whose results are gone, is not asked for what may take seconds."""
    from langevin_sgd.claims.discovery import find_claim
    from langevin_sgd.claims.runner import judge_stored
    from langevin_sgd.sweep import Store

    claim = find_claim("fair")
    asked = type(claim).comparisons
    tiers = []

    class Watched(type(claim)):
        id, paper = "watched", "coins"

        def comparisons(self, tier):
            tiers.append(tier)
            return asked(self, tier)

    store = Store(tmp_path)
    runner.run([Watched()], store, workers=1)
    assert tiers == ["quick"]
    [judged] = judge_stored(store, claims=[Watched()])
    assert (judged.verdict, tiers) == ("supported", ["quick", "quick"])
    for file in tmp_path.rglob("*.nc"):
        file.unlink()
    [judged] = judge_stored(store, claims=[Watched()])
    assert (judged.verdict, judged.never_run, len(tiers)) == ("not_run", False, 2)
    assert "2 of 2 results are missing" in judged.reason


def test_finding_the_claims_loads_no_estimators_and_no_networks():
    """A list of titles, and a report of an empty store, need neither; they take half a second."""
    ask = (
        "import sys; from langevin_sgd.claims.discovery import find_claims; assert find_claims(); "
        "print([name for name in ('torch', 'scipy.stats', 'matplotlib') if name in sys.modules])"
    )
    environment = {name: value for name, value in os.environ.items() if "CLAIMS" not in name}
    words = [sys.executable, "-P", "-c", ask]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_list_and_show(command):
    _, out, _ = command("claims", "list", "--json")
    listed = {(entry["paper"], entry["id"]): entry for entry in strict(out)}
    assert set(listed["coins", "fair"]) == {"id", "paper", "statement", "tiers"}
    _, out, _ = command("claims", "list")
    assert "Coin from the bank" in out
    _, out, _ = command("claims", "show", "loaded")
    for words in (
        "P(heads) = 1/2",
        "any number of tosses",
        "loaded: 0.6",
        "the coin is loaded",
        "0.7",
    ):
        assert words in out
    _, out, _ = command("claims", "show", "loaded", "--json")
    assert strict(out)["components"][0]["alternatives"] == {"loaded": 0.6}


def test_a_new_claim_runs_as_it_stands(command, tmp_path, monkeypatch):
    import langevin_sgd.validation

    status, out, _ = command("claims", "new", "trial/first_try", "--folder", tmp_path)
    assert status == 0
    assert str(tmp_path / "trial" / "first_try.py") in out
    monkeypatch.setenv("LANGEVIN_SGD_CLAIMS", str(tmp_path))
    monkeypatch.setattr(langevin_sgd.validation, "__path__", [str(tmp_path)])
    status, out, err = command(
        "claims", "run", "first_try", "--results", tmp_path / "r", "--json", "--workers", "1"
    )
    assert (status, err) == (0, "")
    assert strict(out)[0]["verdict"] == "supported"
    status, _, err = command("claims", "new", "trial/first_try", "--folder", tmp_path)
    assert status == 2
    assert "is there already" in err
    status, _, err = command("claims", "new", "First-Try", "--folder", tmp_path)
    assert "must be PAPER/ID in small letters" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["claims", "run", "fairr"], "claim = 'fairr': must be one of"),
        (["claims", "run", "--paper", "coin"], "did you mean 'coins'?"),
        (
            ["claims", "run", "--paper", "coins", "--tier", "gpu"],
            "no claim asked for has a grid in it",
        ),
        (["claims", "run", "--tie", "full"], "Perhaps you meant: --tier"),
        (["claims", "run", "--seed", "x"], "--seed"),
        (["claims", "run", "--seed", "-1"], "seed"),
        (["claims", "run", "fair", "--device", "cuda"], "device = 'cuda'"),
        (["claims", "rum"], "list, show, new, run, report"),
        (["claim"], "claims"),
        ([], "Expected one of {claims, predict, perceptron, train, sweep, env}"),
        (["sweep", "status", "/nowhere"], "there is no such directory"),
        (["predict", "linear-regression", "--lr", "0.1"], "--eigenvalues"),
        (
            ["predict", "linear-regression", "--lr", "0.1", "--eigenvalues", "1,x"],
            "--eigenvalues = '1,x': each must be a number",
        ),
    ],
)
def test_bad_usage_is_one_clear_line_and_status_two(command, words, message):
    status, out, err = command(*words)
    assert (status, out) == (2, "")
    assert err.startswith("langevin-sgd: ")
    assert err.count("\n") == 1
    assert message in err


def test_sweep_and_env(command, results):
    status, out, _ = command("sweep", "status", results, "--json")
    assert status == 0
    assert strict(out) == [
        {"task": "coins._coin:toss", "done": 6, "missing": 0, "failed": 2, "damaged": 0, "stale": 0}
    ]
    status, out, _ = command("sweep", "failures", results)
    assert status == 1
    assert "ArithmeticError: the coin rolled away" in out
    assert "Traceback" in out
    status, out, _ = command("env", "--json")
    assert status == 0
    assert strict(out)["cores"]["usable"] >= 1
    assert strict(out)["versions"]["numpy"]


def test_claims_of_the_package_are_well_formed():
    """Every claim, in every tier: texts, margins below half the distance to rivals, controls that
    name components.
    """
    with threadpool_limits(
        1
    ):  # threads of BLAS that wait for one another on busy cores take ten times as long
        for claim in find_claims():
            for tier in claim.tiers:
                assert ls.claims.runner.plan(claim, tier, seed=0).comparisons


def test_predict(command, tmp_path):
    words = [
        "predict",
        "linear-regression",
        "--eigenvalues",
        "0.1,1,10",
        "--lr",
        "0.05",
        "--momentum",
        "0.9",
        "--batch-size",
        "8",
    ]
    status, out, _ = command(*words, "--lags", "1,10", "--json", "--plot", tmp_path / "figure.svg")
    document = strict(out)
    assert status == 0
    assert [mode["eigenvalue"] for mode in document["modes"]] == [0.1, 1.0, 10.0]
    assert document["lags"] == [1, 10]
    assert "</svg>" in (tmp_path / "figure.svg").read_text()
    _, out, _ = command(*words)
    for mode in document["modes"]:
        assert f"{mode['sgd']['var_position']:.6g}" in out
    assert f"{document['msd']['sde'][1]:.6g}" in out


def test_predict_beyond_the_limit_of_stability_names_it(command):
    status, out, err = command(
        "predict", "linear-regression", "--eigenvalues", "1,100", "--lr", "0.1", "--json"
    )
    assert (status, out) == (2, "")
    assert "100" in err
    assert err.count("\n") == 1
