"""The digest of sources: what changes it and what does not."""

import langevin_sgd.validation
import pytest

from langevin_sgd.sweep.digest import digest, sources

CLAIM = '''"""A claim."""
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import langevin_sgd as ls
from langevin_sgd.validation.digest_tests.shared import helper

if TYPE_CHECKING:
    from langevin_sgd import plotting

FACTOR = 2.0
OTHER = 3.0


@dataclass(frozen=True)
class Settings:
    """Settings."""

    lr: float


def scaled(x):
    """Scale."""
    return FACTOR * x  # by the factor


@ls.sweep.task(version=1)
def simulate(settings: Settings):
    """Simulate."""
    return ls.dataset.make({"x": (("sample",), scaled(np.ones(3)), "1")}, kind=str(helper(ls.SGD)))


class Judge(ls.claims.Claim):
    """Judge."""

    def comparisons(self, tier):
        return [lambda data: ls.Estimate.from_samples(OTHER * data["x"])]
'''
SHARED = '''"""Shared."""
from langevin_sgd import checks


def helper(x):
    """Help."""
    return checks.is_real(x)


def bystander(x):
    return x
'''
NAME = "langevin_sgd.validation.digest_tests.claim:simulate"


@pytest.fixture
def edit(tmp_path, monkeypatch, forget):
    """Write the two modules, edited; return the digest of the task."""
    folder = tmp_path / "digest_tests"
    folder.mkdir()
    monkeypatch.setattr(
        langevin_sgd.validation, "__path__", [*langevin_sgd.validation.__path__, str(tmp_path)]
    )

    def write(old="", new="", *, shared_old="", shared_new=""):
        assert old in CLAIM
        assert shared_old in SHARED
        (folder / "claim.py").write_text(CLAIM.replace(old, new) if old else CLAIM)
        (folder / "shared.py").write_text(
            SHARED.replace(shared_old, shared_new) if shared_old else SHARED
        )
        forget("digest_tests")
        return digest(NAME)

    yield write
    forget("digest_tests")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Simulate."""', '"""Simulate, well described."""'),
        ("  # by the factor", "  # a new remark"),
        ("return FACTOR * x", "return (FACTOR  *  x)"),
        ("OTHER * data", "(OTHER + 1) * data"),
        ("OTHER = 3.0", "OTHER = 4.0"),
        ("from langevin_sgd import plotting", "from langevin_sgd import theory"),
        ('    """Settings."""\n', '    """Settings, explained."""\n'),
    ],
)
def test_words_and_judgement_do_not_count(edit, old, new):
    assert edit(old, new) == edit()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("FACTOR = 2.0", "FACTOR = 2.5"),
        ("return FACTOR * x", "return FACTOR + x"),
        ("np.ones(3)", "np.ones(4)"),
        ("    lr: float\n", "    lr: float\n    steps: int = 3\n"),
        ("FACTOR = 2.0\n", "FACTOR = 2.0\nnp.seterr(all='ignore')\n"),
    ],
)
def test_everything_the_task_reaches_counts(edit, old, new):
    assert edit(old, new) != edit()


def test_shared_modules_count_as_a_whole(edit):
    assert edit(shared_old="is_real(x)", shared_new="is_real(2 * x)") != edit()
    assert edit(shared_old="    return x\n", shared_new="    return -x\n") != edit()
    assert edit(shared_old='"""Help."""', shared_new='"""Assist."""') == edit()


def test_modules_reached(edit):
    edit()
    reached = {module.removeprefix("langevin_sgd.") for module in sources(NAME)}
    reached = {"checks" if name.startswith("checks.") else name for name in reached}
    through_the_lazy_table = {"sgd_settings", "dataset", "netcdf"}
    own = {"validation.digest_tests.claim", "validation.digest_tests.shared"}
    assert reached == own | {"checks"} | through_the_lazy_table


def test_exports_are_followed_to_where_a_name_is_written(edit):
    edit("ls.SGD", "ls.LinearRegression.from_data")
    assert "langevin_sgd.models.linear_regression" in sources(NAME)
    assert "langevin_sgd.models" not in sources(NAME)


def test_a_package_passed_on_whole_counts_whole(edit):
    edit("helper(ls.SGD)", "helper(ls)")
    assert {"langevin_sgd.theory", "langevin_sgd.training", "langevin_sgd.data"} <= set(
        sources(NAME)
    )


def test_relative_imports_and_aliases(edit):
    edit(
        "from langevin_sgd.validation.digest_tests.shared import helper",
        "from .shared import helper",
    )
    assert "langevin_sgd.validation.digest_tests.shared" in sources(NAME)
    edit(
        "import langevin_sgd as ls",
        "import langevin_sgd as ls\nimport langevin_sgd.randomness as r",
    )
    assert "langevin_sgd.randomness" not in sources(NAME)
    edit("scaled(np.ones(3))", "__import__('numpy').ones(ls.derive_seed(0))")
    assert "langevin_sgd.randomness" in sources(NAME)
