"""The command says its version, and the tables of ``train`` give the numbers that theory
predicts.
"""

from importlib.metadata import version

import pytest

import langevin_sgd as ls
from langevin_sgd.cli import main
from langevin_sgd.experiments import network_summary
from langevin_sgd.experiments.network_lazy_exponents import LazyExponents


def test_the_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"langevin-sgd {version('langevin-sgd')}\n"
    assert ls.__version__ == version("langevin-sgd")


@pytest.mark.parametrize(
    ("gamma", "stop", "ratio"),
    [(0.31, "1 + 2 gamma = 1.62", "gamma / delta = 0.34"), (None, "", "")],
)
def test_exponents_of_the_lazy_regime_stand_beside_numbers(monkeypatch, gamma, stop, ratio):
    """b = 1 + 2 gamma and a = gamma / delta with the fitted gamma and delta; without them the
    formula alone.
    """
    known = ls.Estimate(value=0.9, standard_error=0.01)
    fitted = (
        ls.Estimate.refused("few")
        if gamma is None
        else ls.Estimate(value=gamma, standard_error=0.01)
    )
    gamma_found, b_found = (
        ls.measure.Collapse(x_exponent=known, y_exponent=found, quality=1.0, compared=3, points=3)
        for found in (fitted, known)
    )
    one = LazyExponents(
        held={},
        lines=(),
        gamma=gamma_found,
        b=b_found,
        delta=known,
        a=known,
        crossings=(),
        threshold=0.3,
        left_out=0,
    )
    monkeypatch.setattr(
        "langevin_sgd.experiments.network_summary.in_temperature", lambda result: []
    )
    monkeypatch.setattr("langevin_sgd.experiments.network_summary.lazy", lambda result: [one])
    rows = {line.split("  ")[0]: line for line in str(network_summary.tables(None)[0]).splitlines()}
    assert rows["t* ~ T P^b"].endswith(stop or "1 + 2 gamma")
    assert rows["T_c ~ P^-a, kernel change 0.3"].endswith(ratio or "gamma / delta")
