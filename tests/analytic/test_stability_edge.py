"""The mean-square edge of SGD at an interpolating minimum, against matrices in parameter space, all
batches, and gradient descent.
"""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

from langevin_sgd import SGD, InputError
from langevin_sgd.theory.stability.edge import (
    edge_lr,
    growth_factor,
    mean_edge_lr,
    spectral_edge_lr,
)
from langevin_sgd.theory.stability.minimum import InterpolatingMinimum
from langevin_sgd.theory.stability.second_moment import mean_loss
from langevin_sgd.theory.stability.typical import typical_exponent

SAMPLES = 5
MOMENTA = [
    {},
    {"momentum": 0.5},
    {"momentum": 0.9},
    {"momentum": 0.5, "nesterov": True},
    {"momentum": 0.9, "nesterov": True},
]
DRAWN = [
    (1, "with_replacement"),
    (2, "with_replacement"),
    (2, "without_replacement"),
    (4, "without_replacement"),
]


def features(samples=SAMPLES, parameters=3, seed=1, outputs=None):
    shape = (samples, parameters) if outputs is None else (samples, outputs, parameters)
    return np.random.default_rng(seed).normal(size=shape)


def batches(settings, samples=SAMPLES):
    if settings.sampling == "with_replacement":
        return list(itertools.product(range(samples), repeat=settings.batch_size))
    return list(itertools.combinations(range(samples), settings.batch_size))


def step_matrix(curvature, settings):
    """One step of (position, torch's buffer) from the update rule, on one batch's curvature."""
    one, lr, b = np.eye(len(curvature)), settings.lr, settings.momentum
    velocity = np.hstack([curvature, b * one])
    step = np.hstack([curvature, 0 * one]) + b * velocity if settings.nesterov else velocity
    return np.vstack([np.hstack([one, 0 * one]) - lr * step, velocity])


def radius(phi, settings):
    """Spectral radius of the mean of the Kronecker squares over every batch that can be drawn, on
    the range of the Hessian.
    """
    jacobians = phi.reshape(len(phi), -1, phi.shape[-1])
    basis = np.linalg.svd(jacobians.reshape(-1, phi.shape[-1]), full_matrices=False)[2]
    own = np.einsum("ika,ikb->iab", jacobians @ basis.T, jacobians @ basis.T)
    maps = [
        step_matrix(own[list(batch)].mean(axis=0), settings)
        for batch in batches(settings, len(phi))
    ]
    mean = np.mean([np.kron(one, one) for one in maps], axis=0)
    return np.abs(np.linalg.eigvals(mean)).max()


def enumerated_edge(phi, settings):
    limit = mean_edge_lr(InterpolatingMinimum.from_features(phi), settings)

    def above(lr):
        return radius(phi, replace(settings, lr=lr)) - 1

    # The first crossing: the edge is not far below half of the limit for these data.
    return brentq(above, 0.02 * limit, limit * (1 - 1e-9), xtol=1e-12)


@pytest.mark.parametrize("momentum", MOMENTA)
@pytest.mark.parametrize("drawn", DRAWN)
def test_edge_is_where_the_mean_over_all_batches_turns_unstable(momentum, drawn):
    phi = features()
    settings = SGD(lr=0.1, batch_size=drawn[0], sampling=drawn[1], **momentum)
    edge = edge_lr(InterpolatingMinimum.from_features(phi), settings)
    assert radius(phi, replace(settings, lr=edge)) == pytest.approx(1, abs=1e-10)
    assert radius(phi, replace(settings, lr=0.95 * edge)) < 0.9999
    assert radius(phi, replace(settings, lr=1.05 * edge)) > 1.0001
    # Controls: the other way of drawing, and one sample more, have other edges.
    others = [replace(settings, batch_size=drawn[0] + 1)]
    if drawn[0] > 1:
        swapped = {"with_replacement", "without_replacement"} - {drawn[1]}
        others.append(replace(settings, sampling=swapped.pop()))
    for other in others:
        off = edge_lr(InterpolatingMinimum.from_features(phi), other)
        assert abs(radius(phi, replace(settings, lr=off)) - 1) > 1e-3


