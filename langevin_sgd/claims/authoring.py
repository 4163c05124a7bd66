"""For writers and readers of claims: what a claim says, as data, and a template for a new one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langevin_sgd.checks import InputError, require
from langevin_sgd.claims.discovery import claim_folders

if TYPE_CHECKING:
    from langevin_sgd.claims.claim import Claim

TEMPLATES = Path(__file__).parent / "templates"


def describe(claim: Claim, tier: str) -> dict[str, Any]:
    """Return the theory of a claim, its range and its predictions for a tier, as JSON types."""
    require(tier in claim.tiers, "tier", tier, f"claim {claim.id} has: {', '.join(claim.tiers)}")
    wrong = {component.name: float(component.prediction) for component in claim.control(tier)}
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
        "components": [
            {
                "name": component.name,
                "prediction": float(component.prediction),
                "margin": float(component.margin),
                "margin_reason": component.margin_reason,
                "alternatives": {name: float(value) for name, value in component.alternatives.items()},
                "control": wrong.get(component.name),
            }
            for component in claim.predict(tier)
        ],
    }


def write_template(name: str, *, folder: Path | None = None) -> Path:
    """Write a commented claim that runs as it stands.

    Parameters
    ----------
    name
        PAPER/ID, both of small letters, digits and underscores.
    folder
        Folder of claims; default: the first of LANGEVIN_SGD_CLAIMS, else the package's own.

    Returns
    -------
    pathlib.Path
        The new file.

    Raises
    ------
    InputError
        If the name does not fit or the file is there already.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*/[a-z][a-z0-9_]*", name):
        raise InputError(f"name = {name!r}: must be PAPER/ID in small letters, digits and underscores")
    folders = claim_folders()
    path = (folder or folders[min(1, len(folders) - 1)]) / f"{name}.py"
    if path.exists():
        raise InputError(f"name = {name!r}: '{path}' is there already")
    path.parent.mkdir(parents=True, exist_ok=True)
    class_name = "".join(part.capitalize() for part in path.stem.split("_"))
    text = (TEMPLATES / "claim.py.txt").read_text(encoding="utf-8")
    path.write_text(text.replace("CLASS_NAME", class_name), encoding="utf-8")
    return path
