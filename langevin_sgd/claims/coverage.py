"""What the papers say, statement by statement, and which claim judges it.

The statements stand in ``coverage.toml`` beside the claims: for each paper its statements and
figures, the claims that judge them (none yet where there are none), numbers that the paper itself
prints, and what of a statement is not judged.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langevin_sgd.checks import InputError
from langevin_sgd.claims.claim import TIERS
from langevin_sgd.claims.criteria import criteria_of
from langevin_sgd.claims.discovery import claim_folders, find_claim
from langevin_sgd.claims.history import published_history
from langevin_sgd.claims.tolerance import verdict_in_words

if TYPE_CHECKING:
    from langevin_sgd.claims.judgement import Judgement

COVERAGE = "coverage.toml"


@dataclass(frozen=True)
class Statement:
    """One statement or figure of a paper.

    Parameters
    ----------
    says
        The statement, in our words.
    where
        Figure, section or abstract.
    claims
        Ids of the claims of the paper's folder that judge it; empty for "none yet".
    printed
        Numbers that the paper itself prints.
    note
        What of it is not judged.
    """

    says: str
    where: str
    claims: tuple[str, ...]
    printed: str = ""
    note: str = ""


@dataclass(frozen=True)
class CoveredPaper:
    """A paper and its statements; `key` is the folder of its claims."""

    name: str
    key: str
    source: str
    statements: tuple[Statement, ...]

    @property
    def judged(self) -> int:
        """How many statements have a claim."""
        return sum(bool(one.claims) for one in self.statements)


def read_coverage() -> list[CoveredPaper]:
    """Read the statements of all papers.

    Raises
    ------
    InputError
        If a file cannot be read, or an entry is not of the right shape.
    """
    files = [folder / COVERAGE for folder in claim_folders()]
    return [paper for file in files if file.is_file() for paper in _papers(file)]


def _papers(file: Path) -> list[CoveredPaper]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        return [_paper(**entry) for entry in content["paper"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"path = '{file}': holds no papers with statements ({reason})") from error


def _paper(statement: Sequence[dict[str, Any]], **fields: str) -> CoveredPaper:
    statements = [Statement(**one | {"claims": tuple(one["claims"])}) for one in statement]
    return CoveredPaper(**fields, statements=tuple(statements))


def standing(judgements: Sequence[Judgement]) -> dict[str, str]:
    """Return where every claim stands: verdict, grade and tier, the largest that was completed.

    Parameters
    ----------
    judgements
        Of one store; what was completed elsewhere and published beside the claims counts as well,
        also where criteria have changed since, and says so.

    Returns
    -------
    dict
        ``paper/id`` -> words; claims of which nothing was completed are not in it.
    """
    lines = [
        *published_history(),
        *(
            {
                "claim": f"{one.claim.paper}/{one.claim.id}",
                "tier": one.tier,
                "stream": "deciding",
                "verdict": one.verdict,
                "grade": one.grade,
            }
            for one in judgements
            if one.verdict != "not_run"
        ),
    ]
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        if line.get("stream") != "deciding" or line.get("tier") not in TIERS:
            continue
        name = str(line.get("claim"))
        if name not in found or _rank(line) >= _rank(found[name]):
            found[name] = line
    return {name: _in_words(line) for name, line in found.items()}


def _since_changed(line: dict[str, Any]) -> bool:
    """Whether the criteria of an outcome are no longer those of its claim, if it is still there."""
    if line.get("criteria") is None:
        return False
    try:
        claim = find_claim(str(line["claim"]))
    except InputError:
        return False
    return bool(line["criteria"] != criteria_of(claim).digest)


def _rank(line: dict[str, Any]) -> int:
    return TIERS.index(line["tier"])


def _in_words(line: dict[str, Any]) -> str:
    grade = line.get("grade")
    words = [verdict_in_words(str(line["verdict"]), grade), *([grade] if grade else [])]
    tier = line["tier"] + (", by older criteria" if _since_changed(line) else "")
    return f"{', '.join(words)} ({tier})"
