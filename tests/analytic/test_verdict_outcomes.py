"""What becomes of a judged claim: out of range, controls and their margins, the component that
decides, costs.
"""

from dataclasses import replace
from operator import itemgetter

import pytest

import langevin_sgd as ls
from langevin_sgd.claims import Comparison
from langevin_sgd.claims.controls import control_verdict, judge_controls
from langevin_sgd.claims.judgement import Judgement, judge_comparisons
from langevin_sgd.claims.runner import judge_plan, plan
from langevin_sgd.claims.verdict import critical_value, judge, level_of, worst
from langevin_sgd.sweep import Store

Z = critical_value(level=level_of(1))


def comparison(name, prediction, margin=0.0, reason="", rivals=None, **control):
    """Compare what `data` hold under the name itself."""
    return Comparison(
        name=name,
        prediction=prediction,
        margin=margin,
        basis="theory" if reason else "",
        reason=reason,
        rivals=rivals or {},
        measure=itemgetter(name),
        **control,
    )


class Example(ls.claims.Claim):
    """A claim without tasks, so that it is judged at once: p = 1, margin 0.1, measured by
    `value`.
    """

    id, paper, tiers = "example", "tests", ("quick", "full")
    title = statement = formula = source = validity = control_statement = "text"
    value, outside = 1.0, None
    wrong, wrong_margin = 3.0, 0.0

    def tasks(self, tier, seed):
        return {}

    def comparisons(self, tier):
        return [
            Comparison(
                name="a",
                prediction=1.0,
                margin=0.1,
                basis="theory",
                reason="second order",
                rivals={"rival": 2.0},
                wrong=self.wrong,
                wrong_margin=self.wrong_margin,
                measure=self.measure,
            )
        ]

    def measure(self, data):
        return ls.Estimate(value=self.value, standard_error=0.01)

    def out_of_range(self, data, tier):
        return self.outside

    def panels(self, data, tier):
        return []


def outcome(tmp_path, tier="quick", **changes):
    claim = type("Changed", (Example,), changes)()
    return judge_plan(plan(claim, tier), Store(tmp_path), load=lambda task: None)


# --- out of range ---------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [1.0, 1.5, 2.0])
def test_data_out_of_range_give_no_verdict_on_the_theory(tmp_path, value):
    """Whatever was measured, neither support nor refutation is claimed; the numbers stay to be
    seen.
    """
    judged = outcome(tmp_path, value=value, outside="the noise is not small")
    assert (judged.verdict, judged.control_verdict) == ("out_of_range", "out_of_range")
    said = judged.reason.split("; refuted beneath it: ")
    assert said[0] == "the noise is not small"
    assert (len(said) == 2) == (judged.beneath == "refuted") == (value > 1)
    assert judged.to_dict()["measurement"] == value
    assert (
        judged.comparisons[0].verdict
        == judge(1.0, 0.1, {"rival": 2.0}, judged.comparisons[0].estimate)[0]
    )


def test_data_in_range_are_judged(tmp_path):
    judged = outcome(tmp_path)
    assert (judged.verdict, judged.control_verdict, judged.reason) == ("supported", "refuted", "")
    assert judged.as_expected


@pytest.mark.parametrize(
    ("allowed", "passes"), [((), False), (("full",), False), (("quick",), True)]
)
def test_out_of_range_counts_against_a_claim_but_in_the_tiers_where_it_is_allowed(
    tmp_path, allowed, passes
):
    judged = outcome(tmp_path, outside="too hot", out_of_range_allowed=allowed)
    assert judged.as_expected is passes


def test_out_of_range_does_not_make_an_expected_refutation(tmp_path):
    def comparisons(self, tier):
        [wrong] = Example.comparisons(self, tier)
        right = comparison("right", 1.5, rivals={"rival": 3.0})
        return [
            replace(wrong, expected="refuted"),
            replace(right, measure=self.measure),
        ]

    expected = {
        "expected_verdict": "refuted",
        "expected_reason": "known",
        "comparisons": comparisons,
    }
    assert outcome(tmp_path, value=1.5, **expected).as_expected
    assert not outcome(tmp_path, value=1.5, outside="too hot", **expected).as_expected
    # Refuted by something else than what is right: it had passed.
    assert outcome(tmp_path, value=1.7, **expected).verdict == "refuted"
    assert not outcome(tmp_path, value=1.7, **expected).as_expected


# --- controls -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prediction", "margin", "verdict"),
    [
        (
            1.0 + 0.2 + 1.01 * Z * 0.01,
            0.2,
            "refuted",
        ),  # misses by more than its own margin and error
        (1.0 + 0.2 + 0.99 * Z * 0.01, 0.2, "supported"),  # within its own margin
        (
            1.0 + 0.1 + 1.01 * Z * 0.01,
            0.0,
            "refuted",
        ),  # the margin of the claim's prediction is not its own
        (1.0 + 0.99 * Z * 0.01, 0.0, "supported"),
        (1.0 - 0.2 - 1.01 * Z * 0.01, 0.2, "refuted"),
    ],
)
def test_a_control_is_judged_with_its_own_margin(tmp_path, prediction, margin, verdict):
    judged = outcome(tmp_path, wrong=prediction, wrong_margin=margin)
    assert judged.verdict == "supported"
    assert judged.control_verdict == verdict
    assert judged.as_expected is (verdict == "refuted")


