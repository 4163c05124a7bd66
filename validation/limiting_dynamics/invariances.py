"""Settings that look different and sample the same density.

The stationary density of the Langevin equation holds learning rate, batch size and momentum in two
combinations alone: kappa = S (1 - momentum^2), which is its inverse temperature, and lr (1 +
momentum), twice the inertia. Momentum, batch size and learning rate are changed together so that
both stay (weight decay none), on the stiff principal components of the digits: variances of
positions and velocities must not change, while friction does.

Minibatch noise that depends on the parameters is of size lr (1 + momentum) tr(H) / (2 kappa): it is
the same for all of them and drops out. A finite learning rate enters as lr k / (2 (1 + momentum)),
which is not: the largest of these is the margin (derived).
"""

from dataclasses import dataclass

import numpy as np
from langevin_sgd.validation.limiting_dynamics._averages import log_ratio, total
from langevin_sgd.validation.limiting_dynamics._problems import EmbeddedData, built
from langevin_sgd.validation.limiting_dynamics._runs import RegressionRun, moments

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series, log_log

PROBLEM = EmbeddedData("digits", components=12)
BASE = ls.SGD(lr=0.002, batch_size=36, momentum=0.9)
BATCH_SIZES = (9, 19, 72)
REPLICAS = {"quick": 4096, "full": 131072}
TIMES = tuple(range(400, 801, 50))
"""Steps at which moments are taken: the softest component relaxes in 36 steps at the base."""


@dataclass(frozen=True)
class SameDensity:
    """Settings of another batch size that leave kappa and lr (1 + momentum) as they are."""

    batch_size: int

    @property
    def label(self) -> str:
        """Words for names."""
        settings = self.settings
        return f"batch size {settings.batch_size}, momentum {settings.momentum:.3g}"

    @property
    def settings(self) -> ls.SGD:
        """Settings of SGD."""
        ratio = BASE.batch_size / self.batch_size
        momentum = (1 - ratio * (1 - BASE.momentum**2)) ** 0.5
        lr = BASE.lr * (1 + BASE.momentum) / (1 + momentum)
        return ls.SGD(lr=lr, batch_size=self.batch_size, momentum=momentum)

    @property
    def left_out(self) -> float:
        """Largest correction for the finite learning rate, here and at the base."""
        stiffest = float(built(PROBLEM).eigenvalues[0])
        return max(one.lr * stiffest / (2 * (1 + one.momentum)) for one in (self.settings, BASE))

    def task(self, tier: str, seed: int) -> ls.sweep.Task:
        """Return the run."""
        run = RegressionRun(
            problem=PROBLEM,
            settings=self.settings,
            replicas=REPLICAS[tier],
            schedule=TIMES,
            start="minimiser",
            seed=seed,
        )
        return moments.at(run)


AT_BASE = SameDensity(BASE.batch_size)
OTHERS = tuple(SameDensity(batch_size) for batch_size in BATCH_SIZES)
WHAT = {"var_position": "positions", "var_velocity": "velocities"}


def rivals(one: SameDensity, name: str) -> dict[str, float]:
    """Return what rules that know less say of ln(variance over that at the base)."""
    settings = one.settings
    batch, rate = BASE.batch_size / settings.batch_size, settings.lr / BASE.lr
    if name == "var_position":
        return {"lr / batch size": float(np.log(batch * rate))}
    return {"1 / batch size": float(np.log(batch))}


def near_misses(one: SameDensity, name: str) -> dict[str, float]:
    """Return what is left if one of the three settings is not changed as it should."""
    settings = one.settings
    batch = float(np.log(settings.batch_size / (settings.batch_size + one.batch_size // 8)))
    memory = (1 - settings.momentum) / (1.1 * (1 - settings.momentum))
    missed = {
        "batch an eighth larger": batch,
        "1 - momentum 10 % larger": float(np.log(memory)),
    }
    if name == "var_position":
        missed["lr 10 % larger"] = float(np.log(1.1))
    return {what: value for what, value in missed.items() if value}


def compared(one: SameDensity, name: str) -> ls.claims.Comparison:
    """Compare a variance with that at the base."""

    def measure(data: ls.claims.Data) -> ls.Estimate:
        return log_ratio(total(data[one.label], name), total(data[AT_BASE.label], name))

    return ls.claims.Comparison(
        name=f"{one.label}: ln(variance of {WHAT[name]} over that at the base)",
        prediction=0.0,
        margin=one.left_out,
        basis="theory",
        reason="finite learning rate, lr k / (2 (1 + momentum))",
        rivals=rivals(one, name),
        near_misses=near_misses(one, name),
        measure=measure,
    )


class Invariances(ls.claims.Claim):
    title = "Different settings, the same density"
    statement = (
        "Changed together so that batch size times one minus momentum squared and lr times one "
        "plus momentum stay, batch size, momentum and learning rate leave the stationary variances "
        "of positions and velocities as they are."
    )
    formula = "p depends on S (1 - momentum^2) and lr (1 + momentum) alone, without weight decay"
    source = (
        "Kunin et al., arXiv 2107.09133 (modified loss; annealing that keeps the stationary law); "
        "accuracy derived"
    )
    validity = "Stationary; lr k << 2 (1 + momentum); each eigenmode for itself."
    control_statement = "Variances that go with lr / batch size, or with the batch alone."

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return {
            one.label: one.task(tier, ls.derive_seed(seed, self.id, one.batch_size))
            for one in (AT_BASE, *OTHERS)
        }

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        return [compared(one, name) for one in OTHERS for name in WHAT]

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        return [panel(data, name) for name in WHAT]


def panel(data: ls.claims.Data, name: str) -> Panel:
    """A variance against the batch size."""
    cases = sorted((AT_BASE, *OTHERS), key=lambda one: one.batch_size)
    sizes = np.array([one.batch_size for one in cases])
    points = [ls.Estimate.from_samples(total(data[one.label], name)) for one in cases]
    base = float(total(data[AT_BASE.label], name).mean())
    rival = [base * np.exp(next(iter(rivals(one, name).values()))) for one in cases]
    series = (
        Series.measured("minibatch SGD", sizes, points),
        Series.theory("the same density", sizes, np.full(len(sizes), base)),
        Series.rival(next(iter(rivals(AT_BASE, name))), sizes, rival),
    )
    return log_log(f"Variance of {WHAT[name]}", "batch size", "variance, all modes", series)
