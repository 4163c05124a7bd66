"""The command ``langevin-sgd``: parses, calls the library, prints; nothing is computed here.

Results go to stdout, progress and remarks to stderr; ``--json`` prints one strict JSON document. Exit status: 0 done,
1 a verdict is not what its claim expects (or a sweep has failures), 2 bad usage or input, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import tyro
from tyro.conf import FlagCreatePairsOff, OmitArgPrefixes, OmitSubcommandPrefixes, subcommand

from langevin_sgd.checks import InputError
from langevin_sgd.cli.claims import Claims
from langevin_sgd.cli.environment import Environment
from langevin_sgd.cli.perceptron import Perceptron
from langevin_sgd.cli.predict import Predict
from langevin_sgd.cli.sweep import Sweep
from langevin_sgd.cli.train import Train
from langevin_sgd.machine import require_a_compiler

PROGRAM = "langevin-sgd"

Command = (
    Annotated[Claims, subcommand("claims")]
    | Annotated[Predict, subcommand("predict")]
    | Annotated[Perceptron, subcommand("perceptron")]
    | Annotated[Train, subcommand("train")]
    | Annotated[Sweep, subcommand("sweep")]
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
    try:
        return _run(_parse(sys.argv[1:] if arguments is None else arguments))
    except InputError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted; the same command continues", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader has gone; nothing may be written to stdout at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(command: Any) -> int:
    require_a_compiler()
    status: int = command.run()
    sys.stdout.flush()
    return status


def _parse(arguments: Sequence[str]) -> Any:
    """Parse the command line; what tyro would print in a box becomes one line."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(
                Command,
                prog=PROGRAM,
                description="The physics of SGD noise: predictions, and claims put to the test.",
                args=list(arguments),
                config=(OmitArgPrefixes, OmitSubcommandPrefixes, FlagCreatePairsOff),
            )
    except SystemExit as stop:
        if stop.code != 2:
            raise
        raise InputError(_one_line(complaint.getvalue())) from None


def _one_line(box: str) -> str:
    lines = [re.sub(r"[─-╿]+|-{8,}", " ", line).strip() for line in box.splitlines()]
    body = [line for line in lines[1:] if line and not line.startswith(("For full helptext", f"{PROGRAM} "))]
    return f"{re.sub(r'[ ]+', ' ', '; '.join(body))} (see --help)".replace(":;", ":").replace(",;", ",")
