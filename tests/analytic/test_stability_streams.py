"""The edge on a Gaussian stream, and gradients and velocities at the edge."""

from dataclasses import replace

import numpy as np
import pytest

from langevin_sgd import SGD, InputError
from langevin_sgd.theory.settings import noise_factor
from langevin_sgd.theory.stability.critical import critical_moments, stream_critical_moments
from langevin_sgd.theory.stability.edge import edge_lr, mean_edge_lr
from langevin_sgd.theory.stability.gaussian_stream import stream_edge_lr, stream_growth_factor
from langevin_sgd.theory.stability.minimum import InterpolatingMinimum

HARMONIC = 1 / np.arange(1, 21)


def stream_map(values, settings):
    """Map of E(delta^2, delta v, v^2) of all modes (torch's buffer v), from the update rule."""
    size, lr, b = len(values), settings.lr, settings.momentum
    out = np.zeros((3 * size, 3 * size))
    for column in range(3 * size):
        D, C, V = np.eye(3 * size)[column].reshape(3, size)
        noise = (values**2 * D + values * (values @ D)) / settings.batch_size
        gg, gd, gv = values**2 * D + noise, values * D, values * C
        vv, dv, wg = b**2 * V + 2 * b * gv + gg, b * C + gd, b * gv + gg
        if settings.nesterov:
            step_square, step_d, step_v = b**2 * vv + 2 * b * wg + gg, b * dv + gd, b * vv + wg
        else:
            step_square, step_d, step_v = vv, dv, vv
        moved = [D - 2 * lr * step_d + lr**2 * step_square, dv - lr * step_v, vv]
        out[:, column] = np.concatenate(moved)
    return out


def radius(values, settings):
    return np.abs(np.linalg.eigvals(stream_map(values, settings))).max()


@pytest.mark.parametrize("momentum", [{}, {"momentum": 0.9}, {"momentum": 0.7, "nesterov": True}])
@pytest.mark.parametrize("size", [1, 4, 64])
def test_stream_edge_and_growth_are_those_of_the_map_of_moments(momentum, size):
    settings = SGD(lr=0.1, batch_size=size, **momentum)
    at = replace(settings, lr=stream_edge_lr(HARMONIC, settings))
    assert radius(HARMONIC, at) == pytest.approx(1, abs=1e-9)
    for share in (0.5, 1.3):
        off = replace(at, lr=share * at.lr)
        known = radius(HARMONIC, off)
        assert stream_growth_factor(HARMONIC, off) == pytest.approx(known, rel=1e-8)
        assert abs(known - 1) > 1e-4
    # Control: batches of twice the size have their edge elsewhere.
    wrong = replace(at, batch_size=2 * size)
    assert abs(stream_edge_lr(HARMONIC, wrong) / at.lr - 1) > 1e-2


def test_stream_edges_that_are_known():
    """Numbers of the notes on stability, derived apart from this package."""
    known = {1: 0.429825, 4: 1.165189, 64: 1.937740}
    for size, edge in known.items():
        found = stream_edge_lr(HARMONIC, SGD(lr=0.1, batch_size=size))
        assert found == pytest.approx(edge, abs=6e-7)
    heavy = SGD(lr=0.1, batch_size=4, momentum=0.9)
    assert stream_edge_lr(HARMONIC, heavy) == pytest.approx(0.19072703, abs=6e-9)
    for size in (1, 5):
        one = stream_edge_lr([3.0], SGD(lr=0.1, batch_size=size))
        assert one == pytest.approx(2 / (1 + 2 / size) / 3.0, rel=1e-12)
    huge = SGD(lr=0.1, batch_size=10**12, momentum=0.5)
    assert stream_edge_lr(HARMONIC, huge) == pytest.approx(3.0, rel=1e-9)


def test_many_gaussian_samples_have_the_edge_of_a_stream():
    """32 sets of 150 samples with the right covariance; alarm below 1e-3. The control is a batch of
    6 instead of 4.
    """
    values, rng = np.array([1.0, 0.5, 0.25]), np.random.default_rng(0)
    settings = SGD(lr=0.1, batch_size=4, momentum=0.5)
    edges = []
    for _ in range(32):
        x = np.linalg.qr(rng.normal(size=(150, 3)))[0] * np.sqrt(150 * values)
        edges.append(edge_lr(InterpolatingMinimum.from_features(x), settings))
    error = np.std(edges, ddof=1) / np.sqrt(32)
    # Fourth moments of few samples fall short by a part of order 1/150.
    known, other = (stream_edge_lr(values, replace(settings, batch_size=b)) for b in (4, 6))
    assert abs(np.mean(edges) - known) < 3.5 * error + 0.01 * known
    assert abs(np.mean(edges) - other) > 6 * error + 0.01 * known


# --- gradients and velocities at the edge ---------------------------------------------------------


