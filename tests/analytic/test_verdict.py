"""The rule of the verdict: against Student's law, by simulation, and case by case."""

import math

import numpy as np
import pytest
from scipy import stats

import langevin_sgd as ls
from langevin_sgd.claims import Comparison
from langevin_sgd.claims.judgement import Judgement, judge_comparisons
from langevin_sgd.claims.verdict import (
    FALSE_ALARM,
    SEVERITY,
    critical_value,
    judge,
    level_of,
    pull,
    worst,
)


@pytest.mark.parametrize("degrees", [2, 7, 63, 10_000])
def test_critical_value_leaves_the_level_outside(degrees):
    outside = 2 * stats.t(degrees).sf(critical_value(degrees))
    assert outside == pytest.approx(FALSE_ALARM, rel=1e-6)


def test_a_thousand_true_components_rarely_raise_an_alarm():
    assert 2 * stats.norm.sf(critical_value()) * 1000 <= 1e-3 * (1 + 1e-9)


LEVEL, REPETITIONS = 0.05, 4000


def refuted_fraction(samples, prediction, degrees=None, margin=0.0):
    """Fraction of experiments (rows) that call the prediction refuted."""
    verdicts = []
    for row in samples:
        estimate = ls.Estimate.from_samples(row)
        if degrees is not None:
            estimate = ls.Estimate(value=estimate.value, standard_error=estimate.standard_error)
        verdicts.append(judge(prediction, margin, {}, estimate, level=LEVEL)[0])
    return verdicts.count("refuted") / len(verdicts)


def test_interval_covers_and_false_alarms_come_at_the_level(seed):
    """Few replicas (5) are the hard case; 4.5 sigma of a binomial fraction."""
    samples = np.random.default_rng(seed).normal(3.0, 2.0, (REPETITIONS, 5))
    tolerance = 4.5 * math.sqrt(LEVEL * (1 - LEVEL) / REPETITIONS)
    assert refuted_fraction(samples, 3.0) == pytest.approx(LEVEL, abs=tolerance)
    # Control: an error of 5 samples taken for an exactly known one alarms far too often.
    assert refuted_fraction(samples, 3.0, degrees=math.inf) > LEVEL + 2 * tolerance


def test_an_error_from_few_replicas_has_one_degree_of_freedom_less():
    """A line through the mean takes one of the samples' freedoms; the quantile is Student's, from
    SciPy.
    """
    estimate = ls.Estimate.from_samples([1.0, 2.0, 4.0])
    assert estimate.degrees_of_freedom == 2
    reach = stats.t.isf(LEVEL / 2, 2) * estimate.standard_error
    assert judge(estimate.value + 0.999 * reach, 0.0, {}, estimate, level=LEVEL)[0] != "refuted"
    assert judge(estimate.value + 1.001 * reach, 0.0, {}, estimate, level=LEVEL)[0] == "refuted"


def test_a_margin_only_lowers_the_rate_of_false_alarms(seed):
    samples = np.random.default_rng(seed).normal(3.0, 2.0, (500, 5))
    assert refuted_fraction(samples, 3.0, margin=1.0) < refuted_fraction(samples, 3.0)


@pytest.mark.parametrize(("prediction", "expected"), [(1.0, "supported"), (1.2, "refuted")])
def test_a_true_theory_is_supported_and_a_false_one_refuted(seed, prediction, expected):
    """64 replicas of unit mean and error 0.01; the false theory lies 20 errors away."""
    samples = np.random.default_rng(seed).normal(1.0, 0.08, 64)
    assert judge(prediction, 0.0, {"rival": 0.8}, ls.Estimate.from_samples(samples))[0] == expected


def test_an_ambiguous_measurement_is_underpowered(seed):
    samples = np.random.default_rng(seed).normal(1.0, 0.08, 64)
    verdict, reason = judge(1.0, 0.0, {"near": 1.01, "far": 3.0}, ls.Estimate.from_samples(samples))
    assert verdict == "underpowered"
    assert reason == "cannot be told from: near"


Z = critical_value()


@pytest.mark.parametrize(
    ("value", "error", "margin", "verdict"),
    [
        (1.0 + 0.99 * Z * 0.12, 0.12, 0.0, "underpowered"),  # meets 1 and 2
        (1.0 + 0.99 * Z * 0.01, 0.01, 0.0, "supported"),
        (1.0 + 1.01 * Z * 0.01, 0.01, 0.0, "refuted"),
        (1.0 + 1.01 * Z * 0.01, 0.01, 0.01, "supported"),  # the margin widens the prediction
        (1.5, 0.05, 0.3, "underpowered"),  # ... and the alternatives
        (1.0, 0.0, 0.0, "supported"),  # exact numbers
        (1.0 + 1e-12, 0.0, 1e-9, "supported"),
        (1.0 + 1e-6, 0.0, 1e-9, "refuted"),
    ],
)
def test_cases(value, error, margin, verdict):
    estimate = ls.Estimate(value=value, standard_error=error)
    assert judge(1.0, margin, {"rival": 2.0}, estimate)[0] == verdict


@pytest.mark.parametrize(
    "estimate",
    [
        None,
        ls.Estimate.refused("series too short", value=1.0),
        ls.Estimate(value=math.nan, standard_error=0.1),
        ls.Estimate(value=1.0),
        ls.Estimate(value=1.0, standard_error=math.inf),
        ls.Estimate(value=1.0, standard_error=0.1, n_independent=1),
    ],
)
def test_no_usable_measurement_is_failed_with_a_reason(estimate):
    verdict, reason = judge(1.0, 0.0, {}, estimate)
    assert verdict == "failed"
    assert reason
    assert pull(1.0, 0.0, estimate) is None


