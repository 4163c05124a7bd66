"""Checks of a module and its data before their curvature is measured; each refusal names the way
out.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.func import vjp
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd
from torch.utils.data import DataLoader, SequentialSampler

from langevin_sgd.checks import InputError, as_instance, require
from langevin_sgd.models.networks.trainable import agree, reason

_INPUTS = 4
"""Number of points on which a module is tried."""

Outputs = Callable[[Sequence[torch.Tensor], torch.Tensor], torch.Tensor]


def require_module(module: Any) -> torch.Tensor:
    """Return a trained parameter, for type and device, of a module that can be measured.

    Raises
    ------
    InputError
        If it is no module, in training mode where that matters, lazy, or of several types.
    """
    allowed = "must be a torch.nn.Module, a made one and not its class"
    as_instance("module", module, torch.nn.Module, allowed)
    kind = type(module).__name__
    tensors = [*module.parameters(), *module.buffers()]
    lazy = any(torch.nn.parameter.is_lazy(tensor) for tensor in tensors)
    require(not lazy, "module", kind, "has lazy layers: call it once on some inputs first")
    for name, layer in module.named_modules():
        _require_at_rest(f"{kind}.{name}" if name else kind, layer)
    trained = [p for p in module.parameters() if p.requires_grad]
    require(bool(trained), "module", kind, "has no parameter that requires a gradient")
    types = {(str(p.dtype), str(p.device)) for p in trained}
    require(
        len(types) == 1 and trained[0].is_floating_point(),
        "module",
        kind,
        f"has parameters of {', '.join(sorted(map(' on '.join, types)))}: "
        "must be of one floating type on one device (call .to(...))",
    )
    return trained[0]


def _require_at_rest(name: str, layer: torch.nn.Module) -> None:
    """Refuse a layer that draws random numbers or couples the points of a batch."""
    if isinstance(layer, _DropoutNd):
        active = layer.training and layer.p > 0
        require(not active, "module", name, "is active dropout: call .eval() on the module first")
    if isinstance(layer, _NormBase):
        couples = isinstance(layer, torch.nn.modules.batchnorm._BatchNorm)
        by_batch = layer.training if layer.track_running_stats else couples
        way_out = (
            "call .eval() on the module first"
            if layer.track_running_stats
            else "keeps no running statistics, take GroupNorm or LayerNorm"
        )
        require(
            not by_batch,
            "module",
            name,
            f"normalises by the statistics of a batch, which couples its points: {way_out}",
        )


def copy_of(module: torch.nn.Module) -> torch.nn.Module:
    """Return a copy, or refuse a module that cannot be copied."""
    try:
        return copy.deepcopy(module)
    except Exception as error:
        raise InputError(
            f"module = {type(module).__name__}: cannot be copied ({reason(error)}); build it anew "
            "and load its state_dict"
        ) from None


def as_inputs(inputs: Any, like: torch.Tensor) -> torch.Tensor:
    """Return inputs (point, ...) on the device of the weights, floating ones of their type."""
    allowed = "must be a tensor (point, ...) of at least one point"
    if isinstance(inputs, DataLoader):
        raise InputError("inputs = a DataLoader: use TorchModel.from_loader(module, loader)")
    as_instance("inputs", inputs, torch.Tensor, allowed)
    require(inputs.ndim > 0 and len(inputs) > 0, "inputs", inputs, allowed)
    require(not inputs.is_complex(), "inputs", inputs, "must be real numbers")
    wanted = like.dtype if inputs.is_floating_point() else inputs.dtype
    return inputs.detach().to(dtype=wanted, device=like.device)


def require_outputs(call: Outputs, weights: Sequence[torch.Tensor], inputs: torch.Tensor) -> int:
    """Return the number of outputs of a module, tried on a few points.

    Raises
    ------
    InputError
        If it fails, gives anything but (point,) or (point, output), draws random numbers, or its
        outputs depend on the other points of a batch.
    """
    x = inputs[torch.arange(_INPUTS, device=inputs.device) % len(inputs)]
    devices = [inputs.device] if inputs.is_cuda else []
    with torch.no_grad(), torch.random.fork_rng(devices=devices):
        try:
            first = call(weights, x)
        except Exception as error:
            raise InputError(
                f"inputs = shape {tuple(inputs.shape)} of {inputs.dtype}: the module does not take "
                f"them ({reason(error)})"
            ) from None
        shape = tuple(getattr(first, "shape", ()))
        fits = isinstance(first, torch.Tensor) and len(shape) in (1, 2) and shape[0] == len(x)
        require(
            fits and first.is_floating_point() and first.numel() > 0,
            "module",
            f"outputs of shape {shape} for {len(x)} points",
            "must be one tensor (point,) or (point, output) of floating numbers",
        )
        torch.manual_seed(1)
        require(
            agree(call(weights, x), first),
            "module",
            "outputs that change when it is called again",
            "must not draw random numbers (dropout?): call .eval() on it first",
        )
        require(
            agree(call(weights, x[:2]), first[:2]),
            "module",
            "outputs that depend on the other points of a batch",
            "must treat each point alone (normalisation or softmax over the batch?): call .eval()",
        )
    return 1 if first.ndim == 1 else int(first.shape[1])


def require_gradient(call: Outputs, weights: Sequence[torch.Tensor], inputs: torch.Tensor) -> None:
    """Raise `InputError` unless outputs can be differentiated by ``torch.func``, on one point."""
    with in_one_line("the gradient"):
        outputs, pull_back, *_ = vjp(lambda w: call(w, inputs[:1]), list(weights))
        pull_back(torch.ones_like(outputs))


@contextmanager
def in_one_line(what: str) -> Iterator[None]:
    """Turn what ``torch.func`` says of a module that it cannot differentiate into a refusal."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, NotImplementedError) as error:
        raise InputError(
            f"module: torch.func cannot differentiate it as {what} needs ({reason(error)}); "
            "replace the layer that is named: no branches on numbers, no changes in place"
        ) from error


