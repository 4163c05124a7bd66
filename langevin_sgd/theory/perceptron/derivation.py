r"""The exponents derived symbolically: ||w|| ~ T^delta P^gamma and t* ~ T P^b.

The derivation starts from averages over a sample.

The steps, for any chi > -1 (derived; exponents of Sclocchi, Geiger and Wyart, arXiv 2301.13703):

1. Power counting. With x = r u, r = s/a, the integrands of n, gz and g1 are powers of r times
   functions of u as r -> 0; the integrals of these functions, J and J', depend on kappa/s alone.
2. The noise is in balance, gz + T n/(2 s) = 0, and proportional to T (at fixed kappa/T; at T >>
   kappa for any kappa).
3. da/dtau = g1 at that noise is solved by a power law a = A tau^growth.
4. The stop, P n = c d, gives r, then a = s/r, ||w|| = sqrt(d) a and t* = d tau.
5. Exponents are logarithmic derivatives of the results.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langevin_sgd.checks import as_chi


@dataclass(frozen=True, eq=False)
class Derivation:
    """Exponents as sympy expressions in chi, and the equations they come from.

    Parameters
    ----------
    gamma, b, delta, growth
        As in `late_stage.Exponents`.
    dimension_gamma, dimension_b
        Powers of d in ||w|| and t*: 1/2 - gamma and 1 - b.
    steps
        (name, equation) in the order of the derivation.
    """

    gamma: Any
    b: Any
    delta: Any
    growth: Any
    dimension_gamma: Any
    dimension_b: Any
    steps: tuple[tuple[str, Any], ...]

    def at(self, chi: float) -> dict[str, float]:
        """Numbers of gamma, b, delta and growth at one chi.

        Examples
        --------
        >>> derive_exponents().at(1)
        {'gamma': 0.5, 'b': 2.0, 'delta': 1.0, 'growth': 0.25}
        """
        chi = as_chi("chi", chi)
        names = ("gamma", "b", "delta", "growth")
        return {name: float(getattr(self, name).subs("chi", chi)) for name in names}


def derive_exponents() -> Derivation:
    """Derive the exponents for a symbolic chi > -1.

    Examples
    --------
    >>> derivation = derive_exponents()
    >>> derivation.gamma, derivation.b
    (1/(chi + 1), (chi + 3)/(chi + 1))
    """
    import sympy as sp

    given = _symbols()
    temperature, points, dimension = given["T"], given["P"], given["d"]
    n, gz, g1 = _late_averages(given)
    s = _balanced_noise(n, gz, given)
    growth, signal = _signal_growth(g1, s, given)
    ratio = sp.solve(sp.Eq(points * n, given["c"] * dimension), given["r"])[0]
    stop_signal = sp.powsimp(s / ratio)
    stop_time = sp.solve(sp.Eq(signal, given["a"]), given["tau"])[0].subs(given["a"], stop_signal)
    norm, time = sp.sqrt(dimension) * stop_signal, dimension * stop_time

    def in_chi(expression: Any) -> Any:
        return sp.simplify(expression.subs(given["chi"] + 1, sp.Symbol("chi") + 1))

    def power(quantity: Any, variable: Any) -> Any:
        slope = variable * sp.diff(sp.expand_log(sp.log(quantity), force=True), variable)
        return sp.factor(in_chi(sp.simplify(slope)))

    equations = {
        "fraction of unfit samples": (sp.Symbol("n"), n),
        "pull on the noise": (sp.Symbol("gz"), gz),
        "drive of the signal": (sp.Symbol("g1"), g1),
        "noise in balance": (given["s"], s),
        "growth of the signal": (given["a"], signal),
        "ratio at the stop": (given["r"], ratio),
        "norm at the stop": (sp.Symbol("norm"), norm),
        "time of the stop": (sp.Symbol("t"), time),
    }
    return Derivation(
        gamma=power(norm, points),
        b=power(time, points),
        delta=power(norm, temperature),
        growth=sp.factor(in_chi(growth)),
        dimension_gamma=power(norm, dimension),
        dimension_b=power(time, dimension),
        steps=tuple(
            (name, sp.Eq(left, in_chi(right))) for name, (left, right) in equations.items()
        ),
    )


def _symbols() -> dict[str, Any]:
    import sympy as sp

    names = "T P d c C a s r u k tau J_chi J_chi_plus_1 Jprime_chi"
    positive = {name: sp.Symbol(name, positive=True) for name in names.split()}
    # sympy knows signs only: that chi > -1 is put in through a positive 1 + chi
    return {**positive, "chi": sp.Symbol("one_plus_chi", positive=True) - 1}


def _late_averages(given: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Return n, gz and g1 for small r, to leading order.

    Each is the leading power of r in its integrand times the symbol of the integral.
    """
    import sympy as sp

    chi, r, u, k = (given[name] for name in ("chi", "r", "u", "k"))
    x = sp.Symbol("x", positive=True)
    normal = sp.exp(-((k - x / r) ** 2) / 2) / sp.sqrt(2 * sp.pi)
    unfit = sp.erfc(-(k - x / r) / sp.sqrt(2)) / 2
    density = given["C"] * x**chi * sp.exp(-(x**2) / 2)
    shapes = {
        given["J_chi"]: (density * unfit, u**chi * unfit),
        given["Jprime_chi"]: (density * normal, u**chi * normal),
        given["J_chi_plus_1"]: (density * x * unfit, u ** (chi + 1) * unfit),
    }
    n, pull, drive = (
        integral * _leading_factor(whole.subs(x, r * u) * r, shape.subs(x, r * u), r)
        for integral, (whole, shape) in shapes.items()
    )
    return n, -pull, drive


def _leading_factor(integrand: Any, shape: Any, r: Any) -> Any:
    """Return what multiplies `shape` in `integrand`: an amplitude times a power of r.

    It is the leading order in r.
    """
    import sympy as sp

    factor = sp.powsimp(
        sp.expand_power_base(sp.simplify(integrand / shape), force=True), force=True
    )
    exponent = sp.limit(sp.simplify(r * sp.diff(sp.log(factor), r)), r, 0)
    return sp.limit(sp.powsimp(factor / r**exponent), r, 0) * r**exponent


def _balanced_noise(n: Any, gz: Any, given: dict[str, Any]) -> Any:
    import sympy as sp

    return sp.solve(sp.simplify(gz + given["T"] * n / (2 * given["s"])), given["s"])[0]


def _signal_growth(g1: Any, s: Any, given: dict[str, Any]) -> tuple[Any, Any]:
    """Return exponent and law of the growth a = A tau^growth in da/dtau = g1(s/a).

    Powers and amplitudes of both sides are compared.
    """
    import sympy as sp

    tau, amplitude, growth = (
        given["tau"],
        sp.Symbol("A", positive=True),
        sp.Symbol("growth", positive=True),
    )
    trial = amplitude * tau**growth
    balance = sp.expand_power_base(sp.diff(trial, tau) / g1.subs(given["r"], s / trial), force=True)
    power = sp.simplify(tau * sp.diff(sp.expand_log(sp.log(balance), force=True), tau))
    exponent = sp.solve(power, growth)[0]
    rest = sp.powsimp(sp.simplify(balance.subs(growth, exponent)), force=True)
    height = sp.solve(sp.Eq(rest, 1), amplitude)[0]
    return exponent, height * tau**exponent
