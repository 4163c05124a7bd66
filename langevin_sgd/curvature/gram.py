r"""Gram matrices of gradients at single points of a model, layer by layer.

Of the gradients phi_ia of output a at point i, and g_i of the loss, by one tensor of weights or by
all of them:

    gram_of_outputs  K_ia,jb = phi_ia . phi_jb        gram_of_losses  A_ij = g_i . g_j.

G = (1/n) sum_i phi_i phi_i^T and K/n have one nonzero spectrum (square loss), as have the second
moment of the g_i and A/n. Fully connected layers need no gradients at all: theirs are outer
products, and

    (delta_i a_i^T) . (delta_j a_j^T) = (delta_i . delta_j)(a_i . a_j).

Other weights, shared ones (convolutions) included, go tensor by tensor, the small ones together, so
that the gradients of all points by all weights are never held at once. Products are taken in the
type of the weights, their sum over layers in double precision.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from langevin_sgd.checks import as_instance
from langevin_sgd.curvature import sample_gradients
from langevin_sgd.curvature.linear_layers import outer_products
from langevin_sgd.curvature.loss_gradients import jacobian_rows
from langevin_sgd.curvature.room import require_room
from langevin_sgd.curvature.torch_model import TorchModel


def gram_of_outputs(model: TorchModel) -> torch.Tensor:
    """Return the products of the gradients of the outputs by all weights: the tangent kernel.

    Parameters
    ----------
    model
        Module, data and loss.

    Returns
    -------
    torch.Tensor
        (point, output, point, output) float64.

    Raises
    ------
    InputError
        If it does not fit into memory.
    """
    return _total(model, outputs_by_layer(model))


def gram_of_losses(model: TorchModel) -> torch.Tensor:
    """Return the products g_i . g_j of the gradients of the loss at single points.

    Parameters
    ----------
    model
        Module, data and loss.

    Returns
    -------
    torch.Tensor
        (point, point) float64.

    Raises
    ------
    InputError
        If it does not fit into memory.
    """
    return _total(model, losses_by_layer(model))


def outputs_by_layer(model: TorchModel) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the name of each tensor of weights with its part of `gram_of_outputs`, once each in no
    fixed order, in the type of the weights.

    Parameters
    ----------
    model
        Module, data and loss.

    Raises
    ------
    InputError
        If they do not fit into memory.
    """
    as_instance("model", model, TorchModel)
    one = torch.eye(model.outputs, dtype=model.dtype, device=model.device)
    return _grams(model, one.expand(model.points, -1, -1))


def losses_by_layer(model: TorchModel) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the name of each tensor of weights with its part of `gram_of_losses`, as
    `outputs_by_layer` does.

    Parameters
    ----------
    model
        Module, data and loss.

    Raises
    ------
    InputError
        If they do not fit into memory.
    """
    as_instance("model", model, TorchModel)
    factors = model.output_gradients()[:, None]
    return ((name, part[:, 0, :, 0]) for name, part in _grams(model, factors))


def _total(model: TorchModel, parts: Iterator[tuple[str, torch.Tensor]]) -> torch.Tensor:
    total = torch.zeros((), dtype=torch.float64, device=model.device)
    for _, part in parts:
        total = total + part.double()
    return total


def _grams(model: TorchModel, factors: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield name and Gram matrix (point, row, point, row) of combinations of gradients.

    Parameters
    ----------
    factors
        (point, row, output).
    """
    _require_room(model, rows=factors.shape[1])
    done = set()
    for name, entering, delta in outer_products(model, factors):
        done.add(name)
        products = _products(delta)
        if entering is not None:
            products *= (entering @ entering.mT)[:, None, :, None]
        yield name, products
    for names in _groups(model, done, rows=factors.shape[1]):
        yield from _dense(model, names, factors)


def _dense(
    model: TorchModel, names: list[str], factors: torch.Tensor
) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the Gram matrices of some tensors of weights from their gradients."""
    by = [model.weights[model.names.index(name)] for name in names]
    numbers = sum(w.numel() for w in by) * factors.shape[1]
    stretches = [
        jacobian_rows(model, by, stretch.inputs, factors[stretch.places])
        for stretch in model.stretches(sample_gradients.MOST_NUMBERS // numbers)
    ]
    for place, name in enumerate(names):
        yield name, _products(torch.cat([parts[place].flatten(2) for parts in stretches]))


def _products(rows: torch.Tensor) -> torch.Tensor:
    """Products (point, row, point, row) of vectors (point, row, number)."""
    flat = rows.flatten(0, 1)
    return (flat @ flat.mT).reshape(*rows.shape[:2], *rows.shape[:2])


def _groups(model: TorchModel, done: set[str], rows: int) -> Iterator[list[str]]:
    """Yield names of weights, as many together as gradients may be held at once."""
    group: list[str] = []
    held = 0
    for name, w in zip(model.names, model.weights, strict=True):
        numbers = w.numel() * model.points * rows
        if name in done:
            continue
        if group and held + numbers > sample_gradients.MOST_NUMBERS:
            yield group
            group, held = [], 0
        group.append(name)
        held += numbers
    if group:
        yield group


def _require_room(model: TorchModel, rows: int) -> None:
    """Refuse Gram matrices and gradients by the largest tensor that do not fit into memory."""
    size = model.weights[0].element_size()
    entries = (model.points * rows) ** 2
    layers = [layer for layer in model.module.modules() if type(layer) is torch.nn.Linear]
    linear = {id(p) for layer in layers for p in layer.parameters()}
    parameters = dict(model.module.named_parameters())
    largest = max(
        (parameters[name].numel() for name in model.names if id(parameters[name]) not in linear),
        default=0,
    )
    require_room(
        "model",
        f"{model.points} points with {rows} rows",
        entries * (8.0 + 2 * size) + float(largest) * model.points * rows * size,
        device=model.device,
        instead="take fewer points (model.take), or estimate without Gram matrices",
    )
