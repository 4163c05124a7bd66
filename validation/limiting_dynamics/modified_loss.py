"""SGD samples a modified loss: positions are isotropic, velocities have the Hessian's shape.

Real minibatch SGD on Gaussian inputs whose Hessian spans a factor 50. The stationary density of the
Langevin equation is exp(-kappa Psi), Psi a modified loss from which the curvature of positions has
dropped out; a Boltzmann law of the loss itself would give position variances proportional to 1/h.
With weight decay the variance is deformed by h / (h + wd). On the diabetes data, where the noise is
not exactly proportional to the Hessian, its measured covariance is used, without weight decay and
with it: there SGD rests at the minimiser of the loss and its penalty, (H + wd)^(-1) H theta_bar,
where residuals are larger and the noise has another shape.
"""

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from langevin_sgd.validation.limiting_dynamics._problems import (
    DIABETES,
    GaussianSamples,
    RegressionProblem,
    built,
)
from langevin_sgd.validation.limiting_dynamics._runs import RegressionRun, mean_and_error, moments

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series, log_log


@dataclass(frozen=True, kw_only=True)
class StationaryRun:
    """Minibatch SGD, begun at the minimiser.

    `times` come after the slowest mode that is measured has relaxed: the moments must not differ
    between them, and are averaged over them.
    """

    label: str
    problem: RegressionProblem
    settings: ls.SGD
    times: tuple[int, ...]
    replicas: dict[str, int]

    @property
    def eigenvalues(self) -> np.ndarray:
        """Eigenvalues of the Hessian."""
        return built(self.problem).eigenvalues

    @property
    def noise(self) -> np.ndarray:
        """Noise q of every eigenmode, at the minimiser of the loss and its penalty."""
        problem, decay = built(self.problem), self.settings.weight_decay
        penalised = problem.hessian + decay * np.eye(len(problem.minimiser))
        centre = np.linalg.solve(penalised, problem.hessian @ problem.minimiser)
        covariance, modes = problem.noise_covariance_at(centre), problem.eigenvectors
        return np.asarray(np.einsum("il,ij,jl->l", modes, covariance, modes))

    @property
    def left_out(self) -> float:
        """Bound on what the Langevin equation leaves out of ln(variance).

        Two corrections, each between zero and its value at the stiffest mode: the finite learning
        rate, lr k / (2 (1 + momentum)), and the dependence of the noise on the parameters, of order
        lr tr(H) / (2 batch_size (1 - momentum)).
        """
        settings, values = self.settings, self.eigenvalues
        discrete = settings.lr * (values[0] + settings.weight_decay) / (2 * (1 + settings.momentum))
        feedback = settings.lr * values.sum() / (2 * settings.batch_size * (1 - settings.momentum))
        return float(discrete + feedback)


PLAIN = StationaryRun(
    label="gaussian",
    problem=GaussianSamples(samples=8192, inputs=8, softest=0.02, seed=1),
    settings=ls.SGD(lr=0.05, batch_size=32, momentum=0.9),
    times=(400, 450, 500, 550, 600),
    replicas={"quick": 8192, "full": 131072},
)
DECAYED = replace(
    PLAIN,
    label="gaussian with weight decay",
    settings=replace(PLAIN.settings, weight_decay=0.1),
)
REAL = StationaryRun(
    label="diabetes",
    problem=DIABETES,
    # A smaller temperature: the noise then depends little on where the parameters are.
    settings=ls.SGD(lr=0.005, batch_size=64, momentum=0.9),
    times=tuple(range(200, 1201, 50)),
    replicas={"quick": 8192, "full": 65536},
)
REAL_DECAYED = replace(
    REAL, label="diabetes with weight decay", settings=replace(REAL.settings, weight_decay=1.0)
)
RUNS = (PLAIN, DECAYED, REAL, REAL_DECAYED)
ACCURACY = (
    "finite learning rate and noise that depends on the parameters, "
    "which the Langevin equation leaves out"
)
BOLTZMANN = "Boltzmann law of the loss"


