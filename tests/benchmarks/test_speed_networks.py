"""SGD on 64 networks 784-128-128-1 at batch 16, float32, one thread: processor time per replica and
step.

Beside it the batched matrix products of a step alone, by torch and by us, and the same networks by
autograd, one at a time. No step can do without its products.
"""

import time
from functools import partial

import numpy as np
import pytest
import torch

import langevin_sgd as ls
from langevin_sgd.kernels.products import add_product, product
from langevin_sgd.models.networks import FullyConnected
from langevin_sgd.training import run

REPLICAS, BATCH, WIDTH, DIMENSION, STEPS = 64, 16, 128, 784, 64
NETWORK = FullyConnected(dimension=DIMENSION, width=WIDTH, depth=2)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch, one_torch_thread):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")


def points(count=4096):
    generator = np.random.default_rng(0)
    X = generator.normal(size=(count, DIMENSION)).astype(np.float32)
    return X, np.where(generator.normal(size=count) > 0, 1.0, -1.0)


def products(replicas, multiply, add):
    """Forward, backward and update of `STEPS` steps, as matrix products and nothing else,
    `replicas` at a time.
    """
    sizes = [(DIMENSION, WIDTH), (WIDTH, WIDTH), (WIDTH, 1)]
    weights = [torch.randn(replicas, *size) for size in sizes]
    inputs = [torch.randn(replicas, BATCH, size[0]) for size in sizes]
    deltas = [torch.randn(replicas, BATCH, size[1]) * 1e-6 for size in sizes]

    def run():
        for _ in range(REPLICAS // replicas):
            for _ in range(STEPS):
                for x, w in zip(inputs, weights, strict=True):
                    multiply(x, w)
                for delta, w in zip(deltas[1:], weights[1:], strict=True):
                    multiply(delta, w.mT)
                for x, w, delta in zip(inputs, weights, deltas, strict=True):
                    add(w, x.mT, delta)

    return run


def training(sets):
    # Labels at random and a small learning rate: nothing is fitted within these steps.
    problem = ls.NetworkProblem(NETWORK, sets)
    settings = ls.SGD(lr=1e-3, batch_size=BATCH, sampling="without_replacement")

    def seconds(steps):
        begun = time.process_time()
        run(problem, settings, stop=ls.Stop(max_steps=steps), replicas=REPLICAS, seed=1)
        return time.process_time() - begun

    # Making networks and looking at all points belong to a run, not to its steps: the difference of
    # two lengths.
    shortest = [np.inf, np.inf]

    def difference():
        for k, steps in enumerate((STEPS, 5 * STEPS)):
            shortest[k] = min(shortest[k], seconds(steps))
        return (shortest[1] - shortest[0]) / 4

    return difference


def autograd(sets):
    X, y = (torch.as_tensor(a, dtype=torch.float32) for a in sets)
    module = NETWORK.module(1)
    optimiser = torch.optim.SGD(module.parameters(), lr=1e-3)
    batches = torch.randint(len(X), (STEPS, BATCH))
    f0 = module(X).detach()

    def run():
        for batch in batches:
            optimiser.zero_grad()
            torch.relu(1 - y[batch] * (module(X[batch]) - f0[batch])).mean().backward()
            optimiser.step()

    return run


def clock(function):
    begun = time.process_time()
    taken = function()
    return time.process_time() - begun if taken is None else taken


def test_many_networks(benchmark):
    sets = points()
    rows = {
        "matrix products alone": (
            products(16, partial(product, scale=1.0), partial(add_product, scale=1.0)),
            REPLICAS,
        ),
        "the same by torch": (products(16, torch.bmm, torch.Tensor.baddbmm_), REPLICAS),
        "training.run": (training(sets), REPLICAS),
        "one at a time, autograd and torch.optim.SGD": (autograd(sets), 1),
    }
    best = dict.fromkeys(rows, np.inf)

    def round_of_all():
        for name, (function, replicas) in rows.items():
            taken = clock(function) / (replicas * STEPS)
            best[name] = taken if name == "training.run" else min(best[name], taken)

    benchmark.pedantic(round_of_all, rounds=5, warmup_rounds=1)
    floor = next(iter(best.values()))
    print(
        "",
        __doc__,
        *(f"  {name:<48} {1e6 * t:9.1f} us {t / floor:7.2f} x" for name, t in best.items()),
        sep="\n",
    )
