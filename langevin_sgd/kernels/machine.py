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
    """Cores this process may use: its affinity where the system knows one, and the quota of its
    container.

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
    """Check the environment before Numba reads it, which answers what it cannot read with a
    traceback.

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
    """Return the folders for caches of this user, first choice first; none for a user without a
    home.
    """
    given, home = os.environ.get("XDG_CACHE_HOME", ""), os.path.expanduser("~")
    found = [Path(given)] if os.path.isabs(given) else []
    return found + ([Path(home) / ".cache"] if os.path.isabs(home) else [])


def is_private(folder: Path) -> bool:
    """Whether a folder, made if it does not exist, can be written to by this user, and be changed
    by nobody else.

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


def try_writing(folder: Path, name: str) -> None:
    """Make a file in a folder, with a name as long as a file called `name` needs while it is
    written, and remove it.

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
    """Make a folder and those above it, which nobody else may enter, whatever the mask of the user
    says.
    """
    for path in reversed([folder, *folder.parents]):
        if not path.exists():
            path.mkdir(mode=0o700, exist_ok=True)


def _is_own(folder: Path, *, or_sticky: bool = False) -> bool:
    """Whether nobody but this user and root can change what a folder holds; in a sticky one nobody
    can replace it.
    """
    if not hasattr(os, "getuid"):  # pragma: no cover - a system without owners
        return True
    found = folder.stat()
    if or_sticky and found.st_mode & stat.S_ISVTX:
        return True
    return found.st_uid in (0, os.getuid()) and not found.st_mode & _OTHERS
