"""Torch modules that cannot be trained in many replicas ended in errors of torch, or were trained
all the same.
"""

import copy

import numpy as np
import pytest
import torch
from in_one_call import train_networks_of
from torch import nn

import langevin_sgd as ls
from langevin_sgd.models.networks import OwnNetwork

pytestmark = pytest.mark.usefixtures("one_torch_thread")

X = np.random.default_rng(0).normal(size=(20, 4))
Y = np.where(X[:, 0] > 0, 1.0, -1.0)
MODEL = nn.Linear(4, 1)


class Layer(nn.Module):
    """A linear layer whose output is made something of."""

    def __init__(self, make):
        super().__init__()
        self.linear, self.make = nn.Linear(4, 1), make

    def forward(self, x):
        return self.make(self.linear(x), x)


def layer(make):
    return lambda: Layer(make)


def sequence(*makers):
    return lambda: nn.Sequential(*(make() for make in makers))


def overwritten(z, x):
    out = torch.zeros(len(x), 1)
    out += z
    return out


def from_numpy():
    made = nn.Linear(4, 1)
    with torch.no_grad():
        made.weight.copy_(torch.from_numpy(np.random.default_rng().normal(size=(1, 4))))
    return made


def shaped_at_random():
    return nn.Sequential(nn.Linear(4, int(torch.randint(3, 1000, ()))), nn.Linear(4, 1))


def first(width=4):
    return nn.Linear(4, width)


WRONG = {
    "dropout": (
        sequence(first, nn.Dropout, lambda: nn.Linear(4, 1)),
        r"called again \(dropout\?\): .*module.eval\(\)",
    ),
    "almost no dropout": (
        sequence(first, lambda: nn.Dropout(1e-9), lambda: nn.Linear(4, 1)),
        "random numbers",
    ),
    "branch on numbers": (
        layer(lambda z, x: z if x.sum() > 0 else -z),
        "torch.where in place of if",
    ),
    "change in place": (layer(overwritten), "change tensors in place"),
    "two outputs": (lambda: first(2), r"shape \(4, 2\) .* one number for each"),
    "ten classes": (
        sequence(lambda: first(10), lambda: nn.Softmax(1)),
        r"shape \(4, 10\) .* one number for each",
    ),
    "a tuple": (layer(lambda z, x: (z, x)), "returns a tuple: must be one tensor"),
    "one number for all": (layer(lambda z, x: z.mean()), r"shape \(\) "),
    "whole numbers": (layer(lambda z, x: z.long()), "type torch.int64"),
    "softmax over the batch": (
        sequence(lambda: first(1), lambda: nn.Softmax(0)),
        "other inputs of a batch",
    ),
    "mean over the batch": (layer(lambda z, x: z - z.mean()), "other inputs of a batch"),
    "softmax of one number": (
        sequence(lambda: first(1), lambda: nn.Softmax(1)),
        "do not depend on its weights",
    ),
    "detached": (layer(lambda z, x: z.detach()), "do not depend on its weights"),
    "batch norm without statistics": (
        sequence(
            first, lambda: nn.BatchNorm1d(4, track_running_stats=False), lambda: nn.Linear(4, 1)
        ),
        "batch normalisation.*GroupNorm or LayerNorm",
    ),
    "batch norm": (
        sequence(first, lambda: nn.BatchNorm1d(4), lambda: nn.Linear(4, 1)),
        "GroupNorm or LayerNorm",
    ),
    "lazy": (lambda: nn.LazyLinear(1), "Linear in place of LazyLinear"),
    "no parameters": (nn.Flatten, "without trained parameters"),
    "nothing trained": (lambda: first(1).requires_grad_(False), "without trained parameters"),
    "no module": (lambda: [MODEL], "must return a torch.nn.Module, not list"),
    "a function": (lambda: lambda x: x, "must return a torch.nn.Module, not function"),
    "always the same": (lambda: MODEL, "returns the same module at each call"),
    "the same weights": (lambda: nn.Sequential(MODEL), "returns the same module at each call"),
    "other inputs": (lambda: nn.Linear(5, 1), r"inputs of shape \(4, 4\) .*RuntimeError"),
    "an argument": (
        lambda width: first(width),
        "fails when it is called without arguments .*TypeError",
    ),
    "NumPy's generator": (from_numpy, "do not come from torch's generator"),
    "shapes at random": (shaped_at_random, "different shapes"),
}