@pytest.mark.parametrize("momentum", MOMENTA)
def test_edge_is_crossed_once(momentum):
    """Stable at all learning rates below, unstable from there to the limit of the mean."""
    phi = features(seed=3)
    settings = SGD(lr=0.1, batch_size=2, sampling="without_replacement", **momentum)
    minimum = InterpolatingMinimum.from_features(phi)
    edge, limit = edge_lr(minimum, settings), mean_edge_lr(minimum, settings)
    for lr in np.concatenate(
        [np.linspace(0.05, 0.98, 12) * edge, np.linspace(1.02 * edge, limit, 8)]
    ):
        assert (radius(phi, replace(settings, lr=float(lr))) < 1) == (lr < edge)


@pytest.mark.parametrize("momentum", MOMENTA)
@pytest.mark.parametrize("drawn", DRAWN)
def test_growth_is_the_spectral_radius(momentum, drawn):
    phi = features(parameters=4, seed=2)
    minimum = InterpolatingMinimum.from_features(phi)
    settings = SGD(lr=0.1, batch_size=drawn[0], sampling=drawn[1], **momentum)
    edge = edge_lr(minimum, settings)
    for share in (0.3, 0.8, 1.3):
        at = replace(settings, lr=share * edge)
        assert growth_factor(minimum, at) == pytest.approx(radius(phi, at), rel=1e-9)
        near = replace(at, lr=1.01 * at.lr)
        assert abs(growth_factor(minimum, near) / radius(phi, at) - 1) > 1e-5


@pytest.mark.parametrize("momentum", [MOMENTA[0], MOMENTA[2], MOMENTA[4]])
def test_full_batches_have_the_edge_of_gradient_descent(momentum):
    phi = features()
    minimum = InterpolatingMinimum.from_features(phi)
    settings = SGD(lr=0.1, batch_size=SAMPLES, sampling="without_replacement", **momentum)
    b, curvature = settings.momentum, np.linalg.eigvalsh(phi.T @ phi / SAMPLES)[-1]
    known = 2 * (1 + b) / curvature / (1 + 2 * b if settings.nesterov else 1)
    assert edge_lr(minimum, settings) == pytest.approx(known, rel=1e-12)
    assert mean_edge_lr(minimum, settings) == pytest.approx(known, rel=1e-12)
    assert growth_factor(minimum, replace(settings, lr=known)) == pytest.approx(1, abs=1e-9)
    noisy = replace(settings, sampling="with_replacement")
    assert edge_lr(minimum, noisy) < 0.95 * known


@pytest.mark.parametrize("momentum", [MOMENTA[0], MOMENTA[1], MOMENTA[3]])
def test_several_outputs_are_blocks_of_one_sample(momentum):
    phi = features(samples=4, parameters=3, outputs=2)
    settings = SGD(lr=0.1, batch_size=2, sampling="without_replacement", **momentum)
    minimum = InterpolatingMinimum.from_features(phi)
    edge = edge_lr(minimum, settings)
    assert radius(phi, replace(settings, lr=edge)) == pytest.approx(1, abs=1e-10)
    at = replace(settings, lr=1.2 * edge)
    assert growth_factor(minimum, at) == pytest.approx(radius(phi, at), rel=1e-9)
    # The control draws outputs one by one, as if each were a sample.
    apart = InterpolatingMinimum.from_features(phi.reshape(8, 3) * np.sqrt(2))
    assert abs(edge_lr(apart, settings) / edge - 1) > 0.01


def test_the_edge_of_few_points_is_that_of_the_pencil():
    """lr = 2 / largest eigenvalue of C^+ D (Mulayoff and Michaeli), by another route."""
    phi = features(samples=8, parameters=6, seed=5)
    own = np.einsum("ia,ib->iab", phi, phi)
    whole, one = own.mean(axis=0), np.eye(6)
    for size in (1, 2, 4):
        share = (8 - size) / (size * 7)
        kinetic = 0.5 * (np.kron(whole, one) + np.kron(one, whole))
        squares = np.mean([np.kron(each, each) for each in own], axis=0)
        mixed = (1 - share) * np.kron(whole, whole) + share * squares
        known = 2 / np.linalg.eigvals(np.linalg.solve(kinetic, mixed)).real.max()
        settings = SGD(lr=0.1, batch_size=size, sampling="without_replacement")
        minimum = InterpolatingMinimum.from_features(phi)
        assert edge_lr(minimum, settings) == pytest.approx(known, rel=1e-10)
        assert edge_lr(minimum, settings) < spectral_edge_lr(minimum, settings)
        wrong = replace(settings, sampling="with_replacement")
        assert size == 1 or abs(edge_lr(minimum, wrong) / known - 1) > 0.03


