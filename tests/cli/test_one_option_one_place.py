"""An option is declared once: one more field of the settings is everywhere by editing one file."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import langevin_sgd as ls

PACKAGE = Path(ls.__file__).parent
FIELD = "    seconds: float | None = None\n"
DECLARED = FIELD + '    shade: str = "plain"\n'
TEXT = """    Raises
    ------
    InputError
        If a field lies outside its range.

    Examples
    --------
    >>> NetworkEngine("""
SAID = TEXT.replace(
    "    Raises", "    shade\n        A colour that no physics reads.\n\n    Raises", 1
)


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Run a program on a copy of the package in which the engine of networks has one field more."""
    here = tmp_path_factory.mktemp("copy")
    shutil.copytree(PACKAGE, here / "langevin_sgd", ignore=shutil.ignore_patterns("__pycache__"))
    file = here / "langevin_sgd" / "training" / "network_engine.py"
    source = file.read_text(encoding="utf-8")
    assert source.count(FIELD) == source.count(TEXT) == 1
    file.write_text(source.replace(FIELD, DECLARED).replace(TEXT, SAID), encoding="utf-8")

    def run(*words):
        environment = os.environ | {"PYTHONPATH": str(here)}
        done = subprocess.run(
            [sys.executable, "-P", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            cwd=here,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_it_is_an_option_of_the_command_with_its_help_and_default(program):
    text = " ".join(program("-m", "langevin_sgd", "train", "--help").split())
    assert "--shade NAME" in text
    assert "A colour that no physics reads. (default: plain)" in text


def test_it_is_in_python_in_provenance_in_grids_and_in_what_claims_make(program):
    """A claim makes the values of the package; its tasks hold the field where it has been set."""
    found = json.loads(
        program(
            "-c",
            """
import json
import langevin_sgd as ls
network = ls.models.networks.FullyConnected(dimension=4, width=4, depth=1)
problem = ls.NetworkProblem(network, ls.data.SyntheticPoints(
    law=ls.data.DepletedSign(points=8, dimension=4), test_points=4))
settings, stop = ls.SGD(lr=0.1, batch_size=2), ls.Stop(max_steps=4)
engine = ls.training.NetworkEngine(shade="blue")
run = ls.training.run(problem, settings, stop=stop, engine=engine, seed=1)
grid = ls.experiments.Grid(problem, settings, stop=stop, axes={"alpha": (1.0,)}, engine=engine)
plain = ls.experiments.Grid(problem, settings, stop=stop, axes={"alpha": (1.0,)})
print(json.dumps({
    "provenance": ls.dataset.provenance(run)["engine"],
    "tasks": [json.loads(task.settings)["engine"] for task in grid.tasks()],
    "plain": ["shade" in task.settings for task in plain.tasks()],
}))
""",
        )
    )
    assert found["provenance"]["shade"] == "blue"
    assert found["tasks"] == [{"class": "network_engine", "shade": "blue"}]
    assert found["plain"] == [False]