def test_pull():
    estimate = ls.Estimate(value=2.0, standard_error=0.3)
    assert pull(1.0, 0.4, estimate) == pytest.approx(2.0)
    exact = ls.Estimate(value=2.0, standard_error=0.0)
    assert pull(2.0, 0.0, exact) == 0.0
    assert pull(1.0, 0.0, exact) is None


def test_the_worst_component_decides():
    assert SEVERITY == ("failed", "not_run", "out_of_range", "refuted", "underpowered", "supported")
    assert worst(["supported", "underpowered", "supported"]) == "underpowered"
    assert worst(["underpowered", "refuted"]) == "refuted"
    assert worst(["refuted", "failed"]) == "failed"
    assert worst([]) == "failed"


class Example(ls.claims.Claim):
    id, paper = "example", "tests"
    title = statement = formula = source = validity = control_statement = "text"


def comparison(name, prediction, rivals):
    return Comparison(
        name=name, prediction=prediction, rivals=rivals, measure=lambda data: data[name]
    )


def judged(measured, control, expected="supported"):
    class Case(Example):
        expected_verdict = expected

    comparisons = [comparison(name, 1.0, {"rival": 2.0}) for name in measured]
    verdict, items = judge_comparisons(comparisons, measured)
    control_verdict, _ = judge_comparisons(
        [comparison(name, value, {}) for name, value in control.items()], measured
    )
    return Judgement(Case(), "quick", 0, verdict, control_verdict, comparisons=items)


def measurement(value, error=0.01):
    return ls.Estimate(value=value, standard_error=error)


def test_deciding_component_is_the_worst_and_of_the_largest_pull():
    judgement = judged(
        {"a": measurement(1.02), "b": measurement(1.2), "c": measurement(1.3)}, {"a": 3.0}
    )
    assert judgement.verdict == "refuted"
    assert judgement.deciding.comparison.name == "c"
    assert judgement.to_dict()["pull"] == pytest.approx(30.0)


def test_the_control_is_judged_by_the_same_rule():
    measured = {"a": measurement(1.0)}
    assert judged(measured, {"a": 1.5}).as_expected
    harmless = judged(measured, {"a": 1.001})
    assert harmless.control_verdict == "supported"
    assert not harmless.as_expected


def test_an_expected_refutation_passes_only_while_the_evidence_refutes():
    class Case(Example):
        expected_verdict = "refuted"

    wrong = Comparison(
        name="a", prediction=1.0, expected="refuted", measure=len, rivals={"rival": 2.0}
    )
    right = comparison("b", 1.0, {"rival": 2.0})

    def passes(**measured):
        verdict, items = judge_comparisons([wrong, right], measured)
        return Judgement(Case(), "quick", 0, verdict, "refuted", comparisons=items).as_expected

    assert passes(a=measurement(1.5), b=measurement(1.0))
    assert not passes(a=measurement(1.0), b=measurement(1.0))
    # Had passed: refuted, but by evidence that contradicts what is right as well, or is broken.
    assert not passes(a=measurement(1.5), b=measurement(1.5))
    assert not passes(a=measurement(1.5), b=ls.Estimate.refused("too short"))


def bound(value, error=0.01, margin=0.1, kind="at_least"):
    return judge(1.0, margin, {}, measurement(value, error), kind=kind)[0]


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (5.0, "supported"),
        (1.0 + 1.01 * Z * 0.01, "supported"),
        (1.0 + 0.99 * Z * 0.01, "underpowered"),
        (1.0 - 0.1 - 0.99 * Z * 0.01, "underpowered"),
        (1.0 - 0.1 - 1.01 * Z * 0.01, "refuted"),
    ],
)
def test_an_inequality_is_supported_on_its_side_and_refuted_beyond_its_margin(value, verdict):
    assert bound(value) == verdict
    assert bound(2.0 - value, kind="at_most") == verdict


def test_levels_of_all_versions_of_some_criteria_add_up_to_one_level():
    assert level_of(2) == level_of(1) / 2
    assert sum(level_of(version) for version in range(1, 200)) <= FALSE_ALARM
    with pytest.raises(ls.InputError, match="version = 0"):
        level_of(0)


FALSE_ALARMS_OF_SKEWED_SAMPLES = [
    ("normal", 0.5, 2.0),
    ("gumbel", 0.5, 4.5),
    ("exponential", 0.5, 9.0),
]


@pytest.mark.parametrize(("law", "low", "high"), FALSE_ALARMS_OF_SKEWED_SAMPLES)
def test_false_alarms_of_skewed_samples_stay_in_the_stated_range(seed, law, low, high):
    """At level 1e-3 and 64 replicas: once for normal samples, up to 3 times for Gumbel's (skewness
    1.14), up to 6 for exponential ones (skewness 2), which claims have to transform.
    """
    level, repetitions = 1e-3, 40_000
    random = np.random.default_rng(seed)
    samples = getattr(random, law)(size=(repetitions, 64))
    mean = {"normal": 0.0, "gumbel": np.euler_gamma, "exponential": 1.0}[law]
    errors = samples.std(axis=1, ddof=1) / 8
    alarms = np.abs(samples.mean(axis=1) - mean) > critical_value(63, level) * errors
    assert low <= alarms.mean() / level <= high


def test_an_unknown_kind_was_taken_where_nothing_was_measured():
    with pytest.raises(ls.InputError, match="kind"):
        judge(1.0, 0.1, {}, None, kind="nonsense")
