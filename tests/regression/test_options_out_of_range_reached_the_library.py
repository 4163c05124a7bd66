"""Options of any size and kind end in one line that names the option; none is taken for what it is
not.
"""

import os
import subprocess
import sys

import numpy as np
import pytest

from langevin_sgd.cli import main

RUN = ["perceptron", "run", "--P", "8", "--d", "2", "--T", "1", "--kappa", "0.1"]
SWEEP = ["perceptron", "sweep", "--d", "2", "--T", "1", "--kappa", "0.1"]
THEORY = ["perceptron", "theory", "--T", "1", "--kappa", "0.1"]
PREDICT = ["predict", "linear-regression", "--lr", "0.1", "--eigenvalues", "1"]
TRAIN = ["train", "--P", "8", "--alpha", "1", "--temperature-per-width", "0.1"]
HUGE = str(10**30)


def refusal(capsys, words):
    """The one line with which words are refused."""
    capsys.readouterr()
    status = main([str(word) for word in words])
    out, err = capsys.readouterr()
    assert (status, out, err.count("\n")) == (2, "", 1), err
    return err


@pytest.mark.parametrize(
    ("words", "option", "value"),
    [
        (PREDICT, "--lags", str(10**22)),
        (PREDICT, "--lags", "1,-1"),
        (PREDICT, "--noise-scale", "abc"),
        (PREDICT, "--noise-scale", "None"),
        (PREDICT, "--batch-size", HUGE),
        (PREDICT, "--lr", "1e-320"),
        (PREDICT, "--momentum", "1"),
        (RUN, "--d", HUGE),
        (RUN, "--max-steps", HUGE),
        (RUN, "--test-points", HUGE),
        (RUN, "--replicas", HUGE),
        (RUN, "--seed", "-1"),
        (RUN, "--chi", "1000"),
        (RUN, "--chi", "nan"),
        (RUN, "--T", "1e308"),
        (RUN, "--T", "inf"),
        (RUN, "--B", "1.5"),
        ([*SWEEP, "--P", "8"], "--seeds", str(10**12)),
        ([*SWEEP, "--P", "8"], "--workers", "-1"),
        ([*SWEEP, "--P", "8"], "--scheduler", ""),
        ([*SWEEP, "--P", "8"], "--scheduler", "tcp://host"),
        ([*SWEEP, "--P", "8"], "--results", ""),
        (SWEEP, "--P-over-d", "nan"),
        (SWEEP, "--P-over-d", "inf"),
        (SWEEP, "--P-over-d", "1,,2"),
        ([*THEORY, "--tau", "5"], "--chi", "1000"),
        ([*THEORY, "--tau", "5"], "--T", "1e308"),
        ([*THEORY, "--a", "1"], "--s", "1e308"),
        (THEORY, "--tau", "1e308"),
        (THEORY, "--tau", "1e-320"),
        (TRAIN, "--depth", HUGE),
        (TRAIN, "--depth", "None"),
        ([*SWEEP, "--P", "8"], "--results", "/proc/x"),
        (RUN, "--T", "1_0"),
        (RUN, "--kappa", "\u0663"),
        (TRAIN, "--width", "0"),
        (TRAIN, "--network", "foo"),
        (TRAIN, "--device", "cpu:1"),
        (TRAIN, "--device", ""),
        (TRAIN, "--momentum", "nan"),
        (["claims", "run"], "--workers", "-1"),
        (["claims", "run"], "--scheduler", ""),
        (["claims", "run"], "--paper", ""),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_value_out_of_range_is_refused_in_words_of_the_command(capsys, words, option, value):
    line = refusal(capsys, [*words, option, value])
    assert line.startswith(f"langevin-sgd: {option} = '{value[:60]}")
    assert len(line) < 250


def test_the_word_none_is_a_word(capsys):
    assert "paper = 'None': must be one of" in refusal(capsys, ["claims", "run", "--paper", "None"])


def test_the_refusal_of_the_library_names_the_option(capsys):
    assert "--B = 9: must" in refusal(capsys, [*RUN, "--B", "9"])
    assert "--P + --test-points = 100000 + 512: must" in refusal(capsys, [*TRAIN, "--P", "100000"])
    assert "langevin-sgd: --P-over-d = 0.01: gives no point in 2 dim" in refusal(
        capsys, [*SWEEP, "--P-over-d", "0.01"]
    )
    assert "langevin-sgd: --width = 100000000: makes" in refusal(
        capsys, [*TRAIN, "--width", "100000000"]
    )
    assert "langevin-sgd: --P: give either" in refusal(capsys, SWEEP)
    assert "langevin-sgd: --P, --d: give" in refusal(capsys, RUN[:2] + RUN[6:])


def test_a_damaged_checkpoint_names_the_option(capsys, tmp_path):
    (tmp_path / "run.nc").write_text("text")
    line = refusal(capsys, [*RUN, "--checkpoint", tmp_path / "run.nc"])
    assert line.startswith("langevin-sgd: --checkpoint: path = ")


def test_a_file_is_no_folder_of_results(capsys, tmp_path):
    (tmp_path / "file").touch()
    assert refusal(capsys, ["sweep", "status", tmp_path / "file"]).endswith("must be a folder\n")


def test_an_option_in_the_wrong_place_is_a_short_line(capsys):
    assert refusal(capsys, ["claims", "report", "--json"]) == (
        "langevin-sgd: Unrecognized or misplaced options: --json (applied to langevin-sgd claims "
        "report) (see --help)\n"
    )
    assert refusal(capsys, ["claims", "run", "--tie", "full"]).endswith(
        "--tie, full; Perhaps you meant: --tier {quick,full,gpu} (see --help)\n"
    )


@pytest.mark.filterwarnings("default")
def test_no_warning_stands_before_the_refusal(capsys, monkeypatch):
    """Whatever a library says on the way to a refusal, the refusal is the one line."""
    import warnings

    from langevin_sgd.checks import InputError
    from langevin_sgd.cli.predict import Predict

    def refuse(self):
        warnings.warn("overflow encountered", RuntimeWarning, stacklevel=1)
        raise InputError("lr = inf:\nmust be a finite number")

    monkeypatch.setattr(Predict, "run", refuse)
    assert refusal(capsys, PREDICT) == "langevin-sgd: --lr = inf: must be a finite number\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            MemoryError("Unable to allocate 74.5 GiB"),
            "needs more memory than there is; ask for less (Unable to",
        ),
        (
            np.linalg.LinAlgError("Singular matrix"),
            "these numbers leave the range that can be computed (Singular",
        ),
        (
            OverflowError("too large"),
            "these numbers leave the range that can be computed (too large)",
        ),
    ],
)
def test_what_the_machine_cannot_do_is_one_line(capsys, monkeypatch, error, line):
    from langevin_sgd.cli.predict import Predict

    def fail(self):
        raise error

    monkeypatch.setattr(Predict, "run", fail)
    assert line in refusal(capsys, PREDICT)


def test_networks_without_torch_are_one_line(capsys, monkeypatch, tmp_path):
    import sys

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "networks need PyTorch" in refusal(capsys, TRAIN)


def test_a_number_of_threads_that_is_empty_is_none(tmp_path):
    words = [
        sys.executable,
        "-c",
        "import sys; from langevin_sgd.cli import main; sys.exit(main())",
        *RUN,
        "--json",
    ]
    done = subprocess.run(
        words,
        env=os.environ | {"NUMBA_NUM_THREADS": ""},
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stderr == ""
