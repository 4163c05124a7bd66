"""The comparison of two commits sees what changed, takes what its table says, and nothing else."""

from pathlib import Path

import child
import numpy as np
import pytest
from compare import TABLE, report
from differences import array_difference, compare, read_cases, read_claims
from renames import TableError, read_table
from sides import FOLDER

JUDGEMENT = {
    "id": "slope",
    "verdict": "supported",
    "control_verdict": "refuted",
    "components": [
        {
            "name": "P = [8, 16]",
            "prediction": 1.0,
            "margin": 0.1,
            "measurement": 1.02,
            "standard_error": None,
            "verdict": "supported",
        }
    ],
}


def claims(*, name="P = [8, 16]", claim="slope", control="refuted", **changes):
    component = JUDGEMENT["components"][0] | {"name": name} | changes
    whole = {"id": claim, "control_verdict": control, "components": [component]}
    return read_claims([JUDGEMENT | whole])


def found(old, new, table=""):
    entries = read_table(table)
    differences = compare(old, new, entries)
    return [str(one) for one in differences if one.by is None], [one.used for one in entries]


def test_equal_claims_do_not_differ():
    nothing = claims(standard_error=float("nan"), measurement=1.02 * (1 + 1e-12))
    assert found(claims(), nothing) == ([], [])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"measurement": 1.03}, "slope: P = [8, 16]: measurement: 1.02 -> 1.03, by 9.7e-03 of it"),
        ({"measurement": None}, "slope: P = [8, 16]: measurement: 1.02 -> None"),
        ({"standard_error": 0.0}, "slope: P = [8, 16]: standard_error: None -> 0.0"),
        ({"verdict": "refuted"}, "slope: P = [8, 16]: verdict: supported -> refuted"),
        ({"control": "supported"}, "slope: control_verdict: refuted -> supported"),
    ],
)
def test_a_moved_number_or_verdict_is_said(changes, said):
    assert found(claims(), claims(**changes)) == ([said], [])


def test_what_is_missing_or_new_is_said():
    differences, _ = found(claims(), claims(name="other"))
    assert set(differences) == {"slope: P = [8, 16]: is missing", "slope: other: is new"}
    assert set(found({}, claims())[0]) == {"slope: is new", "slope: P = [8, 16]: is new"}


def test_what_failed_on_both_sides_is_no_agreement():
    broken = claims(verdict="failed")
    assert found(broken, broken) == (["slope: P = [8, 16]: verdict: failed -> failed"], [])


RENAMED = """
[[claim]]
old = "slope"
new = "gradient"
reason = "the field calls it so"

[[component]]
claim = "grad*"
old = "P = [8, 16]"
new = "other"
reason = "the grid is in the statement"
"""
ACCEPTED = """
[[accepted]]
claim = "slope"
component = "P = [8, *"
fields = ["measurement", "standard_error"]
reason = "runs are grouped in another way"
"""


def test_renamed_claims_and_components():
    assert found(claims(), claims(claim="gradient", name="other"), RENAMED) == ([], [True, True])
    differences, used = found(claims(), claims(), RENAMED)
    assert used == [True, True]
    assert "slope: P = [8, 16]: is new" in differences


def test_accepted_differences_are_those_of_their_fields_and_size():
    assert found(claims(), claims(measurement=1.03), ACCEPTED) == ([], [True])
    assert found(claims(), claims(prediction=1.1), ACCEPTED)[1] == [False]
    assert found(claims(), claims(measurement=1.03), f"{ACCEPTED}within = 0.001")[1] == [False]
    assert found(claims(), claims(measurement=1.03), f"{ACCEPTED}within = 0.1") == ([], [True])


def test_an_entry_that_nothing_used_is_an_error(capsys):
    numbers = claims(), claims()
    assert report("claims", *numbers, read_table(""), whole=True)
    assert not report("claims", *numbers, read_table(ACCEPTED), whole=True)
    assert "nothing differs as in [[accepted]] claim = 'slope'" in capsys.readouterr().out
    assert report("claims", *numbers, read_table(ACCEPTED), whole=False)
    assert report("cases", {}, {}, read_table(ACCEPTED), whole=True)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (ACCEPTED.replace("runs are grouped in another way", " "), "has no reason"),
        (ACCEPTED.replace("standard_error", "speed"), "has the unknown fields speed"),
        (ACCEPTED.replace("fields", "numbers"), "has the unknown numbers"),
        (ACCEPTED.replace("[[accepted]]", "[[waived]]"), "is unknown"),
        (
            '[[accepted]]\ncase = "a"\nreason = "none"',
            "needs claim and fields, or case and variable",
        ),
        ('[[variable]]\ncase = "a"\nold = "b"\nreason = "none"', "has no new"),
    ],
)
def test_an_entry_that_is_not_whole_is_refused(text, fault):
    with pytest.raises(TableError, match=fault):
        read_table(text)


