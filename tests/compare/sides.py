"""The two packages that are compared: where they are, and what they compute, in child processes.

What the commit before computes is kept in ``.cache/compare``, in a folder of its own for every
commit: results of claims in a store, which says itself what it lacks, and variables of cases.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from collections import defaultdict
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import child
import numpy as np
from differences import read_cases, read_claims
from renames import Numbers

FOLDER = Path(__file__).resolve().parent
PROJECT = FOLDER.parents[1]
CACHE = PROJECT / ".cache" / "compare"
LIBRARIES = ("numpy", "scipy", "numba", "llvmlite", "torch", "scikit-learn", "xarray")
"""On whose versions numbers depend."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Libraries share a sum among threads in an order that depends on how many there are."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """The package of one commit, and where its results are put.

    Parameters
    ----------
    project
        Folder that holds ``langevin_sgd`` and ``validation``.
    results
        Folder of results.
    cases
        File of cases in the words of this commit.
    installed
        Whether the interpreter imports this package; else it is put first on its path.
    """

    project: Path
    results: Path
    cases: Path
    installed: bool

    @property
    def case_names(self) -> list[str]:
        """Names of all cases."""
        return list(child.load_cases(self.cases))

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a child on this package; what it says on stderr is passed on."""
        environment = {**os.environ, **ONE_THREAD, "PYTHONDONTWRITEBYTECODE": "1"}
        environment.setdefault("NUMBA_CACHE_DIR", str(PROJECT / ".cache" / "numba"))
        for name in ("LANGEVIN_SGD_CLAIMS", "PYTHONPATH"):
            environment.pop(name, None)
        if not self.installed:
            environment["PYTHONPATH"] = str(self.project)
        command = [sys.executable, "-P", str(FOLDER / "child.py"), str(self.project)]
        return subprocess.run(
            [*command, *map(str, words)],
            cwd=self.results,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )

    def run_claims(self, ids: Sequence[str], workers: int) -> Numbers:
        """Run the quick tier of some claims, of all by default."""
        where = ("--results", self.results / "store", "--workers", str(workers))
        run = self.run("claims", "run", *ids, "--tier", "quick", "--json", *where)
        # Status 1 says that a verdict is not as expected, which is compared like the others.
        if run.returncode not in (0, 1) or not run.stdout.strip():
            raise SystemExit(f"claims of {self.project} ended with {run.returncode}")
        return read_claims(json.loads(run.stdout))

    def run_cases(self, chosen: Collection[str], workers: int) -> Numbers:
        """Run some cases, in several processes at once."""

        def run_share(names: Sequence[str]) -> Numbers:
            with TemporaryDirectory(dir=self.results) as folder:
                out = Path(folder) / "cases.npz"
                run = self.run("cases", self.cases, out, *names)
                if run.returncode != 0:
                    raise SystemExit(f"{self.cases.name} ended with {run.returncode}")
                return read_cases(out)

        with ThreadPoolExecutor(workers) as pool:
            parts = list(pool.map(run_share, self._shares(chosen, workers)))
        return {key: value for part in parts for key, value in part.items()}

    def _shares(self, chosen: Collection[str], workers: int) -> list[list[str]]:
        """Deal cases out to processes; those of one function stay together, and compile once."""
        groups: dict[str, list[str]] = defaultdict(list)
        for name, case in child.load_cases(self.cases).items():
            if name in chosen:
                groups[getattr(case, "func", case).__name__].append(name)
        dealt = [list(groups.values())[number::workers] for number in range(workers)]
        return [[name for group in share for name in group] for share in dealt if share]


def present() -> Side:
    """Return the present package."""
    results = CACHE / "now"
    results.mkdir(parents=True, exist_ok=True)
    cases = FOLDER / "cases_now.py"
    return Side(project=PROJECT, results=results, cases=cases, installed=True)


REFS = {"before-shape": "ce7f0ab9c404bcd79584db6e223ca8283dfb196b"}
"""Names of commits that comparisons start from; a tag would not come with a clone of one branch."""


def before(ref: str) -> Side:
    """Return the package of a commit, taken from git where it is not there yet."""
    found = (
        _git("rev-parse", "--verify", "--quiet", f"{REFS.get(ref, ref)}^{{commit}}")
        .decode()
        .strip()
    )
    if not found:
        raise SystemExit(f"REF = {ref}: is no commit of this repository")
    results = CACHE / found[:12]
    project = results / "project"
    if not project.exists():
        part = results / "part"
        shutil.rmtree(part, ignore_errors=True)
        files = io.BytesIO(_git("archive", found, *child.PACKAGES.values()))
        with tarfile.open(fileobj=files) as archive:
            archive.extractall(part, filter="data")
        # Where an installed package finds its claims.
        (part / "langevin_sgd" / "validation").symlink_to("../validation")
        part.rename(project)
    cases = FOLDER / "cases_before.py"
    return Side(project=project, results=results, cases=cases, installed=False)


def _git(*words: str) -> bytes:
    run = subprocess.run(["git", *words], cwd=PROJECT, stdout=subprocess.PIPE, check=False)
    return run.stdout


def fresh_claims(side: Side, ids: Sequence[str], workers: int) -> Numbers:
    """Compute claims anew and judge them."""
    shutil.rmtree(side.results / "store", ignore_errors=True)
    return side.run_claims(ids, workers)


# --- what is kept of the commit before -----------------------------------------------------------


def known_claims(side: Side, ids: Sequence[str], workers: int) -> Numbers:
    """Judge claims from the store of a side; only what it lacks is computed."""
    store = side.results / "store"
    note = store.with_suffix(".machine")
    if not note.exists() or note.read_text() != machine():
        shutil.rmtree(store, ignore_errors=True)
        note.write_text(machine())
    return side.run_claims(ids, workers)


def known_cases(side: Side, chosen: Collection[str], workers: int) -> Numbers:
    """Return variables of cases; each is computed once, as long as their file stays as it is."""
    sources = side.cases.read_bytes() + Path(child.__file__).read_bytes()
    folder = side.results / f"cases-{hashlib.sha256(sources).hexdigest()[:16]}-{machine()}"
    folder.mkdir(exist_ok=True)
    kept = {name: folder / f"{name}.npz" for name in side.case_names if name in chosen}
    missing = {name for name, file in kept.items() if not file.exists()}
    found = side.run_cases(missing, workers)
    for name in missing:
        arrays = {"/".join(key[:2]): value for key, value in found.items() if key[0] == name}
        with kept[name].with_suffix(".part").open("wb") as file:
            np.savez(file, **arrays)
        kept[name].with_suffix(".part").rename(kept[name])
    return {key: value for file in kept.values() for key, value in read_cases(file).items()}


def machine() -> str:
    """Digest of what numbers depend on beside the sources: processor, versions, settings."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else [platform.processor()]
    models = sorted({line for line in lines if line.startswith("model name")})
    beginnings = ("OMP_", "OPENBLAS_", "MKL_", "NUMBA_", "TORCH_")
    settings = {name: value for name, value in os.environ.items() if name.startswith(beginnings)}
    settings.pop("NUMBA_CACHE_DIR", None)
    libraries = {name: version(name) for name in LIBRARIES}
    parts = (
        sys.version,
        platform.platform(),
        models,
        libraries,
        sorted((settings | ONE_THREAD).items()),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