def test_more_parameters_than_samples_do_not_matter():
    """Only the kernel does: the features in an orthonormal basis of their span."""
    phi = features(samples=4, parameters=500, seed=4)
    triangle = np.linalg.qr(phi.T)[1].T
    settings = SGD(lr=0.1, batch_size=2, momentum=0.5)
    edges = [
        edge_lr(InterpolatingMinimum.from_features(each), settings) for each in (phi, triangle)
    ]
    assert edges[0] == pytest.approx(edges[1], rel=1e-10)
    assert edges[0] == pytest.approx(enumerated_edge(triangle, settings), rel=1e-8)


# --- the mean loss --------------------------------------------------------------------------------


def enumerated_losses(phi, settings, residuals, steps):
    """E L over every sequence of batches, by running SGD on each."""
    jacobians = phi.reshape(len(phi), -1, phi.shape[-1])
    flat = jacobians.reshape(-1, phi.shape[-1])
    start = np.linalg.lstsq(flat, residuals.ravel(), rcond=None)[0]
    state = np.concatenate([start, 0 * start])[None]
    own = np.einsum("ika,ikb->iab", jacobians, jacobians)
    maps = np.array(
        [step_matrix(own[list(b)].mean(axis=0), settings) for b in batches(settings, len(phi))]
    )
    losses = []
    for _ in range(steps + 1):
        losses.append(((state[:, : len(start)] @ flat.T) ** 2).sum(axis=1).mean() / (2 * len(phi)))
        state = np.einsum("mij,sj->msi", maps, state).reshape(-1, state.shape[1])
    return losses


@pytest.mark.parametrize("momentum", [MOMENTA[0], MOMENTA[1], MOMENTA[3]])
@pytest.mark.parametrize("sampling", ["with_replacement", "without_replacement"])
@pytest.mark.parametrize("outputs", [None, 2])
def test_mean_loss_is_the_average_over_all_sequences_of_batches(momentum, sampling, outputs):
    phi = features(samples=3, parameters=7, outputs=outputs)
    residuals = np.random.default_rng(7).normal(size=(3, outputs) if outputs else 3)
    settings = SGD(lr=0.3, batch_size=2, sampling=sampling, **momentum)
    minimum = InterpolatingMinimum.from_features(phi)
    known = enumerated_losses(phi, settings, residuals, 4)
    found = mean_loss(minimum, settings, residuals, steps=4)
    np.testing.assert_allclose(found, known, rtol=1e-12)
    # Gradient descent, the loss of the mean, is another.
    quiet = replace(settings, batch_size=3, sampling="without_replacement")
    assert abs(mean_loss(minimum, quiet, residuals, steps=4)[-1] / known[-1] - 1) > 0.01


def test_mean_loss_grows_by_the_growth_factor_in_the_end():
    minimum = InterpolatingMinimum.from_features(features(samples=12, parameters=20))
    for momentum in (MOMENTA[0], MOMENTA[2], MOMENTA[4]):
        settings = SGD(lr=0.1, batch_size=3, **momentum)
        at = replace(settings, lr=1.2 * edge_lr(minimum, settings))
        losses = mean_loss(minimum, at, np.ones(12), steps=600)
        assert losses[-1] / losses[-2] == pytest.approx(growth_factor(minimum, at), rel=1e-6)


def test_real_steps_follow_the_mean_loss():
    """Few steps just below the edge, where rare batches do not yet carry the mean; 40 000 runs,
    alarm below 1e-4. The control is the loss of the mean.
    """
    phi, runs, steps = features(samples=8, parameters=6, seed=5), 40_000, 6
    minimum = InterpolatingMinimum.from_features(phi)
    settings = SGD(lr=0.3, batch_size=2, momentum=0.3, sampling="without_replacement")
    rng = np.random.default_rng(6)
    start = rng.normal(size=6)
    theta, buffer = np.tile(start, (runs, 1)), np.zeros((runs, 6))
    for _ in range(steps):
        chosen = phi[rng.permuted(np.tile(np.arange(8), (runs, 1)), axis=1)[:, :2]]
        gradient = np.einsum("rbp,rbq,rq->rp", chosen, chosen, theta) / 2
        buffer = settings.momentum * buffer + gradient
        theta = theta - settings.lr * buffer
    losses = ((theta @ phi.T) ** 2).sum(axis=1) / 16
    error = losses.std() / np.sqrt(runs)
    exact = mean_loss(minimum, settings, phi @ start, steps=steps)[-1]
    assert abs(losses.mean() - exact) < 4.2 * error
    quiet = replace(settings, batch_size=8)
    assert abs(losses.mean() - mean_loss(minimum, quiet, phi @ start, steps=steps)[-1]) > 8 * error


