"""Training from one flat set of words, so that tests can share most of them and change a few."""

import langevin_sgd as ls

PROBLEM = ("loss", "alpha", "points")
SETTINGS = ("lr", "batch_size", "momentum", "sampling")
STOP = ("unfit", "max_steps")
PLACEHOLDERS = {"lr": 1.0, "batch_size": 4, "momentum": 0.0, "sampling": "with_replacement"}
"""Settings of the run itself where they vary."""
ENGINE = ("noise", "precision", "device", "keep_weights", "seconds")


def is_a_list(given):
    return isinstance(given, list | tuple) or getattr(given, "ndim", 0) > 0


def train_networks_of(network, data, **words):
    """Fields of problem, settings, stop and engine by their names, and arguments of the run.

    A list among the fields is what varies; with one replica the result is over ``variant`` alone.
    """
    fields = {name: words.pop(name) for name in (*PROBLEM, *SETTINGS) if name in words}
    vary = {name: given for name, given in fields.items() if is_a_list(given)}
    if "temperature_per_width" in words:
        vary["temperature_per_width"] = words.pop("temperature_per_width")
    shared = {"lr": 1.0, "batch_size": 4, "sampling": "without_replacement", **fields}
    settings = {name: shared[name] for name in SETTINGS if name in shared}
    settings |= {name: PLACEHOLDERS[name] for name in SETTINGS if name in vary}
    problem = {name: shared[name] for name in PROBLEM if name in shared and name not in vary}
    start = words.get("start")
    if hasattr(start, "sizes") and "replica" not in start.sizes:
        words["start"] = start.expand_dims("replica", 1)
    runs = ls.training.run(
        ls.NetworkProblem(network, data, **problem),
        ls.SGD(**settings),
        stop=ls.Stop(**{name: words.pop(name) for name in STOP if name in words}),
        engine=ls.training.NetworkEngine(
            **{name: words.pop(name) for name in ENGINE if name in words}
        ),
        vary=vary or None,
        **words,
    )
    return runs.isel(replica=0) if vary and runs.sizes["replica"] == 1 else runs


def train_perceptrons_of(
    problem,
    settings,
    *,
    method="auto",
    precision="float64",
    batch_seed=None,
    unfit=0.0,
    max_steps=None,
    **words,
):
    """Fields of stop and engine by their names, and arguments of the run."""
    return ls.training.run(
        problem,
        settings,
        stop=ls.Stop(unfit=unfit, max_steps=max_steps),
        engine=ls.training.PerceptronEngine(
            method=method, precision=precision, batch_seed=batch_seed
        ),
        **words,
    )
