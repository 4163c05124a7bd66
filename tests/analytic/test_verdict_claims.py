"""What a claim must be before it is run: margins, alternatives, controls, texts."""

import re

import pytest

import langevin_sgd as ls
from langevin_sgd.claims import Comparison
from langevin_sgd.claims.claim import check_claim, check_comparisons


class Example(ls.claims.Claim):
    id, paper = "example", "tests"
    title = statement = formula = source = validity = control_statement = "text"


def comparison(name, prediction, margin=0.0, reason="", rivals=None, wrong=3.0):
    return Comparison(
        name=name,
        prediction=prediction,
        margin=margin,
        basis="theory" if reason else "",
        reason=reason,
        rivals=rivals or {},
        wrong=wrong,
        measure=lambda data: data[name],
    )


def check(*comparisons):
    check_comparisons(Example(), comparisons)


def test_a_sound_claim_passes():
    check_claim(Example())
    check(comparison("a", 1.0, 0.4, "second order left out", {"twice": 2.0}))


@pytest.mark.parametrize(
    ("judged", "message"),
    [
        (
            comparison("a", 1.0, 0.5, "rough", {"twice": 2.0, "ten": 10.0}),
            "margin = 0.5: must be below half the",
        ),
        (comparison("a", 1.0), "needs at least one named rival"),
        (
            comparison("a", 1.0, rivals={"same": 1.0}),
            "margin = 0: must be below half the distance",
        ),
    ],
)
def test_a_prediction_that_cannot_be_told_from_its_rivals_is_refused(judged, message):
    with pytest.raises(
        ls.InputError, match=re.escape("claim tests/example: comparison 'a': " + message)
    ):
        check(judged)


def test_comparisons_need_names_of_their_own():
    good = comparison("a", 1.0, rivals={"twice": 2.0})
    with pytest.raises(ls.InputError, match="each with a name of its own"):
        check(good, good)
    with pytest.raises(ls.InputError, match="at least one"):
        check()


@pytest.mark.parametrize(
    "arguments",
    [
        ("a", float("nan")),
        ("a", 1.0, -0.1),
        ("a", 1.0, 0.1),
        ("a", 1.0, 0.0, "", {"rival": float("inf")}),
    ],
)
def test_comparisons_of_no_sense_are_refused(arguments):
    with pytest.raises(ls.InputError, match="comparison 'a'"):
        comparison(*arguments)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": " "}, "source is missing"),
        ({"expected_verdict": "refuted"}, "needs an expected_reason"),
        ({"expected_verdict": "refutd"}, "did you mean 'refuted'"),
        ({"tiers": ("quik",)}, "did you mean 'quick'"),
    ],
)
def test_a_claim_of_missing_or_unknown_texts_is_refused(changes, message):
    claim = type("Changed", (Example,), changes)()
    with pytest.raises(ls.InputError, match=message):
        check_claim(claim)


def bound(**changes):
    fields = {"name": "a", "prediction": 1.0, "kind": "at_least", "rivals": {"less": 0.0}}
    return Comparison(measure=len, **(fields | changes))


def test_a_rival_of_an_inequality_lies_on_its_wrong_side():
    check(bound())
    check(bound(kind="at_most", rivals={"more": 2.0}))
    with pytest.raises(ls.InputError, match=r"rivals\['more'\] = 2: is at least 1 itself"):
        check(bound(rivals={"more": 2.0}))


def test_a_margin_says_what_it_rests_on():
    with pytest.raises(ls.InputError, match=r"margin = 0\.1: needs a basis"):
        Comparison(name="a", prediction=1.0, margin=0.1, reason="felt right", measure=len)
    with pytest.raises(ls.InputError, match="did you mean 'theory'"):
        Comparison(
            name="a", prediction=1.0, margin=0.1, basis="theori", reason="bound", measure=len
        )
    assert Comparison(name="a", prediction=1.0, measure=len).basis == "exact"


def test_an_expected_refutation_names_what_is_right():
    """It had passed on any refuted number, by whatever cause. Control: both are named."""
    expected = {"expected_verdict": "refuted", "expected_reason": "known"}
    claim = type("Changed", (Example,), expected)()
    wrong = bound(kind="equal", expected="refuted")
    right = bound(name="b", kind="equal")
    for comparisons in ([wrong], [right]):
        with pytest.raises(ls.InputError, match="needs comparisons that are expected to be"):
            check_comparisons(claim, comparisons)
    check_comparisons(claim, [wrong, right])
    with pytest.raises(ls.InputError, match="expected_verdict = 'supported'"):
        check_comparisons(Example(), [wrong, right])
