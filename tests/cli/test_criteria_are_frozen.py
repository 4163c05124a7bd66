"""Criteria that are changed after data: seen by the digest, judged on other data and at a stricter
level, and shown.
"""

import json
import textwrap

import pytest

import langevin_sgd as ls
from langevin_sgd.claims import criteria, runner
from langevin_sgd.claims.criteria import criteria_of
from langevin_sgd.claims.discovery import claim_folders, find_claim, find_claims
from langevin_sgd.claims.history import read_history
from langevin_sgd.claims.report import write_report
from langevin_sgd.claims.runner import judge_stored
from langevin_sgd.claims.verdict import level_of
from langevin_sgd.cli.claims import verdict_table
from langevin_sgd.sweep import Store

HELPER = '''
    """Shared by claims."""

    WINDOW = (0, 50)


    def unused(x):
        return x
'''
CLAIM = '''
    """A coin is fair."""

    from dataclasses import dataclass

    import numpy as np

    import langevin_sgd as ls
    from langevin_sgd.validation.PAPER._shared import WINDOW

    MARGIN = 0.01


    @dataclass(frozen=True)
    class Toss:
        seed: int
        heads: float = 0.5


    @ls.sweep.task(version=1)
    def toss(settings):
        heads = np.random.default_rng(settings.seed).random((50, 4000)) < settings.heads
        return ls.dataset.make({"f": (("replica",), heads.mean(axis=1), "1")}, kind="toss")


    class Fair(ls.claims.Claim):
        title = "Fair coin"
        statement = "Heads and tails come equally often."
        formula = "p = 1/2"
        source = "derived"
        validity = "any number"
        control_statement = "p = 0.7"
        tiers = ("quick",)

        def tasks(self, tier, seed):
            return {"hand": toss.at(Toss(seed))}

        def comparisons(self, tier):
            # one number
            return [
                ls.claims.Comparison(
                    name="heads",
                    prediction=0.5,
                    margin=MARGIN,
                    basis="convention",
                    reason="coins are worn",
                    rivals={"loaded": 0.6},
                    measure=self.share,
                )
            ]

        def share(self, data):
            return ls.Estimate.from_samples(data["hand"]["f"].values[slice(*WINDOW)])

        def panels(self, data, tier):
            return []
'''
SILENT = {
    "remark": ("# one number", "# just one number"),
    "layout": ("rivals={", "rivals = {"),
    "name": ('name="heads"', 'name="share of heads"'),
    "reason": ("coins are worn", "coins are old"),
    "title": ("Fair coin", "A fair coin"),
    "figure": ("return []", "return list()"),
    "docstring": ('"""A coin is fair."""', '"""Toss a coin."""'),
    "unused helper": ("return x", "return -x"),
    "how data are made": ('kind="toss"', 'kind="tosses"'),
    "type": ("def share(self, data):", "def share(self, data: dict):"),
}
DECISIVE = {
    "margin": ("MARGIN = 0.01", "MARGIN = 0.02"),
    "prediction": ("prediction=0.5", "prediction=0.51"),
    "rival": ("0.6}", "0.7}"),
    "basis": ('basis="convention"', 'basis="pilot"'),
    "measurement": ("from_samples(data", "from_samples(1 - data"),
    "constant of a helper": ("(0, 50)", "(0, 40)"),
    "grid": ("toss.at(Toss(seed))", "toss.at(Toss(seed, 0.5))"),
}


@pytest.fixture
def edited(tmp_path, monkeypatch):
    """Make a claim whose source has been edited; every edit is a paper of its own."""
    import langevin_sgd.validation

    monkeypatch.setattr(langevin_sgd.validation, "__path__", [str(tmp_path / "claims")])
    monkeypatch.setenv("LANGEVIN_SGD_CLAIMS", str(tmp_path / "claims"))
    papers = iter(f"{tmp_path.name.replace('-', '_').lower()}_{k}" for k in range(100))

    def make(before="", after=""):
        paper = next(papers)
        folder = tmp_path / "claims" / paper
        folder.mkdir(parents=True)
        texts = {"_shared.py": HELPER, "fair.py": CLAIM.replace("PAPER", paper)}
        assert before == "" or any(before in text for text in texts.values())
        for name, text in texts.items():
            changed = text.replace(before, after) if before else text
            (folder / name).write_text(textwrap.dedent(changed))
        claim = find_claim(f"{paper}/fair")
        assert not claim.fault
        claim.paper = "paper"
        return claim

    return make


@pytest.mark.parametrize("edit", SILENT)
def test_what_decides_nothing_leaves_the_criteria_as_they_are(edited, edit):
    one, two = criteria_of(edited()), criteria_of(edited(*SILENT[edit]))
    assert one.digest == two.digest
    assert one.stream(0) == two.stream(0)


@pytest.mark.parametrize("edit", DECISIVE)
def test_what_decides_changes_the_criteria_and_the_data(edited, edit):
    one, two = criteria_of(edited()), criteria_of(edited(*DECISIVE[edit]))
    assert one.digest != two.digest
    assert one.stream(0) != two.stream(0)
    assert one.stream(0, development=True) == two.stream(0, development=True)
    assert one.stream(0) not in (one.stream(1), one.stream(0, development=True))


def test_a_raised_version_of_an_estimator_changes_the_criteria(edited, monkeypatch):
    one = criteria_of(edited())
    monkeypatch.setitem(criteria.ESTIMATOR_VERSIONS, "Estimate", 2)
    assert criteria_of(edited()).digest != one.digest


