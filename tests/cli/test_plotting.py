"""Figures from plain series: what is drawn, what is refused, the same bytes every time."""

import csv
import io

import numpy as np
import pytest

from langevin_sgd import InputError
from langevin_sgd.plotting import Panel, Series, draw, save, to_csv, to_svg

TIME = np.geomspace(1, 100, 5)


def panels():
    series = [
        Series("SGD", TIME, TIME, 0.1 * TIME),
        Series("Adam", TIME, [1, 2, np.nan, 4, 5]),
        Series("law", TIME, TIME, kind="theory"),
        Series("rival", TIME, 2 * TIME, kind="rival"),
        Series("", [10, 10], [1, 100], kind="guide"),
    ]
    return [Panel("A", "t", "x", series, "log", "log", "a note"), Panel("B", "t", "y", series[:1], y_scale="symlog")]


def test_kinds_are_told_apart_without_colour():
    axes = draw(panels()).axes[0]
    legend = {text.get_text() for text in axes.get_legend().get_texts()}
    assert legend == {"SGD", "Adam", "law", "rival"}
    lines = {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}
    assert lines["law"].get_linestyle() == "-"
    assert lines["rival"].get_linestyle() == "--"
    markers = {container.lines[0].get_marker() for container in axes.containers}
    assert markers == {"o", "s"}
    assert axes.containers[0].lines[0].get_color() == lines["law"].get_color()
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert "a note" in axes.get_xlabel()


def test_three_panels_make_two_rows():
    figure = draw([*panels(), Panel("C", "t", "z")])
    assert len(figure.axes) == 3


def test_the_same_panels_give_the_same_bytes():
    assert to_svg(draw(panels())) == to_svg(draw(panels()))


def test_numbers_survive_as_csv():
    rows = list(csv.DictReader(io.StringIO(to_csv(panels()))))
    found = [(float(row["x"]), float(row["y"]), float(row["standard_error"])) for row in rows[:5]]
    assert found == list(zip(TIME, TIME, 0.1 * TIME, strict=True))
    assert {row["kind"] for row in rows} == {"measurement", "theory", "rival", "guide"}


def test_figures_are_saved_by_suffix(tmp_path):
    save(draw(panels()), tmp_path / "figure.pdf")
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(InputError, match="must be one of"):
        save(draw(panels()), tmp_path / "figure.txt")
    with pytest.raises(InputError, match="the folder is not there"):
        save(draw(panels()), tmp_path / "nowhere" / "figure.png")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Series("a", [1, 2], [1]), "x and y must have one shape"),
        (lambda: Series("a", [1, 2], [1, 2], [0.1]), "error must have the shape of y"),
        (lambda: Series("a", [1], [1], kind="theroy"), "did you mean 'theory'"),
        (lambda: Panel("A", "x", "y", x_scale="lin"), "did you mean 'linear'"),
        (lambda: draw([]), "at least one panel"),
    ],
)
def test_what_makes_no_figure_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
