"""One step of the underdamped Langevin equation in a double well: 1e5 particles, BAOAB, one thread unless said.

Time per particle, step and dimension; ratios to the package's own float64 normals, with which no step can do without.
"""

import numpy as np
import pytest
from numba import njit

import langevin_sgd as ls
from langevin_sgd import randomness
from langevin_sgd.models import potentials
from langevin_sgd.sde import engine, loop

PARTICLES, STEPS = 1 << 17, 60
KEY = randomness.key_from_seed(1)


@njit(error_model="numpy")
def only_normals(fill, out, bits, steps, blocks):
    for block in range(blocks):
        for step in range(steps):
            fill(out, bits, KEY, step, block)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_floor(benchmark, table, kind):
    lanes = loop.lanes_of_block(1, kind)
    out, bits = engine.aligned((lanes,), kind), engine.aligned((512,), np.uint64)
    fill = loop.fill_64 if kind == np.float64 else loop.fill_32
    label = f"floor: normals alone, {np.dtype(kind).name}"
    table.time(
        benchmark, label, lambda: only_normals(fill, out, bits, STEPS, PARTICLES // lanes), per=PARTICLES * STEPS
    )


def equation(potential, **changes):
    fields = {"mass": 1.0, "friction": 1.0, "noise_covariance": 0.5, "step_time": 0.01}
    return ls.Underdamped(potential=potential, **{**fields, **changes})


def runner(given, integrator=None, *, particles=PARTICLES, steps=STEPS, precision="float64"):
    """A function that makes `steps` steps with the general engine."""
    zeros = np.zeros((particles, given.potential.parameters))
    made = engine.Engine(given, integrator or ls.sde.BAOAB(), 1, KEY, 0, zeros, zeros, precision=precision)
    nothing = np.array([], np.int64)
    return lambda: made.advance(0, steps, nothing)


WELL = potentials.double_well()


@pytest.mark.parametrize("precision", ["float64", "float32", "mixed"])
def test_baoab(benchmark, table, monkeypatch, precision):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    run = runner(equation(WELL), precision=precision)
    table.time(benchmark, f"BAOAB, {precision}", run, per=PARTICLES * STEPS)


def test_baoab_of_a_formula(benchmark, table, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    run = runner(equation(potentials.Potential.from_sympy("x**4/4 - x**2/2")))
    table.time(benchmark, "BAOAB, potential from a formula", run, per=PARTICLES * STEPS)


def test_baoab_on_the_mueller_brown_surface(benchmark, table, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    run = runner(equation(potentials.mueller_brown(scale=0.01)), steps=20)
    table.time(benchmark, "BAOAB, Mueller-Brown surface, per dimension", run, per=2 * PARTICLES * 20)


def test_baoab_with_parameters_by_replica(benchmark, table, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    run = runner(equation(WELL, friction=np.linspace(0.1, 1, PARTICLES)))
    table.time(benchmark, "BAOAB, friction by replica", run, per=PARTICLES * STEPS)


def test_baoab_on_all_cores(benchmark, table):
    table.time(benchmark, "BAOAB, all cores", runner(equation(WELL)), per=PARTICLES * STEPS)


@pytest.mark.parametrize("name", ["OBABO", "EulerMaruyama", "Heun", "ShiftedODE"])
def test_other_integrators(benchmark, table, monkeypatch, name):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    run = runner(equation(WELL), getattr(ls.sde, name)())
    table.time(benchmark, f"{name}, float64", run, per=PARTICLES * STEPS)


def test_hundred_modes(benchmark, table, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    given = equation(potentials.quadratic(np.linspace(0.1, 1, 100)))
    zeros = np.zeros((1024, 100))
    form = given.linear()
    step = ls.sde.BAOAB().linear_step(form, given.step_time)
    made = ls.sde.linear_engine.LinearEngine(form, step, 1, KEY, 0, zeros, zeros)
    nothing = np.array([], np.int64)
    table.time(benchmark, "BAOAB, 100 modes, linear engine", lambda: made.advance(0, 60, nothing), per=1024 * 100 * 60)


def test_hundred_dimensions(benchmark, table, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    given = equation(potentials.quadratic(np.linspace(0.1, 1, 100)))
    run = runner(given, particles=1024, steps=60)
    table.time(benchmark, "BAOAB, 100 dimensions, general engine", run, per=1024 * 100 * 60)


def test_numpy_in_place(benchmark, table):
    generator, x, v = np.random.Generator(np.random.SFC64(1)), np.zeros(100_000), np.zeros(100_000)
    noise, scratch = np.empty(100_000), np.empty(100_000)
    h, keep, amplitude = 0.01, np.exp(-0.01), np.sqrt(0.25 * (1 - np.exp(-0.02)))

    def loop_over_steps():
        for _ in range(10):
            np.multiply(x, x, out=scratch)
            np.subtract(1.0, scratch, out=scratch)
            np.multiply(scratch, x, out=scratch)
            np.multiply(scratch, h, out=scratch)
            np.add(v, scratch, out=v)
            np.multiply(v, h / 2, out=scratch)
            np.add(x, scratch, out=x)
            np.multiply(v, keep, out=v)
            generator.standard_normal(out=noise)
            np.multiply(noise, amplitude, out=noise)
            np.add(v, noise, out=v)
            np.multiply(v, h / 2, out=scratch)
            np.add(x, scratch, out=x)

    table.time(benchmark, "NumPy in place", loop_over_steps, per=10 * 100_000)


@pytest.mark.parametrize("peer", ["diffrax", "torchsde", "jax"])
def test_peers(benchmark, table, peer):
    library = pytest.importorskip(peer, reason=f"{peer} is not installed")
    steps, particles, h = 50, 100_000, 0.01
    if peer == "torchsde":
        torch = pytest.importorskip("torch")

        class Langevin(torch.nn.Module):
            noise_type, sde_type = "diagonal", "ito"

            def f(self, t, z):
                x, v = z[:, :1], z[:, 1:]
                return torch.cat([v, x - x**3 - v], dim=1)

            def g(self, t, z):
                return torch.tensor([0.0, 0.5**0.5], dtype=z.dtype).expand_as(z)

        zeros, times = torch.zeros(particles, 2, dtype=torch.float64), torch.tensor([0.0, steps * h])
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        table.time(
            benchmark,
            "torchsde, Euler",
            lambda: library.sdeint(Langevin(), zeros, times, dt=h, method="euler"),
            per=particles * steps,
        )
        torch.set_num_threads(threads)
        return
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    keep, amplitude = np.exp(-h), np.sqrt(0.25 * (1 - np.exp(-2 * h)))

    def one(state, key):
        x, v = state
        v = v + h * (x - x**3)
        x = x + h / 2 * v
        v = keep * v + amplitude * jax.random.normal(key, x.shape, x.dtype)
        return (x + h / 2 * v, v), None

    if peer == "jax":
        zeros, keys = jax.numpy.zeros(particles), jax.random.split(jax.random.key(1), steps)
        run = jax.jit(lambda state: jax.lax.scan(one, state, keys)[0])
        label = "JAX scan, BAOAB"
        state = (zeros, zeros)
    else:
        particles = 10_000
        brownian = jax.random.split(jax.random.key(1), particles)

        def path(key, y):
            control = library.UnsafeBrownianPath((), key=key)
            drift = library.ODETerm(lambda t, z, args: jax.numpy.stack([z[1], z[0] - z[0] ** 3 - z[1]]))
            noise = library.ControlTerm(lambda t, z, args: jax.numpy.array([0.0, 0.5**0.5]), control)
            terms = library.MultiTerm(drift, noise)
            return library.diffeqsolve(
                terms, library.Euler(), 0.0, steps * h, h, y, adjoint=library.DirectAdjoint(), max_steps=steps + 1
            ).ys

        run, label = jax.jit(lambda state: jax.vmap(path)(brownian, state)), "diffrax, Euler, unsafe path"
        state = jax.numpy.zeros((particles, 2))
    table.time(benchmark, label, lambda: jax.block_until_ready(run(state)), per=particles * steps)
