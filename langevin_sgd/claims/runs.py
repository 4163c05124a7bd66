"""What was run with a store: its file ``claims.json``, which tells a report what to judge.

It holds paper/id -> tier -> seed and device. Several runs may write at once: each takes a lock,
adds its entries to what is there and replaces the file as a whole. What cannot be understood is
reported in one line and left alone.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langevin_sgd.checks import InputError, as_choice, as_seed
from langevin_sgd.claims.claim import TIERS
from langevin_sgd.dataset import locked, replace_file
from langevin_sgd.sweep import Store

RUNS = "claims.json"
DEVICES = ("cpu", "cuda")

Runs = dict[str, dict[str, dict[str, Any]]]
"""paper/id -> tier -> seed and device."""


def read_runs(store: Store) -> Runs | None:
    """Return what was run with a store; ``None`` if nothing is known.

    An entry that is not of the right shape is left out, with one line of warning; so is a file that
    cannot be read.
    """
    file = store.directory / RUNS
    content = _content(file)
    if content is None:
        return None
    runs: Runs = {}
    for name, tiers in content.items():
        try:
            runs[name] = _understood(tiers)
        except InputError as error:
            _warn(f"'{file}': the entry {name!r} is left out ({error})")
    return runs


def remember(store: Store, entries: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Add to what was run with a store; entries of other claims and tiers stay.

    Raises
    ------
    InputError
        If the directory of the store cannot be written to.
    """
    file = store.directory / RUNS
    with store.writing():
        store.directory.mkdir(parents=True, exist_ok=True)
        with locked(file):
            known = _content(file) or {}
            for name, tiers in entries.items():
                old = known.get(name)
                known[name] = (old if isinstance(old, dict) else {}) | dict(tiers)
            with replace_file(file) as part:
                part.write_text(
                    json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8"
                )


def _content(file: Path) -> dict[str, Any] | None:
    """Contents of the file; ``None`` without a file, or, after a warning, if unreadable."""
    if os.path.exists(file) and not os.path.isfile(file):  # a pipe would be waited for
        _warn(f"'{file}': is left out, it cannot be read (it is a folder, a device or a pipe)")
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        _warn(f"'{file}': is left out, it cannot be read ({type(error).__name__}: {error})")
        return None
    if not isinstance(content, dict):
        _warn(f"'{file}': is left out, it must hold entries by PAPER/ID")
        return None
    return content


def _understood(tiers: Any) -> dict[str, dict[str, Any]]:
    """Seed and device by tier, or `InputError`."""
    if not isinstance(tiers, dict) or not all(isinstance(entry, dict) for entry in tiers.values()):
        raise InputError("must hold seed and device by tier")
    runs = {}
    for tier, entry in tiers.items():
        unknown = sorted(set(entry) - {"seed", "device"})
        if unknown:
            raise InputError(f"has the unknown entries {', '.join(unknown)}")
        seed = as_seed("seed", entry.get("seed", 0))
        runs[as_choice("tier", tier, TIERS)] = {
            "seed": seed,
            "device": as_choice("device", entry.get("device", "cpu"), DEVICES),
        }
    return runs


def _warn(line: str) -> None:
    # Without a handler of the user's own, this is one line on stderr.
    logging.getLogger("langevin_sgd").warning("%s", " ".join(line.split()))
