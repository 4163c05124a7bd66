"""Perceptrons went on from weights alone, at step 0 of other batches: now they go on as one run."""

import json
from dataclasses import replace

import numpy as np
import pytest
from in_one_call import train_perceptrons_of

import langevin_sgd as ls
from langevin_sgd.training.batches import batch_indices

SAMPLINGS = ("with_replacement", "without_replacement", "epochs")
LAW = ls.data.DepletedSign(points=301, dimension=8, chi=0.5)
PROBLEM = ls.Perceptron(data=LAW, margin=0.05)
MANY = ls.Perceptron(data=replace(LAW, points=2000), margin=0.01)
MORE = ls.Perceptron(data=replace(LAW, points=4000, dimension=16), margin=0.01)
STATE = ("final_counters", "final_references", "final_levels")


def settings_of(sampling, lr=0.5):
    return ls.SGD(lr=lr, batch_size=4, sampling=sampling)


def train(problem, settings, max_steps=None, **options):
    options = {"replicas": 4, "seed": 3, "first_replica": 2, "method": "plain", **options}
    return train_perceptrons_of(problem, settings, max_steps=max_steps, **options)


def require_one_run(found, whole):
    """Every variable in all its bits, but for those that only a run in pieces has."""
    assert set(found.data_vars) - set(whole.data_vars) <= {"steps_before", "time_before"}
    for name in whole.data_vars:
        np.testing.assert_array_equal(found[name], whole[name], err_msg=str(name))


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("cut", [1, 101, 128, 1000])
def test_plain_steps_in_pieces_are_one_run(sampling, cut):
    """Pieces end within tiles of steps, at their end, and in the middle of epochs."""
    settings = settings_of(sampling)
    whole = train(PROBLEM, settings, 1500, seed=5)
    first = train(PROBLEM, settings, cut, seed=5)
    second = train(PROBLEM, settings, 1500 - cut, seed=None, start=first)
    require_one_run(second, whole)
    assert (first["status"] == ls.Status.STEP_LIMIT).all()
    weights = first["final_weights"].values
    anew = train(PROBLEM, settings, 1500 - cut, seed=5, start=weights)  # control
    assert not np.allclose(anew["final_weights"], whole["final_weights"])


def test_batches_go_on_where_they_were():
    """One step after the first ones, by hand."""
    settings = settings_of("epochs")
    first, second = (train(PROBLEM, settings, n, first_replica=0, replicas=1) for n in (101, 102))
    batch = batch_indices(settings, LAW.points, seed=3, first_step=101, steps=1)[0]
    rows, w = PROBLEM.rows(3, 0)[batch[batch >= 0]], first["final_weights"].values[0]
    w = w + settings.lr / len(rows) * rows[rows @ w < PROBLEM.margin].sum(axis=0)
    np.testing.assert_allclose(second["final_weights"][0], w, rtol=1e-13)
    onwards = train(PROBLEM, settings, 1, start=first, first_replica=0, replicas=1)
    require_one_run(onwards, second)


@pytest.mark.parametrize("method", ["auto", "accelerated"])
@pytest.mark.parametrize("sampling", SAMPLINGS[:2])
def test_skipped_steps_in_pieces_are_one_run(method, sampling):
    settings = ls.SGD(lr=2.0, batch_size=2, sampling=sampling)
    whole = train(MORE, settings, 400_000, method=method)
    assert (whole["status"] == ls.Status.STEP_LIMIT).any()
    found = None
    for steps in (150_000, 130_000, 120_000):
        found = train(MORE, settings, steps, method=method, seed=None if found else 3, start=found)
    require_one_run(found, whole)
    assert (whole["final_counters"].values[:, 7] > 100).any()  # events


def test_runs_to_the_end_in_pieces_are_one_run():
    """A replica that no longer changes ends with its last update, whenever that is noticed."""
    for method in ("plain", "auto", "accelerated"):
        whole = train(PROBLEM, settings_of("with_replacement"), method=method)
        steps = np.sort(whole["steps"].values)
        for cut in (steps[0] + 1, steps[-1] + 1):
            first = train(PROBLEM, settings_of("with_replacement"), cut, method=method)
            second = train(
                PROBLEM, settings_of("with_replacement"), method=method, start=first, seed=None
            )
            found = second.drop_vars(STATE, errors="ignore")
            require_one_run(found, whole)


