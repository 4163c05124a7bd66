"""One step of the underdamped Langevin equation in a double well: 1e5 particles, BAOAB, one core
unless said.

Time per particle, step and dimension; ratios to the package's own float64 normals, with which no
step can do without. A second table has the ratios that matter from rounds in which all took turns,
by process CPU time: medians, so that other load on the machine cancels.
"""

import contextlib
import os
import threading
import time

import numpy as np
import pytest
from numba import njit, uint64

import langevin_sgd as ls
from langevin_sgd import randomness
from langevin_sgd.kernels.layout import aligned
from langevin_sgd.models import potentials
from langevin_sgd.sde import engine, fillings, loop

PARTICLES, STEPS = 1 << 17, 240
"""About as many steps as a run makes at once."""
STEP = 0.01
KEY = randomness.key_from_seed(1)


@pytest.fixture(autouse=True)
def one_core(request, monkeypatch):
    """Everything on one core, peers too, unless the test is about cores: threads that a library
    starts inherit this.
    """
    cores = os.sched_getaffinity(0)
    if "cores" not in request.node.name:
        monkeypatch.setenv(
            "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        )
        os.sched_setaffinity(0, {max(cores)})
    yield
    os.sched_setaffinity(0, cores)


@njit(error_model="numpy", nogil=True)
def only_normals(fill, out, bits, steps, blocks):
    for block in range(blocks):
        for step in range(steps):
            fill(out, bits, KEY, step, block)


def floor(kind):
    """A function that makes the package's own normals and nothing else."""
    lanes = loop.lanes_of_block(1, kind)
    out, bits = aligned((lanes,), kind), aligned((512,), np.uint64)
    fill = fillings.fill_64 if kind == np.float64 else fillings.fill_32
    return lambda: only_normals(fill, out, bits, STEPS, PARTICLES // lanes)


# The fastest normals we know of: xoshiro256+ (Blackman and Vigna 2021) in as many streams as there
# are lanes, in vector registers, with the package's own Box-Muller. It carries a state, so that no
# block could be recomputed alone.


@njit(error_model="numpy")
def xoshiro_words(bits, state):
    for lane in range(bits.shape[1]):
        a, b, c, d = state[0, lane], state[1, lane], state[2, lane], state[3, lane]
        for k in range(4):
            bits[k, lane] = a + d
            shifted = b << uint64(17)
            c, d = c ^ a, d ^ b
            b, a, c, d = b ^ c, a ^ d, c ^ shifted, (d << uint64(45)) | (d >> uint64(19))
        state[0, lane], state[1, lane], state[2, lane], state[3, lane] = a, b, c, d


@njit(error_model="numpy")
def xoshiro_normals(out, bits, state, box_muller, word, fillings):
    quarter = len(out) // 4
    for _ in range(fillings):
        xoshiro_words(bits, state)
        for pair in range(2):
            radius, angle = bits[2 * pair].view(word), bits[2 * pair + 1].view(word)
            first = out[2 * pair * quarter : (2 * pair + 1) * quarter]
            second = out[(2 * pair + 1) * quarter : (2 * pair + 2) * quarter]
            for lane in range(quarter):
                first[lane], second[lane] = box_muller(radius[lane], angle[lane])


def best(kind):
    """A function that makes as many normals with xoshiro256+."""
    single = kind == np.float32
    bits, state, out = (
        aligned((4, 128), np.uint64),
        aligned((4, 128), np.uint64),
        aligned((1024 if single else 512,), kind),
    )
    state[:] = np.random.default_rng(1).integers(1, 2**63, state.shape)
    made = (
        (randomness.box_muller_32, np.uint32) if single else (randomness.box_muller_64, np.uint64)
    )
    return lambda: xoshiro_normals(out, bits, state, *made, PARTICLES * STEPS // len(out))


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_floor(benchmark, table, kind):
    table.time(
        benchmark,
        f"floor: normals alone, {np.dtype(kind).name}",
        floor(kind),
        per=PARTICLES * STEPS,
    )


def equation(potential, **changes):
    fields = {"mass": 1.0, "friction": 1.0, "noise_covariance": 0.5, "step_time": STEP}
    return ls.Underdamped(potential=potential, **{**fields, **changes})


def runner(given, integrator=None, *, particles=PARTICLES, steps=STEPS, precision="float64"):
    """A function that makes `steps` steps with the general engine."""
    zeros = np.zeros((particles, given.potential.parameters))
    made = engine.BlockEngine(
        given, integrator or ls.sde.BAOAB(), 1, KEY, 0, zeros, zeros, precision=precision
    )
    nothing = np.array([], np.int64)
    return lambda: made.advance(0, steps, nothing)


WELL = potentials.double_well()


@pytest.mark.parametrize("precision", ["float64", "float32", "mixed"])
def test_baoab(benchmark, table, precision):
    run = runner(equation(WELL), precision=precision)
    table.time(benchmark, f"BAOAB, {precision}", run, per=PARTICLES * STEPS)


def test_baoab_of_a_formula(benchmark, table):
    run = runner(equation(potentials.Potential.from_sympy("x**4/4 - x**2/2")))
    table.time(benchmark, "BAOAB, potential from a formula", run, per=PARTICLES * STEPS)


def test_baoab_on_the_mueller_brown_surface(benchmark, table):
    run = runner(equation(potentials.mueller_brown(scale=0.01)), steps=20)
    table.time(
        benchmark, "BAOAB, Mueller-Brown surface, per dimension", run, per=2 * PARTICLES * 20
    )


def test_baoab_with_parameters_by_replica(benchmark, table):
    run = runner(equation(WELL, friction=np.linspace(0.1, 1, PARTICLES)))
    table.time(benchmark, "BAOAB, friction by replica", run, per=PARTICLES * STEPS)


def test_baoab_on_all_cores(benchmark, table):
    table.time(benchmark, "BAOAB, all cores", runner(equation(WELL)), per=PARTICLES * STEPS)


@pytest.mark.parametrize("name", ["OBABO", "EulerMaruyama", "Heun", "ShiftedODE"])
def test_other_integrators(benchmark, table, name):
    run = runner(equation(WELL), getattr(ls.sde, name)())
    table.time(benchmark, f"{name}, float64", run, per=PARTICLES * STEPS)


def test_hundred_modes(benchmark, table):
    given = equation(potentials.quadratic(np.linspace(0.1, 1, 100)))
    zeros = np.zeros((1024, 100))
    form = given.linear()
    step = ls.sde.BAOAB().linear_step(form, given.step_time)
    made = ls.sde.linear_engine.LinearEngine(form, step, 1, KEY, 0, zeros, zeros)
    nothing = np.array([], np.int64)
    table.time(
        benchmark,
        "BAOAB, 100 modes, linear engine",
        lambda: made.advance(0, 60, nothing),
        per=1024 * 100 * 60,
    )


def test_hundred_dimensions(benchmark, table):
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


@pytest.mark.parametrize(
    "peer", ["diffrax, Euler", "diffrax, ALIGN", "torchsde, Euler", "JAX scan, BAOAB"]
)
def test_peers(benchmark, table, peer):
    run, per = PEERS[peer](STEP)
    table.time(benchmark, peer, run, per=per)


# --- peers: a function, and by how much to divide its time; 50 steps of length h ------------------


def torchsde_euler(h):
    library, torch = pytest.importorskip("torchsde"), pytest.importorskip("torch")
    torch.set_num_threads(1)

    class Langevin(torch.nn.Module):
        noise_type, sde_type = "diagonal", "ito"

        def f(self, t, z):
            x, v = z[:, :1], z[:, 1:]
            return torch.cat([v, x - x**3 - v], dim=1)

        def g(self, t, z):
            return torch.tensor([0.0, 0.5**0.5], dtype=z.dtype).expand_as(z)

    zeros, times = torch.zeros(100_000, 2, dtype=torch.float64), torch.tensor([0.0, 50 * h])
    return lambda: library.sdeint(Langevin(), zeros, times, dt=h, method="euler"), 100_000 * 50


def with_jax():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    return jax


def jax_scan(h, kind=np.float64):
    jax = with_jax()
    half, step, keep, amplitude = map(
        kind, (h / 2, h, np.exp(-h), np.sqrt(0.25 * (1 - np.exp(-2 * h))))
    )

    def one(state, key):
        x, v = state
        v = v + step * (x - x**3)
        x = x + half * v
        v = keep * v + amplitude * jax.random.normal(key, x.shape, x.dtype)
        return (x + half * v, v), None

    zeros, keys = jax.numpy.zeros(100_000, kind), jax.random.split(jax.random.key(1), 50)
    run = jax.jit(lambda state: jax.lax.scan(one, state, keys)[0])
    return lambda: jax.block_until_ready(run((zeros, zeros))), 100_000 * 50


def diffrax_run(terms, solver, levy_area, start, h):
    """`terms` of a Brownian path; each particle on its own, 10000 of them."""
    jax, library = with_jax(), pytest.importorskip("diffrax")

    def path(key, y):
        area = {"levy_area": levy_area(library)} if levy_area else {}
        both = library.MultiTerm(
            *terms(library, jax, library.UnsafeBrownianPath((), key=key, **area))
        )
        return library.diffeqsolve(
            both, solver(library), 0.0, 50 * h, h, y, adjoint=library.DirectAdjoint(), max_steps=70
        ).ys

    keys = jax.random.split(jax.random.key(1), 10_000)
    run, state = (
        jax.jit(lambda y: jax.vmap(path)(keys, y)),
        start(jax.numpy.zeros(10_000), jax.numpy),
    )
    return lambda: jax.block_until_ready(run(state)), 10_000 * 50


def diffrax_euler(h):
    def terms(library, jax, noise):
        drift = library.ODETerm(lambda t, z, args: jax.numpy.stack([z[1], z[0] - z[0] ** 3 - z[1]]))
        return drift, library.ControlTerm(
            lambda t, z, args: jax.numpy.array([0.0, 0.5**0.5]), noise
        )

    return diffrax_run(
        terms,
        lambda library: library.Euler(),
        None,
        lambda zeros, jnp: jnp.stack([zeros] * 2, 1),
        h,
    )


def diffrax_align(h):
    def terms(library, jax, noise):
        # dv = -friction v - u grad f + sqrt(2 friction u) dW
        friction, u = 1.0, 0.25
        drift = library.UnderdampedLangevinDriftTerm(friction, u, lambda x, *_: (x**3 - x) / u)
        return drift, library.UnderdampedLangevinDiffusionTerm(friction, u, noise)

    return diffrax_run(
        terms,
        lambda library: library.ALIGN(0.01),
        lambda library: library.SpaceTimeLevyArea,
        lambda zeros, jnp: (zeros, zeros),
        h,
    )


PEERS = {
    "diffrax, Euler": diffrax_euler,
    "diffrax, ALIGN": diffrax_align,
    "torchsde, Euler": torchsde_euler,
    "JAX scan, BAOAB": jax_scan,
}


# --- ratios, in turns -----------------------------------------------------------------------------


def in_turns(functions, rounds=15, clock=time.process_time):
    """Times (round) of each of ``functions``: label -> (function, divisor)."""
    for function, _ in functions.values():
        function()
    seconds = {label: [] for label in functions}
    for _ in range(rounds):
        for label, (function, per) in functions.items():
            begun = clock()
            function()
            seconds[label].append((clock() - begun) / per)
    return {label: np.array(values) for label, values in seconds.items()}


def show(title, rows):
    print("", title, *(f"{label:<66} {ratio:8.2f} x" for label, ratio in rows.items()), sep="\n")


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_ratios(benchmark, precision):
    kind, per = np.dtype(precision).type, PARTICLES * STEPS
    hundred = equation(potentials.quadratic(np.linspace(0.1, 1, 100)))
    given = {
        "best": (best(kind), per),
        "normals": (floor(kind), per),
        "BAOAB": (runner(equation(WELL), precision=precision), per),
        "100": (runner(hundred, particles=1024, precision=precision), 1024 * 100 * STEPS),
    }
    with contextlib.suppress(pytest.skip.Exception):
        given["JAX"] = jax_scan(STEP, kind)
    found = benchmark.pedantic(in_turns, args=(given,), rounds=1)

    def ratio(one, other):
        return float(np.median(found[one] / found[other]))

    rows = {
        "BAOAB / own normals": ratio("BAOAB", "normals"),
        "BAOAB in 100 dimensions / own normals": ratio("100", "normals"),
        "own normals / normals of xoshiro256+": ratio("normals", "best"),
        "BAOAB / normals of xoshiro256+": ratio("BAOAB", "best"),
    }
    if "JAX" in found:
        rows["JAX scan / BAOAB, one core each"] = ratio("JAX", "BAOAB")
    show(f"Process CPU time in turns, {precision}: medians of ratios", rows)


def test_two_cores(benchmark):
    """How much faster two cores are, of an engine and of two loops that share nothing."""
    # A simulation hands its threads work for about a twentieth of a second at a time; so does this.
    run = runner(equation(WELL), steps=4 * STEPS)
    loops = [floor(np.float64) for _ in range(2)]

    def with_threads(count):
        os.environ["NUMBA_NUM_THREADS"] = str(count)
        run()

    def both():
        threads = [threading.Thread(target=loop) for loop in loops]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    before = os.environ.get("NUMBA_NUM_THREADS")
    given = {
        "one": (lambda: with_threads(1), 1),
        "two": (lambda: with_threads(2), 1),
        "loop": (loops[0], 1),
        "both": (both, 2),
    }
    found = benchmark.pedantic(
        in_turns, args=(given,), kwargs={"clock": time.perf_counter}, rounds=1
    )
    os.environ.pop("NUMBA_NUM_THREADS") if before is None else os.environ.update(
        NUMBA_NUM_THREADS=before
    )
    engine_gain, machine = (
        float(np.median(found[a] / found[b])) for a, b in (("one", "two"), ("loop", "both"))
    )
    rows = {
        "BAOAB, two threads against one": engine_gain,
        "what the machine allows: normals alone, two loops that share nothing": machine,
        "BAOAB, fraction of that": engine_gain / machine,
    }
    show("Two cores, wall time in turns: medians of ratios", rows)


# --- at equal weak error --------------------------------------------------------------------------

TOLERANCE = 1e-3


def bias(integrator, h, particles=1 << 15, duration=400.0):
    """Relative error of the stationary variance of the position, with a standard error of 3e-4."""
    steps = int(duration / h)
    zeros = np.zeros((particles, 1))
    made = engine.BlockEngine(equation(WELL, step_time=h), integrator, 1, KEY, 0, zeros, zeros)
    position, _ = made.advance(
        0, steps, np.unique(np.linspace(steps // 20, steps, 150).astype(int))
    )
    return abs(float((position**2).mean() / WELL.boltzmann(0.25).covariance[0, 0] - 1))


def step_at_tolerance(integrator, sizes):
    """Step of that error by a power law through two larger ones, whose errors stand out of the
    sampling noise.
    """
    errors = np.array([bias(integrator, h) for h in sizes])
    slope = np.log(errors[0] / errors[1]) / np.log(sizes[0] / sizes[1])
    return float(sizes[1] * (TOLERANCE / errors[1]) ** (1 / slope))


def test_equal_weak_error(benchmark):
    """Time of one particle over one unit of time, at the step whose stationary variance is wrong by
    TOLERANCE.
    """
    of_baoab = step_at_tolerance(ls.sde.BAOAB(), (0.6, 0.4))
    of_euler = step_at_tolerance(ls.sde.EulerMaruyama(), (0.05, 0.025))
    given, sizes = {"BAOAB": (runner(equation(WELL)), PARTICLES * STEPS)}, {"BAOAB": of_baoab}
    for name in ("JAX scan, BAOAB", "diffrax, Euler", "torchsde, Euler"):
        with contextlib.suppress(pytest.skip.Exception):
            given[name] = PEERS[name](STEP)
            sizes[name] = of_baoab if "BAOAB" in name else of_euler
    found = benchmark.pedantic(in_turns, args=(given,), kwargs={"rounds": 5}, rounds=1)
    cost = {name: float(np.median(found[name])) / sizes[name] for name in found}
    print(
        "",
        f"At a stationary variance wrong by {TOLERANCE:g}: per particle and unit of time",
        sep="\n",
    )
    for name, seconds in cost.items():
        print(
            f"{name:<40} step {sizes[name]:.4f} {1e9 * seconds:12.1f} ns "
            f"{seconds / cost['BAOAB']:10.1f} x"
        )
