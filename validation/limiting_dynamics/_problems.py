"""The regression problems of this folder, as values for settings, and the laws of SGD on them."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

import langevin_sgd as ls


@dataclass(frozen=True)
class EmbeddedData:
    """Data that come with the package, ``diabetes`` or ``digits``, for minibatches."""

    name: str

    def build(self) -> ls.LinearRegression:
        """Return least squares on them."""
        load = {"diabetes": ls.data.diabetes, "digits": ls.data.digits}[self.name]
        return ls.LinearRegression.from_data(*load())


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


@lru_cache(maxsize=64)
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


@lru_cache(maxsize=64)
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
