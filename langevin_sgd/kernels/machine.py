"""What the machine gives a process: cores, threads, and folders for caches.

Everything here works without a home, without a name in the list of users, on read-only disks, in
containers whose share of the cores is less than what the operating system lists, and outside Linux.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from langevin_sgd.checks import InputError, require


def usable_cores() -> int:
    """Return the cores this process may use: its affinity, and the quota of its container.

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
        raise InputError(
            f"{name} = {os.environ.get(name)!r}: must be an integer of at least 1, or be unset"
        ) from None


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


def prepare_for_numba() -> None:
    """Check the environment before Numba does, which answers a wrong value with a traceback.

    A variable that is set and empty counts as not set, and is taken out of the environment.

    Raises
    ------
    InputError
        For a NUMBA_NUM_THREADS that is no number of threads, or a NUMBA_DISABLE_JIT that is neither
        0 nor 1.
    """
    for name in ("NUMBA_NUM_THREADS", "NUMBA_DISABLE_JIT"):
        if not os.environ.get(name, "0").strip():
            del os.environ[name]
    threads_for_kernels()
    switch = os.environ.get("NUMBA_DISABLE_JIT", "0").strip()
    require(
        switch in ("0", "1"),
        "NUMBA_DISABLE_JIT",
        switch,
        "must be 0 or be unset (1 compiles no kernels)",
    )


def user_caches() -> list[Path]:
    """Return this user's folders for caches, first choice first; none for a user without a home."""
    given, home = os.environ.get("XDG_CACHE_HOME", ""), os.path.expanduser("~")
    folders = [Path(given)] if os.path.isabs(given) else []
    if os.path.isabs(home):
        folders.append(Path(home) / ".cache")
    return folders


def is_private(folder: Path) -> bool:
    """Return whether this user can write to a folder, and nobody else can change it.

    The folder is made if it does not exist. The one above it counts too: nobody else may put
    another folder in its place.
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


def try_writing(folder: Path, name: str) -> None:
    """Make a file in a folder, under the longest name that writing `name` takes, and remove it.

    Raises
    ------
    OSError
        If that cannot be done.
    """
    import tempfile

    with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{name}.", suffix=".part"):
        pass


def close_to_others(folder: Path) -> None:
    """Take from others the right to write to a folder of our own making, if there is one."""
    with contextlib.suppress(OSError):
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) & ~_OTHERS)


_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def _make(folder: Path) -> None:
    """Make a folder and those above it, closed to others whatever the user's mask says."""
    for path in reversed([folder, *folder.parents]):
        if not path.exists():
            path.mkdir(mode=0o700, exist_ok=True)


def _is_own(folder: Path, *, or_sticky: bool = False) -> bool:
    """Return whether nobody but this user and root can change what a folder holds.

    With `or_sticky` it is enough that nobody else can replace what this user has put there.
    """
    if not hasattr(os, "getuid"):  # pragma: no cover - a system without owners
        return True
    status = folder.stat()
    if or_sticky and status.st_mode & stat.S_ISVTX:
        return True
    return status.st_uid in (0, os.getuid()) and not status.st_mode & _OTHERS
