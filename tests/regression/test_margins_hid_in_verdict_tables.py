"""What stands by its margin alone shows: margins beside predictions, the pull without them, and how
many pass so.
"""

import json
import re
from operator import itemgetter

import pytest

import langevin_sgd as ls
from langevin_sgd.claims import Comparison
from langevin_sgd.claims.controls import control_verdict, judge_controls
from langevin_sgd.claims.judgement import Judgement, judge_comparisons
from langevin_sgd.claims.report import summary, write_report
from langevin_sgd.claims.verdict import critical_value, passes_by_margin, pull, pull_without_margin
from langevin_sgd.cli.claims import verdict_table

Z = critical_value()


class Slope(ls.claims.Claim):
    """Prediction 0 within 0.04, measured 125 standard errors from 0: it stands by the margin."""

    id, paper = "slope", "tests"
    title = statement = formula = source = validity = control_statement = "text"


def comparison(name, prediction, **more):
    return Comparison(name=name, prediction=prediction, measure=itemgetter(name), **more)


@pytest.fixture
def judgement():
    margin = {"margin": 0.04, "basis": "theory", "reason": "second order"}
    comparisons = [
        comparison("slope of x", 0.0, rivals={"rival": 1.0}, wrong=3.0, **margin),
        comparison("exact of y", 1.0, rivals={"rival": 2.0}, **margin),
    ]
    measured = {
        "slope of x": ls.Estimate(value=0.0375, standard_error=0.0003),
        "exact of y": ls.Estimate(value=1.0002, standard_error=0.0003),
    }
    verdict, judged = judge_comparisons(comparisons, measured)
    control = judge_controls(comparisons, measured, measured)
    return Judgement(
        Slope(), "quick", 0, verdict, control_verdict(control), comparisons=judged, control=control
    )


def test_the_document_has_the_pull_without_the_margin(judgement):
    document = json.loads(json.dumps(judgement.to_dict(), allow_nan=False))
    assert document["verdict"] == "supported"
    assert document["decided_by"] == "slope of x"
    assert document["margin"] == 0.04
    assert document["pull"] == pytest.approx(0.0375 / 0.0400011, rel=1e-5)
    assert document["pull_without_margin"] == pytest.approx(125.0)
    assert document["by_margin"] == 1
    assert [one["pull_without_margin"] for one in document["components"]] == pytest.approx(
        [125.0, 0.0002 / 0.0003]
    )
    assert [one["margin"] for one in document["components"]] == [0.04, 0.04]


def test_the_table_shows_margin_pull_and_deciding_component(judgement):
    header, _, row = str(verdict_table([judgement])).splitlines()
    for words in ("decided by", "(m-p)/se", "pull", "by margin"):
        assert words in header
    for words in (
        "slope of x",
        "0 +- 0.04",
        "0.03750 +- 0.00030",
        "+125.00",
        "+0.94",
        "1 of 2",
        "supported",
    ):
        assert f" {words}" in row


def test_the_summary_counts_what_stands_by_its_margin(judgement):
    assert "Predictions met within their margin only: 2 of 4." in summary([judgement, judgement])


def test_the_report_shows_the_same(judgement, tmp_path):
    write_report([judgement], tmp_path)
    for name in ("report.md", "index.html"):
        text = " ".join(re.sub(r"<[^>]*>", " ", (tmp_path / name).read_text()).split())
        for words in (
            "0 ± 0.04",
            "+125.00",
            "+0.94",
            "1 of 2",
            "slope of x",
            "within the margin only",
            "p)/se",
        ):
            assert words in text, words


@pytest.mark.parametrize(
    ("value", "error", "margin", "by_margin"),
    [
        (1.0 + 0.99 * Z * 0.01, 0.01, 0.5, False),  # met without the margin too
        (1.0 + 1.01 * Z * 0.01, 0.01, 0.5, True),
        (1.0 - 1.01 * Z * 0.01, 0.01, 0.5, True),
        (1.5 + 0.99 * Z * 0.01, 0.01, 0.5, True),  # the margin and the error together
        (1.5 + 1.01 * Z * 0.01, 0.01, 0.5, False),  # missed, whatever the margin
        (1.0 + 1.01 * Z * 0.01, 0.01, 0.0, False),
        (1.0, 0.0, 0.1, False),
        (1.05, 0.0, 0.1, True),  # an exact number off the prediction
    ],
)
def test_what_passes_by_margin_alone(value, error, margin, by_margin):
    assert (
        passes_by_margin(1.0, margin, ls.Estimate(value=value, standard_error=error)) is by_margin
    )


def test_by_margin_counts_degrees_of_freedom_and_nothing_unusable():
    six_errors_off = {"value": 1.0 + 6.0 * 0.01, "standard_error": 0.01}
    assert passes_by_margin(1.0, 0.5, ls.Estimate(**six_errors_off))
    assert not passes_by_margin(
        1.0, 0.5, ls.Estimate(**six_errors_off, n_independent=16)
    )  # z = 7.6
    assert not passes_by_margin(1.0, 0.5, None)
    assert not passes_by_margin(1.0, 0.5, ls.Estimate.refused("too short", value=1.4))


def test_the_pull_without_margin_is_in_standard_errors():
    below = ls.Estimate(value=0.4, standard_error=0.2)
    assert pull_without_margin(1.0, below) == pytest.approx(-3.0)
    assert pull(1.0, 0.0, below) == pytest.approx(-3.0)
    assert abs(pull(1.0, 0.7, below)) < 1
    assert pull_without_margin(1.0, ls.Estimate(value=1.5, standard_error=0.0)) is None
    assert pull_without_margin(1.0, ls.Estimate(value=1.0, standard_error=0.0)) == 0.0
    assert pull_without_margin(1.0, None) is None
