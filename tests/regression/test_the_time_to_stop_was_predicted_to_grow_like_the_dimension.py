"""t* ~ T d (P/d)^b was printed as a prediction, where measured powers of d at fixed P/d fall from
0.9 to 0.5.
"""

import numpy as np
import pytest
import xarray as xr

import langevin_sgd as ls
from langevin_sgd.experiments.network_lazy_exponents import LazyExponents


def grid():
    """Results over two dimensions and two ratios P/d, of any law."""
    points, dimension = np.array([64, 128, 128, 256]), np.array([8, 8, 16, 16])
    values = np.exp(0.1 * np.cos(np.arange(24).reshape(4, 6)))
    constants = {"temperature": 1.0, "chi": 1.0, "batch_size": 1, "margin": 1e-3}
    return xr.Dataset(
        {
            "t_star": (("point", "replica"), points[:, None] ** 1.5 * values),
            "norm": (("point", "replica"), np.sqrt(points)[:, None] * values),
            "status": (("point", "replica"), np.zeros((4, 6), np.int8)),
        },
        coords={"points": ("point", points), "dimension": ("point", dimension)}
        | {name: ("point", np.full(4, value)) for name, value in constants.items()},
    )


def test_nothing_is_predicted_for_the_dimension():
    fits = {fit.name: fit for fit in ls.experiments.fit_exponents(grid())}
    assert fits["t_star_with_dimension"].predicted is None
    assert fits["t_star_with_dimension"].to_dict()["predicted"] is None
    assert fits["t_star_with_dimension"].exponent.valid
    assert [fits[name].predicted for name in ("b", "gamma", "norm_with_dimension")] == [
        2.0,
        0.5,
        0.5,
    ]


def test_predictions_for_lazy_networks_are_numbers():
    """1 + 2 gamma and gamma/delta, with the exponents measured."""
    gamma = ls.Estimate(value=0.3, standard_error=0.02, n_independent=8)
    bad = ls.Estimate.refused("too short")

    def lazy(gamma):
        return LazyExponents(
            held={},
            lines=(),
            gamma=ls.measure.Collapse(
                x_exponent=bad, y_exponent=gamma, quality=1.0, compared=3, points=3
            ),
            b=ls.measure.Collapse(
                x_exponent=bad, y_exponent=gamma, quality=1.0, compared=3, points=3
            ),
            delta=ls.Estimate(value=0.8, standard_error=0.1, n_independent=8),
            a=None,
            crossings=(),
            threshold=0.3,
            left_out=0,
        )

    predicted = lazy(gamma).predicted
    assert predicted["b"].value == pytest.approx(1.6)
    assert predicted["b"].standard_error == pytest.approx(0.04)
    assert predicted["a"].value == pytest.approx(0.375)
    assert predicted["delta"].value == 1.0
    assert not lazy(bad).predicted["b"].valid
    assert not lazy(bad).predicted["a"].valid
    assert lazy(gamma).to_dict()["predicted"]["b"]["value"] == pytest.approx(1.6)


def test_boundaries_of_one_hidden_layer_do_not_move_with_alpha():
    """(L - 2)/L for degree L = D + 1."""
    assert [ls.experiments.feature_exponent(depth + 1) for depth in (1, 2, 3, 5)] == [
        0,
        1 / 3,
        1 / 2,
        2 / 3,
    ]
