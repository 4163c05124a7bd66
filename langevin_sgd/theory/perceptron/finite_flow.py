r"""Signal and noise at finite dimension: corrections of order 1/d, and spread between runs.

SGD on fresh samples is a Markov chain of m = (a, v), v = s^2, with steps of length h = lr/d in tau.
To first order in 1/d its mean and covariance V obey (derived: van Kampen's system-size expansion of
the chain)

    dm/dtau = f + f_1/d - (h/2) J f + (1/2) f'' : V,      dV/dtau = J V + V J^T + D,

f the drift at d -> infinity (`increments`), J and f'' its first and second derivatives, f_1/d the
rest of the exact increments, -(h/2) J f what a step of finite length leaves out, and D the
covariance of one step over h:

    D_aa = (T/d) { E[x_1^2 theta] - g1^2 },               E[x_1^2 theta] = (1+chi) n_{chi+2},
    D_av = (T/d) { 2 s E[|x_1| z theta] + T g1 - g1 f_v }, E[|x_1| z theta] = M gz_{chi+1},
    D_vv = (T/d) { 4 s^2 q + 4 s T gz + T^2 n - f_v^2 } .

Range: corrections small, d >> 1 and lr << d, and a start that is soon forgotten; every sample is
fresh. E s = sqrt(v) (1 - V_vv/(8 v^2)). Derivatives of f are central differences with a relative
step of 1e-2, good to 1e-4 of themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import as_count, require, shown
from langevin_sgd.theory.perceptron.averages import noise_averages, unfit_fraction
from langevin_sgd.theory.perceptron.flow import FIRST_TIME, LAST_TIME, follow
from langevin_sgd.theory.perceptron.increments import drift
from langevin_sgd.theory.perceptron.inputs import (
    Array,
    as_integrable_chi,
    as_positive_size,
    as_size,
    mean_projection,
    not_negative,
)
from langevin_sgd.theory.perceptron.late_stage import quasi_stationary_noise
from langevin_sgd.theory.underflow import vanishing

_STEP = 1e-2
_STENCIL = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [-1, -1]], dtype=float)


@dataclass(frozen=True, eq=False)
class FiniteFlow:
    """Mean and standard deviation over runs of signal and noise; each of the shape of the times.

    The noise is NaN where s^2 has a spread above its mean, within the first steps: there the
    expansion does not hold.
    """

    signal: Array
    noise: Array
    signal_deviation: Array
    noise_deviation: Array


@vanishing
def finite_flow(
    tau: float | Sequence[float] | Array,
    *,
    chi: float = 0.0,
    margin: float,
    temperature: float,
    dimension: int,
    batch_size: int = 1,
    noise: float = 1e-3,
) -> FiniteFlow:
    """Follow mean and spread of one-pass SGD to first order in 1/d from no signal.

    Parameters
    ----------
    tau
        Times lr * steps / d >= 0.
    chi, margin
        Data law, > -1, default 0; margin >= 0.
    temperature
        T = lr/B > 0.
    dimension, batch_size
        d >= 2; B >= 1, default 1.
    noise
        s at tau = 0, > 0.

    Raises
    ------
    InputError
        If an argument is out of range.

    Examples
    --------
    >>> path = finite_flow(200.0, margin=0.0, temperature=1.0, dimension=64)
    >>> round(float(path.signal), 3), round(float(path.noise), 3)
    (2.639, 0.398)
    """
    times = not_negative("tau", tau)
    require(times.size > 0, "tau", tau, "must hold at least one time")
    chi, margin = as_integrable_chi("chi", chi), as_size("margin", margin)
    temperature, noise = (
        as_positive_size("temperature", temperature),
        as_positive_size("noise", noise),
    )
    dimension = as_count("dimension", dimension, 2)
    batch_size = as_count("batch_size", batch_size)
    chain = _Chain(chi, margin / temperature, dimension, batch_size)
    last = temperature * LAST_TIME
    require(bool((times <= last).all()), "tau", tau, f"must be at most {last:g}")
    moments, place = np.unique(times.ravel(), return_inverse=True)
    clock = np.log1p(moments / temperature / FIRST_TIME)
    start = [0.0, (noise / temperature) ** 2, 0.0, 0.0, 0.0]
    last, what = max(clock[-1], 1e-9), f"tau = {shown(tau)}"
    path = follow(chain.rate, start, last, what, t_eval=clock, rtol=1e-6, atol=chain.negligible)
    a, v, spread_a, _, spread_v = path.y[:, place.reshape(times.shape)]
    s = np.sqrt(np.where((v > 0) & (spread_v <= v**2), v, np.nan))
    return FiniteFlow(
        signal=temperature * a,
        noise=temperature * s * (1 - spread_v / (8 * s**4)),
        signal_deviation=temperature * np.sqrt(np.maximum(spread_a, 0.0)),
        noise_deviation=temperature * np.sqrt(np.maximum(spread_v, 0.0)) / (2 * s),
    )


@dataclass(frozen=True)
class _Chain:
    """The moment equations in units of the temperature."""

    chi: float
    margin: float
    dimension: int
    batch_size: int

    @property
    def negligible(self) -> list[float]:
        """Absolute errors of a, v, V_aa, V_av, V_vv that are far below any value that matters."""
        a = max(1.0, self.margin)
        v = quasi_stationary_noise(chi=self.chi, margin=self.margin, temperature=1.0) ** 2
        spreads = np.array([a * a, a * v, v * v]) / self.dimension
        return [float(scale) * 1e-8 for scale in (a, v, *spreads)]

    def rate(self, state: Array) -> list[float]:
        here = np.maximum(state[:2], [0.0, 1e-300])
        # below the noise of a single step the expansion says nothing: its coefficients are taken
        # there
        centre = np.array([here[0], max(here[1], 1 / self.dimension)])
        covariance = state[[2, 3, 3, 4]].reshape(2, 2)
        width = _STEP * np.array([centre[0] + np.sqrt(centre[1]), centre[1]])
        f, slope, bend = self._expansion(here, np.maximum(centre, width), width)
        mean = (
            f
            - slope @ f * self.batch_size / (2 * self.dimension)
            + 0.5 * np.einsum("ijk,jk->i", bend, covariance)
        )
        drive, diffusion = self._exact_parts(here, f)
        spread = slope @ covariance + covariance @ slope.T + diffusion
        return [mean[0], mean[1] + drive, spread[0, 0], spread[0, 1], spread[1, 1]]

    def _expansion(self, here: Array, centre: Array, width: Array) -> tuple[Array, Array, Array]:
        """Drift, gradient and Hessian at the centre.

        The gradient is (component, variable), the Hessian (component, variable, variable).
        """
        a, v = np.vstack([centre + _STENCIL * width, here]).T
        f = np.array(drift(a, v, self.chi, self.margin, 1.0))
        slope = np.stack([f[:, 1] - f[:, 2], f[:, 3] - f[:, 4]], axis=1) / (2 * width)
        straight = np.stack([f[:, 1] + f[:, 2], f[:, 3] + f[:, 4]], axis=1) - 2 * f[:, [0]]
        mixed = (f[:, 5] + f[:, 6] - 2 * f[:, 0] - straight.sum(axis=1)) / 2
        bend = np.stack([straight[:, 0], mixed, mixed, straight[:, 1]], axis=1).reshape(2, 2, 2)
        return f[:, -1], slope, bend / np.multiply.outer(width, width)

    def _exact_parts(self, here: Array, f: Array) -> tuple[float, Array]:
        """The rest of the exact drift of v at this dimension, and the diffusion matrix."""
        a, v = here[:1], here[1:]
        s, chi, mean = np.sqrt(v[0]), self.chi, mean_projection(self.chi)
        n = unfit_fraction(a, np.sqrt(v), chi, self.margin)[0]
        gz, excess = (float(part[0]) for part in noise_averages(a, np.sqrt(v), chi, self.margin))
        tilted = mean * noise_averages(a, np.sqrt(v), chi + 1, self.margin)[0][0]
        square = (1 + chi) * unfit_fraction(a, np.sqrt(v), chi + 2, self.margin)[0]
        rest = (excess - n + (self.batch_size - 1) * gz**2) / self.dimension
        aa = square - f[0] ** 2
        av = 2 * s * tilted + f[0] - f[0] * f[1]
        vv = 4 * v[0] * (n + excess) + 4 * s * gz + n - f[1] ** 2
        return rest, np.array([[aa, av], [av, vv]]) / self.dimension
