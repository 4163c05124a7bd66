"""Texts from files of others are shown as texts: on a terminal, in Markdown, and in a
spreadsheet.
"""

import json
from dataclasses import replace

import pytest
from grids import perceptron_grid

import langevin_sgd as ls
from langevin_sgd.checks import printable
from langevin_sgd.claims import Comparison
from langevin_sgd.claims.controls import judge_controls
from langevin_sgd.claims.judgement import Judgement, judge_comparisons
from langevin_sgd.claims.report import write_report
from langevin_sgd.cli import main
from langevin_sgd.plotting.panel import to_csv
from langevin_sgd.plotting.table import Table, one_line

TITLE = "\x1b]0;owned\x07"


def test_control_characters_become_escapes():
    assert (
        printable(f"a{TITLE}b\u202e\x9b\udcff\tc\n", lines=True)
        == r"a\x1b]0;owned\x07b\u202e\x9b\udcff" + "\tc\n"
    )
    assert one_line("a\r\n b\x1b[2J") == r"a b\x1b[2J"
    assert "\x1b" not in str(Table(["name"], [[TITLE]]))


@pytest.fixture
def failed_grid(tmp_path):
    """A store in which every task of a small grid has failed, with an error that would clear the
    screen.
    """
    from langevin_sgd.sweep.store import Store, write_record

    grid = perceptron_grid(
        points=(8,), dimension=(2,), temperature=(1.0,), margin=(0.1,), replicas=2
    )
    store = Store(tmp_path / "results")
    for task in grid.tasks():
        write_record(
            store.path(task), task, "failed", error="\x1b[2J\nfalse", traceback="\x1b[2J\nline two"
        )
    return store.directory


SWEEP = [
    "perceptron",
    "sweep",
    "--d",
    "2",
    "--P",
    "8",
    "--T",
    "1",
    "--kappa",
    "0.1",
    "--seeds",
    "2",
    "--results",
]


@pytest.mark.parametrize("verb", [["sweep", "failures"], SWEEP])
def test_failures_do_not_steer_the_terminal(capsys, failed_grid, verb):
    assert main([*verb, str(failed_grid)]) == 1
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert r"\x1b[2J\nfalse" in out + err  # a record is made printable when it is read


def test_settings_of_a_failure_are_printed_as_json(capsys, failed_grid):
    main(["sweep", "failures", str(failed_grid)])
    line = next(
        line for line in capsys.readouterr().out.splitlines() if line.startswith("  settings: ")
    )
    assert json.loads(line.partition(": ")[2])["problem"]["data"]["dimension"] == 2


def test_a_document_is_printed_though_tasks_failed(capsys, failed_grid):
    assert main([*SWEEP, str(failed_grid), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["points"], document["fits"], document["limits"]) == ([], {}, {})
    assert document["failed"]
    for failure in document["failed"]:
        assert failure["error"] == r"\x1b[2J\nfalse"
        assert failure["settings"]["problem"]["data"]["dimension"] == 2


class Loud(ls.claims.Claim):
    id, paper = "loud", "tests"
    title = "<script>alert(1)</script> | [x](http://x) ![y](z)"
    statement = source = validity = control_statement = (
        "<img src=x onerror=alert(1)>\n# not a heading"
    )
    formula = "```\n<b>not a formula</b>"


def test_markdown_and_page_show_texts_as_they_are(tmp_path):
    estimate = ls.Estimate(value=3.0, standard_error=0.01, method="<em>")
    comparison = Comparison(
        name="<i>a</i>|b",
        prediction=1.0,
        margin=0.1,
        basis="theory",
        reason="<u>why</u>",
        rivals={"<s>": 2.0},
        measure=lambda data: estimate,
    )
    verdict, judged = judge_comparisons([comparison], {comparison.name: estimate})
    controls = judge_controls([comparison], {comparison.name: estimate}, {})
    outcome = Judgement(Loud(), "quick", 0, verdict, verdict, "<marquee>", judged, controls)
    write_report([replace(outcome, changed="-<b>a</b>\n+```")], tmp_path)
    for name in ("report.md", "index.html"):
        text = (tmp_path / name).read_text()
        for tag in ("<script", "<img src=x", "<i>", "<u>", "<s>", "<marquee>"):
            assert tag not in text
    text = (tmp_path / "report.md").read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; \\| \\[x\\](http://x)" in text
    assert not [line for line in text.splitlines() if line.startswith("# not")]
    assert text.count("```") == 4


@pytest.mark.parametrize("label", ["=1+1", "+1", "-1", "@sum", "\tx"])
def test_labels_are_no_formulas_in_a_spreadsheet(label):
    series = ls.plotting.Series(label, [-1.0], [-2.0])
    rows = to_csv([ls.plotting.Panel(label, label, label, [series])]).splitlines()
    assert rows[1] == ",".join([f"'{label}"] * 4 + ["measurement", "-1.0", "-2.0", "", ""])
