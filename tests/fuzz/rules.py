"""What may come of a case: a right result, or one clear line that names the argument.

`judge` returns nothing for what is allowed, else what is wrong in a few words. A result is right
here if it was not computed from a value without meaning (marked ``wrong`` in the text of the case),
holds no NaN but where NaN has a meaning, and came without a warning of NumPy's; that its numbers
are right is for other tests to say.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from .surface import calls, verbs

PROGRAM = "langevin-sgd"

NAN_MEANS = {
    "not measured": r"-> .*not_valid",
    "never passed": r"-> .*(first_passage|t_star|middle|after|by)",
    "not every run was fitted": r"grid_lines\(\)|lines_along|network_result\(\)",
    "an overdamped path has no velocity": r"sde\.follow.* -> result\.1",
    "it came in, where it may "
    "(`by_call.NAN_TAKEN`)": r"=(nan_in\(|(np\.)?float(64)?\('nan'\)).* -> ",
    "a path leaves the range of doubles": (
        r"sde\.(follow|refinements)\(.*normals=(huge|infinite_in)\("
    ),
    "a point is not finite": r"local_slopes\(.*\b[xy]=infinite_in\(",
    "a function of means is not finite": r"jackknife\(.*samples=(infinite_in|zeros|huge|tiny)\(",
    "the expansion does not hold": r"finite_flow\(.* -> result\.noise",
    "an energy leaves the range of doubles": r"LossNoise\(.*covariance\(theta=huge\(",
    "a white cell": r"map=colours\(\).* -> result\.map\.values",
}
"""Meaning -> pattern of "case -> place in its result" where a number may be NaN."""

EXTREMES = re.compile(r"1e-?3\d\d|10\*\*\d|huge|tiny|inf")
"""Values with which numbers leave the range of doubles: what is infinite then is right, and NumPy
may say so.
"""

ALSO_CALLED = {"wanted": "claim", "run_or_arrays": "run"}
"""Parameter -> what a refusal may call it as well."""

CASE = "<case>"
"""Name of the text of a case in tracebacks."""

OTHER_SUBJECTS = {
    "arguments",
    "options",
    "subcommands",
    "claim",
    "DIR",
    "FILE",
    "LANGEVIN-SGD-CLAIMS",
}
"""What a refusal of the command may be about, besides an option."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a case.

    Parameters
    ----------
    value
        The result of a call, or the exit status of the command.
    error
        What was raised.
    output, complaint
        Texts on stdout and stderr.
    warned
        Warnings that were given.
    """

    value: Any = None
    error: BaseException | None = None
    output: str = ""
    complaint: str = ""
    warned: Sequence[warnings.WarningMessage] = ()


def judge(text: str, outcome: Outcome) -> str:
    """Return what is wrong with an outcome of a case, or nothing."""
    if is_command(text):
        return _judge_command(text, outcome)
    return _judge_call(text, outcome)


def is_command(text: str) -> bool:
    """Whether a case is one of the command."""
    return text.startswith("main(")


# --- calls ----------------------------------------------------------------------------------------


def _judge_call(text: str, outcome: Outcome) -> str:
    if outcome.error is not None:
        return _judge_error(text, outcome.error)
    if "wrong(" in text and not _says_why(outcome.value):
        return f"taken: {outcome.value!r:.80}".replace("\n", " ")
    places = (f"{text} -> {place}" for place in _nans(outcome.value, "result"))
    without_meaning = [
        place
        for place in places
        if not any(re.search(known, place) for known in NAN_MEANS.values())
    ]
    if without_meaning:
        return f"NaN in {without_meaning[0].rpartition(' -> ')[2]}"
    return _judge_warnings(
        outcome, r"overflow|underflow|divide by zero" if EXTREMES.search(text) else ""
    )


def _judge_error(text: str, error: BaseException) -> str:
    if type(error).__name__ != "InputError":
        if _is_raised_by_the_case(error):
            return ""
        return f"{type(error).__name__}: {' '.join(str(error).split()):.160}"
    return _judge_line(str(error), names_in(text))


def _is_raised_by_the_case(error: BaseException) -> bool:
    """Whether it comes out of a function that the case itself brought: that is its own affair."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and (frames[-1].filename, frames[-1].name) == (CASE, "<lambda>")


def _judge_line(line: str, names: frozenset[str]) -> str:
    if "\n" in line or not line.isprintable():
        return f"a refusal that is not one line of print: {line!r:.160}"
    if not names & set(re.findall(r"[A-Za-z_][A-Za-z_0-9]*", line)):
        return f"a refusal that names no argument of the call: {line:.160}"
    return ""


def names_in(text: str) -> frozenset[str]:
    """Names by which a refusal may call what was given: where something is wrong those in the case,
    else any.
    """
    tree = ast.parse(text, mode="eval")
    nodes = list(ast.walk(tree))
    keywords = [node for node in nodes if isinstance(node, ast.keyword)]
    named = [node.value for node in keywords if node.arg == "name"]
    keys = [key for node in nodes if isinstance(node, ast.Dict) for key in node.keys]
    texts = {str(node.value) for node in (*named, *keys) if isinstance(node, ast.Constant)}
    if "wrong(" not in text:
        return known_names() | texts
    arguments = {str(node.arg) for node in keywords}
    return frozenset(
        texts
        | arguments
        | _by_place(tree.body)
        | {ALSO_CALLED.get(name, name) for name in arguments}
    )


