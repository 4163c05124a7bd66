r"""What convolutional networks with one output have in common.

All weights are drawn from N(0, 1), and each layer divides by the square root of its fan-in n (the
weights and biases that one output sums over), each activation by its root mean square at a standard
normal z, the output by its whole fan-in (mean field):

    z = (w * a + b) / sqrt(n),    a = phi(z) / sqrt(E phi(z)^2),    f = (w . a + b) / n

so that z is of order one in every layer at the start if the pixels are, and features move at a rate
that does not fade with the width. An image of n pixels on a side is padded with zeros so that a
layer of stride s has ceil(n/s) on a side.

Many replicas are one network under ``torch.func.vmap``, which makes one grouped convolution of
theirs. On one core, in float32 and with 16 images, such a layer of 8 or 16 replicas takes between
half and 1.3 times as long as theirs one after the other, less for small images and channels, and
0.2 to 0.7 times as long as batched products of the weights with unfolded images (a tie with a
single channel of input). Whole steps of 16 or 32 networks take a third of the time of one by one on
images of 8 by 8 pixels, and 0.55 to 0.85 of it on 28 by 28. float64 takes three to eight times as
long as float32.

References
----------
Sclocchi, Geiger and Wyart, *Dissecting the effects of SGD noise in distinct regimes of deep
learning*, arXiv 2301.13703, and the code published with it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from langevin_sgd.checks import as_choice, as_count, convert_fields, require, require_memory
from langevin_sgd.models.networks.activations import MEAN_SQUARE, Activation
from langevin_sgd.models.networks.initial import standard_normals
from langevin_sgd.models.networks.interface import Draw, require_dimension
from langevin_sgd.models.networks.torch_there import require_torch

if TYPE_CHECKING:
    import torch

    from langevin_sgd.models.networks.module import ConvolutionalModule
    from langevin_sgd.models.networks.vectorised import VectorisedReplicas


def as_image(image: Any, least: int = 1) -> tuple[int, int, int]:
    """Return (channels, height, width), with sides of at least `least` pixels."""
    is_shape = (isinstance(image, tuple | list) or getattr(image, "ndim", 0) == 1) and len(
        image
    ) == 3
    require(is_shape, "image", image, "must be (channels, height, width)")
    channels, height, width = image
    return (
        as_count("image channels", channels),
        as_count("image height", height, least),
        as_count("image width", width, least),
    )


@dataclass(frozen=True, kw_only=True)
class ConvolutionalNetwork(ABC):
    """A convolutional network; subclasses say what its layers are.

    Parameters
    ----------
    image
        Channels, height and width of an input, which comes flat; see
        `langevin_sgd.data.BinaryImages.image`.
    width
        h, of which the channels of all layers are multiples, >= 1; 64 by default.
    activation
        ``relu`` (default), ``gelu`` or ``linear``.

    Raises
    ------
    InputError
        If a field lies outside its range, or the image is smaller than what the network divides it
        by.
    """

    image: tuple[int, int, int]
    width: int = 64
    activation: Activation = "relu"

    depth: ClassVar[int]
    """Hidden layers between input and output, along the longest way."""
    reduction: ClassVar[int]
    """Factor by which the sides of an image are reduced; they must be at least this long."""
    degree: ClassVar[None] = None
    """``None``: the output is not homogeneous in the weights."""

    def __post_init__(self) -> None:
        convert_fields(
            self,
            {
                "image": lambda _, value: as_image(value, self.reduction),
                "width": as_count,
                "activation": lambda name, value: as_choice(name, value, MEAN_SQUARE),
            },
        )

    @property
    @abstractmethod
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the weights, by layer.

        (outputs, inputs, height, width), (outputs, inputs), or biases (outputs,).
        """

    @abstractmethod
    def forward(self, weights: Mapping[str, torch.Tensor], images: torch.Tensor) -> torch.Tensor:
        """Outputs (input,) of one network at images (input, channels, height, width)."""

    @property
    def dimension(self) -> int:
        """Dimension d of an input: its channels times its pixels."""
        return math.prod(self.image)

    @property
    def widest(self) -> int:
        """Approximate size of the largest layer for one input."""
        return self.width * math.prod(self.image[1:])

    @property
    def layers(self) -> list[str]:
        """Names of the weights, all of which are trained."""
        return list(self.shapes)

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def describe(self) -> dict[str, Any]:
        """Return the fields as JSON types, for provenance."""
        return {"name": type(self).__name__, **asdict(self), "image": list(self.image)}

    def initial_weights(self, seed: int, replica: int = 0) -> dict[str, np.ndarray]:
        """Initial weights of one replica, float64, by layer: a function of (seed, replica) alone.

        Parameters
        ----------
        seed
            0 ... 2**128 - 1.
        replica
            Number of the replica, >= 0.
        """
        shapes = self.shapes
        return dict(
            zip(shapes, standard_normals(self, list(shapes.values()), seed, replica), strict=True)
        )

    def require_trainable(self, inputs: torch.Tensor) -> None:
        """Raise `InputError` unless inputs (input, dimension) are images of the network's size."""
        require_dimension(self.dimension, inputs)

    def module(
        self,
        seed: int = 0,
        replica: int = 0,
        *,
        precision: Literal["float32", "float64"] = "float32",
    ) -> ConvolutionalModule:
        """Return one replica as a plain torch module: ``module(x)`` maps (..., dimension) to (...).

        Parameters
        ----------
        seed, replica
            Of its initial weights.
        precision
            Of its weights.
        """
        require_torch()
        import torch

        from langevin_sgd.models.networks.module import ConvolutionalModule

        dtype = getattr(torch, as_choice("precision", precision, ("float32", "float64")))
        weights = self.initial_weights(seed, replica)
        converted = {name: torch.from_numpy(w).to(dtype) for name, w in weights.items()}
        return ConvolutionalModule(self.forward, converted, self.image)

    def replicas(
        self,
        draws: Sequence[Draw],
        dtype: torch.dtype,
        device: torch.device | str = "cpu",
    ) -> VectorisedReplicas:
        """Return many replicas side by side; `draws` are the seed and number of each."""
        require_torch()
        import torch

        from langevin_sgd.models.networks.module import ConvolutionalModule
        from langevin_sgd.models.networks.vectorised import VectorisedReplicas

        require_memory("network", self, float(len(draws)) * self.parameters * dtype.itemsize)
        stacks = {
            name: torch.empty((len(draws), *shape), dtype=dtype)
            for name, shape in self.shapes.items()
        }
        for r, draw in enumerate(draws):
            for name, w in self.initial_weights(*draw).items():
                stacks[name][r] = torch.from_numpy(w)
        alone = {name: stack[0] for name, stack in stacks.items()}
        shell = ConvolutionalModule(self.forward, alone, self.image)
        return VectorisedReplicas(
            shell, {name: stack.to(device) for name, stack in stacks.items()}, {}
        )
