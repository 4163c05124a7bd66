"""A walk through all tasks of the package and of its claims.

Tasks make numbers, estimators judge them: an estimator that is mended outdates no stored run. And
their settings can move: those of the package have short names. What claims train is given as the
values that users give.
"""

import ast
import inspect
import json
from dataclasses import fields
from pathlib import Path

import langevin_sgd.validation

import langevin_sgd
import langevin_sgd as ls
from langevin_sgd.claims.discovery import find_claims
from langevin_sgd.sweep.digest import sources
from langevin_sgd.sweep.encoding import classes_in
from langevin_sgd.sweep.imports import uses_of_whole
from langevin_sgd.sweep.names import CLASSES, class_named, name_of
from langevin_sgd.sweep.task import find

ROOTS = {
    "langevin_sgd": Path(langevin_sgd.__file__).parent,
    "langevin_sgd.validation": Path(langevin_sgd.validation.__file__).parent,
}
ESTIMATING = ("langevin_sgd.measure", "langevin_sgd.estimate")

OPEN = {
    # Angles of single paths are measured where the paths are, which are too long to be kept.
    "langevin_sgd.validation.limiting_dynamics._runs:rotation",
}
"""Tasks that still reach an estimator; each leaves the list when it no longer does."""


def modules():
    for root, folder in ROOTS.items():
        for file in sorted(folder.rglob("*.py")):
            yield ".".join([root, *file.relative_to(folder).with_suffix("").parts]), file


def is_task(node):
    made_by = (one.func for one in node.decorator_list if isinstance(one, ast.Call))
    return any(getattr(one, "attr", getattr(one, "id", None)) == "task" for one in made_by)


def tasks():
    for module, file in modules():
        for node in ast.parse(file.read_bytes()).body:
            if isinstance(node, ast.FunctionDef) and is_task(node):
                yield f"{module}:{node.name}"


def estimates(module):
    """Whether a module is an estimator: of `measure`, or one of `experiments` that uses it."""
    if module.startswith(ESTIMATING):
        return True
    used = {use.module for use in uses_of_whole(module)}
    return module.startswith("langevin_sgd.experiments") and any(
        name.startswith(ESTIMATING) for name in used
    )


def reached_estimators(task):
    """Estimators in the digest of a task; of a task of the package, its own module too if it is
    one.
    """
    own = task.partition(":")[0]
    return {module for module in sources(task) if estimates(module)} - (
        {own} if own.startswith("langevin_sgd.validation.") else set()
    )


def test_there_are_tasks_to_walk():
    found = list(tasks())
    assert len(found) == len(set(found)) > 20
    assert any(name.startswith("langevin_sgd.experiments.") for name in found)


def test_no_task_reaches_an_estimator():
    reached = {task: found for task in tasks() if (found := reached_estimators(task))}
    assert reached.keys() == OPEN, reached


def test_settings_of_tasks_of_the_package_have_short_names():
    for name in tasks():
        if not name.startswith("langevin_sgd.validation."):
            function = find(name).function
            [parameter] = inspect.signature(function).parameters.values()
            kind = vars(inspect.getmodule(function))[parameter.annotation]
            assert name_of(kind) in CLASSES, f"{name}: add {kind.__qualname__} to names.CLASSES"


VALUES = (
    ls.SGD,
    ls.Stop,
    ls.Perceptron,
    ls.models.OnePassPerceptron,
    ls.NetworkProblem,
    ls.models.networks.FullyConnected,
    ls.data.DepletedSign,
    ls.training.PerceptronEngine,
    ls.training.NetworkEngine,
)
OWN = {"device"}
"""Options that settings of tasks have beside their values: where claims are run is set there."""


def test_no_claim_holds_an_option_outside_the_value_that_has_it():
    """They held dimension, temperature, margin, ... as numbers of their own."""
    options = {one.name for kind in VALUES for one in fields(kind)} | {"temperature"}
    tasks = [
        task
        for claim in find_claims()
        for tier in claim.tiers
        for task in claim.tasks(tier, 0).values()
    ]
    names = {name for task in tasks for name in classes_in(json.loads(task.settings))}
    of_claims = [class_named(name) for name in names if name.startswith("langevin_sgd.validation")]
    assert len(of_claims) > 15
    for kind in of_claims:
        loose = {one.name for one in fields(kind)} & options - OWN
        assert not loose, f"{kind.__qualname__}: {sorted(loose)}"
