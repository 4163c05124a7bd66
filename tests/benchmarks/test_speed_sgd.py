"""One step of SGD of one replica: d = 100 parameters, N = 442 samples, batches of 8 with
replacement, momentum.

Time per replica and step on one thread unless said; ratios to the memory-and-arithmetic floor,
which only gathers the rows of batches known beforehand, makes the dot products and adds up the
gradient, four rows at a time.
"""

import numpy as np
import pytest
import torch
from numba import njit

import langevin_sgd as ls
from langevin_sgd import training
from langevin_sgd.kernels.layout import padded

SAMPLES, PARAMETERS, BATCH = 442, 100, 8
LR, MOMENTUM = 1e-3, 0.9
GENERATOR = np.random.default_rng(0)
X, Y = GENERATOR.normal(size=(SAMPLES, PARAMETERS)), GENERATOR.normal(size=SAMPLES)
SGD = {"lr": LR, "batch_size": BATCH, "momentum": MOMENTUM}


@njit(error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def gather_dot_axpy(total, X, y, theta, batches):
    for batch in batches:
        for first in range(0, len(batch), 4):
            h, i, j, k = batch[first], batch[first + 1], batch[first + 2], batch[first + 3]
            a = b = c = d = 0.0
            for p in range(len(theta)):
                a += X[h, p] * theta[p]
                b += X[i, p] * theta[p]
                c += X[j, p] * theta[p]
                d += X[k, p] * theta[p]
            a, b, c, d = a - y[h], b - y[i], c - y[j], d - y[k]
            for p in range(len(theta)):
                total[p] += (a * X[h, p] + b * X[i, p]) + (c * X[j, p] + d * X[k, p])


def test_floor(benchmark, table):
    steps = 100_000
    batches = GENERATOR.integers(0, SAMPLES, (steps, BATCH)).astype(np.int32)
    total, theta, rows = padded(np.zeros(PARAMETERS)), padded(np.zeros(PARAMETERS)), padded(X)
    table.time(
        benchmark, "floor", lambda: gather_dot_axpy(total, rows, Y, theta, batches), per=steps
    )


def runner(options, replicas, steps, problem=None):
    problem = problem or ls.LinearRegression.from_data(X, Y)
    return lambda: training.run(
        problem, ls.SGD(**{**SGD, **options}), replicas=replicas, steps=steps, seed=1
    )


@pytest.mark.parametrize("sampling", ["with_replacement", "without_replacement", "epochs"])
def test_runner(benchmark, table, monkeypatch, sampling):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    table.time(
        benchmark,
        f"training.run, {sampling}",
        runner({"sampling": sampling}, 16, 40_000),
        per=640_000,
    )


def test_runner_on_all_cores(benchmark, table):
    table.time(
        benchmark,
        "training.run, with_replacement, all cores",
        runner({}, 16, 80_000),
        per=1_280_000,
    )


def test_one_replica_in_numpy(benchmark, table):
    steps = 2_000

    def loop():
        generator, theta, velocity = (
            np.random.default_rng(1),
            np.zeros(PARAMETERS),
            np.zeros(PARAMETERS),
        )
        for _ in range(steps):
            batch = generator.integers(0, SAMPLES, BATCH)
            rows = X[batch]
            velocity = MOMENTUM * velocity - rows.T @ (rows @ theta - Y[batch]) / BATCH
            theta = theta + LR * velocity

    table.time(benchmark, "NumPy, one replica", loop, per=steps)


def test_batched_replicas_in_numpy(benchmark, table):
    steps, replicas = 50, 256

    def loop():
        generator = np.random.default_rng(1)
        theta, velocity = np.zeros((replicas, PARAMETERS)), np.zeros((replicas, PARAMETERS))
        for _ in range(steps):
            batch = generator.integers(0, SAMPLES, (replicas, BATCH))
            rows = X[batch]
            residual = (rows @ theta[:, :, None])[..., 0] - Y[batch]
            velocity = MOMENTUM * velocity - (residual[:, None] @ rows)[:, 0] / BATCH
            theta += LR * velocity

    table.time(benchmark, "NumPy, 256 replicas at once", loop, per=steps * replicas)


def test_torch_optimizer(benchmark, table):
    steps, x, y = 500, torch.from_numpy(X), torch.from_numpy(Y)
    threads = torch.get_num_threads()

    def loop():
        theta = torch.zeros(PARAMETERS, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.SGD([theta], lr=LR, momentum=MOMENTUM)
        for _ in range(steps):
            batch = torch.randint(SAMPLES, (BATCH,))
            optimizer.zero_grad()
            (0.5 * torch.mean((x[batch] @ theta - y[batch]) ** 2)).backward()
            optimizer.step()

    torch.set_num_threads(1)
    table.time(benchmark, "torch.optim.SGD and autograd, one replica", loop, per=steps)
    torch.set_num_threads(threads)


def test_batched_replicas_in_torch(benchmark, table):
    steps, replicas, x, y = 50, 256, torch.from_numpy(X), torch.from_numpy(Y)
    threads = torch.get_num_threads()

    def loop():
        theta, velocity = torch.zeros(2, replicas, PARAMETERS, dtype=torch.float64)
        for _ in range(steps):
            batch = torch.randint(SAMPLES, (replicas, BATCH))
            rows = x[batch]
            residual = torch.bmm(rows, theta[:, :, None])[..., 0] - y[batch]
            velocity.mul_(MOMENTUM).sub_(torch.bmm(residual[:, None], rows)[:, 0], alpha=1 / BATCH)
            theta.add_(velocity, alpha=LR)

    torch.set_num_threads(1)
    table.time(benchmark, "torch by hand, 256 replicas at once", loop, per=steps * replicas)
    torch.set_num_threads(threads)


def test_additive_noise_of_many_modes(benchmark, table, monkeypatch):
    """For comparison per mode: a normal random number alone costs about 1 ns."""
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    problem = ls.LinearRegression.from_spectrum(np.arange(1.0, 2001.0) ** -1.5)
    table.time(
        benchmark,
        "training.run, additive noise, per mode of 2000",
        runner({}, 8, 4_000, problem),
        per=8 * 4_000 * 2000,
    )
