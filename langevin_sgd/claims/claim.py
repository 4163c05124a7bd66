"""What a claim is: a theory, the runs that test it, and a wrong theory that must not survive them.

One file ``validation/<paper>/<id>.py`` holds one subclass of `Claim`. Criterion, grid and margins
are fixed in it before data exist; data are made by tasks and stored, and the verdict is found from
what is stored.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from langevin_sgd.checks import (
    InputError,
    as_choice,
    as_objects,
)
from langevin_sgd.claims.comparison import EXPECTABLE, Comparison

if TYPE_CHECKING:
    from langevin_sgd.claims.comparison import Data
    from langevin_sgd.claims.verdict import Verdict
    from langevin_sgd.plotting import Panel
    from langevin_sgd.sweep import Task

TIERS = ("quick", "full", "gpu")


class Claim:
    """Base class of claims; `langevin-sgd claims new PAPER/ID` writes a commented example.

    The identity of a claim follows from its file: ``id`` is the file's name, ``paper`` the
    folder's.
    """

    id: ClassVar[str] = ""
    paper: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()
    """Former names, ID or PAPER/ID, under which the claim is still found."""

    title: ClassVar[str]
    """A few words, for tables."""
    statement: ClassVar[str]
    """What the theory says, in one sentence that could be wrong."""
    formula: ClassVar[str]
    """The same as a formula, in plain text."""
    source: ClassVar[str]
    """Paper and equation, or "derived" and where."""
    validity: ClassVar[str]
    """Range in which the theory claims to hold, in words."""
    control_statement: ClassVar[str]
    """The deliberately wrong theory that must be refuted on the same data, in words."""
    expected_verdict: ClassVar[Verdict] = "supported"
    """``refuted`` where the evidence contradicts the theory; the claim passes while every
    comparison of what is wrong (``expected="refuted"``) is refuted, and every comparison of what is
    right is supported."""
    expected_reason: ClassVar[str] = ""
    """Why, and in which range, a refutation is expected."""
    tiers: ClassVar[tuple[str, ...]] = ("quick", "full")
    """Tiers in which there is a grid."""
    sample: ClassVar[str] = ""
    """Name of the sample of claims of one paper that share runs, and therefore criteria and
    stream; empty for a claim with runs of its own."""
    out_of_range_allowed: ClassVar[tuple[str, ...]] = ()
    """Tiers in which ``out_of_range`` does not count against the claim."""
    fault: ClassVar[str] = ""
    """Why nothing can be asked of a claim; empty but for one whose file cannot be used."""

    def tasks(self, tier: str, seed: int) -> Mapping[str, Task]:
        """Return the tasks whose results decide, by a label of the claim's own."""
        raise NotImplementedError

    def development_tasks(self, tier: str, seed: int) -> Mapping[str, Task]:
        """Return the tasks of the development stream, under the same labels: those that decide with
        other random numbers, unless a claim sets data aside for it.
        """
        return self.tasks(tier, seed)

    def comparisons(self, tier: str) -> Sequence[Comparison]:
        """Return what the theory predicts, without data, and how each number is measured."""
        raise NotImplementedError

    def out_of_range(self, data: Data, tier: str) -> str | None:
        """Return why the data lie outside the range of the theory; ``None`` if they lie inside.

        To be decided on nuisance data only, never on what a comparison judges.
        """
        return None

    def unavailable(self, tier: str) -> str | None:
        """Return why this machine cannot run the tier (no GPU, no data set), ``None`` if it can."""
        return None

    def panels(self, data: Data, tier: str) -> Sequence[Panel]:
        """Return the figure of the claim."""
        raise NotImplementedError


TEXTS = ("title", "statement", "formula", "source", "validity", "control_statement")


def check_claim(claim: Claim) -> None:
    """Check the texts and attributes of a claim.

    Raises
    ------
    InputError
        Naming the claim and what is wrong with it.
    """
    where = f"claim {claim.paper}/{claim.id}"
    for name in TEXTS:
        if not str(getattr(claim, name, "")).strip():
            raise InputError(f"{where}: {name} is missing")
    as_choice(f"{where}: expected_verdict", claim.expected_verdict, EXPECTABLE)
    if claim.expected_verdict != "supported" and not claim.expected_reason:
        raise InputError(
            f"{where}: expected_verdict = {claim.expected_verdict!r}: needs an expected_reason"
        )
    for tier in (*claim.tiers, *claim.out_of_range_allowed):
        as_choice(f"{where}: tier", tier, TIERS)


@contextmanager
def in_one_line(claim: Claim, deed: str) -> Iterator[None]:
    """Turn what the own code of a claim raises into an `InputError` of one line that says where."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"claim {claim.paper}/{claim.id}: {raised(deed, error)}") from error


def raised(deed: str, error: Exception) -> str:
    """What the code of a claim has raised, and where."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{deed} raised {type(error).__name__}: {error} ({place.name}, line {place.lineno})"


def check_comparisons(claim: Claim, comparisons: Sequence[Comparison]) -> None:
    """Check that predictions can be told from their rivals, and that there is a control.

    Raises
    ------
    InputError
        Naming the claim and the comparison.
    """
    where = f"claim {claim.paper}/{claim.id}"
    names = [one.name for one in as_objects(f"{where}: comparisons", comparisons, Comparison)]
    if not names or len(set(names)) < len(names):
        raise InputError(
            f"{where}: comparisons = {names}: must be at least one, each with a name of its own"
        )
    for one in comparisons:
        _check_rivals(one, f"{where}: comparison {one.name!r}")
    _check_expectations(claim, comparisons, where)


def _check_expectations(claim: Claim, comparisons: Sequence[Comparison], where: str) -> None:
    """A claim expected to be refuted names what is wrong, and what is right."""
    expected = {one.expected for one in comparisons}
    needed = {"supported"} if claim.expected_verdict == "supported" else set(EXPECTABLE)
    if expected != needed:
        raise InputError(
            f"{where}: expected_verdict = {claim.expected_verdict!r}: "
            f"needs comparisons that are expected to be {' and '.join(sorted(needed))}, "
            f"has {' and '.join(sorted(expected))}"
        )


def _check_rivals(comparison: Comparison, where: str) -> None:
    if not comparison.rivals:
        raise InputError(f"{where}: needs at least one named rival")
    distance = comparison.nearest_rival
    if comparison.margin >= distance / 2:
        limit = f"must be below half the distance to the nearest rival ({distance / 2:.6g})"
        raise InputError(f"{where}: margin = {comparison.margin:.6g}: {limit}")
    if comparison.kind == "equal":
        return
    sign = 1 if comparison.kind == "at_least" else -1
    for name, value in comparison.rivals.items():
        if sign * (value - comparison.prediction) > 0:
            said = f"{comparison.kind.replace('_', ' ')} {comparison.prediction:.6g}"
            raise InputError(f"{where}: rivals[{name!r}] = {value:.6g}: is {said} itself")
