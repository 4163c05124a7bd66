"""Observables of networks that the user steps: the same objects, and the same numbers as in a
training that makes the same steps.
"""

import dataclasses
from typing import ClassVar

import numpy as np
import pytest
import torch
from in_one_call import train_networks_of

import langevin_sgd as ls
from langevin_sgd.models.networks import FullyConnected, OwnNetwork
from langevin_sgd.training.observables import KernelChange
from langevin_sgd.training.observables.at_start import observed_at_start
from langevin_sgd.training.observables.interface import Observable
from langevin_sgd.training.observables.margins import Margins
from langevin_sgd.training.observables.measured import measure
from langevin_sgd.training.observables.noise_temperature import NoiseTemperature
from langevin_sgd.training.observables.signal import Signal
from langevin_sgd.training.observables.table import OBSERVABLES

ALPHA, LR, STEPS = 2.0, 0.3, 5


def points(count, seed=0):
    X = np.random.default_rng(seed).normal(size=(count, 6))
    return X, np.where(X[:, 0] * X[:, 1] > 0, 1.0, -1.0)


def build():
    return torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))


NETWORKS = {
    "own": OwnNetwork(build=build, width=8),
    "fully_connected": FullyConnected(dimension=6, width=8, depth=2),
}
SETTINGS = ls.SGD(lr=LR, batch_size=12, sampling="without_replacement")


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_stepped_by_hand_have_the_observables_of_training(name):
    """Gradient descent on all 12 points, once by `training.run`, once through the protocol."""
    network, train, test = NETWORKS[name], points(12), points(9, 1)
    record = [Margins(), NoiseTemperature(), Signal(), KernelChange(points=4)]
    runs = train_networks_of(
        network,
        (*train, *test),
        lr=LR,
        batch_size=12,
        alpha=ALPHA,
        loss="logistic",
        replicas=2,
        seed=3,
        max_steps=STEPS,
        record=record,
        precision="float64",
    )
    replicas = network.replicas([(3, 0), (3, 1)], torch.float64)
    networks = observed_at_start(
        replicas,
        train,
        test=test,
        alpha=ALPHA,
        loss="logistic",
        settings=SETTINGS,
        record=record,
    )
    X, y = (torch.from_numpy(a) for a in train)
    f0 = networks.start.outputs
    with torch.no_grad():
        for _ in range(STEPS):
            replicas.step(
                X.expand(2, -1, -1),
                lambda f: LR / 12 * y * torch.sigmoid(-y * ALPHA * (f - f0)),
            )
    measured = measure(networks.now(), record)
    assert {"kernel_change", "margin", "test_margin", "signal", "noise_temperature"} <= set(
        measured
    )
    for variable, values in measured.items():
        np.testing.assert_allclose(
            values, runs[variable].values, rtol=1e-9, atol=1e-12, err_msg=variable
        )


def test_margins_of_a_module_are_those_of_its_outputs():
    network, (X, y) = NETWORKS["own"], points(12)
    replicas = network.replicas([(3, 0)], torch.float64)
    networks = observed_at_start(replicas, (X, y), alpha=ALPHA)
    for w in replicas.trained:
        w.mul_(1.5)
    module = network.module(3, 0).double()
    before = module(torch.from_numpy(X)).detach().numpy()[:, 0]
    with torch.no_grad():
        for p in module.parameters():
            p.mul_(1.5)
    after = module(torch.from_numpy(X)).detach().numpy()[:, 0]
    margins = Margins().measure(networks.now())
    expected = y * ALPHA * (after - before)
    assert margins["mean_margin"][0] == pytest.approx(expected.mean(), rel=1e-12)
    assert margins["margin"][0, [0, -1]] == pytest.approx([expected.min(), expected.max()])


def test_a_moment_stays_what_it_was():
    """Predictions are those of the moment at which they were looked at first; `now` looks anew."""
    replicas = NETWORKS["own"].replicas([(0, 0)], torch.float64)
    networks = observed_at_start(replicas, points(5))
    assert measure(networks)["loss"].tolist() == [1.0]
    replicas.trained[0].add_(1.0)
    assert measure(networks)["loss"].tolist() == [1.0]
    assert measure(networks.now())["loss"].tolist() != [1.0]


def test_a_user_makes_an_observable():
    @dataclasses.dataclass(frozen=True)
    class LargestWeight(Observable):
        name: ClassVar[str] = "largest"

        def variables(self, *, has_test):
            return {"largest_weight": ((), "w")}

        def measure(self, networks):
            parts = [w.abs().flatten(1).amax(1) for w in networks.replicas.trained]
            return {"largest_weight": torch.stack(parts).amax(0).numpy()}

    replicas = NETWORKS["own"].replicas([(0, 0), (0, 1)], torch.float64)
    networks = observed_at_start(replicas, points(5), record=LargestWeight())
    measured = measure(networks, LargestWeight())["largest_weight"]
    assert measured[1] == pytest.approx(max(float(w[1].abs().max()) for w in replicas.trained))


@pytest.mark.parametrize("kind", OBSERVABLES.values(), ids=OBSERVABLES)
def test_an_observable_measures_the_variables_that_it_names(kind):
    replicas = NETWORKS["own"].replicas([(0, 0), (0, 1)], torch.float64)
    observable = KernelChange(points=3) if kind is KernelChange else kind()
    for test in (points(4, 1), None):
        if test is None and observable.needs_test_points:
            continue
        networks = observed_at_start(
            replicas, points(5), test=test, settings=SETTINGS, record=observable
        )
        measured = observable.measure(networks)
        named = observable.variables(has_test=test is not None)
        assert set(measured) == set(named)
        for variable, (dims, _) in named.items():
            sizes = [len(observable.coordinates[dim]) for dim in dims]
            assert measured[variable].shape == (2, *sizes)


REPLICAS = NETWORKS["own"].replicas([(0, 0)], torch.float64)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"record": "signal"}, "^signal: needs test points"),
        ({"record": KernelChange(points=6)}, "^KernelChange.points = 6: must be at most 5"),
        ({"record": "margin"}, "^record = 'margin': must be one of margins, noise_temperature"),
        ({"record": [Margins(), "margins"]}, "^record = .*: must be different ones"),
        ({"record": [3]}, "^record = 3: must be one of margins"),
        ({"alpha": 0.0}, "^alpha = 0.0"),
        ({"loss": "cubic"}, "^loss = 'cubic'"),
        ({"test": (np.ones((2, 6)), np.array([1.0, 2.0]))}, "^test = .*: labels must be -1 or .1"),
        ({"test": (np.ones((2, 6)), np.ones(3))}, "^test = .*must be .point, dimension."),
    ],
)
def test_what_cannot_be_observed_is_refused(options, message):
    with pytest.raises(ls.InputError, match=message):
        observed_at_start(REPLICAS, points(5), **options)


def test_the_noise_temperature_asks_for_settings():
    networks = observed_at_start(REPLICAS, points(5))
    with pytest.raises(ls.InputError, match=r"^noise_temperature: needs the settings"):
        NoiseTemperature().measure(networks)
