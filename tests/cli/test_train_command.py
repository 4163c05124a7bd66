"""``train`` on the command line: table, documents, figures, a sweep that continues, bad input."""

import json
from concurrent.futures import Future

import numpy as np
import pytest
from grids import network_grid

import langevin_sgd as ls

SMALL = [
    "--depth",
    2,
    "--width",
    8,
    "--B",
    8,
    "--test-points",
    50,
    "--seeds",
    2,
    "--workers",
    1,
    "--max-steps",
    2000,
]
PHASE = ["train", *SMALL, "--P", 24, "--alpha", "1,64", "--temperature-per-width", "0.015,0.03,8"]
LAZY = [
    "train",
    *SMALL,
    "--P",
    "24,48",
    "--alpha",
    64,
    "--temperature-per-width",
    "0.015,0.03",
    "--probe-points",
    4,
]


def strict(text):
    """Parse JSON that holds no NaN and no infinity."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"not strict JSON: {name}"))


class InThisProcess:
    """A pool without workers, which take seconds to start."""

    capacity, death = 1, SystemError

    def __init__(self, workers):
        assert workers == 1

    def submit(self, function, *arguments):
        future = Future()
        future.set_result(function(*arguments))
        return future

    def check(self):
        pass

    def close(self, *, at_once):
        assert not at_once


def test_a_phase_diagram_is_trained_once(command, tmp_path, monkeypatch):
    monkeypatch.setattr("langevin_sgd.sweep.execution.LocalPool", InThisProcess)
    words = [*PHASE, "--results", tmp_path / "results"]
    status, out, err = command(*words, "--json")
    assert status == 0
    assert err == "langevin-sgd: 4 of 12 runs are unfinished (stuck: 4); the means leave them out\n"
    document = strict(out)
    assert list(document) == ["points", "boundaries", "feature_exponents", "lazy_exponents"]
    first = document["points"][0]
    shape = {"network": "fully_connected", "depth": 2, "width": 8, "activation": "relu"}
    axes = {**shape, "alpha": 1.0, "temperature_per_width": 0.015, "B": 8, "momentum": 0.0, "P": 24}
    assert {name: first[name] for name in axes} == axes
    assert [first[name] for name in ("fitted", "step_limit", "diverged", "stuck")] == [2, 0, 0, 0]
    assert [
        document["points"][2][name]["valid"] for name in ("test_error", "t_star", "weight_change")
    ] == [False] * 3
    largest = [
        (line["alpha"], line["P"], line["T_max"]["value"]) for line in document["boundaries"]
    ]
    assert largest == [
        (1, 24, pytest.approx((0.03 * 8) ** 0.5)),
        (64, 24, pytest.approx((0.03 * 8) ** 0.5)),
    ]
    assert [line["T_opt"]["valid"] for line in document["boundaries"]] == [False, False]
    (family,) = document["feature_exponents"]
    assert (family["predicted"], family["T_max"]["valid"]) == (pytest.approx(1 / 3), False)
    assert "alpha" not in family

    monkeypatch.setattr("langevin_sgd.sweep.execution.LocalPool", None)
    status, out, _ = command(*words, "--plot", tmp_path / "figure.svg")
    assert status == 0
    assert out.startswith(
        "network=fully_connected depth=2 width=8 activation=relu B=8 momentum=0 P=24\n\nalpha      "
        "T  fitted"
    )
    for name in ("test_error", "t_star", "weight_change"):
        assert (
            str(
                ls.Estimate(
                    value=first[name]["value"], standard_error=first[name]["standard_error"]
                )
            )
            in out
        )
    assert out.endswith(
        "alpha         T_max\n-----  ------------\n    1  0.49 +- 0.79\n   64  0.49 +- 0.79\n"
    )
    assert "</svg>" in (tmp_path / "figure.svg").read_text()


def test_the_lazy_regime(command, tmp_path, monkeypatch):
    monkeypatch.setattr("langevin_sgd.sweep.execution.LocalPool", InThisProcess)
    figure = tmp_path / "figure.svg"
    status, out, err = command(
        *LAZY, "--results", tmp_path / "results", "--labels", "0,1,2", "--plot", figure
    )
    assert (status, err) == (0, "")
    assert "kernel change" in out
    assert "T_max" not in out
    assert "</svg>" in figure.read_text()
    words = [*LAZY, "--results", tmp_path / "results", "--max-steps", 1, "--plot", figure]
    status, out, err = command(*words)
    assert status == 1  # 2 is for input that is refused before anything is computed
    assert "step limit" in out  # what was computed is printed, whatever becomes of the figure
    assert err.splitlines()[-1].startswith(
        "langevin-sgd: --plot: nowhere are half of the replicas fitted"
    )


def test_figures_show_what_was_measured():
    """A map of the test error with a white gap, T_max and the predicted power; curves; a collapse;
    T_c against P.
    """
    from langevin_sgd.experiments.network_figures import lazy_regime, phase_diagram

    grid = {
        "width": (8,),
        "batch_size": (8,),
        "test_points": 50,
        "replicas": 3,
        "max_steps": 2000,
        "probe_points": 8,
    }
    whole = network_grid(
        **grid, points=(24,), alpha=(0.01, 0.1, 64.0), temperature_per_width=(0.015, 0.03, 8.0)
    ).collect()
    plane, curves = phase_diagram(whole)
    lines = ls.experiments.lines_along(whole, "temperature_per_width")
    for column, line in enumerate(lines):
        runs = zip(line.measured["test_error"], line.fitted, strict=True)
        mean = [values[fitted].mean() if fitted.sum() >= 2 else np.nan for values, fitted in runs]
        np.testing.assert_array_equal(plane.map.values[:, column], mean)
        np.testing.assert_array_equal(curves.series[column].y, mean)
    assert np.isfinite(plane.map.values).tolist() == [[True] * 3, [False, True, True], [False] * 3]
    largest, *_, theory = plane.series
    assert largest.label.startswith("T_max, k = ")
    assert largest.y.tolist() == [ls.experiments.largest_temperature(line).value for line in lines]
    assert (theory.label, theory.kind, theory.x.tolist()) == (
        "theory, k = 0.33",
        "theory",
        pytest.approx([0.01, 0.1]),
    )
    assert np.log10(theory.y[1] / theory.y[0]) == pytest.approx(1 / 3)
    assert [series.label for series in curves.series if series.label] == [
        "alpha=0.01",
        "alpha=0.1",
        "alpha=64",
    ]

    lazy = network_grid(
        **grid,
        points=(24, 48, 96),
        alpha=(4096.0,),
        temperature_per_width=(0.004, 0.008, 0.015, 0.03, 0.06),
    ).collect()
    (fit,) = ls.experiments.fit_lazy_exponents(lazy)
    panels = lazy_regime(lazy)
    assert [panel.title.split(" =")[0] for panel in panels[:5]] == [
        "Stopping time",
        "b",
        "Weight change",
        "gamma",
        "Kernel change",
    ]
    change, fallen = panels[2].series[0], panels[3].series[0]
    np.testing.assert_allclose(fallen.y, change.y / 24**fit.gamma.y_exponent.value)
    time, collapsed = panels[0].series[0], panels[1].series[0]
    np.testing.assert_allclose(collapsed.y, time.y / time.x / 24**fit.b.y_exponent.value)
    assert [panel.title for panel in panels[5:]] == ["Crossover"] * fit.a.valid


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--P", 4], "B = 8: must be at most the number of points, here 4"),
        (["--P", 2000], "must be at most 1797, the images of digits"),
        (["--alpha", "1,-1"], "--alpha = -1.0: must be a positive number"),
        (
            ["--temperature-per-width", 0],
            "--temperature-per-width = '0': must be a positive number",
        ),
        (
            ["--temperature-per-width", 0.1, "--plot", "f.svg"],
            "plot: needs two or more values of --temp",
        ),
        (["--network", "resnet"], "must be one of fully_connected, simple_cnn"),
        (["--network", "simple_cnn", "--depth", 3], "depth = (3,): is fixed for simple_cnn"),
        (["--width", 0], "--width = '0': must be an integer from 1 to"),
        (["--depth", "1,x"], "--depth = '1,x': each must be an integer from 1 to"),
        (["--activation", "relu,tanh"], "activation = 'tanh': must be one of relu, gelu, linear"),
        (["--data", "mist"], "Expected one of ('digits', 'mnist', 'cifar10')"),
        (["--labels", "animals"], "labels = 'animals': must be 'parity'"),
        (["--labels", "3,11"], "labels = (3, 11): must name one to nine"),
        (["--loss", "square"], "Expected one of ('hinge', 'quadratic_hinge', 'soft_hinge')"),
        (["--seeds", 1], "--seeds = '1': must be an integer from 2 to"),
        (["--max-steps", 0], "--max-steps = 0: must be an integer of at least 1"),
        (["--device", "tpu"], "--device = 'tpu': must be cpu, cuda or cuda:N"),
    ],
)
def test_bad_input_is_one_clear_line_and_status_two(command, tmp_path, words, message):
    status, out, err = command(*PHASE, "--results", tmp_path, *words)
    assert (status, out) == (2, "")
    assert err.startswith("langevin-sgd: ")
    assert err.count("\n") == 1
    assert message in err
    assert not list(tmp_path.iterdir())