def enumerated_moments(phi, settings):
    """E|g|^2/E[d.Hd], E[g.Hg]/E|g|^2 and E[v.Hv]/E|v|^2 over the leading eigenmatrix of the mean
    Kronecker square, in parameter space.
    """
    samples, size = phi.shape
    share, b, lr = noise_factor(settings, samples), settings.momentum, settings.lr
    own = np.einsum("ia,ib->iab", phi, phi)
    whole, one = own.mean(axis=0), np.eye(size)

    def step(curvature):
        velocity = np.hstack([curvature, b * one])
        return np.vstack([np.hstack([one, 0 * one]) - lr * velocity, velocity])

    squares = np.mean([np.kron(step(each), step(each)) for each in own], axis=0)
    values, vectors = np.linalg.eig(
        (1 - share) * np.kron(step(whole), step(whole)) + share * squares
    )
    leading = vectors[:, np.argmax(np.abs(values))].real.reshape(2 * size, 2 * size)
    position, velocity = leading[:size, :size], leading[size:, size:]
    mean = np.einsum("iab,bc,icd->ad", own, position, own) / samples
    gradient = (1 - share) * whole @ position @ whole + share * mean
    return (
        np.trace(gradient) / np.trace(whole @ position),
        np.trace(whole @ gradient) / np.trace(gradient),
        np.trace(whole @ velocity) / np.trace(velocity),
    )


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_critical_moments_obey_the_identity_of_momentum(beta, size):
    phi = np.random.default_rng(4).normal(size=(7, 3))
    settings = SGD(lr=0.1, batch_size=size, momentum=beta, sampling="without_replacement")
    found = critical_moments(InterpolatingMinimum.from_features(phi), settings)
    known = enumerated_moments(phi, replace(settings, lr=found.lr))
    assert found.gradient_ratio == pytest.approx(known[0], rel=1e-8)
    assert found.gradient_curvature == pytest.approx(known[1], rel=1e-8)
    assert found.velocity_curvature == pytest.approx(known[2], rel=1e-7)
    assert found.gradient_ratio == pytest.approx(found.identity, rel=1e-10)
    assert beta == 0 or found.lower_plateau < found.gradient_ratio < found.upper_plateau
    # Batch sharpness with the whole Hessian is not 2/lr at the edge.
    assert abs(found.gradient_curvature / found.gradient_ratio - 1) > 0.02
    assert beta == 0 or found.gradient_ratio > 1.02 * found.lower_plateau


def test_full_batches_reach_the_upper_plateau():
    minimum = InterpolatingMinimum.from_features(np.random.default_rng(4).normal(size=(7, 3)))
    settings = SGD(lr=0.1, batch_size=7, momentum=0.9, sampling="without_replacement")
    found = critical_moments(minimum, settings)
    assert found.lr == mean_edge_lr(minimum, settings)
    assert found.gradient_ratio == pytest.approx(found.upper_plateau, rel=1e-12)
    assert found.identity == pytest.approx(found.upper_plateau, rel=1e-12)


@pytest.mark.parametrize(
    ("values", "beta", "shares"),
    [
        (1 / np.arange(1, 2001), 0.9, [0.973, 0.969, 0.951, 0.870, 0.498, 0.146]),
        (1 / np.arange(1, 2001), 0.0, [0.947, 0.847, 0.436, 0.124, 0.032, 0.008]),
        (np.ones(200), 0.9, [0.995, 0.994, 0.991, 0.979, 0.933, 0.785]),
        (np.arange(1, 2001) ** -1.5, 0.9, [0.816, 0.791, 0.697, 0.442, 0.164, 0.046]),
    ],
)
def test_trace_at_the_edge_of_a_stream_leaves_the_lower_plateau(values, beta, shares):
    """lr Tr H/(2 B (1-beta)), numbers derived apart from this package."""
    for size, known in zip((1, 4, 16, 64, 256, 1024), shares, strict=True):
        found = stream_critical_moments(values, SGD(lr=0.1, batch_size=size, momentum=beta))
        share = found.lr * values.sum() / (2 * size * (1 - beta))
        assert share == pytest.approx(known, abs=6e-4)
        assert found.gradient_ratio == pytest.approx(found.identity, rel=1e-10)
        assert found.lower_plateau <= found.gradient_ratio * (1 + 1e-9)
        assert found.gradient_ratio <= found.upper_plateau * (1 + 1e-9)


def test_only_heavy_ball_has_the_identity():
    settings = SGD(lr=0.1, batch_size=1, momentum=0.5, nesterov=True)
    with pytest.raises(InputError, match="nesterov = True: must be False"):
        stream_critical_moments([1.0], settings)
    with pytest.raises(InputError, match="eigenvalues = "):
        stream_edge_lr([1.0, 0.0], SGD(lr=0.1, batch_size=1))
