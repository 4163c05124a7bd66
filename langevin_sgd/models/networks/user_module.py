"""A torch module of your own, trained in many replicas at once by `torch.func`.

The weights of all replicas are stacked and the module is called through
``torch.func.functional_call`` under ``vmap``:
slower than a backward pass written out, but for any architecture with one output that does not
depend on the other inputs of a batch and which holds no state of its own (no batch normalisation,
no dropout). ``trainable`` looks whether it is of this kind, before training.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langevin_sgd.checks import as_callable, as_count, as_seed, as_text, convert_fields, require
from langevin_sgd.models.networks.interface import Draw
from langevin_sgd.models.networks.torch_there import require_torch

if TYPE_CHECKING:
    import torch

    from langevin_sgd.models.networks.vectorised import VectorisedReplicas

_TORCH_GENERATOR = threading.Lock()
"""Held while a module is made, because all threads share torch's generator."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OwnNetwork:
    """A network of your own, given by a function that makes it as a torch module.

    What is trained is alpha (f - f0), with f the output of the module and f0 that at its initial
    weights; see `langevin_sgd.training.run`.

    Parameters
    ----------
    build
        ``build()`` returns a fresh ``torch.nn.Module`` that maps (input, dimension) to (input,) or
        (input, 1). It is called once for every replica, with torch's generator seeded by the seed
        and number of the replica.
    name
        Stands for it in provenance.
    width
        h in temperature_per_width = lr/(batch_size*h); 1 by default.

    Raises
    ------
    InputError
        If a field lies outside its range; when a module is made, if it holds buffers or lazy
        layers.

    Examples
    --------
    >>> import langevin_sgd as ls
    >>> from torch.nn import Conv2d, Flatten, Linear, ReLU, Sequential, Unflatten
    >>> def build():
    ...     return Sequential(Unflatten(1, (1, 8, 8)), Conv2d(1, 4, 3, stride=2), ReLU(),
    ...         Flatten(), Linear(36, 1))
    >>> problem = ls.NetworkProblem(
    ...     OwnNetwork(build=build, width=4), ls.data.BinaryImages(points=32)
    ... )
    >>> settings = ls.SGD(lr=0.1, batch_size=8)
    >>> runs = ls.training.run(
    ...     problem, settings, replicas=2, stop=ls.Stop(max_steps=2000), seed=0
    ... )
    >>> runs["status"].values.tolist()
    [0, 0]
    """

    build: Callable[[], torch.nn.Module]
    name: str = "own"
    width: int = 1

    def __post_init__(self) -> None:
        convert_fields(self, {"build": _as_build, "name": as_text, "width": as_count})

    @property
    def depth(self) -> None:
        """``None``: how many layers a module has is not known."""

    @property
    def widest(self) -> int:
        """One: how much a layer of the module holds is not known."""
        return 1

    @property
    def parameters(self) -> int:
        """Number of weights, those that are not trained included."""
        return sum(p.numel() for p in self.module().parameters())

    @property
    def layers(self) -> list[str]:
        """Names of the trained parameters."""
        return [name for name, p in self.module().named_parameters() if p.requires_grad]

    def describe(self) -> dict[str, Any]:
        """Return name and width, for provenance; the function itself has no description."""
        return {"name": self.name, "width": self.width}

    def module(self, seed: int = 0, replica: int = 0) -> torch.nn.Module:
        """Return one replica; the weights are a function of (seed, replica) alone.

        Raises
        ------
        InputError
            If `build` makes no module, or one with buffers or lazy layers.
        """
        require_torch()
        import torch

        from langevin_sgd.models.networks.trainable import made_by
        from langevin_sgd.randomness import derive_seed

        seed, replica = as_seed("seed", seed), as_count("replica", replica, minimum=0)
        with _TORCH_GENERATOR, torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(seed, "own network", replica))
            return made_by(self.build)

    def require_trainable(self, inputs: torch.Tensor) -> None:
        """Raise `InputError` unless replicas train together on inputs (input, dimension)."""
        from langevin_sgd.models.networks.trainable import require_trainable

        require_trainable(lambda replica: self.module(0, replica), inputs)

    def replicas(
        self,
        draws: Sequence[Draw],
        dtype: torch.dtype,
        device: torch.device | str = "cpu",
    ) -> VectorisedReplicas:
        """Return many replicas side by side; `draws` are the seed and number of each."""
        from langevin_sgd.models.networks.vectorised import VectorisedReplicas

        return VectorisedReplicas.of_modules(
            [self.module(*draw).to(device=device, dtype=dtype) for draw in draws]
        )


def _as_build(name: str, build: Any) -> Any:
    """Return a function that makes modules; a module itself is refused, though it can be called."""
    is_module = hasattr(build, "named_parameters") and not isinstance(build, type)
    require(
        not is_module,
        name,
        build,
        "must be a function that makes a new module at each call, not a module",
    )
    return as_callable(name, build)