def train(build, **options):
    return train_networks_of(
        OwnNetwork(build=build),
        (X, Y),
        **{"lr": 0.1, "batch_size": 4, "max_steps": 30, "replicas": 2, **options},
    )


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_trained_is_one_line_that_names_the_way_out(name):
    build, message = WRONG[name]
    with pytest.raises(ls.InputError, match=f"^build: .*{message}") as caught:
        train(build)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.filterwarnings(
    "ignore:build. makes modules of the same weights"
)  # copies start equal, by intent
@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5), nn.Linear(3, 1)).eval(),
        lambda: nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.GELU(), nn.Linear(4, 1)),
        lambda: nn.Sequential(nn.Linear(4, 1), nn.Flatten(0)),
        layer(lambda z, x: torch.where(x[:, :1] > 0, z, -z)),
        lambda: copy.deepcopy(MODEL),
        layer(lambda z, x: 0 * z),
    ],
    ids=["eval", "layer norm", "flat", "where", "a copy", "dead"],
)
def test_the_ways_out_lead_out(build):
    assert set(train(build, seed=1)["status"].values.tolist()) <= {0, 1, 4}


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_replicas_do_not_share_weights(precision):
    runs = train(
        lambda: nn.Linear(4, 1), seed=1, keep_weights=True, max_steps=1, precision=precision
    )
    assert np.abs(runs["final_weights"][0] - runs["final_weights"][1]).max() > 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"build": MODEL},
            "^build = .*a function that makes a new module at each call, not a module$",
        ),
        ({"build": None}, "^build = None: must be a function"),
        ({"build": nn.Flatten, "name": 3}, "^name = 3: must be a text"),
        ({"build": nn.Flatten, "width": 2.0}, "^width = 2.0: must be an integer"),
    ],
    ids=["module", "nothing", "name", "width"],
)
def test_fields_are_looked_at_when_it_is_made(options, message):
    with pytest.raises(ls.InputError, match=message):
        OwnNetwork(**options)


def test_names_of_layers_leave_torchs_generator_alone():
    network = OwnNetwork(build=lambda: nn.Linear(4, 1))
    before = torch.get_rng_state()
    assert network.layers == ["weight", "bias"]
    assert torch.equal(torch.get_rng_state(), before)


def test_the_loss_returned_is_that_of_alpha_times_the_change():
    """As the docstrings of `NetworkProblem` and `OwnNetwork` say; the loss of the module itself is
    another.
    """
    network = OwnNetwork(build=lambda: nn.Linear(4, 1))
    runs = train_networks_of(
        network, (X, Y), lr=0.1, batch_size=4, max_steps=30, seed=1, alpha=2.0, loss="square",
        keep_weights=True,
        precision="float64",
    )  # fmt: skip
    start, module = (network.module(1, 0).double() for _ in range(2))
    nn.utils.vector_to_parameters(
        torch.from_numpy(runs["final_weights"].values[0]), module.parameters()
    )
    with torch.no_grad():
        f0, f = (one(torch.from_numpy(X))[:, 0].numpy() for one in (start, module))
    assert float(runs["loss"][0]) == pytest.approx(
        np.mean((2.0 * (f - f0) - Y) ** 2 / 2) / 2.0, rel=1e-9
    )
    assert float(runs["loss"][0]) != pytest.approx(np.mean((f - Y) ** 2 / 2), rel=0.01)
    for text in (ls.NetworkProblem.__doc__, OwnNetwork.__doc__):
        assert "alpha (f - f0)" in text


def test_replicas_that_start_equal_say_so():
    """The module is new at each call, its weights are not."""

    def build():
        torch.manual_seed(0)
        return torch.nn.Linear(8, 1)

    X, y = np.random.default_rng(0).normal(size=(12, 8)), np.repeat([1, -1], 6)
    options = {"lr": 0.1, "replicas": 2, "batch_size": 2, "max_steps": 5, "seed": 0}
    with pytest.warns(UserWarning, match="all replicas start equal"):
        train_networks_of(OwnNetwork(build=build), (X, y), **options)
