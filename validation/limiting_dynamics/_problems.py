"""The regression problems of this folder, as values for settings, and the laws of SGD on them.

Here too are the small errors that comparisons ought to notice: what a law would say at settings a
little off those of the runs.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

import langevin_sgd as ls


@dataclass(frozen=True)
class EmbeddedData:
    """Data that come with the package, ``diabetes`` or ``digits``, for minibatches.

    `components` keeps so many principal components of the inputs, the stiffest; 0 keeps all.
    """

    name: str
    components: int = 0

    def build(self) -> ls.LinearRegression:
        """Return least squares on them."""
        load = {"diabetes": ls.data.diabetes, "digits": ls.data.digits}[self.name]
        inputs, targets = load()
        if self.components:
            left, size, _ = np.linalg.svd(inputs, full_matrices=False)
            inputs = left[:, : self.components] * size[: self.components]
        return ls.LinearRegression.from_data(inputs, targets)


@dataclass(frozen=True, kw_only=True)
class GaussianSamples:
    """Gaussian inputs with label noise of variance one: real minibatches with Sigma = sigma^2 H.

    The eigenvalues of the inputs fall geometrically from 1 to `softest`.
    """

    samples: int
    inputs: int
    softest: float
    seed: int

    def build(self) -> ls.LinearRegression:
        """Return least squares on them."""
        eigenvalues = np.geomspace(1, self.softest, self.inputs)
        drawn = ls.data.gaussian_inputs(eigenvalues, samples=self.samples, seed=self.seed)
        return ls.LinearRegression.from_data(*drawn)


@dataclass(frozen=True)
class PowerLawSpectrum:
    """Eigenvalues l^-decay, l = 1 ... modes, with additive Gaussian noise of covariance H."""

    decay: float
    modes: int

    def build(self) -> ls.LinearRegression:
        """Return the problem."""
        return ls.LinearRegression.from_spectrum(np.arange(1, self.modes + 1) ** -float(self.decay))


RegressionProblem = EmbeddedData | GaussianSamples | PowerLawSpectrum
DIABETES, DIGITS = EmbeddedData("diabetes"), EmbeddedData("digits")


@lru_cache(maxsize=16)
def built(problem: RegressionProblem) -> ls.LinearRegression:
    """Build a problem, once."""
    return problem.build()


@lru_cache(maxsize=256)
def exact_law(
    problem: RegressionProblem, settings: ls.SGD, start: str = "stationary", offset: float = 0.0
) -> ls.theory.DiscreteLaw:
    """Return the exact law of SGD: minibatch noise with data, additive noise without.

    Parameters
    ----------
    problem
        What SGD runs on.
    settings
        Settings of SGD.
    start
        ``rest`` at theta = 0, ``minimiser`` at rest there, or ``stationary``.
    offset
        Shift of a stationary start along `OFFSET_MODE`.
    """
    regression = built(problem)
    noise = "additive" if regression.X is None or settings.sampling == "epochs" else "minibatch"
    law = ls.theory.DiscreteLaw(regression, settings, start=begin(problem, start), noise=noise)
    return replace(law, start=shifted(law.stationary(), problem, offset)) if offset else law


@lru_cache(maxsize=256)
def rival_laws(
    problem: RegressionProblem, settings: ls.SGD, start: str = "stationary"
) -> dict[str, ls.theory.Law]:
    """Return the two usual laws: noise frozen at the minimiser, and the Langevin equation."""
    regression, first = built(problem), begin(problem, start)
    return {
        "noise frozen at the minimiser": ls.theory.DiscreteLaw(
            regression, settings, start=first, noise="additive"
        ),
        "Langevin equation": ls.theory.LangevinLaw(regression, settings, start=first),
    }


def begin(problem: RegressionProblem, start: str) -> np.ndarray | str:
    """Return the start of a law, by its name."""
    regression = built(problem)
    return {
        "rest": np.zeros(regression.parameters),
        "minimiser": regression.minimiser,
        "stationary": "stationary",
    }[start]


@lru_cache(maxsize=64)
def lacking(
    problem: RegressionProblem, settings: ls.SGD, burn_in: int, lags: tuple[int, ...]
) -> np.ndarray:
    """Part of the stationary displacement that is missing `burn_in` steps from the minimiser.

    Modes softer than the burn-in are not stationary yet. By the law with the noise frozen at the
    minimiser, (lag,).
    """
    frozen = rival_laws(problem, settings, "minimiser")["noise frozen at the minimiser"]
    begun = ls.theory.Gaussian(frozen.mean(burn_in), frozen.covariance(burn_in))
    displacement = replace(frozen, start=begun).displacement_from_start(lags)
    return np.abs(1 - displacement / frozen.mean_square_displacement(lags))


OFFSET_MODE = -1
"""Eigenmode along which a start is displaced: the softest, slower than a run."""


def shifted(
    law: ls.theory.Gaussian, problem: RegressionProblem, offset: float
) -> ls.theory.Gaussian:
    """Move a law of (theta, v) by `offset` along `OFFSET_MODE`."""
    direction = built(problem).eigenvectors[:, OFFSET_MODE]
    return replace(
        law, mean=law.mean + offset * np.concatenate([direction, np.zeros_like(direction)])
    )


# --- small errors that ought to be noticed --------------------------------------------------------

SLIP = 0.1
"""Relative size of a small error in the learning rate and in 1 - momentum: 0.89 for 0.9."""
RESOLVED = 0.05
"""Part of the scale below which an error is not asked for: the deviation up to which a verdict is
called sharp."""


def slips(settings: ls.SGD) -> dict[str, ls.SGD]:
    """Return settings a little off, by what is wrong with them.

    The learning rate is 10 % larger, 1 - momentum 10 % larger, the batch an eighth larger.
    """
    lr, batch_size, momentum = settings.lr, settings.batch_size, settings.momentum
    changed = {f"lr {SLIP:.0%} larger": replace(settings, lr=(1 + SLIP) * lr)}
    if momentum > 0:
        off = 1 - (1 + SLIP) * (1 - momentum)
        changed[f"momentum {off:g} for {momentum:g}"] = replace(settings, momentum=off)
    if batch_size >= 8 and settings.sampling != "epochs":  # an epoch holds whole batches
        larger = batch_size + batch_size // 8
        name = f"batch size {larger} for {batch_size}"
        changed[name] = replace(settings, batch_size=larger)
    return changed


def near_misses(
    predict: Callable[[ls.SGD], float],
    settings: ls.SGD,
    *,
    margin: float = 0.0,
    scale: float | None = None,
    resolved: float = RESOLVED,
    more: dict[str, float] | None = None,
) -> dict[str, float]:
    """Return what would be predicted after a small error in the settings.

    Parameters
    ----------
    predict
        The prediction as a function of the settings.
    settings
        Those of the run.
    margin, scale
        Of the comparison; the scale is the prediction's size by default. Errors that the margin
        hides are listed.
    resolved
        Errors that the margin does not hide but that move the prediction by less than this part of
        the scale are left out, since no number of replicas is chosen to see them.
    more
        Predictions after other errors.
    """
    prediction = float(predict(settings))
    least = resolved * (abs(prediction) if scale is None else scale)
    found = {name: float(predict(changed)) for name, changed in slips(settings).items()}
    shifts = {
        name: (value, abs(value - prediction)) for name, value in (found | (more or {})).items()
    }
    return {
        name: value
        for name, (value, shift) in shifts.items()
        if 0 < shift < 2 * margin or shift >= max(least, 2 * margin)
    }