@pytest.mark.parametrize("method", ["plain", "auto"])
def test_other_settings_on_the_way(method):
    """From a result n and m steps are n + m, with other settings than those of the result."""
    loud, quiet = (settings_of("without_replacement", lr) for lr in (1.0, 0.05))
    begun = train(PROBLEM, loud, unfit=0.3, method=method)
    assert (begun["status"] == ls.Status.REACHED).all()
    whole = train(PROBLEM, quiet, 700, start=begun, method=method)
    first = train(PROBLEM, quiet, 300, start=begun, method=method)
    second = train(PROBLEM, quiet, 400, start=first, method=method)
    require_one_run(second, whole)
    np.testing.assert_array_equal(whole["steps_before"], begun["steps"])
    np.testing.assert_array_equal(whole["steps"], begun["steps"] + 700)
    since = whole["last_update_step"] - begun["steps"]
    assert (since > 0).all()
    np.testing.assert_allclose(whole["t_star"], 1.0 * begun["steps"] + 0.05 * since, rtol=1e-13)
    back = train(PROBLEM, loud, 100, start=second, method=method)
    spent = begun["steps"].values * 1.0 + 700 * 0.05
    np.testing.assert_allclose(back["time_before"], spent, rtol=1e-13)


def test_an_unfit_fraction_on_the_way_does_not_disturb_plain_steps():
    settings = settings_of("with_replacement")
    whole = train(PROBLEM, settings)
    found = train(PROBLEM, settings, unfit=0.2)
    found = train(PROBLEM, settings, unfit=0.05, start=found)
    assert (found["unfit_fraction"] <= 0.05).all()
    again = train(PROBLEM, settings, unfit=0.1, start=found)
    require_one_run(again, found)
    require_one_run(train(PROBLEM, settings, start=found), whole)


def test_events_are_counted_on_under_other_settings():
    """Also across a call that makes none: no event is drawn twice."""
    settings = ls.SGD(lr=2.0, batch_size=2)
    other = replace(settings, batch_size=3)
    first = train(MANY, settings, 20_000, method="accelerated")
    events, pending = first["final_counters"].values[:, [7, 8]].T
    used = events + (pending > 0)
    plain = train(MANY, other, 10, start=first)
    np.testing.assert_array_equal(plain["final_counters"][:, 7], used)
    second = train(MANY, other, 2000, method="accelerated", start=plain)
    going = second["status"].values == ls.Status.STEP_LIMIT
    assert (used[going] > 1000).any()
    assert (second["final_counters"].values[going, 7] > used[going]).all()


def test_a_schedule_counts_from_the_start_of_the_call():
    settings = settings_of("with_replacement")
    whole = train(PROBLEM, settings, 500, schedule=[0, 200, 300, 500])
    first = train(PROBLEM, settings, 200)
    second = train(PROBLEM, settings, 300, start=first, schedule=[0, 100, 300])
    names = [name for name in whole.data_vars if str(name).startswith("recorded_")]
    assert names
    for name in names:
        np.testing.assert_array_equal(second[name], whole[name][1:])


def test_a_replica_that_diverged_stays_so():
    settings = ls.SGD(lr=1e200, batch_size=2)
    first = train(PROBLEM, settings, 400)
    second = train(PROBLEM, replace(settings, lr=0.5), 10, start=first, schedule=[0, 10])
    assert (second["status"] == ls.Status.DIVERGED).all()
    for name in ("steps", "updates", "unfit", "final_weights", "t_star"):
        np.testing.assert_array_equal(second[name], first[name])
    assert (second["recorded_unfit_fraction"] == 1).all()


def test_the_batches_are_those_of_the_start_unless_others_are_given():
    settings = settings_of("with_replacement")
    whole = train(PROBLEM, settings, 300, batch_seed=8)
    first = train(PROBLEM, settings, 100, batch_seed=8)
    require_one_run(train(PROBLEM, settings, 200, start=first), whole)
    others = train(PROBLEM, settings, 200, start=first, batch_seed=9)
    assert (others["steps"] == 300).all()
    assert not np.allclose(others["final_weights"], whole["final_weights"])


def test_a_continued_run_goes_on_from_its_checkpoint(tmp_path):
    settings = settings_of("with_replacement")
    first = train(PROBLEM, settings, 100)
    options = {"start": first, "checkpoint": tmp_path / "run.nc", "schedule": [1, 7]}
    found = train(PROBLEM, settings, 200, **options)
    assert train(PROBLEM, settings, 200, **options).identical(found)
    other = train(PROBLEM, settings, 101)
    with pytest.raises(ls.InputError, match=r"belongs to another run .*start"):
        train(PROBLEM, settings, 200, **{**options, "start": other})


def test_a_stored_result_goes_on(tmp_path):
    settings = ls.SGD(lr=2.0, batch_size=2)
    whole = train(MANY, settings, 30_000, method="auto")
    ls.save(train(MANY, settings, 10_000, method="auto"), tmp_path / "run.nc")
    stored = ls.load(tmp_path / "run.nc")
    require_one_run(train(MANY, settings, 20_000, method="auto", start=stored), whole)


