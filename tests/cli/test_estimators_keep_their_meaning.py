"""An estimator whose source changes says whether it still measures the same.

Criteria of claims name estimators with their version, not their source. So the source of each is
kept here as a digest: where it changes, either no measured number does, and the list is written
anew, or the version in `langevin_sgd.claims.criteria.ESTIMATOR_VERSIONS` is raised as well, which
gives all claims that use it other data. To write the list::

    python tests/cli/test_estimators_keep_their_meaning.py
"""

import hashlib
import json
from pathlib import Path

from langevin_sgd.claims.criteria import ESTIMATOR_VERSIONS, uses_of_claim
from langevin_sgd.claims.discovery import find_claims
from langevin_sgd.sweep.imports import Use, reached_statements, uses_of_part
from langevin_sgd.sweep.syntax import canonical

KEPT = Path(__file__).parents[1] / "stored" / "estimators.json"
ROOMS = ("langevin_sgd.measure.", "langevin_sgd.experiments.", "langevin_sgd.estimate")


def estimators():
    """Functions and classes of the rooms of estimators that some claim uses."""
    used = {use for claim in find_claims() for use in uses_of_claim(claim)}
    return sorted(use for use in used if use.name and use.module.startswith(ROOMS))


def digest(estimator: Use) -> str:
    """Digest of all source of the rooms that an estimator reaches."""
    reached, waiting = {}, {estimator}
    while waiting:
        use = waiting.pop()
        if use in reached or not use.name or not use.module.startswith(ROOMS):
            continue
        statements = reached_statements(use.module, {use.name})
        reached[use] = canonical(statements)
        waiting |= uses_of_part(statements, use.module)
    content = "\n".join(reached[use] for use in sorted(reached))
    return hashlib.sha256(content.encode()).hexdigest()[:20]


def present():
    return {
        use.name: {"version": ESTIMATOR_VERSIONS.get(use.name, 1), "digest": digest(use)}
        for use in estimators()
    }


def test_a_changed_estimator_says_whether_it_still_measures_the_same():
    kept, now = json.loads(KEPT.read_text(encoding="utf-8")), present()
    changed = sorted(name for name in now if now[name] != kept.get(name))
    assert changed == [], f"see the head of {Path(__file__).name}"
    assert set(kept) == set(now)


def test_the_digest_sees_what_an_estimator_reaches():
    """Also two files on. Control: not what stands beside it."""
    names = {use.name: use for use in estimators()}
    assert len(names) >= 10
    assert digest(names["fit_power_law"]) == digest(names["fit_power_law"])
    assert len({digest(use) for use in names.values()}) == len(names)


if __name__ == "__main__":
    KEPT.write_text(json.dumps(present(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