# --- cases ---------------------------------------------------------------------------------------

STATUS = np.array([0, 1, 3], np.int8)
RECODED = """
[[recoded]]
case = "networks *"
variable = "*status"
codes = { 1 = 3, 3 = 1 }
reason = "one set of codes for all engines"

[[variable]]
case = "*"
old = "weights"
new = "final_weights"
reason = "the end of a run is called so everywhere"

[[accepted]]
case = "networks *"
variable = "first_step"
reason = "every result has it"
"""


def test_recoded_renamed_and_new_variables():
    old = {
        ("networks own", "first/status", ""): STATUS,
        ("networks own", "first/weights", ""): STATUS,
    }
    new = {
        ("networks own", "first/status", ""): np.array([0, 3, 1], np.int8),
        ("networks own", "first/final_weights", ""): STATUS,
        ("networks own", "first_step", ""): np.array(0),
    }
    assert found(old, new, RECODED) == ([], [True, True, True])
    left, _ = found(old, new | {("networks own", "first/status", ""): STATUS}, RECODED)
    assert left == ["networks own: first/status: 2 of 3 differ, the first 3 -> 1, the most by 2"]


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ([1.0, np.nan], ""),
        ([1.0, -np.nan], ""),
        ([np.nextafter(1.0, 2.0), np.nan], "1 of 2 differ, the first 1.0 -> 1.0000000000000002"),
        ([1.0, 0.0], "1 of 2 differ, the first nan -> 0.0"),
        ([1.0], "float64 (2,) -> float64 (1,)"),
        (np.array([1.0, np.nan], np.float32), "float64 (2,) -> float32 (2,)"),
    ],
)
def test_arrays_are_compared_bit_by_bit(new, said):
    difference = array_difference(np.array([1.0, np.nan]), np.array(new))
    assert difference.startswith(said)
    assert bool(difference) == bool(said)


def test_signs_of_zero_and_texts_are_bits():
    assert array_difference(np.array(0.0), np.array(-0.0)) == (
        "1 of 1 differ, the first 0.0 -> -0.0, the most by 0"
    )
    assert array_difference(np.array("a"), np.array("b")) == "1 of 1 differ, the first a -> b"
    assert array_difference(np.array("a"), np.array("a")) == ""


CASES = """
import numpy as np
CASES = {
    "whole": lambda: {"first": {"x": np.arange(3)}, "y": 1.5},
    "broken": lambda: {"x": 1 / 0},
    "objects": lambda: {"x": [object()]},
}
"""


def test_variables_of_cases_travel_and_errors_are_said(tmp_path: Path, capsys):
    (tmp_path / "cases.py").write_text(CASES)
    child.run_cases(tmp_path / "cases.py", tmp_path / "out.npz", ["whole", "broken", "objects"])
    numbers = read_cases(tmp_path / "out.npz")
    assert numbers[("whole", "first/x", "")].tolist() == [0, 1, 2]
    assert numbers[("whole", "y", "")] == 1.5
    # An error on both sides is no agreement.
    said, _ = found(numbers, numbers)
    assert [line.partition(" -> ")[2] for line in said] == [
        "ZeroDivisionError: division by zero",
        "TypeError: x: holds objects, which have no bits to compare",
    ]
    assert "division by zero" in capsys.readouterr().err


def test_another_package_than_the_one_meant_is_refused(tmp_path: Path):
    child.require_packages(FOLDER.parents[1])
    with pytest.raises(RuntimeError, match="not that of"):
        child.require_packages(tmp_path)


def test_both_files_of_cases_can_be_read_and_have_the_same_cases():
    before, now = (child.load_cases(FOLDER / f"cases_{when}.py") for when in ("before", "now"))
    assert list(before) == list(now)
    assert len(before) > 80
    read_table(TABLE.read_text(encoding="utf-8"))
