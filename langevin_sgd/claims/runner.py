"""From claims to verdicts: tasks are computed into a store, and judged from the store alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from langevin_sgd.checks import InputError, as_choice, as_instance, as_objects, as_seed, require
from langevin_sgd.claims.claim import TIERS, Claim, check_comparisons, in_one_line, raised
from langevin_sgd.claims.comparison import Comparison, measured
from langevin_sgd.claims.controls import control_verdict, judge_controls
from langevin_sgd.claims.criteria import Criteria, criteria_of
from langevin_sgd.claims.discovery import find_claims
from langevin_sgd.claims.history import (
    Versions,
    difference,
    read_versions,
    record,
    register,
    versioned,
)
from langevin_sgd.claims.judgement import JudgedComparison, Judgement, judge_comparisons
from langevin_sgd.claims.runs import DEVICES, read_runs, remember
from langevin_sgd.claims.verdict import Verdict, level_of
from langevin_sgd.sweep import Store, Task
from langevin_sgd.sweep import run as run_tasks
from langevin_sgd.sweep.store import identity

if TYPE_CHECKING:
    import xarray as xr

_DEVICE = "device"
"""Field of a task's settings that says where networks are trained."""


@dataclass(frozen=True)
class Plan:
    """One claim in one tier: what it predicts and which results decide, fixed before data exist.

    `comparisons` is ``None`` where the claim has not been asked for them yet.
    """

    claim: Claim
    tier: str
    seed: int
    device: str = "cpu"
    development: bool = False
    criteria: Criteria | None = None
    comparisons: Sequence[Comparison] | None = None
    tasks: Mapping[str, Task] | None = None
    unavailable: str = ""
    fault: str = ""
    changed: str = ""

    @property
    def name(self) -> str:
        """paper/id."""
        return f"{self.claim.paper}/{self.claim.id}"


def run(
    claims: Sequence[Claim],
    store: Store,
    *,
    tier: str = "quick",
    seed: int = 0,
    device: str = "cpu",
    workers: int | None = None,
    scheduler: str | None = None,
    progress: bool = False,
    retry_failed: bool = False,
    development: bool = False,
) -> list[Judgement]:
    """Compute what the store lacks for some claims, and judge them.

    The data are those of the deciding stream, derived from the seed and the digest of the criteria,
    which are stored first: whoever changes a criterion gets other data, and a stricter level
    (`langevin_sgd.claims.criteria`).

    Parameters
    ----------
    claims
        What to judge; one without a grid in `tier` comes out as ``not_run``, one that is not well
        formed or whose own code raises as ``failed``.
    store
        Where results are looked for and put.
    tier
        ``quick``, ``full`` or ``gpu``.
    seed
        From which the stream of the data is derived.
    device
        ``cpu`` or ``cuda``: where tasks run whose settings have a field ``device``. The tier
        ``gpu`` needs ``cuda``.
    workers, scheduler, progress, retry_failed
        As in `langevin_sgd.sweep.run`.
    development
        Use the development stream, on which grids, margins and numbers of replicas are chosen. Its
        outcomes are kept in the history and in no report.

    Raises
    ------
    InputError
        If an argument is out of its range, or there is no such device: before anything is computed.
    """
    claims = as_objects("claims", claims, Claim)
    as_instance("store", store, Store)
    known = read_versions(store)
    plans = [_planned(claim, known, tier, seed, device, development) for claim in claims]
    if device == "cuda":
        _require_cuda(plans)
    tasks = [task for one in plans for task in (one.tasks or {}).values()]
    if not development:
        remember(store, _entries(plans))
        register(store, [one.criteria for one in plans if one.criteria and one.tasks])
    run_tasks(
        tasks,
        store,
        workers=workers,
        scheduler=scheduler,
        progress=progress,
        retry_failed=retry_failed,
    )
    # Claims share results: each is read once.
    load = cache(store.load)
    judgements = [judge_plan(one, store, load) for one in plans]
    record(store, judgements)
    return judgements


def judge_stored(store: Store, *, claims: Sequence[Claim] | None = None) -> list[Judgement]:
    """Judge what is stored, with figures, computing no task.

    A claim whose results are missing is ``not_run``; only a claim whose results are all there is
    asked for its predictions, which may take seconds each.

    Parameters
    ----------
    store
        Where `run` put results.
    claims
        Default: all there are.
    """
    runs, load = read_runs(as_instance("store", store, Store)), cache(store.load)
    versions = read_versions(store)
    # A store that has lost its list is looked through for every claim.
    unlisted = runs is None and any(map(os.path.isfile, store.directory.glob("**/*.nc")))
    judged = []
    for claim in find_claims() if claims is None else as_objects("claims", claims, Claim):
        known = (runs or {}).get(
            f"{claim.paper}/{claim.id}", {claim.tiers[0]: {}} if unlisted else {}
        )
        tiers = [tier for tier in TIERS if tier in known]
        plans = [_planned(claim, versions, tier, **known[tier], predicted=False) for tier in tiers]
        judged += [judge_plan(one, store, load, panels=True) for one in plans] or [
            _never_run(claim)
        ]
    return judged


