"""``train --network``: convolutional networks on the command line."""

import json

import pytest

from langevin_sgd.models.networks.families import FAMILIES
from langevin_sgd.sweep.execution import perform

WORDS = [
    "train",
    "--network",
    "simple_cnn",
    "--width",
    2,
    "--B",
    8,
    "--P",
    16,
    "--test-points",
    20,
    "--seeds",
    2,
]
WORDS += ["--alpha", 4, "--temperature-per-width", "0.1,0.2", "--max-steps", 600]


@pytest.fixture
def here(monkeypatch):
    """Compute tasks in this process, without workers, which take seconds to start."""

    def compute(tasks, store, **options):
        for task in tasks:
            perform(task, str(store.path(task)))
        return []  # none failed

    monkeypatch.setattr("langevin_sgd.cli.train.compute", compute)


def test_a_convolutional_network_on_digits(command, here, tmp_path):
    extras = ["--momentum", 0.5, "--noise", "minibatch_covariance", "--observe", "margins"]
    status, out, _ = command(*WORDS, *extras, "--results", tmp_path, "--json")
    assert status == 0
    points = json.loads(out)["points"]
    shape = {"network": "simple_cnn", "depth": 3, "width": 2, "momentum": 0.5, "P": 16}
    assert [{name: point[name] for name in shape} for point in points] == [shape] * 2
    assert [point["fitted"] for point in points] == [2, 2]
    assert all(point["mean_margin"]["value"] > 1 for point in points)
    assert points[0]["mean_margin"] != points[1]["mean_margin"]


def test_the_help_names_every_family(command, capsys):
    with pytest.raises(SystemExit):
        command("train", "--help")
    out = capsys.readouterr().out
    assert all(name in out for name in FAMILIES)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--network", "simple_cn"],
            "network = 'simple_cn': must be one of fully_connected, simple_cnn, mobile_cnn",
        ),
        (["--depth", 2], "depth = (2,): is fixed for simple_cnn"),
        (["--momentum", "0,1"], "--momentum = 1.0: must satisfy 0 <= value < 1"),
        (["--noise", "white"], "Expected one of ('sgd', 'minibatch_covariance', 'isotropic')"),
        (
            ["--noise", "isotropic", "--sampling", "epochs"],
            "noise = 'isotropic': needs independent batches",
        ),
        (["--probe-points", 999], "--probe-points = 999: must be at most "),
        (
            ["--observe", "spin"],
            "observe = 'spin': must be one of margins, noise_temperature, signal, kernel",
        ),
    ],
)
def test_bad_input_is_one_clear_line_and_status_two(command, tmp_path, words, message):
    status, out, err = command(*WORDS, "--results", tmp_path, *words)
    assert (status, out) == (2, "")
    assert err.startswith("langevin-sgd: ")
    assert err.count("\n") == 1
    assert message in err
    assert not list(tmp_path.iterdir())
