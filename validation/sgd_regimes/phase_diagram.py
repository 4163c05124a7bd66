r"""The plane of alpha and temperature: lazy and feature regime, the largest temperature, the best
one.

Four exponents are measured, two in each regime; the test error over the plane, the best temperature
and the place where the regimes meet are shown.

- T_max, beyond which training fails. Where the noise carries the weights away from w0 before
  1/alpha counts (lazy), it is set by the curvature of f at w0 and does not depend on alpha; in the
  feature regime it goes as alpha^k, k = (D-1)/(D+1), as in `optimal_temperature`, two of whose
  columns are used.
- The relative change of the tangent kernel. In the lazy regime w - w0 is 1/alpha times a function
  of T alpha (the equations are linear), so that at T alpha = const the kernel changes as alpha^-1.
  In the feature regime the kernel, a square of gradients, is homogeneous of degree 2 D in weights
  of size alpha^(-1/(D+1)): at T alpha^-k = const it changes as alpha^(-2D/(D+1)) (both derived).

A kink of relu changes the kernel by jumps, one for each unit that a point of the probe switches on
or off. A few of them outweigh the smooth change while that is small: they add incoherently, as the
root of the change of weights. The lazy exponent is therefore measured on a network with gelu, which
has no kinks.

How exact the theory is. The feature regime leaves out the initial weights, a part e =
alpha^(1/(D+1)) of the final ones: the curvature changes by up to (1 + e)^(D-1), the kernel by (1 +
e)^(2D). The lazy regime leaves out the change of the weights, of order sqrt(h)/alpha (the gradient
of f is of order 1/sqrt(h) where weights are of order one): the curvature changes by up to (1 +
sqrt(h)/alpha)^(D-1), the kernel's change by a factor 1 + sqrt(h)/alpha. Margins are what these
factors make of the exponents between the two alphas.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from langevin_sgd.validation.sgd_regimes import optimal_temperature as optimum
from langevin_sgd.validation.sgd_regimes._networks import (
    Data,
    NetworkRun,
    best_scale,
    failure_scale,
    finished_and_error,
    fitted,
    missing_images,
    train_nets,
)

import langevin_sgd as ls

BATCH = optimum.BATCH
KERNELS = "kernels of networks"
"""Stream of the trainings that show the kernel's change."""
FAILING = "slope of ln T_max in ln alpha"
CHANGING = "slope of the ln of the kernel's change in ln alpha"


@dataclass(frozen=True, kw_only=True)
class Plane:
    """Networks of a tier and where in the plane they are trained; a temperature is 2^scale min(1,
    alpha)^k.

    Parameters
    ----------
    depth, width, activation, images, points, test_points
        The network and its data.
    feature, lazy, between
        Columns alpha: two that decide in each regime, and those that are shown.
    feature_scales, lazy_scales, other_scales
        Scales of the columns that decide and of those that are shown, evenly spaced.
    cold_scales
        More scales of the lazy columns, only shown.
    kernel_feature, kernel_lazy
        Pairs of alpha between which the kernel's change is compared.
    kernel_scale
        Scale of the temperature at which that is done in the feature regime; in the lazy one T =
        1/alpha.
    replicas, shown
        Replicas of what decides and of what is only shown.
    time
        2^scale B times the steps that a run may take.
    """

    depth: int
    width: int
    activation: str
    images: str
    points: int
    test_points: int
    feature: tuple[float, float]
    lazy: tuple[float, float]
    between: tuple[float, ...]
    feature_scales: tuple[float, ...]
    lazy_scales: tuple[float, ...]
    other_scales: tuple[float, ...]
    cold_scales: tuple[float, ...]
    kernel_feature: tuple[float, float]
    kernel_lazy: tuple[float, float]
    kernel_scale: float
    replicas: int
    shown: int
    time: float = optimum.TIME

    @property
    def exponent(self) -> float:
        """k."""
        return optimum.exponent(self.depth)

    def temperature(self, alpha: float, scale: float) -> float:
        """T at a scale."""
        return float(2**scale * min(1.0, alpha) ** self.exponent)

    def columns(self) -> dict[float, tuple[float, ...]]:
        """Scales of every column, by alpha."""
        found = dict.fromkeys(self.feature, self.feature_scales) | dict.fromkeys(
            self.between, self.other_scales
        )
        return dict(
            sorted((found | dict.fromkeys(self.lazy, self.cold_scales + self.lazy_scales)).items())
        )

    def around_failure(self, alpha: float) -> tuple[float, ...]:
        """Evenly spaced scales of a column, among which T_max is looked for."""
        return self.lazy_scales if alpha in self.lazy else self.columns()[alpha]