def slope(run: xr.Dataset, name: str, values: np.ndarray) -> ls.Estimate:
    """Slope of ln(variance) against ln(eigenvalue), fitted in each group."""
    logs = np.log(run[name].values.mean(axis=0))
    return ls.Estimate.from_samples(
        np.polyfit(np.log(values), logs.T, 1)[0], method="straight line, mean over groups"
    )


def log_ratio(run: xr.Dataset, first: int, second: int) -> ls.Estimate:
    """ln of the ratio of two position variances, in each group."""
    logs = np.log(run["var_position"].values.mean(axis=0))
    return ls.Estimate.from_samples(logs[:, first] - logs[:, second], method="mean over groups")


class SampledLoss(ls.claims.Claim):
    title = "Modified loss"
    statement = (
        "Stationary SGD with momentum samples a modified loss: "
        "positions are isotropic without weight decay although the Hessian is not, weight decay "
        "deforms them by h / (h + weight_decay), and velocities have the shape of the Hessian."
    )
    formula = (
        "Var(theta_l) = lr sigma^2 / (2 S (1 - momentum)) * h_l / (h_l + wd),  "
        "Var(v_l) = sigma^2 h_l / (S (1 - momentum^2))"
    )
    source = (
        "Kunin et al., arXiv 2107.09133 (modified loss); "
        "general noise: the same with q_l / k_l, derived"
    )
    validity = (
        "Stationary; lr k << 2 (1 + momentum); "
        "noise frozen at the minimiser, lr tr(H) << S (1 - momentum)."
    )
    control_statement = (
        "The Boltzmann law of the loss with isotropic noise: Var(theta_l) ~ 1 / "
        "k_l, Var(v_l) the same in every mode."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return {
            run.label: moments.at(
                RegressionRun(
                    problem=run.problem,
                    settings=run.settings,
                    replicas=run.replicas[tier],
                    schedule=run.times,
                    start="minimiser",
                    seed=ls.derive_seed(seed, self.id, run.label),
                )
            )
            for run in RUNS
        }

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        return [
            *slopes(),
            deformation(),
            measured_noise(REAL, (0, 3)),
            measured_noise(REAL_DECAYED, (3, 9)),
        ]

    def out_of_range(self, data: ls.claims.Data, tier: str) -> str | None:
        for run in (PLAIN, DECAYED):
            softest = data[run.label]["var_position"].values[:, :, -1]
            drift = ls.Estimate.from_samples(np.log(softest[-1] / softest[0]))
            if abs(drift.value) > 5 * drift.standard_error:
                return (
                    f"{run.label}: softest mode not stationary at steps {run.times}: "
                    f"ln(variance) moves by {drift}"
                )
        return None

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        return [panel(run, data[run.label], index) for run in RUNS for index in (0, 1)]


def slopes() -> list[ls.claims.Comparison]:
    """Compare how the variances of positions and of velocities depend on the curvature."""
    values = PLAIN.eigenvalues
    common = {
        "margin": PLAIN.left_out / float(np.log(values[0] / values[-1])),
        "basis": "theory",
        "reason": ACCURACY,
    }
    return [
        ls.claims.Comparison(
            name=f"{PLAIN.label}: slope of ln(position variance) against ln(eigenvalue)",
            prediction=0.0,
            rivals={BOLTZMANN: -1.0},
            wrong=-1.0,
            near_misses={"noise ~ H^0.95": -0.05},
            measure=lambda data: slope(data[PLAIN.label], "var_position", values),
            **common,
        ),
        ls.claims.Comparison(
            name=f"{PLAIN.label}: slope of ln(velocity variance) against ln(eigenvalue)",
            prediction=1.0,
            rivals={"one temperature": 0.0},
            wrong=0.0,
            near_misses={"noise ~ H^0.95": 0.95},
            measure=lambda data: slope(data[PLAIN.label], "var_velocity", values),
            **common,
        ),
    ]


def deformation() -> ls.claims.Comparison:
    """Compare how weight decay deforms the variance of positions, h / (h + weight_decay)."""
    values, decay = DECAYED.eigenvalues, DECAYED.settings.weight_decay

    def deformed(by: float) -> float:
        shape = np.log(values / (values + by))
        return float(shape[-1] - shape[0])

    boltzmann = np.log((values[0] + decay) / (values[-1] + decay))
    return ls.claims.Comparison(
        name=f"{DECAYED.label}: ln(position variance, softest over stiffest)",
        prediction=deformed(decay),
        margin=DECAYED.left_out,
        basis="theory",
        reason=ACCURACY,
        rivals={"no deformation": 0.0, BOLTZMANN: boltzmann},
        wrong=boltzmann,
        near_misses={"weight decay 20 % larger": deformed(1.2 * decay)},
        measure=lambda data: log_ratio(data[DECAYED.label], -1, 0),
    )


def measured_noise(run: StationaryRun, modes: tuple[int, int]) -> ls.claims.Comparison:
    """Compare two modes of real data with q_l / k_l, q_l their measured noise.

    Without weight decay two stiff ones, which have relaxed, of noise 20 % below and 14 % above
    sigma^2 H; with it the fourth and the softest.
    """
    values, noise, decay = run.eigenvalues, run.noise, run.settings.weight_decay
    stiffness = values + decay
    first, second = modes

    def over(level: np.ndarray) -> float:
        """ln of the ratio of the two modes."""
        return float(np.log(level[first] / level[second]))

    right, shaped, boltzmann = (
        over(noise / stiffness),
        over(values / stiffness),
        over(1 / stiffness),
    )
    rivals = {"noise sigma^2 H": shaped, BOLTZMANN: boltzmann}
    near = {"a fifth of the way to noise sigma^2 H": 0.8 * right + 0.2 * shaped}
    if decay:
        rivals |= {"no deformation": over(noise / values)}
        near |= {"weight decay 20 % larger": over(noise / (values + 1.2 * decay))}
    return ls.claims.Comparison(
        name=f"{run.label}: ln(position variance, eigenmode {first + 1} over {second + 1})",
        prediction=right,
        margin=run.left_out,
        basis="theory",
        reason=ACCURACY,
        rivals=rivals,
        wrong=boltzmann,
        near_misses=near,
        measure=lambda data: log_ratio(data[run.label], first, second),
    )


def panel(case: StationaryRun, run: xr.Dataset, index: int) -> Panel:
    """Variances of positions (index 0) or velocities (1) against the curvature."""
    regression, settings = built(case.problem), case.settings
    values = regression.eigenvalues
    idealised, predicted = (
        ls.theory.LangevinLaw(one, settings).mode_stationary()[:, index, index]
        for one in (regression.with_hessian_noise(), regression)
    )
    stiffness = values + settings.weight_decay
    shape = stiffness[0] / stiffness if index == 0 else np.ones_like(values)
    variable, what, whats = (
        ("var_position", "position", "positions"),
        ("var_velocity", "velocity", "velocities"),
    )[index]
    mean, error = mean_and_error(run, variable)
    relaxed = settings.lr * stiffness * case.times[-1] > 4 * (1 - settings.momentum)
    series = (
        Series("SGD, relaxed modes", values[relaxed], mean[-1, relaxed], error[-1, relaxed]),
        Series.theory(r"modified loss, $\Sigma$ as measured", values, predicted),
        Series.guide(r"modified loss, $\Sigma = \sigma^2 H$", values, idealised),
        Series.rival(BOLTZMANN, values, idealised[0] * shape),
    )
    title = f"{case.label.replace('gaussian', 'Gaussian inputs').capitalize()}: {whats}"
    return log_log(title, "eigenvalue of the Hessian", f"stationary variance of {what}", series)
