r"""Weak and strong order of every integrator, as it declares them, and the limit it converges to.

An order is the slope of the logarithm of an error, found as in `_integrator_errors`. Curves without
sampling noise carry no standard error and are judged by bound. With an error C h^p (1 + a h + b
h^2), s(h) = log2 e(h) / e(h/2) is p + (a h / 2 + 3 (b - a^2/2) h^2 / 4) / ln 2, so that

    2 s(h/2) - s(h) = p - 0.54 (b - a^2/2) h^2

is free of the next order, and what is left is below (r h)^2 where a and the root of b are rates of
the equation and r is the fastest of them (derived). Three halvings from the second step on are
used: finer steps lose order 4 in rounding. Paths have sampling noise: their order is the slope over
four distances between neighbours, its error by jackknife over groups of replicas. In linear
equations the shifted ODE method has the weak order of its Runge-Kutta step, 4, one above what holds
in general: the part of the noise that its polynomials leave out, O(h^(7/2)) in a step, is
independent of what they keep and first appears in a variance at O(h^6) (derived).
"""

import math
from collections.abc import Callable

import numpy as np
import xarray as xr
from langevin_sgd.validation.numerics._integrator_errors import (
    ADDITIVE,
    FLAT,
    FRICTION,
    GROUPS,
    ITO,
    LINEAR_SIZES,
    LOCAL_SIZES,
    MOMENTUM,
    NOISE,
    OF_SGD,
    SCHEMES,
    STIFFNESS,
    STRATONOVICH,
    TIME,
    PathsOnOneNoise,
    Scheme,
    exact_in_one,
    exact_moments,
    is_additive,
    linear,
    local,
    path_sizes,
    paths,
    sgd_map,
)

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series, log_log, theory_and_runs

COARSEST = {"quick": 128, "full": 256}
"""Steps of the coarsest path."""
REPLICAS = {"quick": 2048, "full": 4096}
"""Paths; twice as many where the strong order is one half, which a margin is a larger part of."""
RATE = 4.0
"""U''/mass at the bottom of the wells, the fastest rate of these equations."""
RATE_OF_NOISE = 4.0
"""b'^2 + |b b''|, at most, of the noise 1 + sin(2x)/2 in the double well: added to `RATE` there."""
USED = slice(1, 4)
"""Steps that the order of a curve without noise is found from."""
WEAK, LIMIT, LOCAL, STRONG = "weak, linear", "limit", "weak, double well", "strong, double well"
MAP = Scheme(ls.sde.SGDMap(), OF_SGD)
EXACT = [Scheme(ls.sde.ExactOrnsteinUhlenbeck(), equation) for equation in (ADDITIVE, FLAT)]


def extrapolated_order(errors: np.ndarray) -> ls.Estimate:
    """Order from the errors at three halvings of the step, free of the next order."""
    coarse, fine = -np.diff(np.log2(errors[USED]))
    return ls.Estimate(
        value=float(2 * fine - coarse),
        standard_error=0.0,
        method="slope between halvings of the step, extrapolated to step zero",
    )


def fastest(equation: str) -> float:
    """Fastest rate of an equation in the double well."""
    return RATE if is_additive(equation) else RATE + RATE_OF_NOISE


def strong_slope(square_distance: np.ndarray) -> np.ndarray:
    """Order from mean square distances (..., level)."""
    level = np.arange(square_distance.shape[-1]) - (square_distance.shape[-1] - 1) / 2
    return -0.5 * np.log2(square_distance) @ level / (level @ level)


def order(
    name: str,
    value: float,
    margin: tuple[float, str],
    measure: Callable[[ls.claims.Data], ls.Estimate],
    *,
    gap: float = 1.0,
) -> ls.claims.Comparison:
    """Compare an order with its neighbours."""
    return ls.claims.Comparison(
        name=name,
        prediction=value,
        margin=margin[0],
        basis="theory",
        reason=margin[1],
        rivals={f"order {other:g}": other for other in (value - gap, value + gap)},
        wrong=value - gap,
        wrong_margin=margin[0],
        near_misses={"half an order lower": value - 0.5},
        measure=measure,
    )


