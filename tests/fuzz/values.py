"""Good, odd and wrong values of every parameter, as Python text.

Good values are small and quick, and the good values of one call go together. Odd values may be
right or be refused. Wrong values have no meaning for the parameter: a call that takes one in
silence is at fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from . import spoiled


@dataclass(frozen=True)
class Values:
    """What may be given for a parameter."""

    good: tuple[str, ...]
    odd: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


FOREIGN = ("object()", "ls.SGD", "{}", "b'1'", "np.datetime64('2020-01-01')")
TEXTS = (
    "''",
    "'a\\nb'",
    "'\\x1b[2J'",
    "'x' * 300",
    "'é'",
    "'../x'",
    "'a\\0b'",
    "'None'",
    "'nan'",
    "np.str_('x')",
)
NUMBERS = (
    *(
        "0",
        "-1.0",
        "1",
        "2",
        "1e308",
        "-1e308",
        "1e-320",
        "10**30",
        "10**400",
        "float('inf')",
        "-float('inf')",
    ),
    *(
        "np.float32(0.5)",
        "np.int64(1)",
        "np.array(0.5)",
        "np.array([0.5])",
        "Fraction(1, 3)",
        "Decimal('0.5')",
    ),
    *("0.999999999", "-0.0", "1e10", "1e-10"),
)
NO_NUMBERS = (
    *(
        "float('nan')",
        "complex(1, 1)",
        "'abc'",
        "'1\\n2'",
        "[1.0, 2.0]",
        "[]",
        "np.ma.masked",
        "True",
        "np.bool_(1)",
    ),
    *("np.array([1.0, 2.0])", "np.array(1j)", "np.array('x')", "np.float64('nan')", *FOREIGN),
)
COUNTS = (
    *(
        "0",
        "-1",
        "1",
        "2",
        "3",
        "2.0",
        "10**30",
        "-10**30",
        "2**63",
        "2**63 - 1",
        "2**64",
        "np.int8(2)",
        "np.uint64(3)",
    ),
    *("np.array(2)", "np.array([2])", "np.float64(2.0)"),
)
NO_COUNTS = ("1.5", "float('inf')", "[2]", "(2, 2)", *NO_NUMBERS)
NONE = "None"
NAN = ("nan_in(", "float('nan')", "np.float64('nan')")
"""Beginnings of values that are, or hold, NaN."""


def taken(given: Values, *starts: str) -> Values:
    """Values of which some, by their beginnings, have a meaning after all and are odd, not
    wrong.
    """
    odd = tuple(text for text in given.wrong if text.startswith(starts))
    return replace(
        given, odd=(*given.odd, *odd), wrong=tuple(text for text in given.wrong if text not in odd)
    )


def number(*good: str, optional: bool = False) -> Values:
    """One real number."""
    return Values(
        good + ((NONE,) if optional else ()), NUMBERS, NO_NUMBERS + (() if optional else (NONE,))
    )


def count(*good: str, optional: bool = False) -> Values:
    """One whole number."""
    return Values(
        good + ((NONE,) if optional else ()), COUNTS, NO_COUNTS + (() if optional else (NONE,))
    )


def duration(*good: str) -> Values:
    """A number of steps; so many that they never end are a user's right."""
    given = count(*good)
    return Values(given.good, tuple(each for each in given.odd if each != "2**63 - 1"), given.wrong)


def array(*good: str, optional: bool = False, scalar: bool = False) -> Values:
    """Numbers in an array; with `scalar` also one number."""
    wrong = [f"{spoil.__name__}({each})" for each in good[:1] for spoil in spoiled.WRONG]
    odd = [f"{spoil.__name__}({each})" for each in good[:1] for spoil in spoiled.ODD]
    lone = ("3.0", "-1.0", "float('inf')") if scalar else ("3.0",)
    none = () if optional else (NONE,)
    wrong += ["'abc'", "float('nan')", "np.ma.masked", *FOREIGN, *none]
    return Values(good + ((NONE,) if optional else ()), (*odd, *lone), tuple(wrong))


def counts(*good: str, optional: bool = False) -> Values:
    """Whole numbers in a list or an array."""
    found = array(*good, optional=optional)
    return Values(
        found.good, (*found.odd, "[2**63]", "[10**30]", "[-1]"), (*found.wrong, "[True]", "['1']")
    )


def thing(*good: str, optional: bool = False, odd: Sequence[str] = ()) -> Values:
    """An object of a class of the package."""
    wrong = ("3", "'text'", "[]", "np.zeros(3)", "float('nan')", *FOREIGN)
    return Values(
        good + ((NONE,) if optional else ()), tuple(odd), wrong + (() if optional else (NONE,))
    )


