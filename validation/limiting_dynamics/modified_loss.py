"""What SGD samples is not the loss: positions are isotropic although the Hessian is not, velocities
carry its shape.

Real minibatch SGD on Gaussian inputs whose Hessian spans a factor 50. The stationary density of the
Langevin equation is exp(-kappa Psi), Psi a modified loss from which the curvature of positions has
dropped out; a Boltzmann law of the loss itself would give position variances proportional to 1/h.
With weight decay the variance is deformed by h / (h + wd). On the diabetes data, where the noise is
not exactly proportional to the Hessian, its measured covariance is used.
"""

import numpy as np
import xarray as xr
from langevin_sgd.validation.limiting_dynamics.problems import problem
from langevin_sgd.validation.limiting_dynamics.runs import Run, mean_and_error, moments

import langevin_sgd as ls

PLAIN = ls.SGD(lr=0.05, batch_size=16, momentum=0.9)
DECAYED = ls.SGD(lr=0.05, batch_size=16, momentum=0.9, weight_decay=0.1)
REAL = ls.SGD(lr=0.01, batch_size=64, momentum=0.9)
"""A smaller temperature: the noise of diabetes then depends little on where the parameters are."""
LABELS = {"gaussian": PLAIN, "gaussian with weight decay": DECAYED, "diabetes": REAL}
TIMES = {"gaussian": (400, 800), "gaussian with weight decay": (400, 800), "diabetes": (3000, 6000)}
"""Two times after the slowest mode that is measured has relaxed: the moments must not differ
between them.
"""
REPLICAS = {
    "quick": {"gaussian": 16384, "gaussian with weight decay": 16384, "diabetes": 4096},
    "full": {"gaussian": 262144, "gaussian with weight decay": 262144, "diabetes": 65536},
}
REAL_MODES = (0, 3)
"""Stiff eigenmodes of diabetes with noise 20 % below and 14 % above sigma^2 H."""
POSITIONS = "gaussian: slope of ln(position variance) against ln(eigenvalue)"
VELOCITIES = "gaussian: slope of ln(velocity variance) against ln(eigenvalue)"
DEFORMATION = "gaussian with weight decay: ln(position variance, softest over stiffest)"
MEASURED_NOISE = "diabetes: ln(position variance, first over fourth eigenmode)"


def problem_of(label: str) -> str:
    """Name of the problem behind a label."""
    return label.split()[0]


def left_out(label: str) -> float:
    """Bound on what the Langevin equation leaves out of ln(variance).

    Two corrections, each between zero and its value at the stiffest mode: the finite learning rate,
    lr k / (2 (1 + momentum)), and the dependence of the noise on the parameters, of order
    lr tr(H) / (2 batch_size (1 - momentum)).
    """
    settings, values = LABELS[label], problem(problem_of(label)).eigenvalues
    discrete = settings.lr * (values[0] + settings.weight_decay) / (2 * (1 + settings.momentum))
    feedback = settings.lr * values.sum() / (2 * settings.batch_size * (1 - settings.momentum))
    return float(discrete + feedback)


def slope(run: xr.Dataset, name: str, values: np.ndarray) -> ls.Estimate:
    """Slope of ln(variance) against ln(eigenvalue) at the last time, fitted in each group."""
    logs = np.log(run[name].values[-1])
    return ls.Estimate.from_samples(
        np.polyfit(np.log(values), logs.T, 1)[0], method="straight line, mean over groups"
    )


def log_ratio(run: xr.Dataset, first: int, second: int) -> ls.Estimate:
    """ln of the ratio of two position variances at the last time, in each group."""
    logs = np.log(run["var_position"].values[-1])
    return ls.Estimate.from_samples(logs[:, first] - logs[:, second], method="mean over groups")


