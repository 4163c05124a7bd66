"""What cannot be written is found out before anything is computed, and never costs what was
computed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from langevin_sgd.cli import main

RUN = ["perceptron", "run", "--P", "8", "--d", "2", "--T", "1", "--kappa", "0.1", "--seed", "1"]
SWEEP = ["perceptron", "sweep", "--P", "8", "--d", "2", "--T", "1", "--kappa", "0.1"]
THEORY = ["perceptron", "theory", "--T", "1", "--kappa", "0.1", "--tau", "5"]
PREDICT = ["predict", "linear-regression", "--lr", "0.1", "--eigenvalues", "1"]
TRAIN = ["train", "--P", "8", "--alpha", "1", "--temperature-per-width", "0.1,0.2"]
LONG = "a" * 300


@pytest.fixture
def command(capsys, monkeypatch, tmp_path):
    """Run the command in an empty folder; nothing may be trained, swept or judged unless `compute`
    is asked for.
    """
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("of somebody else")
    (tmp_path / "folder").mkdir()

    def forbidden(*_, **__):
        pytest.fail("something was computed before the place was tried")

    def run(*words, compute=False):
        capsys.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            if not compute:
                patch.setattr("langevin_sgd.training.run", forbidden)
                patch.setattr("langevin_sgd.sweep.run", forbidden)
                patch.setattr("langevin_sgd.claims.runner.judge_stored", forbidden)
                patch.setattr("langevin_sgd.theory.predict.predict_linear_regression", forbidden)
                patch.setattr("langevin_sgd.theory.perceptron.predict.predict_flow", forbidden)
            status = main([str(word) for word in words])
        return status, *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    "words", [RUN, SWEEP, THEORY, PREDICT, TRAIN], ids=lambda words: " ".join(words[:2])
)
@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("x.exe", "must end in .svg"),
        (".", "must end in .svg"),
        ("nowhere/x.svg", "the folder is not there"),
        ("file/x.svg", "the folder is not there"),
        (f"{LONG}.svg", "File name too long"),
        ("folder.svg", "must be a file"),
    ],
)
def test_the_place_of_a_figure(command, tmp_path, words, place, reason):
    (tmp_path / "folder.svg").mkdir()
    status, out, err = command(*words, "--plot", place)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"langevin-sgd: --plot = '{place[:50]}")
    assert reason in err


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("folder", "must be a file"),
        ("/dev/null", "must be a file"),
        ("file/x", "the folder is not there"),
        (LONG, "too"),
    ],
)
def test_the_place_of_a_checkpoint(command, place, reason):
    status, out, err = command(*RUN, "--checkpoint", place)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("langevin-sgd: --checkpoint = ")
    assert reason in err


@pytest.mark.parametrize(
    "words", [SWEEP, TRAIN, ["claims", "run"], ["claims", "report"]], ids=lambda words: words[0]
)
@pytest.mark.parametrize("place", ["file", "file/x", LONG])
def test_the_place_of_results(command, words, place):
    status, out, err = command(*words, "--results", place)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("langevin-sgd: --results = ")


@pytest.mark.parametrize("place", ["file", "file/x", LONG, "/proc/x"])
def test_the_place_of_a_report(command, place):
    status, out, err = command("claims", "report", "--output", place)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("langevin-sgd: --output = ")


def test_the_place_of_a_report_by_default(command, tmp_path):
    (tmp_path / "report").write_text("of somebody else")
    status, out, err = command("claims", "report")
    assert (status, out) == (2, "")
    assert err == "langevin-sgd: --output = 'report': must be a folder\n"


@pytest.mark.parametrize("place", ["nowhere.csv", "folder", LONG, "file/x"])
def test_the_place_of_data(command, place):
    for words in (PREDICT[:4], ["perceptron", "run", "--T", "1", "--kappa", "0.1"]):
        status, out, err = command(*words, "--data", place)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert err.startswith("langevin-sgd: --data = ")


def test_a_store_that_cannot_be_looked_into(command, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    status, out, err = command("sweep", "status", "folder")
    assert (status, out) == (2, "")
    assert err == "langevin-sgd: DIR = 'folder': cannot be used (Permission denied)\n"


def test_results_are_printed_though_the_figure_fails(command, monkeypatch):
    """The disk fills up between the trial of the place and the last line of the run."""

    def full(*_, **__):
        raise OSError(28, "No space left on device", "x.svg")

    monkeypatch.setattr("langevin_sgd.cli.perceptron.run.save", full)
    status, out, err = command(*RUN, "--json", "--plot", "x.svg", compute=True)
    assert status == 1
    assert json.loads(out)["status"] == ["fitted"]
    assert (
        err.splitlines()[-1]
        == "langevin-sgd: 'x.svg': cannot be read or written (No space left on device)"
    )


def test_a_figure_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    import langevin_sgd as ls

    path = tmp_path / "figure.svg"
    path.write_text("the figure of yesterday")
    figure = ls.plotting.draw(
        [ls.plotting.Panel("a", "x", "y", [ls.plotting.Series("s", [0.0, 1.0], [1.0, 2.0])])]
    )

    def half(self, target, **_):
        Path(target).write_text("<svg")
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(Figure, "savefig", half)
    with pytest.raises(OSError, match="No space"):
        ls.plotting.save(figure, path)
    assert [file.name for file in tmp_path.iterdir()] == ["figure.svg"]
    assert path.read_text() == "the figure of yesterday"


@pytest.mark.parametrize("name", ["a.PNG", "a.Svg"])
def test_suffixes_in_capital_letters(command, tmp_path, name):
    status, _, err = command(*PREDICT, "--plot", name, compute=True)
    assert (status, err) == (0, "")
    assert (tmp_path / name).stat().st_size > 1000


def test_figures_do_not_follow_what_a_user_has_set_for_his_own(command, tmp_path, monkeypatch):
    import matplotlib as mpl

    with mpl.rc_context({"text.usetex": True, "figure.autolayout": True}):
        status, _, err = command(*PREDICT, "--plot", "a.svg", compute=True)
    assert (status, err) == (0, "")


@pytest.mark.parametrize("redirection", [">/dev/full", ">&-"])
def test_an_output_that_takes_nothing_is_one_line(redirection):
    words = f'"{sys.executable}" -P -m langevin_sgd env --json {redirection}'
    done = subprocess.run(
        ["sh", "-c", words], capture_output=True, text=True, env=os.environ, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("langevin-sgd: the ")
