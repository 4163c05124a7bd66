"""One verb for every problem: variants against runs of their own, starts, ends, and refusals."""

import inspect

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.training.dispatch import ROUTES

LAW = ls.data.DepletedSign(points=30, dimension=4)
REGRESSION = ls.LinearRegression.from_spectrum([1.0, 0.2])
PERCEPTRON = ls.Perceptron(data=LAW, margin=0.2)
ONE_PASS = ls.models.OnePassPerceptron(dimension=9, chi=0.5, margin=0.2)
NETWORK = ls.models.networks.FullyConnected(dimension=4, width=6, depth=1)
NETWORKS = ls.NetworkProblem(NETWORK, LAW, alpha=3.0)
SETTINGS = ls.SGD(lr=0.5, batch_size=4)
KEEPING = ls.training.NetworkEngine(keep_weights=True, precision="float64")
STOP = ls.Stop(max_steps=300)
CASES = {
    "regression": (REGRESSION, {"steps": 30}, {"lr": [0.1, 0.4], "momentum": [0.5, 0.0]}),
    "perceptron": (PERCEPTRON, {"stop": STOP}, {"problem.data.chi": [0.0, 1.0], "lr": [0.5, 2.0]}),
    "one pass": (ONE_PASS, {"steps": 30}, {"chi": [0.0, 1.0], "temperature": [0.1, 0.2]}),
    "networks": (
        NETWORKS,
        {"stop": STOP, "engine": KEEPING},
        {"alpha": [0.5, 8.0], "temperature_per_width": [0.02, 0.01], "batch_size": [4, 3]},
    ),
}


def changed(problem, settings, place):
    """The variant at a place, with its fields written out by hand."""
    if problem is REGRESSION:
        return problem, ls.SGD(lr=(0.1, 0.4)[place], batch_size=4, momentum=(0.5, 0.0)[place])
    if problem is PERCEPTRON:
        law = ls.data.DepletedSign(points=30, dimension=4, chi=(0.0, 1.0)[place])
        return ls.Perceptron(data=law, margin=0.2), ls.SGD(lr=(0.5, 2.0)[place], batch_size=4)
    if problem is ONE_PASS:
        law = ls.models.OnePassPerceptron(dimension=9, chi=(0.0, 1.0)[place], margin=0.2)
        return law, ls.SGD(lr=4 * (0.1, 0.2)[place], batch_size=4)
    size = (4, 3)[place]
    lr = (0.02, 0.01)[place] * size * 6
    return ls.NetworkProblem(NETWORK, LAW, alpha=(0.5, 8.0)[place]), ls.SGD(lr=lr, batch_size=size)


@pytest.mark.parametrize("case", CASES)
def test_a_variant_is_a_run_of_its_own(case):
    """Replica r has the same random numbers in every variant; networks are trained together, and so
    agree to rounding.
    """
    problem, given, vary = CASES[case]
    runs = ls.training.run(problem, SETTINGS, replicas=3, seed=4, vary=vary, **given)
    assert (runs.sizes["variant"], runs.sizes["replica"]) == (2, 3)
    for place in range(2):
        one = ls.training.run(*changed(problem, SETTINGS, place), replicas=3, seed=4, **given)
        for name in one.data_vars:
            np.testing.assert_allclose(
                runs[name][place], one[name], rtol=1e-9, atol=1e-12, err_msg=str(name)
            )
    end = "final_position" if "final_position" in runs else "final_weights"
    assert not np.allclose(runs[end][0], runs[end][1], rtol=1e-3)  # control


@pytest.mark.parametrize("case", CASES)
def test_replicas_can_be_had_alone(case):
    problem, given, _ = CASES[case]
    runs = ls.training.run(problem, SETTINGS, replicas=4, seed=4, **given)
    alone = ls.training.run(problem, SETTINGS, replicas=1, first_replica=2, seed=4, **given)
    for name in alone.data_vars:
        np.testing.assert_allclose(
            alone[name], runs[name].sel(replica=[2]), rtol=1e-9, atol=1e-12, err_msg=str(name)
        )


@pytest.mark.parametrize("case", CASES)
def test_every_problem_ends_by_steps_or_by_stop(case):
    problem, given, _ = CASES[case]
    exact = "steps" in given
    assert ROUTES[type(problem)].exact is exact
    wrong = {"stop": STOP} if exact else {"steps": 30}
    with pytest.raises(ls.InputError, match=r"must be left out, .* (exact number|ends by stop)"):
        ls.training.run(problem, SETTINGS, seed=4, **given | wrong)


def test_networks_need_a_most_number_of_steps():
    with pytest.raises(ls.InputError, match=r"^stop = .*must have max_steps"):
        ls.training.run(NETWORKS, SETTINGS, seed=4)
    fitted = ls.training.run(PERCEPTRON, SETTINGS, seed=4)
    assert fitted["status"] == ls.Status.FINISHED


@pytest.mark.parametrize("case", CASES)
def test_a_start_is_of_the_same_problem_and_replicas(case):
    problem, given, _ = CASES[case]
    others = [name for name in CASES if name != case]
    other = ls.training.run(CASES[others[0]][0], SETTINGS, seed=4, **CASES[others[0]][1])
    with pytest.raises(ls.InputError, match=r"^start = .*must be a result of training.run"):
        ls.training.run(problem, SETTINGS, start=other, **given)
    first = ls.training.run(problem, SETTINGS, replicas=2, seed=4, **given)
    with pytest.raises(ls.InputError, match=r"^start = a result of replicas \[0, 1\]: must have"):
        ls.training.run(problem, SETTINGS, start=first, replicas=3, **given)


