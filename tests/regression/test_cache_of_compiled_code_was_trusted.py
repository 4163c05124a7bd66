"""Folders of compiled code and generated source: what others planted was run, damaged files stopped
every call.

Without a folder that can be written to nothing worked, or machine code went beside the package's
sources, where it outlives an update.
"""

import importlib.util
import os
import py_compile
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import langevin_sgd as ls
from langevin_sgd.cli.environment import Environment
from langevin_sgd.kernels import block_functions, compiled, generated, machine
from langevin_sgd.sweep import pools

TEXT = (
    "from langevin_sgd.kernels.compiled import kernel\n\n\n@kernel\ndef twice(x):\n    return "
    "2 "
    "* x  # {mark}\n"
)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Empty folders of compiled code and generated source, which only this test uses."""
    for name in ("NUMBA_CACHE_DIR", "LANGEVIN_SGD_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    compiled.cache_folder.cache_clear()
    yield tmp_path
    compiled.cache_folder.cache_clear()


def fresh(text):
    """Load generated source as a new process would."""
    for name in [name for name in sys.modules if name.startswith("langevin_sgd_generated_")]:
        if getattr(sys.modules[name], "twice", None) is not None:
            del sys.modules[name]
    return generated.load(text)


def test_bytecode_planted_beside_generated_source_is_never_run(folders):
    text, marker = TEXT.format(mark="planted".ljust(200, ".")), folders / "planted"
    path = Path(fresh(text).__file__)
    stamp = path.stat()
    path.write_text(f"open({str(marker)!r}, 'w').close()\ntwice = None\n".ljust(stamp.st_size, "#"))
    assert path.stat().st_size == stamp.st_size
    os.utime(path, (stamp.st_atime, stamp.st_mtime))
    py_compile.compile(str(path), importlib.util.cache_from_source(str(path)))
    path.write_text(text)
    os.utime(path, (stamp.st_atime, stamp.st_mtime))
    assert fresh(text).twice(3.0) == 6.0
    assert not marker.exists()


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_damaged_files_of_compiled_code_are_compiled_again(folders, share):
    text = TEXT.format(mark=f"damaged {share}")
    assert fresh(text).twice(3.0) == 6.0
    kept = sorted(Path(compiled.cache_folder()).rglob("*.nb?"))
    assert kept
    for path in kept:
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert fresh(text).twice(3.0) == 6.0
    again = fresh(text).twice
    assert again(3.0) == 6.0
    assert sum(again.stats.cache_hits.values()) == 1  # the damage was mended, not stepped over


def test_garbage_in_place_of_compiled_code_is_replaced(folders):
    text = TEXT.format(mark="garbage")
    fresh(text).twice(3.0)
    for path in Path(compiled.cache_folder()).rglob("*.nb?"):
        path.write_bytes(b"\x80garbage")
    Path(fresh(text).__file__).write_bytes(b"\xff\xfe not a text")
    assert fresh(text).twice(3.0) == 6.0


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777])
def test_a_shared_folder_is_not_used_for_compiled_code(folders, monkeypatch, mode):
    """What is kept there is unpickled. In a sticky folder nobody can replace one of ours, which is
    closed to others.
    """
    shared = folders / "shared"
    shared.mkdir()
    shared.chmod(mode)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(shared))
    if mode & 0o1000:
        found = Path(compiled.cache_folder())
        assert found.parent == shared
    else:
        with pytest.warns(RuntimeWarning, match=r"by you alone"):
            found = Path(compiled.cache_folder())
        assert folders / ".cache" in found.parents
    assert found.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_may_write_to_is_not_private(folders):
    own = folders / "above" / "own"
    assert machine.is_private(own)
    own.chmod(0o770)
    assert not machine.is_private(own)
    own.chmod(0o700)
    own.parent.chmod(0o702)
    assert not machine.is_private(own)
    link = folders / "link"
    link.symlink_to(folders)
    assert not machine.is_private(link)


def test_a_folder_of_another_user_is_not_private(folders, monkeypatch):
    own = folders / "own"
    assert machine.is_private(own)
    os.chown(own, 12345, -1) if os.getuid() == 0 else monkeypatch.setattr(
        os, "getuid", lambda: 12345
    )
    assert not machine.is_private(own)


def test_a_mask_that_lets_the_group_write_costs_no_cache(folders):
    before = os.umask(0o002)
    try:
        (folders / ".cache" / "langevin_sgd" / "numba").mkdir(parents=True)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert compiled.cache_folder() is not None
    finally:
        os.umask(before)


@pytest.mark.parametrize("home", ["/dev/null", None])
def test_without_a_place_for_compiled_code_it_is_compiled_anew(folders, monkeypatch, home):
    """A home that is no folder, and none at all: one warning, no traceback, and nothing beside the
    sources.
    """
    if home is None:
        monkeypatch.setattr(os.path, "expanduser", lambda path: path)
        assert machine.user_caches() == []
        assert generated.folder() is None
    else:
        monkeypatch.setenv("HOME", home)
    source = folders / "beside.py"
    source.write_text(TEXT.format(mark="beside"))
    spec = importlib.util.spec_from_file_location("beside", source)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    with pytest.warns(RuntimeWarning, match="set NUMBA_CACHE_DIR") as said:
        spec.loader.exec_module(module)
    assert len(said) == 1
    assert fresh(TEXT.format(mark="nowhere")).twice(3.0) == 6.0
    assert module.twice(3.0) == 6.0
    assert not (folders / "__pycache__").exists()


# --- what compiled code is made from ------------------------------------------------------------

DECORATORS = r"^\s*@(kernel|inlined|contracting|reassociating|intrinsic|overload\w*|njit)\b"
PACKAGE = Path(ls.__file__).parent


def test_every_file_with_compiled_functions_names_the_cache():
    """Functions are inlined across files, and Numba looks at the file of the outermost one only."""
    compiling = {
        source
        for source in PACKAGE.rglob("*.py")
        if re.search(DECORATORS, source.read_text(), re.MULTILINE)
    }
    assert len(compiling) > 20
    assert compiling <= set(compiled.compiled_sources())


def test_generated_source_is_built_on_the_files_it_imports():
    imported = re.findall(r"from langevin_sgd\.(\S+) import", block_functions.PRELUDE)
    files = [f"{PACKAGE / name.replace('.', '/')}.py" for name in imported]
    assert sorted(files) == sorted(block_functions.built_on())
    assert all(Path(file).is_file() for file in files)


# --- Numba without its private classes, or told not to compile ------------------------------------

PROGRAM = """
import sys
{switch}
import numpy as np
import langevin_sgd as ls
from langevin_sgd.kernels import compiled
well = ls.Potential.from_sympy("x**4/4 - x**2/2 + exp(-x**2)/3")
points = np.linspace(-2, 2, 37)[:, None]
print("pipeline_class" in compiled._INLINED)
print(well.force(points).tobytes().hex())
"""


def test_the_plain_compiler_of_numba_gives_the_same_bits():
    switch = (
        "sys.modules['langevin_sgd.kernels.linked_code'] = None  # as if Numba lacked what "
        "it "
        "imports"
    )
    outputs = []
    for text in ("", switch):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(switch=text)],
            capture_output=True,
            text=True,
            check=True,
        )
        outputs.append(done.stdout.splitlines())
    assert [lines[0] for lines in outputs] == ["True", "False"]
    assert outputs[0][1] == outputs[1][1]


BROKEN = [
    ("NUMBA_NUM_THREADS", "0"),
    ("NUMBA_NUM_THREADS", "abc"),
    ("NUMBA_DISABLE_JIT", "1"),
    ("NUMBA_DISABLE_JIT", "yes"),
]


def under(name, value, program, *words):
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        env={**os.environ, name: value},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(("name", "value"), BROKEN)
def test_settings_under_which_numba_does_not_work_are_one_line(name, value):
    words = [
        "perceptron",
        "run",
        "--chi",
        "1",
        "--T",
        "1",
        "--kappa",
        "0.1",
        "--P",
        "8",
        "--d",
        "4",
        "--seed",
        "0",
    ]
    done = under(name, value, "from langevin_sgd.cli import main; raise SystemExit(main())", *words)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert re.search(rf"{name} = '?{value}'?: must be", done.stderr)


@pytest.mark.parametrize(("name", "value"), BROKEN)
def test_what_needs_no_kernel_does_not_mind(name, value):
    program = (
        "from langevin_sgd.cli import main; import sys; sys.exit(main(['env']) or "
        "main(['predict', '--help']))"
    )
    assert under(name, value, program).returncode == 0
    program = (
        "import langevin_sgd as ls; print(ls.SGD(lr=0.1, batch_size=5).lr, ls.Estimate, "
        "ls.measure.power_law)"
    )
    assert under(name, value, program).stdout.startswith("0.1")


@pytest.mark.parametrize("name", ["NUMBA_NUM_THREADS", "NUMBA_DISABLE_JIT"])
def test_an_empty_setting_is_none(name):
    done = under(
        name,
        "",
        "import langevin_sgd as ls; print(ls.models.potentials.double_well().energy([1.0]))",
    )
    assert done.stdout == "-0.25\n"
    assert done.stderr == ""


def test_modules_that_are_imported_by_name_refuse_in_one_line_too():
    program = (
        "try:\n    import langevin_sgd.{0}\nexcept ValueError as error:\n    "
        "print(type(error).__name__, error)"
    )
    for module in ("sde", "randomness", "training.dispatch"):
        done = under("NUMBA_NUM_THREADS", "0", program.format(module))
        assert done.stdout.startswith(
            "InputError NUMBA_NUM_THREADS = '0': must be an integer of at least 1"
        )


def test_without_a_compiler_theory_goes_on_and_kernels_refuse():
    program = """
