"""Many copies of one torch module, each with weights of its own, by ``torch.func``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch.func import functional_call, grad, vjp, vmap

from langevin_sgd.models.networks.interface import Capability, Factors
from langevin_sgd.models.networks.sample_gradients import DenseGradients


class VectorisedReplicas:
    """Modules of one architecture, each with weights of its own; see `Replicas`.

    Parameters
    ----------
    module
        One of them, for its architecture.
    trained, fixed
        Name -> weights of all replicas, (replica, ...); the trained ones are changed in place.
    """

    can: frozenset[Capability] = frozenset({"second_derivatives"})

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
            name: torch.stack([named[name].detach() for named in parameters])
            for name in parameters[0]
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
        factors: Factors,
        into: list[torch.Tensor] | None = None,
        keep: float = 1.0,
    ) -> None:
        """As in `Replicas`."""
        output, pull_back, *_ = vjp(lambda weights: self._call(weights, x), self.trained)
        targets = self.trained if into is None else into
        for target, change in zip(targets, pull_back(factors(output))[0], strict=True):
            target.mul_(keep).add_(change) if keep != 1 else target.add_(change)

    def gradients(self, x: torch.Tensor) -> DenseGradients:
        """As in `Replicas`; all of them are held at once."""
        over_inputs = vmap(self._gradient, in_dims=(None, None, 0))
        return DenseGradients(vmap(over_inputs)(self.trained, self._fixed, x))

    def directional_derivatives(
        self, x: torch.Tensor, direction: list[torch.Tensor]
    ) -> torch.Tensor:
        """As in `Replicas`: the derivative, by c, of v . grad sum_b c_b f(x_b)."""
        no_factors = x.new_zeros(x.shape[:2])
        derivatives: torch.Tensor = grad(self._slope_along, argnums=1)(
            self.trained, no_factors, x, direction
        )
        return derivatives

    def hessian_product(
        self, x: torch.Tensor, factors: torch.Tensor, direction: list[torch.Tensor]
    ) -> list[torch.Tensor]:
        """As in `Replicas`: the gradient, by the weights, of v . grad sum_b c_b f(x_b)."""
        products: list[torch.Tensor] = grad(self._slope_along)(self.trained, factors, x, direction)
        return products

    def _slope_along(
        self,
        weights: list[torch.Tensor],
        factors: torch.Tensor,
        x: torch.Tensor,
        direction: list[torch.Tensor],
    ) -> torch.Tensor:
        """Sum over replicas of v . grad sum_b c_b f(x_b), at some weights."""

        def weighted_sum(weights: list[torch.Tensor]) -> torch.Tensor:
            return (factors * self._call(weights, x)).sum()

        gradient = grad(weighted_sum)(weights)
        slopes = [(g * v).sum() for g, v in zip(gradient, direction, strict=True)]
        return torch.stack(slopes).sum()

    def select(self, places: torch.Tensor) -> Self:
        """Return the replicas at `places` alone, as copies."""
        trained = {name: w[places] for name, w in zip(self._names, self.trained, strict=True)}
        return type(self)(
            self._module, trained, {name: w[places] for name, w in self._fixed.items()}
        )

    def _call(self, weights: list[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        return vmap(self._call_one)(weights, self._fixed, x)

    def _gradient(
        self, weights: list[torch.Tensor], fixed: dict[str, torch.Tensor], x: torch.Tensor
    ) -> list[torch.Tensor]:
        """Gradient of one network's output at one input (dimension,)."""
        gradient: list[torch.Tensor] = grad(lambda w: self._call_one(w, fixed, x[None])[0])(weights)
        return gradient

    def _call_one(
        self, weights: list[torch.Tensor], fixed: dict[str, torch.Tensor], x: torch.Tensor
    ) -> torch.Tensor:
        named = dict(zip(self._names, weights, strict=True)) | fixed
        return functional_call(self._module, named, (x,)).reshape(len(x))