def _halves(first: float, last: float) -> tuple[float, ...]:
    return tuple(np.arange(first, last + 0.25, 0.5).tolist())


PLANES = {
    "quick": Plane(
        depth=2,
        width=64,
        activation="relu",
        images="digits",
        points=256,
        test_points=1536,
        feature=optimum.ALPHAS,
        lazy=(2.0**6, 2.0**14),
        between=(2.0**-3, 2.0**2),
        feature_scales=tuple(optimum.scales(2).tolist()),
        lazy_scales=_halves(-3.5, -1),
        other_scales=_halves(-6.5, -2),
        cold_scales=_halves(-6.5, -4),
        kernel_feature=(2.0**-24, 2.0**-12),
        kernel_lazy=(2.0**11, 2.0**15),
        kernel_scale=-4.0,
        replicas=optimum.REPLICAS["quick"][2],
        shown=12,
    ),
    "full": Plane(
        depth=2,
        width=64,
        activation="relu",
        images="mnist",
        points=1024,
        test_points=8192,
        feature=optimum.ALPHAS,
        lazy=(2.0**6, 2.0**14),
        between=(2.0**-13, 2.0**-3, 1.0, 2.0**3),
        feature_scales=_halves(-7.5, -1.5),
        lazy_scales=_halves(-6, 0),
        other_scales=_halves(-7.5, -1),
        cold_scales=_halves(-7.5, -6.5),
        kernel_feature=(2.0**-24, 2.0**-12),
        kernel_lazy=(2.0**11, 2.0**15),
        kernel_scale=-4.0,
        replicas=64,
        shown=32,
        time=4 * optimum.TIME,
    ),
    "gpu": Plane(
        depth=5,
        width=128,
        activation="gelu",
        images="mnist",
        points=1024,
        test_points=32768,
        feature=(2.0**-18, 2.0**-10),
        lazy=(2.0**5, 2.0**11),
        between=(2.0**-14, 2.0**-6, 2.0**-3, 1.0, 2.0**2),
        feature_scales=(-9.0, -8.0, -7.0, -6.0, -5.0, -4.0, -3.0),
        lazy_scales=(-9.0, -8.0, -7.0, -6.0, -5.0, -4.0, -3.0),
        other_scales=(-9.0, -8.0, -7.0, -6.0, -5.0, -4.0, -3.0),
        cold_scales=(),
        kernel_feature=(2.0**-18, 2.0**-10),
        kernel_lazy=(2.0**11, 2.0**15),
        kernel_scale=-6.0,
        replicas=32,
        shown=16,
        time=16 * optimum.TIME,
    ),
}
"""gpu: the reference's network and data (there alpha = 2^-14 ... 2^11 and lr = 2^-15 ... 2^15 in
octaves, nine seeds), thinned to nine columns and seven temperatures, an octave apart, around T_max.
Leaving the
neighbourhood of zero takes five layers a time alpha^(-2/3), so that smaller alphas are out of
reach, and e is not small: the margins are wide."""


def label(alpha: float, scale: float) -> str:
    """Name of a point of the plane."""
    return f"alpha 2^{math.log2(alpha):.0f}, scale {scale:g}"


def kernel_label(alpha: float) -> str:
    """Name of a training that shows the kernel's change."""
    return f"kernel, alpha 2^{math.log2(alpha):.0f}"


def factor(plane: Plane, alpha: float) -> float:
    """1 + what the theory leaves out, per power of the weights."""
    return 1 + (alpha ** (1 / (plane.depth + 1)) if alpha < 1 else math.sqrt(plane.width) / alpha)


def margin(plane: Plane, alphas: tuple[float, float], power: int) -> float:
    """Exponent that this factor, to a power, makes between two alphas."""
    low, high = (factor(plane, alpha) for alpha in alphas)
    return power * abs(math.log(low / high)) / math.log(alphas[1] / alphas[0])


