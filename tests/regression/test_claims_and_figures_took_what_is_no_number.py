"""Components of claims, the rule of the verdict and figures convert what they are given, or refuse it in one line."""

import json

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.claims import Component, critical_value, find_claim, judge, judge_stored, pull, run, write_template
from langevin_sgd.claims.judgement import JudgedComponent

ESTIMATE = ls.Estimate(value=1.0, standard_error=0.1)


def test_components_hold_numbers_of_python():
    component = Component("a", np.float32(0.5), np.array(0.25), "rough", alternatives={"rival": np.int64(2)})
    assert (component.prediction, component.margin, component.alternatives) == (0.5, 0.25, {"rival": 2.0})
    assert json.dumps(JudgedComponent(component, None, "not_run").to_dict())


def test_components_keep_the_alternatives_that_they_were_made_with():
    rivals = {"rival": 2.0}
    component = Component("a", 1.0, alternatives=rivals)
    rivals["rival"] = 1.0
    assert component.nearest_alternative == 1.0


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: Component("a", np.array([1.0, 2.0])), "component 'a': prediction"),
        (lambda: Component("a", 1 + 2j), "component 'a': prediction"),
        (lambda: Component("a", "1"), "component 'a': prediction"),
        (lambda: Component("a", 1.0, True, "why"), "component 'a': margin"),
        (lambda: Component("a", 1.0, alternatives=[2.0]), "component 'a': alternatives"),
        (lambda: Component(3, 1.0), "name"),
        (lambda: judge(np.nan, 0.0, {}, ESTIMATE), "prediction"),
        (lambda: judge(1.0, -1.0, {}, ESTIMATE), "margin"),
        (lambda: judge(1.0, 0.0, {"rival": np.inf}, ESTIMATE), "rival"),
        (lambda: pull(1.0, np.nan, ESTIMATE), "margin"),
        (lambda: critical_value(level=np.nan), "level"),
        (lambda: critical_value(level=1.0), "level"),
        (lambda: critical_value(np.nan), "degrees_of_freedom"),
        (lambda: critical_value(0), "degrees_of_freedom"),
        (lambda: run([3], ls.sweep.Store("results")), "claims"),
        (lambda: judge_stored("results"), "store"),
        (lambda: find_claim(3), "claim"),
        (lambda: write_template(3), "name"),
        (lambda: write_template("a/b", folder=3), "folder"),
        (lambda: ls.plotting.Series("a", [1.0], ["x"]), "'a': y"),
        (lambda: ls.plotting.Series("a", [1j], [1.0]), "'a': x"),
        (lambda: ls.plotting.Series("a", np.ma.masked_greater([1.0, 9.0], 5.0), [1.0, 2.0]), "'a': x"),
        (lambda: ls.plotting.Series("a", None, [1.0]), "'a': x"),
        (lambda: ls.plotting.Series(3, [1.0], [1.0]), "label"),
        (lambda: ls.plotting.Map([1.0, np.nan], [1.0], [[1.0, 2.0]], "m"), "x"),
        (lambda: ls.plotting.Panel("t", "x", 3), "y_label"),
        (lambda: ls.plotting.Panel("t", "x", "y", [3]), "series"),
        (lambda: ls.plotting.draw([3]), "panels"),
        (lambda: ls.plotting.draw([ls.plotting.Panel("t", "x", "y")], columns=0), "columns"),
        (lambda: ls.plotting.save(ls.plotting.draw([ls.plotting.Panel("t", "x", "y")]), 3), "path"),
    ],
)
def test_what_is_no_number_is_refused_by_name(call, name):
    with pytest.raises(ls.InputError) as refusal:
        call()
    assert str(refusal.value).startswith(f"{name} = ")
    assert "\n" not in str(refusal.value)


def test_series_keep_what_they_were_made_from():
    values = np.array([1.0, 2.0])
    series = ls.plotting.Series("a", values, values)
    values[:] = 9.0
    assert series.y.tolist() == [1.0, 2.0]
