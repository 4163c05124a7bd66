r"""Which theory says where SGD stops: the exact edge of the mean square, or one of its rivals.

Every theory of the stability of SGD says of a minimum up to which learning rate SGD stays there.
From a start that is too sharp it should stop where that is the learning rate it has. The score of a
theory is the root mean square of ln(lr / what it allows) over searches at batch sizes from one to
all points, at two learning rates each. Compared are the scores of the rivals with that of the exact
edge, on the same minima:

- gradient descent, 2/lambda_1;
- the trace, 2/(p Tr H), and the bound of Wu, Wang and Su, 1/(||H||_F sqrt(p mu_0)), where there is
  noise (p > 0);
- the sufficient condition of Wu, Ma and E;
- batch sharpness, 2/E_b[g.H_b g/|g|^2], at the residuals that are left, where there is noise.

The score of the exact edge is set by the few runs that went past it, so that leads are known to a
sixth of an e-fold, and the comparisons are loose; the smallest lead is a factor of two and a half.
In the second version of these criteria batch sharpness was asked at full batches too, where it
cannot know; in the third and fourth the condition of one step could not be told from the edge,
since the score of the edge was that of the few replicas that had just been thrown off.

The edge of typical runs (the Lyapunov exponent) is no rival here: it lies 5 to 15 % beyond that of
the mean square, less than these data tell apart.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from langevin_sgd.validation.flat_minima import _minima as minima
from langevin_sgd.validation.flat_minima._minima import CASES, Theory

import langevin_sgd as ls
from langevin_sgd.claims import Comparison, Data
from langevin_sgd.plotting import Panel, Series

RIVALS: dict[str, Theory] = {
    "2/lambda_1": minima.of_gradient_descent,
    "trace": minima.of_trace,
    "Frobenius bound": minima.of_frobenius,
    "condition of one step": minima.of_one_step,
    "batch sharpness": minima.of_batch_sharpness,
}


def squares(data: Data, theory: Theory) -> np.ndarray:
    """Squares of ln(lr / what a theory allows), (replica, case); NaN where it says nothing."""
    return np.stack([minima.distances(data, case, theory) ** 2 for case in CASES], axis=1)


def lead(data: Data, rival: Theory) -> ls.Estimate:
    """ln of the rival's score over that of the exact edge, where the rival says something."""
    theirs, ours = squares(data, rival), squares(data, minima.exact)
    said = np.isfinite(theirs).all(axis=0)
    scores = np.stack([theirs[:, said].mean(axis=1), ours[:, said].mean(axis=1)], axis=1)

    def ratio(means: np.ndarray) -> np.ndarray:
        return np.asarray(0.5 * np.log(means[:, 0] / means[:, 1]))

    value, error = ls.measure.jackknife(ratio, scores)
    return ls.Estimate(
        value=float(value),
        standard_error=float(error),
        n_independent=len(scores),
        method="ratio of root mean squares, jackknife over replicas",
    )


def compared(name: str, rival: Theory) -> Comparison:
    """Compare the score of a rival with that of the exact edge."""
    return Comparison(
        name=f"ln(score of {name} / score of the exact edge)",
        kind="at_least",
        prediction=0.0,
        scale=1.0,
        rivals={"the rival is twice as near": -float(np.log(2))},
        near_misses={"the rival is nearer by a quarter": -float(np.log(1.25))},
        measure=partial(lead, rival=rival),
        placebo=partial(_of_nobody, rival=rival),
    )


def _of_nobody(data: Data, rival: Theory) -> ls.Estimate:
    """The same with the two theories exchanged in every other replica."""
    theirs, ours = squares(data, rival), squares(data, minima.exact)
    said = np.isfinite(theirs).all(axis=0)
    pairs = np.stack([theirs[:, said].mean(axis=1), ours[:, said].mean(axis=1)], axis=1)
    pairs[::2] = pairs[::2, ::-1]
    difference = np.log(pairs[:, 0] / pairs[:, 1]) / 2
    return ls.Estimate.from_samples(difference)


class SharpnessContest(ls.claims.Claim):
    sample = "minima"
    title = "Which theory sets the sharpness"
    statement = (
        "The exact edge of the mean square says better than the largest eigenvalue, the trace, the "
        "Frobenius bound, the condition of one step and batch sharpness where SGD stops."
    )
    formula = "rms ln(lr/edge) < rms ln(lr/lr_rival)"
    source = (
        "derived; rivals: Wu, Ma and E, NeurIPS 2018; Wu, Wang and Su, arXiv 2207.02628; Andreyev "
        "and Beneventano, arXiv 2412.20553"
    )
    validity = (
        "As in distance_to_threshold; batch sizes 1, 4 and all of 32 digits, one output. The edge "
        "of typical runs is too near to be told from that of the mean square."
    )
    control_statement = "Every rival is twice as near."
    tiers = ("quick",)

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return minima.tasks(seed)

    def comparisons(self, tier: str) -> list[Comparison]:
        return [compared(name, rival) for name, rival in RIVALS.items()]

    def out_of_range(self, data: Data, tier: str) -> str | None:
        return minima.not_stopped(data)

    def panels(self, data: Data, tier: str) -> list[Panel]:
        series = []
        for name, theory in {"exact edge": minima.exact, **RIVALS}.items():
            found = [
                (case.batch_size * (1 + 0.2 * (case.lr == minima.RATES[case.batch_size][1])), one)
                for case in CASES
                for one in [np.exp(minima.distances(data, case, theory))]
                if np.isfinite(one).all()
            ]
            places = [place for place, _ in found]
            means = [ls.Estimate.from_samples(values) for _, values in found]
            series.append(Series.measured(name, places, means))
        ends = [0.8, 1.5 * minima.POINTS]
        return [
            Panel(
                title="Where SGD stops, by theory",
                x_label="B (the larger learning rate beside the smaller)",
                y_label="lr / what the theory allows",
                series=(*series, Series.guide("stops where the theory says", ends, [1.0, 1.0])),
                x_scale="log",
                y_scale="log",
            )
        ]