class PhaseDiagram(ls.claims.Claim):
    title = "Phase diagram in alpha and temperature"
    statement = (
        "In the lazy regime the largest temperature that trains does not depend on alpha, in the "
        "feature regime it is "
        "proportional to alpha^((D-1)/(D+1)); the tangent kernel changes as alpha^-1 in the one, "
        "as alpha^(-2D/(D+1)) "
        "in the other."
    )
    formula = (
        "T_max ~ 1, |dK|/|K0| ~ alpha^-1 (lazy);  T_max ~ alpha^((D-1)/(D+1)), ~ "
        "alpha^(-2D/(D+1)) (feature)"
    )
    source = (
        "Sclocchi, Geiger and Wyart, arXiv 2301.13703 (regimes and k); exponents of the "
        "kernel derived"
    )
    validity = (
        "Fully connected networks without biases, B = 16; alpha >> sqrt(h) and alpha << 1, the "
        "kernel at a fixed "
        "T alpha or T alpha^-k. Between the regimes nothing is predicted; where they meet is "
        "measured."
    )
    control_statement = (
        "One regime for all: T_max as in the other regime, and the kernel changes "
        "as the root of 1/alpha."
    )
    tiers = ("quick", "full", "gpu")

    def unavailable(self, tier: str) -> str | None:
        return missing_images(PLANES[tier].images)

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        plane = PLANES[tier]
        plain, kernels = (ls.derive_seed(seed, stream) for stream in (optimum.STREAM, KERNELS))

        def run(alpha: float, scale: float, replicas: int, stream: int) -> NetworkRun:
            return NetworkRun(
                depth=plane.depth,
                alpha=alpha,
                temperature=plane.temperature(alpha, scale),
                max_steps=int(plane.time / (BATCH * 2**scale)),
                replicas=replicas,
                seed=stream,
                width=plane.width,
                activation=plane.activation,
                points=plane.points,
                test_points=plane.test_points,
                images=plane.images,
                batch_size=BATCH,
            )

        found = {
            kernel_label(alpha): train_nets.at(
                run(alpha, plane.kernel_scale, plane.replicas, kernels)
            )
            for alpha in plane.kernel_feature
        }
        for alpha in plane.kernel_lazy:
            smooth = run(alpha, -math.log2(alpha), plane.shown * 2, kernels)
            found[kernel_label(alpha)] = train_nets.at(_smooth(smooth))
        for alpha, scales in plane.columns().items():
            for scale in scales:
                decides = alpha not in plane.between and scale in plane.around_failure(alpha)
                replicas = plane.replicas if decides else plane.shown
                found[label(alpha, scale)] = train_nets.at(run(alpha, scale, replicas, plain))
        return found

    def predict(self, tier: str) -> list[ls.claims.Component]:
        plane = PLANES[tier]
        k, kernel, depth = plane.exponent, 2 * plane.depth / (plane.depth + 1), plane.depth
        feature, lazy = (
            "initial weights, left out by the theory",
            "change of the weights, left out by the theory",
        )
        component = ls.claims.Component
        return [
            component(
                name=f"{FAILING}, lazy",
                prediction=0.0,
                margin=margin(plane, plane.lazy, depth - 1),
                margin_reason=lazy,
                alternatives={
                    "as in the feature regime, k": k,
                    "noise against the margin, T ~ 1/alpha": -1.0,
                },
            ),
            component(
                name=f"{FAILING}, feature",
                prediction=k,
                margin=margin(plane, plane.feature, depth - 1),
                margin_reason=feature,
                alternatives={"as in the lazy regime, 0": 0.0, "T ~ alpha, 1": 1.0},
            ),
            component(
                name=f"{CHANGING}, lazy",
                prediction=-1.0,
                margin=margin(plane, plane.kernel_lazy, 1),
                margin_reason=lazy,
                alternatives={
                    "as in the feature regime": -kernel,
                    "root of the change of weights": -0.5,
                },
            ),
            component(
                name=f"{CHANGING}, feature",
                prediction=-kernel,
                margin=margin(plane, plane.kernel_feature, 2 * depth),
                margin_reason=feature,
                alternatives={"as in the lazy regime, -1": -1.0}
                | ({} if tier == "gpu" else {"square of f, -2": -2.0}),
            ),
        ]

    def control(self, tier: str) -> list[ls.claims.Component]:
        plane = PLANES[tier]
        wrong = {
            f"{FAILING}, lazy": plane.exponent,
            f"{FAILING}, feature": 0.0,
            f"{CHANGING}, lazy": -0.5,
            f"{CHANGING}, feature": -0.5,
        }
        return [ls.claims.Component(name=name, prediction=value) for name, value in wrong.items()]

    def measure(self, data: dict[str, xr.Dataset], tier: str) -> dict[str, ls.Estimate]:
        plane, found = PLANES[tier], {}
        for regime, alphas in (("lazy", plane.lazy), ("feature", plane.feature)):
            low, high = (_failing(data, plane, alpha) for alpha in alphas)
            octaves = math.log2(alphas[1] / alphas[0])
            expected = plane.exponent if regime == "feature" else 0.0
            found[f"{FAILING}, {regime}"] = ls.Estimate.from_samples(
                expected + (high - low) / octaves
            )
        for regime, alphas in (("lazy", plane.kernel_lazy), ("feature", plane.kernel_feature)):
            low, high = (data[kernel_label(alpha)] for alpha in alphas)
            both = fitted(low) & fitted(high)
            ratio = np.log(high["kernel_change"].values[both] / low["kernel_change"].values[both])
            found[f"{CHANGING}, {regime}"] = ls.Estimate.from_samples(
                ratio / math.log(alphas[1] / alphas[0]),
                method="mean over replicas that both reached zero loss",
            )
        return found

    def out_of_range(self, data: dict[str, xr.Dataset], tier: str) -> str | None:
        plane = PLANES[tier]
        for alpha in (*plane.feature, *plane.lazy):
            part = _done(data, plane, alpha).mean(axis=1)
            if part[0] < 0.9 or part[-1] > 0.1:
                return f"T_max does not lie among the temperatures at alpha = {alpha:g}"
        for alpha in (*plane.kernel_feature, *plane.kernel_lazy):
            if fitted(data[kernel_label(alpha)]).mean() < 0.75:
                return f"more than a quarter of the trainings are unfinished at alpha = {alpha:g}"
        return None

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        plane = PLANES[tier]
        return [
            panel(data, plane) for panel in (_error_map, _plane_panel, _kernel_panel, _error_panel)
        ]


