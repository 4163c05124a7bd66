"""Small modules with data, and their curvature from dense matrices by autograd: the other route."""

from functools import cache

import torch
from torch.nn import Conv2d, Flatten, Linear, ReLU, Sequential, Tanh, Unflatten

from langevin_sgd.curvature.torch_model import TorchModel


class Shared(torch.nn.Module):
    """One layer that acts twice, and a weight that acts outside of its own layer too."""

    def __init__(self):
        super().__init__()
        self.inner, self.last = Linear(4, 4), Linear(4, 2)

    def forward(self, x):
        z = torch.tanh(self.inner(torch.tanh(self.inner(x))))
        return self.last(z) + z @ self.last.weight.T


def module_of(name):
    torch.manual_seed(5)
    return {
        "tanh": lambda: Sequential(Linear(4, 5), Tanh(), Linear(5, 1)),
        "outputs": lambda: Sequential(Linear(4, 5), Tanh(), Linear(5, 3)),
        "cnn": lambda: Sequential(
            Unflatten(1, (1, 4, 4)),
            Conv2d(1, 2, 2),
            Tanh(),
            Flatten(),
            Linear(18, 3, bias=False),
            ReLU(inplace=True),
            Linear(3, 2),
        ),
        "shared": Shared,
    }[name]().double()


WIDTH = {"tanh": 4, "outputs": 4, "cnn": 16, "shared": 4}
OUTPUTS = {"tanh": 1, "outputs": 3, "cnn": 2, "shared": 2}


def model_of(name, loss="square", points=9, chunk=4, module=None):
    generator = torch.Generator().manual_seed(11)
    x = torch.randn(points, WIDTH[name], generator=generator, dtype=torch.float64)
    if loss == "square":
        t = torch.randn(points, OUTPUTS[name], generator=generator, dtype=torch.float64)
    else:
        t = torch.randint(0, OUTPUTS[name], (points,), generator=generator)
    module = module_of(name) if module is None else module
    return TorchModel(module, x, t, loss=loss, chunk=chunk), x, t


class Dense:
    """Jacobian, gradients and matrices of a module and its data, from ``torch.autograd`` and the
    losses of torch.
    """

    def __init__(self, module, x, t, loss):
        parameters = [p for p in module.parameters() if p.requires_grad]
        self.n = len(x)

        def point_loss(outputs):
            if loss == "square":
                return 0.5 * ((outputs - t) ** 2).sum(1)
            return torch.nn.functional.cross_entropy(outputs, t, reduction="none")

        def rows(values):
            return torch.stack(
                [self._flat(torch.autograd.grad(v, parameters, retain_graph=True)) for v in values]
            )

        outputs = module(x).reshape(self.n, -1)
        self.k = outputs.shape[1]
        self.losses = point_loss(outputs).detach()
        self.J = rows(outputs.reshape(-1)).reshape(self.n, self.k, -1)
        self.g = rows(point_loss(outputs))
        total = torch.autograd.grad(point_loss(outputs).mean(), parameters, create_graph=True)
        self.H = rows(self._flat(total))
        o = outputs.detach()
        if loss == "square":
            Q = torch.eye(self.k).double().expand(self.n, -1, -1)
        else:
            p = torch.softmax(o, 1)
            Q = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
        self.G = torch.einsum("iad,iab,ibe->de", self.J, Q, self.J) / self.n
        self.gbar = self.g.mean(0)
        self.Sigma = self.g.T @ self.g / self.n - torch.outer(self.gbar, self.gbar)
        self.L = float(self.losses.mean())

    @staticmethod
    def _flat(parts):
        return torch.cat([part.reshape(-1) for part in parts])


@cache
def dense_of(name, loss="square", points=9):
    _, x, t = model_of(name, loss, points)
    return Dense(module_of(name), x, t, loss)
