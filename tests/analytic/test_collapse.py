"""Data collapse: exponents recovered, intervals that cover (binomial bounds of probability 1e-4),
wrong exponents seen.

Curves y = P^0.6 g(x P^-0.5) with g(z) = sqrt(1 + z^2), twelve points each, errors of three per
cent.
"""

import numpy as np
import pytest
from scipy import stats

import langevin_sgd as ls
from langevin_sgd import measure
from langevin_sgd.measure.collapse import collapse_quality
from langevin_sgd.randomness import normals

SIZES = (1.0, 2.0, 4.0, 8.0)
X = np.geomspace(0.1, 30, 12)
SCALE = 0.03


def curves(kick):
    """Curves with errors for kicks (curve, point), by replica for kicks (curve, point, replica)."""
    found = []
    for P, row in zip(SIZES, kick, strict=True):
        law = P**0.6 * np.sqrt(1 + (X * P**-0.5) ** 2)
        if row.ndim == 2:
            found.append((P, X, law[:, None] * np.exp(SCALE * np.sqrt(row.shape[1]) * row)))
        else:
            y = law * np.exp(SCALE * row)
            found.append((P, X, y, SCALE * y))
    return found


def holds(estimates, truth, control=2):
    """Whether intervals hold the truth as often as they say, and whether intervals narrower by
    `control` do.
    """
    wanted = 2 * stats.t.cdf(1, estimates[0].degrees_of_freedom) - 1
    low, high = stats.binom.ppf([0.5e-4, 1 - 0.5e-4], len(estimates), wanted)
    off = np.array([abs(one.value - truth) / one.standard_error for one in estimates])
    return tuple(low <= np.count_nonzero(off * factor < 1) <= high for factor in (1, control))


@pytest.mark.parametrize(("sets", "replicas"), [(150, None), (60, 16)])
def test_exponents_are_covered(sets, replicas, seed):
    shape = (sets, 4, 12) if replicas is None else (sets, 4, 12, replicas)
    found = [measure.collapse(curves(kick)) for kick in normals(shape, seed)]
    x, y = [one.x_exponent for one in found], [one.y_exponent for one in found]
    control = 2 if sets >= 150 else 4  # fewer sets tell less apart
    assert holds(x, -0.5, control) == (True, False)
    assert holds(y, 0.6, control) == (True, False)
    for estimates, truth in ((x, -0.5), (y, 0.6)):
        values = np.array([one.value for one in estimates])
        assert abs(values.mean() - truth) < 4.5 * values.std() / np.sqrt(sets)
    # The mean square of the residuals is one; with replicas their variance is that of all points
    # together.
    assert np.mean([one.quality for one in found]) == pytest.approx(1, abs=0.15)


def test_a_fixed_exponent_is_kept_and_the_other_covered(seed):
    found = [
        measure.collapse(curves(kick), x_exponent=-0.5) for kick in normals((150, 4, 12), seed)
    ]
    assert {one.x_exponent.value for one in found} == {-0.5}
    assert found[0].x_exponent.standard_error is None
    assert holds([one.y_exponent for one in found], 0.6) == (True, False)
    one, both = (
        measure.collapse(curves(normals((4, 12), seed)), y_exponent=u) for u in (0.6, None)
    )
    assert one.x_exponent.standard_error < both.x_exponent.standard_error


def test_wrong_exponents_are_seen(seed):
    given = curves(normals((4, 12), seed))
    right = collapse_quality(given, x_exponent=-0.5, y_exponent=0.6)
    assert right < 2
    for wrong in ((-0.5, 0.5), (-0.35, 0.6), (0.0, 0.6)):
        assert collapse_quality(given, x_exponent=wrong[0], y_exponent=wrong[1]) > 3 * right
    best = measure.collapse(given)
    assert best.quality <= right
    assert measure.collapse(given, x_exponent=0.0).y_exponent.note.startswith(
        "the curves do not fall on one another"
    )
    x, y = best.scaled(4.0, *given[2][1:3])
    assert np.allclose(y / np.sqrt(1 + x**2), 1, atol=0.2)