def as_targets(
    targets: Any, points: int, outputs: int, like: torch.Tensor, *, classes: bool
) -> torch.Tensor:
    """Return targets that fit: classes (point,), or numbers (point, output)."""
    as_instance("targets", targets, torch.Tensor, "must be a tensor")
    shape = tuple(targets.shape)
    require(len(shape) > 0, "targets", targets, f"must be a tensor of {points} points")
    require(shape[0] == points, "targets", shape[0], f"must be {points} points, as the inputs")
    if classes:
        integers = not targets.is_floating_point() and not targets.is_complex()
        fits = integers and targets.dtype != torch.bool and len(shape) == 1
        allowed = "must be classes (point,) of integers for cross_entropy"
        require(fits, "targets", f"shape {shape} of {targets.dtype}", allowed)
        require(outputs > 1, "loss", "cross_entropy", "needs at least two outputs, one a class")
        inside = bool(((targets >= 0) & (targets < outputs)).all())
        largest = f"{int(targets.min())} ... {int(targets.max())}"
        require(inside, "targets", largest, f"must be classes 0 ... {outputs - 1}")
        return targets.detach().to(dtype=torch.int64, device=like.device)
    allowed = f"must be numbers of shape ({points}, {outputs}), as the outputs, for the square loss"
    hint = " (of classes: torch.nn.functional.one_hot(targets).float())" if outputs > 1 else ""
    fits = not targets.is_complex() and shape in {(points, outputs)} | (
        {(points,)} if outputs == 1 else set()
    )
    require(fits, "targets", f"shape {shape} of {targets.dtype}", allowed + hint)
    return targets.detach().to(dtype=like.dtype, device=like.device).reshape(points, outputs)


def require_finite(losses: torch.Tensor) -> None:
    """Refuse a loss that is not finite, naming the first point where it is not."""
    bad = (~losses.isfinite()).nonzero()
    if len(bad):
        place = int(bad[0])
        raise InputError(
            f"loss = {float(losses[place])} at point {place} ({len(bad)} of {len(losses)}): "
            "must be finite; the training has diverged, or inputs, targets or weights hold NaN"
        )


def all_of(loader: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Return all inputs and targets of a loader that keeps their order.

    Raises
    ------
    InputError
        If it is none, shuffles, drops points, or gives anything but pairs of tensors.
    """
    as_instance("loader", loader, DataLoader, "must be a torch.utils.data.DataLoader")
    in_order = isinstance(getattr(loader, "sampler", None), SequentialSampler)
    require(
        in_order,
        "loader",
        type(loader.sampler).__name__,
        "shuffles its points: make one with DataLoader(dataset, shuffle=False)",
    )
    require(not loader.drop_last, "loader", "drop_last=True", "drops points: leave it out")
    pairs = list(loader)
    fit = all(
        isinstance(pair, list | tuple)
        and len(pair) == 2
        and all(isinstance(part, torch.Tensor) for part in pair)
        for pair in pairs
    )
    require(fit and bool(pairs), "loader", loader, "must give pairs of tensors (inputs, targets)")
    return torch.cat([x for x, _ in pairs]), torch.cat([t for _, t in pairs])


def as_places(places: Any, points: int) -> torch.Tensor:
    """Return numbers of points, (count,) of int64."""
    allowed = f"must be a tensor (count,) of integers from 0 to {points - 1}"
    as_instance("places", places, torch.Tensor, allowed)
    integers = not places.is_floating_point() and not places.is_complex()
    fits = integers and places.dtype != torch.bool and places.ndim == 1 and len(places) > 0
    require(fits, "places", places, allowed)
    require(bool(((places >= 0) & (places < points)).all()), "places", places, allowed)
    return places.to(torch.int64)


def as_vector(
    name: str, values: Any, size: int, like: torch.Tensor, *, block: bool
) -> torch.Tensor:
    """Return a vector (parameter,), or a block (parameter, vector), in the type of the weights."""
    shape = f"({size}, vectors)" if block else f"({size},)"
    allowed = f"must be a tensor {shape} of finite numbers, one for each parameter"
    as_instance(name, values, torch.Tensor, allowed)
    fits = values.ndim == (2 if block else 1) and len(values) == size and not values.is_complex()
    require(fits and values.dtype != torch.bool, name, values, allowed)
    require(bool(values.isfinite().all()), name, values, allowed)
    return values.detach().to(dtype=like.dtype, device=like.device)
