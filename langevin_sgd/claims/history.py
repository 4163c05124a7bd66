"""What a store remembers of criteria and verdicts, so that nothing is judged anew in silence.

``criteria.json`` holds, for each sample of claims, every version of its criteria that data were
made by, in their order: digest and text. ``history.jsonl`` is append-only, one line for every
outcome. Versions that were used before, on another machine, stand in ``results/criteria.json``
beside the claims and count first. Both files hold no times and no host names.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langevin_sgd.checks import InputError
from langevin_sgd.claims.criteria import Criteria
from langevin_sgd.claims.discovery import claim_folders
from langevin_sgd.dataset import locked, named_file, replace_file

if TYPE_CHECKING:
    from langevin_sgd.claims.judgement import Judgement
    from langevin_sgd.sweep import Store

CRITERIA = "criteria.json"
HISTORY = "history.jsonl"

Versions = dict[str, list[dict[str, str]]]
"""Sample -> versions of its criteria: digest and text."""


def versioned(known: Versions, criteria: Criteria) -> Criteria:
    """Return criteria with their version: their place among those that the sample has had."""
    digests = [one["digest"] for one in known.get(criteria.sample, [])]
    place = digests.index(criteria.digest) if criteria.digest in digests else len(digests)
    return replace(criteria, version=place + 1)


def register(store: Store, criteria: Iterable[Criteria]) -> None:
    """Store criteria with the first data made by them; known ones stay as they are.

    Raises
    ------
    InputError
        If the file cannot be read or written.
    """
    file = store.directory / CRITERIA
    with store.writing():
        store.directory.mkdir(parents=True, exist_ok=True)
        with locked(file):
            own, changed = _read(file), False
            for one in criteria:
                versions = own.setdefault(one.sample, [])
                if all(known["digest"] != one.digest for known in versions):
                    versions.append({"digest": one.digest, "text": one.text})
                    changed = True
            if changed:
                with replace_file(file) as part:
                    part.write_text(
                        json.dumps(own, indent=1, sort_keys=True) + "\n", encoding="utf-8"
                    )


def difference(store: Store, criteria: Criteria) -> str:
    """Return how criteria differ from the last ones that data were made by; empty if they do not.

    A sample of which nothing is stored has no difference.
    """
    versions = _read(store.directory / CRITERIA).get(criteria.sample, [])
    if not versions or any(one["digest"] == criteria.digest for one in versions):
        return ""
    before, now = versions[-1]["text"].splitlines(), criteria.text.splitlines()
    names = f"criteria {versions[-1]['digest']}", f"criteria {criteria.digest}"
    return "\n".join(difflib.unified_diff(before, now, *names, lineterm="", n=1))


def record(store: Store, judgements: Sequence[Judgement]) -> None:
    """Append one line for every outcome that differs from the last one of the same claim and tier.

    A claim of which nothing could be judged, ``not_run``, leaves no line.
    """
    file = store.directory / HISTORY
    with store.writing(), locked(file):
        last = {_key(line): line for line in read_history(store)}
        new = [_line(one) for one in judgements if one.verdict != "not_run"]
        lines = [line for line in new if last.get(_key(line)) != line]
        with named_file("results", file), file.open("a", encoding="utf-8") as written:
            written.writelines(json.dumps(line, sort_keys=True) + "\n" for line in lines)


def read_history(store: Store) -> list[dict[str, Any]]:
    """Return all outcomes that a store remembers, the oldest first; damaged lines are left out."""
    return _read_lines(store.directory / HISTORY)


def published_history() -> list[dict[str, Any]]:
    """Return the outcomes that stand beside the claims: of tiers completed on other machines."""
    files = [folder / "results" / HISTORY for folder in claim_folders()]
    return [line for file in files for line in _read_lines(file)]


def _read_lines(file: Path) -> list[dict[str, Any]]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    lines = []
    for line in text.splitlines():
        try:
            content = json.loads(line)
        except ValueError:
            continue
        if isinstance(content, dict):
            lines.append(content)
    return lines


def _line(judgement: Judgement) -> dict[str, Any]:
    criteria = judgement.criteria
    return {
        "claim": f"{judgement.claim.paper}/{judgement.claim.id}",
        "tier": judgement.tier,
        "seed": judgement.seed,
        "stream": "development" if judgement.development else "deciding",
        "criteria": None if criteria is None else criteria.digest,
        "version": None if criteria is None else criteria.version,
        "verdict": judgement.verdict,
        "control_verdict": judgement.control_verdict,
        "grade": judgement.grade,
    }


def _key(line: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(line.get(name) for name in ("claim", "tier", "seed", "stream"))


def read_versions(store: Store) -> Versions:
    """Return the versions of criteria used before, beside the claims, then those of the store.

    Raises
    ------
    InputError
        If a file of them is damaged.
    """
    known: Versions = {}
    for versions in (*_published(tuple(claim_folders())), _read(store.directory / CRITERIA)):
        for sample, entries in versions.items():
            there = known.setdefault(sample, [])
            digests = {one["digest"] for one in there}
            there += [one for one in entries if one["digest"] not in digests]
    return known


@lru_cache(maxsize=8)
def _published(folders: tuple[Path, ...]) -> tuple[Versions, ...]:
    return tuple(_read(folder / "results" / CRITERIA) for folder in folders)


def _read(file: Path) -> Versions:
    """Read a file of criteria; nothing without one.

    Raises
    ------
    InputError
        If it is damaged: criteria must not be forgotten in silence.
    """
    if not file.exists():
        return {}
    damaged = f"path = '{file}': is damaged, it must hold digest and text of criteria by sample"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {
            sample: [{name: str(one[name]) for name in ("digest", "text")} for one in versions]
            for sample, versions in content.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(damaged) from error