def _never_run(claim: Claim) -> Judgement:
    """The outcome for a claim of which nothing is stored; the claim itself is not asked."""
    nothing = Plan(claim, claim.tiers[0], 0)
    if claim.fault:
        return _without_data(nothing, "failed", claim.fault)
    judgement = _without_data(nothing, "not_run", f"nothing is stored; run: {_command(nothing)}")
    return replace(judgement, never_run=True)


def _entries(plans: Sequence[Plan]) -> dict[str, dict[str, dict[str, Any]]]:
    """What a report needs to know about a run."""
    entries: dict[str, dict[str, dict[str, Any]]] = {}
    for one in plans:
        entries.setdefault(one.name, {})[one.tier] = {"seed": one.seed, _DEVICE: one.device}
    return entries


def _planned(
    claim: Claim,
    known: Versions,
    tier: str,
    seed: int = 0,
    device: str = "cpu",
    development: bool = False,
    *,
    predicted: bool = True,
) -> Plan:
    """Plan a claim; what is wrong with it becomes its verdict, and other claims go on."""
    nothing = replace(_plan_of_nothing(claim, tier, seed, device), development=development)
    try:
        planned = _checked(nothing, predicted=predicted)
    except InputError as error:
        return replace(nothing, fault=str(error))
    criteria = planned.criteria
    return replace(planned, criteria=None if criteria is None else versioned(known, criteria))


def _plan_of_nothing(claim: Claim, tier: str, seed: int, device: str) -> Plan:
    tier = as_choice("tier", tier, TIERS)
    seed, device = as_seed("seed", seed), as_choice("device", device, DEVICES)
    return Plan(as_instance("claim", claim, Claim), tier, seed, device)


def plan(claim: Claim, tier: str, seed: int = 0, device: str = "cpu") -> Plan:
    """Ask a claim for its predictions and tasks, and check them.

    Raises
    ------
    InputError
        If an argument is out of its range, or the claim is not well formed; whatever its own code
        raises is said in it.
    """
    return _checked(_plan_of_nothing(claim, tier, seed, device), predicted=True)


def _checked(nothing: Plan, *, predicted: bool) -> Plan:
    """Ask a claim for its tasks, and perhaps for its predictions."""
    if nothing.claim.fault:
        raise InputError(nothing.claim.fault)
    asked = _with_predictions(nothing) if predicted else nothing
    with in_one_line(nothing.claim, "planning"):
        return _with_tasks(replace(asked, criteria=criteria_of(asked.claim)))


def _with_predictions(one: Plan) -> Plan:
    """Ask a claim for its comparisons, and check them; there are none in a tier without a grid."""
    if one.tier not in one.claim.tiers:
        return one
    with in_one_line(one.claim, "planning"):
        comparisons = one.claim.comparisons(one.tier)
        check_comparisons(one.claim, comparisons)
    return replace(one, comparisons=tuple(comparisons))


def _with_tasks(one: Plan) -> Plan:
    """Ask a claim for its tasks, unless there is a reason why they cannot be computed here."""
    claim, tier, device = one.claim, one.tier, one.device
    if tier not in claim.tiers:
        reason = f"has no {tier} tier (has: {', '.join(claim.tiers)})"
        return replace(one, unavailable=reason)
    reason = claim.unavailable(tier) or ""
    if tier == "gpu" and device == "cpu":
        reason = reason or "needs a GPU: --device cuda"
    if reason:
        return replace(one, unavailable=reason)
    stream = one.seed
    if one.criteria is not None:
        stream = one.criteria.stream(one.seed, development=one.development)
    ask = claim.development_tasks if one.development else claim.tasks
    tasks = ask(tier, stream)
    return replace(one, tasks={label: _on(task, device) for label, task in tasks.items()})


def _on(task: Task, device: str) -> Task:
    """The same task on a device, if it can choose."""
    return (
        task.with_setting(_DEVICE, device)
        if device != "cpu" and task.has_setting(_DEVICE)
        else task
    )


