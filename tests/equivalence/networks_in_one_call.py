"""Networks trained from one flat set of words, so that tests can share most and change a few."""

import langevin_sgd as ls

PROBLEM = ("loss", "alpha", "points")
SETTINGS = ("lr", "batch_size", "momentum", "sampling")
STOP = ("unfit", "max_steps")
ENGINE = ("noise", "precision", "device", "keep_weights", "seconds")


def train(network, data, **words):
    """Fields of problem, settings, stop and engine by their names, and arguments of the run.

    A list among the fields is what varies; with one replica the result is over ``variant`` alone.
    """
    fields = {name: words.pop(name) for name in (*PROBLEM, *SETTINGS) if name in words}
    vary = {name: given for name, given in fields.items() if hasattr(given, "__len__")}
    vary = {name: given for name, given in vary.items() if not isinstance(given, str)}
    shared = {"lr": 1.0, "batch_size": 4, "sampling": "without_replacement", **fields}
    if "temperature_per_width" in words:
        vary["temperature_per_width"] = words.pop("temperature_per_width")
    shared = {name: value for name, value in shared.items() if name not in vary}
    settings = {"lr": 1.0, "batch_size": 4}
    settings |= {name: shared[name] for name in SETTINGS if name in shared}
    start = words.get("start")
    if start is not None and "replica" not in start.sizes:
        words["start"] = start.expand_dims("replica", 1)
    runs = ls.training.run(
        ls.NetworkProblem(
            network, data, **{name: shared[name] for name in PROBLEM if name in shared}
        ),
        ls.SGD(**settings),
        stop=ls.Stop(**{name: words.pop(name) for name in STOP if name in words}),
        engine=ls.training.NetworkEngine(
            **{name: words.pop(name) for name in ENGINE if name in words}
        ),
        vary=vary or None,
        **words,
    )
    return runs.isel(replica=0) if vary and runs.sizes["replica"] == 1 else runs
