"""Estimators and experiments that ended in an error of another library, or took in silence what
means nothing.
"""

import dataclasses

import numpy as np
import pytest
from grids import network_grid, perceptron_grid

import langevin_sgd as ls
from langevin_sgd import checks, measure
from langevin_sgd.experiments import axes
from langevin_sgd.experiments.cell import train_cell
from langevin_sgd.experiments.network_lines import families
from langevin_sgd.measure.collapse import collapse_quality
from langevin_sgd.measure.curve import Curve
from langevin_sgd.measure.drift import drift_and_diffusion
from langevin_sgd.measure.power_law import local_slopes
from langevin_sgd.measure.scaling_corrections import correction_to_scaling, extrapolate
from langevin_sgd.models.networks.families import of_family

X = np.geomspace(1, 100, 8)
LINE = ls.experiments.GridLine(
    axis="alpha",
    held={"points": 8, "network": "fully_connected"},
    x=np.array([1.0, 2.0]),
    fitted=np.ones((2, 3), bool),
    measured={"test_error": np.full((2, 3), 0.1)},
)
PERCEPTRON = {"points": (8,), "dimension": (4,), "temperature": (1.0,), "margin": (0.1,)}
NETWORK = {"width": (8,), "alpha": (1.0,), "temperature_per_width": (0.1,), "points": (32,)}
SGD = ls.SGD(lr=1, batch_size=1)
PROBLEM = ls.Perceptron(data=ls.data.DepletedSign(points=8, dimension=4), margin=0.1)


def masked(level):
    """A list of lists with something hidden `level` deep."""
    hidden = np.ma.masked
    for _ in range(level):
        hidden = [1.0, hidden]
    return hidden


@pytest.mark.parametrize(
    "values", [{3, 4}, frozenset({3, 4}), {3: 4}, bytearray(b"34"), "34"], ids=repr
)
def test_the_order_of_a_set_is_arbitrary(values):
    for call in (
        lambda: checks.as_tuple("values", values, checks.as_count),
        lambda: checks.as_counts("values", values),
        lambda: checks.as_window("values", values),
        lambda: axes.as_axis(checks.as_count)("values", values),
        lambda: axes.as_axis(checks.as_count, empty=True)("values", values),
    ):
        with pytest.raises(ls.InputError, match=r"^values = "):
            call()


def test_one_value_is_an_axis_of_one():
    grid = perceptron_grid(**PERCEPTRON | {"dimension": 2, "points": np.array(8), "chi": 0})
    columns = {"points": 8, "dimension": 2, "chi": 0}
    assert [{name: point[name] for name in columns} for point in grid.columns()] == [columns]