def _require_cuda(plans: Sequence[Plan]) -> None:
    """Raise `InputError` if no task can run on a GPU, or there is none here."""
    from langevin_sgd.training.networks.train import require_device

    able = any(task.has_setting(_DEVICE) for one in plans for task in (one.tasks or {}).values())
    require(able, _DEVICE, "cuda", "none of these claims trains on a GPU; leave it out")
    require_device("cuda")


# --- judging --------------------------------------------------------------------------------------


def judge_plan(
    planned: Plan, store: Store, load: Callable[[Task], xr.Dataset], *, panels: bool = False
) -> Judgement:
    """Judge one claim from what is stored; an error in its code gives the verdict ``failed``.

    Parameters
    ----------
    planned
        The plan of the claim.
    store
        Where its results are.
    load
        How one of them is read.
    panels
        Whether the figure is wanted, which costs time.
    """
    if planned.fault:
        return _without_data(planned, "failed", planned.fault)
    if planned.tasks is None:
        return _without_data(planned, "not_run", planned.unavailable)
    for label, task in planned.tasks.items():
        if (error := store.failure(task)) is not None:
            return _without_data(planned, "failed", f"task {label!r} failed: {error}")
    tasks = planned.tasks
    if missing := sum(not store.has(task) for task in tasks.values()):
        reason = f"{missing} of {len(tasks)} results are missing"
        if planned.criteria is not None and (changed := difference(store, planned.criteria)):
            reason = "criteria changed after data"
            planned = replace(planned, changed=changed)
        return _without_data(planned, "not_run", f"{reason}; run: {_command(planned)}")
    try:
        data = {label: load(task) for label, task in tasks.items()}
    except InputError as damage:
        return _without_data(planned, "not_run", f"{damage}; run: {_command(planned)}")
    if planned.comparisons is None:
        try:
            planned = _with_predictions(planned)
        except InputError as error:
            return _without_data(planned, "failed", str(error))
    try:
        return _judge_data(planned, store, data, panels)
    except Exception as error:
        return _without_data(planned, "failed", raised("judging", error))


def _command(one: Plan) -> str:
    """The command that computes what a plan needs."""
    device = "" if one.device == "cpu" else f" --device {one.device}"
    return f"langevin-sgd claims run {one.name} --tier {one.tier}{device}"


def _without_data(one: Plan, verdict: Verdict, reason: str) -> Judgement:
    judged = [JudgedComparison(comparison, None, verdict) for comparison in one.comparisons or ()]
    return Judgement(
        one.claim,
        one.tier,
        one.seed,
        verdict,
        verdict,
        reason,
        judged,
        criteria=one.criteria,
        changed=one.changed,
        development=one.development,
        identities=_identities(one),
    )


def _identities(one: Plan) -> dict[str, dict[str, Any]]:
    return {label: identity(task) for label, task in (one.tasks or {}).items()}


def _judge_data(
    planned: Plan, store: Store, data: Mapping[str, xr.Dataset], panels: bool
) -> Judgement:
    tasks = planned.tasks or {}
    records = [store.record(task) for task in tasks.values()]
    spent: list[Any] = [record.get("seconds") for record in records]
    comparisons = planned.comparisons or ()
    level = level_of(planned.criteria.version if planned.criteria is not None else 1)
    estimates = measured(comparisons, data)
    verdict, judged = judge_comparisons(comparisons, estimates, level=level)
    control = judge_controls(comparisons, estimates, data, level=level)
    outside = planned.claim.out_of_range(data, planned.tier)
    return Judgement(
        planned.claim,
        planned.tier,
        planned.seed,
        verdict="out_of_range" if outside else verdict,
        control_verdict="out_of_range" if outside else control_verdict(control),
        reason=_reason(outside, verdict, judged),
        comparisons=judged,
        control=control,
        beneath=verdict if outside else None,
        criteria=planned.criteria,
        development=planned.development,
        seconds=None if None in spent else round(sum(spent), 3),
        identities=_identities(planned),
        versions=[record["versions"] for record in records if "versions" in record],
        panels=planned.claim.panels(data, planned.tier) if panels else (),
    )


def _reason(outside: str | None, verdict: Verdict, judged: Sequence[JudgedComparison]) -> str:
    """Why a verdict is not ``supported``; a refutation beneath data out of range is shown too."""
    if outside and verdict != "refuted":
        return outside
    reasons = [
        f"{item.comparison.name}: {item.reason}" for item in judged if item.verdict == verdict
    ]
    said = "" if verdict == "supported" else "; ".join(reasons)
    return f"{outside}; refuted beneath it: {said}" if outside else said
