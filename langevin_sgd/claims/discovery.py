"""The claims there are: every ``<paper>/<id>.py`` of the validation folders that holds a `Claim`.

Folders named in the environment variable LANGEVIN_SGD_CLAIMS (parted by ``:``) join the package's own; their claims are
imported as ``langevin_sgd.validation.<paper>.<id>`` as well, here and in worker processes. Files and folders whose name
starts with an underscore hold what claims share.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

from langevin_sgd.checks import InputError, as_choice, as_text, require
from langevin_sgd.claims.claim import Claim, check_claim

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
        require(folder.is_dir(), "LANGEVIN_SGD_CLAIMS", str(folder), "must name folders that are there")
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
        If a claim is not well formed, or there is no such paper.
    """
    names = sorted(set(_names()))
    if paper is not None:
        paper = as_choice("paper", paper, sorted({name[0] for name in names}))
    claims = (_load(*name) for name in names if paper in (None, name[0]))
    return [claim for claim in claims if claim is not None]


def find_claim(wanted: str) -> Claim:
    """Return the claim called ``id`` or ``paper/id``.

    Raises
    ------
    InputError
        If there is none, with the nearest name, or more than one.
    """
    names, wanted = sorted(set(_names())), as_text("claim", wanted)
    found = [(paper, name) for paper, name in names if wanted in (name, f"{paper}/{name}")]
    if len(found) > 1:
        raise InputError(f"claim = {wanted!r}: is in {' and '.join(paper for paper, _ in found)}; write PAPER/ID")
    claim = _load(*found[0]) if found else None
    if claim is None:
        as_choice("claim", wanted, [claim.id for claim in find_claims()])
        raise InputError(f"claim = {wanted!r}: must be PAPER/ID or ID")
    return claim


def _names() -> Iterator[tuple[str, str]]:
    for folder in claim_folders():
        for file in folder.glob("*/*.py"):
            if not file.name.startswith("_") and not file.parent.name.startswith(("_", ".")):
                yield file.parent.name, file.stem


def _load(paper: str, name: str) -> Claim | None:
    """Import one claim; ``None`` if the file holds none."""
    try:
        module = importlib.import_module(f"{VALIDATION}.{paper}.{name}")
    except Exception as error:
        raise InputError(f"claim {paper}/{name}: cannot be imported ({type(error).__name__}: {error})") from error
    kinds = [kind for kind in vars(module).values() if _is_claim_of(kind, module.__name__)]
    if not kinds:
        return None
    if len(kinds) > 1:
        raise InputError(f"claim {paper}/{name}: holds {len(kinds)} claims, must hold one")
    kinds[0].id, kinds[0].paper = name, paper
    claim = kinds[0]()
    check_claim(claim)
    return claim


def _is_claim_of(kind: object, module: str) -> TypeGuard[type[Claim]]:
    return inspect.isclass(kind) and issubclass(kind, Claim) and kind.__module__ == module
