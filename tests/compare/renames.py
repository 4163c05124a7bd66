"""The table of what has another name, code or number than before: ``renames.toml``.

Quantities go by a key of three names: claim, component and field, or case, variable and nothing.
The table is a list of entries, each with a ``reason`` in words:

    [[claim]]      old, new                    a claim has another id
    [[component]]  claim, old, new             a component of a claim has another name
    [[variable]]   case, old, new              a variable of a result has another name
    [[recoded]]    case, variable, codes       old code -> new code of a status; others stay
    [[accepted]]   claim, component, fields    these fields of a component may differ
    [[accepted]]   case, variable              a variable may differ, or be on one side only

An accepted entry may say ``within``, the relative difference up to which numbers may differ; one of
a claim without ``component`` is about the verdicts of the whole claim. ``claim``, ``component``,
``case`` and ``variable`` are names of the present, or patterns with ``*``; ``old`` and ``new`` are
exact. Where a case has several results, a variable is called ``result/variable``, of which ``old``
and ``new`` are the last part.

An entry that nothing used is an error, as one without a reason is: the table holds what did change,
and no more.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

Key = tuple[str, str, str]
"""Claim, component, field, where the verdicts of a whole claim have no component; or case, variable
and no field."""
Numbers = dict[Key, Any]

COMPARED = ("prediction", "margin", "measurement", "standard_error", "verdict")
"""Fields of a component."""
VERDICTS = ("verdict", "control_verdict")
"""Fields of a claim."""

WORDS = {
    "claim": {"old", "new"},
    "component": {"claim", "old", "new"},
    "variable": {"case", "old", "new"},
    "recoded": {"case", "variable", "codes"},
    "accepted": {"claim", "component", "fields", "case", "variable", "within"},
}
"""Kind of an entry -> its words beside the reason; all are needed, but of an accepted one."""


class TableError(Exception):
    """An entry of the table is not what it should be."""


@dataclass(kw_only=True)
class Entry:
    """One entry of the table; see the head of the file."""

    kind: str
    reason: str
    claim: str = ""
    component: str = ""
    case: str = ""
    variable: str = ""
    old: str = ""
    new: str = ""
    codes: Mapping[str, int] = field(default_factory=dict)
    fields: Sequence[str] = ()
    within: float | None = None
    used: bool = False

    def __str__(self) -> str:
        given = {name: getattr(self, name) for name in sorted(WORDS[self.kind])}
        words = ", ".join(f"{name} = {value!r}" for name, value in given.items() if value)
        return f"[[{self.kind}]] {words}"

    @property
    def of_claims(self) -> bool:
        """Whether it is about claims, not cases."""
        return self.kind == "claim" or bool(self.claim)

    def concerns(self, key: Key) -> bool:
        """Whether it is about a quantity, by its new name."""
        group, name = (self.claim, self.component) if self.of_claims else (self.case, self.variable)
        inside = not self.fields or key[2] in self.fields
        return inside and _matches(group, key[0]) and _matches(name, key[1])

    def renames(self, key: Key) -> Key:
        """Return the key in which its renaming is done."""
        if self.kind == "claim":
            return (self.new, *key[1:]) if key[0] == self.old else key
        # In the names of components a slash is one sign among others.
        above, last = ("", key[1]) if self.of_claims else _last_part(key[1])
        if last != self.old or not _matches(self.claim or self.case, key[0]):
            return key
        return key[0], above + self.new, key[2]


def _matches(pattern: str, name: str) -> bool:
    # Names hold brackets, in which a pattern would see a choice of letters.
    return pattern == name or fnmatchcase(name, pattern.replace("[", "[[]"))


def _last_part(name: str) -> tuple[str, str]:
    above, slash, last = name.rpartition("/")
    return above + slash, last


def read_table(text: str) -> list[Entry]:
    """Read the entries of a table, and raise `TableError` for one that is not whole."""
    entries = []
    for kind, given in tomllib.loads(text).items():
        if kind not in WORDS:
            raise TableError(f"[[{kind}]]: is unknown, there are {', '.join(WORDS)}")
        for words in given:
            _require_whole(kind, words)
            entries.append(Entry(kind=kind, **words))
    return entries


def _require_whole(kind: str, words: Mapping[str, Any]) -> None:
    whole, given = f"[[{kind}]] {dict(words)}", set(words) - {"reason"}
    if not str(words.get("reason", "")).strip():
        raise TableError(f"{whole}: has no reason")
    if unknown := given - WORDS[kind]:
        raise TableError(f"{whole}: has the unknown {', '.join(sorted(unknown))}")
    if kind == "accepted":
        of_claim = {"claim", "fields"} <= given and not {"case", "variable"} & given
        of_case = {"case", "variable"} <= given and not {"claim", "component", "fields"} & given
        if not (of_claim or of_case):
            raise TableError(f"{whole}: needs claim and fields, or case and variable")
    elif missing := WORDS[kind] - given:
        raise TableError(f"{whole}: has no {', '.join(sorted(missing))}")
    if wrong := set(words.get("fields", ())) - {*COMPARED, *VERDICTS}:
        raise TableError(f"{whole}: has the unknown fields {', '.join(sorted(wrong))}")


def translate(old: Numbers, table: Sequence[Entry]) -> Numbers:
    """Put old numbers under their new names and codes, and mark the entries that did something."""
    found: Numbers = {}
    for key, value in old.items():
        now = _renamed(key, table)
        if now in found:
            raise TableError(f"{now[0]}: two old quantities would be called {now[1]!r}")
        found[now] = value
        for entry in table:
            if entry.kind == "recoded" and entry.concerns(now):
                found[now] = _recoded(value, entry)
    return found


def _renamed(key: Key, table: Sequence[Entry]) -> Key:
    for kind in ("claim", "component", "variable"):
        for entry in table:
            if entry.kind == kind and (now := entry.renames(key)) != key:
                entry.used, key = True, now
                break
    return key


def _recoded(status: np.ndarray, entry: Entry) -> np.ndarray:
    made = status.copy()
    for old, new in entry.codes.items():
        here = status == int(old)
        made[here] = new
        entry.used |= bool(here.any())
    return made