def _by_place(call: ast.expr) -> frozenset[str]:
    """Parameters of a call that is given something without a keyword."""
    if not isinstance(call, ast.Call) or not call.args:
        return frozenset()
    name = ast.unparse(call.func).removeprefix("ls.")
    return frozenset(
        each.name for known in calls() if known.name == name for each in known.parameters
    )


@lru_cache(maxsize=1)
def known_names() -> frozenset[str]:
    """All parameters of the package and options of the command."""
    options = {option.name for verb in verbs() for option in verb.options}
    return frozenset({each.name for call in calls() for each in call.parameters} | options)


def _judge_warnings(outcome: Outcome, allowed: str = "") -> str:
    for warning in outcome.warned:
        kind = warning.category
        if allowed and re.match(allowed, str(warning.message)):
            continue
        if issubclass(
            kind, RuntimeWarning | np.exceptions.ComplexWarning | DeprecationWarning | FutureWarning
        ):
            return f"{kind.__name__}: {' '.join(str(warning.message).split()):.120}"
    return ""


def _says_why(value: Any) -> bool:
    """Whether a result is, or holds, an estimate that is not valid and says why."""
    if type(value).__name__ == "Estimate":
        return not value.valid and bool(value.note)
    return any(_says_why(member) for _, member in _members(value))


def _nans(value: Any, place: str, depth: int = 0) -> Iterator[str]:
    """Places in a result that hold NaN without a meaning."""
    if depth > 6:
        return
    if isinstance(value, float | complex | np.ndarray | np.generic):
        array = np.asarray(value)
        if array.dtype.kind in "fc" and bool(np.isnan(array).any()):
            yield place
        return
    for name, member in _members(value):
        yield from _nans(member, f"{place}.{name}", depth + 1)


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(name), member) for name, member in value.items())
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from zip(value._fields, value, strict=True)
    elif isinstance(value, list | tuple):
        yield from ((str(place), member) for place, member in enumerate(value[:20]))
    elif type(value).__name__ == "Dataset":
        yield from ((str(name), value[name].values) for name in [*value.data_vars, *value.coords])
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        certain = type(value).__name__ not in ("Estimate", "Curve") or getattr(
            value, "valid", False
        )
        own = "" if certain else "not_valid."
        yield from (
            (own + each.name, getattr(value, each.name, None)) for each in dataclasses.fields(value)
        )


# --- the command ----------------------------------------------------------------------------------


def _judge_command(text: str, outcome: Outcome) -> str:
    if outcome.error is not None:
        return f"{type(outcome.error).__name__}: {' '.join(str(outcome.error).split()):.160}"
    status, lines = outcome.value, outcome.complaint.splitlines()
    if "Traceback" in outcome.complaint or "Traceback" in outcome.output:
        return f"a traceback: {lines[-1] if lines else ''}"
    if status == 2:
        return _judge_refusal(text, outcome)
    if status not in (0, 1):
        return f"exit status {status!r}"
    if "wrong(" in text:
        return f"taken, exit status {status}"
    if status == 1 and not lines and "sweep', 'failures" not in text:
        return "exit status 1 without a word"
    return _judge_failed_tasks(lines) or _judge_warnings(outcome) or _judge_json(text, outcome)


def _judge_refusal(text: str, outcome: Outcome) -> str:
    """The refusal is the last line; remarks, and results for which no figure could be drawn, may
    come before.
    """
    lines = outcome.complaint.splitlines()
    if not lines or not all(line.startswith(f"{PROGRAM}: ") for line in lines):
        return f"exit status 2 with {len(lines)} lines: {' | '.join(lines):.160}"
    if outcome.output and "'--plot'" not in text:
        return "exit status 2 with something on stdout"
    refusal = lines[-1].removeprefix(f"{PROGRAM}: ")
    if not refusal.isprintable():
        return f"a refusal with signs that do not print: {refusal!r:.160}"
    named = {name.replace("_", "-") for name in known_names()} | OTHER_SUBJECTS
    words = set(re.findall(r"[A-Za-z][A-Za-z_0-9-]*", refusal.replace("_", "-")))
    return "" if named & words else f"a refusal that names no option: {refusal:.160}"


def _judge_failed_tasks(lines: Sequence[str]) -> str:
    failed = [line for line in lines if "tasks failed: " in line and "InputError" not in line]
    return f"a task failed with an error of another library: {failed[0]:.160}" if failed else ""


def _judge_json(text: str, outcome: Outcome) -> str:
    if "'--json'" not in text or outcome.value != 0:
        return ""
    try:
        json.loads(outcome.output, parse_constant=_refuse)
    except ValueError as error:
        return f"stdout is no strict JSON: {error}"
    return ""


def _refuse(constant: str) -> None:
    raise ValueError(constant)
