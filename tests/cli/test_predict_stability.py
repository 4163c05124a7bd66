"""``langevin-sgd predict stability``: its document, its table, and what it refuses in one line."""

import json

import numpy as np
import pytest

from langevin_sgd.cli import main
from langevin_sgd.theory.stability.predict import predict_stability

KEYS = {
    "lr_threshold",
    "lr_threshold_gd",
    "growth_rate",
    "frobenius_bound_lr",
    "mu_min",
    "mu_max",
    "frobenius_g",
}
AT_RESIDUALS = {"mu", "alignment_cosine", "alignment_size", "trace_sigma_g", "batch_sharpness"}
RANDOM = np.random.default_rng(0)
FEATURES, RESIDUALS = RANDOM.normal(size=(8, 20)), RANDOM.normal(size=8)
WORDS = ["predict", "stability", "--features", "features.npy", "--batch-size"]


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("features.npy", FEATURES)
    np.save("residuals.npy", RESIDUALS)
    np.save("outputs.npy", FEATURES.reshape(4, 2, 20))
    np.save("zero.npy", np.zeros((3, 4)))
    np.save("infinite.npy", np.full((3, 4), np.inf))
    np.save("objects.npy", np.array([[1, "a"]], dtype=object), allow_pickle=True)
    np.savez("several.npz", a=FEATURES)
    (tmp_path / "text.npy").write_text("1,2\n")
    (tmp_path / "cut.npy").write_bytes((tmp_path / "features.npy").read_bytes()[:200])


def document(capsys, *words):
    assert main([*WORDS, *words, "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return json.loads(captured.out, parse_constant=pytest.fail)


def test_the_document_is_that_of_the_library(capsys):
    found = document(
        capsys, "2", "--sampling", "without_replacement", "--momentum", "0.5", "--lr", "0.1"
    )
    settings = {"batch_size": 2, "sampling": "without_replacement", "momentum": 0.5, "lr": 0.1}
    assert set(found) == KEYS
    assert found == predict_stability(features=FEATURES, **settings)
    assert found["lr_threshold"] < found["lr_threshold_gd"]
    assert found["growth_rate"] < 1


def test_numbers_at_given_residuals(capsys):
    found = document(capsys, "1", "--residuals", "residuals.npy")
    assert set(found) == KEYS | AT_RESIDUALS
    assert set(found["batch_sharpness"]) == {"mean_of_ratio", "ratio_of_means"}
    assert found["growth_rate"] is None
    trace = (FEATURES**2).sum() / 8
    assert found["batch_sharpness"]["mean_of_ratio"] == pytest.approx(trace)
    assert found["mu"] == pytest.approx(found["alignment_cosine"] * found["alignment_size"])
    assert found["mu_min"] < found["mu"] < found["mu_max"]
    bound = 1 / (found["frobenius_g"] * np.sqrt(found["mu_min"]))
    assert found["frobenius_bound_lr"] == pytest.approx(bound)


def test_full_batches_are_gradient_descent(capsys):
    found = document(capsys, "8", "--sampling", "without_replacement")
    curvature = np.linalg.norm(FEATURES, 2) ** 2 / 8
    assert found["frobenius_bound_lr"] is None
    assert found["lr_threshold"] == found["lr_threshold_gd"] == pytest.approx(2 / curvature)
    assert document(capsys, "8")["lr_threshold"] < 0.95 * found["lr_threshold"]


def test_several_outputs_and_nesterov(capsys):
    words = ["predict", "stability", "--features", "outputs.npy", "--batch-size", "2", "--json"]
    assert main([*words, "--momentum", "0.9", "--nesterov"]) == 0
    nesterov = json.loads(capsys.readouterr().out)
    assert main([*words, "--momentum", "0.9"]) == 0
    heavy = json.loads(capsys.readouterr().out)
    assert nesterov["lr_threshold_gd"] == pytest.approx(heavy["lr_threshold_gd"] / 2.8)


def test_the_table_says_the_same_in_words(capsys):
    assert main([*WORDS, "2", "--residuals", "residuals.npy"]) == 0
    table = capsys.readouterr().out
    found = document(capsys, "2", "--residuals", "residuals.npy")
    for name in ("lr_threshold", "mu_max", "alignment_cosine"):
        assert f"{found[name]:.6g}" in table
    assert "none" in table
    assert f"{found['batch_sharpness']['ratio_of_means']:.6g}" in table


REFUSED = [
    (["--batch-size", "0"], "--batch-size = '0': must be an integer from 1"),
    (["--batch-size", "9"], "--batch-size = 9: must be at most the 8 samples"),
    (["--lr", "0"], "--lr = '0': must be a positive number"),
    (["--lr", "-0.1"], "--lr = '-0.1': must be a positive number"),
    (["--momentum", "1"], "--momentum = '1': must satisfy 0 <= value < 1"),
    (["--momentum", "-0.1"], "--momentum = '-0.1': must satisfy"),
    (["--nesterov"], "--nesterov = True: needs momentum > 0"),
    (["--features", "zero.npy"], "--features = an array of shape (3, 4): must hold"),
    (["--features", "infinite.npy"], "--features = an array of shape (3, 4): must be finite"),
    (["--features", "residuals.npy"], "--features = "),
    (["--features", "objects.npy"], "--features = 'objects.npy': not a readable .npy file"),
    (["--features", "text.npy"], "--features = 'text.npy': not a .npy file"),
    (["--features", "several.npz"], "--features = 'several.npz': not a .npy file"),
    (["--features", "cut.npy"], "--features = 'cut.npy': not a readable .npy file"),
    (["--features", "missing.npy"], "--features = 'missing.npy': there is no such file"),
    (["--residuals", "features.npy"], "--residuals = an array of shape (8, 20): must have shape"),
    (["--residuals", "zero.npy"], "--residuals = "),
]


@pytest.mark.parametrize(("words", "line"), REFUSED)
def test_bad_input_is_one_line(capsys, words, line):
    given = {"--features": "features.npy", "--batch-size": "2"}
    options = [*zip(words[::2], words[1::2], strict=True)] if len(words) > 1 else []
    given |= dict(options)
    flat = [part for pair in given.items() for part in pair] + (words if not options else [])
    assert main(["predict", "stability", *flat]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"langevin-sgd: {line}")
    assert captured.err.count("\n") == 1


def test_linear_regression_keeps_its_words(capsys):
    words = ["predict", "linear-regression", "--lr", "0.1", "--eigenvalues", "1", "--json"]
    assert main(words) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"modes", "lags", "msd"}
    assert main(["predict"]) == 2
    assert "linear-regression, stability" in capsys.readouterr().err
