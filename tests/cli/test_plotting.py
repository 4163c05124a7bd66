"""Figures from plain series and maps: what is drawn, what is refused, the same bytes every time."""

import csv
import io

import numpy as np
import pytest

from langevin_sgd import Estimate, InputError
from langevin_sgd.plotting import (
    Map,
    Panel,
    Series,
    draw,
    log_log,
    log_x,
    log_y,
    save,
    theory_and_runs,
    to_svg,
)
from langevin_sgd.plotting.panel import to_csv

TIME = np.geomspace(1, 100, 5)


def panels():
    series = [
        Series("SGD", TIME, TIME, 0.1 * TIME),
        Series("Adam", TIME, [1, 2, np.nan, 4, 5]),
        Series("law", TIME, TIME, kind="theory"),
        Series("rival", TIME, 2 * TIME, kind="rival"),
        Series("", [10, 10], [1, 100], kind="guide"),
    ]
    return [
        Panel("A", "t", "x", series, "log", "log", "a note"),
        Panel("B", "t", "y", series[:1], y_scale="symlog"),
    ]


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


def test_standard_panels_are_the_panels_written_out():
    series = [Series.theory("law", TIME, TIME), Series.rival("rival", TIME, 2 * TIME)]
    series.append(Series.guide("", [10, 10], [1, 100]))
    assert [one.kind for one in series] == ["theory", "rival", "guide"]
    for panel, scales in (
        (log_log("A", "t", "x", series, note="a note"), ("log", "log")),
        (log_x("A", "t", "x", series, note="a note"), ("log", "linear")),
        (log_y("A", "t", "x", series, note="a note"), ("linear", "log")),
    ):
        written = Panel("A", "t", "x", series, *scales, "a note")
        assert (panel.x_scale, panel.y_scale, panel.note) == (*scales, "a note")
        assert to_csv([panel]) == to_csv([written])


def test_measured_points_are_those_of_the_estimates():
    known = Estimate(value=2.0, standard_error=0.5)
    points = Series.measured("SGD", [1.0, 2.0], [known, Estimate.refused("too short")])
    assert (points.y[0], points.error[0], points.kind) == (2.0, 0.5, "measurement")
    assert np.isnan(points.y[1])


def test_a_theory_of_several_runs_is_named_once():
    cases = [
        [Series(f"lr {lr}", TIME, TIME), Series.theory("law", TIME, lr * TIME)] for lr in (1, 2)
    ]
    series = theory_and_runs(cases)
    assert [one.label for one in series] == ["lr 1", "law", "lr 2", ""]
    assert series[3].y.tolist() == (2 * TIME).tolist()


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


CELLS = [[1.0, 2.0, 3.0], [4.0, np.nan, 6.0]]


def map_panel(**change):
    given = {
        "x": [0.1, 1, 10],
        "y": [1, 2],
        "values": CELLS,
        "label": "error",
        "missing": "unfinished",
    } | change
    series = [
        Series("T", [0.1, 10], [1, 2], [0.1, 0.1]),
        Series("law", [0.1, 10], [1, 2], kind="theory"),
    ]
    return Panel("A", "x", "y", series, "log", map=Map(**given))


@pytest.mark.parametrize(
    "given", [{}, {"x": 10.0 ** np.array([-1.5, -0.5, 0.5, 1.5]), "y": [0.5, 1.5, 2.5]}]
)
def test_cells_of_a_map_lie_half_way_between_centres_as_the_axis_shows_them(given):
    axes, bar = draw([map_panel(**given)]).axes
    corners = axes.collections[0].get_coordinates()
    np.testing.assert_allclose(np.log10(corners[0, :, 0]), [-1.5, -0.5, 0.5, 1.5], atol=1e-12)
    np.testing.assert_allclose(corners[:, 0, 1], [0.5, 1.5, 2.5])
    np.testing.assert_allclose([*axes.get_xlim(), *axes.get_ylim()], [10**-1.5, 10**1.5, 0.5, 2.5])
    assert bar.get_ylabel() == "error"


