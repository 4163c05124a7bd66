"""What a claim must be before it is run: margins, alternatives, controls, texts."""

import re

import pytest

import langevin_sgd as ls
from langevin_sgd.claims import Component
from langevin_sgd.claims.claim import check_claim, check_components


class Example(ls.claims.Claim):
    id, paper = "example", "tests"
    title = statement = formula = source = validity = control_statement = "text"


CONTROL = [Component("a", 3.0)]


def check(*components, control=CONTROL):
    check_components(Example(), components, control)


def test_a_sound_claim_passes():
    check_claim(Example())
    check(Component("a", 1.0, 0.4, "second order left out", {"twice": 2.0}))


@pytest.mark.parametrize(
    ("component", "message"),
    [
        (
            Component("a", 1.0, 0.5, "rough", {"twice": 2.0, "ten": 10.0}),
            "margin = 0.5: must be below half the",
        ),
        (Component("a", 1.0), "needs at least one named alternative"),
        (
            Component("a", 1.0, alternatives={"same": 1.0}),
            "margin = 0: must be below half the distance",
        ),
    ],
)
def test_a_component_that_cannot_be_told_from_its_rivals_is_refused(component, message):
    with pytest.raises(
        ls.InputError, match=re.escape("claim tests/example: component 'a': " + message)
    ):
        check(component)


def test_components_need_names_of_their_own_and_a_control():
    good = Component("a", 1.0, alternatives={"twice": 2.0})
    with pytest.raises(ls.InputError, match="each with a name of its own"):
        check(good, good)
    with pytest.raises(ls.InputError, match="at least one"):
        check()
    with pytest.raises(ls.InputError, match="control = empty"):
        check(good, control=())
    with pytest.raises(ls.InputError, match="control = \\['b'\\]"):
        check(good, control=(Component("b", 1.0),))


@pytest.mark.parametrize(
    "arguments",
    [
        ("a", float("nan")),
        ("a", 1.0, -0.1),
        ("a", 1.0, 0.1),
        ("a", 1.0, 0.0, "", {"rival": float("inf")}),
    ],
)
def test_components_of_no_sense_are_refused(arguments):
    with pytest.raises(ls.InputError, match="component 'a'"):
        Component(*arguments)


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
