r"""Weak and strong order of every integrator, as it declares them, and the limit it converges to.

Three measurements are free of sampling noise, one is not:

- linear equations: moments at a fixed time, iterated exactly. With additive noise the map of a step
  is the integrator's own; noise proportional to the coordinate leaves the step linear in the state,
  z' = A(xi) z, and E[A x A], found by Gauss-Hermite quadrature over the normals xi, carries the
  second moments from step to step;
- double well: one step h against two steps h/2 from the same point, moments of both by quadrature.
  They differ by C h^(p+1) where the weak order is p (Milstein 1978; Talay and Tubaro, Stoch. Anal.
  Appl. 8 (1990) 483);
- double well, strong: paths at steps h, h/2, ... on one Wiener process, an ensemble.

An order is the slope of the logarithm over five halvings (four of distances between neighbours for
paths), its error that of the regression (the jackknife over groups of replicas for paths). In
linear equations the shifted ODE method has the weak order of its Runge-Kutta step, 4, one above
what holds in general: the part of the noise that its polynomials leave out, O(h^(7/2)) in a step,
is independent of what they keep and first appears in a variance at O(h^6) (derived).
"""

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.linalg import expm, solve_continuous_lyapunov

import langevin_sgd as ls

MASS, FRICTION, STIFFNESS, NOISE, STRENGTH = 0.5, 1.0, 1.0, 0.6, 0.36
"""Mass, friction, stiffness of the quadratic potential, spectral density of additive noise, and
that of the random force at x = 1 where it is proportional to x; at STRENGTH 0.586 the leading error
of Euler-Maruyama
would vanish."""
TIME = 1.5
LINEAR_SIZES = TIME / 2.0 ** np.arange(5, 11)
LOCAL_SIZES = 1 / 2.0 ** np.arange(5, 11)
LEVELS, GROUPS = 6, 64
COARSEST = {"quick": 32, "full": 128}
"""Steps of the coarsest path."""
MOMENTUM = 0.5
START = (0.8, 0.7)
"""Position and velocity."""
RATE = 4.0
"""U''/mass at the bottom of the wells, the fastest rate of these equations: an error C h^p (1 +
RATE h) is the model of what the next order does."""
REPLICAS = {"quick": 2048, "full": 4096}
NODES = {1: 12, 2: 12, 4: 7, 3: 7, 6: 5}
"""Draws -> nodes of the quadrature along each."""

ADDITIVE, SHAPED, FLAT, ITO, STRATONOVICH = (
    "underdamped",
    "underdamped, noise b(x)",
    "overdamped",
    "overdamped, Ito",
    "overdamped, Stratonovich",
)
SCHEMES = {
    "EulerMaruyama": (ADDITIVE, FLAT, ITO),
    "Milstein": (FLAT, ITO, STRATONOVICH),
    "Heun": (ADDITIVE, FLAT, STRATONOVICH),
    "BAOAB": (ADDITIVE, SHAPED),
    "OBABO": (ADDITIVE, SHAPED),
    "ShiftedODE": (ADDITIVE,),
}
PAIRS = [(name, equation) for name, equations in SCHEMES.items() for equation in equations]


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """An integrator and the equation it is tried on."""

    integrator: str
    equation: str


@dataclass(frozen=True, kw_only=True)
class Paths:
    """An ensemble of paths at several steps."""

    integrator: str
    equation: str
    coarsest: int
    replicas: int
    seed: int


def is_underdamped(equation: str) -> bool:
    """Whether there is a velocity."""
    return equation.startswith("underdamped")


def is_additive(equation: str) -> bool:
    """Whether the noise is constant."""
    return equation in (ADDITIVE, FLAT)


