"""The report: one HTML page, the same as Markdown, the figures, and their numbers as CSV.

The same store gives the same bytes: nothing here knows the time, the host or the order in which
tasks ended.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from langevin_sgd.checks import as_objects, as_path, as_real
from langevin_sgd.claims.authoring import TEMPLATES
from langevin_sgd.claims.controls import JudgedControl
from langevin_sgd.claims.coverage import read_coverage, standing
from langevin_sgd.claims.judgement import JudgedComparison, Judgement
from langevin_sgd.claims.tolerance import GRADES, Grade, verdict_in_words
from langevin_sgd.claims.verdict import FALSE_ALARM, SEVERITY
from langevin_sgd.dataset import named_file, replace_file
from langevin_sgd.estimate import format_with_error

NOTHING = "-"


def write_report(
    judgements: Sequence[Judgement], output: Path, *, stale: Sequence[str] = ()
) -> Path:
    """Write ``index.html``, ``coverage.html``, both as Markdown, figures and their data.

    Parameters
    ----------
    judgements
        What to report, in this order.
    output
        Directory; made if it is not there.
    stale
        Results in the store that were made by older code, for the record.

    Returns
    -------
    pathlib.Path
        The HTML page.

    Raises
    ------
    InputError
        If the directory cannot be written to.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    judgements, stale = (
        as_objects("judgements", judgements, Judgement),
        as_objects("stale", stale, str),
    )
    output = as_path("output", output, "must be the path of a folder")
    entries = [_Entry(judgement) for judgement in judgements]
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["breakable"] = _breakable
    templates.filters["md"] = _markdown
    templates.filters["code"] = lambda text: str(text).replace("```", "` ` `")
    content = {
        "entries": entries,
        "summary": summary(judgements),
        "versions": _versions(judgements),
        "stale": list(stale),
        "false_alarm": FALSE_ALARM,
        "papers": read_coverage(),
        "standing": standing(judgements),
    }
    with named_file("output", output, "written to"):
        for entry in entries:
            for panel in entry.panels:
                _write(output / panel.figure, panel.svg)
            if entry.panels:
                _write(output / entry.data, entry.csv)
        for name in ("report.md", "index.html", "coverage.md", "coverage.html"):
            _write(output / name, templates.get_template(name).render(content))
    return output / "index.html"


def _write(path: Path, text: str) -> None:
    with replace_file(path) as part:
        part.write_text(text, encoding="utf-8")


def _breakable(text: str) -> Any:
    """Let a long name break after slashes and underscores."""
    from markupsafe import Markup, escape

    return Markup(str(escape(text)).replace("/", "/<wbr>").replace("_", "_<wbr>"))


