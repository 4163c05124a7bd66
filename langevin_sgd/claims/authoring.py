"""For writers and readers of claims: what a claim says, as data, and a template for a new one."""

from __future__ import annotations

import keyword
import os
import re
import shlex
from pathlib import Path
from typing import Any

from langevin_sgd.checks import InputError, as_instance, as_path, as_text, require, shown
from langevin_sgd.claims.claim import Claim, check_comparisons, in_one_line
from langevin_sgd.claims.comparison import Comparison
from langevin_sgd.claims.controls import far_control
from langevin_sgd.claims.discovery import claim_folders
from langevin_sgd.dataset import replace_file

_A_FOLDER = "must be the path of a folder"
TEMPLATES = Path(__file__).parent / "templates"


def describe(claim: Claim, tier: str) -> dict[str, Any]:
    """Return the theory of a claim, its range and its predictions for a tier, as JSON types.

    Raises
    ------
    InputError
        If the claim has no such tier, is not well formed, or its own code raises.
    """
    as_instance("claim", claim, Claim)
    if claim.fault:
        raise InputError(claim.fault)
    require(
        as_text("tier", tier) in claim.tiers,
        "tier",
        tier,
        f"claim {claim.id} has: {', '.join(claim.tiers)}",
    )
    with in_one_line(claim, "planning"):
        comparisons = claim.comparisons(tier)
        check_comparisons(claim, comparisons)
    return {
        "id": claim.id,
        "paper": claim.paper,
        "title": claim.title,
        "statement": claim.statement,
        "formula": claim.formula,
        "source": claim.source,
        "validity": claim.validity,
        "control": claim.control_statement,
        "expected_verdict": claim.expected_verdict,
        "expected_reason": claim.expected_reason,
        "tiers": list(claim.tiers),
        "components": [_described(comparison) for comparison in comparisons],
    }


def _described(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison in the words of ``claims show --json``."""
    return {
        "name": comparison.name,
        "kind": comparison.kind,
        "prediction": comparison.prediction,
        "margin": comparison.margin,
        "basis": comparison.basis,
        "margin_reason": comparison.reason,
        "alternatives": dict(comparison.rivals),
        "expected_verdict": comparison.expected,
        "control": far_control(comparison),
        "near_misses": dict(comparison.near_misses),
    }


def write_template(name: str, *, folder: Path | None = None) -> Path:
    """Write a commented claim that runs as it stands.

    Parameters
    ----------
    name
        PAPER/ID, both of small letters, digits and underscores, and no keywords of Python.
    folder
        Folder of claims; default: `default_folder`.

    Returns
    -------
    pathlib.Path
        The new file.

    Raises
    ------
    InputError
        If the name does not fit, there is a claim of that name already, or the file cannot be
        written.
    """
    name = as_text("name", name)
    if not re.fullmatch(r"[a-z][a-z0-9_]*/[a-z][a-z0-9_]*", name):
        raise InputError(
            f"name = {shown(name)}: must be PAPER/ID in small letters, digits and underscores"
        )
    for word in name.split("/"):
        require(
            not keyword.iskeyword(word),
            "name",
            name,
            f"{word!r} is a keyword of Python, which cannot import it",
        )
    path = (
        default_folder() if folder is None else as_path("folder", folder, _A_FOLDER)
    ) / f"{name}.py"
    try:
        for there in (path, *(other / f"{name}.py" for other in claim_folders())):
            require(not there.exists(), "name", name, f"'{there}' is there already")
        class_name = "".join(part.capitalize() for part in path.stem.split("_"))
        text = (TEMPLATES / "claim.py.txt").read_text(encoding="utf-8")
        with replace_file(path) as part:
            part.write_text(text.replace("CLASS_NAME", class_name), encoding="utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(
            f"folder = {shown(str(path.parent))}: cannot be written to ({reason})"
        ) from error
    return path


def default_folder() -> Path:
    """Return the folder of new claims.

    The first folder of LANGEVIN_SGD_CLAIMS, else that of a checkout, else ./claims.
    """
    own, *others = claim_folders()
    if others:
        return others[0]
    return own if (own.parent / "pyproject.toml").is_file() else Path("claims")


def run_command(name: str, folder: Path) -> str:
    """Return the command that runs a claim in `folder`, whatever the environment says."""
    command = f"langevin-sgd claims run {as_text('name', name)}"
    folder = as_path("folder", folder, _A_FOLDER)
    if folder.resolve() in [known.resolve() for known in claim_folders()]:
        return command
    named = os.pathsep.join(
        filter(None, [os.environ.get("LANGEVIN_SGD_CLAIMS", ""), str(folder.resolve())])
    )
    return f"LANGEVIN_SGD_CLAIMS={shlex.quote(named)} {command}"
