"""Formulas: their text was run as a program, names that sympy knows were taken, and steps lost
their force.
"""

import copy
import pickle
import re
import warnings

import numpy as np
import pytest
import sympy
from numba import njit

import langevin_sgd as ls
from langevin_sgd.dynamics import Ito, Stratonovich
from langevin_sgd.models import potentials

Potential = ls.Potential
X, Y = sympy.symbols("x y", real=True)


def refusal(make):
    """The one line with which a call is refused."""
    with pytest.raises(ls.InputError) as caught:
        make()
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 500
    return text


READERS = {
    "potential": Potential.from_sympy,
    "Ito": Ito.from_sympy,
    "Stratonovich": Stratonovich.from_sympy,
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize(
    "text",
    [
        "x**2 + 0*__import__('os').mkdir({path!r})",
        "x + (lambda: open({path!r}, 'w'))().fileno()",
        "exp(open({path!r}, 'w').fileno()*0)*x",
        "x*[open({path!r}, 'w')][0].fileno()",
        "Piecewise((x, open({path!r}, 'w').fileno() > 0), (x, True))",
    ],
)
def test_no_text_is_run(read, text, tmp_path):
    path = tmp_path / "run"
    line = refusal(lambda: read(text.format(path=str(path))))
    assert line.startswith(("expression = ", "amplitude = "))  # as the argument is called
    assert not path.exists()


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9*x",
        "x**9**9**9",
        "(1/9)**(9**9)*x",
        "exp(exp(exp(9)))*x",
        "((((x + 1)**32 + 1)**32 + 1)**32 + 1)**32",
        "(x**1000 + 1)**1001",
        "*".join(f"(x + {i})" for i in range(300)),
        "exp(-" * 51 + "x" + ")" * 51,
        "(" * 5000 + "x",
        "-" * 9000 + "x",
        "x" * 20_000,
        "x+" * 4000 + "x",
        "exp(" * 60 + "x" + ")" * 60,
        "Max(0, 1 + " * 45 + "x" + ")" * 45,
        " + ".join(f"x{i}" for i in range(101)),
        "Max(" + ", ".join(f"x - {i}" for i in range(9)) + ")",
    ],
    ids=range(16),
)
def test_sizes_are_bounded(text):
    assert (
        "expression = " in (line := refusal(lambda: Potential.from_sympy(text)))
        or "variables = " in line
    )


def test_brackets_that_change_nothing_count_nothing():
    assert Potential.from_sympy("(" * 80 + "x" + ")" * 80).force(np.array([1.0])).tolist() == [-1.0]


def test_long_sums_are_read():
    well = Potential.from_sympy(" + ".join(f"x**2/{n}" for n in range(1, 201)))
    assert np.isclose(
        well.energy(np.array([2.0])), 4 * sum(1 / n for n in range(1, 201)), rtol=1e-14
    )


@pytest.mark.parametrize(
    "name",
    [
        "beta",
        "gamma",
        "S",
        "N",
        "E",
        "I",
        "pi",
        "lambda",
        "zeta",
        "Q",
        "O",
        "re",
        "exp",
        "oo",
        "is",
        "C",
        "Abs",
    ],
)
def test_every_name_is_free_for_parameters_and_coordinates(name):
    as_parameter = Potential.from_sympy(f"{name}*x**2/2", parameters={name: 2.0})
    assert as_parameter.force(np.array([3.0])).tolist() == [-6.0]
    as_coordinate = Potential.from_sympy(f"a*{name}**2/2", variables=name, parameters={"a": 2.0})
    assert as_coordinate.force(np.array([3.0])).tolist() == [-6.0]


def test_what_undeclared_names_mean():
    assert np.isclose(Potential.from_sympy("pi*x").force(np.zeros(1)), -np.pi)
    assert Potential.from_sympy("beta*S").variables == ("S", "beta")
    assert "E is no number here (write exp(1))" in refusal(lambda: Potential.from_sympy("E*x**2"))
    for text in ("I*x", "nan*x", "oo*x", "zoo*x", "sin*x"):
        refusal(lambda text=text: Potential.from_sympy(text))


def test_a_formula_means_what_sympy_means():
    """Precedence, ^ for powers, line breaks, decimal numbers, constants: against sympy's own
    reading.
    """
    texts = [
        "-x**2",
        "2*x^2 - x^-2",
        "x**2**3/7",
        "-(x - 1)**3/2 +\n 0.1*x",
        "1e-3*x + .5*x",
        "2**-x",
        "3 - 2 - x",
        "8/2/x",
    ]
    texts += ["abs(x - 1/3)", "exp(-x**2/2)*cos(pi*x)", "min(x, 2) + max(x, 0, -x)"]
    texts += [
        "log(2 + x, 3) + log10(2 + x)",
        "erf(x) + atan(x) + tanh(x)**2",
        "sqrt(1 + x**2)",
        "1_000*x",
        "x + x**-3",
        "cosh(x)/(1 + asinh(x)**2)",
    ]
    points = np.array([0.3, 0.9, 1.7])
    for text in texts:
        plain = (
            text.replace("\n", "").replace("log10(2 + x)", "log(2 + x, 10)").replace("min(", "Min(")
        )
        exact = sympy.lambdify(
            X, sympy.sympify(plain.replace("max(", "Max("), {"x": X}), ["numpy", "scipy"]
        )(points)
        assert np.allclose(Potential.from_sympy(text).energy(points[:, None]), exact, rtol=1e-13), (
            text
        )