def _markdown(text: str) -> str:
    """Escape a text for Markdown: one line, without HTML, cells or links of its own."""
    shown = (
        " ".join(str(text).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    )
    return re.sub(r"[|\[\]]", lambda found: f"\\{found.group()}", shown)


def summary(judgements: Sequence[Judgement]) -> str:
    """Return how many claims came out how, and how many comparisons pass by margin, in one line."""
    judgements = as_objects("judgements", judgements, Judgement)
    counts = Counter(judgement.verdict for judgement in judgements)
    verdicts = ", ".join(
        f"{counts[name]} {_words(name)}" for name in reversed(SEVERITY) if counts[name]
    )
    unexpected = sum(not judgement.as_expected for judgement in judgements)
    judged = [
        one
        for item in judgements
        for one in item.comparisons
        if one.verdict in ("supported", "underpowered")
    ]
    line = f"{len(judgements)} claims: {verdicts}; {unexpected or 'none'} not as expected."
    if not judged:
        return line
    by_margin = f"{sum(one.by_margin for one in judged)} of {len(judged)}"
    return f"{line} Predictions met within their margin only: {by_margin}. {_grades(judgements)}"


def _grades(judgements: Sequence[Judgement]) -> str:
    """How many deciding comparisons have which grade, by paper."""
    papers: dict[str, Counter[Grade]] = {}
    for one in judgements:
        if one.deciding is not None and one.deciding.grade is not None:
            papers.setdefault(one.claim.paper, Counter())[one.deciding.grade] += 1
    counts = [
        f"{paper} {', '.join(f'{found[grade]} {grade}' for grade in GRADES if found[grade])}"
        for paper, found in papers.items()
    ]
    return f"Grades of what decides: {'; '.join(counts)}."


def _versions(judgements: Sequence[Judgement]) -> list[str]:
    """Return every set of versions that made a result."""
    texts = {
        json.dumps(versions, sort_keys=True) for item in judgements for versions in item.versions
    }
    return [
        ", ".join(f"{name} {version}" for name, version in json.loads(text).items())
        for text in sorted(texts)
    ]


def _words(verdict: str) -> str:
    return verdict.replace("_", " ")


# --- what the templates show ----------------------------------------------------------------------


@dataclass(frozen=True)
class _Panel:
    """One panel of a figure, drawn alone: a narrow page stacks panels and does not shrink them."""

    alt: str
    figure: str
    svg: str

    @property
    def source(self) -> str:
        return _data_uri("image/svg+xml", self.svg)


_NUMBERS = ("name", "prediction", "measurement", "off", "pull", "tolerance")
_SIGNS = {"equal": "", "at_least": "≥ ", "at_most": "≤ "}


class _Entry:
    """One claim as the templates show it."""

    def __init__(self, judgement: Judgement) -> None:
        self.judgement = judgement
        self.claim = judgement.claim
        self.tier = judgement.tier
        self.name = f"{self.claim.paper}/{self.claim.id}"
        self.anchor = f"{self.claim.paper}-{self.claim.id}-{self.tier}"
        self.data = f"data/{self.anchor}.csv"
        self.verdict, self.control_verdict = judgement.verdict, judgement.control_verdict
        self.reason, self.as_expected = judgement.reason, judgement.as_expected

    @property
    def verdict_words(self) -> str:
        """The verdict, and whether it is the one that the claim expects."""
        if self.as_expected:
            said = verdict_in_words(self.verdict, self.judgement.grade)
            return said + (", as expected" if self.verdict == "refuted" else "")
        return f"{_words(self.verdict)}, expected {_words(self.claim.expected_verdict)}"

    @property
    def control_words(self) -> str:
        """Whether everything that must not pass was caught."""
        found = self.judgement.control
        caught = sum(one.caught for one in found)
        return f"{caught} of {len(found)} caught" if found else _words(self.control_verdict)

    @property
    def grade(self) -> str:
        """The worst grade of its comparisons."""
        return self.judgement.grade or NOTHING

    @property
    def changed(self) -> str:
        """How the criteria differ from those that the stored data were made by."""
        return self.judgement.changed

    @cached_property
    def deciding(self) -> dict[str, str]:
        """The numbers of the comparison that decides."""
        judged = self.judgement.deciding
        return _comparison(judged) if judged else dict.fromkeys(_NUMBERS, NOTHING)

    @property
    def by_margin(self) -> str:
        """How many of the comparisons meet their prediction within its margin only."""
        judgement = self.judgement
        return (
            f"{judgement.by_margin} of {len(judgement.comparisons)}"
            if judgement.comparisons
            else NOTHING
        )

    @cached_property
    def comparisons(self) -> list[dict[str, str]]:
        return [_comparison(judged) for judged in self.judgement.comparisons]

    @cached_property
    def control(self) -> list[dict[str, str]]:
        return [_control(judged) for judged in self.judgement.control]

    @cached_property
    def panels(self) -> list[_Panel]:
        from langevin_sgd.plotting import draw, to_svg

        return [
            _Panel(_alt(panel), f"figures/{self.anchor}-{number}.svg", to_svg(draw([panel])))
            for number, panel in enumerate(self.judgement.panels, start=1)
        ]

    @cached_property
    def csv(self) -> str:
        from langevin_sgd.plotting.panel import to_csv

        return to_csv(self.judgement.panels)

    @property
    def csv_source(self) -> str:
        return _data_uri("text/csv", self.csv)

    @property
    def provenance(self) -> str:
        """Seed, cost, and a digest of all that the results of this claim depend on."""
        judgement = self.judgement
        content = json.dumps(judgement.identities, sort_keys=True, default=dict)
        digest = hashlib.sha256(content.encode()).hexdigest()[:20]
        cost = "" if judgement.seconds is None else f", {judgement.seconds:.3g} s of computing"
        tasks = f"{len(judgement.identities)} tasks{cost}"
        line = f"Seed {judgement.seed}, {tasks}; digest of settings and sources {digest}."
        if (criteria := judgement.criteria) is None:
            return line
        return (
            f"{line} Criteria {criteria.digest}, version {criteria.version} of {criteria.sample}."
        )


def _comparison(judged: JudgedComparison) -> dict[str, str]:
    comparison, tolerated = judged.comparison, judged.tolerance
    sign = _SIGNS[comparison.kind]
    expected = "" if comparison.expected == "supported" else ", as expected"
    return {
        "name": comparison.name,
        "prediction": f"{sign}{_with_margin(comparison.prediction, comparison.margin)}",
        "margin_reason": f"{comparison.basis}: {comparison.reason}" if comparison.reason else "",
        "rivals": "; ".join(f"{name}: {value:.6g}" for name, value in comparison.rivals.items())
        or NOTHING,
        "measurement": _measurement(judged),
        "method": judged.estimate.method if judged.estimate is not None else "",
        "off": pull_in_words(judged.pull_without_margin),
        "pull": pull_in_words(judged.pull),
        "by_margin": "within the margin only" if judged.by_margin else "",
        "tolerance": NOTHING if tolerated is None else f"{100 * tolerated.noticed:.2g} %",
        "deviation": NOTHING if tolerated is None else f"{100 * tolerated.deviation:.2g} %",
        "grade": judged.grade or NOTHING,
        "seen": "; ".join(
            f"{name}: {'seen' if found else 'not seen'}" for name, found in judged.seen.items()
        ),
        "verdict": judged.verdict,
        "verdict_words": verdict_in_words(judged.verdict, judged.grade)
        + (expected if judged.as_expected else ""),
        "reason": judged.reason,
    }


def _control(judged: JudgedControl) -> dict[str, str]:
    return {
        "kind": judged.kind,
        "name": judged.name,
        "prediction": _with_margin(judged.prediction, judged.margin),
        "measurement": _measurement(judged),
        "verdict": judged.verdict,
        "caught": "caught" if judged.caught else "not caught",
        "reason": judged.reason,
    }


def _with_margin(prediction: float, margin: float) -> str:
    return f"{prediction:.6g}" + (f" ± {margin:.3g}" if margin else "")


def _measurement(judged: JudgedComparison | JudgedControl) -> str:
    estimate = judged.estimate
    if estimate is None or estimate.value is None:
        return NOTHING
    return format_with_error(estimate.value, estimate.standard_error).replace("+-", "±")


def pull_in_words(pull: float | None) -> str:
    """Write a pull with its sign to two places, a very large one to two digits."""
    if pull is None:
        return NOTHING
    size = as_real("pull", pull)
    return f"{size:+z.2f}" if abs(size) < 1e4 else f"{size:+.1e}"


def _alt(panel: Any) -> str:
    drawn = ", ".join(f"{series.label} ({series.kind})" for series in panel.series if series.label)
    colours = "" if panel.map is None else f"{panel.map.label} as colours over the plane of "
    joined = "against" if panel.map is None else "and"
    # Square brackets would end the text of an image in Markdown.
    return f"{panel.title}: {colours}{panel.y_label} {joined} {panel.x_label}; {drawn}".translate(
        {91: "(", 93: ")"}
    )


def _data_uri(kind: str, text: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(text.encode()).decode()}"
