"""Digest of the source code that a task's result depends on.

It starts at the function of the task and at the classes in its settings, and follows imports
(`langevin_sgd.sweep.imports`). In the task's own module it covers the function, the classes and the
module-level names they reach, so that editing the judgement of a claim does not throw away its
data; of every other module it covers the whole text, without docstrings, comments and layout, and
without the names of modules (`langevin_sgd.sweep.texts`).

A module with a table ``DISPATCHES`` (class -> module, strings alone) is a *dispatcher*: it hands
its work on to one of several modules by the class of what it is given, and imports them where it
runs. Of the table only the entries are followed whose class stands in the settings, or is named by
the source that is reached without the dispatcher, as in a task that makes its problem itself. Where
there is none of them it cannot be told who does the work, and all entries are followed. So editing
one engine outdates the results it has made, and no others; an entry added outdates nothing.

Cost: the first digest of a process reads and parses each module it reaches, once, which takes less
than half a second for fifty modules, and imports none of them; the next ones put together what is
known, in hundredths of a second; a digest asked for again is looked up in microseconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache

from langevin_sgd.checks import InputError
from langevin_sgd.sweep.imports import (
    Use,
    dispatches,
    is_module,
    reached_statements,
    uses_of_part,
    uses_of_whole,
)
from langevin_sgd.sweep.names import place_of
from langevin_sgd.sweep.texts import text_of_part, text_of_whole


@lru_cache(maxsize=1024)
def digest(name: str, classes: frozenset[str] = frozenset()) -> str:
    """Digest of the source that a task ``module:qualname`` reaches, 64 hexadecimal digits.

    Parameters
    ----------
    name
        Of the task.
    classes
        Names of the classes in its settings.
    """
    content = "\n\n".join(sorted(sources(name, classes).values()))
    return hashlib.sha256(content.encode()).hexdigest()


def sources(name: str, classes: frozenset[str] = frozenset()) -> dict[str, str]:
    """Source a task ``module:qualname`` reaches, by module, as the digest sees it."""
    module, qualname = name.split(":")
    places = [place_of(kind) for kind in classes]
    here = [kind for place, kind in places if place == module]
    own = reached_statements(module, {kind.split(".")[0] for kind in (qualname, *here)})
    uses = uses_of_part(own, module)
    starts = {use.module for use in uses} | {place for place, _ in places}

    alone = {place for place in _reached(starts, module, None) if not dispatches(place)}
    named = uses.union(*(uses_of_whole(place) for place in alone))
    occurring = {use.name for use in named} | {kind for _, kind in places}
    reached = _reached(starts, module, occurring)
    return {module: text_of_part(own, module)} | {place: text_of_whole(place) for place in reached}


def _reached(starts: set[str], own: str, occurring: set[str] | None) -> set[str]:
    """Modules that `starts` reach, themselves among them.

    Dispatchers hand on to what they have for the classes that occur; if these are not known yet
    (``None``), dispatchers are reached and lead nowhere.
    """
    reached: set[str] = set()
    waiting = sorted(starts)
    while waiting:
        module = waiting.pop()
        if module in reached or module == own:
            continue
        reached.add(module)
        if not dispatches(module):
            waiting.extend(_modules(uses_of_whole(module)))
        elif occurring is not None:
            waiting.extend(_modules(uses_of_whole(module)) | _followed(module, occurring))
    return reached


def _modules(uses: Iterable[Use]) -> set[str]:
    return {use.module for use in uses}


def _followed(module: str, occurring: set[str]) -> set[str]:
    """Modules that a dispatcher hands its work on to if it is given one of some classes."""
    table = dispatches(module)
    for place in table.values():
        if not is_module(place):
            raise InputError(f"DISPATCHES of {module}: there is no module {place}")
    chosen = {place for kind, place in table.items() if kind in occurring}
    return chosen or set(table.values())
