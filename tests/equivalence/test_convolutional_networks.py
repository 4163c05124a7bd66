"""Convolutional networks against torch.nn with the same weights, and replicas in a batch against
one by autograd.
"""

import dataclasses
import math
import textwrap
from typing import ClassVar

import numpy as np
import pytest
import torch
from in_one_call import train_networks_of
from torch import nn

import langevin_sgd as ls
from langevin_sgd.curvature.sample_gradients import squared_gradients
from langevin_sgd.curvature.tangent_kernel import tangent_kernel
from langevin_sgd.models import networks
from langevin_sgd.models.networks import FullyConnected, MobileCNN, OwnNetwork, ResNet18, SimpleCNN
from langevin_sgd.models.networks.families import FAMILIES, of_family
from langevin_sgd.training.batches import batch_indices

KINDS = (SimpleCNN, MobileCNN, ResNet18)

pytestmark = pytest.mark.usefixtures("one_torch_thread")


def scaled(shape, w, bias=None, **options):
    """``nn.Conv2d`` without padding that divides by the square root of its fan-in."""
    made = nn.Conv2d(*shape, bias=bias is not None, **options).double()
    fan_in = w[0].size + (bias is not None)
    made.weight.data = torch.from_numpy(w) / math.sqrt(fan_in)
    if bias is not None:
        made.bias.data = torch.from_numpy(bias) / math.sqrt(fan_in)
    return made


class Times(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return self.factor * x


class Sum(nn.Module):
    """(inner(x) + shortcut(x)) / sqrt(2)."""

    def __init__(self, inner, shortcut):
        super().__init__()
        self.inner, self.shortcut = inner, shortcut

    def forward(self, x):
        return (self.inner(x) + self.shortcut(x)) / 2**0.5


def relu():
    return nn.Sequential(nn.ReLU(), Times(2**0.5))


def reference_simple(w, h):
    dense, output = (
        nn.Linear(2 * h * 2 * 2, 32 * h).double(),
        nn.Linear(32 * h, 1, bias=False).double(),
    )
    for part, values in ((dense.weight, w["dense"]), (dense.bias, w["bias_3"])):
        part.data = torch.from_numpy(values) / math.sqrt(8 * h + 1)
    output.weight.data = torch.from_numpy(w["output"]) / (32 * h)
    first = scaled((1, h, 5), w["convolution_1"], w["bias_1"], padding=2)
    second = scaled((h, 2 * h, 5), w["convolution_2"], w["bias_2"], padding=2)
    convolutions = [first, relu(), nn.MaxPool2d(2), second, relu(), nn.MaxPool2d(2)]
    return nn.Sequential(*convolutions, nn.Flatten(), dense, output)


def reference_mobile(w, h):
    """On 8 by 8 pixels: 4 by 4 after the first layer, 2 by 2 and 1 by 1 in the blocks."""
    halve = nn.ZeroPad2d((1, 2, 1, 2))  # an even side: one zero before, two after

    def inverted(number, before, after, stride):
        name, wide = f"block_{number}_", 3 * before
        pad = [halve] if stride == 2 else []
        spatial = {"stride": stride, "groups": wide, "padding": 0 if pad else 2}
        inner = nn.Sequential(
            scaled((before, wide, 1), w[name + "expansion"]), relu(),
            *pad, scaled((wide, wide, 5), w[name + "depthwise"], **spatial), relu(),
            scaled((wide, after, 1), w[name + "contraction"]),
        )  # fmt: skip
        return Sum(inner, nn.Identity()) if stride == 1 else inner

    output = nn.Linear(20 * h, 1).double()
    output.weight.data, output.bias.data = (
        torch.from_numpy(w[name]) / (20 * h) for name in ("output", "bias")
    )
    return nn.Sequential(
        halve, scaled((1, 4 * h, 5), w["convolution"], stride=2), relu(),
        scaled((4 * h, 4 * h, 5), w["depthwise"], groups=4 * h, padding=2), relu(),
        scaled((4 * h, 2 * h, 1), w["contraction"]), relu(),
        inverted(1, 2 * h, h, 2), inverted(2, h, h, 1), inverted(3, h, 3 * h, 2),
        inverted(4, 3 * h, 3 * h, 1),
        scaled((3 * h, 20 * h, 1), w["expansion"]), relu(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        output,
    )  # fmt: skip


def reference_resnet(w, h):
    groups = math.gcd(32, h)

    def block(name, before, after, *, halves):
        pad = [nn.ZeroPad2d((0, 1, 0, 1))] if halves else []
        first = {"stride": 2} if halves else {"padding": 1}
        inner = nn.Sequential(
            *pad, scaled((before, after, 3), w[name + "first"], **first),
            nn.GroupNorm(groups, after, affine=False),
            relu(),
            scaled((after, after, 3), w[name + "second"], padding=1),
            nn.GroupNorm(groups, after, affine=False),
        )  # fmt: skip
        if not halves:
            return nn.Sequential(Sum(inner, nn.Identity()), relu())
        shortcut = scaled((before, after, 1), w[name + "shortcut"], stride=2)
        return nn.Sequential(
            Sum(inner, nn.Sequential(shortcut, nn.GroupNorm(groups, after, affine=False))), relu()
        )

    stages, channels = [], h
    for stage in range(1, 5):
        wide = 2 ** (stage - 1) * h
        stages.append(block(f"stage_{stage}_block_1_", channels, wide, halves=stage > 1))
        stages.append(block(f"stage_{stage}_block_2_", wide, wide, halves=False))
        channels = wide
    output = nn.Linear(8 * h, 1, bias=False).double()
    output.weight.data = torch.from_numpy(w["output"]) / (8 * h)
    stem = [scaled((1, h, 3), w["stem"], padding=1), nn.GroupNorm(groups, h, affine=False), relu()]
    return nn.Sequential(*stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), output)


REFERENCES = {SimpleCNN: reference_simple, MobileCNN: reference_mobile, ResNet18: reference_resnet}


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_those_of_torch_nn(kind):
    network = kind(image=(1, 8, 8), width=6)
    X = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 64)))
    with torch.no_grad():
        found = network.module(3, 2, precision="float64")(X)
        expected = REFERENCES[kind](network.initial_weights(3, 2), 6)(X.view(5, 1, 8, 8))[:, 0]
        other = REFERENCES[kind](network.initial_weights(3, 1), 6)(X.view(5, 1, 8, 8))[:, 0]
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    assert not torch.isclose(found, other, rtol=1e-3).all()  # control


