"""``perceptron`` on the command line: documents, tables, bad input, figures, a sweep that
continues.
"""

import json
import math

import numpy as np
import pytest

import langevin_sgd as ls

LAW = ["--P", 120, "--d", 6, "--T", 0.5, "--B", 2, "--kappa", 0.1]
GRID = [
    "--P-over-d",
    "8,16,32",
    "--d",
    "4,6,8",
    "--T",
    1,
    "--kappa",
    0.01,
    "--seeds",
    3,
    "--workers",
    1,
    "--method",
    "plain",
]


def strict(text):
    """Parse JSON that holds no NaN and no infinity."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"not strict JSON: {name}"))


def test_run_prints_the_documented_json(command):
    status, out, err = command("perceptron", "run", *LAW, "--replicas", 3, "--seed", 5, "--json")
    assert (status, err) == (0, "")
    document = strict(out)
    assert list(document)[:5] == ["t_star", "signal", "noise", "test_error", "seconds"]
    assert all(
        len(document[name]) == 3 for name in ("t_star", "signal", "noise", "test_error", "status")
    )
    problem = ls.Perceptron(data=ls.data.DepletedSign(points=120, dimension=6), margin=0.1)
    settings = ls.SGD(lr=1.0, batch_size=2, sampling="without_replacement")
    same = ls.training.run(problem, settings, replicas=3, seed=5)
    for name in ("t_star", "signal", "noise"):
        assert document[name] == same[name].values.tolist()
    ratios = np.array(document["noise"]) / np.array(document["signal"])
    assert document["test_error"] == pytest.approx(np.arctan(ratios) / math.pi)
    assert document["norm"] == pytest.approx(
        np.sqrt(6) * np.hypot(document["signal"], document["noise"])
    )
    assert len(set(document["t_star"])) == 3


def test_run_without_a_seed_tells_the_one_it_took(command):
    first = strict(command("perceptron", "run", *LAW, "--method", "plain", "--json")[1])
    again = strict(
        command("perceptron", "run", *LAW, "--method", "plain", "--seed", first["seed"], "--json")[
            1
        ]
    )
    assert first | {"seconds": 0} == again | {"seconds": 0}
    assert (
        command(
            "perceptron", "run", *LAW, "--method", "accelerated", "--sampling", "with_replacement"
        )[0]
        == 0
    )


def test_run_continues_from_a_checkpoint_and_draws(command, tmp_path):
    words = [
        "perceptron",
        "run",
        *LAW,
        "--replicas",
        2,
        "--checkpoint",
        tmp_path / "c.nc",
        "--plot",
        tmp_path / "f.svg",
    ]
    first = command(*words, "--test-points", 100)
    assert (first[0], first[2]) == (0, "")
    assert "sample test error" in first[1]
    assert "</svg>" in (tmp_path / "f.svg").read_text()
    assert command(*words, "--test-points", 100)[1].splitlines()[:4] == first[1].splitlines()[:4]


def test_run_on_data_of_the_user(command, tmp_path):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(40, 5))
    np.savez(tmp_path / "data.npz", X=X, y=np.sign(X @ rng.normal(size=5)))
    words = ["perceptron", "run", "--data", tmp_path / "data.npz", "--T", 1, "--kappa", 0.1]
    status, out, err = command(*words, "--replicas", 2, "--json", "--plot", tmp_path / "figure.svg")
    document = strict(out)
    assert (status, err) == (0, "")
    assert document["status"] == ["fitted", "fitted"]
    assert document["signal"] == document["noise"] == document["test_error"] == [None, None]
    assert (tmp_path / "figure.svg").is_file()


def test_censored_replicas_are_said_so(command, tmp_path):
    status, out, err = command(
        "perceptron", "run", *LAW, "--replicas", 4, "--max-steps", 5, "--json"
    )
    assert status == 0
    assert strict(out)["status"] == ["step_limit"] * 4
    assert "4 of 4 replicas are censored (step limit: 4)" in err
    (tmp_path / "data.csv").write_text("1,2,1\n1,2,-1\n")
    words = ["perceptron", "run", "--data", tmp_path / "data.csv", "--T", 1, "--kappa", 1]
    assert command(*words)[0] == 2
    status, out, err = command(*words, "--max-steps", 50)
    assert (status, err.count("\n")) == (0, 1)
    assert "not_separable" in out


def test_theory_at_one_state(command, tmp_path):
    """Numbers from quadrature by other means, and the limit of the late-stage noise for kappa =
    T.
    """
    words = ["perceptron", "theory", "--chi", 1, "--T", 0.1, "--kappa", 0.1, "--a", 2, "--s", 0.3]
    document = strict(command(*words, "--json")[1])
    names = [
        "n",
        "g1",
        "gz",
        "q",
        "da_dtau",
        "ds_dtau",
        "noise_quasi_stationary",
        "exponents",
        "mean_increments",
    ]
    assert list(document) == names
    known = {
        "n": 0.00911365,
        "g1": 0.00158176,
        "gz": -0.01286255,
        "q": 0.02269413,
        "da_dtau": 0.00158176,
    }
    assert {name: document[name] for name in known} == pytest.approx(known, abs=5e-9)
    assert document["noise_quasi_stationary"] == pytest.approx(0.0572666, abs=5e-8)
    assert document["exponents"] == {"gamma": 0.5, "b": 2.0, "delta": 1.0}
    assert document["mean_increments"] is None
    steps = strict(command(*words, "--d", 64, "--B", 4, "--json")[1])["mean_increments"]
    assert list(steps) == ["da", "ds2"]
    assert steps["da"] == pytest.approx(0.4 / 64 * document["g1"])
    status, out, _ = command(*words, "--plot", tmp_path / "figure.svg")
    assert status == 0
    assert f"{document['ds_dtau']:.6g}" in out
    assert "</svg>" in (tmp_path / "figure.svg").read_text()


def test_theory_along_the_flow(command, tmp_path):
    words = [
        "perceptron",
        "theory",
        "--T",
        1,
        "--kappa",
        0,
        "--tau",
        "1000,50",
        "--plot",
        tmp_path / "figure.svg",
    ]
    document = strict(command(*words, "--json")[1])
    assert list(document) == ["tau", "a", "s"]
    assert document["tau"] == [1000, 50]
    assert document["a"][0] == pytest.approx(4.55190, abs=5e-6)
    assert document["s"][0] == pytest.approx(0.399456, abs=5e-7)
    assert "4.5519" in command(*words)[1]
    assert (tmp_path / "figure.svg").is_file()


def test_sweep_fits_exponents_and_computes_nothing_twice(command, tmp_path, monkeypatch):
    words = ["perceptron", "sweep", *GRID, "--results", tmp_path / "results"]
    status, out, err = command(*words, "--json")
    assert (status, err) == (0, "")
    document = strict(out)
    assert list(document) == ["points", "fits", "limits"]
    assert [(point["P"], point["d"]) for point in document["points"]][:4] == [
        (32, 4),
        (64, 4),
        (128, 4),
        (48, 6),
    ]
    assert [fit["held"]["d"] for fit in document["fits"]["b"]] == [4, 6, 8]
    for name, entries in (("b", document["fits"]["b"]), ("gamma", document["fits"]["gamma"])):
        for fit in entries:
            assert (fit["against"], fit["predicted"]) == ("P", {"b": 3.0, "gamma": 1.0}[name])
            assert fit["exponent"]["valid"]
            assert len(fit["local_slopes"]) == 2
    assert [limit["ratios"] for limit in document["limits"]["b"]] == [[8, 16], [16, 32]]

    monkeypatch.setattr("langevin_sgd.sweep.execution.LocalPool", None)
    status, out, _ = command(*words, "--plot", tmp_path / "figure.svg")
    assert status == 0
    for entry in (document["fits"]["b"][2]["exponent"], document["limits"]["gamma"][1]["limit"]):
        assert str(ls.Estimate(value=entry["value"], standard_error=entry["standard_error"])) in out
    assert "</svg>" in (tmp_path / "figure.svg").read_text()


RUN = ["run", "--P", 20, "--d", 4, "--T", 1, "--kappa", 1]
THEORY = ["theory", "--T", 1, "--kappa", 1]
SWEEP = ["sweep", "--P", "10,20", "--d", 4, "--T", 1, "--kappa", 1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([*RUN, "--chi", -1], "--chi = '-1': must be a number above -1 and at most 30"),
        ([*RUN, "--B", 21], "B = 21: must be at most 20"),
        ([*RUN, "--B", 0], "--B = '0': must be an integer from 1 to"),
        ([*RUN, "--T", -1], "--T = '-1': must be a positive number"),
        ([*RUN, "--kappa", 0], "--kappa = '0': must be a positive number"),
        ([*RUN, "--kappa", "nan"], "--kappa = 'nan': must be a positive number"),
        ([*RUN, "--P", 0], "--P = '0': must be an integer from 1 to"),
        ([*RUN, "--P", 2.5], "--P = '2.5': must be an integer from 1 to"),
        ([*RUN, "--method", "fast"], "Expected one of ('auto', 'plain', 'accelerated')"),
        ([*RUN, "--max-steps", 0], "--max-steps = 0: must be an integer of at least 1"),
        ([*RUN, "--data", __file__], "P = 20: must be left out"),
        (["run", "--T", 1, "--kappa", 1, "--P", 20], "give --P and --d, or --data FILE"),
        ([*THEORY, "--a", 1, "--s", 1, "--chi", -1.5], "--chi = '-1.5': must be a number above -1"),
        ([*THEORY, "--a", 1, "--s", 1, "--T", -1], "--T = '-1': must be a number of zero or above"),
        ([*THEORY, "--a", -1, "--s", 1], "--a = '-1': must be a number of zero or above"),
        (
            [*THEORY, "--tau", "1,-2"],
            "--tau = '1,-2': each must be a number at least 0 and at most 1e+12",
        ),
        ([*THEORY, "--a", 1], "give either --a and --s (and perhaps --d and --B), or --tau alone"),
        ([*THEORY, "--a", 1, "--s", 1, "--d", 4], "--d, --B: give both"),
        ([*SWEEP, "--B", "1,11"], "B = 11: must be at most the number of points, here 10"),
        ([*SWEEP, "--T", "1,-1"], "--T = '1,-1': each must be a positive number"),
        ([*SWEEP, "--seeds", 1], "--seeds = '1': must be an integer from 2 to"),
        ([*SWEEP, "--P-over-d", 4], "give either --P A,B,... or --P-over-d A,B,..."),
        ([*SWEEP, "--d", "4,x"], "--d = '4,x': each must be an integer from 1 to"),
    ],
)
def test_bad_input_is_one_clear_line_and_status_two(command, words, message):
    status, out, err = command("perceptron", *words)
    assert (status, out) == (2, "")
    assert err.startswith("langevin-sgd: ")
    assert err.count("\n") == 1
    assert message in err


def test_data_that_cannot_be_used(command, tmp_path):
    for text, message in (
        ("1,2,1\n3,nan,-1\n", "must be a finite number"),
        ("1,2,1\n3,1,0\n", "must be -1 or +1"),
    ):
        (tmp_path / "data.csv").write_text(text)
        status, _, err = command(
            "perceptron", "run", "--data", tmp_path / "data.csv", "--T", 1, "--kappa", 1
        )
        assert (status, err.count("\n")) == (2, 1)
        assert message in err
