"""``claims run --device``: which tasks go to a GPU, and what is said where there is none."""

import json

import pytest
import torch

import langevin_sgd as ls


@pytest.fixture
def as_if_there_were_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)


def devices(results):
    """Devices of the results that are stored for the claim."""
    return sorted(ls.load(path).attrs["device"] for path in (results / "machines").rglob("*.nc"))


def test_tasks_with_a_device_go_where_they_are_sent(command, tmp_path, as_if_there_were_a_gpu):
    status, out, _ = command(
        "claims", "run", "anywhere", "--results", tmp_path, "--json", "--workers", "1"
    )
    on_cpu = json.loads(out)[0]
    assert (status, devices(tmp_path)) == (0, ["cpu"] * 2)
    words = (
        "claims",
        "run",
        "anywhere",
        "--tier",
        "gpu",
        "--device",
        "cuda",
        "--results",
        tmp_path,
        "--json",
    )
    status, out, _ = command(*words)
    assert (status, devices(tmp_path)) == (0, ["cpu"] * 2 + ["cuda"] * 2)
    assert json.loads(out)[0]["measurement"] == on_cpu["measurement"]
    status, out, _ = command(
        "claims", "report", "--results", tmp_path, "--output", tmp_path / "report"
    )
    assert "2 supported" in out  # both tiers, found again by device


def test_the_tier_gpu_is_not_run_on_a_cpu(command, tmp_path):
    status, out, err = command(
        "claims", "run", "anywhere", "--tier", "gpu", "--results", tmp_path, "--json"
    )
    assert (status, json.loads(out)[0]["verdict"]) == (0, "not_run")
    assert "machines/anywhere: not_run: needs a GPU: --device cuda" in err


def test_claims_that_train_nothing_refuse_a_gpu(command, tmp_path, as_if_there_were_a_gpu):
    status, _, err = command("claims", "run", "fair", "--device", "cuda", "--results", tmp_path)
    assert status == 2
    assert "device = 'cuda': none of these claims trains on a GPU; leave it out" in err


def test_a_gpu_that_is_not_there_is_one_line(command, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    status, _, err = command("claims", "run", "anywhere", "--device", "cuda", "--results", tmp_path)
    assert status == 2
    assert err == "langevin-sgd: --device = 'cuda': there is no CUDA device here; use cpu\n"
    assert not list(tmp_path.iterdir())


def test_a_damaged_result_does_not_keep_the_others_from_being_judged(command, tmp_path):
    names = ("fair", "anywhere")
    command("claims", "run", *names, "--results", tmp_path, "--workers", "1")
    damaged = min((tmp_path / "machines").rglob("*.nc"))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    status, out, err = command(
        "claims", "report", "--results", tmp_path, "--output", tmp_path / "report"
    )
    assert (status, "1 supported" in out) == (0, True)
    assert "machines/anywhere: not_run" in err
    assert "is damaged" in err
    assert "run: langevin-sgd claims run machines/anywhere --tier quick" in err
    status, out, _ = command(
        "claims", "run", *names, "--results", tmp_path, "--workers", "1", "--json"
    )
    assert [entry["verdict"] for entry in json.loads(out)] == ["supported"] * 2