# --- in a batch and alone -------------------------------------------------------------------------

ALPHA, LR, POINTS, STEPS = [0.5, 4.0], [0.3, 0.1], [20, 12], 100


def digits(points=20):
    X, y, *_ = ls.data.BinaryImages(points=points).sample(seed=4)
    return X.astype(np.float64), y.astype(np.float64)


def alone(module, X, y, *, alpha, lr, batches):
    """One network by autograd, one step at a time."""
    dtype = next(module.parameters()).dtype
    X, y = torch.from_numpy(X).to(dtype), torch.from_numpy(y).to(dtype)
    f0 = module(X).detach().reshape(-1)
    for batch in batches:
        module.zero_grad()
        chosen = torch.from_numpy(batch)
        o = alpha * (module(X[chosen]).reshape(-1) - f0[chosen])
        (torch.relu(1 - o * y[chosen]) / alpha).mean().backward()
        with torch.no_grad():
            for p in module.parameters():
                p -= lr * p.grad
    return torch.cat([p.detach().reshape(-1) for p in module.parameters()]).double().numpy()


def compare(network, precision, *, slower=1.0, seed=3):
    """Largest difference of weights after `STEPS` steps, in units of the largest weight."""
    X, y = digits()
    rates = [slower * lr for lr in LR]
    numbers = {
        "alpha": ALPHA,
        "lr": rates,
        "points": POINTS,
        "batch_size": 4,
        "seed": 3,
        "precision": precision,
    }
    runs = train_networks_of(
        network, (X, y), max_steps=STEPS, keep_weights=True, replicas=2, **numbers
    )
    assert (runs["weight_change"] > 1e-3).all(), runs["weight_change"].values
    differences = []
    for r, (alpha, lr, count) in enumerate(zip(ALPHA, rates, POINTS, strict=True)):
        settings = ls.SGD(lr=lr, batch_size=4, sampling="without_replacement")
        batches = batch_indices(settings, count, seed=seed, replica=r, steps=STEPS)
        module = network.module(3, r).to(getattr(torch, precision))
        if not isinstance(network, OwnNetwork):
            module = network.module(3, r, precision=precision)
        expected = alone(module, X[:count], y[:count], alpha=alpha, lr=lr, batches=batches)
        differences.append(
            np.abs(runs["final_weights"].values[r, r] - expected).max() / np.abs(expected).max()
        )
    return max(differences)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_replicas_in_a_batch_follow_one_alone(kind, precision):
    # Normalised layers magnify rounding at every step, the more the larger the step.
    network, slower = kind(image=(1, 8, 8), width=2), 0.2 if kind is ResNet18 else 1.0
    assert (
        compare(network, precision, slower=slower) < {"float32": 1e-5, "float64": 1e-12}[precision]
    )


def test_other_batches_do_not_follow():
    """Control: the comparison sees other minibatches."""
    assert compare(SimpleCNN(image=(1, 8, 8), width=2), "float64", seed=4) > 1e-4


