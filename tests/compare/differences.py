"""What differs between two sets of numbers: of claims beyond rounding, of cases in any bit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from child import RAISED
from renames import COMPARED, VERDICTS, Entry, Key, Numbers, translate

RELATIVE = 1e-9
"""Claims may differ by this much of a number, and cases not at all. A sum in float64 that is taken
in another order moves a fitted number by less; another draw, estimator or setting by more."""
MISSING, NEW = "is missing", "is new"


def read_claims(judgements: Iterable[Mapping[str, Any]]) -> Numbers:
    """Numbers of what ``claims run --json`` printed."""
    found: Numbers = {}
    for one in judgements:
        claim = one["id"]
        found |= {(claim, "", name): one[name] for name in VERDICTS}
        for component in one["components"]:
            found |= {(claim, component["name"], name): component[name] for name in COMPARED}
    return found


def read_cases(file: Path) -> Numbers:
    """Numbers of cases, which a child wrote as ``case/variable``."""
    with np.load(file, allow_pickle=False) as arrays:
        whole = {key: key.partition("/") for key in arrays.files}
        return {(case, variable, ""): arrays[key] for key, (case, _, variable) in whole.items()}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A quantity that is not the same, in words; ``by`` the entry that accepts it."""

    key: Key
    text: str
    by: Entry | None = None

    def __str__(self) -> str:
        # What is missing is missing with all its fields.
        names = self.key[:2] if self.text in (MISSING, NEW) else self.key
        return f"{': '.join(filter(None, names))}: {self.text}"


def compare(old: Numbers, new: Numbers, table: Sequence[Entry]) -> list[Difference]:
    """Compare by key; what only one side has differs, and so does what failed on both."""
    there, found = translate(old, table), []
    raised = {key[0] for key in there.keys() | new.keys() if key[1] == RAISED}
    for key in sorted(there.keys() | new.keys()):
        if key[0] in raised and key[1] != RAISED:
            continue
        if text := _difference(key, there, new):
            by = _accepting(key, there, new, table)
            found.append(Difference(key=key, text=text, by=by))
    return found


def _difference(key: Key, old: Numbers, new: Numbers) -> str:
    failed = key[2] == "verdict" and new.get(key) == "failed"
    if key[1] == RAISED or failed:
        return f"{old.get(key, 'no error')} -> {new.get(key, 'no error')}"
    if key not in new:
        return MISSING
    if key not in old:
        return NEW
    kind = array_difference if isinstance(new[key], np.ndarray) else number_difference
    return kind(old[key], new[key])


def _accepting(key: Key, old: Numbers, new: Numbers, table: Sequence[Entry]) -> Entry | None:
    for entry in table:
        accepts = entry.kind == "accepted" and entry.concerns(key)
        if accepts and (
            entry.within is None or _are_close(old.get(key), new.get(key), entry.within)
        ):
            entry.used = True
            return entry
    return None


def _are_close(old: Any, new: Any, within: float) -> bool:
    a, b = np.asarray(old), np.asarray(new)
    if a.shape != b.shape or {a.dtype.kind, b.dtype.kind} - set("fciub"):
        return False
    return bool(np.allclose(a, b, rtol=within, atol=0, equal_nan=True))


def number_difference(old: Any, new: Any) -> str:
    """What differs between two numbers or texts, "" if nothing does; None and NaN are the same."""
    a, b = (None if value != value else value for value in (old, new))
    if a == b:
        return ""
    text = f"{old} -> {new}"
    if not (isinstance(a, int | float) and isinstance(b, int | float)):
        return text
    relative = abs(b - a) / max(abs(a), abs(b))
    return "" if relative <= RELATIVE else f"{text}, by {relative:.1e} of it"


def array_difference(old: np.ndarray, new: np.ndarray) -> str:
    """What differs between two arrays bit by bit, "" if nothing does; all NaN are the same."""
    if (old.dtype, old.shape) != (new.dtype, new.shape):
        return f"{old.dtype} {old.shape} -> {new.dtype} {new.shape}"
    if _bits(old) == _bits(new):
        return ""
    pairs = zip(old.ravel(), new.ravel(), strict=True)
    apart = [(a, b) for a, b in pairs if _bits(a) != _bits(b)]
    text = f"{len(apart)} of {old.size} differ, the first {apart[0][0]} -> {apart[0][1]}"
    if old.dtype.kind not in "fciu":
        return text
    with np.errstate(all="ignore"):
        distances = np.abs(np.subtract(*np.array(apart, complex).T))
    return f"{text}, the most by {np.nanmax(distances, initial=0.0):.2g}"


def _bits(array: Any) -> bytes:
    made = np.array(array)
    if made.dtype.kind in "fc":
        made[np.isnan(made)] = np.nan
    return made.tobytes()
