"""The command ``langevin-sgd``: parses, calls the library, prints; nothing is computed here.

Results go to stdout, progress and remarks to stderr; ``--json`` prints one strict JSON document.
Exit status: 0 done, 1 a verdict is not what its claim expects, a sweep has failures, or something
could not be written, 2 bad usage or input, 130 interrupted (by Ctrl-C, SIGTERM or SIGHUP).
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Annotated, Any

import tyro
from numpy.linalg import LinAlgError
from tyro.conf import FlagCreatePairsOff, OmitArgPrefixes, OmitSubcommandPrefixes, subcommand

from langevin_sgd.checks import InputError
from langevin_sgd.cli.arguments import in_terms_of_options, options_of, require_accepted
from langevin_sgd.cli.claims import Claims
from langevin_sgd.cli.environment import Environment
from langevin_sgd.cli.perceptron import PerceptronCommand
from langevin_sgd.cli.predict import Predict
from langevin_sgd.cli.sweep import SweepCommand
from langevin_sgd.cli.train import Train
from langevin_sgd.dataset import os_reason
from langevin_sgd.plotting.table import one_line

PROGRAM = "langevin-sgd"

Command = (
    Annotated[Claims, subcommand("claims")]
    | Annotated[Predict, subcommand("predict")]
    | Annotated[PerceptronCommand, subcommand("perceptron")]
    | Annotated[Train, subcommand("train")]
    | Annotated[SweepCommand, subcommand("sweep")]
    | Annotated[Environment, subcommand("env")]
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments
        Words of the command line; those of this process by default.

    Returns
    -------
    int
        The exit status.
    """
    if sys.stderr is None:
        # It stays open as long as the process.
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stdout is None:
        return _say("the standard output is closed: results have nowhere to go", 1)
    try:
        with _signals_as_interrupts(), _remarks_of_libraries():
            return _run(_parse(sys.argv[1:] if arguments is None else list(arguments)))
    except InputError as error:
        return _say(str(error), 2)
    except KeyboardInterrupt:
        return _say("interrupted; the same command continues", 130)
    except MemoryError as error:
        return _say(f"this needs more memory than there is; ask for less ({os_reason(error)})", 2)
    except (ArithmeticError, LinAlgError) as error:
        return _say(f"these numbers leave the range that can be computed ({os_reason(error)})", 2)
    except OSError as error:
        return _not_written(error)


def _say(line: str, status: int) -> int:
    with contextlib.suppress(OSError):  # a terminal that is gone
        print(f"{PROGRAM}: {one_line(line)}", file=sys.stderr)
    return status


def _run(command: Any) -> int:
    with in_terms_of_options(options_of(command)):
        status: int = command.run()
    sys.stdout.flush()
    return status


def _not_written(error: OSError) -> int:
    """Report a file or standard output that could not be used; a closed pipe needs no word."""
    if error.filename is not None:
        return _say(
            f"'{os.fsdecode(error.filename)}': cannot be read or written ({os_reason(error)})", 1
        )
    # What stdout still holds would be tried again, and fail again, at exit.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return 1
    return _say(f"the output cannot be written ({os_reason(error)})", 1)


@contextlib.contextmanager
def _signals_as_interrupts() -> Iterator[None]:
    """End at SIGTERM and SIGHUP as at Ctrl-C, unless they are ignored (``nohup``)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    taken = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _remarks_of_libraries() -> Iterator[None]:
    """Show warnings when the command is done, so that a refusal is one line.

    Warnings that were turned into errors stay errors.
    """
    kept: list[str] = []
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, category, *where: kept.append(
            f"{category.__name__}: {message}"
        )
        yield
    for remark in dict.fromkeys(kept):
        _say(remark, 0)


def _parse(arguments: list[str]) -> Any:
    """Parse the command line; what tyro would print in a box becomes one line."""
    if arguments == ["--version"]:
        return _Version()
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            command: Any = tyro.cli(
                Command,
                prog=PROGRAM,
                description="The physics of SGD noise: predictions, and claims put to the test. "
                "--version tells which.",
                args=arguments,
                config=(OmitArgPrefixes, OmitSubcommandPrefixes, FlagCreatePairsOff),
            )
    except SystemExit as stop:
        if stop.code != 2:
            raise
        raise InputError(_one_line(complaint.getvalue())) from None
    require_accepted(command)
    return command


@dataclass(frozen=True)
class _Version:
    """What ``--version`` prints."""

    def run(self) -> int:
        from importlib.metadata import version

        print(f"{PROGRAM} {version(PROGRAM)}")
        return 0


def _one_line(box: str) -> str:
    lines = [re.sub(r"[─-╿]+|-{8,}", " ", line).strip() for line in box.splitlines()]
    body = [
        line
        for line in lines[1:]
        if line and not line.startswith(("For full helptext", f"{PROGRAM} "))
    ]
    line = re.sub(r"[ ]+", " ", "; ".join(body)).replace(":;", ":").replace(",;", ",")
    # Behind a guess comes the help of the option, and where else there is one of that name.
    complaint, _, guesses = line.partition("; Perhaps you meant: ")
    complaint, guess = (
        complaint.partition("; Arguments are applied to")[0],
        guesses.partition(";")[0],
    )
    hint = (
        f"; Perhaps you meant: {guess}"
        if guess and guess.split()[0] not in complaint.split()
        else ""
    )
    return f"{complaint}{hint} (see --help)"
