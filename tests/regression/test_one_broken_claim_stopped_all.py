"""A file of claims that does not import, or a claim that raises when it is asked, stopped every
verb for all.
"""

import json
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor

import pytest

import langevin_sgd as ls
from langevin_sgd.claims import runner
from langevin_sgd.claims.discovery import find_claims
from langevin_sgd.cli import main

GOOD = (ls.claims.authoring.TEMPLATES / "claim.py.txt").read_text().replace("CLASS_NAME", "Good")
BROKEN = {
    "name": (
        "import nowhere_to_be_found\n",
        "cannot be imported (ModuleNotFoundError: No module named 'nowhere",
    ),
    "syntax": ("def broken(:\n", "cannot be imported (SyntaxError: "),
    "lines": ("raise RuntimeError('one\\ntwo')\n", "cannot be imported (RuntimeError: one two)"),
    "leaves": ("import sys\nsys.exit(3)\n", "cannot be imported (SystemExit: 3)"),
    "textless": (
        GOOD.replace("    title = ", "    other = ").replace("Good", "Textless"),
        "title is missing",
    ),
    "two": (f"{GOOD}\n\nclass Other(Good):\n    pass\n", "must hold one claim"),
}
PREDICTIONS = "\n    def comparisons(self, tier):\n        return"
UNPREDICTED = {
    "asked": (
        f"{GOOD}{PREDICTIONS} [1 / 0]\n".replace("Good", "Asked"),
        "planning raised ZeroDivisionError: division by zero (comparisons, line ",
    ),
    "untrue": (f"{GOOD}{PREDICTIONS} []\n".replace("Good", "Untrue"), "comparisons = []"),
}
"""Claims that can be read but not asked for their predictions; a report, which predicts only where
results are stored, does not ask.
"""


class InThisProcess(ThreadPoolExecutor):
    """Stands in for the pool of worker processes, which would import all there is once more."""

    capacity, death = 1, BrokenExecutor

    def __init__(self, workers=None):
        super().__init__(1)

    def check(self):
        pass

    def close(self, *, at_once):
        self.shutdown()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of claims: each of its own paper, so that no module of another test is taken for
    it.
    """
    import langevin_sgd.validation

    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "claims"
    paper = f"paper_{tmp_path.name}"
    (folder / paper).mkdir(parents=True)
    (folder / paper / "good.py").write_text(GOOD)
    monkeypatch.setenv("LANGEVIN_SGD_CLAIMS", str(folder))
    monkeypatch.setattr(langevin_sgd.validation, "__path__", [str(folder)])
    return folder / paper


@pytest.mark.parametrize(
    ("text", "message"), (BROKEN | UNPREDICTED).values(), ids=BROKEN | UNPREDICTED
)
def test_one_broken_claim_is_one_line_and_the_others_run(
    folder, capsys, monkeypatch, text, message
):
    (folder / "broken.py").write_text(text)
    assert main(["claims", "list", "--json"]) == 0
    assert [one["id"] for one in json.loads(capsys.readouterr().out)] == ["broken", "good"]

    monkeypatch.setattr("langevin_sgd.sweep.execution.LocalPool", InThisProcess)
    assert main(["claims", "run", "--json"]) == 1
    out, err = capsys.readouterr()
    assert {one["id"]: one["verdict"] for one in json.loads(out)} == {
        "broken": "failed",
        "good": "supported",
    }
    assert err.startswith(f"{folder.name}/broken: failed: claim {folder.name}/broken")
    assert message in err
    assert err.count("\n") == 1

    assert main(["claims", "run", "good", "--json"]) == 0
    capsys.readouterr()
    assert main(["claims", "report"]) == 0
    out, err = capsys.readouterr()
    if message in dict(UNPREDICTED.values()).values():
        assert "2 claims: 1 supported, 1 not run; none not as expected" in out
        assert f"{folder.name}/broken: not_run: 1 of 1 results are missing" in err
    else:
        assert "2 claims: 1 supported, 1 failed; 1 not as expected" in out
        assert message in err
        assert "not run" not in err

    assert main(["claims", "show", "broken"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err


def test_arguments_are_refused_whatever_the_claims_are(folder):
    (folder / "broken.py").write_text("import nowhere_to_be_found\n")
    store = ls.sweep.Store("results")
    for options in ({"tier": "quik"}, {"seed": -1}, {"device": "gpu"}):
        with pytest.raises(ls.InputError, match=f"^{next(iter(options))} = "):
            runner.run(find_claims(), store, **options)
