r"""Gradients of fully connected layers of a module at single points, as outer products.

Of a layer z = W a + b that sees one vector a_i of a point, the gradient of an output by W is the
outer product of what comes back to z, delta_i, and a_i; that by b is delta_i. All points go through
the module in one forward pass and one backward pass a row of factors, since they do not mix.

A layer belongs here if it is a plain ``torch.nn.Linear`` that is called once with (point, neuron)
and whose weights act nowhere else; the last is tested by the sum over points, which must be the
gradient by autograd.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from langevin_sgd.curvature.torch_model import TorchModel


@dataclass
class Seen:
    """What a layer sees of some points, and what comes back to it."""

    calls: int = 0
    entering: list[torch.Tensor] = field(default_factory=list)
    """(point, neuron) of each stretch of points."""
    delta: list[torch.Tensor] = field(default_factory=list)
    """(point, row, neuron) of each stretch of points."""
    leaving: torch.Tensor | None = None
    is_alone: bool = True


def outer_products(
    model: TorchModel, factors: torch.Tensor
) -> Iterator[tuple[str, torch.Tensor | None, torch.Tensor]]:
    """Yield the name of a weight or bias, what enters the layer and what comes back to it.

    Parameters
    ----------
    model
        Module, data and loss.
    factors
        (point, row, output) of each output in each row.

    Yields
    ------
    tuple
        Name, entering (point, neuron), None for a bias, and delta (point, row, neuron).
    """
    layers = _candidates(model)
    seen = {name: Seen() for name in layers}
    for stretch in model.stretches():
        _look(model, layers, seen, stretch.inputs, factors[stretch.places])
    for name, of_layer in seen.items():
        if of_layer.is_alone:
            delta = torch.cat(of_layer.delta)
            for kind, entering in (("weight", torch.cat(of_layer.entering)), ("bias", None)):
                if f"{name}{kind}" in model.names:
                    yield f"{name}{kind}", entering, delta


def _candidates(model: TorchModel) -> dict[str, torch.nn.Linear]:
    """Prefix of the names of its weights -> layer, of plain layers that are trained."""
    return {
        f"{name}." if name else "": layer
        for name, layer in model.module.named_modules()
        if type(layer) is torch.nn.Linear
        and (f"{name}.weight" if name else "weight") in model.names
    }


def _look(
    model: TorchModel,
    layers: dict[str, torch.nn.Linear],
    seen: dict[str, Seen],
    x: torch.Tensor,
    factors: torch.Tensor,
) -> None:
    """Send some points through the module, forward and back, and keep what the layers see."""

    def hook(of_layer: Seen) -> object:
        def keep(_: object, entering: tuple[torch.Tensor, ...], leaving: torch.Tensor) -> object:
            of_layer.calls += 1
            of_layer.entering.append(entering[0].detach())
            of_layer.leaving = leaving
            # A copy goes on, for what is done in place behind the layer.
            return leaving.clone()

        return keep

    for of_layer in seen.values():
        of_layer.calls = 0
    handles = [layers[name].register_forward_hook(hook(seen[name])) for name in layers]  # type: ignore[arg-type]
    try:
        weights = [w.detach().requires_grad_() for w in model.weights]
        with torch.enable_grad():
            outputs = model.call(weights, x)
    finally:
        for handle in handles:
            handle.remove()
    alone = [s for s in seen.values() if s.is_alone and s.calls == 1 and s.entering[-1].ndim == 2]
    for of_layer in seen.values():
        of_layer.is_alone = any(of_layer is each for each in alone)
    if not alone:
        return
    rows = [_back(outputs, factors[:, row], alone) for row in range(factors.shape[1])]
    for of_layer, *deltas in zip(alone, *rows, strict=True):
        of_layer.delta.append(torch.stack(deltas, 1))
    _compare(model, seen, weights, (outputs * factors.sum(1)).sum())


def _back(outputs: torch.Tensor, factors: torch.Tensor, of: list[Seen]) -> list[torch.Tensor]:
    """Derivatives by what leaves the layers of the sum of factors times outputs."""
    leaving = [each.leaving for each in of if each.leaving is not None]
    total = (outputs * factors).sum()
    return list(torch.autograd.grad(total, leaving, retain_graph=True, materialize_grads=True))


def _compare(
    model: TorchModel, seen: dict[str, Seen], weights: list[torch.Tensor], total: torch.Tensor
) -> None:
    """Leave out layers whose outer products do not sum up to the gradient by autograd."""
    gradients = torch.autograd.grad(total, weights, materialize_grads=True)
    named = dict(zip(model.names, gradients, strict=True))
    for name, of_layer in seen.items():
        if of_layer.is_alone:
            delta = of_layer.delta[-1].sum(1)
            mine = {"weight": delta.mT @ of_layer.entering[-1], "bias": delta.sum(0)}
            for kind, value in mine.items():
                theirs = named.get(f"{name}{kind}", value)
                tolerance = 1e3 * torch.finfo(value.dtype).eps * delta.abs().sum()
                room = tolerance * (1 + of_layer.entering[-1].abs().max())
                of_layer.is_alone &= bool((theirs - value).abs().max() <= room)
