r"""Gradients of the loss at single points of a model, in stretches.

g_i = J_i^T s_i, with s_i the gradient of the loss at point i by the outputs: a ``vmap`` over points
of a reverse pass. At most `sample_gradients.MOST_NUMBERS` numbers are held at a time, unless all
are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.func import vjp, vmap

from langevin_sgd.checks import as_instance
from langevin_sgd.curvature import sample_gradients
from langevin_sgd.curvature.model_checks import in_one_line
from langevin_sgd.curvature.room import require_room
from langevin_sgd.curvature.torch_model import TorchModel


def loss_gradients(model: TorchModel) -> torch.Tensor:
    """Return the gradients of the loss at all points, as rows.

    Parameters
    ----------
    model
        Module, data and loss.

    Returns
    -------
    torch.Tensor
        (point, parameter); their mean is the gradient of the loss.

    Raises
    ------
    InputError
        If they do not fit into memory.
    """
    as_instance("model", model, TorchModel)
    require_room(
        "model",
        f"{model.points} points times {model.size} parameters",
        model.points * model.size * model.weights[0].element_size(),
        device=model.device,
        instead="take fewer points (model.take), or what needs no rows: gram, operators",
    )
    return torch.cat([rows for _, rows in loss_gradient_stretches(model)])


def loss_gradient_norms(model: TorchModel) -> torch.Tensor:
    """Return the norms |g_i| of the gradients of the loss at all points.

    Parameters
    ----------
    model
        Module, data and loss.

    Returns
    -------
    torch.Tensor
        (point,) float64.
    """
    as_instance("model", model, TorchModel)
    squares = [rows.double().square().sum(1) for _, rows in loss_gradient_stretches(model)]
    return torch.cat(squares).sqrt()


def loss_gradient_stretches(model: TorchModel) -> Iterator[tuple[slice, torch.Tensor]]:
    """Yield places and gradients (point, parameter) of stretches of points."""
    factors = model.output_gradients()[:, None]
    for stretch in model.stretches(sample_gradients.MOST_NUMBERS // model.size):
        columns = jacobian_rows(model, model.weights, stretch.inputs, factors[stretch.places])
        yield stretch.places, torch.cat([part.flatten(2) for part in columns], 2)[:, 0]


def jacobian_rows(
    model: TorchModel, by: list[torch.Tensor], x: torch.Tensor, factors: torch.Tensor
) -> list[torch.Tensor]:
    """Return combinations of gradients of the outputs, at each point.

    Parameters
    ----------
    model
        Module, data and loss.
    by
        The weights by which to differentiate, some of ``model.weights`` themselves.
    x
        (point, ...).
    factors
        (point, row, output) of each output in each row.

    Returns
    -------
    list of torch.Tensor
        (point, row, ...) for each tensor of `by`.
    """
    places = {id(tensor): place for place, tensor in enumerate(by)}

    def call(chosen: list[torch.Tensor], point: torch.Tensor) -> torch.Tensor:
        weights = [chosen[places[id(w)]] if id(w) in places else w for w in model.weights]
        return model.call(weights, point[None])[0]

    def rows(point: torch.Tensor, factors: torch.Tensor) -> list[torch.Tensor]:
        pull_back = vjp(lambda chosen: call(chosen, point), by)[1]
        gradients: list[torch.Tensor] = vmap(pull_back)(factors)[0]
        return gradients

    with in_one_line("gradients at single points"):
        of_points: list[torch.Tensor] = vmap(rows)(x, factors)
    return of_points