def left_over(rate: float, sizes: np.ndarray) -> tuple[float, str]:
    """Margin of an extrapolated order."""
    return (rate * float(sizes[USED][0])) ** 2, "the order after the next, (rate * step)^2"


def weak_linear(scheme: Scheme) -> ls.claims.Comparison:
    """Compare the weak order in a linear equation."""
    name = scheme.label(WEAK)

    def measure(data: ls.claims.Data) -> ls.Estimate:
        return extrapolated_order(data[name]["error"].values)

    return order(name, scheme.weak_order_in_linear, left_over(RATE, LINEAR_SIZES), measure)


def weak_local(scheme: Scheme) -> ls.claims.Comparison:
    """Compare the weak order in the double well; the error of one step is of one order more."""
    name, rate = scheme.label(LOCAL), fastest(scheme.equation)

    def measure(data: ls.claims.Data) -> ls.Estimate:
        return extrapolated_order(data[name]["error"].values / data[name]["size"].values)

    return order(name, scheme.orders[1], left_over(rate, LOCAL_SIZES), measure)


def strong(scheme: Scheme, tier: str) -> ls.claims.Comparison:
    """Compare the strong order in the double well."""
    name = scheme.label(STRONG)

    def measure(data: ls.claims.Data) -> ls.Estimate:
        squares = data[name]["square_distance"].values
        value, error = ls.measure.jackknife(strong_slope, squares)
        return ls.Estimate(
            value=float(value),
            standard_error=float(error),
            n_independent=GROUPS,
            method="slope, jackknife over groups of replicas",
        )

    size = float(np.mean(path_sizes(COARSEST[tier])))
    margin = (
        fastest(scheme.equation) * size,
        "bend by the next order, the fastest rate times the mean step",
    )
    return order(name, scheme.orders[0], margin, measure, gap=0.5)


def limit(
    scheme: Scheme,
    rivals: dict[str, float],
    measure: Callable[[ls.claims.Data], float],
    *,
    exact: bool = False,
) -> ls.claims.Comparison:
    """Compare a limit with the exact value, in units of it."""

    def measured(data: ls.claims.Data) -> ls.Estimate:
        return ls.Estimate(
            value=measure(data),
            standard_error=0.0,
            method="exact recursion, extrapolated in the step",
        )

    left = "what extrapolation leaves, the square of rate times step"
    return ls.claims.Comparison(
        name=scheme.label(LIMIT),
        prediction=1.0,
        margin=1e-12 if exact else (RATE * float(LINEAR_SIZES[-2])) ** 2,
        basis="exact" if exact else "theory",
        reason="rounding" if exact else left,
        rivals=rivals,
        near_misses={"a hundredth off": 1.01},
        measure=measured,
    )


def limit_of(scheme: Scheme) -> ls.claims.Comparison:
    """Compare the limit in a linear equation, by the last two steps."""

    def measure(data: ls.claims.Data) -> float:
        moment = extrapolated(data[scheme.label(WEAK)], scheme.orders[1])
        return float(moment / exact_moments(scheme.equation)[0])

    return limit(scheme, rival_limits(scheme.equation), measure)


def limit_of_exact(scheme: Scheme) -> ls.claims.Comparison:
    """Compare the result of an integrator that is exact in one step."""

    def measure(data: ls.claims.Data) -> float:
        moment = float(data[scheme.label(LIMIT)]["second_moment"])
        return float(moment / exact_moments(scheme.equation)[0])

    return limit(scheme, rival_limits(scheme.equation), measure, exact=True)


def limit_of_map() -> ls.claims.Comparison:
    """Compare the limit of SGD at small learning rates with the overdamped equation."""
    exact = map_limit(1 - MOMENTUM)

    def measure(data: ls.claims.Data) -> float:
        return float(extrapolated(data[MAP.label(WEAK)], 1) / exact)

    return limit(MAP, {"friction 10 % off": map_limit(0.9 * (1 - MOMENTUM)) / exact}, measure)


def extrapolated(run: xr.Dataset, weak_order: float) -> float:
    """Second moment at step zero from the last two steps."""
    weight = 2**weak_order
    coarse, fine = run["second_moment"].values
    return float((weight * fine - coarse) / (weight - 1))


