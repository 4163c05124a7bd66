"""The claims there are: every ``<paper>/<id>.py`` of the validation folders that holds a `Claim`.

Folders named in the environment variable LANGEVIN_SGD_CLAIMS (parted by ``:``) join the package's
own; their claims are imported as ``langevin_sgd.validation.<paper>.<id>`` as well, here and in
worker processes. Files and folders whose name starts with an underscore hold what claims share. A
file that cannot be used (it does not import, or its claim is not well formed) stands for a claim
whose verdict is ``failed``; it stops no other.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

from langevin_sgd.checks import InputError, as_choice, as_text, require
from langevin_sgd.claims.claim import TIERS, Claim, check_claim

VALIDATION = "langevin_sgd.validation"


def claim_folders() -> list[Path]:
    """Folders that hold claims: the package's own, then those of LANGEVIN_SGD_CLAIMS.

    Raises
    ------
    InputError
        If one of them is not there.
    """
    folders = [Path(entry) for entry in importlib.import_module(VALIDATION).__path__]
    for folder in folders:
        require(
            folder.is_dir(), "LANGEVIN_SGD_CLAIMS", str(folder), "must name folders that are there"
        )
    return folders


def find_claims(*, paper: str | None = None) -> list[Claim]:
    """Return all claims, in order of paper and id.

    Parameters
    ----------
    paper
        Only those of this folder.

    Raises
    ------
    InputError
        If there is no such paper.
    """
    names = sorted(set(_names()))
    if paper is not None:
        paper = as_choice("paper", paper, sorted({name[0] for name in names}))
    claims = (_load(*name) for name in names if paper in (None, name[0]))
    return [claim for claim in claims if claim is not None]


def find_claim(wanted: str) -> Claim:
    """Return the claim called ``id`` or ``paper/id``, now or formerly.

    Raises
    ------
    InputError
        If there is none, with the nearest name, or more than one.
    """
    names, wanted = sorted(set(_names())), as_text("claim", wanted)
    matches = [(paper, name) for paper, name in names if wanted in (name, f"{paper}/{name}")]
    if len(matches) > 1:
        papers = " and ".join(paper for paper, _ in matches)
        raise InputError(f"claim = {wanted!r}: is in {papers}; write PAPER/ID")
    claim = _load(*matches[0]) if matches else None
    if claim is None:
        known = find_claims()
        if renamed := [one for one in known if wanted in one.aliases]:
            return renamed[0]
        as_choice("claim", wanted, [one.id for one in known])
        raise InputError(f"claim = {wanted!r}: must be PAPER/ID or ID")
    return claim


def _names() -> Iterator[tuple[str, str]]:
    for folder in claim_folders():
        for file in folder.glob("*/*.py"):
            if not file.name.startswith("_") and not file.parent.name.startswith(("_", ".")):
                yield file.parent.name, file.stem


def _load(paper: str, name: str) -> Claim | None:
    """Import one claim; ``None`` if the file holds none."""
    where = f"claim {paper}/{name}"
    try:
        module = importlib.import_module(f"{VALIDATION}.{paper}.{name}")
        kinds = [kind for kind in vars(module).values() if _is_claim_of(kind, module.__name__)]
        if not kinds:
            return None
        require(len(kinds) == 1, where, [kind.__name__ for kind in kinds], "must hold one claim")
        kinds[0].id, kinds[0].paper = name, paper
        claim = kinds[0]()
        check_claim(claim)
    except InputError as error:
        return _unusable(paper, name, str(error))
    except (Exception, SystemExit) as error:
        return _unusable(
            paper, name, f"{where}: cannot be imported ({type(error).__name__}: {error})"
        )
    return claim


def _unusable(paper: str, name: str, fault: str) -> Claim:
    """Stand for a file of which no claim can be made."""
    fault = " ".join(fault.split())
    words = dict.fromkeys(("formula", "source", "validity", "control_statement"), "-")
    known = {
        "id": name,
        "paper": paper,
        "title": "cannot be used",
        "statement": fault,
        "fault": fault,
        "tiers": TIERS,
    }
    kind: type[Claim] = type("UnusableClaim", (Claim,), known | words)
    return kind()


def _is_claim_of(kind: object, module: str) -> TypeGuard[type[Claim]]:
    return inspect.isclass(kind) and issubclass(kind, Claim) and kind.__module__ == module
