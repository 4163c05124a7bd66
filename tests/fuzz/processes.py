"""A case of the command as a process of its own, as a user starts it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

from .rules import Outcome, judge
from .runner import SURROUNDINGS
from .worker import CLAIMS, fresh

PROGRAM = [sys.executable, "-c", "import sys; from langevin_sgd.cli import main; sys.exit(main())"]
WAIT = 60.0


def run_as_process(text: str, folder: Path) -> str:
    """Run a case of the command; return what is wrong with it, or nothing."""
    environment = os.environ | SURROUNDINGS | {"LANGEVIN_SGD_CLAIMS": str(CLAIMS)}
    with fresh(folder / "case"):
        try:
            done = subprocess.run(
                [*PROGRAM, *words_of(text)],
                capture_output=True,
                text=True,
                timeout=WAIT,
                env=environment,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"hangs: no end within {WAIT:g} s"
        except ValueError:  # the operating system takes no such words
            return ""
    if done.returncode < 0:
        return f"crashes: signal {-done.returncode}"
    return judge(text, Outcome(done.returncode, None, done.stdout, done.stderr))


def words_of(text: str) -> list[str]:
    """The words in the text of a case of the command."""
    (words,) = [
        node for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.List)
    ]
    return [
        ast.literal_eval(word.args[0] if isinstance(word, ast.Call) else word)
        for word in words.elts
    ]