@pytest.mark.parametrize("at_a_time", [1, 2**24])
def test_gradients_and_kernel_are_those_of_autograd(at_a_time, monkeypatch):
    monkeypatch.setattr("langevin_sgd.curvature.sample_gradients.MOST_NUMBERS", at_a_time)
    X = torch.from_numpy(digits(4)[0])
    for kind in KINDS:
        network = kind(image=(1, 8, 8), width=2)
        replicas = network.replicas([(1, 0), (1, 7)], torch.float64)
        inputs = X.expand(2, -1, -1)
        kernels, squares = tangent_kernel(replicas, inputs), squared_gradients(replicas, inputs)
        for r, number in enumerate((0, 7)):
            module = network.module(1, number, precision="float64")
            rows = [
                torch.autograd.grad(f, list(module.parameters()), retain_graph=True)
                for f in module(X)
            ]
            jacobian = torch.stack([torch.cat([part.reshape(-1) for part in row]) for row in rows])
            expected = jacobian @ jacobian.T
            torch.testing.assert_close(
                kernels[r], expected, rtol=1e-10, atol=1e-12 * float(expected.abs().max())
            )
            torch.testing.assert_close(squares[r], expected.diagonal(), rtol=1e-10, atol=0)


def own_convolutions():
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 4, 3, stride=2), nn.Tanh(), nn.Conv2d(4, 3, 3),
        nn.ReLU(),
        nn.Flatten(), nn.Linear(3, 1),
    )  # fmt: skip


def test_convolutions_of_ones_own_follow_one_alone():
    assert compare(OwnNetwork(build=own_convolutions, width=4), "float64") < 1e-12


# --- at the start ---------------------------------------------------------------------------------


def test_initial_weights_do_not_depend_on_the_batch():
    for kind in KINDS:
        network = kind(image=(1, 8, 8), width=2)
        many = network.replicas([(5, 3), (6, 0), (5, 0)], torch.float64)
        for r, draw in enumerate([(5, 3), (6, 0), (5, 0)]):
            weights = network.initial_weights(*draw)
            assert network.layers == list(weights)
            for stack, w in zip(many.trained, weights.values(), strict=True):
                assert np.array_equal(stack[r].numpy(), w)
        assert not torch.equal(many.trained[0][0], many.trained[0][2])
        assert sum(w[0].numel() for w in many.trained) == network.parameters
        flat = torch.cat(
            [w.flatten() for w in network.replicas([(0, 0), (0, 1)], torch.float64).trained]
        )
        assert abs(float(flat.mean())) < 5 / math.sqrt(len(flat))
        assert abs(float(flat.square().mean()) - 1) < 5 * math.sqrt(2 / len(flat))


def layer_sizes(module, X):
    """Mean squares of what leaves each hidden layer before its activation, and last of what enters
    the output.
    """
    from langevin_sgd.models.networks import image_layers

    found = []

    def recording(function, *, leaves):
        def recorded(x, *rest, **options):
            made = function(x, *rest, **options)
            found.append(float((made if leaves else x).square().mean()))
            return made

        return recorded

    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        for name in ("convolution", "depthwise", "dense", "output"):
            patch.setattr(
                image_layers, name, recording(getattr(image_layers, name), leaves=name != "output")
            )
        module(X)
    return found


@pytest.mark.parametrize(
    ("kind", "lowest", "highest"), [(SimpleCNN, 0.5, 4), (MobileCNN, 0.1, 2), (ResNet18, 0.3, 3)]
)
def test_layers_are_of_order_one_at_the_start(kind, lowest, highest):
    """At 28 by 28 pixels; zeros at borders and the mean over pixels make numbers smaller, maxima
    make them larger.
    """
    network = kind(image=(1, 28, 28), width=16)
    X = torch.from_numpy(np.random.default_rng(1).normal(size=(2, 784)).astype(np.float32))
    sizes = layer_sizes(network.module(0), X)
    assert len(sizes) - 1 == network.depth + sum("shortcut" in name for name in network.layers)
    assert lowest < min(sizes), sizes
    assert max(sizes) < highest, sizes


def test_outputs_are_of_order_one_over_the_square_root_of_their_fan_in():
    """Given its input a, f = w . a / n is normal of variance (mean a^2)/n: 400 draws of w, 5
    standard errors.
    """
    for kind in KINDS:
        network = kind(image=(1, 8, 8), width=4)
        fan_in = network.shapes["output"][1]
        replicas = network.replicas([(2, 0)] * 400, torch.float64)
        place = network.layers.index("output")
        replicas.trained[place][:] = torch.from_numpy(
            np.random.default_rng(3).normal(size=(400, 1, fan_in))
        )
        X = torch.from_numpy(digits(1)[0]).expand(400, 1, -1)
        with torch.no_grad():
            f = replicas.outputs(X)[:, 0]
        size = layer_sizes(network.module(2, precision="float64"), X[0])[-1]
        assert abs(fan_in * float(f.var()) / size - 1) < 5 * math.sqrt(2 / 400)
        assert abs(fan_in * float(f.var()) / (2 * size) - 1) > 5 * math.sqrt(
            2 / 400
        )  # control: 1/h for 1/sqrt(h)


