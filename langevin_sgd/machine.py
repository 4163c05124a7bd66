"""What the machine gives a process: cores, folders for caches, and a Numba that may compile.

Everything here works without a home, without a name in the list of users, on read-only disks, in containers whose share
of the cores is less than what the operating system lists, and outside Linux.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from langevin_sgd.checks import InputError, require


def usable_cores() -> int:
    """Cores this process may use: its affinity where the system knows one, and the quota of its container.

    Raises
    ------
    InputError
        If LOKY_MAX_CPU_COUNT, which sets an upper limit, is no number.
    """
    from loky import cpu_count

    try:
        return max(1, int(cpu_count()))
    except ValueError:
        name = "LOKY_MAX_CPU_COUNT"
        raise InputError(f"{name} = {os.environ.get(name)!r}: must be an integer of at least 1, or be unset") from None


def threads_for_kernels() -> int | None:
    """Return NUMBA_NUM_THREADS, None if it is not set.

    Raises
    ------
    InputError
        If it is no integer of at least 1.
    """
    text = os.environ.get("NUMBA_NUM_THREADS", "").strip()
    if not text:
        return None
    usable = text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text) > 0
    require(usable, "NUMBA_NUM_THREADS", text, "must be an integer of at least 1, or be unset")
    return int(text)


def require_a_compiler() -> None:
    """Refuse settings of the environment under which Numba does not start, or does not compile.

    Raises
    ------
    InputError
        For a NUMBA_NUM_THREADS that is no number of threads, or a NUMBA_DISABLE_JIT that is not 0.
    """
    if threads_for_kernels() is None:
        os.environ.pop("NUMBA_NUM_THREADS", None)  # set and empty; Numba would write a traceback about it
    disabled = os.environ.get("NUMBA_DISABLE_JIT", "").strip()
    require(disabled in ("", "0"), "NUMBA_DISABLE_JIT", disabled, "must be 0 or be unset: all kernels are compiled")


def user_caches() -> list[Path]:
    """Return the folders for caches of this user, first choice first; none for a user without a home."""
    given, home = os.environ.get("XDG_CACHE_HOME", ""), os.path.expanduser("~")
    found = [Path(given)] if os.path.isabs(given) else []
    return found + ([Path(home) / ".cache"] if os.path.isabs(home) else [])


def is_private(folder: Path) -> bool:
    """Whether a folder, made if it does not exist, can be written to by this user, and be changed by nobody else.

    The one above it counts too: nobody else may put another folder in its place.
    """
    import tempfile

    try:
        _make(folder)
        if folder.is_symlink() or not (_is_own(folder) and _is_own(folder.parent, or_sticky=True)):
            return False
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def close_to_others(folder: Path) -> None:
    """Take from others the right to write to a folder of our own making, if there is one."""
    with contextlib.suppress(OSError):
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) & ~_OTHERS)


_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def _make(folder: Path) -> None:
    """Make a folder and those above it, which nobody else may enter, whatever the mask of the user says."""
    for path in reversed([folder, *folder.parents]):
        if not path.exists():
            path.mkdir(mode=0o700, exist_ok=True)


def _is_own(folder: Path, *, or_sticky: bool = False) -> bool:
    """Whether nobody but this user and root can change what a folder holds; in a sticky one nobody can replace it."""
    if not hasattr(os, "getuid"):  # pragma: no cover - a system without owners
        return True
    found = folder.stat()
    if or_sticky and found.st_mode & stat.S_ISVTX:
        return True
    return found.st_uid in (0, os.getuid()) and not found.st_mode & _OTHERS
