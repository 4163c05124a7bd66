r"""Gradients of the outputs of networks at single inputs, within bounded memory.

Of the gradient grad f(x_b), by all trained weights, of each network at each of its inputs. Where
networks give them as outer products none is ever stored; otherwise inputs or replicas go in short
stretches, so that at most `MOST_NUMBERS` numbers of gradients are held at a time.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch

from langevin_sgd.models.networks.interface import Replicas, given_factors

MOST_NUMBERS = 2**24
"""Numbers in the gradients by single inputs that are held at a time."""


def per_sample_gradients(replicas: Replicas, x: torch.Tensor) -> torch.Tensor:
    """Gradients at each input, as rows.

    Parameters
    ----------
    replicas
        The networks.
    x
        (replica, input, dimension).

    Returns
    -------
    torch.Tensor
        (replica, input, parameter), trained weights layer by layer in C order. All are held at
        once.
    """
    return torch.cat([part.flatten(2) for part in replicas.gradients(x).dense()], 2)


def squared_gradients(replicas: Replicas, x: torch.Tensor) -> torch.Tensor:
    """Squared norms of the gradients at each input.

    Parameters
    ----------
    replicas
        The networks.
    x
        (replica, input, dimension).

    Returns
    -------
    torch.Tensor
        (replica, input), |grad f(x_b)|^2.
    """
    if "factorised_gradients" in replicas.can:
        return replicas.gradients(x).squares()
    numbers = sum(w.numel() for w in replicas.trained)
    inputs_at_a_time = max(1, MOST_NUMBERS // numbers)
    stretches = x.split(inputs_at_a_time, 1)
    return torch.cat([replicas.gradients(stretch).squares() for stretch in stretches], 1)


def weighted_gradient(
    replicas: Replicas, pieces: Iterable[tuple[torch.Tensor, torch.Tensor]]
) -> list[torch.Tensor]:
    """Sum of c_b grad f(x_b) over inputs.

    Parameters
    ----------
    replicas
        The networks.
    pieces
        Inputs (replica, input, dimension) and their factors c (replica, input).

    Returns
    -------
    list of torch.Tensor
        A tensor (replica, ...) for each of the trained weights.
    """
    total = [torch.zeros_like(w) for w in replicas.trained]
    for x, factors in pieces:
        replicas.step(x, given_factors(factors), into=total)
    return total


def dot_products(a: list[torch.Tensor], b: list[torch.Tensor]) -> torch.Tensor:
    """Scalar products of two weight vectors as tensors (replica, ...): (replica,) float64."""
    products = [(v.double() * w.double()).flatten(1).sum(1) for v, w in zip(a, b, strict=True)]
    return torch.stack(products).sum(0)
