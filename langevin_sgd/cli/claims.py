"""``langevin-sgd claims list|show|new|run|report``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg, subcommand

from langevin_sgd.checks import InputError
from langevin_sgd.cli.arguments import (
    Results,
    Scheduler,
    Seed,
    Workers,
    accepted,
    in_terms_of_options,
    option,
    output_folder,
    text,
)
from langevin_sgd.cli.text import print_json
from langevin_sgd.estimate import format_with_error
from langevin_sgd.plotting.table import Table, one_line

if TYPE_CHECKING:
    from langevin_sgd.claims import Claim
    from langevin_sgd.claims.judgement import Judgement


@dataclass(frozen=True)
class List:
    """List the claims."""

    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Print the list."""
        from langevin_sgd.claims.discovery import find_claims

        claims = find_claims()
        if self.json:
            print_json([_entry(claim) for claim in claims])
        else:
            rows = [[claim.id, claim.paper, ",".join(claim.tiers), claim.title] for claim in claims]
            print(Table(["claim", "paper", "tiers", "title"], rows))
        return 0


def _entry(claim: Claim) -> dict[str, object]:
    return {
        "id": claim.id,
        "paper": claim.paper,
        "statement": claim.statement,
        "tiers": list(claim.tiers),
    }


@dataclass(frozen=True)
class Show:
    """Show the theory of a claim, its range, its predictions and their rivals."""

    id: Positional[str]
    """Claim, as ID or PAPER/ID."""

    tier: Literal["quick", "full", "gpu"] = "quick"
    """Grid for which predictions are shown."""

    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Print the claim."""
        from langevin_sgd.claims.authoring import describe
        from langevin_sgd.claims.discovery import find_claim

        described = describe(find_claim(self.id), self.tier)
        if self.json:
            print_json(described)
            return 0
        comparisons = described.pop("components")
        print(
            "\n".join(
                f"{name.replace('_', ' ') + ':':18}{value}"
                for name, value in described.items()
                if value
            )
        )
        rows = [_comparison_row(comparison) for comparison in comparisons]
        head = ["comparison", "prediction", "margin", "rivals", "control"]
        print(f"\n{Table(head, rows, right=[1, 2, 4])}")
        return 0


def _comparison_row(comparison: dict[str, Any]) -> list[str]:
    rivals = ", ".join(f"{name}: {value:.6g}" for name, value in comparison["alternatives"].items())
    control = "-" if comparison["control"] is None else f"{comparison['control']:.6g}"
    numbers = f"{comparison['prediction']:.6g}", f"{comparison['margin']:.3g}"
    return [comparison["name"], *numbers, rivals, control]


def _folder(word: str) -> Path:
    return Path(text(word))


@dataclass(frozen=True)
class New:
    """Write a commented template of a claim that runs as it stands."""

    name: Positional[Annotated[str, arg(metavar="PAPER/ID")]]
    """Folder and name of the claim."""

    folder: Annotated[Path | None, option(_folder, "DIR")] = None
    """Folder of claims to write into; default: the first of LANGEVIN_SGD_CLAIMS, else that of a
    checkout of the package, else ./claims."""

    def run(self) -> int:
        """Write the file."""
        from langevin_sgd.claims.authoring import run_command, write_template

        with in_terms_of_options({"folder": "folder"}):
            path = write_template(self.name, folder=self.folder)
        print(f"written: {path}\nrun it:  {run_command(self.name, path.parent.parent)}")
        return 0


@dataclass(frozen=True)
class RunClaims:
    """Compute what is missing, judge, and print the verdicts; the same command resumes."""

    ids: Positional[Annotated[tuple[str, ...], arg(metavar="[ID ...]")]] = ()
    """Claims, as ID or PAPER/ID; default: all that have a grid in the tier."""

    paper: Annotated[str | None, option(text, "NAME")] = None
    """Only claims of this folder."""

    tier: Literal["quick", "full", "gpu"] = "quick"
    """quick: minutes, embedded data; full: hours; gpu: the networks of the papers."""

    device: Literal["cpu", "cuda"] = "cpu"
    """Where networks are trained; the gpu tier needs cuda. On a GPU one worker by default."""

    workers: Workers = 0
    """Worker processes; 0: as many as this process may use cores."""

    scheduler: Scheduler = None
    """A running Dask cluster (tcp://host:port) that shares the results directory."""

    results: Results = Path("results")
    """Where results are stored."""

    seed: Seed = 0
    """From which, with the digest of the criteria, the stream of the data is derived."""

    development: bool = False
    """Use the development stream, on which criteria are chosen; nothing is decided on it."""

    retry_failed: bool = False
    """Try tasks again that failed before."""

    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Run, judge and print."""
        from langevin_sgd.claims import runner
        from langevin_sgd.sweep import Store

        with in_terms_of_options({"directory": "results"}):
            judgements = runner.run(
                self._chosen(),
                Store(self.results),
                tier=self.tier,
                seed=self.seed,
                device=self.device,
                workers=self.workers or (None if self.device == "cpu" else 1),
                scheduler=self.scheduler,
                progress=True,
                retry_failed=self.retry_failed,
                development=self.development,
            )
        if self.json:
            print_json([judgement.to_dict() for judgement in judgements])
        else:
            print(verdict_table(judgements))
            if self.development:
                print("\ndevelopment stream: nothing is decided, and no report shows it")
            print(
                f"\nresults: {self.results}\nreport:  langevin-sgd claims report --results "
                f"{self.results}"
            )
        return report_deviations(judgements)

    def _chosen(self) -> list[Claim]:
        from langevin_sgd.claims.discovery import find_claim, find_claims

        if self.ids:
            chosen = [
                claim for claim in map(find_claim, self.ids) if self.paper in (None, claim.paper)
            ]
        else:
            chosen = [claim for claim in find_claims(paper=self.paper) if self.tier in claim.tiers]
        if not chosen:
            raise InputError(
                f"--tier = {self.tier}: no claim asked for has a grid in it; "
                "see langevin-sgd claims list"
            )
        return chosen


@dataclass(frozen=True)
class Report:
    """Judge what is stored and write the report; no task is computed."""

    ids: Positional[Annotated[tuple[str, ...], arg(metavar="[ID ...]")]] = ()
    """Claims, as ID or PAPER/ID; default: all."""

    results: Results = Path("results")
    """Where results are stored."""

    output: Annotated[Path, option(output_folder, "DIR")] = Path("report")
    """Where the report is written."""

    def run(self) -> int:
        """Write the report and print where it is."""
        from langevin_sgd.claims import report, runner
        from langevin_sgd.claims.discovery import find_claim
        from langevin_sgd.sweep import Store

        output, store = accepted("--output", output_folder, str(self.output)), Store(self.results)
        chosen = [find_claim(name) for name in self.ids] or None
        judgements = runner.judge_stored(store, claims=chosen)
        stale = [
            str(status.path.relative_to(self.results))
            for status in store.statuses()
            if status.state == "stale"
        ]
        print(report.summary(judgements))
        print(f"report:  {report.write_report(judgements, output, stale=stale)}")
        report_deviations([one for one in judgements if not one.never_run])
        if never := sum(one.never_run for one in judgements):
            print(f"{never} not run", file=sys.stderr)
        return 0


@dataclass(frozen=True)
class Claims:
    """What the theories say about SGD, put to the test."""

    verb: (
        Annotated[List, subcommand("list")]
        | Annotated[Show, subcommand("show")]
        | Annotated[New, subcommand("new")]
        | Annotated[RunClaims, subcommand("run")]
        | Annotated[Report, subcommand("report")]
    )

    def run(self) -> int:
        """Run the verb."""
        return self.verb.run()


def verdict_table(judgements: list[Judgement]) -> Table:
    """One line a claim: the numbers are those of its deciding comparison, which is named.

    By margin: how many of its comparisons meet their prediction within its margin only, and would
    be refuted without. Tolerates: the least deviation that the deciding comparison would have
    refuted with probability 0.9, as a part of its scale. Grade: the worst of the claim. Needs, on
    the development stream: how many times the replicas bring z se to half of the margin, or to 2 %
    of the scale, in every comparison.
    """
    header = [
        "claim",
        "tier",
        "decided by",
        "prediction",
        "measurement",
        "(m-p)/se",
        "pull",
        "by margin",
        "tolerates",
        "grade",
    ]
    rows = [_verdict_row(judgement) for judgement in judgements]
    table = Table([*header, "control", "verdict"], rows, right=[3, 4, 5, 6, 8])
    if not any(judgement.development for judgement in judgements):
        return table
    needs = [_replicas(judgement) for judgement in judgements]
    longer = [[*row, need] for row, need in zip(rows, needs, strict=True)]
    last = len(header) + 2
    return Table([*header, "control", "verdict", "needs"], longer, right=[3, 4, 5, 6, 8, last])


def _replicas(judgement: Judgement) -> str:
    """How many times the replicas a claim needs; nothing where it has enough."""
    needed = judgement.replicas_needed
    return "-" if needed is None or needed <= 1 else f"{needed:.2g} x replicas"


def _verdict_row(judgement: Judgement) -> list[str]:
    from langevin_sgd.claims.report import pull_in_words
    from langevin_sgd.claims.tolerance import verdict_in_words

    deciding, mark = judgement.deciding, "" if judgement.as_expected else "  <- not as expected"
    expected = (
        " (expected)" if judgement.verdict == judgement.claim.expected_verdict == "refuted" else ""
    )
    numbers = ["-"] * 8
    if deciding is not None:
        comparison, measured = deciding.comparison, deciding.estimate
        margin = f" +- {comparison.margin:.3g}" if comparison.margin else ""
        numbers = [
            comparison.name,
            f"{comparison.prediction:.6g}{margin}",
            "-" if measured is None else format_with_error(measured.value, measured.standard_error),
            pull_in_words(deciding.pull_without_margin),
            pull_in_words(deciding.pull),
            f"{judgement.by_margin} of {len(judgement.comparisons)}",
            "-" if deciding.tolerance is None else f"{deciding.tolerance.noticed:.2g}",
            judgement.grade or "-",
        ]
    verdict = f"{verdict_in_words(judgement.verdict, judgement.grade)}{expected}{mark}"
    return [judgement.claim.id, judgement.tier, *numbers, judgement.control_verdict, verdict]


def report_deviations(judgements: list[Judgement]) -> int:
    """Say on stderr why a verdict is not what its claim expects; return the exit status."""
    for judgement in judgements:
        name = f"{judgement.claim.paper}/{judgement.claim.id}"
        if not judgement.as_expected or judgement.verdict == "not_run":
            control = (
                ""
                if judgement.control_verdict == "refuted"
                else f"; control: {judgement.control_verdict}"
            )
            line = f"{name}: {judgement.verdict}: {judgement.reason or 'not expected'}{control}"
            print(one_line(line), file=sys.stderr)
    return 0 if all(judgement.as_expected for judgement in judgements) else 1
