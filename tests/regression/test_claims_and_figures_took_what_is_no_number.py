"""Comparisons of claims, the rule of the verdict and figures convert what they are given, or refuse
it in one line.
"""

import json

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.claims import Comparison
from langevin_sgd.claims.authoring import describe, run_command, write_template
from langevin_sgd.claims.discovery import find_claim
from langevin_sgd.claims.judgement import JudgedComparison
from langevin_sgd.claims.report import pull_in_words, summary, write_report
from langevin_sgd.claims.runner import judge_stored, plan, run
from langevin_sgd.claims.verdict import critical_value, judge, pull, worst
from langevin_sgd.plotting.panel import to_csv

ESTIMATE = ls.Estimate(value=1.0, standard_error=0.1)


def comparison(name, prediction, margin=0.0, reason="", **more):
    return Comparison(
        **{"name": name, "prediction": prediction, "margin": margin, "reason": reason}
        | {"measure": lambda data: ESTIMATE, "basis": "theory"}
        | more
    )


def test_comparisons_hold_numbers_of_python():
    found = comparison(
        "a",
        np.float32(0.5),
        np.array(0.25),
        "rough",
        rivals={"rival": np.int64(2)},
        wrong=np.float32(3.0),
    )
    assert (found.prediction, found.margin, found.rivals) == (0.5, 0.25, {"rival": 2.0})
    assert (type(found.wrong), found.wrong) == (float, 3.0)
    assert json.dumps(JudgedComparison(found, None, "not_run").to_dict())