def test_variants_go_on_each_from_its_own():
    """What a variant was made with stood nowhere in the result of all."""
    options = {"replicas": 2, "seed": 3}
    vary = {"problem.margin": [0.05, 0.1], "temperature": [0.1, 0.3]}
    settings = settings_of("epochs")
    whole = ls.training.run(PROBLEM, settings, stop=ls.Stop(max_steps=90), vary=vary, **options)
    first = ls.training.run(PROBLEM, settings, stop=ls.Stop(max_steps=40), vary=vary, **options)
    more = {"stop": ls.Stop(max_steps=50), "replicas": 2, "vary": vary}
    second = ls.training.run(PROBLEM, settings, start=first, **more)
    require_one_run(second, whole)
    assert ls.dataset.provenance(first)["vary"] == vary
    with pytest.raises(ls.InputError, match=r"^start = one variant of a result: give all"):
        ls.training.run(PROBLEM, settings, start=first.isel(variant=0), replicas=2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 4}, r"^start = .*differs in the seed; give start=result.*batch_seed"),
        ({"precision": "float32"}, r"^start = .*differs in the precision; give start="),
        ({"problem": replace(PROBLEM, margin=0.1)}, r"^start = .*differs in the problem; give"),
        ({"settings": settings_of("epochs")}, r"^sampling = 'epochs': goes on from epochs of"),
        ({"max_steps": 2**62}, r"^stop.max_steps = .*: must be at most"),
    ],
)
def test_what_is_no_longer_the_run_is_refused(changes, message):
    first = train(PROBLEM, settings_of("with_replacement"), 100)
    given = {"problem": PROBLEM, "settings": settings_of("with_replacement"), "max_steps": 10}
    with pytest.raises(ls.InputError, match=message) as caught:
        train(**{**given, "start": first, **changes})
    assert "\n" not in str(caught.value)


def test_epochs_of_another_batch_size_are_refused():
    first = train(PROBLEM, settings_of("epochs"), 100)
    other = replace(settings_of("epochs"), batch_size=5)
    with pytest.raises(ls.InputError, match=r"^sampling = 'epochs': goes on from epochs of the"):
        train(PROBLEM, other, 10, start=first)
    onwards = train(PROBLEM, replace(other, sampling="with_replacement"), 10, start=first)
    assert (onwards["steps"] == 110).all()


def test_a_result_that_lacks_what_is_needed_is_refused():
    first = train(MANY, ls.SGD(lr=2.0, batch_size=2), 10_000, method="auto")
    for name in ("final_weights", "steps", "status", "t_star", *STATE):
        with pytest.raises(ls.InputError, match=f"^start = a result without {name}: must be"):
            train(
                MANY, ls.SGD(lr=2.0, batch_size=2), 10, method="auto", start=first.drop_vars(name)
            )
    older = first.drop_vars(STATE)
    with pytest.raises(ls.InputError, match=r"^start = a result without final_counters: "):
        train(MANY, ls.SGD(lr=2.0, batch_size=2), 10, start=older)
    told = ls.dataset.provenance(first)
    for name in ("engine", "settings", "stop"):
        untold = first.copy()
        untold.attrs["provenance"] = json.dumps({**told, name: {}})
        with pytest.raises(ls.InputError, match=r"^start = a result that does not say how"):
            train(MANY, ls.SGD(lr=2.0, batch_size=2), 10, start=untold)


def test_numbers_that_no_run_can_have_do_not_reach_the_kernels():
    first = train(MANY, ls.SGD(lr=2.0, batch_size=2), 10_000, method="auto")
    for name, value in (("steps", -1), ("steps", 2**63 - 1), ("final_counters", 5)):
        wrong = first.copy(deep=True)
        wrong[name][:] = value
        with pytest.raises(ls.InputError, match=f"^start: {name} = "):
            train(MANY, ls.SGD(lr=2.0, batch_size=2), start=wrong)


def test_lists_that_were_lost_were_made_again_as_copies_of_coarser_ones():
    """Two lists of one radius but of different times: in one of some hundred cuts the path changed,
    also where a checkpoint was continued.
    """
    settings = ls.SGD(lr=2.0, batch_size=50, sampling="without_replacement")
    problem = ls.Perceptron(data=ls.data.DepletedSign(points=2000, dimension=16), margin=0.01)
    options = {"replicas": 64, "seed": 1, "first_replica": 0, "method": "accelerated"}
    whole = train(problem, settings, 20_000, **options)
    for cut in (100, 1000, 6666):
        first = train(problem, settings, cut, **options)
        require_one_run(train(problem, settings, 20_000 - cut, start=first, **options), whole)
