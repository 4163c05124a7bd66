r"""A trained torch module with its data, as a value of which curvature is measured.

The loss is the mean over the n points of the loss at each, L = (1/n) sum_i l_i; for the square loss
L = (1/2n) sum |r_i|^2, summed over the outputs (see `output_loss`). The parameters are those of the
module that require a gradient, all others and the buffers stay fixed. Vectors in the space of
parameters are flat, (parameter,), in the order of ``module.parameters()``; blocks of them are
columns, (parameter, vector).

All is computed in the type of the parameters, points in stretches of `chunk`, numbers that are
summed over points in double precision where they are single numbers. The module is copied: what is
measured stays what it was when training goes on.

Validity: an output must be a function of its own input and of the weights alone, else gradients at
single points have no meaning; this is tried on four points.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, Self

import torch
from torch.func import functional_call, vjp
from torch.nn.attention import SDPBackend, sdpa_kernel

from langevin_sgd.checks import as_choice, as_count
from langevin_sgd.curvature import model_checks as checks
from langevin_sgd.curvature.output_loss import OUTPUT_LOSSES
from langevin_sgd.curvature.room import require_room


class Stretch(NamedTuple):
    """Some of the points of a model."""

    places: slice
    inputs: torch.Tensor
    targets: torch.Tensor


class TorchModel:
    """A module, its data and its loss.

    Parameters
    ----------
    module
        Any ``torch.nn.Module`` whose outputs are (point,) or (point, output), in the state in which
        it is measured: with batch normalisation or dropout call ``.eval()`` first.
    inputs
        (point, ...). Floating numbers are converted to the type of the parameters.
    targets
        For the square loss numbers (point,) or (point, output), for cross-entropy classes (point,)
        of integers.
    loss
        ``square``: sum over outputs of (o - t)^2/2; or ``cross_entropy``; both averaged over
        points. Default square.
    chunk
        Points that pass through the module at a time; default 512 (convention).

    Attributes
    ----------
    points, outputs, size
        Numbers of points n, of outputs k and of parameters d.
    module
        The copy that is measured.
    names, weights
        Names of the parameters, and a tensor each.
    predictions
        (point, output) outputs of the module.
    loss_name
        The name of the loss.

    Raises
    ------
    InputError
        If an argument is of another kind; if outputs depend on other points or on chance; if inputs
        and targets do not fit; if the loss is not finite at some point.

    Examples
    --------
    >>> import torch
    >>> module = torch.nn.Linear(3, 1).double()
    >>> model = TorchModel(module, torch.ones(5, 3), torch.zeros(5))
    >>> model.points, model.outputs, model.size, tuple(model.gradient().shape)
    (5, 1, 4, (4,))
    """

    def __init__(
        self,
        module: torch.nn.Module,
        inputs: torch.Tensor,
        targets: torch.Tensor,
        *,
        loss: str = "square",
        chunk: int = 512,
    ) -> None:
        self.loss_name = as_choice("loss", loss, OUTPUT_LOSSES)
        self.output_loss = OUTPUT_LOSSES[self.loss_name]
        self.chunk = as_count("chunk", chunk)
        like = checks.require_module(module)
        self.dtype, self.device = like.dtype, like.device
        numbers = sum(p.numel() for p in module.parameters())
        require_room(
            "module",
            type(module).__name__,
            numbers * like.element_size(),
            device=like.device,
            instead="measure a smaller one",
        )
        self.module = checks.copy_of(module)
        named = dict(self.module.named_parameters())
        self.names = [name for name, p in named.items() if p.requires_grad]
        self.weights = [named[name].detach() for name in self.names]
        self._fixed = {n: p.detach() for n, p in named.items() if n not in set(self.names)}
        self._fixed |= dict(self.module.named_buffers())
        self.size = sum(w.numel() for w in self.weights)
        self._inputs = checks.as_inputs(inputs, like)
        self.points = len(self._inputs)
        self.outputs = checks.require_outputs(self._raw, self.weights, self._inputs)
        checks.require_gradient(self._raw, self.weights, self._inputs)
        self._targets = checks.as_targets(
            targets, self.points, self.outputs, like, classes=self.output_loss.takes_classes
        )
        self.predictions = self._all_outputs(self.weights)
        checks.require_finite(self._losses_of(self.predictions))

    @classmethod
    def from_loader(
        cls, module: torch.nn.Module, loader: Any, *, loss: str = "square", chunk: int = 512
    ) -> Self:
        """Take inputs and targets from a ``torch.utils.data.DataLoader``, once.

        Parameters
        ----------
        module, loss, chunk
            As for the class.
        loader
            Gives pairs (inputs, targets) in an order of its own, without shuffling.

        Raises
        ------
        InputError
            If it is none, shuffles or drops points; and as for the class.
        """
        inputs, targets = checks.all_of(loader)
        return cls(module, inputs, targets, loss=loss, chunk=chunk)

    def take(self, places: torch.Tensor) -> Self:
        """Return the model on some of its points only, those at `places`, which may repeat.

        Parameters
        ----------
        places
            (count,) integers from 0 to points - 1.

        Raises
        ------
        InputError
            For anything else.
        """
        chosen = checks.as_places(places, self.points).to(self.device)
        part = copy.copy(self)
        part._inputs, part._targets = self._inputs[chosen], self._targets[chosen]
        part.predictions, part.points = self.predictions[chosen], len(chosen)
        return part

    # --- the module as a function of its weights --------------------------------------------------

    def stretches(self, at_a_time: int | None = None) -> Iterator[Stretch]:
        """Yield the points in stretches of `chunk`, or of `at_a_time` if that is less."""
        length = self.chunk if at_a_time is None else max(1, min(self.chunk, at_a_time))
        for start in range(0, self.points, length):
            places = slice(start, min(start + length, self.points))
            yield Stretch(places, self._inputs[places], self._targets[places])

    def call(self, weights: Sequence[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """Outputs (point, output) at inputs (point, ...) with other weights."""
        return self._raw(weights, x).reshape(len(x), -1)

    def flat(self, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return tensors of the shapes of the weights as one vector (parameter,)."""
        return torch.cat([tensor.reshape(-1) for tensor in tensors])

    def shaped(self, vector: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return a vector (parameter,) as tensors of the shapes of the weights."""
        parts = vector.split([w.numel() for w in self.weights])
        return tuple(part.reshape(w.shape) for part, w in zip(parts, self.weights, strict=True))

    def vector(self, name: str, values: torch.Tensor, *, block: bool = False) -> torch.Tensor:
        """Return a vector (parameter,), or where `block` says so columns (parameter, vector), in
        the type and on the device of the weights.

        Raises
        ------
        InputError
            For anything else.
        """
        return checks.as_vector(name, values, self.size, self.weights[0], block=block)

    # --- loss and gradient ------------------------------------------------------------------------

    @property
    def loss(self) -> float:
        """The loss L, the mean over points."""
        return float(self.losses().mean())

    def losses(self, step: torch.Tensor | None = None) -> torch.Tensor:
        """Losses (point,) in double precision, at the weights minus a vector `step`."""
        if step is None:
            return self._losses_of(self.predictions)
        moved = [w - s for w, s in zip(self.weights, self.shaped(step), strict=True)]
        return self._losses_of(self._all_outputs(moved))

    def output_gradients(self) -> torch.Tensor:
        """Gradients (point, output) of the losses at the points by the outputs."""
        return self.output_loss.gradient(self.predictions, self._targets)

    def hessian_roots(self) -> torch.Tensor:
        """Roots (point, output, output) of the Hessians of the losses by the outputs."""
        return self.output_loss.hessian_root(self.predictions, self._targets)

    def gradient(self) -> torch.Tensor:
        """Gradient (parameter,) of the loss L."""
        return self.pulled_back(self.output_gradients() / self.points)

    def pulled_back(self, factors: torch.Tensor) -> torch.Tensor:
        """Sum over points and outputs of factors (point, output) times gradients of the outputs."""
        total = torch.zeros(self.size, dtype=self.dtype, device=self.device)
        for places, x, _ in self.stretches():
            pull_back = vjp(partial(self.call, x=x), self.weights)[1]
            total += self.flat(pull_back(factors[places])[0])
        return total

    def _raw(self, weights: Sequence[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        named = dict(zip(self.names, weights, strict=True)) | self._fixed
        # The fused kernels of attention have no second derivatives.
        with sdpa_kernel(SDPBackend.MATH):
            outputs: torch.Tensor = functional_call(self.module, named, (x,))
        return outputs

    def _all_outputs(self, weights: Sequence[torch.Tensor]) -> torch.Tensor:
        with torch.no_grad():
            return torch.cat([self.call(weights, x) for _, x, _ in self.stretches()])

    def _losses_of(self, predictions: torch.Tensor) -> torch.Tensor:
        return self.output_loss.value(predictions, self._targets).double()