@pytest.mark.parametrize(
    "value", [np.str_("0.5"), np.array("0.5"), np.array("0.5", dtype=object), np.bytes_(b"1")]
)
def test_a_text_of_numpy_is_no_number(value):
    with pytest.raises(ls.InputError, match=r"^lr = "):
        checks.as_real("lr", value)
    with pytest.raises(ls.InputError, match=r"^value = "):
        ls.Estimate(value=value)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_what_is_masked_deep_in_a_list_is_seen(level):
    with pytest.raises(ls.InputError, match=r"^X = .*masked"):
        checks.as_array("X", masked(level))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: checks.as_integers("lags", [True]), "^lags = .*truth values"),
        (lambda: ls.Estimate.refused({}), "^reason = "),
        (
            lambda: Curve(x=[1], value=[np.nan], standard_error=[-1.0], n_independent=3),
            "^standard_error = ",
        ),
        (lambda: measure.collapse(object()), "^curves = "),
        (lambda: measure.collapse([None]), r"^curves\[0\] = "),
        (lambda: measure.collapse([(1.0, X, "text", X)]), r"^curves\[0\]: y = "),
        (
            lambda: measure.collapse([(1.0, X, X, X), (1.0, X, X, X)]),
            "^curves: parameter = .*differ",
        ),
        (lambda: measure.jackknife(lambda m: "text", X), "^function: its result = "),
        (lambda: measure.jackknife(lambda m: m.mean(0), X), "^function = .*1 rows"),
        (
            lambda: drift_and_diffusion([1], np.ones((2, 3, 1))),
            "^steps = .*2 rows of displacement",
        ),
        (lambda: measure.displacement_curve(b"1"), "^run: "),
        (lambda: measure.displacement_curve({"squared_displacement": X}), "^run: "),
        (lambda: measure.escape_rate(([1.0], 3), first=None), "^first = "),
        (lambda: measure.escape_rate(([1.0], 3), name=1), "^name = "),
        (lambda: measure.power_law.varied_windows(X, X, both_ends=[]), "^both_ends = "),
        (lambda: local_slopes(X * 1e-300, X, x_error=X, y_error=X), "^x_error = .*1e154"),
        (lambda: extrapolate(X, X, error=X, order=2**62), "^order = .*at most 100"),
        (lambda: extrapolate(2 * X, X, error=X, power=1e5), "^power = .*leave the range"),
        (lambda: families(["text"], "points"), r"^lines\[0\] = "),
        (lambda: families({}, "points"), "^lines = "),
        (lambda: ls.experiments.boundary_exponent("T_max", ls.SGD, "alpha"), "^lines = "),
        (
            lambda: ls.experiments.boundary_exponent("T_max", [LINE], "points", threshold=-1),
            "^threshold = ",
        ),
        (lambda: ls.experiments.crossing(LINE, quantity={}), "^quantity = "),
        (
            lambda: ls.experiments.crossing(dataclasses.replace(LINE, x=[0, 1])),
            "^line = .*above zero",
        ),
        (
            lambda: ls.experiments.boundary_exponent("T_c", [LINE], "network"),
            "^against = 'network'.*above zero",
        ),
        (lambda: dataclasses.replace(LINE, x=["a", "b"]), "^x = "),
        (lambda: dataclasses.replace(LINE, fitted=[1.0, 0.5]), "^fitted = "),
        (lambda: dataclasses.replace(LINE, fitted=[[True], [True, False]]), "^fitted = "),
        (lambda: LINE.where(np.ma.masked_equal([True, False], False)), "^chosen = "),
        (lambda: dataclasses.replace(LINE, measured={"t_star": [1.0]}), "^measured: t_star = "),
        (lambda: dataclasses.replace(LINE, held=[1]), "^held = "),
        (lambda: LINE.where(3.5), "^chosen = "),
        (lambda: LINE.where([True]), "^chosen = .*truth values"),
        (lambda: train_cell(b"1"), "^cell = "),
        (lambda: train_cell(object()), "^cell = "),
        (lambda: perceptron_grid(**PERCEPTRON).collect({}), "^store = "),
        (lambda: network_grid(**NETWORK).collect(3), "^store = "),
        (lambda: network_grid(**NETWORK, device="cpu:0"), "^device = 'cpu:0'"),
        (
            lambda: network_grid(**NETWORK, data="digit"),
            "^name = 'digit': .*did you mean 'digits'",
        ),
        (
            lambda: of_family("x", image=(1, 8, 8), width=2),
            "^name = 'x'",
        ),
        (
            lambda: ls.training.run(PROBLEM, SGD, seed="a"),
            "^seed = 'a'",
        ),
    ],
)
def test_what_is_refused_is_named(call, message):
    with pytest.raises(ls.InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_lines_that_differ_in_a_name_are_in_its_order():
    lines = [
        dataclasses.replace(LINE, held={"network": name})
        for name in ("simple_cnn", "fully_connected")
    ]
    family = families(lines, "network")
    assert [line.held["network"] for line in family[0]] == ["fully_connected", "simple_cnn"]


def test_a_fit_without_points_has_no_window():
    whole = measure.fit_power_law([1.0, np.nan, 4.0], [1.0, 2.0, 4.0], y_error=0.1)
    assert (whole.window, whole.exponent.valid) == ((1.0, 4.0), False)
    assert measure.fit_power_law(X, X, y_error=0.1, window=(1e-9, 1e-8)).window is None
    assert correction_to_scaling(X, X, y_error=X, window=(1e-9, 1e-8)).window is None


def test_the_quality_of_exponents_without_bound_is_infinite():
    curves = [(P, X, np.sqrt(X * P), X / 10) for P in (1.0, 2.0)]
    assert collapse_quality(curves, x_exponent=0.0, y_exponent=-1e308) == np.inf


@pytest.mark.parametrize("given", [{"power": 1e-10}, {"error": [1e-12, *np.ones(7)]}])
def test_terms_that_nothing_tells_apart_are_not_fitted(given):
    found = extrapolate(X, 1 + 1 / X, **{"error": np.full(8, 0.01)} | given)
    assert not found.limit.valid
    assert "do not tell 2 terms apart" in found.limit.note
