"""The Langevin equation where it is used: lr h from 1e-8 to 1e-2, batches of 32 and of 1024.

Real minibatch SGD on all pixels of the digits, from rest at the minimiser, at a learning rate of
1e-3 and momentum 0.9: the regime of fine-tuning runs. The squared distance from the minimiser is
compared with the law of the Langevin equation, whose own accuracy is the margin (derived):

    lr tr(H) / (2 S (1 - momentum))      of it, for noise that depends on the parameters
    |SGD - Langevin| with noise frozen   for the length of a step, by the two closed forms

Rivals are the first-order Langevin equation, which has no memory, the equation without the
correction of its mass, lr for lr (1 + momentum) / 2, and free diffusion; each is judged where it
differs.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from langevin_sgd.validation.limiting_dynamics._problems import (
    DIGITS,
    begin,
    built,
    near_misses,
    rival_laws,
)
from langevin_sgd.validation.limiting_dynamics._runs import (
    RegressionRun,
    displacement,
    mean_and_error,
    measured,
)

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series, log_log, theory_and_runs


@dataclass(frozen=True)
class FineTuning:
    """SGD at a batch size, and the steps at which it is looked at."""

    settings: ls.SGD
    times: tuple[int, ...]
    replicas: dict[str, int]

    @property
    def label(self) -> str:
        """Words for names."""
        return f"batch size {self.settings.batch_size}"

    def task(self, tier: str, seed: int) -> ls.sweep.Task:
        """Return the run."""
        steps = ls.record.log_spaced(steps=self.times[-1], per_decade=6).tolist()
        run = RegressionRun(
            problem=DIGITS,
            settings=self.settings,
            replicas=self.replicas[tier],
            schedule=tuple(sorted({*steps, *self.times})),
            start="minimiser",
            seed=seed,
        )
        return displacement.at(run)

    def margin(self, time: int) -> float:
        """Accuracy of the Langevin equation."""
        memory = 1 - self.settings.momentum
        trace = float(built(DIGITS).eigenvalues.sum())
        feedback = self.settings.lr * trace / (2 * self.settings.batch_size * memory)
        exact = float(laws(self.settings)[0].displacement_from_start(time))
        predicted = langevin(time, self.settings)
        return feedback * predicted + abs(exact - predicted)

    def compared(self, time: int) -> ls.claims.Comparison:
        """Compare the squared distance after some steps."""
        margin, predicted = self.margin(time), langevin(time, self.settings)
        all_rivals = {
            "first-order Langevin equation": first_order(time, self.settings),
            "mass lr for lr (1 + momentum) / 2": heavier(time, self.settings),
            "free diffusion": free(time, self.settings),
        }
        apart = max(4 * margin, APART * predicted)
        return ls.claims.Comparison(
            name=f"{self.label}: squared distance from the minimiser after {time} steps",
            prediction=predicted,
            margin=margin,
            basis="theory",
            reason="length of a step and noise that depends on the parameters",
            rivals={
                name: value for name, value in all_rivals.items() if abs(value - predicted) > apart
            },
            near_misses=near_misses(partial(langevin, time), self.settings, margin=margin),
            measure=measured(self.label, "squared_displacement", step=time),
        )


APART = 0.1
"""Part of the prediction by which a rival differs where it is judged."""


def laws(settings: ls.SGD) -> tuple[ls.theory.Law, ls.theory.Law]:
    """Law of SGD with the noise of the minimiser, and of its Langevin equation, from there."""
    both = rival_laws(DIGITS, settings, "minimiser")
    return both["noise frozen at the minimiser"], both["Langevin equation"]


def langevin(time: float, settings: ls.SGD) -> float:
    """Squared distance from the minimiser by the Langevin equation."""
    return float(laws(settings)[1].displacement_from_start(time))


def first_order(time: float, settings: ls.SGD) -> float:
    """Return the same without inertia: modes relax at lr k / (1 - momentum)."""
    modes = laws(settings)[1].modes
    rate = settings.lr * modes.stiffness / (1 - settings.momentum)
    variance = laws(settings)[1].mode_variances()[0]
    return float((variance * -np.expm1(-2 * rate * time)).sum())


def heavier(time: float, settings: ls.SGD) -> float:
    """Return the same with mass lr: the equation of another lr, its noise and time scaled back."""
    ratio = 2 / (1 + settings.momentum)
    other = replace(settings, lr=ratio * settings.lr)
    law = ls.theory.LangevinLaw(built(DIGITS), other, start=begin(DIGITS, "minimiser"))
    return float(law.displacement_from_start(time / ratio)) / ratio


def free(time: float, settings: ls.SGD) -> float:
    """Return the same without curvature, once the velocity is forgotten."""
    noise = float(np.trace(laws(settings)[1].modes.noise))
    return (settings.lr / (1 - settings.momentum)) ** 2 * noise * time


SMALL = FineTuning(
    ls.SGD(lr=1e-3, batch_size=32, momentum=0.9),
    times=(20, 100, 1000),
    replicas={"quick": 1024, "full": 32768},
)
LARGE = FineTuning(
    ls.SGD(lr=1e-3, batch_size=1024, momentum=0.9),
    times=(40, 100, 300),
    replicas={"quick": 768, "full": 8192},
)


class SdeInItsRegime(ls.claims.Claim):
    title = "The Langevin equation in its own regime"
    statement = (
        "At learning rates of fine-tuning the Langevin equation gives the spreading of real "
        "minibatch SGD from the minimum, at all times and batch sizes, to the accuracy that it "
        "predicts for itself."
    )
    formula = (
        "(lr/2) (1 + momentum) theta'' + (1 - momentum) theta' + H theta = "
        "sqrt(lr/S) Sigma^(1/2) dW/dt, per unit of lr * steps"
    )
    source = "Kunin et al., arXiv 2107.09133 (Langevin equation; Ornstein-Uhlenbeck process)"
    validity = "lr h <= 1e-2; lr tr(H) << S (1 - momentum); from the minimiser at rest."
    control_statement = "No memory, or no curvature, whichever is farther off."

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return {
            one.label: one.task(tier, ls.derive_seed(seed, self.id, one.label))
            for one in (SMALL, LARGE)
        }

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        return [one.compared(time) for one in (SMALL, LARGE) for time in one.times]

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        families = []
        for one in (SMALL, LARGE):
            times = data[one.label]["step"].values[1:]
            mean, error = mean_and_error(data[one.label], "squared_displacement")
            curve = [langevin(float(t), one.settings) for t in times]
            points = Series(f"SGD, {one.label}", times, mean[1:], error[1:])
            families.append((points, Series.theory("Langevin equation", times, curve)))
        times = np.array(SMALL.times)
        slow = [first_order(float(t), SMALL.settings) for t in times]
        rival = Series.rival("first-order Langevin equation", times, slow)
        series = (*theory_and_runs(families), rival)
        y_label = r"$E|\theta_t - \theta_0|^2$"
        return [log_log("Digits, lr 1e-3", "time [steps]", y_label, series)]