def _smooth(run: NetworkRun) -> NetworkRun:
    """The same without kinks, in float64."""
    return replace(run, activation="gelu", precision="float64")


# --- measurement ----------------------------------------------------------------------------------


def _done(data: Data, plane: Plane, alpha: float) -> np.ndarray:
    """Whether trainings around T_max reached zero loss, (temperature, replica)."""
    return np.array([fitted(data[label(alpha, scale)]) for scale in plane.around_failure(alpha)])


def _failing(data: Data, plane: Plane, alpha: float) -> np.ndarray:
    """Log2 of T_max min(1, alpha)^-k, (replica,)."""
    return failure_scale(_done(data, plane, alpha), np.array(plane.around_failure(alpha)))


def _best(data: Data, plane: Plane, alpha: float) -> tuple[float, float]:
    """Log2 of T_opt min(1, alpha)^-k, and its error."""
    scales = np.array(plane.columns()[alpha])
    samples = finished_and_error(data, [label(alpha, scale) for scale in scales])
    value, error = ls.measure.jackknife(
        lambda means: best_scale(means, scales, optimum.SHARPNESS), samples
    )
    return float(value), float(error)


def _errors(data: Data, plane: Plane, alpha: float) -> np.ndarray:
    """Mean test error and its error of the trainings that finished, NaN where fewer than half did:
    (2, temperature).
    """
    found = []
    for scale in plane.columns()[alpha]:
        one = data[label(alpha, scale)]
        done = fitted(one)
        mean = (
            ls.Estimate.from_samples(one["test_error"].values[done]) if done.mean() >= 0.5 else None
        )
        found.append((mean.value, mean.standard_error) if mean else (np.nan, np.nan))
    return np.array(found, dtype=float).T


def _changes(data: Data, labels: list[str]) -> np.ndarray:
    """Geometric mean and its error of the kernel's change, over trainings that finished, (2,
    training).
    """
    found = []
    for one in labels:
        mean = ls.measure.geometric_mean(data[one]["kernel_change"].values[fitted(data[one])])
        found.append((mean.value or np.nan, mean.standard_error or np.nan))
    return np.array(found).T


# --- figure ---------------------------------------------------------------------------------------


def _plane_panel(data: Data, plane: Plane) -> ls.plotting.Panel:
    """T_max and T_opt in the plane, with the slopes of theory."""
    series = _boundaries(data, plane)
    for alphas, k in ((plane.feature, plane.exponent), (plane.lazy, 0.0)):
        top = plane.temperature(alphas[0], float(_failing(data, plane, alphas[0]).mean()))
        reach = np.array([alphas[0] / 4, 1.0 if k else alphas[1] * 4])
        name = f"alpha^{k:.2f}, and constant" if k else ""
        series.append(
            ls.plotting.Series(name, reach, top * (reach / alphas[0]) ** k, kind="theory")
        )
    return ls.plotting.Panel(
        title="Largest and best temperature",
        x_label=r"$\alpha$",
        y_label="T = lr/(B h)",
        series=tuple(series),
        x_scale="log",
        y_scale="log",
        note="lines: theory through the leftmost T_max",
    )