def test_criteria_tuned_after_the_fact_are_caught(edited, tmp_path):
    """The margin is changed once data are there: the report asks for a new run and shows what was
    changed; the new run has other data and half the level, and the history both outcomes.
    """
    store, original = Store(tmp_path / "results"), edited()
    [first] = runner.run([original], store, workers=1)
    assert (first.verdict, first.criteria.version) == ("supported", 1)
    tuned = edited(*DECISIVE["margin"])
    [seen] = judge_stored(store, claims=[tuned])
    assert (seen.verdict, seen.criteria.version) == ("not_run", 2)
    assert "criteria changed after data" in seen.reason
    assert {"-MARGIN = 0.01", "+MARGIN = 0.02"} <= set(seen.changed.splitlines())
    page = write_report([seen], tmp_path / "report")
    assert "+MARGIN = 0.02" in page.read_text()
    assert "+MARGIN = 0.02" in (tmp_path / "report" / "report.md").read_text()

    [second] = runner.run([tuned], store, workers=1)
    assert second.criteria.version == 2
    assert second.to_dict()["measurement"] != first.to_dict()["measurement"]
    assert {item.level for item in second.comparisons} == {level_of(2)}
    runner.run([tuned], store, workers=1)
    history = read_history(store)
    assert [line["version"] for line in history] == [1, 2]
    # Back to the first criteria: their data and their version are still there.
    [back] = judge_stored(store, claims=[original])
    assert (back.verdict, back.criteria.version, back.changed) == ("supported", 1, "")


def test_the_development_stream_decides_nothing(edited, tmp_path):
    """Other data, kept in the history and in no report; criteria are not registered by it."""
    store, claim = Store(tmp_path / "results"), edited()
    [tried] = runner.run([claim], store, workers=1, development=True)
    assert tried.to_dict()["stream"] == "development"
    [nothing] = judge_stored(store, claims=[claim])
    assert nothing.verdict == "not_run"
    assert not (tmp_path / "results" / "criteria.json").exists()
    [decided] = runner.run([claim], store, workers=1)
    assert decided.to_dict()["measurement"] != tried.to_dict()["measurement"]
    assert [line["stream"] for line in read_history(store)] == ["development", "deciding"]


def test_a_claim_may_set_data_aside_for_development(edited, tmp_path):
    """Its own tasks, and only there: coins that fall on heads more often are not what decides."""
    aside = """def development_tasks(self, tier, seed):
            return {"hand": toss.at(Toss(seed, 0.9))}

        def comparisons"""
    store, claim = Store(tmp_path / "results"), edited("def comparisons", aside)
    assert criteria_of(claim).digest == criteria_of(edited()).digest
    [tried] = runner.run([claim], store, workers=1, development=True)
    assert tried.to_dict()["measurement"] == pytest.approx(0.9, abs=0.01)
    [decided] = runner.run([claim], store, workers=1)
    assert decided.to_dict()["measurement"] == pytest.approx(0.5, abs=0.01)


def test_the_table_of_the_development_stream_says_how_many_replicas_are_needed(edited, tmp_path):
    """At a margin of 0.002. Control: at ten times the margin there are enough."""
    store = Store(tmp_path / "results")
    few, enough = (edited("MARGIN = 0.01", f"MARGIN = {d}") for d in (0.002, 0.02))
    tried = [runner.run([one], store, workers=1, development=True)[0] for one in (few, enough)]
    assert tried[1].replicas_needed < 1 < tried[0].replicas_needed
    lines = [str(verdict_table([one])).splitlines()[-1] for one in tried]
    assert lines[0].endswith("x replicas")
    assert lines[1].endswith(" -")
    decided = runner.run([enough], store, workers=1)
    assert "needs" not in str(verdict_table(decided))


def test_versions_used_before_count_first(edited, tmp_path):
    """The versions that stand beside the claims are those of other machines."""
    claim = edited()
    published = tmp_path / "claims" / "results" / "criteria.json"
    published.parent.mkdir()
    entries = [{"digest": digest, "text": ""} for digest in ("a", "b")]
    published.write_text(json.dumps({"paper/fair": entries}))
    [judged] = runner.run([claim], Store(tmp_path / "results"), workers=1)
    assert judged.criteria.version == 3


def test_damaged_criteria_are_not_forgotten_in_silence(edited, tmp_path):
    store, claim = Store(tmp_path / "results"), edited()
    runner.run([claim], store, workers=1)
    (tmp_path / "results" / "criteria.json").write_text("{")
    with pytest.raises(ls.InputError, match=r"criteria\.json': is damaged"):
        runner.run([claim], store, workers=1)


def test_claims_of_one_sample_share_their_criteria():
    """And their runs, so that the same task is computed once; those of other samples share none."""
    claims = find_claims(paper="sgd_regimes")
    digests = {}
    for claim in claims:
        digests.setdefault(claim.sample or claim.id, set()).add(criteria_of(claim).digest)
    assert all(len(found) == 1 for found in digests.values())
    assert len({digest for found in digests.values() for digest in found}) == len(digests)
    assert len(digests) < len(claims)


def test_the_criteria_of_the_package_are_published():
    """The versions that were used, the present one last, so that every clone judges at the level of
    that version. Whoever changes criteria adds their digest to validation/results/criteria.json.
    """
    [folder] = claim_folders()
    published = json.loads((folder / "results" / "criteria.json").read_text(encoding="utf-8"))
    present = {
        found.sample: found.digest
        for claim in find_claims()
        for found in [criteria_of(claim)]
        if "quick" in claim.tiers or found.sample in published
    }
    assert {sample: versions[-1]["digest"] for sample, versions in published.items()} == present