def test_a_perceptron_goes_on_with_other_settings():
    loud = ls.SGD(lr=5.0, batch_size=1)
    first = ls.training.run(PERCEPTRON, loud, replicas=2, seed=4, stop=ls.Stop(unfit=0.3))
    assert (first["status"] == ls.Status.REACHED).all()
    second, anew = (
        ls.training.run(PERCEPTRON, SETTINGS, replicas=2, seed=4, start=start)
        for start in (first, first["final_weights"].values)
    )
    assert (second["steps"] > first["steps"]).all()
    assert not np.allclose(anew["final_weights"], second["final_weights"])  # control


def test_variants_branch_from_one_start():
    before = ls.training.run(NETWORKS, SETTINGS, replicas=2, seed=4, engine=KEEPING, stop=STOP)
    options = {"replicas": 2, "engine": KEEPING, "stop": ls.Stop(max_steps=50)}
    vary = {"lr": [0.1, 2.0]}
    after = ls.training.run(NETWORKS, SETTINGS, vary=vary, start=before, **options)
    for place, lr in enumerate(vary["lr"]):
        settings = ls.SGD(lr=lr, batch_size=4)
        one = ls.training.run(NETWORKS, settings, start=before, **options)
        np.testing.assert_allclose(
            after["final_weights"][place], one["final_weights"], rtol=1e-9, atol=1e-12
        )
        assert np.array_equal(after["steps"][place], one["steps"])


@pytest.mark.parametrize(
    ("problem", "name", "who"),
    [
        (PERCEPTRON, "momentum", "a perceptron"),
        (PERCEPTRON, "weight_decay", "a perceptron"),
        (ONE_PASS, "momentum", "a one-pass perceptron"),
        (NETWORKS, "dampening", "networks"),
    ],
)
def test_a_field_that_nobody_reads_is_refused_by_name(problem, name, who):
    given = {"steps": 3} if problem is ONE_PASS else {"stop": STOP}
    with pytest.raises(ls.InputError, match=f"^{name} = 0.5: must be 0.0 for {who}$"):
        ls.training.run(problem, ls.SGD(lr=0.1, batch_size=1, **{name: 0.5}), **given)


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        ({"lr": [0.1], "alpha": [1.0, 2.0]}, "^vary = lengths .*must be equal"),
        ({}, "^vary = lengths .*at least 1"),
        ({"lr": 0.1}, "^vary: lr = 0.1: must be a sequence"),
        ({"learning_rate": [0.1]}, "^vary = 'learning_rate': must name a field, one of .*lr"),
        ({"lr": [0.1], "temperature": [0.1]}, "^vary = 'temperature': stands for a learning rate"),
        ({"lr": [0.1], "settings.lr": [0.2]}, "^vary = 'settings.lr': names settings.lr, which"),
        ({"lr": [-0.1]}, "^lr = -0.1: must be a positive number"),
        ({"loss": ["hinge", "square"]}, "^vary: networks .* share network, loss and stop"),
        ({"problem": [PERCEPTRON]}, "^vary = 'problem': must name a field"),
        ([0.1], "^vary = .*must go by name"),
    ],
    ids=str,
)
def test_what_cannot_vary_is_one_line(vary, message):
    with pytest.raises(ls.InputError, match=message) as caught:
        ls.training.run(NETWORKS, SETTINGS, stop=STOP, seed=1, vary=vary)
    assert "\n" not in str(caught.value)


def test_a_short_name_is_that_of_the_nearest_field():
    """``points`` of networks is the part that is used, not the size of the law."""
    runs = ls.training.run(NETWORKS, SETTINGS, stop=STOP, seed=1, vary={"points": [30, 10]})
    assert runs["points"].values.tolist() == [[30], [10]]


@pytest.mark.parametrize("case", CASES)
def test_a_finished_run_is_read_from_its_checkpoint(case, tmp_path):
    problem, given, vary = CASES[case]
    path = tmp_path / "run.nc"
    whole, again = (
        ls.training.run(problem, SETTINGS, replicas=2, seed=seed, checkpoint=path, **given)
        for seed in (4, None)
    )
    assert whole.identical(again)
    assert whole.identical(ls.training.run(problem, SETTINGS, replicas=2, seed=4, **given))
    with pytest.raises(ls.InputError, match=r"^checkpoint = .*(belongs to another run|variants)"):
        ls.training.run(problem, SETTINGS, replicas=2, vary=vary, checkpoint=path, **given)


def test_engines_are_those_of_the_problem():
    with pytest.raises(ls.InputError, match=r"^engine = .*must be of type PerceptronEngine"):
        ls.training.run(PERCEPTRON, SETTINGS, engine=KEEPING)
    with pytest.raises(ls.InputError, match=r"^engine = .*must be left out, linear regression"):
        ls.training.run(REGRESSION, SETTINGS, steps=3, engine=KEEPING)


def test_names_of_losses_are_those_that_there_are():
    from langevin_sgd.models.loss_names import VANISHES
    from langevin_sgd.models.losses import LOSSES

    assert list(LOSSES) == list(VANISHES)


def test_arrays_of_a_problem_are_its_own():
    X, y = LAW.sample(1)
    problem = ls.NetworkProblem(NETWORK, (X, y))
    before = ls.training.run(problem, SETTINGS, stop=STOP, seed=1)
    X[:] = 0.0
    assert before.identical(ls.training.run(problem, SETTINGS, stop=STOP, seed=1))


def test_the_verb_has_at_most_fourteen_arguments():
    assert len(inspect.signature(ls.training.run).parameters) == 14