def test_comparisons_keep_the_rivals_that_they_were_made_with():
    rivals = {"rival": 2.0}
    found = comparison("a", 1.0, rivals=rivals)
    rivals["rival"] = 1.0
    assert found.nearest_rival == 1.0


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: comparison("a", np.array([1.0, 2.0])), "comparison 'a': prediction"),
        (lambda: comparison("a", 1 + 2j), "comparison 'a': prediction"),
        (lambda: comparison("a", "1"), "comparison 'a': prediction"),
        (lambda: comparison("a", 1.0, True, "why"), "comparison 'a': margin"),
        (lambda: comparison("a", 1.0, rivals=[2.0]), "comparison 'a': rivals"),
        (lambda: comparison(3, 1.0), "name"),
        (lambda: comparison("a", 1.0, measure=3), "comparison 'a': measure"),
        (lambda: comparison("a", 1.0, wrong="2"), "comparison 'a': wrong"),
        (lambda: comparison("a", 1.0, wrong_margin=-1.0), "comparison 'a': wrong_margin"),
        (lambda: judge(np.nan, 0.0, {}, ESTIMATE), "prediction"),
        (lambda: judge(1.0, -1.0, {}, ESTIMATE), "margin"),
        (lambda: comparison("a", 1.0, 0.1, b"why"), "comparison 'a': reason"),
        (lambda: comparison("a", True, 0.1), "comparison 'a': prediction"),
        (
            lambda: comparison("a", 1.0, rivals={"rival": "2"}),
            "comparison 'a': rivals['rival']",
        ),
        (lambda: comparison("a", 1.0, rivals={3: 2.0}), "comparison 'a': rivals: name"),
        (lambda: judge(1.0, 0.0, {"rival": np.inf}, ESTIMATE), "alternatives['rival']"),
        (lambda: judge(1.0, 0.0, [2.0], ESTIMATE), "alternatives"),
        (lambda: judge(1.0, 0.0, {}, 3), "estimate"),
        (lambda: judge(1.0, 0.0, {}, None, level=np.nan), "level"),
        (lambda: pull(1.0, 0.0, np.zeros(3)), "estimate"),
        (lambda: pull_in_words(1j), "pull"),
        (lambda: pull_in_words(10**400), "pull"),
        (lambda: worst(["nonsense"]), "verdicts"),
        (lambda: worst(3), "verdicts"),
        (lambda: describe("fair", "quick"), "claim"),
        (lambda: plan(3, "quick"), "claim"),
        (lambda: run_command("fair", 3), "folder"),
        (lambda: run_command(3, "claims"), "name"),
        (lambda: summary(3), "judgements"),
        (lambda: write_report([3], "report"), "judgements"),
        (lambda: write_report([], 3), "output"),
        (lambda: write_report([], "a\0b"), "output"),
        (lambda: write_report([], "report", stale=None), "stale"),
        (lambda: run({}, ls.sweep.Store("results")), "claims"),
        (lambda: pull(1.0, np.nan, ESTIMATE), "margin"),
        (lambda: critical_value(level=np.nan), "level"),
        (lambda: critical_value(level=1.0), "level"),
        (lambda: critical_value(np.nan), "degrees_of_freedom"),
        (lambda: critical_value(0), "degrees_of_freedom"),
        (lambda: critical_value([2.0]), "degrees_of_freedom"),
        (lambda: critical_value(level=np.array([0.5])), "level"),
        (lambda: run([3], ls.sweep.Store("results")), "claims"),
        (lambda: judge_stored("results"), "store"),
        (lambda: find_claim(3), "claim"),
        (lambda: write_template(3), "name"),
        (lambda: write_template("a/b", folder=3), "folder"),
        (lambda: ls.plotting.Series("a", [1.0], ["x"]), "'a': y"),
        (lambda: ls.plotting.Series("a", [1j], [1.0]), "'a': x"),
        (
            lambda: ls.plotting.Series("a", np.ma.masked_greater([1.0, 9.0], 5.0), [1.0, 2.0]),
            "'a': x",
        ),
        (lambda: ls.plotting.Series("a", None, [1.0]), "'a': x"),
        (lambda: ls.plotting.Series(3, [1.0], [1.0]), "label"),
        (lambda: ls.plotting.Map([1.0, np.nan], [1.0], [[1.0, 2.0]], "m"), "x"),
        (lambda: ls.plotting.Map([1.0, 2.0], [1.0], [[1.0, 2.0]], 3), "label"),
        (lambda: ls.plotting.Map([1.0, 2.0], [1.0], [[1.0, 2.0]], "m", missing=None), "missing"),
        (lambda: ls.plotting.Map([1.0, 2.0], [1.0], [[1.0, 2.0]], "m").places("X", "log"), "axis"),
        (
            lambda: ls.plotting.Map([1.0, 2.0], [1.0], [[1.0, 2.0]], "m").places("x", "cubic"),
            "scale",
        ),
        (lambda: ls.plotting.Panel("t", "x", "y", map=np.zeros(3)), "map"),
        (lambda: ls.plotting.Panel("t", "x", "y", None), "series"),
        (lambda: ls.plotting.Panel("t", "x", 3), "y_label"),
        (lambda: ls.plotting.Panel("t", "x", "y", [3]), "series"),
        (lambda: ls.plotting.draw([3]), "panels"),
        (lambda: ls.plotting.draw(3), "panels"),
        (lambda: to_csv({}), "panels"),
        (lambda: to_csv([None]), "panels"),
        (lambda: ls.plotting.to_svg(None), "figure"),
        (lambda: ls.plotting.save(None, "a.svg"), "figure"),
        (
            lambda: ls.plotting.save(
                ls.plotting.draw([ls.plotting.Panel("t", "x", "y")]), "a\0b.svg"
            ),
            "path",
        ),
        (
            lambda: ls.plotting.save(
                ls.plotting.draw([ls.plotting.Panel("t", "x", "y")]), "x" * 300 + ".svg"
            ),
            "path",
        ),
        (lambda: ls.plotting.draw([ls.plotting.Panel("t", "x", "y")], columns=0), "columns"),
        (lambda: ls.plotting.save(ls.plotting.draw([ls.plotting.Panel("t", "x", "y")]), 3), "path"),
    ],
)
def test_what_is_no_number_is_refused_by_name(call, name):
    with pytest.raises(ls.InputError) as refusal:
        call()
    assert str(refusal.value).startswith(f"{name} = ")
    assert "\n" not in str(refusal.value)


def test_numbers_of_any_kind_are_taken():
    assert critical_value(np.array(3), level=np.float32(0.5)) == critical_value(3.0, 0.5)
    assert pull_in_words(np.array(1.5)) == "+1.50"


def test_panels_keep_the_series_that_they_were_made_with():
    series = [ls.plotting.Series("a", [1.0], [1.0])]
    panel = ls.plotting.Panel("t", "x", "y", series)
    series.append(None)
    assert len(panel.series) == 1


@pytest.mark.parametrize("name", ["a.svg", "a.pdf", "a.png"])
def test_the_same_figure_gives_the_same_bytes_and_a_link_stays(tmp_path, monkeypatch, name):
    panel = ls.plotting.Panel("t", "x", "y", [ls.plotting.Series("a", [1.0, 2.0], [1.0, 2.0])])
    (tmp_path / f"link{name[1:]}").symlink_to(name)
    content = []
    for seconds in ("0", "86400"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", seconds)
        ls.plotting.save(ls.plotting.draw([panel]), tmp_path / f"link{name[1:]}")
        content.append((tmp_path / name).read_bytes())
    assert content[0] == content[1]
    assert (tmp_path / f"link{name[1:]}").is_symlink()


def test_series_keep_what_they_were_made_from():
    values = np.array([1.0, 2.0])
    series = ls.plotting.Series("a", values, values)
    values[:] = 9.0
    assert series.y.tolist() == [1.0, 2.0]
