"""``langevin-sgd env``: versions, cores, threads, devices."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from langevin_sgd.cli.text import print_json
from langevin_sgd.kernels.machine import usable_cores

_PACKAGES = (
    "langevin-sgd",
    "numpy",
    "scipy",
    "numba",
    "torch",
    "xarray",
    "h5netcdf",
    "h5py",
    "matplotlib",
    "distributed",
)
_THREAD_VARIABLES = (
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)


@dataclass(frozen=True)
class Environment:
    """Show versions, cores, threads and devices: what a result depends on besides its settings."""

    devices: bool = False
    """Ask torch for GPUs (this imports torch)."""

    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Print the environment."""
        environment = self.found()
        if self.json:
            print_json(environment)
        else:
            for group, entries in environment.items():
                print(f"{group}:")
                for name, value in entries.items():
                    print(f"  {name:22}{'-' if value is None else value}")
        return 0

    def found(self) -> dict[str, dict[str, Any]]:
        """Return versions, machine, threads and devices; ``None`` where there is nothing to say."""
        cores = {"logical": os.cpu_count(), "usable": usable_cores()}
        return {
            "versions": {
                "python": platform.python_version(),
                **{name: _version(name) for name in _PACKAGES},
            },
            "machine": {"system": platform.system(), "architecture": platform.machine()},
            "cores": cores,
            "threads": {name: os.environ.get(name) for name in _THREAD_VARIABLES},
            "devices": {"cpu": True, "cuda": _gpus() if self.devices else None},
        }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _gpus() -> list[str]:
    import torch

    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
