"""Recorders were closures, which neither pickle nor a worker process can take."""

import copy
import pickle

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.record.recorders import histograms

PROBLEM = ls.LinearRegression.from_spectrum([1.0, 0.3])
SETTINGS = ls.SGD(lr=0.05, batch_size=4, momentum=0.9)


def distance(position):
    return np.abs(position).sum(axis=-1)


RECORDERS = {
    "displacement": ls.record.displacement(),
    "speed": ls.record.speed(),
    "states": ls.record.states(),
    "eigenprojections": ls.record.eigenprojections(np.eye(2)[:, :1], centre=[1.0, 2.0]),
    "loss": ls.record.loss(distance),
    "observables": ls.record.observables(distance=distance),
    "moments": ls.record.moments(),
    "histograms": histograms([-1.0, 0.0, 1.0], coordinate=3),
    "time_averages": ls.record.time_averages(first=3),
    "histogram": ls.record.histogram([-1.0, 0.0, 1.0], coordinate=3),
    "current": ls.record.current(([-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]), coordinates=(0, 2)),
}


@pytest.mark.parametrize("name", RECORDERS)
def test_a_copy_records_the_same(name):
    recorder = RECORDERS[name]
    options = {"replicas": 3, "steps": 20, "seed": 1}
    expected = ls.training.run(PROBLEM, SETTINGS, record=recorder, **options)
    for other in (pickle.loads(pickle.dumps(recorder)), copy.deepcopy(recorder)):
        assert ls.training.run(PROBLEM, SETTINGS, record=other, **options).identical(expected)


def test_a_first_passage_travels():
    passage = ls.record.first_passage(0.3, direction="down")
    assert pickle.loads(pickle.dumps(passage)) == passage
