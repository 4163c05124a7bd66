"""A checkpoint of the right run with wrong content was a traceback, or was taken for a finished
run.
"""

import json
import os

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.models import potentials
from langevin_sgd.simulation import checkpoint

PROBLEM, SETTINGS = (
    ls.LinearRegression.from_spectrum([1.0, 0.3]),
    ls.SGD(lr=0.05, batch_size=4, momentum=0.9),
)
WELL = ls.Underdamped(
    potential=potentials.double_well(), mass=0.7, friction=0.5, noise_covariance=0.4, step_time=0.1
)
OPTIONS = {
    "replicas": 3,
    "steps": 30,
    "seed": 4,
    "record": [ls.record.states(), ls.record.time_averages()],
}


def train(path):
    return ls.training.run(PROBLEM, SETTINGS, **OPTIONS, checkpoint=path)


def simulate(path):
    return ls.sde.simulate(WELL, ls.sde.BAOAB(), **OPTIONS, checkpoint=path)


def rewrite(path, change):
    """Store the file again after `change(dataset, provenance)`."""
    stored = ls.load(path)
    told = json.loads(stored.attrs["provenance"])
    stored = change(stored, told)
    stored.attrs["provenance"] = json.dumps(told, sort_keys=True)
    stored.encoding = {}
    stored.to_netcdf(path, engine="h5netcdf")


def with_step(step):
    def change(stored, told):
        told["step"] = step
        return stored

    return change


def with_values(name, factor):
    def change(stored, told):
        found = next(variable for variable in stored.data_vars if str(variable).startswith(name))
        stored[found] = stored[found] * factor
        return stored

    return change


def without(name):
    return lambda stored, told: stored.drop_vars(
        [v for v in stored.data_vars if str(v).startswith(name)]
    )


def without_checksum(stored, told):
    del told["content"]
    return stored


DAMAGES = {
    "step of another place": with_step(7),
    "step beyond the end": with_step(10**9),
    "step that is no number": with_step("x"),
    "no step": with_step(None),
    "state changed": with_values("state_", 1.5),
    "totals changed": with_values("state_total_", 2),
    "record changed": with_values("position", 1.0000001),
    "divergence changed": with_values("state_noticed_", 3),
    "no state": without("state_"),
    "no totals": without("state_total_"),
    "no divergence": without("state_noticed_"),
    "no record": without("position"),
    "shorter record": lambda stored, told: stored.isel(step=slice(3)),
    "no checksum": without_checksum,
}


@pytest.mark.parametrize("run", [train, simulate])
@pytest.mark.parametrize("damage", DAMAGES)
def test_wrong_content_is_one_line(run, damage, tmp_path):
    path = tmp_path / "run.nc"
    run(path)
    rewrite(path, DAMAGES[damage])
    with pytest.raises(
        ls.InputError, match=r"checkpoint = .*is damaged, or of an older version"
    ) as caught:
        run(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("run", [train, simulate])
def test_what_is_rewritten_unchanged_is_taken(run, tmp_path):
    path = tmp_path / "run.nc"
    whole = run(path)
    rewrite(path, lambda stored, told: stored)
    assert run(path).identical(whole)


@pytest.mark.parametrize("run_of_file", [None, 3, "x", [1], {}, {"steps": "x"}])
def test_an_identity_of_another_shape_is_another_run(run_of_file, tmp_path):
    path = tmp_path / "run.nc"
    train(path)

    def change(stored, told):
        told["run"] = run_of_file
        return stored

    rewrite(path, change)
    with pytest.raises(ls.InputError, match="belongs to another run"):
        train(path)
    with pytest.raises(ls.InputError, match="belongs to another run"):
        ls.training.run(PROBLEM, SETTINGS, **{**OPTIONS, "seed": None}, checkpoint=path)


def test_places_that_cannot_be_written_are_refused_before_anything_is_computed(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("langevin_sgd.simulation.trajectories.Trajectories.advance", None)
    (tmp_path / "file").write_text("")
    for place, message in (
        (tmp_path / "file" / "run.nc", "cannot be written there"),
        (tmp_path / ("x" * 300), "cannot be written there|too long"),
        (tmp_path, "is no file"),
    ):
        with pytest.raises(ls.InputError, match=message) as caught:
            simulate(place)
        assert "\n" not in str(caught.value)
    for wrong in (3, b"run.nc", "a\0b", ["run.nc"]):
        with pytest.raises(ls.InputError, match="checkpoint"):
            simulate(wrong)
    assert sorted(os.listdir(tmp_path)) == ["file"]


@pytest.mark.parametrize("run", [train, simulate])
def test_a_file_that_cannot_be_written_costs_a_warning_and_not_the_run(run, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.dataset, "save", full)
    with pytest.warns(UserWarning, match=r"not written .*No space left"):
        found = run(tmp_path / "run.nc")
    assert np.isfinite(found["final_position"]).all()