@pytest.mark.parametrize(
    "formula",
    [
        *(
            "Mod(x, 2)",
            "floor(x)",
            "gamma(x)",
            "besselj(0, x)",
            "f(x)",
            "Integral(x, x)",
            "x if x > 0 else 0",
            "x % 2",
        ),
        *(
            "x // 2",
            "[x]",
            "x.real",
            "x[0]",
            "'x'",
            "1j*x",
            "True*x",
            "x, x",
            "",
            "2x",
            "a(x + 1)",
            "exp(x, 2)",
            "exp()",
        ),
        *(
            "exp(x=1)",
            "exp(*x)",
            "Piecewise((x, x > 0))",
            "Piecewise((0, x == 0), (x, True))",
            "Piecewise(x)",
            "x\0",
        ),
        *(
            "sqrt(-1)*x",
            "log(-1)*x",
            "acos(2)*x",
            "x/0",
            "0/0 + x",
            "1e400*x",
            "10**400*x",
            "exp(1e4)*x",
            "(-8)**(1/3)*x",
        ),
        *("(-8)**(1/3)*x", "x**(1/3)", "x**0.3", "(x - 1)**1.7", "(x**2 - 1)**(2/3)"),
        *(
            sympy.I * X,
            sympy.nan,
            sympy.oo * X,
            sympy.zoo * X,
            sympy.acos(2) * X,
            sympy.Integer(10) ** 400 * X,
        ),
        *(
            sympy.besselj(0, X),
            sympy.floor(X),
            sympy.gamma(X),
            sympy.Function("f")(X),
            sympy.Integral(X, X),
        ),
        *(
            sympy.Matrix([X]),
            sympy.cbrt(X),
            sympy.Piecewise((X, X > 0)),
            None,
            [1.0],
            1j,
            np.eye(2),
        ),
    ],
    ids=str,
)
def test_what_cannot_be_written_out_is_one_line(formula):
    assert refusal(lambda: Potential.from_sympy(formula, variables="x")).startswith("expression = ")


def test_the_refusal_of_a_function_lists_those_there_are():
    for formula in ("gamma(x)", sympy.gamma(X)):
        assert "exp, log" in refusal(lambda formula=formula: Potential.from_sympy(formula))


def test_roots_that_are_real_are_right():
    points = np.array([[-8.0], [-1.0], [0.5], [27.0]])
    assert np.allclose(
        Potential.from_sympy("cbrt(x)").energy(points), np.cbrt(points[:, 0]), rtol=1e-14
    )
    slope = -1 / (3 * np.cbrt(points[:, 0]) ** 2)
    assert np.allclose(Potential.from_sympy("cbrt(x)").force(points)[:, 0], slope, rtol=1e-13)
    assert np.allclose(
        Potential.from_sympy("abs(x)**1.5").energy(points), np.abs(points[:, 0]) ** 1.5
    )
    assert np.allclose(
        Potential.from_sympy("(1 + x**2)**0.3").energy(points), (1 + points[:, 0] ** 2) ** 0.3
    )


# --- steps ----------------------------------------------------------------------------------------

STEPS = {
    "Heaviside": ("x**2/2 + 5*Heaviside(x)", 5),
    "sign": ("x**2/2 + sign(x - 3)", 2),
    "far away": ("x**2/2 + Heaviside(x - 12345.6)*1e6", 1e6),
    "pieces": ("Piecewise((x**2, x < 1), (3, True))", 2),
    "one of several pieces": ("Piecewise((0, x < 0), (x, x <= 2), (x + 0.1, True))", 0.1),
    "in a product": ("(1 + x**2)*Heaviside(x + 1)", 2),
    "within a function": ("exp(-sign(x))", 2 * np.sinh(1)),
    "hidden": ("abs(x)/x", 2),
    "arc": ("atan(1/x)", np.pi),
    "denominator that touches zero": ("x/abs(x)", 2),
    "denominator that touches zero as a root": ("x/sqrt(x**2)", 2),
    "denominator that touches zero as a choice": ("x/Max(x, -x)", 2),
    "denominator that touches zero as the root of a sum": ("x/sqrt(x**4 + x**2)", 2),
    "teeth of a saw": ("atan(tan(x))", np.pi),
}


@pytest.mark.parametrize(("text", "height"), STEPS.values(), ids=STEPS)
def test_a_step_is_refused(text, height):
    line = refusal(lambda: Potential.from_sympy(text))
    assert np.isclose(float(re.search(r"jumps by (\S+) near", line).group(1)), height, rtol=1e-2)
    for noise in (Ito, Stratonovich):
        assert "jumps by" in refusal(lambda noise=noise: noise.from_sympy(text))


