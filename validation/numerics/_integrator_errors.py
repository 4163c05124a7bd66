"""Errors of every integrator by step: equations, exact moments, and tasks.

Three measurements are free of sampling noise, one is not:

- linear equations: moments at a fixed time, iterated exactly. With additive noise the map of a step
  is the integrator's own; noise proportional to the coordinate leaves the step linear in the state,
  z' = A(xi) z, and E[A x A], found by Gauss-Hermite quadrature over the normals xi, carries the
  second moments from step to step;
- double well: one step h against two steps h/2 from the same point, moments of both by quadrature.
  They differ by C h^(p+1) where the weak order is p (Milstein 1978; Talay and Tubaro, Stoch. Anal.
  Appl. 8 (1990) 483);
- double well, strong: paths at steps h, h/2, ... on one Wiener process, an ensemble.
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
of Euler-Maruyama would vanish."""
TIME = 1.5
LINEAR_SIZES = TIME / 2.0 ** np.arange(5, 9)
LOCAL_SIZES = 1 / 2.0 ** np.arange(5, 9)
LEVELS, GROUPS = 6, 64
MOMENTUM = 0.5
START = (0.8, 0.7)
"""Position and velocity."""
NODES = {1: 12, 2: 12, 4: 7, 3: 7, 6: 5}
"""Draws -> nodes of the quadrature along each."""

ADDITIVE, SHAPED, FLAT, ITO, STRATONOVICH, OF_SGD = (
    "underdamped",
    "underdamped, noise b(x)",
    "overdamped",
    "overdamped, Ito",
    "overdamped, Stratonovich",
    "SGD, momentum 1/2",
)


@dataclass(frozen=True)
class Scheme:
    """An integrator and the equation it is tried on."""

    integrator: ls.sde.Integrator
    equation: str

    @property
    def name(self) -> str:
        """Name of the integrator."""
        return type(self.integrator).__name__

    def label(self, what: str) -> str:
        """Name of one of its results, or of a number."""
        return f"{self.name}, {self.equation}: {what}"

    @property
    def orders(self) -> tuple[float, float]:
        """Strong and weak order that the integrator declares."""
        if is_additive(self.equation):
            return self.integrator.strong_order, self.integrator.weak_order
        return self.integrator.multiplicative_orders

    @property
    def weak_order_in_linear(self) -> float:
        """Weak order in a linear equation: that of its Runge-Kutta step for the shifted ODE."""
        return self.orders[1] + (1 if isinstance(self.integrator, ls.sde.ShiftedODE) else 0)


SCHEMES = [
    Scheme(integrator, equation)
    for integrator, equations in {
        ls.sde.EulerMaruyama(): (ADDITIVE, FLAT, ITO),
        ls.sde.Milstein(): (FLAT, ITO, STRATONOVICH),
        ls.sde.Heun(): (ADDITIVE, FLAT, STRATONOVICH),
        ls.sde.BAOAB(): (ADDITIVE, SHAPED),
        ls.sde.OBABO(): (ADDITIVE, SHAPED),
        ls.sde.ShiftedODE(): (ADDITIVE,),
    }.items()
    for equation in equations
]


@dataclass(frozen=True, kw_only=True)
class PathsOnOneNoise:
    """An ensemble of paths at several steps."""

    scheme: Scheme
    coarsest: int
    replicas: int
    seed: int


def is_underdamped(equation: str) -> bool:
    """Whether there is a velocity."""
    return equation in (ADDITIVE, SHAPED)


def is_additive(equation: str) -> bool:
    """Whether the noise is constant."""
    return equation in (ADDITIVE, FLAT, OF_SGD)


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
    """Moments at TIME, flat, variance of x first: central for additive noise, else about zero."""
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
    identity = np.eye(len(drift))
    grow = np.kron(drift, identity) + np.kron(identity, drift) + np.kron(force, force)
    return np.asarray(expm(grow * TIME) @ np.kron(z, z))


def additive_moments(
    integrator: ls.sde.Integrator, equation: object, size: float, state: np.ndarray
) -> np.ndarray:
    """Iterate mean and covariance by the integrator's map, as `exact_moments`."""
    step = integrator.linear_step(equation.linear(), size)
    matrix, spread = step.matrix[0], step.noise[0] @ step.noise[0].T
    covariance = np.zeros_like(matrix)
    for _ in range(round(TIME / size)):
        state, covariance = matrix @ state, matrix @ covariance @ matrix.T + spread
    return np.concatenate([covariance.ravel(), state])


def proportional_moments(integrator: ls.sde.Integrator, equation: str, size: float) -> np.ndarray:
    """Iterate second moments where the noise is proportional to the coordinate."""
    draws, state = integrator.draws, start_of(equation)
    points, weights = quadrature(draws)
    quadratic = ls.models.potentials.quadratic([STIFFNESS])
    made = build(equation, quadratic, f"sqrt({STRENGTH})*x", step_time=size)
    columns = []
    for unit in np.eye(len(state)):
        paths = ls.sde.follow(
            made,
            integrator,
            points.reshape(1, draws, 1, -1),
            start=unit[:1],
            velocity=unit[1:] if len(unit) > 1 else None,
        )
        columns.append([part[0, :, 0] for part in paths[: len(unit)]])
    maps = np.array(columns).transpose(2, 1, 0)
    squared = np.einsum("n,nij,nkl->ikjl", weights, maps, maps).reshape(len(state) ** 2, -1)
    return np.asarray(np.linalg.matrix_power(squared, round(TIME / size)) @ np.kron(state, state))