# --- a typical run --------------------------------------------------------------------------------


def test_typical_exponent_of_one_dimension_is_a_mean_of_logarithms():
    phi = np.array([[1.0], [0.5], [1.5], [0.2]])
    minimum, lr = InterpolatingMinimum.from_features(phi), 0.7
    settings = SGD(lr=lr, batch_size=2)
    pairs = itertools.product(range(4), repeat=2)
    known = np.mean([np.log(abs(1 - lr * (phi[list(b)] ** 2).mean())) for b in pairs])
    found = typical_exponent(minimum, settings, steps=2000, replicas=64, seed=2)
    assert abs(found.value - known) < 4 * found.standard_error
    assert 0 < found.standard_error < 0.01
    assert abs(found.value - 0.5 * np.log(growth_factor(minimum, settings))) > 0.05


@pytest.mark.parametrize("momentum", [MOMENTA[0], MOMENTA[1], MOMENTA[3]])
def test_a_typical_run_shrinks_beyond_the_mean_square_edge(momentum):
    minimum = InterpolatingMinimum.from_features(features(samples=8, parameters=12, seed=4))
    settings = SGD(lr=0.1, batch_size=1, sampling="without_replacement", **momentum)
    at = replace(settings, lr=1.02 * edge_lr(minimum, settings))
    found = typical_exponent(minimum, at, steps=1500, replicas=16, seed=3)
    assert np.log(growth_factor(minimum, at)) > 0.005
    assert found.value + 4 * found.standard_error < 0


def test_typical_exponent_without_noise_is_that_of_gradient_descent():
    minimum = InterpolatingMinimum.from_features(features())
    settings = SGD(lr=1.9, batch_size=SAMPLES, sampling="without_replacement", momentum=0.5)
    found = typical_exponent(minimum, settings, steps=400, replicas=2)
    assert found.value == pytest.approx(0.5 * np.log(growth_factor(minimum, settings)), abs=5e-3)


# --- what is refused ------------------------------------------------------------------------------

GOOD = SGD(lr=0.1, batch_size=2)
BAD = [
    (lambda: InterpolatingMinimum.from_features(np.zeros((3, 2))), "features = .*all are zero"),
    (lambda: InterpolatingMinimum.from_features([1.0, 2.0]), "features = .*must have shape"),
    (lambda: InterpolatingMinimum.from_features([[1.0, np.nan]]), "features = .*finite"),
    (lambda: InterpolatingMinimum(kernel=[[1.0, 2.0], [2.0, 1.0]]), "kernel = .*negative"),
    (lambda: InterpolatingMinimum(kernel=[[1.0, 0.5], [0.0, 1.0]]), "kernel = .*symmetric"),
    (lambda: InterpolatingMinimum(kernel=np.eye(3), outputs=2), "outputs = 2: must divide"),
]
SETTINGS = [
    ({"batch_size": 6, "sampling": "without_replacement"}, "batch_size = 6: must not exceed"),
    ({"sampling": "epochs"}, "sampling = 'epochs'"),
    ({"weight_decay": 0.1}, "weight_decay = 0.1: must be 0.0"),
    ({"momentum": 0.5, "dampening": 0.1}, "dampening = 0.1: must be 0.0"),
]


@pytest.mark.parametrize(("call", "line"), BAD)
def test_no_minimum_is_made_of_anything_else(call, line):
    with pytest.raises(InputError, match=line):
        call()


@pytest.mark.parametrize(("changes", "line"), SETTINGS)
def test_settings_without_an_edge_are_refused(changes, line):
    minimum = InterpolatingMinimum.from_features(features())
    with pytest.raises(InputError, match=line):
        edge_lr(minimum, replace(GOOD, **changes))
    assert edge_lr(minimum, GOOD) > 0