def things(*good: str, odd: Sequence[str] = ()) -> Values:
    """A list of such objects."""
    return Values(good, ("[]", "()", *odd), ("3", NONE, "[3]", "['text']", "[None]", *FOREIGN))


def text(*good: str, optional: bool = False) -> Values:
    """Any text."""
    wrong = ("3", "float('nan')", "[]", "['a']", *FOREIGN)
    return Values(
        good + ((NONE,) if optional else ()), TEXTS, wrong + (() if optional else (NONE,))
    )


def choice(*good: str, optional: bool = False) -> Values:
    """One of some words."""
    texts = (text for text in TEXTS if text.removeprefix("np.str_(").removesuffix(")") not in good)
    wrong = ("'nonsense'", "3", "[]", good[0].upper(), f"[{good[0]}]", *texts, *FOREIGN)
    return Values(good + ((NONE,) if optional else ()), (), wrong + (() if optional else (NONE,)))


def path(*good: str, optional: bool = False) -> Values:
    """A file or a folder; none of these lies outside the folder of the case."""
    odd = (
        "''",
        "'.'",
        "'folder'",
        "'missing/deep/x'",
        "'file.txt/x'",
        "'x' * 300",
        "'a\\0b'",
        "'a\\nb'",
        "'damaged.nc'",
    )
    wrong = ("3", "float('nan')", "[]", "object()", "True")
    return Values(good + ((NONE,) if optional else ()), odd, wrong + (() if optional else (NONE,)))


def function(*good: str, optional: bool = False) -> Values:
    """A function of the user's."""
    odd = (
        "lambda *x: None",
        "lambda *x: 'text'",
        "lambda *x: float('nan')",
        "lambda *x: np.zeros((3, 3, 3))",
        "print",
    )
    wrong = ("3", "'text'", "[]", "np.zeros(3)")
    return Values(good + ((NONE,) if optional else ()), odd, wrong + (() if optional else (NONE,)))


def mapping(*good: str, optional: bool = False) -> Values:
    """Name -> value."""
    wrong = (
        "3",
        "'text'",
        "['a']",
        "{3: 1.0}",
        "{'a': float('nan')}",
        "{'a': 1j}",
        "{'a': 'text'}",
        "object()",
    )
    return Values(good + ((NONE,) if optional else ()), ("{}", "{'': 1.0}", "{'a b': 1.0}"), wrong)


def flag() -> Values:
    """True or False."""
    return Values(
        ("False", "True"),
        ("np.bool_(True)",),
        ("1", "0.0", "'yes'", NONE, "[]", "np.array([True, False])"),
    )


def value_of_replicas(*good: str) -> Values:
    """A number, or one for each replica."""
    given = number(*good)
    wrong = tuple(each for each in given.wrong if "[1.0, 2.0]" not in each)
    return Values(
        given.good, (*given.odd, "np.array([1.0, 2.0])"), (*wrong, "np.array([1.0, float('nan')])")
    )


SEED = Values(("1", "0", "12345"), ("np.int64(3)", "-1", "10**30", "2**63", "2**64"), NO_COUNTS)
STATE = "np.array([[0.1, 0.2], [0.3, -0.4]])"
SERIES = "RANDOM.normal(size=(40, 6))"
WALK = "np.cumsum(RANDOM.normal(size=(40, 6)), axis=0)"
PATH = "np.cumsum(RANDOM.normal(size=(40, 6, 2)), axis=0)"
MEASURED = "np.geomspace(1, 100, 8)"