def _error_map(data: Data, plane: Plane) -> ls.plotting.Panel:
    """Test error over the plane."""
    columns = plane.columns()
    rows = sorted({scale for scales in columns.values() for scale in scales})
    values = np.full((len(rows), len(columns)), np.nan)
    for column, (alpha, scales) in enumerate(columns.items()):
        values[[rows.index(scale) for scale in scales], column] = _errors(data, plane, alpha)[0]
    return ls.plotting.Panel(
        title=f"Test error, D = {plane.depth}, h = {plane.width}, {plane.images}, P = "
        f"{plane.points}",
        x_label=r"$\alpha$",
        y_label=r"$T / \min(1, \alpha)^k$",
        x_scale="log",
        y_scale="log",
        map=ls.plotting.Map(
            list(columns),
            2.0 ** np.array(rows),
            values,
            "test error",
            missing="training fails, or not tried",
        ),
    )


def _boundaries(data: Data, plane: Plane) -> list[ls.plotting.Series]:
    """T_max along the columns that have it, and T_opt where alpha < 1."""
    columns = [a for a in plane.columns() if _done(data, plane, a)[-1].mean() < 0.5]
    scales = [ls.Estimate.from_samples(_failing(data, plane, a)) for a in columns]
    largest = [
        plane.temperature(a, float(one.value or 0.0))
        for a, one in zip(columns, scales, strict=True)
    ]
    early = [a for a in columns if a < 1]
    best = [plane.temperature(a, _best(data, plane, a)[0]) for a in early]
    spread = np.array(largest) * [math.log(2) * float(one.standard_error or 0.0) for one in scales]
    return [
        ls.plotting.Series("T_max", columns, largest, spread),
        ls.plotting.Series("T_opt", early, best),
    ]


def _kernel_panel(data: Data, plane: Plane) -> ls.plotting.Panel:
    """Change of the kernel against alpha, with the lines of the two regimes."""
    lazy, feature = (np.array(pair) for pair in (plane.kernel_lazy, plane.kernel_feature))
    right, left = (_changes(data, [kernel_label(a) for a in pair]) for pair in (lazy, feature))
    shared = [a for a, scales in plane.columns().items() if plane.kernel_scale in scales and a < 1]
    more = _changes(data, [label(a, plane.kernel_scale) for a in shared])
    power = 2 * plane.depth / (plane.depth + 1)
    heights = right[0, -1] * lazy[-1], left[0, 0] * feature[0] ** power
    meeting = (heights[1] / heights[0]) ** (1 / (power - 1))
    fine = np.array([feature[0], meeting, lazy[-1]])
    both = np.r_[heights[1] * fine[:2] ** -power, heights[0] * fine[2:] ** -1.0]
    name = f"{plane.activation}, $T \\alpha^{{-k}} = 2^{{{plane.kernel_scale:.0f}}}$"
    return ls.plotting.Panel(
        title="Tangent kernel",
        x_label=r"$\alpha$",
        y_label=r"$\|K - K_0\| / \|K_0\|$",
        series=(
            ls.plotting.Series(name, np.r_[feature, shared], *np.concatenate([left, more], axis=1)),
            ls.plotting.Series(r"gelu, $T \alpha = 1$", lazy, *right),
            ls.plotting.Series(f"slopes {-power:.2f} and -1", fine, both, kind="theory"),
            ls.plotting.Series("1", fine[[0, -1]], [1.0, 1.0], kind="guide"),
        ),
        x_scale="log",
        y_scale="log",
        note=f"the lines of the two regimes meet at alpha = {meeting:.2g}",
    )


def _error_panel(data: Data, plane: Plane) -> ls.plotting.Panel:
    """Test error against temperature in every column."""
    series = []
    for alpha, scales in plane.columns().items():
        errors, spread = _errors(data, plane, alpha)
        shown = ~np.isnan(errors)
        name = rf"$\alpha = 2^{{{math.log2(alpha):.0f}}}$"
        series.append(
            ls.plotting.Series(name, 2.0 ** np.array(scales)[shown], errors[shown], spread[shown])
        )
    return ls.plotting.Panel(
        title="Test error of trainings that finished",
        x_label=r"$T / \min(1, \alpha)^k$",
        y_label="test error",
        series=tuple(series),
        x_scale="log",
    )
