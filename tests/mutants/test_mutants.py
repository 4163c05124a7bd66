"""The seeded wrong versions can be seeded, and the runner tells those that tests notice from those
that they do not.
"""

from collections import Counter
from pathlib import Path

import mutants as seeding
import pytest

MUTANTS = seeding.read_mutants()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: f"{one.room}/{one.name}")
def test_a_mutant_can_still_be_seeded(mutant):
    source = seeding.PROJECT / mutant.file
    assert mutant.seed(source.read_text(encoding="utf-8")) != source.read_text(encoding="utf-8")
    assert mutant.tests
    for test in mutant.tests:
        file, *names = test.split("::")
        text = (seeding.PROJECT / file).read_text(encoding="utf-8")
        assert all(f"{name.partition('[')[0]}" in text for name in names)


def test_names_are_unique():
    assert max(Counter((one.room, one.name) for one in MUTANTS).values()) == 1


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> seeding.Copy:
    monkeypatch.setattr(seeding, "COPIES", tmp_path)
    return seeding.Copy(0)


def a_mutant(**changes) -> seeding.Mutant:
    entry = {
        "name": "temperature-of-one-sample",
        "wrong": "the temperature forgets the batch size",
        "file": "langevin_sgd/sgd_settings.py",
        "find": "return self.lr / self.batch_size",
        "replace": "return self.lr",
        "tests": ("tests/mutants/test_mutants.py::test_the_temperature_of_the_settings",),
        "room": "settings",
    }
    return seeding.Mutant(**{**entry, **changes})


def test_the_temperature_of_the_settings():
    from langevin_sgd import SGD

    assert SGD(lr=1.0, batch_size=4).temperature == 0.25


def test_a_wrong_version_is_noticed_and_taken_out_again(copy):
    file = copy.place / "langevin_sgd/sgd_settings.py"
    before = file.read_bytes(), file.stat().st_mtime_ns
    outcome = copy.try_mutant(a_mutant())
    assert (outcome.verdict, outcome.by.rpartition("::")[2]) == (
        "noticed",
        "test_the_temperature_of_the_settings",
    )
    assert before == (file.read_bytes(), file.stat().st_mtime_ns)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"replace": "return 1.0 * self.lr / self.batch_size"}, "unnoticed"),
        ({"find": "no such text"}, "not tried"),
        ({"replace": "return self.lr / self.batch_size"}, "not tried"),
        ({"tests": ("tests/mutants/test_mutants.py::test_that_is_not_there",)}, "not tried"),
        ({"replace": "return (self.lr"}, "not tried"),
    ],
    ids=[
        "without effect",
        "text that is not there",
        "no change",
        "no such test",
        "does not compile",
    ],
)
def test_what_proves_nothing_does_not_count_as_noticed(copy, changes, verdict):
    assert copy.try_mutant(a_mutant(**changes)).verdict == verdict