def levels(sizes: np.ndarray, error: np.ndarray, last: np.ndarray) -> xr.Dataset:
    """Dataset of errors by step, and of the second moment of position at the last two steps."""
    variables = {
        "size": (("level",), sizes, "time"),
        "error": (("level",), error, "1"),
        "second_moment": (("last",), last, "1"),
    }
    return ls.dataset.make(variables, kind="moments_by_step")


@ls.sweep.task()
def linear(scheme: Scheme) -> xr.Dataset:
    """Error of the moments at TIME for each step."""
    integrator, equation = scheme.integrator, scheme.equation
    if is_additive(equation):
        made = build(equation, ls.models.potentials.quadratic([STIFFNESS]), "", step_time=TIME)
        by_step = [
            additive_moments(integrator, made, size, start_of(equation)) for size in LINEAR_SIZES
        ]
    else:
        by_step = [proportional_moments(integrator, equation, size) for size in LINEAR_SIZES]
    error = np.linalg.norm(np.array(by_step) - exact_moments(equation), axis=1)
    return levels(LINEAR_SIZES, error, np.array([moments[0] for moments in by_step[-2:]]))


@ls.sweep.task()
def exact_in_one(scheme: Scheme) -> xr.Dataset:
    """Second moment of an integrator that is exact, after one step of length TIME."""
    made = build(scheme.equation, ls.models.potentials.quadratic([STIFFNESS]), "", step_time=TIME)
    moments = additive_moments(scheme.integrator, made, TIME, start_of(scheme.equation))
    variables = {"second_moment": ((), np.array(moments[0]), "1")}
    return ls.dataset.make(variables, kind="moments_of_one_step")


@ls.sweep.task()
def sgd_map(scheme: Scheme) -> xr.Dataset:
    """Moments of position of SGD and of its Langevin equation at TIME, by learning rate."""
    errors, variances = [], []
    for lr in LINEAR_SIZES:
        settings = ls.SGD(lr=float(lr), batch_size=1, momentum=MOMENTUM)
        potential = ls.models.potentials.quadratic([STIFFNESS])
        equation = ls.Underdamped.from_potential(potential, settings, gradient_noise=NOISE / lr)
        start = np.array([START[0], 0.0])
        actual, exact = (
            additive_moments(integrator, equation, size, start)
            for integrator, size in ((ls.sde.SGDMap(), lr), (ls.sde.ExactOrnsteinUhlenbeck(), TIME))
        )
        errors.append(math.hypot(actual[0] - exact[0], actual[4] - exact[4]))
        variances.append(actual[0])
    return levels(LINEAR_SIZES, np.array(errors), np.array(variances[-2:]))


# --- double well ----------------------------------------------------------------------------------


@ls.sweep.task()
def local(scheme: Scheme) -> xr.Dataset:
    """Distance of the moments after one step and after two of half the length, for each step."""
    errors = []
    for size in LOCAL_SIZES:
        equation = nonlinear(scheme.equation, float(size))
        whole, halves = (stepped_moments(scheme.integrator, equation, steps) for steps in (1, 2))
        errors.append(np.linalg.norm(whole - halves))
    return levels(LOCAL_SIZES, np.array(errors), np.zeros(2))


def stepped_moments(
    integrator: ls.sde.Integrator, equation: ls.Underdamped | ls.Overdamped, steps: int
) -> np.ndarray:
    """First and second moments after a time of one step of SGD, in `steps` steps."""
    draws = integrator.draws
    points, weights = quadrature(draws * steps)
    has_velocity = isinstance(equation, ls.Underdamped)
    x, v = ls.sde.follow(
        equation,
        integrator,
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
def paths(run: PathsOnOneNoise) -> xr.Dataset:
    """Mean square distance of paths at neighbouring steps, (group, level)."""
    scheme, finest = run.scheme, run.coarsest * 2 ** (LEVELS - 1)
    normals = np.random.default_rng(run.seed).normal(
        size=(finest, scheme.integrator.draws, 1, run.replicas)
    )
    ends = ls.sde.refinements(
        nonlinear(scheme.equation, TIME),
        scheme.integrator,
        normals,
        levels=LEVELS,
        start=np.array(START[:1]),
    )[..., 0]
    square = (np.diff(ends, axis=0) ** 2).reshape(LEVELS - 1, GROUPS, -1).mean(axis=2).T
    variables = {
        "square_distance": (("group", "level"), square, "1"),
        "size": (("level",), path_sizes(run.coarsest), "time"),
    }
    return ls.dataset.make(variables, kind="paths_on_one_noise", seed=run.seed)
