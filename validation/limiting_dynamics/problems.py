"""The regression problems that the claims of this folder run on, by name."""

from dataclasses import replace
from functools import lru_cache

import numpy as np

import langevin_sgd as ls


@lru_cache(maxsize=16)
def problem(name: str) -> ls.LinearRegression:
    """Build a problem.

    Parameters
    ----------
    name
        ``diabetes`` or ``digits``: the embedded data, every minibatch drawn from them.
        ``gaussian``: 8192 samples of eight Gaussian inputs, eigenvalues from 1 to 0.02, and label
        noise of variance one: real minibatches in the case Sigma = sigma^2 H. ``small_gaussian``:
        512 such samples of six inputs, eigenvalues from 1 to 0.001. ``power_law(s, modes)``, for
        instance ``power_law(1.5,1500)``: eigenvalues l^-s with additive Gaussian noise H.
    """
    if name == "diabetes":
        return ls.LinearRegression.from_data(*ls.data.diabetes())
    if name == "digits":
        return ls.LinearRegression.from_data(*ls.data.digits())
    if name == "gaussian":
        return ls.LinearRegression.from_data(
            *ls.data.gaussian_inputs(np.geomspace(1, 0.02, 8), samples=8192, seed=1)
        )
    if name == "small_gaussian":
        return ls.LinearRegression.from_data(
            *ls.data.gaussian_inputs(np.geomspace(1, 1e-3, 6), samples=512, seed=2)
        )
    s, modes = name.removeprefix("power_law(").removesuffix(")").split(",")
    return ls.LinearRegression.from_spectrum(np.arange(1, int(modes) + 1) ** -float(s))


@lru_cache(maxsize=64)
def exact_law(
    name: str, settings: ls.SGD, start: str = "stationary", offset: float = 0.0
) -> ls.theory.DiscreteLaw:
    """Return the exact law of SGD on a problem: state-dependent minibatch noise with data, additive
    noise without.

    Parameters
    ----------
    name
        Name of the problem.
    settings
        Settings of SGD.
    start
        ``rest`` at theta = 0, ``minimiser`` at rest there, or ``stationary``.
    offset
        Shift of a stationary start along `OFFSET_MODE`.
    """
    found = problem(name)
    noise = "additive" if found.X is None or settings.sampling == "epochs" else "minibatch"
    law = ls.theory.DiscreteLaw(found, settings, start=begin(name, start), noise=noise)
    return replace(law, start=shifted(law.stationary(), name, offset)) if offset else law


@lru_cache(maxsize=64)
def rival_laws(name: str, settings: ls.SGD, start: str = "stationary") -> dict[str, ls.theory.Law]:
    """Return the two laws that most theory stands on: noise frozen at the minimiser, and the
    Langevin equation.
    """
    found, first = problem(name), begin(name, start)
    return {
        "noise frozen at the minimiser": ls.theory.DiscreteLaw(
            found, settings, start=first, noise="additive"
        ),
        "Langevin equation": ls.theory.LangevinLaw(found, settings, start=first),
    }


def begin(name: str, start: str) -> np.ndarray | str:
    """Return the start of a law, by its name."""
    found = problem(name)
    return {
        "rest": np.zeros(found.parameters),
        "minimiser": found.minimiser,
        "stationary": "stationary",
    }[start]


OFFSET_MODE = -1
"""Eigenmode along which a start is displaced: the softest, slower than a run."""


def shifted(law: ls.theory.Gaussian, name: str, offset: float) -> ls.theory.Gaussian:
    """Move a law of (theta, v) by `offset` along `OFFSET_MODE`."""
    direction = problem(name).eigenvectors[:, OFFSET_MODE]
    return replace(
        law, mean=law.mean + offset * np.concatenate([direction, np.zeros_like(direction)])
    )
