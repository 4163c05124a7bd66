"""``claims new`` writes what Python can import, where the user looks for it, and says how to run
it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from langevin_sgd.claims import authoring
from langevin_sgd.claims.discovery import find_claims
from langevin_sgd.cli import main


@pytest.fixture
def command(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LANGEVIN_SGD_CLAIMS", raising=False)

    def run(*words):
        capsys.readouterr()
        status = main([str(word) for word in words])
        return status, *capsys.readouterr()

    return run


@pytest.mark.parametrize("name", ["class/def", "paper/import", "lambda/mine"])
def test_keywords_are_no_names(command, tmp_path, name):
    status, out, err = command("claims", "new", name, "--folder", tmp_path)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "is a keyword of Python" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["/dev/null", "/proc", "a" * 300])
def test_a_folder_that_cannot_be_written_is_one_line(command, folder):
    status, out, err = command("claims", "new", "paper/mine", "--folder", folder)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("langevin-sgd: --folder = ")


def test_a_name_of_the_package_is_taken(command, tmp_path):
    """Else the claim of the package would be run in its place."""
    claim = find_claims()[0]
    status, _, err = command("claims", "new", f"{claim.paper}/{claim.id}", "--folder", tmp_path)
    assert (status, err.count("\n")) == (2, 1)
    assert "is there already" in err


def test_an_installed_package_is_not_written_into(command, tmp_path, monkeypatch):
    """Where there is no checkout, new claims go into the current folder, and the line printed finds
    them.
    """
    installed = tmp_path / "site-packages" / "langevin_sgd" / "validation"
    installed.mkdir(parents=True)
    monkeypatch.setattr(authoring, "claim_folders", lambda: [installed])
    status, out, _ = command("claims", "new", "limiting_dynamics/mine")
    assert status == 0
    assert list(installed.iterdir()) == []
    assert (tmp_path / "claims" / "limiting_dynamics" / "mine.py").is_file()
    run_it = (
        f"LANGEVIN_SGD_CLAIMS={tmp_path / 'claims'} langevin-sgd claims run limiting_dynamics/mine"
    )
    assert out.splitlines()[-1] == f"run it:  {run_it}"


def test_a_checkout_keeps_its_claims_together(monkeypatch, tmp_path):
    folders = [tmp_path / "validation", tmp_path / "others"]
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(authoring, "claim_folders", lambda: folders[:1])
    assert authoring.default_folder() == folders[0]
    assert authoring.run_command("a/b", folders[0]) == "langevin-sgd claims run a/b"
    monkeypatch.setattr(authoring, "claim_folders", lambda: folders)
    assert authoring.default_folder() == folders[1]


def test_the_command_keeps_the_folders_that_are_set(monkeypatch, tmp_path):
    monkeypatch.setenv("LANGEVIN_SGD_CLAIMS", str(tmp_path))
    monkeypatch.setattr(authoring, "claim_folders", lambda: [Path("validation"), tmp_path])
    other = tmp_path / "of mine"
    words = f"LANGEVIN_SGD_CLAIMS='{tmp_path}{os.pathsep}{other}' langevin-sgd claims run a/b"
    assert authoring.run_command("a/b", other) == words


def test_a_claim_of_ones_own_in_a_paper_of_the_package_is_found(tmp_path):
    folder = authoring.write_template("limiting_dynamics/of_my_own", folder=tmp_path).parent.parent
    ask = (
        "from langevin_sgd.claims.discovery import find_claim as f; print(f('of_my_own').paper, "
        "f('integrator_orders').id)"
    )
    environment = os.environ | {"LANGEVIN_SGD_CLAIMS": str(folder)}
    words = [sys.executable, "-P", "-c", ask]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    assert (done.stdout, done.stderr) == ("limiting_dynamics integrator_orders\n", "")