def rival_limits(equation: str) -> dict[str, float]:
    """Second moment of position, over the exact one, with 10 % less friction or other calculus."""
    exact = exact_moments(equation)[0]
    limits = {"friction 10 % off": exact_moments(equation, friction=0.9 * FRICTION)[0] / exact}
    if equation in (ITO, STRATONOVICH):
        other = STRATONOVICH if equation == ITO else ITO
        limits["the other calculus"] = exact_moments(equation, calculus=other)[0] / exact
    return {name: float(value) for name, value in limits.items()}


def map_limit(friction: float) -> float:
    """Variance of the overdamped limit of SGD at TIME."""
    return NOISE / (2 * STIFFNESS * friction) * -math.expm1(-2 * STIFFNESS * TIME / friction)


class IntegratorOrders(ls.claims.Claim):
    title = "Orders of the integrators"
    statement = (
        "Every integrator converges with the weak and the strong order that it declares, "
        "to the moments of the equation it was given and in the calculus it names."
    )
    formula = "|E f(z_h) - E f(z)| ~ h^weak,  (E|z_h - z_(h/2)|^2)^(1/2) ~ h^strong"
    source = (
        "Kloeden and Platen (1992), chapters 10, 14 and 15; Leimkuhler and Matthews, Appl. "
        "Math. Res. Express 2013, 34; Foster, Lyons and Oberhauser, arXiv 2101.03446"
    )
    validity = (
        "Smooth potential and noise; steps well below the fastest time scale. "
        "Order 4 of ShiftedODE: linear only."
    )
    control_statement = "All orders one lower, those of paths half an order."

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        tasks = {MAP.label(WEAK): sgd_map.at(MAP)}
        tasks |= {scheme.label(LIMIT): exact_in_one.at(scheme) for scheme in EXACT}
        for scheme in SCHEMES:
            run = PathsOnOneNoise(
                scheme=scheme,
                coarsest=COARSEST[tier],
                replicas=REPLICAS[tier] * (2 if scheme.orders[0] < 1 else 1),
                seed=ls.derive_seed(seed, self.id, scheme.name, scheme.equation),
            )
            tasks[scheme.label(WEAK)] = linear.at(scheme)
            tasks[scheme.label(LOCAL)] = local.at(scheme)
            tasks[scheme.label(STRONG)] = paths.at(run)
        return tasks

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        orders = [weak_linear(MAP)]
        for scheme in SCHEMES:
            orders += [weak_linear(scheme), weak_local(scheme), strong(scheme, tier)]
        limits = [limit_of_map(), *map(limit_of, SCHEMES), *map(limit_of_exact, EXACT)]
        return orders + limits

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        halves = "distance of the moments / step"
        paths_title = "Paths on one Wiener process, double well"
        return [
            panel(data, WEAK, "Error of moments, linear equation", "error of the moments"),
            panel(data, LOCAL, "One step against two halves, double well", halves),
            panel(data, STRONG, paths_title, "root mean square distance"),
        ]


def panel(data: ls.claims.Data, what: str, title: str, y_label: str) -> Panel:
    """Errors against the step, for additive noise and one of the rest."""
    chosen = [scheme for scheme in SCHEMES if scheme.equation == ADDITIVE]
    in_ito = Scheme(ls.sde.EulerMaruyama(), ITO)
    families = []
    for scheme in (*chosen, in_ito):
        run = data[scheme.label(what)]
        size = run["size"].values
        if what == STRONG:
            error, power = np.sqrt(run["square_distance"].values.mean(axis=0)), scheme.orders[0]
        elif what == LOCAL:
            error, power = run["error"].values / size, scheme.orders[1]
        else:
            error, power = run["error"].values, scheme.weak_order_in_linear
        label = scheme.name + (", Ito noise b(x)" if scheme == in_ito else "")
        line = error[-1] * (size / size[-1]) ** power
        families.append((Series(label, size, error), Series.theory("expected order", size, line)))
    return log_log(title, "step", y_label, theory_and_runs(families))