import langevin_sgd as ls
problem, settings = ls.LinearRegression.from_spectrum([1.0, 0.5]), ls.SGD(lr=0.1, batch_size=5)
print(ls.theory.LangevinLaw(problem, settings).mean([1.0]).shape, ls.derive_seed(0, 1) == {seed})
equation = ls.Overdamped.from_potential(ls.models.potentials.double_well(), settings,
    gradient_noise=1.0)
for compute in (
    lambda: ls.training.run(problem, settings, steps=5),
    lambda: ls.sde.simulate(equation, ls.sde.Heun(), steps=5),
    lambda: equation.potential.energy([0.1]),
):
    try:
        compute()
    except ls.InputError as error:
        print(error)
"""
    lines = under(
        "NUMBA_DISABLE_JIT", "1", program.format(seed=ls.derive_seed(0, 1))
    ).stdout.splitlines()
    assert lines[0] == "(1, 4) True"
    assert len(lines) == 4
    assert len(set(lines[1:])) == 1
    assert lines[1].startswith("NUMBA_DISABLE_JIT = 1: must be 0 or be unset")


# --- cores ----------------------------------------------------------------------------------------


def test_cores_are_counted_where_the_system_knows_no_affinity(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    assert machine.usable_cores() >= 1
    assert compiled.thread_count() == pools.default_workers() == machine.usable_cores()
    assert Environment().found()["cores"]["usable"] == machine.usable_cores()


def test_a_limit_of_cores_is_heeded(monkeypatch):
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert compiled.thread_count() == pools.default_workers() == 1
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    assert compiled.thread_count() == 3
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "many")
    with pytest.raises(ls.InputError, match="LOKY_MAX_CPU_COUNT = 'many'"):
        machine.usable_cores()
    assert machine.threads_for_kernels() == 3