BY_NAME: dict[str, Values] = {
    # settings and sizes
    "settings": thing(
        "sgd()",
        "plain_sgd()",
        odd=("ls.SGD(lr=1e-320, batch_size=1)", "ls.SGD(lr=1e300, batch_size=1)"),
    ),
    "lr": number("0.1", "0.02"),
    "momentum": number("0.5", "0.0"),
    "weight_decay": number("0.0", "0.01"),
    "dampening": number("0.0", "0.1"),
    "nesterov": flag(),
    "part": choice("'all'", "'even'", "'odd'"),
    "sampling": choice("'with_replacement'", "'without_replacement'", "'epochs'"),
    "batch_size": count("2", "1", "4"),
    "seed": SEED,
    "batch_seed": Values((*SEED.good, NONE), SEED.odd, SEED.wrong),
    "replica": count("0", "1"),
    "replicas": count("2", "3"),
    "first_replica": count("0", "5"),
    "first_step": count("0", "5"),
    "steps": duration("10", "20"),
    "substeps": duration("1", "2"),
    "schedule": counts("[0, 5, 10]", optional=True),
    "start": array("np.zeros(2)", optional=True),
    "velocity": array("np.zeros(2)", optional=True),
    "checkpoint": path("'run.nc'", optional=True),
    "progress": flag(),
    "precision": choice("'float64'", "'float32'"),
    "record": thing(
        "ls.record.displacement()", "ls.record.moments()", "ls.record.states()", optional=True
    ),
    # laws
    "problem": thing("spectral()", "regression()"),
    "features": array("RANDOM.normal(size=(4, 3))", "RANDOM.normal(size=(2, 2, 3))"),
    "kernel": array("np.array([[2.0, 0.5], [0.5, 1.0]])"),
    "outputs": count("1"),
    "residuals": array("np.array([0.5, -1.0, 0.1, 0.3])"),
    "draws": count("20"),
    "law": thing("langevin_law()"),
    "oscillators": thing("oscillators()"),
    "t": array("np.array([0.0, 1.0, 10.0])", "3.0", scalar=True),
    "lag": array("np.array([0.0, 1.0, 10.0])", "3.0", scalar=True),
    "lags": counts("np.array([1, 2, 5])"),
    "epoch_phase": count("0", "1", optional=True),
    "eigenvalues": array("np.array([0.2, 1.0])"),
    "eigenvectors": array("np.eye(2)", optional=True),
    "minimiser": array("np.array([0.1, -0.2])"),
    "noise_scale": number("1.0", "0.5"),
    "hessian": array("np.diag([0.2, 1.0])"),
    "noise_covariance": array("np.diag([0.1, 0.3])"),
    "covariance": array("np.diag([0.1, 0.3])"),
    "X": array("X"),
    "y": array("Y"),
    "theta": array(STATE),
    "w": array(STATE),
    "state": array("np.array([[0.1, 0.2, 0.3, 0.4]])"),
    "stiffness": array("np.array([0.2, 1.0])"),
    "centre": array("np.array([0.1, -0.2])", optional=True),
    "frequency": array("np.array([0.1, 1.0])"),
    "lr_times_stiffness": array("np.array([0.1, 0.5])"),
    "rate": array("np.array([0.1, 0.5]) + 0.0"),
    "drift": array("np.array([[1.0, 0.2], [0.0, 1.5]])"),
    "diffusion": array("np.diag([1.0, 0.5])"),
    "kappa": number("1.0"),
    "largest": number("1.0"),
    "decay": number("2.0", "1.5"),
    "modes": count("3", "5"),
    "noise_power": number("1.0"),
    "first": count("0", "3"),
    "last": number("10.0"),
    "noise": number("0.5", "1.0"),
    "tolerance": number("0.01"),
    # perceptron
    "chi": number("0.0", "0.5"),
    "margin": number("0.1", "0.5"),
    "temperature": number("1.0", "0.2"),
    "dimension": count("3", "8"),
    "points": count("12", "8"),
    "test_points": count("8"),
    "signal": number("0.5", "1.0"),
    "tau": array("np.array([0.1, 1.0])", "1.0", scalar=True),
    "unfit": array("np.array([0.1, 0.01])", "0.05", scalar=True),
    "constant": number("1.0"),
    "constant_ratio": number("1.0"),
    "power": number("1.0"),
    "margin_over_noise": array("np.array([0.5, 1.0])", "0.5", scalar=True),
    "max_steps": duration("200", "50"),
    "method": choice("'auto'", "'plain'", "'accelerated'"),
    # data
    "samples": count("20"),
    "label_noise": number("1.0"),
    "teacher": function("lambda x: x[:, 0]", optional=True),
    "labels": Values(
        ("'parity'", "(0, 1)", NONE),
        ("()", "(10,)", "[3]", "(3, 3)", "'animals'"),
        ("3", "'x'", "[None]"),
    ),
    "positive": counts("(0, 1)"),
    # recorders and estimators
    "edges": array("np.linspace(-1, 1, 5)"),
    "coordinate": count("0", "1"),
    "coordinates": counts("(0, 1)"),
    "axis": count("0"),
    "level": number("0.5"),
    "direction": choice("'up'", "'down'"),
    "interval": number("1.0"),
    "per_decade": count("5"),
    "function": function("lambda x: x[..., 0]"),
    "functions": function("lambda x: x[..., 0]"),
    "series": array(SERIES),
    "position": array(PATH),
    "displacement": array(f"np.abs({WALK})"),
    "omega": number("0.5"),
    "coefficient": number("0.5"),
    "x": array(MEASURED),
    "x_error": array(f"0.01 * {MEASURED}", optional=True),
    "y_error": array(f"0.02 * {MEASURED}"),
    "window": array("(1.0, 100.0)", optional=True),
    "span": count("1", "2"),
    "minimum": count("3", "4"),
    "both_ends": flag(),
    "curves": things("bent_curves()", odd=("bent_curves()[:1]", "bent_curves() * 2")),
    "size": array("np.array([8.0, 16.0, 32.0, 64.0])"),
    "order": count("1", "2"),
    "found": array("RANDOM.normal(0.5, 0.1, 8)"),
    "whole": array("RANDOM.normal(1.0, 0.1, 8)"),
    "none": array("RANDOM.normal(0.0, 0.1, 8)"),
    "run_or_arrays": thing("run()"),
    # equations and potentials
    "equation": thing("overdamped()", "linear_overdamped()"),
    "integrator": thing("ls.sde.EulerMaruyama()", "ls.sde.Heun()"),
    "normals": array("RANDOM.normal(size=(2, 4, 3, 1))"),
    "potential": thing("double_well()"),
    "friction": value_of_replicas("1.0"),
    "mass": value_of_replicas("1.0"),
    "step_time": value_of_replicas("0.05"),
    "gradient_noise": array("0.5", "np.array([0.5])", scalar=True),
    "energy": function("lambda x, p: x[0] ** 2"),
    "force": function("lambda x, p, out: None"),
    "variables": Values(
        ("'x'", "('x',)"),
        ("''", "'x x'", "'y'", "('x', 'y')", "'1'", "'lambda'"),
        ("3", "[3]", "object()"),
    ),
    "parameters": mapping("{'k': 1.0}", optional=True),
    "moments": function(NONE),
    "expression": Values(
        ("'x**2 / 2'", "'x**4 / 4 - x**2 / 2'"),
        (
            *(
                "'x**3'",
                "'abs(x)'",
                "'exp(x)'",
                "'1/x'",
                "'sqrt(x)'",
                "'x**(1/3)'",
                "'5'",
                "'gamma(x)'",
                "'floor(x)'",
            ),
            *("'q*x'", "'x\\n+1'"),
        ),
        (
            "'nan*x'",
            "'oo*x'",
            "'I*x'",
            "'x +'",
            "''",
            "'f(x)'",
            "'x.real'",
            NONE,
            "object()",
            "[]",
        ),
    ),
    "amplitude": Values(
        ("'sqrt(1 + x**2)'",),
        ("'1/x'", "'x'", "'0'", "'sqrt(x)'", "'q*x'"),
        ("'nan'", "'I'", "'('", NONE, "object()"),
    ),
    "changes": number("1.0"),
    "strength": value_of_replicas("0.1"),
    "floor": number("0.5"),
    "driver": thing("ls.sde.drivers.StandardNormal()"),
    "nu": number("3.0"),
    "offset": value_of_replicas("0.0"),
    "variance": value_of_replicas("0.5"),
    "factor": number("2.0"),
    "bend": value_of_replicas("1.0"),
    "along": value_of_replicas("1.0"),
    "across": value_of_replicas("10.0"),
    "quartic": value_of_replicas("1.0"),
    "curvature": value_of_replicas("1.0"),
    "scale": value_of_replicas("1.0"),
    "spectrum": array("[0.5, 1.0]"),
    "loss": thing("hinge_loss()"),
    "rows": array("X"),
    # Fokker-Planck
    "initial": thing("initial()", "'stationary'", odd=("lambda x: np.exp(-x**2)", "np.ones(64)")),
    "times": array("[0.0, 1.0, 5.0]"),
    "domain": taken(array("(-3.0, 3.0)", optional=True), "none_in("),
    "cells": count("64", optional=True),
    "boundary": choice("'reflecting'", "('reflecting', 'absorbing')"),
    "time_step": number("0.5", optional=True),
    "barrier": number("0.0"),
    "well": choice("'low'", "'high'"),
    "calculus": choice("'ito'", "'stratonovich'"),
    "mean": array("np.array([0.0, 0.5])"),
    "deviations": number("5.0"),
    # networks
    "network": thing("small_network()"),
    "width": count("4", "2"),
    "depth": count("2", "1"),
    "activation": choice("'relu'", "'gelu'", "'linear'"),
    "output_scaling": choice("'mean_field'", "'ntk'"),
    "frozen": count("0", "1"),
    "image": counts("(1, 8, 8)"),
    "build": function("module"),
    "keep_weights": flag(),
    "device": Values(
        ("'cpu'",),
        (),
        ("'nonsense'", "'cuda:99'", "''", "'cpu:1'", "3", "[]", "'a\\nb'", "object()"),
    ),
    "seconds": number("1.0", optional=True),
    # experiments
    "result": thing("perceptron_result()"),
    "line": thing("grid_lines()[0]"),
    "lines": things("grid_lines()"),
    "threshold": number("0.3", "0.1"),
    "quantity": choice("'kernel_change'", "'weight_change'"),
    "against": choice("'points'", "'alpha'"),
    "degree": count("2", "3"),
    "chosen": Values(
        ("np.array([True, True, False])",),
        ("np.zeros(3, bool)", "[0, 1]"),
        ("3.5", "'a'", "object()", NONE),
    ),
    "stop": thing("ls.Stop(max_steps=200)"),
    "block": count("0", "1"),
    "cell": thing("perceptron_cell()", "network_cell()"),
    # claims, sweeps, figures
    "claim": thing("claim()"),
    "claims": things("[claim()]"),
    "tier": choice("'quick'"),
    "wanted": choice("'fair'", "'coins/fair'"),
    "paper": choice("'coins'", optional=True),
    "pull": number("1.5", optional=True),
    "prediction": number("1.0"),
    "alternatives": mapping("{'rival': 2.0}"),
    "rivals": mapping("{'rival': 2.0}"),
    "wrong": number("3.0", optional=True),
    "measure": thing("slope"),
    "estimate": thing("estimate()", optional=True),
    "store": thing("store()"),
    "task": thing("task()"),
    "tasks": things("[task()]"),
    "workers": count("1", optional=True),
    "scheduler": Values((NONE,), (), ("''", "'nonsense'", "'tcp://'", "3", "'a\\nb'", "object()")),
    "patience": number("0.5"),
    "retry_failed": flag(),
    "development": flag(),
    "judgements": things("[judgement()]"),
    "output": path("'report'"),
    "stale": Values(("()", "('a.nc',)"), ("[]",), ("3", NONE, "[3]")),
    "folder": path("'claims'"),
    "verdicts": Values(
        ("['supported', 'refuted']",), ("[]",), ("['nonsense']", "3", NONE, "[3]", "'supported'")
    ),
    "panels": things("[panel()]"),
    "columns": count("2", "1"),
    "figure": thing("figure()"),
    "kind": choice("'measurement'", "'theory'", "'rival'", "'guide'"),
    "map": thing("colours()", optional=True),
    "x_scale": choice("'linear'", "'log'"),
    "y_scale": choice("'linear'", "'log'"),
    "error": array("[0.1, 0.1]", optional=True),
    "directory": path("'store'"),
    "path": path("'out.nc'"),
    "value": number("1.0"),
    "standard_error": number("0.1", optional=True),
    "n_independent": number("10", optional=True),
    "valid": flag(),
    "degrees_of_freedom": number("5.0", "float('inf')"),
    "parameter": number("2.0"),
    **{
        name: text("'a name'")
        for name in (
            "name",
            "note",
            "reason",
            "title",
            "x_label",
            "y_label",
            "label",
            "missing",
        )
    },
}
"""Name of a parameter -> its values, unless `BY_CALL` says otherwise."""

