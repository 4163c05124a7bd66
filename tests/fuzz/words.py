"""Good, odd and wrong words for every option of the command."""

from __future__ import annotations

from .surface import Option
from .values import Values

NUMBERS = (
    "0",
    "-1",
    "1e308",
    "1e-320",
    "1e-10",
    "inf",
    "-inf",
    "-0",
    "1e400",
    "0.999999999",
    " 1 ",
    "1_0",
    "٣",
)
NO_NUMBERS = (
    "nan",
    "abc",
    "",
    "1,2",
    "1+1j",
    "True",
    "None",
    "1\n2",
    "\x1b[2J",
    "0x1",
    "--",
    "1 2",
)
COUNTS = ("0", "-1", "1", "2", "1" + 30 * "0", "9223372036854775808", "1_0", "٣")
NO_COUNTS = ("1.5", "1e3", "inf", *NO_NUMBERS)
WORDS = (
    "",
    "a\nb",
    "\x1b[2J",
    "x" * 300,
    "é",
    "../x",
    "None",
    " ",
    "--json",
    "a/b/c",
    "*",
    "nan",
    "3",
)
FILES = (
    "",
    ".",
    "folder",
    "missing/deep/x.svg",
    "file.txt/x.svg",
    "x" * 300,
    "a\nb.svg",
    "damaged.nc",
    "é.svg",
    " ",
)

GOOD = {
    "T": "1", "kappa": "0.1", "P": "8", "d": "2", "chi": "0", "B": "1", "replicas": "2",
    "seed": "1",
    "max_steps": "200", "test_points": "8", "a": "0.5", "s": "1", "tau": "0.5,1", "P_over_d": "2",
    "seeds": "2",
    "workers": "1", "results": "results", "plot": "plot.svg", "checkpoint": "run.nc",
    "data": "data.csv", "lr": "0.1",
    "eigenvalues": "0.2,1", "momentum": "0.5", "batch_size": "2", "weight_decay": "0.01",
    "noise_scale": "0.5",
    "lags": "1,10", "id": "fair", "name": "paper/new_claim", "folder": "claims", "ids": "fair",
    "paper": "coins",
    "output": "report", "directory": "results", "alpha": "1,10",
    "temperature_per_width": "0.01,0.02",
    "network": "fully_connected", "depth": "2", "width": "4", "activation": "relu",
    "labels": "parity", "part": "even",
    "probe_points": "2", "observe": "margins", "device": "cpu", "scheduler": "",
    "unfit": "0", "features": "features.npy", "residuals": "residuals.npy",
}  # fmt: skip
"""Option -> a good word for it."""

LEFT_OUT = {"scheduler"}
"""Options that are never good in a test: there is no cluster."""

BASE: dict[tuple[str, ...], tuple[tuple[str, ...], ...]] = {
    ("claims", "new"): (("folder",),),
    ("claims", "run"): (("ids", "workers"),),
    ("predict", "linear-regression"): (("eigenvalues",), ("data",)),
    ("perceptron", "run"): (("P", "d", "max_steps", "seed"), ("data", "max_steps", "seed")),
    ("perceptron", "sweep"): (
        ("P", "seeds", "max_steps", "workers"),
        ("P_over_d", "seeds", "max_steps", "workers"),
    ),
    ("perceptron", "theory"): (("a", "s"), ("tau",), ("a", "s", "d", "B")),
    ("train",): (("B", "seeds", "width", "max_steps", "test_points", "workers"),),
}
"""Verb -> sets of options of which one is needed, or without which it takes long."""

BY_VERB = {("train",): {"data": "digits", "P": "8", "B": "4", "momentum": "0", "max_steps": "20"}}
"""Verb -> option -> good word, where it is not that of `GOOD`."""


def words_of(verb: tuple[str, ...], option: Option) -> Values:
    """Words for an option, by its type."""
    good = option.choices or (BY_VERB.get(verb, {}).get(option.name, GOOD.get(option.name, "")),)
    kind = option.annotation
    if option.name in ("data",) and verb == ("train",):
        good = ("digits",)
    if option.choices:
        return Values(good, (), ("nonsense", "", good[0].upper(), "3", "a\nb", "\x1b[2J"))
    if kind == "bool":
        return Values((), (), ())
    if "Path" in kind:
        return Values(good, FILES, ())
    if option.name in (
        "labels",
        "part",
        "observe",
        "network",
        "activation",
        "device",
        "scheduler",
        "id",
        "ids",
        "paper",
    ):
        return Values(good, ("None", ","), ("nonsense", "a\nb", "\x1b[2J", "3.5", "x" * 300))
    if "tuple[float" in kind:
        return _list(good, NUMBERS, NO_NUMBERS)
    if "tuple[int" in kind:
        return _list(good, COUNTS, NO_COUNTS)
    if "float" in kind:
        return Values(good, NUMBERS, _optional(kind, NO_NUMBERS))
    if "int" in kind:
        return Values(good, COUNTS, _optional(kind, NO_COUNTS))
    return Values(good, WORDS, ())


def _list(good: tuple[str, ...], odd: tuple[str, ...], wrong: tuple[str, ...]) -> Values:
    """Values between commas: one odd or wrong one among good ones; spaces and empty places are no
    values.
    """
    first = good[0].split(",")[0]
    bad = tuple(f"{first},{word}" for word in wrong if word.strip() and word not in ("1,2", "None"))
    return Values(
        good,
        (
            *odd,
            *(f"{first},{word}" for word in odd),
            "",
            ",",
            f"{first},,{first}",
            f"{first},{first}",
        ),
        bad,
    )


def _optional(kind: str, wrong: tuple[str, ...]) -> tuple[str, ...]:
    """``None`` says that an option which may be left out is left out."""
    return tuple(word for word in wrong if word != "None") if "None" in kind else wrong
