"""The command as a function of its words, with claims made for these tests."""

import subprocess
import sys
from pathlib import Path

import pytest

CLAIMS = Path(__file__).parent / "claims_for_tests"
collect_ignore = ["claims_for_tests"]


@pytest.fixture
def claims_folder(monkeypatch):
    """The claims of these tests stand in for those of the package, and join them in other
    processes.
    """
    import langevin_sgd.validation

    monkeypatch.setenv("LANGEVIN_SGD_CLAIMS", str(CLAIMS))
    monkeypatch.setattr(langevin_sgd.validation, "__path__", [str(CLAIMS)])
    return CLAIMS


@pytest.fixture
def command(claims_folder, capsys):
    """Run the command in this process; return status, stdout and stderr."""
    from langevin_sgd.cli import main

    def run(*words):
        capsys.readouterr()
        status = main([str(word) for word in words])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def start(claims_folder):
    """Start the command as a process of its own."""

    def run(*words, **options):
        line = [
            sys.executable,
            "-c",
            "import sys; from langevin_sgd.cli import main; sys.exit(main())",
        ]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([*line, *map(str, words)], **pipes, **options)

    return run