def build(
    equation: str,
    potential: object,
    amplitude: str,
    *,
    step_time: float,
    friction: float = FRICTION,
) -> ls.Underdamped | ls.Overdamped:
    """Return an equation; `amplitude` is that of noise which depends on the state."""
    calculus = ls.dynamics.Stratonovich if equation == STRATONOVICH else ls.dynamics.Ito
    noise = NOISE if is_additive(equation) else calculus.from_sympy(amplitude)
    common = {
        "potential": potential,
        "friction": friction,
        "noise_covariance": noise,
        "step_time": step_time,
    }
    return (
        ls.Underdamped(mass=MASS, **common) if is_underdamped(equation) else ls.Overdamped(**common)
    )


def nonlinear(equation: str, step_time: float) -> ls.Underdamped | ls.Overdamped:
    """Return the equation in the double well."""
    return build(
        equation, ls.models.potentials.double_well(), "1 + sin(2*x)/2", step_time=step_time
    )


def quadrature(draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (draw, node) and weights (node,) for the mean over so many standard normals."""
    points, weights = np.polynomial.hermite_e.hermegauss(NODES[draws])
    grids = np.meshgrid(*[points] * draws, indexing="ij")
    masses = np.meshgrid(*[weights / weights.sum()] * draws, indexing="ij")
    return np.stack([grid.ravel() for grid in grids]), np.prod(
        [mass.ravel() for mass in masses], axis=0
    )


# --- linear equations -----------------------------------------------------------------------------


def start_of(equation: str) -> np.ndarray:
    """State at the beginning, (component,)."""
    return np.array(START if is_underdamped(equation) else START[:1])


def rates(equation: str, friction: float) -> np.ndarray:
    """Drift matrix of the linear equation, typed here."""
    if is_underdamped(equation):
        return np.array([[0.0, 1.0], [-STIFFNESS / MASS, -friction / MASS]])
    return np.array([[-STIFFNESS / friction]])


def exact_moments(equation: str, *, friction: float = FRICTION, calculus: str = "") -> np.ndarray:
    """Mean and covariance at TIME with additive noise, else second moments about zero; flat,
    variance of x first.
    """
    drift, z = rates(equation, friction), start_of(equation)
    force = np.zeros_like(drift)
    force[-1, 0] = 1 / (MASS if is_underdamped(equation) else friction)
    if is_additive(equation):
        unit = np.zeros_like(drift)
        unit[-1, -1] = NOISE * force[-1, 0] ** 2
        propagator, rest = expm(drift * TIME), solve_continuous_lyapunov(drift, -unit)
        return np.concatenate([(rest - propagator @ rest @ propagator.T).ravel(), propagator @ z])
    force *= math.sqrt(STRENGTH)
    if (calculus or equation) == STRATONOVICH:
        drift = drift + force @ force / 2  # of dx = b x o dW: b^2 x/2
    one = np.eye(len(drift))
    grow = np.kron(drift, one) + np.kron(one, drift) + np.kron(force, force)
    return np.asarray(expm(grow * TIME) @ np.kron(z, z))


def additive_moments(
    integrator: object, equation: object, size: float, state: np.ndarray
) -> np.ndarray:
    """Iterate mean and covariance by the integrator's map, as `exact_moments`."""
    step = integrator.linear_step(equation.linear(), size)
    matrix, spread = step.matrix[0], step.noise[0] @ step.noise[0].T
    covariance = np.zeros_like(matrix)
    for _ in range(round(TIME / size)):
        state, covariance = matrix @ state, matrix @ covariance @ matrix.T + spread
    return np.concatenate([covariance.ravel(), state])


def proportional_moments(name: str, equation: str, size: float) -> np.ndarray:
    """Iterate second moments where the noise is proportional to the coordinate."""
    draws, state = getattr(ls.sde, name).draws, start_of(equation)
    points, weights = quadrature(draws)
    quadratic = ls.models.potentials.quadratic([STIFFNESS])
    made = build(equation, quadratic, f"sqrt({STRENGTH})*x", step_time=size)
    columns = []
    for unit in np.eye(len(state)):
        found = ls.sde.follow(
            made,
            getattr(ls.sde, name)(),
            points.reshape(1, draws, 1, -1),
            start=unit[:1],
            velocity=unit[1:] if len(unit) > 1 else None,
        )
        columns.append([part[0, :, 0] for part in found[: len(unit)]])
    maps = np.array(columns).transpose(2, 1, 0)
    squared = np.einsum("n,nij,nkl->ikjl", weights, maps, maps).reshape(len(state) ** 2, -1)
    return np.asarray(np.linalg.matrix_power(squared, round(TIME / size)) @ np.kron(state, state))


def order_of_fit(sizes: np.ndarray, errors: np.ndarray) -> ls.Estimate:
    """Slope of log error against log size with the error of the regression."""
    x, y = np.log(sizes), np.log(errors)
    slope, intercept = np.polyfit(x, y, 1)
    left = y - slope * x - intercept
    error = math.sqrt((left**2).sum() / (len(x) - 2) / ((x - x.mean()) ** 2).sum())
    return ls.Estimate(
        value=float(slope),
        standard_error=error,
        n_independent=len(x) - 1,
        method="regression over halvings of the step",
    )


def levels(sizes: np.ndarray, error: np.ndarray, last: np.ndarray) -> xr.Dataset:
    """Dataset of errors by step, and of the variance (or second moment) of position at the last two
    steps.
    """
    variables = {
        "size": (("level",), sizes, "time"),
        "error": (("level",), error, "1"),
        "second_moment": (("last",), last, "1"),
    }
    return ls.dataset.make(variables, kind="moments_by_step")


@ls.sweep.task()
def linear(scheme: Scheme) -> xr.Dataset:
    """Error of the moments at TIME for each step."""
    name, equation = scheme.integrator, scheme.equation
    if is_additive(equation):
        made = build(equation, ls.models.potentials.quadratic([STIFFNESS]), "", step_time=TIME)
        integrator = getattr(ls.sde, name)()
        found = [
            additive_moments(integrator, made, size, start_of(equation)) for size in LINEAR_SIZES
        ]
    else:
        found = [proportional_moments(name, equation, size) for size in LINEAR_SIZES]
    error = np.linalg.norm(np.array(found) - exact_moments(equation), axis=1)
    return levels(LINEAR_SIZES, error, np.array([moments[0] for moments in found[-2:]]))


@ls.sweep.task()
def exact_in_one(scheme: Scheme) -> xr.Dataset:
    """Second moment of an integrator that is exact, after one step of length TIME."""
    made = build(scheme.equation, ls.models.potentials.quadratic([STIFFNESS]), "", step_time=TIME)
    found = additive_moments(
        getattr(ls.sde, scheme.integrator)(), made, TIME, start_of(scheme.equation)
    )
    variables = {"second_moment": ((), np.array(found[0]), "1")}
    return ls.dataset.make(variables, kind="moments_of_one_step")


@ls.sweep.task()
def sgd_map(scheme: Scheme) -> xr.Dataset:
    """Moments of the position of SGD at TIME against those of its own Langevin equation, by
    learning rate.
    """
    errors, variances = [], []
    for lr in LINEAR_SIZES:
        settings = ls.SGD(lr=float(lr), batch_size=1, momentum=MOMENTUM)
        potential = ls.models.potentials.quadratic([STIFFNESS])
        equation = ls.Underdamped.from_potential(potential, settings, gradient_noise=NOISE / lr)
        start = np.array([START[0], 0.0])
        found, exact = (
            additive_moments(integrator, equation, size, start)
            for integrator, size in ((ls.sde.SGDMap(), lr), (ls.sde.ExactOrnsteinUhlenbeck(), TIME))
        )
        errors.append(math.hypot(found[0] - exact[0], found[4] - exact[4]))
        variances.append(found[0])
    return levels(LINEAR_SIZES, np.array(errors), np.array(variances[-2:]))


# --- double well ----------------------------------------------------------------------------------


@ls.sweep.task()
def local(scheme: Scheme) -> xr.Dataset:
    """Distance of the moments after one step and after two of half the length, for each step."""
    name, equation = scheme.integrator, scheme.equation
    errors = []
    for size in LOCAL_SIZES:
        one, two = (
            stepped_moments(name, nonlinear(equation, float(size)), steps) for steps in (1, 2)
        )
        errors.append(np.linalg.norm(one - two))
    return levels(LOCAL_SIZES, np.array(errors), np.zeros(2))


def stepped_moments(name: str, equation: ls.Underdamped | ls.Overdamped, steps: int) -> np.ndarray:
    """First and second moments after a time of one step of SGD, in `steps` steps."""
    draws = getattr(ls.sde, name).draws
    points, weights = quadrature(draws * steps)
    has_velocity = isinstance(equation, ls.Underdamped)
    x, v = ls.sde.follow(
        equation,
        getattr(ls.sde, name)(),
        points.reshape(steps, draws, 1, -1),
        start=np.array(START[:1]),
        velocity=np.array(START[1:]) if has_velocity else None,
        substeps=steps,
    )
    z = np.array([x[-1, :, 0], v[-1, :, 0]][: 2 if has_velocity else 1])
    return np.concatenate([z @ weights, np.einsum("n,in,jn->ij", weights, z, z).ravel()])


def path_sizes(coarsest: int) -> np.ndarray:
    """Steps of the coarser of each two neighbours, (level,)."""
    return TIME / coarsest / 2.0 ** np.arange(LEVELS - 1)


@ls.sweep.task()
def paths(run: Paths) -> xr.Dataset:
    """Mean square distance of paths at neighbouring steps, (group, level)."""
    integrator = getattr(ls.sde, run.integrator)()
    finest = run.coarsest * 2 ** (LEVELS - 1)
    normals = np.random.default_rng(run.seed).normal(
        size=(finest, integrator.draws, 1, run.replicas)
    )
    equation = nonlinear(run.equation, TIME)
    found = ls.sde.refinements(
        equation, integrator, normals, levels=LEVELS, start=np.array(START[:1])
    )[..., 0]
    square = (np.diff(found, axis=0) ** 2).reshape(LEVELS - 1, GROUPS, -1).mean(axis=2).T
    variables = {
        "square_distance": (("group", "level"), square, "1"),
        "size": (("level",), path_sizes(run.coarsest), "time"),
    }
    return ls.dataset.make(variables, kind="paths_on_one_noise", seed=run.seed)


def strong_slope(square_distance: np.ndarray) -> np.ndarray:
    """Order from mean square distances (..., level)."""
    level = np.arange(square_distance.shape[-1]) - (square_distance.shape[-1] - 1) / 2
    return -0.5 * np.log2(square_distance) @ level / (level @ level)


# --- the claim ------------------------------------------------------------------------------------


def declared(name: str, equation: str) -> tuple[float, float]:
    """Strong and weak order that an integrator declares."""
    integrator = getattr(ls.sde, name)
    if is_additive(equation):
        return integrator.strong_order, integrator.weak_order
    return integrator.multiplicative_orders


def titled(name: str, equation: str, what: str) -> str:
    """Name of a component or task."""
    return f"{name}, {equation}: {what}"


WEAK, LIMIT, LOCAL, STRONG = "weak, linear", "limit", "weak, double well", "strong, double well"
MAP = ("SGDMap", "SGD, momentum 1/2")
EXACT = [("ExactOrnsteinUhlenbeck", equation) for equation in (ADDITIVE, FLAT)]


def order(name: str, value: float, sizes: np.ndarray, *, gap: float = 1.0) -> ls.claims.Component:
    """Component of an order against its neighbours."""
    return ls.claims.Component(
        name=name,
        prediction=value,
        margin=RATE * float(np.mean(sizes)),
        margin_reason="bend by the next order, the fastest rate times the mean step",
        alternatives={f"order {other:g}": other for other in (value - gap, value + gap)},
    )


def limit(name: str, rivals: dict[str, float], *, exact: bool = False) -> ls.claims.Component:
    """Component of a limit, in units of the exact value."""
    return ls.claims.Component(
        name=name,
        prediction=1.0,
        margin=1e-12 if exact else (RATE * float(LINEAR_SIZES[-2])) ** 2,
        margin_reason="rounding"
        if exact
        else "what extrapolation leaves, the square of rate times step",
        alternatives=rivals,
    )


def rival_limits(equation: str) -> dict[str, float]:
    """Second moment of position with a friction 10 % lower, and in the other calculus, over the
    exact one.
    """
    exact = exact_moments(equation)[0]
    found = {"friction 10 % off": exact_moments(equation, friction=0.9 * FRICTION)[0] / exact}
    if equation in (ITO, STRATONOVICH):
        other = STRATONOVICH if equation == ITO else ITO
        found["the other calculus"] = exact_moments(equation, calculus=other)[0] / exact
    return {name: float(value) for name, value in found.items()}


def map_limit(friction: float) -> float:
    """Variance of the overdamped limit of SGD at TIME."""
    return NOISE / (2 * STIFFNESS * friction) * -math.expm1(-2 * STIFFNESS * TIME / friction)


class IntegratorOrders(ls.claims.Claim):
    title = "Orders of the integrators"
    statement = (
        "Every integrator converges with the weak and the strong order that it declares, to the "
        "moments of the "
        "equation it was given and in the calculus it names."
    )
    formula = "|E f(z_h) - E f(z)| ~ h^weak,  (E|z_h - z_(h/2)|^2)^(1/2) ~ h^strong"
    source = (
        "Kloeden and Platen (1992), chapters 10, 14 and 15; Leimkuhler and Matthews, Appl. Math. "
        "Res. Express 2013, "
        "34; Foster, Lyons and Oberhauser, arXiv 2101.03446"
    )
    validity = (
        "Smooth potential and noise; steps well below the fastest time scale. Order 4 of "
        "ShiftedODE: linear only."
    )
    control_statement = "All orders one lower."

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        tasks = {titled(*MAP, WEAK): sgd_map.at(Scheme(integrator=MAP[0], equation=MAP[1]))}
        for name, equation in EXACT:
            tasks[titled(name, equation, LIMIT)] = exact_in_one.at(
                Scheme(integrator=name, equation=equation)
            )
        for name, equation in PAIRS:
            scheme = Scheme(integrator=name, equation=equation)
            tasks[titled(name, equation, WEAK)] = linear.at(scheme)
            tasks[titled(name, equation, LOCAL)] = local.at(scheme)
            derived = ls.derive_seed(seed, self.id, name, equation)
            ensemble = {"coarsest": COARSEST[tier], "replicas": REPLICAS[tier], "seed": derived}
            run = Paths(integrator=name, equation=equation, **ensemble)
            tasks[titled(name, equation, STRONG)] = paths.at(run)
        return tasks

    def _orders(self, tier: str) -> list[ls.claims.Component]:
        found = [order(titled(*MAP, WEAK), ls.sde.SGDMap.weak_order, LINEAR_SIZES)]
        for name, equation in PAIRS:
            strong, weak = declared(name, equation)
            in_linear = weak + (1 if name == "ShiftedODE" else 0)
            found.append(order(titled(name, equation, WEAK), in_linear, LINEAR_SIZES))
            found.append(order(titled(name, equation, LOCAL), weak, LOCAL_SIZES))
            found.append(
                order(titled(name, equation, STRONG), strong, path_sizes(COARSEST[tier]), gap=0.5)
            )
        return found

    def predict(self, tier: str) -> list[ls.claims.Component]:
        rival = {"friction 10 % off": map_limit(0.9 * (1 - MOMENTUM)) / map_limit(1 - MOMENTUM)}
        limits = [limit(titled(*MAP, LIMIT), rival)]
        limits += [limit(titled(*pair, LIMIT), rival_limits(pair[1])) for pair in PAIRS]
        limits += [limit(titled(*pair, LIMIT), rival_limits(pair[1]), exact=True) for pair in EXACT]
        return self._orders(tier) + limits

    def control(self, tier: str) -> list[ls.claims.Component]:
        return [
            ls.claims.Component(
                name=right.name,
                prediction=right.prediction - 1,
                margin=right.margin,
                margin_reason=right.margin_reason,
            )
            for right in self._orders(tier)
        ]

    def measure(self, data: dict[str, xr.Dataset], tier: str) -> dict[str, ls.Estimate]:
        found = {}
        for pair in (MAP, *PAIRS):
            run = data[titled(*pair, WEAK)]
            found[titled(*pair, WEAK)] = order_of_fit(run["size"].values, run["error"].values)
            exact = map_limit(1 - MOMENTUM) if pair == MAP else exact_moments(pair[1])[0]
            weight = 2 ** (1 if pair == MAP else declared(*pair)[1])
            coarse, fine = run["second_moment"].values
            found[titled(*pair, LIMIT)] = _exact_number(
                (weight * fine - coarse) / (weight - 1) / exact
            )
        for pair in EXACT:
            value = float(data[titled(*pair, LIMIT)]["second_moment"]) / exact_moments(pair[1])[0]
            found[titled(*pair, LIMIT)] = _exact_number(value)
        for pair in PAIRS:
            run = data[titled(*pair, LOCAL)]
            # The error of one step is of one order more.
            found[titled(*pair, LOCAL)] = order_of_fit(
                run["size"].values, run["error"].values / run["size"].values
            )
            squares = data[titled(*pair, STRONG)]["square_distance"].values
            value, error = ls.measure.jackknife(strong_slope, squares)
            found[titled(*pair, STRONG)] = ls.Estimate(
                value=float(value),
                standard_error=float(error),
                n_independent=GROUPS,
                method="slope, jackknife over groups of replicas",
            )
        return found

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        return [
            self._panel(data, WEAK, "Error of moments, linear equation", "error of the moments"),
            self._panel(
                data,
                LOCAL,
                "One step against two halves, double well",
                "distance of the moments / step",
            ),
            self._panel(
                data,
                STRONG,
                "Paths on one Wiener process, double well",
                "root mean square distance",
            ),
        ]

    @staticmethod
    def _panel(
        data: dict[str, xr.Dataset], what: str, title: str, y_label: str
    ) -> ls.plotting.Panel:
        series = []
        for pair in [(name, ADDITIVE) for name in SCHEMES if ADDITIVE in SCHEMES[name]] + [
            ("EulerMaruyama", ITO)
        ]:
            run = data[titled(*pair, what)]
            size = run["size"].values
            error = (
                np.sqrt(run["square_distance"].values.mean(axis=0))
                if what == STRONG
                else run["error"].values
            )
            error = error / size if what == LOCAL else error
            power = declared(*pair)[0 if what == STRONG else 1] + (
                what == WEAK and pair[0] == "ShiftedODE"
            )
            label = pair[0] + (", Ito noise b(x)" if pair[1] == ITO else "")
            series.append(ls.plotting.Series(label, size, error))
            line = error[-1] * (size / size[-1]) ** power
            series.append(
                ls.plotting.Series(
                    "" if len(series) > 1 else "expected order", size, line, kind="theory"
                )
            )
        return ls.plotting.Panel(
            title=title,
            x_label="step",
            y_label=y_label,
            series=tuple(series),
            x_scale="log",
            y_scale="log",
        )


def _exact_number(value: float) -> ls.Estimate:
    return ls.Estimate(
        value=float(value), standard_error=0.0, method="exact recursion, extrapolated in the step"
    )
