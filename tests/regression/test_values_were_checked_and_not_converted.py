"""What was let in as it came: NumPy scalars that no JSON document holds, lists taken for counts,
masks.
"""

import json
import math

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd import checks
from langevin_sgd.covariance import as_covariance, covariance_root

NUMBERS = [np.float32(0.5), np.float64(0.5), np.array(0.5), 0.5]
COUNTS = [np.int64(3), np.uint8(3), np.array(3), 3]


@pytest.mark.parametrize("value", NUMBERS, ids=repr)
def test_a_number_becomes_a_float(value):
    assert type(checks.as_positive("lr", value)) is float
    assert checks.as_positive("lr", value) == 0.5


@pytest.mark.parametrize("value", COUNTS, ids=repr)
def test_a_count_becomes_an_int(value):
    assert type(checks.as_count("steps", value)) is int
    assert checks.as_count("steps", value) == 3


@pytest.mark.parametrize(
    "value", [[8], (8,), np.array([8]), 8.0, "8", True, np.True_, None, 10**30, np.ma.masked, {}]
)
def test_what_is_no_count_is_refused(value):
    with pytest.raises(ls.InputError, match=r"^count = .*: must be an integer"):
        checks.as_count("count", value)


@pytest.mark.parametrize(
    "value",
    [
        [0.5],
        np.array([0.5]),
        "0.5",
        True,
        np.True_,
        None,
        10**400,
        math.nan,
        math.inf,
        0.5j,
        np.complex128(1),
    ],
)
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ls.InputError, match=r"^lr = .*: must be a finite number$"):
        checks.as_real("lr", value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ma.masked_greater([1.0, 2.0, 999.0], 100), "masked"),
        ([1.0, np.ma.masked], "masked"),
        ([1 + 2j], "complex"),
        (["1", "2"], "array of numbers"),
        ([1.0, None], "array of numbers"),
        ([[1.0], [1.0, 2.0]], "array of numbers"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), "array of numbers"),
        ([math.nan], "finite"),
        (None, "array of numbers"),
        ({"a": 1}, "array of numbers"),
    ],
)
def test_what_is_no_array_of_numbers_is_refused_in_one_line(values, message):
    with pytest.raises(ls.InputError, match=f"^X = .*{message}") as caught:
        checks.as_array("X", values)
    assert "\n" not in str(caught.value)


def test_a_mask_that_hides_nothing_is_no_reason_to_refuse():
    assert checks.as_array("X", np.ma.masked_greater([1.0, 2.0], 100)).tolist() == [1.0, 2.0]


def test_an_array_is_not_shared_with_the_caller():
    mine = np.ones(3)
    kept = checks.as_array("X", mine)
    mine[0] = 7.0
    assert kept.tolist() == [1.0, 1.0, 1.0]


def test_a_refusal_stays_one_line_however_large_the_value():
    with pytest.raises(ls.InputError) as caught:
        checks.require(False, "X", np.zeros((300, 20)), "must be positive")
    assert str(caught.value) == "X = an array of shape (300, 20): must be positive"
    with pytest.raises(ls.InputError) as caught:
        checks.require(False, "X", np.eye(2), "must be positive")
    assert "\n" not in str(caught.value)


def test_settings_of_numpy_scalars_can_be_written_down():
    settings = ls.SGD(
        lr=np.float32(0.5), batch_size=np.int64(4), momentum=np.array(0.0), nesterov=np.False_
    )
    assert json.loads(json.dumps(settings.to_dict())) == ls.SGD(lr=0.5, batch_size=4).to_dict()


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (-np.eye(2), "variances of zero or above"),
        ([[1.0, 2.0], [2.0, 1.0]], "negative eigenvalue"),
        ([[1.0, 0.1], [0.2, 1.0]], "symmetric"),
        ([[1e12, 0.0], [1e-3, 1e-12]], "symmetric"),
        ([[1.0, math.nan], [math.nan, 1.0]], "finite"),
        (np.ones((2, 3)), "square|shape"),
    ],
)
def test_what_is_no_covariance_is_refused(matrix, message):
    with pytest.raises(ls.InputError, match=message):
        as_covariance("noise_covariance", matrix)


def test_the_root_of_a_covariance_is_right_in_the_units_of_every_component():
    scale = np.array([1e12, 1.0, 1e-12])
    correlations = np.array([[1.0, 0.5, 0.2], [0.5, 1.0, -0.3], [0.2, -0.3, 1.0]])
    root = covariance_root(correlations * scale[:, None] * scale) / scale[:, None]
    assert root @ root.T == pytest.approx(correlations, rel=1e-14)
