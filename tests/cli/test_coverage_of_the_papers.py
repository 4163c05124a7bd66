"""Every statement of the papers, and the claims that judge it."""

import pytest

import langevin_sgd as ls
from langevin_sgd.claims.coverage import read_coverage, standing
from langevin_sgd.claims.discovery import find_claims
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


def test_the_largest_tier_that_was_completed_is_shown():
    claim = find_claims(paper="limiting_dynamics")[0]
    name = f"{claim.paper}/{claim.id}"
    quick, full = judged(claim, "quick", "supported"), judged(claim, "full", "refuted")
    assert standing([quick])[name] == "supported (quick)"
    assert standing([full, quick])[name] == "refuted (full)"
    assert standing([quick, judged(claim, "full", "not_run")])[name] == "supported (quick)"
    assert standing([]) == {}


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
