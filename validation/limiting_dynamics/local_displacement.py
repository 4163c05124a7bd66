"""How far one step goes after convergence, against each setting.

Minibatch SGD on the diabetes data, from the minimiser. The Langevin equation gives the squared
length of a step as lr^2 tr Sigma / (S (1 - momentum^2)), Sigma the covariance of one gradient
(sigma^2 H where the noise has that form). What it leaves out, each of relative size between zero
and

    lr k_1 / (2 (1 + momentum))               finite learning rate, at the stiffest mode
    lr tr(H) / (2 S (1 - momentum))           noise that depends on where the parameters are
    E[|x|^2 (x . shift)^2] / tr Sigma         the same, as weight decay shifts the mean

is the margin (derived).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from langevin_sgd.validation.limiting_dynamics._averages import log_ratio, total
from langevin_sgd.validation.limiting_dynamics._problems import DIABETES, built, exact_law, slips
from langevin_sgd.validation.limiting_dynamics._runs import RegressionRun, moments

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series, log_log

BASE = ls.SGD(lr=0.005, batch_size=64, momentum=0.9)
REPLICAS = {"quick": 4096, "full": 131072}
"""Twice as many at the base and with weight decay, where two soft modes are compared."""
MEMORIES = 6
"""Times 1 / (1 - momentum) before the first recorded step: velocities have relaxed to e^-12."""
MODES = slice(7, 9)
"""Soft eigenmodes, in which weight decay would show."""
RECORDED, LATE = 8, 10
"""Steps recorded, one memory apart, and how many times later the late ones are."""


@dataclass(frozen=True)
class StepLength:
    """The squared length of a step at some settings."""

    label: str
    settings: ls.SGD

    @property
    def formula(self) -> float:
        """Value by the Langevin equation."""
        return formula(self.settings)

    @property
    def left_out(self) -> float:
        """Bound on what the Langevin equation leaves out of its logarithm."""
        problem, settings = built(DIABETES), self.settings
        lr, memory, values = settings.lr, 1 - settings.momentum, problem.eigenvalues
        discrete = lr * (values[0] + settings.weight_decay) / (2 * (1 + settings.momentum))
        feedback = lr * values.sum() / (2 * settings.batch_size * memory)
        shift = exact_law(DIABETES, settings).stationary().mean[: len(values)] - problem.minimiser
        moved = ((problem.X**2).sum(axis=1) * (problem.X @ shift) ** 2).mean()
        return float(discrete + feedback + moved / np.trace(problem.noise_covariance))

    def run(self, tier: str, seed: int, later: int = 1) -> ls.sweep.Task:
        """Return the run; `later` times as long for the late one."""
        memory = round(1 / (1 - self.settings.momentum))
        first = MEMORIES * memory * later
        run = RegressionRun(
            problem=DIABETES,
            settings=self.settings,
            replicas=REPLICAS[tier] * (2 if self in (AT_BASE, DECAYED) else 1),
            schedule=tuple(range(first, first + RECORDED * memory, memory)),
            start="minimiser",
            seed=seed,
        )
        return moments.at(run)

    def measured(self, data: ls.claims.Data) -> np.ndarray:
        """Return lr^2 E|v|^2, (group,)."""
        return self.settings.lr**2 * total(data[self.label], "var_velocity")

    def along(self, data: ls.claims.Data) -> np.ndarray:
        """Return the mean of lr^2 E v_l^2 / q_l over the chosen eigenmodes, (group,)."""
        noise = np.diag(exact_law(DIABETES, self.settings).modes.noise)[MODES]
        run = data[self.label]["var_velocity"].isel(eigenmode=MODES).mean("step")
        return self.settings.lr**2 * (run / noise).mean("eigenmode").values


def formula(settings: ls.SGD) -> float:
    """Squared length of a step by the Langevin equation."""
    trace = float(np.trace(built(DIABETES).noise_covariance))
    return settings.lr**2 * trace / (settings.batch_size * (1 - settings.momentum**2))


def case(label: str, **changed: float) -> StepLength:
    """Return settings with something changed."""
    return StepLength(label, replace(BASE, **changed))


AT_BASE = StepLength("base", BASE)
LOW_LR, HIGH_LR = case("lr / 4", lr=BASE.lr / 4), case("4 lr", lr=BASE.lr * 4)
SMALL_BATCH, LARGE_BATCH = case("batch size 16", batch_size=16), case("256", batch_size=256)
LITTLE, MUCH = case("momentum 0.6", momentum=0.6), case("momentum 0.97", momentum=0.97)
DECAYED = case("weight decay 0.05", weight_decay=0.05)
LATER = replace(AT_BASE, label="base, later")
CASES = (AT_BASE, LOW_LR, HIGH_LR, SMALL_BATCH, LARGE_BATCH, LITTLE, MUCH, DECAYED)
LEFT_OUT = "finite learning rate and noise that depends on the parameters"


def level() -> ls.claims.Comparison:
    """Compare the length itself at the base settings, in units of the formula."""
    momentum = BASE.momentum
    return ls.claims.Comparison(
        name="squared step over lr^2 tr Sigma / (S (1 - momentum^2))",
        prediction=1.0,
        margin=AT_BASE.left_out,
        basis="theory",
        reason=LEFT_OUT,
        rivals={
            "1 - momentum for 1 - momentum^2": 1 + momentum,
            "no memory": 1 - momentum**2,
        },
        near_misses={
            name: formula(settings) / AT_BASE.formula for name, settings in slips(BASE).items()
        },
        measure=lambda data: ls.Estimate.from_samples(AT_BASE.measured(data)).scaled(
            1 / AT_BASE.formula
        ),
    )


def slope(
    name: str,
    pair: tuple[StepLength, StepLength],
    ratio: float,
    prediction: float,
    rivals: dict[str, float],
) -> ls.claims.Comparison:
    """Compare the power with which the squared step goes with a setting."""
    low, high = pair
    over = float(np.log(ratio))

    def measure(data: ls.claims.Data) -> ls.Estimate:
        return log_ratio(high.measured(data), low.measured(data), over=over)

    return ls.claims.Comparison(
        name=f"power of {name}",
        prediction=prediction,
        margin=(low.left_out + high.left_out) / abs(over),
        basis="theory",
        reason=LEFT_OUT,
        rivals=rivals,
        near_misses={"power a tenth off": 1.1 * prediction},
        measure=measure,
    )


def slopes() -> list[ls.claims.Comparison]:
    """Compare the powers of learning rate, batch size and 1 - momentum^2."""
    samples = built(DIABETES).samples or 1
    sizes = LARGE_BATCH.settings.batch_size, SMALL_BATCH.settings.batch_size
    distinct = np.log((samples - sizes[0]) / (samples - sizes[1])) / np.log(sizes[0] / sizes[1])
    memory = [1 - one.settings.momentum for one in (LITTLE, MUCH)]
    factor = (1 - MUCH.settings.momentum**2) / (1 - LITTLE.settings.momentum**2)
    walk = float(np.log(memory[1] / memory[0]) / np.log(factor))
    return [
        slope("lr", (LOW_LR, HIGH_LR), 16.0, 2.0, {"of a walk at given time lr * steps": 1.0}),
        slope(
            "batch size",
            (SMALL_BATCH, LARGE_BATCH),
            sizes[0] / sizes[1],
            -1.0,
            {"distinct samples in a batch": -1.0 + float(distinct)},
        ),
        slope(
            "1 - momentum^2",
            (LITTLE, MUCH),
            factor,
            -1.0,
            {"(1 - momentum)^-2, as of the walk": -2 * walk, "no dependence": 0.0},
        ),
    ]


def independent(
    name: str,
    pair: tuple[StepLength, StepLength],
    rival: tuple[str, float],
    length: Callable[[StepLength, ls.claims.Data], np.ndarray],
) -> ls.claims.Comparison:
    """Compare two squared steps that should be the same."""
    one, other = pair

    def measure(data: ls.claims.Data) -> ls.Estimate:
        return log_ratio(length(other, data), length(one, data))

    margin = max(one.left_out, other.left_out)
    return ls.claims.Comparison(
        name=name,
        prediction=0.0,
        margin=margin,
        basis="theory",
        reason=LEFT_OUT,
        rivals={rival[0]: rival[1]},
        near_misses={"a tenth longer": float(np.log(1.1))},
        measure=measure,
    )


def walk_per_step(steps: int) -> float:
    """Squared distance from the start over the number of steps, by the exact law."""
    return float(exact_law(DIABETES, BASE).mean_square_displacement(steps)) / steps


def constancies() -> list[ls.claims.Comparison]:
    """Compare with weight decay, and at a later time."""
    modes = exact_law(DIABETES, DECAYED.settings).modes
    deformed = float(np.log((modes.eigenvalues / modes.stiffness)[MODES].mean()))
    early = round(MEMORIES / (1 - BASE.momentum))
    aged = float(np.log(walk_per_step(LATE * early) / walk_per_step(early)))
    return [
        independent(
            "ln(squared step along soft eigenmodes with weight decay over without)",
            (AT_BASE, DECAYED),
            ("deformed as positions are", deformed),
            StepLength.along,
        ),
        independent(
            "ln(squared step ten times later over before)",
            (AT_BASE, LATER),
            ("as the squared distance from the start per step", aged),
            StepLength.measured,
        ),
    ]


class LocalDisplacement(ls.claims.Claim):
    title = "Length of a step after convergence"
    statement = (
        "After convergence the mean square of a step goes as lr^2 over batch size and over one "
        "minus momentum squared, and depends neither on weight decay nor on time."
    )
    formula = "E|delta|^2 = lr^2 tr(Sigma) / (S (1 - momentum^2)),  tr(Sigma) = sigma^2 tr(H)"
    source = (
        "Kunin et al., arXiv 2107.09133 (local displacement; figure 7a); what it leaves out derived"
    )
    validity = (
        "lr k << 2 (1 + momentum); lr tr(H) << S (1 - momentum); batches drawn with replacement; "
        "velocities relaxed, positions need not be."
    )
    control_statement = "Steps that add up as those of a walk do, or without memory."

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        tasks = {
            one.label: one.run(tier, ls.derive_seed(seed, self.id, one.label)) for one in CASES
        }
        later = LATER.run(tier, ls.derive_seed(seed, self.id, LATER.label), LATE)
        return tasks | {LATER.label: later}

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        return [level(), *slopes(), *constancies()]

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        knobs: tuple[tuple[str, tuple[StepLength, ...], Callable[[ls.SGD], float]], ...] = (
            ("learning rate", (LOW_LR, AT_BASE, HIGH_LR), lambda s: s.lr),
            ("batch size", (SMALL_BATCH, AT_BASE, LARGE_BATCH), lambda s: s.batch_size),
            ("1 - momentum^2", (LITTLE, AT_BASE, MUCH), lambda s: 1 - s.momentum**2),
        )
        return [panel(*knob, data) for knob in knobs]


def panel(
    name: str,
    cases: tuple[StepLength, ...],
    knob: Callable[[ls.SGD], float],
    data: ls.claims.Data,
) -> Panel:
    """Squared step against one setting."""
    settings = [knob(one.settings) for one in cases]
    points = [ls.Estimate.from_samples(one.measured(data)) for one in cases]
    series = (
        Series.measured("minibatch SGD", settings, points),
        Series.theory("Langevin equation", settings, [one.formula for one in cases]),
    )
    return log_log(f"Squared step against {name}", name, r"$E|\delta|^2$", series)