OPTIONAL_BUT_NEEDED = {
    "training.run of linear regression": ("steps",),
    "training.run of a perceptron": ("stop",),
    "training.run of a one-pass perceptron": ("steps",),
    "training.run of networks": ("stop",),
    "LinearRegression": ("X", "y"),
    "claims.Comparison": ("reason",),
    "experiments.Grid of perceptrons": ("stop", "replicas"),
    "experiments.Grid of networks": ("stop", "replicas"),
    "fokker_planck.escape_rate": ("cells", "barrier"),
    "Potential.from_functions": ("parameters",),
    "fokker_planck.first_passage_time": ("cells",),
    "fokker_planck.spectrum": ("cells",),
    "measure.scaling_corrections.extrapolate": ("error",),
    "measure.scaling_corrections.correction_to_scaling": ("y_error",),
    "measure.fit_power_law": ("y_error",),
    "measure.power_law.local_slopes": ("y_error",),
    "measure.power_law.varied_windows": ("y_error",),
    "sweep.run": ("workers",),
    "claims.runner.run": ("workers",),
    "claims.authoring.write_template": ("folder",),
    "theory.perceptron.predict.predict_perceptron": ("dimension", "batch_size"),
    "data.BinaryImages": ("test_points",),
    "data.SyntheticPoints": ("test_points",),
}
"""What is always given, because the call is slow or has no answer without."""