class ModifiedLoss(ls.claims.Claim):
    title = "Modified loss"
    statement = (
        "Stationary SGD with momentum samples a modified loss: positions are isotropic without "
        "weight decay although "
        "the Hessian is not, weight decay deforms them by h / (h + weight_decay), and velocities "
        "have the shape of the "
        "Hessian."
    )
    formula = (
        "Var(theta_l) = lr sigma^2 / (2 S (1 - momentum)) * h_l / (h_l + wd),  "
        "Var(v_l) = sigma^2 h_l / (S (1 - momentum^2))"
    )
    source = (
        "Kunin et al., arXiv 2107.09133 (modified loss); general noise: the same with q_l / "
        "k_l, derived"
    )
    validity = (
        "Stationary; lr k << 2 (1 + momentum); noise frozen at the minimiser, lr tr(H) << "
        "S "
        "(1 - momentum)."
    )
    control_statement = (
        "The Boltzmann law of the loss with isotropic noise: Var(theta_l) ~ 1 / "
        "k_l, Var(v_l) the same in every mode."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return {
            label: moments.at(
                Run(
                    problem=problem_of(label),
                    settings=settings,
                    replicas=REPLICAS[tier][label],
                    schedule=TIMES[label],
                    start="minimiser",
                    seed=ls.derive_seed(seed, self.id, label),
                )
            )
            for label, settings in LABELS.items()
        }

    def predict(self, tier: str) -> list[ls.claims.Component]:
        values = problem("gaussian").eigenvalues
        span = float(np.log(values[0] / values[-1]))
        accuracy = (
            "finite learning rate and noise that depends on the parameters, which the "
            "Langevin equation leaves out"
        )
        control = {component.name: component.prediction for component in self.control(tier)}
        boltzmann = "Boltzmann law of the loss"
        return [
            ls.claims.Component(
                name=POSITIONS,
                prediction=0.0,
                margin=left_out("gaussian") / span,
                margin_reason=accuracy,
                alternatives={boltzmann: control[POSITIONS]},
            ),
            ls.claims.Component(
                name=VELOCITIES,
                prediction=1.0,
                margin=left_out("gaussian") / span,
                margin_reason=accuracy,
                alternatives={"one temperature": control[VELOCITIES]},
            ),
            ls.claims.Component(
                name=DEFORMATION,
                prediction=_log_shape(values[-1]) - _log_shape(values[0]),
                margin=left_out("gaussian with weight decay"),
                margin_reason=accuracy,
                alternatives={"no deformation": 0.0, boltzmann: control[DEFORMATION]},
            ),
            ls.claims.Component(
                name=MEASURED_NOISE,
                prediction=_log_noise_ratio(*REAL_MODES),
                margin=left_out("diabetes"),
                margin_reason=accuracy,
                alternatives={"noise sigma^2 H": 0.0, boltzmann: control[MEASURED_NOISE]},
            ),
        ]

    def control(self, tier: str) -> list[ls.claims.Component]:
        values, decay = problem("gaussian").eigenvalues, DECAYED.weight_decay
        real = problem("diabetes").eigenvalues
        boltzmann = {
            POSITIONS: -1.0,
            VELOCITIES: 0.0,
            DEFORMATION: np.log((values[0] + decay) / (values[-1] + decay)),
            MEASURED_NOISE: np.log(real[REAL_MODES[1]] / real[REAL_MODES[0]]),
        }
        return [
            ls.claims.Component(name=name, prediction=float(value))
            for name, value in boltzmann.items()
        ]

    def measure(self, data: dict[str, xr.Dataset], tier: str) -> dict[str, ls.Estimate]:
        values = problem("gaussian").eigenvalues
        return {
            POSITIONS: slope(data["gaussian"], "var_position", values),
            VELOCITIES: slope(data["gaussian"], "var_velocity", values),
            DEFORMATION: log_ratio(data["gaussian with weight decay"], -1, 0),
            MEASURED_NOISE: log_ratio(data["diabetes"], *REAL_MODES),
        }

    def out_of_range(self, data: dict[str, xr.Dataset], tier: str) -> str | None:
        for label in ("gaussian", "gaussian with weight decay"):
            change = np.diff(np.log(data[label]["var_position"].values[:, :, -1]), axis=0)[0]
            drift = ls.Estimate.from_samples(change)
            if abs(drift.value) > 5 * drift.standard_error:
                return (
                    f"{label}: softest mode not stationary at steps {TIMES[label]}: "
                    f"ln(variance) moves by {drift}"
                )
        return None

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        return [
            self._panel(label, data[label], quantity)
            for label in LABELS
            for quantity in ("var_position", "var_velocity")
        ]

    def _panel(self, label: str, run: xr.Dataset, quantity: str) -> ls.plotting.Panel:
        found, settings = problem(problem_of(label)), LABELS[label]
        values = found.eigenvalues
        law = ls.theory.LangevinLaw(found.with_hessian_noise(), settings)
        measured_noise = ls.theory.LangevinLaw(found, settings)
        index = 0 if quantity == "var_position" else 1
        idealised, predicted = (
            chosen.mode_stationary()[:, index, index] for chosen in (law, measured_noise)
        )
        stiffness = values + settings.weight_decay
        boltzmann = idealised[0] * (
            stiffness[0] / stiffness if index == 0 else np.ones_like(values)
        )
        mean, error = mean_and_error(run, quantity)
        what, whats = ("position", "positions") if index == 0 else ("velocity", "velocities")
        return ls.plotting.Panel(
            title=f"{label.replace('gaussian', 'Gaussian inputs').capitalize()}: {whats}",
            x_label="eigenvalue of the Hessian",
            y_label=f"stationary variance of {what}",
            series=(
                ls.plotting.Series("SGD", values, mean[-1], error[-1]),
                ls.plotting.Series(
                    r"modified loss, $\Sigma$ as measured", values, predicted, kind="theory"
                ),
                ls.plotting.Series(
                    r"modified loss, $\Sigma = \sigma^2 H$", values, idealised, kind="guide"
                ),
                ls.plotting.Series("Boltzmann law of the loss", values, boltzmann, kind="rival"),
            ),
            x_scale="log",
            y_scale="log",
        )


def _log_shape(eigenvalue: float) -> float:
    """ln(h / (h + weight_decay)): the deformation of one mode."""
    return float(np.log(eigenvalue / (eigenvalue + DECAYED.weight_decay)))


def _log_noise_ratio(first: int, second: int) -> float:
    """ln of the ratio of q_l / k_l of two eigenmodes of diabetes, q_l their measured noise."""
    found = problem("diabetes")
    noise = np.einsum("il,ij,jl->l", found.eigenvectors, found.noise_covariance, found.eigenvectors)
    level = np.log(noise / found.eigenvalues)
    return float(level[first] - level[second])