def test_a_control_passed_although_one_of_its_numbers_was_not_refuted():
    """One refuted number had sufficed. Control: both are refuted."""
    data = {name: ls.Estimate(value=1.0, standard_error=0.01) for name in "ab"}

    def outcome_of(wrong):
        both = [
            comparison(name, 1.0, rivals={"rival": 2.0}, wrong=value)
            for name, value in zip("ab", wrong, strict=True)
        ]
        return control_verdict(judge_controls(both, data, data))

    assert outcome_of((1.0, 3.0)) == "supported"
    assert outcome_of((2.0, 3.0)) == "refuted"
    data["b"] = ls.Estimate.refused("too short")
    assert outcome_of((3.0, 3.0)) == "failed"


def test_without_a_wrong_theory_the_farthest_rival_is_the_control():
    one = comparison("a", 1.0, rivals={"near": 1.5, "far": -3.0})
    data = {"a": ls.Estimate(value=1.0, standard_error=0.01)}
    [control] = judge_controls([one], data, data)
    assert (control.kind, control.prediction, control.verdict) == ("far", -3.0, "refuted")


@pytest.mark.parametrize(
    "control", ["supported", "underpowered", "failed", "not_run", "out_of_range"]
)
@pytest.mark.parametrize("expected", ["supported", "refuted"])
def test_no_verdict_passes_without_a_refuted_control(control, expected):
    claim = type(
        "Changed", (Example,), {"expected_verdict": expected, "expected_reason": "known"}
    )()
    assert Judgement(claim, "quick", 0, expected, "refuted").as_expected
    assert not Judgement(claim, "quick", 0, expected, control).as_expected


# --- margins and alternatives ---------------------------------------------------------------------


def test_an_alternative_within_margin_and_error_leaves_a_claim_underpowered():
    """The rival at 1.3 has the margin 0.1 as well: met by 1.15 +- 0.01 from above, missed from 1.3
    - 0.1 - z se on.
    """
    for value, verdict in (
        (1.2 - 1.01 * Z * 0.01, "supported"),
        (1.2 - 0.99 * Z * 0.01, "underpowered"),
    ):
        estimate = ls.Estimate(value=value, standard_error=0.01)
        rivals = {"near": 1.3, "far": 9.0}
        assert judge(1.1, 0.1, rivals, estimate, level=level_of(1))[0] == verdict


def test_few_replicas_widen_the_interval():
    off = {"value": 1.0 + 5.5 * 0.01, "standard_error": 0.01}
    assert judge(1.0, 0.0, {}, ls.Estimate(**off))[0] == "refuted"  # z = 4.9
    assert (
        judge(1.0, 0.0, {}, ls.Estimate(**off, n_independent=31))[0] == "supported"
    )  # z = 6.1 at 30 degrees


def test_the_reason_counts_errors_from_the_end_of_the_margin():
    verdict, reason = judge(1.0, 0.2, {}, ls.Estimate(value=2.0, standard_error=0.1))
    assert (verdict, reason) == ("refuted", "misses the prediction by 8.0 standard errors")


# --- what decides, and what it cost ---------------------------------------------------------------


def test_the_deciding_component_is_the_worst_verdict_before_the_largest_pull():
    comparisons = [comparison(name, 1.0, rivals={"rival": 2.0}) for name in "abc"]
    comparisons[2] = comparison("c", 1.0, 0.4, "rough", rivals={"rival": 2.0})
    found = {
        "a": ls.Estimate(value=1.04, standard_error=0.01),  # pull 4, supported
        "b": ls.Estimate(value=1.49, standard_error=0.11),  # underpowered, pull 4.5
        "c": ls.Estimate(
            value=1.43, standard_error=0.01
        ),  # 43 errors off, supported by its margin, pull 1.1
    }
    verdict, judged = judge_comparisons(comparisons, found)
    assert verdict == worst(one.verdict for one in judged) == "underpowered"
    judgement = Judgement(Example(), "quick", 0, verdict, "refuted", comparisons=judged)
    assert judgement.deciding.comparison.name == "b"
    assert judgement.to_dict()["pull"] == pytest.approx(0.49 / 0.11)
    assert (
        Judgement(Example(), "quick", 0, "supported", "refuted", comparisons=judged[::2]).deciding
        is judged[0]
    )


def test_what_judging_raises_is_a_failure_and_no_support(tmp_path):
    def measure(self, data):
        raise ZeroDivisionError("no points")

    judged = outcome(tmp_path, measure=measure)
    assert (judged.verdict, judged.control_verdict, judged.as_expected) == (
        "failed",
        "failed",
        False,
    )
    assert "ZeroDivisionError: no points (measure" in judged.reason
