"""Run cases and print what failed: ``python -m tests.fuzz --cases 5000 --workers 2 --room
measure``.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence

from .by_call import OBJECTS
from .cases import case, good_cases, number_of_cases
from .rules import is_command
from .runner import Result, run
from .surface import calls

ROOMS = {
    "measure": ("measure", "Estimate", "experiments"),
    "theory": ("theory", "LinearRegression", "Perceptron", "SGD", "models.hinge_loss.HingeLoss"),
    "sdes": ("record", "sde", "dynamics", "derive_seed", "Overdamped", "Underdamped", "training"),
    "planck": ("models.potentials", "Potential", "models.potentials.Quadratic", "fokker_planck"),
    "store": ("data", "dataset", "sweep", "load", "save"),
    "commands": ("claims", "plotting", "command"),
    "nets": (
        "models.networks",
        "models.OnePassPerceptron",
        "Stop",
        "training.NetworkEngine",
        "training.PerceptronEngine",
        "NetworkProblem",
    ),
}
"""Part of the package -> beginnings of the names of its calls; the longest beginning holds."""


def main() -> None:
    """Run cases and print failures by kind and call."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "--cases",
        type=int,
        default=5000,
        help=f"number of cases; {number_of_cases()} are different",
    )
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument(
        "--case", type=int, action="append", help="run this case alone (may be repeated)"
    )
    parser.add_argument("--text", action="append", help="run this text as a case (may be repeated)")
    parser.add_argument("--file", help="run the lines of this file as cases")
    parser.add_argument(
        "--good",
        action="store_true",
        help="every call with good values only, which it may not refuse",
    )
    parser.add_argument("--room", choices=ROOMS, help="only calls of this part of the package")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--bounds", action="store_true", help="compiled code checks the indices of arrays"
    )
    parser.add_argument("--list", action="store_true", help="print the cases and run nothing")
    parser.add_argument("--slow", type=int, default=0, help="print the slowest cases too, so many")
    chosen = parser.parse_args()
    cases = _cases(chosen)
    if chosen.list:
        print(*(f"{number:6d}  {text}" for number, text in cases), sep="\n")
        return
    started = time.perf_counter()
    results = run(cases, workers=chosen.workers, bounds=chosen.bounds, tell=_tell)
    found = failures(results, good=chosen.good)
    print(report(found))
    for result in sorted(results, key=lambda result: -result.seconds)[: chosen.slow]:
        print(f"{result.seconds:.2f} s  {result.number}: {result.text}")
    print(f"{len(cases)} cases, {len(found)} failed, {time.perf_counter() - started:.0f} s")
    raise SystemExit(1 if found else 0)


def _cases(chosen: argparse.Namespace) -> list[tuple[int, str]]:
    if chosen.text:
        return list(enumerate(chosen.text))
    if chosen.file:
        with open(chosen.file, encoding="utf-8") as lines:
            found = list(
                enumerate(
                    line.strip() for line in lines if line.strip() and not line.startswith("#")
                )
            )
    elif chosen.good:
        found = list(enumerate(text for call in calls() for text in good_cases(call.key)))
    else:
        numbers: Iterable[int] = chosen.case or range(chosen.first, chosen.first + chosen.cases)
        found = [(number, case(number)) for number in numbers]
    return [each for each in found if chosen.room in (None, room_of(name_of(each[1])))]


def _tell(result: Result) -> None:
    """Show a failure at once: a long run may be stopped."""
    if result.wrong:
        print(f"{result.number}\t{result.text}\t{result.wrong}", file=sys.stderr, flush=True)


def failures(results: Iterable[Result], *, good: bool = False) -> list[Result]:
    """Results that break the contract; with `good`, which has no bad values, a refusal does as
    well.
    """
    return [result for result in results if result.wrong or (good and result.refused)]


def report(found: Sequence[Result]) -> str:
    """Failures by kind and call."""
    groups: dict[str, dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for result in found:
        groups[kind_of(result.wrong or "refused")][name_of(result.text)].append(result)
    lines = []
    for kind, by_call in sorted(groups.items(), key=lambda item: -sum(map(len, item[1].values()))):
        lines.append(f"\n== {kind}: {sum(map(len, by_call.values()))}")
        for name, results in sorted(by_call.items()):
            lines.append(f"{name}: {len(results)}")
            lines += [
                f"    {one.number}: {one.text}\n        {one.wrong or one.refused}"
                for one in results
            ]
    return "\n".join(lines)


def kind_of(wrong: str) -> str:
    """The kind of a failure: its first words."""
    return re.split(r":| in | with ", wrong)[0]


def name_of(text: str) -> str:
    """Name of the call or verb of a case."""
    if is_command(text):
        return "command " + " ".join(re.findall(r"'([a-z]+)'", text.partition("'--")[0])[:2])
    owners = [
        (name, made)
        for name, all_made in OBJECTS.items()
        for made in all_made
        if text.startswith(f"{made}.")
    ]
    name, made = max(owners, key=lambda owner: len(owner[1]), default=("", ""))
    return name + text[len(made) :].removeprefix("ls.").partition("(")[0]


def room_of(name: str) -> str:
    """The part of the package that a call belongs to."""
    starts = [
        (start, room)
        for room, all_starts in ROOMS.items()
        for start in all_starts
        if name.startswith(start)
    ]
    return max(starts, key=lambda start: len(start[0]), default=("", ""))[1]


if __name__ == "__main__":
    main()