def test_an_input_does_not_depend_on_the_others():
    for kind in KINDS:
        module = kind(image=(1, 8, 8), width=4).module(0, precision="float64")
        X = torch.from_numpy(digits(6)[0])
        with torch.no_grad():
            torch.testing.assert_close(module(X)[2:3], module(X[2:3]), rtol=1e-12, atol=1e-15)
            torch.testing.assert_close(
                module(X.view(2, 3, 64)), module(X).view(2, 3), rtol=1e-12, atol=1e-15
            )


# --- by name, and refused -------------------------------------------------------------------------


def test_every_family_is_made_for_images():
    for name, kind in FAMILIES.items():
        network = of_family(name, image=(3, 32, 32), width=8, activation="gelu", depth=2)
        assert type(network) is kind
        assert (network.dimension, network.width, network.activation) == (3072, 8, "gelu")
        assert network.depth == (2 if kind is FullyConnected else kind.depth)
        assert network.describe()["name"] == kind.__name__
    assert ls.data.BinaryImages(points=1, name="cifar10").image == (3, 32, 32)
    assert ls.data.BinaryImages(points=1).dimension == 64


def test_the_network_of_the_documentation_works(monkeypatch):
    """One class and one line of the registry make a network that grids train."""
    from langevin_sgd.models.networks import image_layers
    from langevin_sgd.models.networks.convolutional import ConvolutionalNetwork

    text = textwrap.dedent(networks.__doc__.split("::\n")[1].split("and, with its import")[0])
    names = (
        vars(image_layers)
        | vars(dataclasses)
        | {"ClassVar": ClassVar, "ConvolutionalNetwork": ConvolutionalNetwork}
    )
    exec(text, names)
    monkeypatch.setitem(FAMILIES, "two_convolutions", names["TwoConvolutions"])
    network = of_family("two_convolutions", image=(1, 8, 8), width=3)
    assert (network.depth, network.parameters) == (2, 27 + 81 + 3)
    runs = train_networks_of(network, digits(), lr=0.1, batch_size=4, max_steps=8, seed=0)
    assert runs["weight_change"] > 0


def test_sizes_of_the_published_networks():
    """Weights counted by hand from the layers."""
    h = 32
    mobile = 4 * h * (75 + 25 + 2 * h)
    for before, after in ((2 * h, h), (h, h), (h, 3 * h), (3 * h, 3 * h)):
        mobile += 3 * before * (before + 25 + after)
    assert MobileCNN(image=(3, 32, 32), width=h).parameters == mobile + 20 * h * (3 * h + 1) + 1
    assert SimpleCNN(image=(1, 28, 28), width=h).parameters == 26 * h + 2 * h * (
        25 * h + 1
    ) + 32 * h * (98 * h + 2)
    # 11 173 962 of torch's CIFAR variants: without 9 outputs of 512, biases of 10, and 9600 scales
    # and shifts
    assert ResNet18(image=(3, 32, 32)).parameters == 11_173_962 - 9 * 512 - 10 - 9600


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (SimpleCNN, {"image": (1, 3, 8)}, "image height = 3: must be an integer of at least 4"),
        (MobileCNN, {"image": (1, 8, 7)}, "image width = 7: must be an integer of at least 8"),
        (ResNet18, {"image": (0, 8, 8)}, "image channels = 0: must be an integer of at least 1"),
        (SimpleCNN, {"image": 64}, "image = 64: must be .channels, height, width."),
        (SimpleCNN, {"width": 0}, "width = 0: must be an integer of at least 1"),
        (
            SimpleCNN,
            {"activation": "tanh"},
            "activation = 'tanh': must be one of relu, gelu, linear",
        ),
    ],
)
def test_bad_fields_are_refused(kind, fields, message):
    with pytest.raises(ls.InputError, match=message):
        kind(**{"image": (1, 8, 8)} | fields)


def test_data_of_another_shape_and_unknown_families_are_refused():
    with pytest.raises(ls.InputError, match="dimension = 784: must be 64, that of the data"):
        train_networks_of(
            SimpleCNN(image=(1, 28, 28), width=2), digits(), lr=1.0, batch_size=4, max_steps=1
        )
    with pytest.raises(
        ls.InputError, match=r"name = 'resnet50': must be one of .*did you mean 'resnet18'"
    ):
        of_family("resnet50", image=(1, 8, 8), width=4)
