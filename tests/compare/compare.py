"""Two commits side by side: a change of shape must leave every number as it was.

``make compare REF=commit`` runs the quick tier of all claims, and small cases of what no claim
covers, on the package of REF and on the present one, on this machine in one environment. Claims
must agree by claim, component and field, and the variables of cases bit by bit, but for what
``renames.toml`` says, with reasons::

    python tests/compare/compare.py before-shape                         all
    python tests/compare/compare.py before-shape --only cases            all cases
    python tests/compare/compare.py before-shape --case "noise*"         cases that match
    python tests/compare/compare.py before-shape --claim kramers_escape  one claim

It ends with status 1 if something differs that the table does not hold, or if the table holds
what does not differ.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase

from differences import compare
from renames import Entry, Numbers, TableError, read_table
from sides import FOLDER, before, fresh_claims, known_cases, known_claims, present

TABLE = FOLDER / "renames.toml"
PARTS = {"cases": "variables", "claims": "components"}


def report(what: str, old: Numbers, new: Numbers, table: Sequence[Entry], *, whole: bool) -> bool:
    """Print what differs between two sides; return whether all is as the table says.

    Parameters
    ----------
    what
        ``claims`` or ``cases``.
    old, new
        Their numbers.
    table
        What may differ.
    whole
        Whether these are all there are, so that every entry of the table must be of use.
    """
    differences = compare(old, new, table)
    unexplained = [one for one in differences if one.by is None]
    entries = [entry for entry in table if entry.of_claims == (what == "claims")]
    unused = [entry for entry in entries if whole and not entry.used]
    groups, parts = ({key[:size] for key in new if key[1]} for size in (1, 2))
    explained = len(differences) - len(unexplained)
    compared = f"{len(groups)} {what}, {len(parts)} {PARTS[what]}, {len(new)} entries compared"
    print(f"{compared}: {len(unexplained)} differ, {explained} more as the table says", flush=True)
    for line in dict.fromkeys(map(str, unexplained)):
        print(f"  {line}")
    for entry in unused:
        print(f"  {TABLE.name}: nothing differs as in {entry}")
    return not unexplained and not unused


def main(words: list[str] | None = None) -> int:
    """Run the command; see the head of the file."""
    parser = argparse.ArgumentParser(description="Compare the numbers of two commits.")
    parser.add_argument("ref", metavar="REF", help="the commit before, for instance a tag")
    parser.add_argument("--only", choices=PARTS, help="only these")
    parser.add_argument(
        "--case", action="append", help="only cases of this name, or pattern with *"
    )
    parser.add_argument("--claim", action="append", help="only this claim")
    parser.add_argument("--workers", type=int, default=0, help="processes; 0: one for each core")
    given = parser.parse_args(words)
    table = read_table(TABLE.read_text(encoding="utf-8"))
    old, new = before(given.ref), present()
    sound = True
    if given.only != "claims" and (given.case or not given.claim):
        names = list(dict.fromkeys(old.case_names + new.case_names))
        chosen = {name for name in names if any(fnmatchcase(name, p) for p in given.case or ["*"])}
        if not chosen:
            parser.error(f"no such case; there are: {', '.join(names)}")
        workers = given.workers or os.cpu_count() or 1
        numbers = known_cases(old, chosen, workers), new.run_cases(chosen, workers)
        sound &= report("cases", *numbers, table, whole=len(chosen) == len(names))
    if given.only != "cases" and (given.claim or not given.case):
        ids = given.claim or []
        numbers = known_claims(old, ids, given.workers), fresh_claims(new, ids, given.workers)
        sound &= report("claims", *numbers, table, whole=not ids)
    return 0 if sound else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except TableError as error:
        sys.exit(f"{TABLE.name}: {error}")
