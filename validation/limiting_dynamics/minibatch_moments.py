"""The exact law of minibatch noise against the enumeration of every sequence of batches.

Four samples, two parameters, batches of two: after four steps there are 16^4 sequences of batches
with replacement and 6^4 without. Averaging SGD over all of them is SGD's exact expectation, so
nothing here is random: the law has to agree to rounding, where the law with the noise frozen at the
minimiser, which most theory assumes, is far off.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import xarray as xr
from langevin_sgd.validation.limiting_dynamics._problems import near_misses

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series

SAMPLINGS = ("with_replacement", "without_replacement")
INPUTS = np.array([[1.0, 0.3], [-0.4, 1.2], [0.8, -0.9], [0.2, 0.5]])
TARGETS = np.array([1.0, -0.5, 0.7, 0.1])
BASE = ls.SGD(lr=0.3, batch_size=2, momentum=0.6, weight_decay=0.1)
SETTINGS = {sampling: replace(BASE, sampling=sampling) for sampling in SAMPLINGS}
ROUNDING = 1e-10


@dataclass(frozen=True, kw_only=True)
class Enumeration:
    """All sequences of batches of some settings, up to a number of steps."""

    settings: ls.SGD
    steps: int


@ls.sweep.task()
def enumerate_batches(case: Enumeration) -> xr.Dataset:
    """Moments of (theta, v) over all equally likely sequences of batches, (step, ...)."""
    batches = list(_batches(case.settings))
    states = np.zeros((1, 4))
    first, second = [], []
    for _ in range(case.steps):
        states = np.concatenate([_step(states, case.settings, list(batch)) for batch in batches])
        first.append(states.mean(axis=0))
        second.append(states.T @ states / len(states))
    return ls.dataset.make(
        {
            "first": (("step", "coordinate"), np.array(first), "1"),
            "second": (("step", "coordinate", "other"), np.array(second), "1"),
        },
        coords={"step": np.arange(1, case.steps + 1)},
        kind="enumeration",
        settings=case.settings.to_dict(),
    )


def _batches(settings: ls.SGD) -> Iterator[tuple[int, ...]]:
    if settings.sampling == "with_replacement":
        return itertools.product(range(len(TARGETS)), repeat=settings.batch_size)
    return itertools.combinations(range(len(TARGETS)), settings.batch_size)


def _step(states: np.ndarray, settings: ls.SGD, batch: list[int]) -> np.ndarray:
    theta, velocity = states[:, :2], states[:, 2:]
    gradient = (theta @ INPUTS[batch].T - TARGETS[batch]) @ INPUTS[batch] / len(batch)
    velocity = settings.momentum * velocity - gradient - settings.weight_decay * theta
    return np.hstack([theta + settings.lr * velocity, velocity])


def _law(settings: ls.SGD, noise: str, steps: int) -> dict[str, float]:
    """Second moments that the law predicts after `steps`, from theta = 0."""
    problem = ls.LinearRegression.from_data(INPUTS, TARGETS)
    law = ls.theory.DiscreteLaw(problem, settings, noise=noise)
    mean, covariance = law.mean([steps])[0], law.covariance([steps])[0]
    second = covariance + np.outer(mean, mean)
    return {label: float(second[place]) for label, place in MOMENTS.items()}


MOMENTS = {
    "<theta_1^2>": (0, 0),
    "<theta_1 theta_2>": (0, 1),
    "<theta_1 v_1>": (0, 2),
    "<v_2^2>": (3, 3),
}


class MinibatchMoments(ls.claims.Claim):
    title = "Exact moments of minibatch SGD"
    statement = (
        "The second moments of SGD with momentum on a finite data set obey a closed "
        "linear recursion, in which the noise of a minibatch depends on where the parameters are; "
        "it is exact at every step and learning rate."
    )
    formula = (
        "P' = M P M^T + M z c^T + c z^T M^T + c c^T + f G Sigma(P) G^T, f = 1/B or (N-B)/(B(N-1))"
    )
    source = (
        "derived: second moments of the SGD map with independent minibatches close on "
        "themselves for a quadratic loss"
    )
    validity = (
        "Any linear regression, any stable or unstable settings; "
        "batches independent of one another."
    )
    control_statement = "The factor f of the other sampling scheme."

    def steps(self, tier: str) -> int:
        return 4 if tier == "quick" else 5

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return {
            sampling: enumerate_batches.at(Enumeration(settings=settings, steps=self.steps(tier)))
            for sampling, settings in SETTINGS.items()
        }

    def moment(self, label: str, tier: str, settings: ls.SGD) -> float:
        return _law(settings, "minibatch", self.steps(tier))[label]

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        comparisons = []
        for sampling, other in zip(SAMPLINGS, reversed(SAMPLINGS), strict=True):
            exact, frozen, wrong = (
                _law(SETTINGS[scheme], noise, self.steps(tier))
                for scheme, noise in (
                    (sampling, "minibatch"),
                    (sampling, "additive"),
                    (other, "minibatch"),
                )
            )
            comparisons += [
                ls.claims.Comparison(
                    name=f"{sampling}: {label}",
                    prediction=exact[label],
                    margin=ROUNDING * abs(exact[label]),
                    basis="exact",
                    reason="rounding",
                    rivals={"noise frozen at the minimiser": frozen[label]},
                    wrong=wrong[label],
                    wrong_margin=ROUNDING * abs(wrong[label]),
                    near_misses=near_misses(
                        partial(self.moment, label, tier), SETTINGS[sampling], resolved=0.0
                    ),
                    measure=partial(_at_the_end, sampling, place),
                )
                for label, place in MOMENTS.items()
            ]
        return comparisons

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        return [_panel(sampling, moments) for sampling, moments in data.items()]


def _at_the_end(sampling: str, place: tuple[int, int], data: ls.claims.Data) -> ls.Estimate:
    """Second moment after the last step, over all sequences of batches."""
    value = float(data[sampling]["second"].values[-1][place])
    return ls.Estimate(value=value, standard_error=0.0, method="all sequences of batches")


def _panel(sampling: str, moments: xr.Dataset) -> Panel:
    steps, label = moments["step"].values, "<theta_1^2>"
    exact, frozen = (
        [_law(SETTINGS[sampling], noise, t)[label] for t in steps]
        for noise in ("minibatch", "additive")
    )
    series = (
        Series("all batch sequences", steps, moments["second"].values[:, 0, 0]),
        Series.theory("exact law", steps, exact),
        Series.rival("noise frozen at the minimiser", steps, frozen),
    )
    return Panel(sampling.replace("_", " "), "step", r"$\langle\theta_1^2\rangle$", series)
