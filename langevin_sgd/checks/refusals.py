"""What a refusal says: one line that names the argument, the value and the allowed range."""

from __future__ import annotations

import math
from typing import Any


class InputError(ValueError):
    """Bad input. The message is one line; the command line prints it and leaves with status 2."""


def require(condition: bool, name: str, value: Any, allowed: str) -> None:
    """Raise `InputError` unless `condition` holds.

    Examples
    --------
    >>> require(False, "lr", -1.0, "must be positive")
    Traceback (most recent call last):
    langevin_sgd.checks.refusals.InputError: lr = -1.0: must be positive
    """
    if not condition:
        raise InputError(f"{name} = {shown(value)}: {allowed}")


def shown(value: Any, *, width: int = 80) -> str:
    """Write a value in one line of at most `width` characters.

    Of an array the shape is shown, of a long text the beginning.

    Examples
    --------
    >>> shown([1, 2]), shown("a" * 30, width=12)
    ('[1, 2]', "'aaaaaaa ...")
    """
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and math.prod(shape) > 8:
        return f"an array of shape {shape}"
    try:
        text = " ".join(repr(value).split())
    except Exception:  # the repr of a foreign object may raise anything
        text = f"an object of type {type(value).__name__}"
    return text if len(text) <= width else f"{text[: width - 4]} ..."


def printable(text: str, *, lines: bool = False) -> str:
    r"""Return a text with its control characters written out: it does nothing to a terminal.

    Parameters
    ----------
    text
        From a file or from another program.
    lines
        Whether line feeds and tabs stay.

    Examples
    --------
    >>> print(printable(chr(27) + "[2J"))
    \x1b[2J
    """
    kept = "\n\t" if lines else ""
    return "".join(
        letter if letter.isprintable() or letter in kept else repr(letter)[1:-1] for letter in text
    )