def test_a_step_in_the_plane_is_refused():
    assert "jumps by 2" in refusal(
        lambda: Potential.from_sympy("x**2 + y**2 + 2*Heaviside(x + y - 1)")
    )
    assert "jumps by" in refusal(lambda: Potential.from_sympy("x*y + Heaviside(x**2 + y**2 - 1)/3"))


def test_a_step_that_comes_with_a_parameter_is_refused():
    flat = Potential.from_sympy("x**2 + h*Heaviside(x)", parameters={"h": 0.0})
    assert "jumps by 3" in refusal(lambda: flat.with_values(h=3.0))
    assert "jumps by 4" in refusal(
        lambda: Potential.from_sympy("h*sign(x)", parameters={"h": [0.0, 2.0]})
    )


def test_large_powers_of_sympy_are_refused_before_they_are_multiplied_out():
    import sympy

    assert "powers of at most 1000" in refusal(
        lambda: Potential.from_sympy(sympy.Symbol("x") ** 10**6)
    )


def test_a_path_that_leaves_a_potential_with_an_end_has_diverged():
    root = Potential.from_sympy("sqrt(x)")
    equation = ls.Overdamped(potential=root, friction=1.0, noise_covariance=0.0, step_time=0.1)
    run = ls.sde.simulate(
        equation, ls.sde.EulerMaruyama(), replicas=2, steps=30, start=[[0.1], [9.0]], seed=1
    )
    assert run["status"].values.tolist() == [ls.Status.DIVERGED, 0]


CONTINUOUS = {
    "abs(x)": lambda x: np.sign(x),
    "x*Heaviside(x)": lambda x: np.heaviside(x, 0),
    "x*sign(x)": lambda x: np.sign(x),
    "Max(0, x - 1)": lambda x: np.heaviside(x - 1, 0),
    "Heaviside(x - 1)*(x - 1)**2": lambda x: 2 * np.maximum(x - 1, 0),
    "Piecewise((x**2, x < 1), (2*x - 1, True))": lambda x: np.where(x < 1, 2 * x, 2),
    "Piecewise((0, (x > -1) & (x < 1)), (x**2 - 1, True))": lambda x: np.where(
        np.abs(x) < 1, 0, 2 * x
    ),
    "tanh(40*x)": lambda x: 40 / np.cosh(40 * x) ** 2,
    "1/x": lambda x: -1 / x**2,
    "tan(x)": lambda x: 1 / np.cos(x) ** 2,
    "x/(1 + abs(x))": lambda x: 1 / (1 + np.abs(x)) ** 2,
    "Max(x, 1.2 - x)": lambda x: np.sign(x - 0.6),
}


@pytest.mark.parametrize(("text", "slope"), CONTINUOUS.items(), ids=CONTINUOUS)
def test_kinks_and_poles_stay_allowed_and_have_the_right_force(text, slope):
    points = np.array([-2.5, -0.5, 0.5, 1.5, 4.0])
    assert np.allclose(
        Potential.from_sympy(text).force(points[:, None])[:, 0],
        -slope(points),
        rtol=1e-12,
        atol=1e-15,
    )


# --- travel ---------------------------------------------------------------------------------------


SCALE = 2.0


@njit
def own_energy(x):
    return x**2


@njit
def own_force(x):
    return -2 * x


@njit
def scaled_force(x):
    return -SCALE * x


def own(force):
    """A potential of compiled functions, which stand alone or not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ls.Potential.from_functions(own_energy, force)


@pytest.mark.parametrize("force", [own_force, scaled_force])
def test_potentials_of_ones_own_functions_can_be_copied_after_use(force):
    potential = own(force)
    assert potential.force([3.0]).tolist() == [-6.0]
    assert copy.deepcopy(potential).force([3.0]).tolist() == [-6.0]


def equations():
    well = Potential.from_sympy("a*x**4/4 - x**2/2", parameters={"a": 1.0})
    return {
        "named": ls.Overdamped(potential=well, friction=1.0, noise_covariance=0.2, step_time=0.1),
        "ito": ls.Overdamped(
            potential=well,
            friction=1.0,
            noise_covariance=Ito.from_sympy("1 + x**2"),
            step_time=0.01,
        ),
        "quadratic": ls.Underdamped(
            potential=potentials.quadratic([1.0]),
            mass=1.0,
            friction=1.0,
            noise_covariance=0.2,
            step_time=0.1,
        ),
    }


@pytest.mark.parametrize("name", ["named", "ito", "quadratic"])
@pytest.mark.parametrize(
    "travel", [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy, copy.copy]
)
def test_equations_can_be_sent_and_copied_after_use(name, travel):
    equation, points = equations()[name], np.array([[0.3], [-2.0]])
    before = equation.potential.force(points)
    method = ls.sde.EulerMaruyama() if name != "quadratic" else ls.sde.BAOAB()
    runs = []
    for given in (equation, travel(equation)):
        runs.append(
            ls.sde.simulate(given, method, replicas=3, steps=4, seed=1)["final_position"].values
        )
        assert np.array_equal(given.potential.force(points), before)
    assert np.array_equal(*runs)
