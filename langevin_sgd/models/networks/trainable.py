"""Checks of a torch module of your own before it is trained; each refusal names the way out.

An output must be one number, a function of its own input and of the weights alone; and the module
must be one that ``torch.func.vmap`` can take, which calls it once for all replicas.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch

from langevin_sgd.checks import InputError
from langevin_sgd.models.networks.vectorised import VectorisedReplicas

_INPUTS = 4
"""Number of inputs on which a module is tried."""
_ROUNDING = 1e-3
"""Difference of outputs, relative to the largest, up to which two calls agree."""


def made_by(build: Callable[[], Any]) -> torch.nn.Module:
    """Call `build` and return its module.

    Raises
    ------
    InputError
        If it fails, makes no module, or one with lazy layers or buffers.
    """
    try:
        module = build()
    except Exception as error:
        raise _refusal(f"fails when it is called without arguments ({reason(error)})") from error
    if not isinstance(module, torch.nn.Module):
        raise _refusal(f"must return a torch.nn.Module, not {type(module).__name__}")
    if any(
        torch.nn.parameter.is_lazy(tensor) for tensor in (*module.parameters(), *module.buffers())
    ):
        raise _refusal(
            "makes a module with lazy layers: give them their sizes (Linear in place of LazyLinear)"
        )
    if any(isinstance(layer, torch.nn.modules.batchnorm._BatchNorm) for layer in module.modules()):
        raise _refusal(
            "makes a module with batch normalisation, whose outputs depend "
            "on the other inputs of a batch and which holds buffers: take GroupNorm or LayerNorm"
        )
    if any(True for _ in module.buffers()):
        raise _refusal(
            "makes a module with buffers: "
            "must hold parameters only (a constant can be a plain attribute)"
        )
    return module


def require_trainable(module: Callable[[int], torch.nn.Module], inputs: torch.Tensor) -> None:
    """Raise `InputError` unless many replicas of a module can be trained together.

    Parameters
    ----------
    module
        Replica -> a new module with its weights.
    inputs
        (input, dimension) some training points.
    """
    first, again, other = module(0), module(0), module(1)
    _require_new_weights(first, again, other)
    x = inputs[torch.arange(_INPUTS, device=inputs.device) % len(inputs)]
    modules = [fresh.to(device=x.device, dtype=x.dtype) for fresh in (first, other)]
    with torch.random.fork_rng(devices=[]):
        outputs = _require_one_number(modules[0], x)
        _require_no_chance(modules[0], x, outputs)
        changes = _require_vectorised(modules, x)
        _require_lonely_inputs(modules[0], x, outputs)
    if bool((outputs != 0).any()) and not any(bool(change.any()) for change in changes):
        raise _refusal(
            "makes a module whose outputs do not depend "
            "on its weights (softmax of one number, detach?)"
        )


def _require_new_weights(
    first: torch.nn.Module, again: torch.nn.Module, other: torch.nn.Module
) -> None:
    """Check that each call gives new parameters, of one shape, from torch's generator."""
    ours, theirs, others = (dict(module.named_parameters()) for module in (first, again, other))
    if not any(p.requires_grad for p in ours.values()):
        raise _refusal("makes a module without trained parameters")
    if any(p is theirs.get(name) for name, p in ours.items()):
        raise _refusal(
            "returns the same module at each call, "
            "which all replicas would share: must make a new one"
        )
    if {name: p.shape for name, p in ours.items()} != {name: p.shape for name, p in others.items()}:
        raise _refusal("makes modules of different shapes: replicas must have one architecture")
    if not all(torch.equal(p, theirs[name]) for name, p in ours.items()):
        raise _refusal(
            "draws initial weights that do not come from torch's generator, "
            "so that no run can be repeated"
        )
    if all(torch.equal(p, others[name]) for name, p in ours.items()):
        warnings.warn(
            "build: makes modules of the same weights at each call, "
            "so that all replicas start equal and differ in their points and batches only",
            stacklevel=2,
        )


def _require_one_number(module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Return outputs (input,) of a module."""
    try:
        outputs = module(x)
    except Exception as error:
        raise _refusal(
            f"makes a module that does not take inputs of shape {tuple(x.shape)} ({reason(error)})"
        ) from error
    if not isinstance(outputs, torch.Tensor):
        raise _refusal(
            f"makes a module that returns a {type(outputs).__name__}: must be one tensor"
        )
    if (
        outputs.shape[:1] != x.shape[:1]
        or outputs.numel() != len(x)
        or not outputs.is_floating_point()
    ):
        kind = (
            f"a tensor of shape {tuple(outputs.shape)} and type {outputs.dtype} for {len(x)} inputs"
        )
        raise _refusal(
            f"makes a module that returns {kind}: "
            "must be one number for each (a last layer Linear(..., 1))"
        )
    return outputs.detach().reshape(len(x))


def _require_no_chance(module: torch.nn.Module, x: torch.Tensor, outputs: torch.Tensor) -> None:
    torch.manual_seed(1)
    if not agree(_require_one_number(module, x), outputs):
        way_out = "leave it out, or let build return module.eval()"
        raise _refusal(
            f"makes a module that gives other outputs when it is called again (dropout?): {way_out}"
        )


def _require_lonely_inputs(module: torch.nn.Module, x: torch.Tensor, outputs: torch.Tensor) -> None:
    """An output must not depend on the other inputs of a batch."""
    if not agree(_require_one_number(module, x[:2]), outputs[:2]):
        kind = (
            "whose outputs depend on the other inputs "
            "of a batch (normalisation or softmax over it?)"
        )
        raise _refusal(f"makes a module {kind}: must treat each input alone")


def agree(outputs: torch.Tensor, again: torch.Tensor) -> bool:
    """Whether outputs are the same up to rounding; those that are not finite are not compared."""
    both = outputs.isfinite() & again.isfinite()
    scale = float(again[both].abs().max()) if bool(both.any()) else 0.0
    return bool(((outputs - again)[both].abs() <= _ROUNDING * scale).all())


def _require_vectorised(modules: list[torch.nn.Module], x: torch.Tensor) -> list[torch.Tensor]:
    """Return sums of gradients, or refuse a module that vmap cannot take."""
    stacked = x.expand(len(modules), *x.shape)
    try:
        replicas = VectorisedReplicas.of_modules(modules)
        changes = [torch.zeros_like(w) for w in replicas.trained]
        replicas.step(stacked, torch.ones_like, into=changes)
        replicas.gradients(stacked[:, :1]).squares()
    except Exception as error:
        raise _refusal(
            f"makes a module that cannot be trained in many replicas at once ({reason(error)}): "
            "it must not branch on numbers (torch.where in place of if), "
            "change tensors in place, or draw random numbers"
        ) from error
    return changes


def reason(error: Exception) -> str:
    """Return the kind of an error raised by the user's code, and how its message begins."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:90]}"


def _refusal(what: str) -> InputError:
    return InputError(f"build: {what}")