def test_series_stand_out_from_a_map_and_white_cells_are_explained():
    axes = draw([map_panel()]).axes[0]
    mesh = axes.collections[0]
    assert mesh.get_array().mask.tolist() == np.isnan(CELLS).tolist()
    assert axes.get_xlabel() == "x\nwhite: unfinished"
    labelled = [
        line
        for line in axes.lines
        if line.get_zorder() > mesh.get_zorder() and line.get_path_effects()
    ]
    assert len(labelled) == len(axes.lines) > 2
    whole = draw([map_panel(values=np.ones((2, 3)))]).axes[0]
    assert whole.get_xlabel() == "x"
    assert (
        len(draw([map_panel(values=np.full((2, 3), np.nan))]).axes) == 1
    )  # nothing to colour, no bar
    assert to_svg(draw([map_panel()])) == to_svg(draw([map_panel()]))


def test_the_colours_of_a_map_survive_grey_and_colour_blindness():
    """Lightness rises all the way, and blue against yellow alone, which protanopes and deuteranopes
    see, as well.
    """
    mesh = draw([map_panel()]).axes[0].collections[0]
    red, green, blue = mesh.get_cmap()(np.linspace(0, 1, 256))[:, :3].T
    assert (np.diff(0.2126 * red + 0.7152 * green + 0.0722 * blue) > 0).mean() > 0.98
    assert (red + green - 2 * blue)[-1] > 1 > 0 > (red + green - 2 * blue)[0]


def test_the_report_says_what_a_map_shows():
    from langevin_sgd.claims.report import _alt

    assert (
        _alt(map_panel())
        == "A: error as colours over the plane of y and x; T (measurement), law (theory)"
    )
    assert _alt(panels()[1]) == "B: y against t; SGD (measurement)"


def test_legends_that_would_hide_something_stand_below():
    def lowest(panel):
        figure = draw([panel])
        figure.draw_without_rendering()
        axes = figure.axes[0]
        return (
            axes.get_legend().get_window_extent().y1 - axes.xaxis.get_label().get_window_extent().y0
        )

    short, long = ([Series(str(n), TIME, TIME) for n in range(count)] for count in (5, 6))
    assert lowest(Panel("A", "t", "x", short)) > 0
    assert -20 < lowest(Panel("A", "t", "x", long)) < 0
    assert -20 < lowest(map_panel()) < 0


def test_cells_survive_as_csv():
    rows = [
        row for row in csv.DictReader(io.StringIO(to_csv([map_panel()]))) if row["kind"] == "map"
    ]
    assert [(float(row["x"]), float(row["y"])) for row in rows] == [
        (x, y) for y in (1, 2) for x in (0.1, 1, 10)
    ]
    np.testing.assert_array_equal([float(row["value"]) for row in rows], np.ravel(CELLS))
    assert {row["series"] for row in rows} == {"error"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Series("a", [1, 2], [1]), "x and y must have one shape"),
        (lambda: Series("a", [1, 2], [1, 2], [0.1]), "error must have the shape of y"),
        (lambda: Series("a", [1], [1], kind="theroy"), "did you mean 'theory'"),
        (lambda: Panel("A", "x", "y", x_scale="lin"), "did you mean 'linear'"),
        (lambda: draw([]), "at least one panel"),
        (lambda: map_panel(x=[1, 2]), "must hold the 3 centres or 4 edges"),
        (lambda: map_panel(y=[2, 1]), "must increase"),
        (lambda: map_panel(x=[0, 1, 2]), "must be positive on a log axis"),
        (lambda: map_panel(values=[1, 2, 3]), "must be \\(row, column\\)"),
        (
            lambda: map_panel(values=np.zeros((2, 3)), scale="log"),
            "must be positive on a log scale",
        ),
        (lambda: map_panel(scale="symlog"), "scale = 'symlog': must be one of linear, log"),
    ],
)
def test_what_makes_no_figure_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
