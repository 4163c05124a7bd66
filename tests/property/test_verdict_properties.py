"""Properties of the verdict that hold for all numbers."""

from hypothesis import assume, given
from hypothesis import strategies as st

from langevin_sgd.claims.verdict import SEVERITY, critical_value, judge
from langevin_sgd.estimate import Estimate

numbers = st.floats(-1e3, 1e3).map(lambda x: round(x, 3))
errors = st.floats(1e-3, 1e2).map(lambda x: round(x, 4))
margins = st.floats(0, 10).map(lambda x: round(x, 3))
counts = st.none() | st.integers(2, 500)


def verdict(prediction, margin, rival, value, error, count):
    return judge(
        prediction,
        margin,
        {"rival": rival},
        Estimate(value=value, standard_error=error, n_independent=count),
    )[0]


def clear(prediction, margin, rival, value, error, count):
    """Whether no interval touches another to within rounding."""
    reach = critical_value(float("inf") if count is None else count - 1) * error + margin
    return all(
        abs(abs(value - other) - reach) > 1e-6 * (1 + reach) for other in (prediction, rival)
    )


everything = (numbers, margins, numbers, numbers, errors, counts)


@given(*everything, st.floats(-100, 100), st.sampled_from([0.01, 0.5, 3.0, 1e4]))
def test_units_and_origin_do_not_matter(
    prediction, margin, rival, value, error, count, shift, scale
):
    case = (prediction, margin, rival, value, error, count)
    assume(clear(*case))
    moved = [scale * (x + shift) for x in (prediction, rival, value)]
    assert verdict(moved[0], scale * margin, moved[1], moved[2], scale * error, count) == verdict(
        *case
    )


@given(*everything)
def test_mirror_image_has_the_same_verdict(prediction, margin, rival, value, error, count):
    mirrored = verdict(-prediction, margin, -rival, -value, error, count)
    assert mirrored == verdict(prediction, margin, rival, value, error, count)


@given(*everything)
def test_a_rival_can_only_weaken_and_never_refute(prediction, margin, rival, value, error, count):
    alone = judge(
        prediction, margin, {}, Estimate(value=value, standard_error=error, n_independent=count)
    )[0]
    beside = verdict(prediction, margin, rival, value, error, count)
    assert beside == alone or (alone, beside) == ("supported", "underpowered")
    assert beside in SEVERITY


@given(*everything)
def test_prediction_and_rival_are_never_both_supported(
    prediction, margin, rival, value, error, count
):
    one = verdict(prediction, margin, rival, value, error, count)
    other = verdict(rival, margin, prediction, value, error, count)
    assert not one == other == "supported"
    assert (one == "underpowered") == (other == "underpowered")


@given(*everything)
def test_less_data_never_turns_undecided_into_decided(
    prediction, margin, rival, value, error, count
):
    if verdict(prediction, margin, rival, value, error, count) == "underpowered":
        assert verdict(prediction, margin, rival, value, 3 * error, count) == "underpowered"
