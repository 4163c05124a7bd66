"""Every statement of the papers, and the claims that judge it."""

import json

import pytest

import langevin_sgd as ls
from langevin_sgd.claims.coverage import read_coverage, standing
from langevin_sgd.claims.criteria import criteria_of
from langevin_sgd.claims.discovery import claim_folders, find_claim, find_claims
from langevin_sgd.claims.history import published_history
from langevin_sgd.claims.judgement import Judgement
from langevin_sgd.claims.report import write_report


def test_all_four_papers_are_covered_by_claims_that_there_are():
    papers = read_coverage()
    assert [paper.key for paper in papers] == [
        "limiting_dynamics",
        "sgd_regimes",
        "flat_minima",
        "online_learning",
    ]
    known = {(claim.paper, claim.id) for claim in find_claims()}
    for paper in papers:
        for one in paper.statements:
            assert one.says.endswith(".")
            assert {(paper.key, name) for name in one.claims} <= known
            # What is printed is the paper's, and says where it was read.
            assert not one.printed or "(" in one.printed


def test_every_claim_of_a_paper_answers_to_a_statement_of_it_or_is_our_own():
    """Numerics and laws of our own have none."""
    papers = {paper.key: paper for paper in read_coverage()}
    named = {
        key: {name for one in paper.statements for name in one.claims}
        for key, paper in papers.items()
    }
    for claim in find_claims():
        if claim.paper in papers and claim.id not in named[claim.paper]:
            assert "derived" in claim.source, claim.id


def judged(claim, tier, verdict):
    return Judgement(claim, tier, 0, verdict, "refuted")


def test_the_largest_tier_that_was_completed_is_shown(monkeypatch):
    monkeypatch.setattr("langevin_sgd.claims.coverage.published_history", list)
    claim = find_claims(paper="limiting_dynamics")[0]
    name = f"{claim.paper}/{claim.id}"
    quick, full = judged(claim, "quick", "supported"), judged(claim, "full", "refuted")
    assert standing([quick])[name] == "supported (quick)"
    assert standing([full, quick])[name] == "refuted (full)"
    assert standing([quick, judged(claim, "full", "not_run")])[name] == "supported (quick)"
    assert standing([]) == {}


def test_what_older_criteria_said_is_shown_as_such(monkeypatch):
    """The largest tier counts, also where criteria have changed since. Control: by the present
    ones nothing is added.
    """
    claim = find_claims(paper="limiting_dynamics")[0]
    name = f"{claim.paper}/{claim.id}"
    line = {"claim": name, "tier": "full", "stream": "deciding", "verdict": "underpowered"}
    line |= {"grade": None, "criteria": criteria_of(claim).digest}
    for digest, words in ((line["criteria"], "full"), ("0" * 20, "full, by older criteria")):
        published = [line | {"criteria": digest}]
        monkeypatch.setattr("langevin_sgd.claims.coverage.published_history", lambda p=published: p)
        assert standing([judged(claim, "quick", "supported")])[name] == f"underpowered ({words})"


def test_an_outcome_of_a_claim_that_is_gone_keeps_no_report_from_being_written(monkeypatch):
    """Somebody's claim whose file was taken away, with a line in the history beside it."""
    line = {"tier": "full", "stream": "deciding", "verdict": "refuted", "criteria": "0" * 20}
    names = ("limiting_dynamics/gone", "nobody/gone", "gone")
    published = [{**line, "claim": name} for name in names]
    monkeypatch.setattr("langevin_sgd.claims.coverage.published_history", lambda: published)
    assert standing([]) == dict.fromkeys(names, "refuted (full)")


def test_published_outcomes_name_claims_there_are_and_criteria_there_were():
    """One line an outcome, of the deciding stream, by criteria that are published beside them."""
    [folder] = claim_folders()
    versions = json.loads((folder / "results" / "criteria.json").read_text(encoding="utf-8"))
    seen = set()
    for line in published_history():
        claim = find_claim(line["claim"])
        assert (claim.paper + "/" + claim.id, line["stream"]) == (line["claim"], "deciding")
        digests = [one["digest"] for one in versions[criteria_of(claim).sample]]
        assert line["version"] == digests.index(line["criteria"]) + 1
        seen.add((line["claim"], line["tier"], line["criteria"], line["seed"]))
    assert len(seen) == len(published_history())


def test_published_numbers_are_those_of_published_outcomes():
    """One entry an outcome of a full tier, with the same verdict."""
    [folder] = claim_folders()
    entries = json.loads((folder / "results" / "full.json").read_text(encoding="utf-8"))
    shared = ("claim", "tier", "seed", "criteria", "version", "verdict", "control_verdict", "grade")
    outcomes = [{name: line[name] for name in shared} for line in published_history()]
    for entry in entries:
        assert {name: entry[name] for name in shared} in outcomes
        assert entry["components"]
    assert len(entries) == len(outcomes)


def test_the_report_has_a_page_of_the_papers(tmp_path):
    claim = find_claims(paper="limiting_dynamics")[0]
    write_report([judged(claim, "quick", "supported")], tmp_path)
    for name in ("coverage.html", "coverage.md"):
        text = (tmp_path / name).read_text()
        assert "none yet" in text
        assert "supported (quick)" in text
        assert text.count("arXiv") >= 4
    assert "coverage.html" in (tmp_path / "index.html").read_text()


def test_a_damaged_list_of_statements_is_one_line(tmp_path, monkeypatch):
    import langevin_sgd.validation

    monkeypatch.setattr(langevin_sgd.validation, "__path__", [str(tmp_path)])
    for text in ("[[paper]]\nname = 'x'\n", "paper = 3\n", "["):
        (tmp_path / "coverage.toml").write_text(text)
        with pytest.raises(ls.InputError, match=r"coverage\.toml': holds no papers") as refusal:
            read_coverage()
        assert "\n" not in str(refusal.value)