def test_straight_curves_leave_an_exponent_open(seed):
    """y = P^0.4 x^0.8: any v is right with u = 0.4 - 0.8 v, until one of the two is given."""
    kick = normals((4, 12), seed)
    curves = [P**0.4 * X**0.8 for P in SIZES] * np.exp(SCALE * kick)
    given = [(P, X, y, SCALE * y) for P, y in zip(SIZES, curves, strict=True)]
    both = measure.collapse(given)
    assert not both.x_exponent.valid
    assert "leaves an exponent open" in both.x_exponent.note
    one = measure.collapse(given, x_exponent=-0.5).y_exponent
    assert abs(one.value - 0.8) < 4.5 * one.standard_error


GOOD = curves(np.zeros((4, 12)))


@pytest.mark.parametrize(
    ("given", "fixed", "reason"),
    [
        (GOOD[:1], {}, "1 curve"),
        ([(P, x[:2], y[:2], e[:2]) for P, x, y, e in GOOD], {}, "a curve of 2 points"),
        (
            [(P, x, np.where(x < 1, np.nan, y), e) for P, x, y, e in GOOD],
            {},
            "values are not finite",
        ),
        ([(P, x, y[:, None]) for P, x, y, _ in GOOD], {}, "1 replicas"),
        ([(P, x, np.stack([y, y], axis=1)) for P, x, y, _ in GOOD], {}, "do not scatter"),
        (GOOD, {"x_exponent": 9.0}, "fewer than half"),
    ],
)
def test_what_cannot_collapse_is_refused(given, fixed, reason):
    found = measure.collapse(given, **fixed)
    assert not found.y_exponent.valid
    assert reason in found.y_exponent.note
    assert found.quality is None
    if not fixed:
        with pytest.raises(ls.InputError, match="has no exponents"):
            found.scaled(1.0, X, X)
        with pytest.raises(ls.InputError, match="curves: "):
            collapse_quality(given, x_exponent=0.0, y_exponent=0.0) if len(given) else None


@pytest.mark.parametrize(
    ("given", "fixed", "message"),
    [
        ([], {}, "at least one curve"),
        ([(1.0, X)], {}, "each must be"),
        ([(-1.0, X, X, X)], {}, "parameter = -1.0"),
        ([(1.0, X, X, X), (1.0, X, X, X)], {}, "must differ"),
        ([(1.0, X, X)], {}, "y_error"),
        ([(1.0, X, X, X), (2.0, X, np.ones((12, 3)))], {}, "same number of replicas"),
        (GOOD, {"x_exponent": 1.0, "y_exponent": 1.0}, "one of them must be free"),
        (GOOD, {"x_exponent": np.nan}, "must be a number"),
    ],
)
def test_bad_input_gets_one_line(given, fixed, message):
    with pytest.raises(ls.InputError, match=message) as caught:
        measure.collapse(given, **fixed)
    assert "\n" not in str(caught.value)


def test_curves_at_the_same_places_tell_their_exponents(seed):
    """At v = 0 the ends of curves on one grid come just into reach: that says nothing, and hides no
    bend.
    """
    x = np.geomspace(0.1, 100, 6)
    scatter = np.random.default_rng(seed).normal(0, 0.15, (2, 6, 48))
    curves = [
        (points, x, points**0.5 * (np.sqrt(0.1) + x[:, None]) * np.exp(noise))
        for points, noise in zip((64, 256), scatter, strict=True)
    ]
    found = measure.collapse(curves)
    for exponent, truth in ((found.x_exponent, 0.0), (found.y_exponent, 0.5)):
        assert exponent.valid, exponent.note
        assert abs(exponent.value - truth) < 5 * exponent.standard_error
    # Control: without the bend there is nothing to tell them by.
    straight = [
        (points, x, points**0.5 * x[:, None] * y / y.mean(axis=1)[:, None])
        for points, _, y in curves
    ]
    assert not measure.collapse(straight).x_exponent.valid
