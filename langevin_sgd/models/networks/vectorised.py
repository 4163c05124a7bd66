"""Many copies of one torch module, each with weights of its own, by ``torch.func``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch.func import functional_call, grad, vjp, vmap

MOST_GRADIENTS = 2**24
"""Numbers in the gradients by single inputs that are held at a time."""


class VectorisedReplicas:
    """Modules of one architecture, with the interface of `langevin_sgd.models.networks.replicas`.

    Parameters
    ----------
    module
        One of them, for its architecture.
    trained, fixed
        Name -> weights of all replicas, (replica, ...); the trained ones are changed in place.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        trained: dict[str, torch.Tensor],
        fixed: dict[str, torch.Tensor],
    ) -> None:
        self._module, self._names, self._fixed = module, list(trained), fixed
        self.trained = list(trained.values())

    @classmethod
    def of_modules(cls, modules: Sequence[torch.nn.Module]) -> VectorisedReplicas:
        """Stack the weights of modules of one architecture."""
        parameters = [dict(module.named_parameters()) for module in modules]
        stacks = {
            name: torch.stack([one[name].detach() for one in parameters]) for name in parameters[0]
        }
        learns = {name for name, p in parameters[0].items() if p.requires_grad}
        trained = {name: stack for name, stack in stacks.items() if name in learns}
        return cls(
            modules[0],
            trained,
            {name: stack for name, stack in stacks.items() if name not in learns},
        )

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs (replica, input) at inputs (replica, input, dimension)."""
        return self._call(self.trained, x)

    def step(
        self,
        x: torch.Tensor,
        factors: Callable[[torch.Tensor], torch.Tensor],
        into: list[torch.Tensor] | None = None,
        keep: float = 1.0,
    ) -> None:
        """Set ``into``, the weights by default, to ``keep * into + sum_b c_b grad f(x_b)``, c being
        functions of f.
        """
        output, pull_back, *_ = vjp(lambda weights: self._call(weights, x), self.trained)
        targets = self.trained if into is None else into
        for target, change in zip(targets, pull_back(factors(output))[0], strict=True):
            target.mul_(keep).add_(change) if keep != 1 else target.add_(change)

    def kernel(self, x: torch.Tensor) -> torch.Tensor:
        """Tangent kernel (replica, input, input) of the trained weights at inputs (replica, input,
        dimension).
        """

        def of_one(
            weights: list[torch.Tensor], fixed: dict[str, torch.Tensor], x: torch.Tensor
        ) -> torch.Tensor:
            rows = vmap(self._gradient, in_dims=(None, None, 0))(weights, fixed, x)
            return torch.stack([row.flatten(1) @ row.flatten(1).mT for row in rows]).sum(0)

        numbers = x.shape[1] * sum(w[0].numel() for w in self.trained)
        at_a_time = max(1, MOST_GRADIENTS // numbers)
        return vmap(of_one, chunk_size=at_a_time)(self.trained, self._fixed, x)

    def squared_gradients(self, x: torch.Tensor) -> torch.Tensor:
        """|grad f|^2 (replica, input) by the trained weights, at inputs (replica, input,
        dimension).
        """

        def of_one(
            weights: list[torch.Tensor], fixed: dict[str, torch.Tensor], one: torch.Tensor
        ) -> torch.Tensor:
            return torch.stack(
                [part.square().sum() for part in self._gradient(weights, fixed, one)]
            ).sum()

        # Gradients of many inputs at a time are held before they are squared, so inputs go in short
        # stretches.
        numbers = sum(w.numel() for w in self.trained)
        length = max(1, MOST_GRADIENTS // numbers)
        over_inputs = vmap(vmap(of_one, in_dims=(None, None, 0)))
        return torch.cat(
            [over_inputs(self.trained, self._fixed, part) for part in x.split(length, 1)], 1
        )

    def select(self, places: torch.Tensor) -> VectorisedReplicas:
        """Return the replicas at `places` alone, as copies."""
        trained = {name: w[places] for name, w in zip(self._names, self.trained, strict=True)}
        return VectorisedReplicas(
            self._module, trained, {name: w[places] for name, w in self._fixed.items()}
        )

    def _call(self, weights: list[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        return vmap(self._call_one)(weights, self._fixed, x)

    def _gradient(
        self, weights: list[torch.Tensor], fixed: dict[str, torch.Tensor], x: torch.Tensor
    ) -> list[torch.Tensor]:
        """Gradient of one network's output at one input (dimension,)."""
        found: list[torch.Tensor] = grad(lambda w: self._call_one(w, fixed, x[None])[0])(weights)
        return found

    def _call_one(
        self, weights: list[torch.Tensor], fixed: dict[str, torch.Tensor], x: torch.Tensor
    ) -> torch.Tensor:
        named = dict(zip(self._names, weights, strict=True)) | fixed
        return functional_call(self._module, named, (x,)).reshape(len(x))
