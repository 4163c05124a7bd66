r"""Mean change of signal and noise, per step of SGD and per unit of time.

The first holds at any dimension and batch size, the second in the limit of large dimension.

One pass over fresh samples, batches of B, w += (lr/B) sum of the unfit y x/sqrt(d) (derived; exact
at every d, lr, B):

    E[da]   = (lr/d) g1
    E[ds^2] = (lr/d) { 2 s gz + T [(d-2) n + q]/d + (lr-T) gz^2/d },    T = lr/B.

For w_perp = s sqrt(d) e, each of the d - 2 directions orthogonal to e has second moment n and e
itself q; the last term is the square of the mean drift, once for every pair of different samples in
a batch. As d -> infinity at fixed T and margin, with tau = lr * steps / d,

    da/dtau = g1,    ds/dtau = gz + T n/(2 s),    d(s^2)/dtau = 2 s gz + T n .

Batch size and dimension have dropped out; that needs lr << d.
"""

from __future__ import annotations

import math

import numpy as np

from langevin_sgd.checks import as_count, as_real
from langevin_sgd.theory.perceptron.averages import averages, noise_averages, unfit_fraction
from langevin_sgd.theory.perceptron.inputs import Array, as_size, as_sizes, mean_projection
from langevin_sgd.theory.underflow import vanishing


@vanishing
def mean_increments(
    signal: float | Array,
    noise: float | Array,
    *,
    chi: float = 0.0,
    margin: float,
    temperature: float,
    dimension: int,
    batch_size: int,
) -> tuple[Array, Array]:
    """Exact mean changes of the signal a and of the squared noise s^2 in one step on fresh samples.

    Parameters
    ----------
    signal, noise
        a = w_1/sqrt(d) and s = ||w_perp||/sqrt(d), >= 0; they broadcast.
    chi, margin
        Data law, > -1, default 0; margin >= 0.
    temperature
        T = lr/B >= 0; the learning rate is T * B.
    dimension, batch_size
        d >= 2; B >= 1.

    Returns
    -------
    tuple
        E[da] and E[d(s^2)], of the shape of the state.

    Raises
    ------
    InputError
        If an argument is out of range.

    Examples
    --------
    >>> da, ds2 = mean_increments(0.0, 0.0, chi=1, margin=1.0, temperature=0.5, dimension=10,
    ...     batch_size=1)
    >>> round(float(da), 6), round(float(ds2), 6)
    (0.062666, 0.0225)
    """
    temperature = as_size("temperature", temperature)
    dimension = as_count("dimension", dimension, 2)
    batch_size = as_count("batch_size", batch_size)
    state = averages(signal, noise, chi=chi, margin=margin)
    lr = temperature * batch_size
    spread = temperature * ((dimension - 2) * state.n + state.q) + (lr - temperature) * state.gz**2
    return lr / dimension * state.g1, lr / dimension * (
        2 * as_sizes("noise", noise) * state.gz + spread / dimension
    )


def drift(a: Array, v: Array, chi: float, margin: float, temperature: float) -> tuple[Array, Array]:
    """Return da/dtau and dv/dtau, v = s^2, in the limit of large dimension; unchecked."""
    s = np.sqrt(v)
    gz, _ = noise_averages(a, s, chi, margin)
    n = unfit_fraction(a, s, chi, margin)
    return mean_projection(chi) * unfit_fraction(
        a, s, chi + 1, margin
    ), 2 * s * gz + temperature * n


@vanishing
def noise_drift(
    signal: float, noise: float, *, chi: float = 0.0, margin: float, temperature: float
) -> float:
    """ds/dtau = gz + T n/(2 s) in the limit of large dimension; infinite at noise 0 if T n > 0.

    Examples
    --------
    >>> round(noise_drift(1.3, 0.4, margin=0.2, temperature=1.0), 6)
    0.046791
    """
    temperature = as_size("temperature", temperature)
    signal, noise = as_real("signal", signal), as_real("noise", noise)
    state = averages(signal, noise, chi=chi, margin=margin)
    push = temperature * float(state.n)
    if push == 0:
        return float(state.gz)
    return float(state.gz) + push / (2 * noise) if noise > 0 else math.inf
