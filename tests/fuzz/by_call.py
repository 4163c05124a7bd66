"""Values that a parameter has in one call, and the good objects whose methods are called."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

from .surface import Call, Parameter
from .values import (
    BY_NAME,
    MEASURED,
    NAN,
    NO_NUMBERS,
    NONE,
    SERIES,
    WALK,
    Values,
    array,
    choice,
    count,
    counts,
    duration,
    function,
    mapping,
    number,
    path,
    taken,
    text,
    thing,
    things,
    value_of_replicas,
)

LABELS = array("LABELS")
FOREIGN_RESULTS = (
    "dataset().drop_attrs()",
    "dataset().assign_attrs(provenance='{')",
    "xr.Dataset()",
)
ON_LINE = array("np.array([[0.1], [0.4]])")
ONE_STATE = array("np.array([0.1, 0.4, 2.0])", "0.5", scalar=True)

ENGINE = Values(
    (NONE, "ls.training.PerceptronEngine(method='plain')"),
    ("ls.training.NetworkEngine()", "ls.training.PerceptronEngine(batch_seed=3)"),
    ("3", "'cpu'", "object()", "ls.training.NetworkEngine"),
)
SETTINGS = thing(
    "plain_sgd()",
    odd=(
        *BY_NAME["settings"].odd,
        *("sgd()", "ls.SGD(lr=0.1, batch_size=2, weight_decay=0.1)"),
        "ls.SGD(lr=0.1, batch_size=2, momentum=0.5, nesterov=True)",
        "ls.SGD(lr=0.1, batch_size=100, sampling='without_replacement')",
        "ls.SGD(lr=0.1, batch_size=5, sampling='epochs')",
    ),
)
NO_STOP = Values(
    (NONE,),
    ("ls.Stop(max_steps=20)", "ls.Stop(unfit=0.2, max_steps=20)"),
    ("3", "'a'", "object()"),
)
NO_STEPS = Values((NONE,), ("20", "0"), ("'a'", "1.5", "object()"))
FOREIGN_AXES = ("object()", "ls.SGD", "b'1'")


def problem(*good: str) -> Values:
    """A problem of one kind."""
    return Values(good, (), ("3", NONE, "'perceptron'", "object()", "np.zeros(3)", "ls.Perceptron"))


def vary(*odd: str) -> Values:
    """Fields with sequences of values; what fits one problem may not fit another."""
    wrong = ("3", "'lr'", "['lr']", "{'lr': 0.1}", "{'lr': []}", "{'lr': 'ab'}", "{'lr': {0.1}}")
    entries = ("nan_in([0.1, 0.2])", "masked_in([0.1, 0.2])", "as_text([0.1, 0.2])", "[0.1, None]")
    return Values(
        (NONE,),
        ("{}", *odd),
        (
            *wrong,
            *(f"{{'lr': {entry}}}" for entry in entries),
            *("{'nothing': [1]}", "{3: [1]}", "{'lr': [0.1, 0.2], 'batch_size': [1]}"),
        ),
    )


def start(*odd: str) -> Values:
    """Where a run starts."""
    return Values(
        (NONE,), odd, ("'a'", "object()", "[float('nan')] * 3", "3", "{}", "np.ma.masked")
    )


BY_CALL: dict[str, dict[str, Values]] = {
    "Estimate": {"value": number("1.0", optional=True), "method": text("'mean'")},
    "Estimate.from_samples": {"samples": array("RANDOM.normal(size=8)"), "method": text("'mean'")},
    "Estimate.refused": {"value": number("1.0", optional=True), "method": text("'mean'")},
    "LinearRegression": {
        "X": array("X"),
        "y": array("Y"),
        "hessian": array("regression().hessian"),
        "minimiser": array("regression().minimiser"),
        "noise_covariance": array("regression().noise_covariance"),
    },
    "Perceptron": {"data": thing("synthetic()", "given()")},
    "Perceptron.from_data": {"y": LABELS},
    "Perceptron.signal_and_noise": {"w": array("np.array([[0.1, 0.2, 0.3], [0.3, -0.4, 0.5]])")},
    "data.given_points.GivenPoints": {"y": LABELS},
    "data.embedded.digit_pair": {"first": count("3"), "second": count("5")},
    "data.has_images": {"name": choice("'digits'", "'mnist'")},
    "data.BinaryImages": {"name": choice("'digits'")},
    "data.SyntheticPoints": {"law": thing("synthetic()")},
    "data.read_table": {"path": path("'data.csv'", "'data.npz'")},
    "derive_seed": {"labels": Values(("'a'", "3", "('b', 2)"), ("''", "1.5", NONE, "np.int64(3)"),
        ("object()",))},
    # equations
    "Overdamped": {"noise_covariance": array("0.5", "np.array([0.5])", scalar=True)},
    "Underdamped": {"noise_covariance": array("0.5", "np.array([0.5])", scalar=True)},
    "Overdamped.modified": {"settings": thing("plain_sgd()")},
    "LinearRegression.noise_covariance_at": {"theta": array("np.array([0.1, 0.2])")},
    "SGD": {"nesterov": Values(("False",), BY_NAME["nesterov"].odd, BY_NAME["nesterov"].wrong)},
    "*.from_sympy": {"parameters": mapping("{}", optional=True)},
    "Potential.boltzmann": {"temperature": number("1.0", "0.2")},
    "Potential.energy": {"theta": ON_LINE},
    "Potential.force": {"theta": ON_LINE},
    "Potential.hessian": {"theta": ON_LINE},
    "Potential.with_values": {"changes": value_of_replicas("1.0")},
    "Potential.from_functions": {
        "energy": function("energy_of_x()"),
        "force": function("force_of_x()"),
        "hessian": function("hessian_of_x()", optional=True),
        "parameters": mapping("{'k': 1.0}"),
    },
    "models.potentials.Quadratic": {"stiffness": array("np.diag([0.5, 1.0])")},
    "dynamics.LowRank": {"factor": array("np.array([[1.0], [0.5]])")},
    "dynamics.Isotropic": {"variance": value_of_replicas("0.5"), "parameters": count("2")},
    "dynamics.Ito.covariance": {"theta": ON_LINE},
    "dynamics.Ito.variance": {"theta": ON_LINE},
    "dynamics.Stratonovich.covariance": {"theta": ON_LINE},
    "dynamics.Stratonovich.variance": {"theta": ON_LINE},
    "models.hinge_loss.HingeLoss": {"rows": array("X * LABELS[:, None]")},
    "dynamics.LossNoise": {"valley": thing("bowl()"), "strength": number("0.1")},
    "dynamics.Isotropic.covariance": {"theta": ON_LINE},
    "dynamics.minibatch_noise.MinibatchNoise": {"strength": number("0.1")},
    "dynamics.equation.is_linear": {"equation": thing("overdamped()", "linear_overdamped()",
        "linear_underdamped()")},
    # Fokker-Planck
    "fokker_planck.Diffusion": {
        "drift": function("lambda x: -x"),
        "diffusion": Values(("0.5", "lambda x: 1 + x**2"), ("0.0", "-1.0", "lambda x: 0 * x"),
            NO_NUMBERS),
        "step_time": number("0.1"),
    },
    "fokker_planck.GaussianDensity": {
        "mean": array("np.array([0.0, 0.5])"),
        "covariance": array("np.diag([0.1, 0.2])", "np.eye(2)"),
    },
    "fokker_planck.GaussianDensity.support": {"coordinate": count("0")},
    "fokker_planck.gaussian_law.GaussianLaw": {
        "equation": thing("linear_overdamped()"),
        "start": thing("ls.fokker_planck.GaussianDensity([0.0, 0.0], np.eye(2))"),
    },
    "fokker_planck.gaussian_law.GaussianLaw.at": {"t": number("1.0", "0.0")},
    "fokker_planck.solve": {"equation": thing("line()", "diffusion()", "overdamped()"),
        "tolerance": number("0.01")},
    "fokker_planck.first_passage_time": {
        "equation": thing("line()", "diffusion()", "overdamped()"),
        "domain": taken(array("(-3.0, 1.0)", optional=True), "none_in("),
        "boundary": choice("('reflecting', 'absorbing')"),
        "tolerance": number("0.1", optional=True),
    },
    "fokker_planck.spectrum": {"equation": thing("line()", "overdamped()"),
        "tolerance": number("0.1", optional=True)},
    "fokker_planck.escape_rate": {
        "equation": thing("overdamped()"),
        "tolerance": number("0.1", optional=True),
    },
    # simulation and training
    "sde.follow": {
        "equation": thing("overdamped()"),
        "integrator": thing("ls.sde.EulerMaruyama()"),
        "normals": array("RANDOM.normal(size=(3, 1, 1, 4))"),
        "start": array("np.zeros(1)", optional=True),
        "velocity": Values((NONE,), ("np.zeros(1)",), ("'a'", "object()", "[float('nan')]")),
    },
    "sde.SGDMap": {"driver": thing("ls.sde.StudentT(nu=3)", "ls.sde.StudentT(nu=2 + 1e-12)")},
    "sde.refinements": {
        "equation": thing("overdamped()"),
        "integrator": thing("ls.sde.EulerMaruyama()"),
        "normals": array("RANDOM.normal(size=(4, 1, 1, 4))"),
        "levels": count("1", "3"),
        "start": array("np.zeros(1)", optional=True),
        "velocity": Values((NONE,), ("np.zeros(1)",), ("'a'", "object()", "[float('nan')]")),
    },
    "sde.simulate": {
        "equation": thing("overdamped()"),
        "start": Values((NONE, "np.zeros(1)", "(np.zeros(1), np.zeros(1))"),
            ("simulated()", "run()"), array("np.zeros(1)", optional=True).wrong),
        "substeps": duration("1", "2", NONE),
        "record": taken(thing("ls.record.states()", "[ls.record.moments()]", optional=True), "[]"),
    },
    "sde.*.size_of_linear_step": {"equation": thing("linear_equation()"), "size": number("0.05")},
    **{
        f"sde.{name}.size_of_linear_step": {"equation": thing("equation_with_velocities()")}
        for name in ("BAOAB", "OBABO", "SGDMap", "ShiftedODE")
    },
    "training.run of linear regression": {
        "problem": problem("regression()", "spectral()"),
        "settings": thing("plain_sgd()", "sgd()"),
        "replicas": count("2"),
        "steps": Values(("20",), (NONE, "0", "-1", "10**30"), ("'a'", "1.5", "True")),
        "stop": NO_STOP,
        "vary": vary("{'lr': [0.1, 0.2]}", "{'settings.momentum': [0.0, 0.5]}",
            "{'batch_size': np.array([1, 100])}", "{'problem': [regression(), spectral()]}",
            "{'problem': [regression(), perceptron()]}", "{'hessian': [np.eye(2)]}",
            "{'X': [X, X[:6]], 'y': [Y, Y[:6]]}", "{'minimiser': [[0.0, 0.0], [1.0, 1.0]]}"),
        "record": taken(BY_NAME["record"], "[]"),
        "start": start("np.zeros((2, 2))", "(np.zeros(2), np.zeros(2))", "run()", "(np.zeros(2),)",
            "(np.zeros(2), None)", "one_pass_run()", "(np.zeros(2), nan_in(np.zeros(2)))"),
        "engine": Values((NONE,), ENGINE.odd, ENGINE.wrong),
    },
    "training.run of a perceptron": {
        "problem": problem("perceptron()", "perceptron_of_data()"),
        "settings": SETTINGS,
        "replicas": count("2"),
        "steps": NO_STEPS,
        "stop": thing("ls.Stop(max_steps=200)", "ls.Stop(unfit=0.2, max_steps=50)",
            odd=("ls.Stop()", "ls.Stop(unfit=0.5)", "ls.Stop(max_steps=2**62)")),
        "vary": vary("{'lr': [0.1, 0.2]}", "{'margin': [0.1, 1.0]}", "{'points': [8, 12]}",
            "{'chi': [0.0, 0.5]}", "{'temperature': [0.1, 1.0]}", "{'dimension': [2, 3]}",
            "{'data': [synthetic(), given()]}", "{'stop.unfit': [0.0, 0.1]}",
            "{'unfit': [0.0, 1.5]}", "{'temperature_per_width': [0.1]}", "{'momentum': [0.5]}"),
        "record": Values((NONE,), ("'test_error'", "['test_error']", "[]", "'margins'",
            "ls.training.observables.TestError(points=8)", "ls.record.displacement()"),
            ("3", "'nonsense'", "object()", "['test_error', 'test_error']")),
        "schedule": counts("[0, 5, 10]", optional=True),
        "start": start("np.zeros(3)", "np.zeros((2, 3))", "trained_perceptron()", "run()",
            "perceptron_result()", "(np.zeros(3), np.zeros(3))"),
        "engine": ENGINE,
    },
    "training.run of a one-pass perceptron": {
        "problem": problem("one_pass()",
            "ls.models.OnePassPerceptron(dimension=8, chi=0.5, margin=0.5)"),
        "settings": SETTINGS,
        "replicas": count("2"),
        "stop": NO_STOP,
        "vary": vary("{'lr': [0.1, 0.2]}", "{'chi': [0.0, 0.5]}", "{'dimension': [2, 10**9]}",
            "{'margin': [0.0, 0.1]}", "{'points': [8]}", "{'settings': [plain_sgd(), sgd()]}"),
        "record": Values((NONE,), ("'test_error'", "[]", "ls.record.displacement()"),
            ("3", "'nonsense'", "object()")),
        "start": start("np.array([0.5, 1.0])", "np.zeros(2)", "np.array([0.1, -1.0])",
            "np.ones((2, 2))", "one_pass_run()", "run()", "np.array([1e300, 1e300])"),
        "engine": Values((NONE,), ENGINE.odd, ENGINE.wrong),
        "checkpoint": Values((NONE,), ("'run.nc'",), ("3", "[]", "object()")),
    },
    "training.run of networks": {
        "problem": problem("networks()", "networks_of_law()"),
        "settings": replace(SETTINGS, good=("plain_sgd()", "sgd()")),
        "replicas": Values(("2", "[0, 1]", "[3, 5]"), ("0", "-1", "10**30", "[-1, 2]", "[]",
            "np.array([0, 1])", "np.array(2)", "[1, 1]", "[2**63]", "range(2)"),
            ("1.5", "'a'", "True", "[0.5]", "['a']", "[None]", "{0, 1}", "[True]", "object()")),
        "first_replica": count("0"),
        "steps": NO_STEPS,
        "stop": thing("ls.Stop(max_steps=20)", "ls.Stop(unfit=0.2, max_steps=20)",
            odd=(NONE, "ls.Stop()", "ls.Stop(unfit=0.5)")),
        "vary": vary("{'alpha': [1.0, 10.0]}", "{'lr': (0.1, 0.2), 'batch_size': np.array([2, 4])}",
            "{'temperature_per_width': [0.01, 0.1]}", "{'points': [6, 12]}", "{'points': [0, 13]}",
            "{'stop.max_steps': [10, 20]}", "{'width': [2, 4]}", "{'momentum': [0.0, 0.9]}",
            "{'loss': ['hinge', 'square']}", "{'data': [(X, LABELS), (X[:6], LABELS[:6])]}",
            "{'lr': [0.1], 'temperature': [0.1]}", "{'settings.lr': [0.1], 'lr': [0.2]}",
            "{'network': [network(), small_network()]}", "{'alpha': np.geomspace(1, 10, 3)}",
            "{'points': [8, None]}", "{'sampling': ['with_replacement', 'without_replacement']}"),
        "record": Values((NONE, "'margins'", "noise_temperature()"),
            ("'signal'", "['margins', 'margins']", "[]", "'test_error'", "'kernel'",
            "ls.training.observables.KernelChange(points=2)", "ls.record.displacement()"),
            ("3", "['nonsense']", "[3]", "object()")),
        "schedule": counts("[0, 5, 10]", optional=True),
        "start": start("np.zeros(small_network().parameters)", "trained_networks()", "run()",
            "np.ones((2, small_network().parameters))", "trained_perceptron()", "np.zeros(3)"),
        "engine": Values(
            (NONE, "ls.training.NetworkEngine(keep_weights=True)",
                "ls.training.NetworkEngine(precision='float64')"),
            ("ls.training.PerceptronEngine()", "ls.training.NetworkEngine(noise='isotropic')",
                "ls.training.NetworkEngine(noise='minibatch_covariance')",
                "ls.training.NetworkEngine(seconds=1e-3)",
                "ls.training.NetworkEngine(device='cuda')"),
            ENGINE.wrong,
        ),
    },
    "training.NetworkEngine": {
        "noise": choice("'sgd'", "'isotropic'", "'minibatch_covariance'"),
        "device": choice("'cpu'"),
    },
    "NetworkProblem": {
        "data": Values(
            ("(X, LABELS)", "[(X, LABELS), (X, LABELS)]", "synthetic()"),
            ("(X, Y)", "(X[:0], LABELS[:0])", "(X,)", "(X, LABELS, X)", "synthetic_sets()"),
            ("3", NONE, "'digits'", "(X, nan_in(LABELS))", "(nan_in(X), LABELS)",
                "(masked_in(X), LABELS)", "(X, 3)"),
        ),
        "loss": choice("'hinge'", "'square'", "'logistic'"),
        "alpha": number("1.0", "10.0"),
        "points": Values((NONE,), ("5", "12", "13", "0"),
            ("'a'", "1.5", "float('nan')", "object()", "True")),
    },
    "Stop": {"unfit": number("0.0", "0.2"), "max_steps": count("20")},
    "SGD.require_only": {
        "understood": Values(("('lr',)", "()"), ("('nothing',)",), ()),
        "by": Values(("'perceptrons'",), (), ()),
    },
    "models.OnePassPerceptron": {"margin": number("0.1", "0.0")},
    "training.batches.batch_indices": {"settings": thing("plain_sgd()")},
    "training.batches.gradient_normals": {"parameters": count("2")},
    # laws
    "theory.DiscreteLaw": {
        "problem": thing("regression()"),
        "settings": thing("plain_sgd()", "sgd()"),
        "start": array("np.zeros(2)", optional=True),
        "noise": choice("'additive'", "'minibatch'"),
        "epoch_phase": Values((NONE,), ("0", "1", "-1", "10**30"),
            ("1.5", "'a'", "object()", "True", "float('nan')")),
    },
    "theory.LangevinLaw": {"start": array("np.zeros(2)", optional=True)},
    "theory.*Law.sample": {"t": number("3.0", "0.0", optional=True)},
    "theory.ModifiedLoss.*": {"state": array("np.array([[0.1, 0.2, 0.3, 0.4]])")},
    "theory.Gaussian": {"mean": array("np.zeros(4)"), "covariance": array("np.eye(4)")},
    "theory.*_displacement": {"lag": array("np.array([1.0, 2.0, 10.0])")},
    "theory.largest_stable_lr": {"problem": thing("regression()")},
    "theory.predict.predict_linear_regression": {"momentum": number("0.5", "0.0")},
    "theory.perceptron.*": {"batch_size": count("1", "4"), "dimension": count("16")},
    "theory.perceptron.PhaseDiagram.*": {"batch_size": number("2.0")},
    "theory.perceptron.averages": {
        "signal": array("np.array([0.5, 1.0])", "0.5", scalar=True),
        "noise": array("np.array([0.5, 1.0])", "0.5", scalar=True),
    },
    "theory.perceptron.test_error": {
        "signal": array("np.array([0.5, 1.0])", "0.5", scalar=True),
        "noise": array("np.array([0.5, 1.0])", "0.5", scalar=True),
    },
    "theory.perceptron.quenched_noise": {"signal": array("np.array([0.5, 1.0])", "0.5",
        scalar=True)},
    "theory.perceptron.stopping": {"points": counts("np.array([100, 1000])", "100"),
        "dimension": count("10")},
    "theory.perceptron.predict.predict_perceptron": {"dimension": count("16"),
        "batch_size": count("1")},
    # what is imported from modules
    "data.images.*": {"y": counts("np.array([0, 3, 5, 9])")},
    "theory.displacement.exponent_between": {"first": number("1.0"), "last": number("10.0")},
    "theory.displacement.exponent_window": {"modes": count("1000"), "tolerance": number("0.03")},
    "theory.displacement.fitted_exponent": {"lags": counts("np.array([1, 2, 5])")},
    "theory.stability.noise_feedback": {"problem": thing("regression()")},
    "theory.sde_accuracy.mode_rates": {"momentum": number("0.5")},
    "theory.stability.require_stable": {"settings": thing("sgd()")},
    "theory.stability.*": {"minimum": thing("minimum()")},
    "theory.stability.InterpolatingMinimum": {"outputs": count("1", "2")},
    "theory.stability.typical.typical_exponent": {"steps": duration("10", "20")},
    "theory.stability.edge_bounds": {"settings": thing("plain_sgd()", odd=("sgd()",))},
    "theory.stability.bounds.frobenius_bound_lr": {"mu": number("0.5", "0.0")},
    "theory.stability.predict.predict_stability": {
        "lr": number("0.1", optional=True),
        "sampling": choice("'with_replacement'", "'without_replacement'"),
        "residuals": array("np.array([0.5, -1.0, 0.1, 0.3])", optional=True),
        "features": array("RANDOM.normal(size=(4, 3))"),
    },
    "theory.sde_accuracy.exact_dispersion": {"rate": taken(BY_NAME["rate"], "complex_in(")},
    "theory.perceptron.increments.mean_increments": {
        "signal": array("np.array([0.5, 1.0])", "0.5", scalar=True),
        "noise": array("np.array([0.5, 1.0])", "0.5", scalar=True),
    },
    "measure.phase_space.curvature": {
        "position": array(WALK), "lr": number("0.1"), "momentum": number("0.5")
    },
    "measure.phase_space.swept_area": {"position": array(WALK), "velocity": array(WALK)},
    "measure.phase_space.effective_temperature": {"coordinate": array(SERIES)},
    "measure.drift.drift_and_diffusion": {
        "steps": counts("np.arange(1, 41)"),
        "displacement": array(f"{WALK}[..., None] ** 2"),
    },
    "measure.passage.first_at_or_below": {
        "steps": counts("np.arange(40)"), "series": array(WALK)
    },
    "measure.scaling_corrections.correction_to_scaling": {
        "x": array("np.geomspace(1, 1000, 10)"),
        "y": array("np.geomspace(1, 1000, 10)**0.5 * (1 + 1 / np.geomspace(1, 1000, 10))"),
        "x_error": array("1e-3 * np.geomspace(1, 1000, 10)", optional=True),
        "y_error": array("1e-2 * np.geomspace(1, 1000, 10)**0.5"),
        "power": number("1.0", optional=True),
        "window": array("(1.0, 1000.0)", optional=True),
    },
    "measure.curve.Curve.at": {"x": number("4.0", "1.0")},
    # estimators
    "measure.oscillation": {"position": array(SERIES), "lags": counts("np.arange(1, 10)")},
    "measure.winding_rate": {"position": array(WALK), "velocity": array(WALK)},
    "measure.geometric_mean": {"samples": array("RANDOM.lognormal(size=8)")},
    "measure.jackknife": {
        "samples": array("RANDOM.normal(1.0, 0.1, (8, 2))"),
        "function": function("lambda m: m[..., 0] / m[..., 1]"),
    },
    "measure.share_of_effect": {"none": array("RANDOM.normal(0.0, 0.1, 8)")},
    "measure.diffusion_exponent": {"window": array("(1.0, 10.0)")},
    "measure.escape_rate": {
        "run_or_arrays": thing("escaped()"),
        "name": choice("'first_passage'"),
        "first": count("0", "1"),
    },
    "measure.scaling_corrections.extrapolate": {
        "value": array("1 + 1 / np.array([8.0, 16.0, 32.0, 64.0])"),
        "error": array("np.full(4, 0.01)"),
        "order": count("1"),
    },
    "measure.collapse": {"x_exponent": number("1.0", optional=True),
        "y_exponent": number(optional=True)},
    "measure.Collapse.scaled": {"x": array("np.array([1.0, 2.0])"),
        "y": array("np.array([1.0, 2.0])")},
    "measure.power_law.LocalSlopes.at": {"x": number("local_slopes().x[2]")},
    "measure.power_law.PowerLaw.at": {"x": array("np.array([1.0, 2.0])", "3.0", scalar=True)},
    "measure.*": {"y": array(f"2 * {MEASURED} ** 0.5 * RANDOM.lognormal(0, 0.02, 8)")},
    # recorders
    "record.schedules.as_schedule": {"steps": duration("10")},
    "record.every": {"interval": count("2"), "steps": duration("10")},
    "record.current": {
        "edges": Values(
            ("(np.linspace(-1, 1, 4), np.linspace(-1, 1, 3))",),
            ("()", "np.linspace(-1, 1, 4)"),
            ("3", NONE, "'ab'", "(nan_in(np.arange(3.0)), np.arange(3.0))", "object()"),
        )
    },
    "record.eigenprojections": {"eigenvectors": array("np.eye(2)")},
    "record.log_spaced": {"first": count("1", "2")},
    # networks
    "models.networks.families.of_family": {"name": choice("'fully_connected'"),
        "depth": count("2", optional=True)},
    "models.networks.families.leaves_depth": {"name": choice("'simple_cnn'")},
    "models.networks.OwnNetwork": {"name": text("'own'"), "width": count("1")},
    "models.potentials.quadratic": {"spectrum": array("[0.5, 1.0]")},
    "models.potentials.hinge": {"stiffness": value_of_replicas("1.0"),
        "margin": value_of_replicas("1.0")},
    # experiments
    "experiments.Grid of perceptrons": {
        "problem": thing("perceptron()", odd=("networks_of_law()", "perceptron_of_data()",
            "networks()", "one_pass()", "regression()")),
        "settings": thing("plain_sgd()", odd=("sgd()", "ls.SGD(lr=0.1, batch_size=10**9)")),
        "axes": Values(
            ("{'points': (8, 16), 'temperature': (0.5, 1.0)}", "{'chi': [0.0, 0.5]}",
                "{'points_per_dimension': (2.0, 4.0), 'dimension': (2, 3)}", "{'batch_size': 1}"),
            ("{}", "{'points': 8}", "{'points': (8, 8)}", "{'margin': np.array([0.1, 0.2])}",
                "{'lr': [0.1], 'temperature': [1.0]}", "{'alpha': (1.0, 2.0)}",
                "{'settings.lr': range(1, 3)}", "{'points': (2**62,)}", "{'points': (0, 8)}",
                "{'points_per_dimension': (1e-9,)}", "{'points_per_dimension': (1e300,)}",
                "{'dimension': (10**12,)}", "{'batch_size': (10**9,)}",
                "{'temperature': np.geomspace(0.1, 1, 10**6)}",
                "{'data': (given(), synthetic())}", "{'max_steps': [10, 20]}"),
            ("3", "'points'", "[('points', (8, 16))]", "{'points': ()}", "{'nothing': (1,)}",
                "{3: (8,)}", "{'points': None}", "{'points': 'a'}", "{'points': (8, float('nan'))}",
                "{'chi': nan_in((0.0, 0.5))}", "{'margin': (0.1, 'a')}", "{'points': (True,)}",
                "{'points': {8, 16}}", "{'points_per_dimension': (0.0,)}",
                "{'points_per_dimension': ('a',)}", "{'chi': masked_in((0.0, 0.5))}",
                "{'temperature': as_text((0.5, 1.0))}", NONE, *FOREIGN_AXES),
        ),
        "record": Values(
            ("()", "('test_error',)", "[ls.training.observables.TestError(points=8)]"),
            ("'test_error'", NONE, "['margins']", "[ls.training.observables.margins.Margins()]"),
            ("3", "['nonsense']", "[3]", "object()", "['test_error', 'test_error']"),
        ),
        "engine": ENGINE,
    },
    "experiments.Grid of networks": {
        "problem": thing("networks_of_law()", odd=("networks()", "perceptron()")),
        "settings": thing("ls.SGD(lr=1.0, batch_size=4)", odd=("sgd()",)),
        "stop": thing("ls.Stop(max_steps=20)", odd=("ls.Stop()",)),
        "axes": Values(
            ("{'alpha': (1.0, 10.0), 'temperature_per_width': (0.01, 0.02)}",
                "{'problem.data.points': (8, 16), 'width': 4}"),
            ("{'points': (8, 16)}", "{'points': (8, 17)}", "{'network': (network(),)}",
                "{'network': (network(), small_network())}", "{'depth': (1, 2)}",
                "{'depth': (10**9,)}", "{'width': (10**9,)}", "{'loss': ('hinge', 'square')}",
                "{'loss': ('hinge', 'soft_hinge')}", "{'activation': ('relu', 'gelu')}",
                "{'momentum': [0.0, 0.9]}", "{'points_per_dimension': (1.0,)}",
                "{'data': (images(), synthetic_sets())}", "{'stop.max_steps': (10, None)}",
                "{'test_points': (0, 8)}", "{'batch_size': (4, 10**9)}", "{'data': ((X, LABELS),)}",
                "{'temperature': (0.1,), 'temperature_per_width': (0.1,)}"),
            ("3", NONE, "{'alpha': nan_in((1.0, 2.0))}", "{'alpha': (1.0, 'a')}", "{'alpha': ()}",
                "{'width': (4, None)}", "{'width': (True,)}", "{'loss': ('nonsense',)}",
                "{'network': (3,)}", "{'data': (3,)}", "{'temperature_per_width': (0.0,)}"),
        ),
        "record": Values(
            ("()", "['margins']", "[ls.training.observables.KernelChange(points=4)]"),
            ("'margins'", NONE, "['kernel']", "['test_error']", "['signal', 'signal']"),
            ("3", "['nonsense']", "[3]", "object()"),
        ),
        "engine": Values((NONE, "ls.training.NetworkEngine(precision='float64')"),
            ("ls.training.PerceptronEngine()", "ls.training.NetworkEngine(noise='isotropic')",
                "ls.training.NetworkEngine(keep_weights=True)"), ENGINE.wrong),
    },
    "experiments.cell.Cell": {
        "problem": thing("perceptron()", "networks_of_law()", odd=("perceptron_of_data()",)),
        "settings": thing("plain_sgd()", odd=("sgd()",)),
        "record": Values(("()",), ("('test_error',)", "('margins',)", "['margins']"),
            ("3", "('nonsense',)", "(3,)", "object()")),
        "engine": Values((NONE,), ENGINE.odd, ENGINE.wrong),
    },
    "experiments.*.collect": {"store": thing(NONE, odd=("store()",))},
    "experiments.network_averages.average_networks": {"result": thing("network_result()",
        odd=("perceptron_result()", "dataset()"))},
    "experiments.lines_along": {
        "result": thing("network_result()", odd=("perceptron_result()", "dataset()")),
        "axis": choice("'alpha'", "'temperature_per_width'"),
    },
    "experiments.fit_lazy_exponents": {
        "result": thing("lazy_result()", odd=("network_result()", "dataset()")),
        "window": array("(0.01, 1.0)", optional=True),
    },
    "experiments.fit_exponents": {"result": thing("perceptron_result()",
        odd=("network_result()", "dataset()"))},
    "experiments.extrapolate_exponents": {"result": thing("ratio_result()",
        odd=("network_result()", "dataset()"))},
    "experiments.network_lines.families": {"axis": choice("'alpha'", "'points'")},
    "experiments.Switch": {
        "first": thing("plain_sgd()", odd=("sgd()",)),
        "second": thing("plain_sgd()", odd=("sgd()",)),
        "at": thing("ls.Stop(unfit=0.5, max_steps=5)", odd=("ls.Stop()",)),
    },
    "experiments.run_switched": {
        "problem": thing("perceptron()", odd=("regression()", "one_pass()")),
        "switch": thing("switch()"),
        "steps": Values((NONE,), ("0", "5"), ("'a'", "object()")),
        "stop": thing("ls.Stop(max_steps=9)", odd=(NONE,)),
        "record": taken(BY_NAME["record"], NONE),
        "engine": thing(NONE, "ls.training.PerceptronEngine()",
            odd=("ls.training.NetworkEngine()",)),
    },
    "experiments.branch_crossing": {
        "x": array("[1.0, 100.0]"),
        "y": array("[[2.0, 3.0], [25.0, 27.0]]"),
        "slopes": Values(("(0.0, 1.0)",), ("(1.0, 1.0)", "()"), ("3", "'ab'", NONE, "object()")),
    },
    "experiments.crossover_ratio": {
        "window": Values(("(0.001, 10.0)",), (), ("'a'", "(1.0, 0.1)", "3", NONE)),
    },
    "experiments.perceptron_exponents.extrapolated_slopes": {
        "dimension": counts("[4, 8, 16]"),
        "slopes": Values(
            ("[np.ones(3), 2 * np.ones(3), np.arange(3.0)]",),
            ("[np.ones(3)]", "[]", "[np.ones(3), np.ones(4), np.ones(2)]"),
            ("3", "'text'", "[3]", NONE, "['a', 'b', 'c']"),
        ),
    },
    "experiments.boundary_exponent": {"boundary": choice("'T_max'", "'T_c'", "'T_opt'")},
    # files
    "dataset.make": {
        "variables": Values(
            ("{'msd': (('step',), np.array([1.0, 2.0]), '1')}",),
            ("{}", "{'a': ((), 3.0, '1')}", "{'a': (('x', 'x'), np.eye(2), '1')}"),
            ("3", NONE, "'a'", "{'a': 3}", "{3: ((), 3.0, '1')}", "{'a': (('x',), 3.0, '1')}"),
        ),
        "coords": Values(("{'step': np.array([0, 1])}", NONE), ("{}", "{'step': np.arange(3)}"),
            ("3", "'a'", "[1]")),
        "kind": text("'test'"),
        "settings": taken(mapping("{'lr': 0.1}", optional=True), "{"),
        "extra": Values(("'more'",), ("float('nan')", "object()", "1j")),
        "seed": Values(("1", NONE), ("10**30",), ("object()", "1j", "'a'", "[1]")),
    },
    "load": {"path": path("saved()")},
    "*save": {"result": thing("dataset()", odd=FOREIGN_RESULTS)},
    "dataset.*": {"result": thing("dataset()", odd=FOREIGN_RESULTS)},
    "plotting.save": {"path": path("'out.svg'", "'out.png'")},
    "plotting.Series": {"x": array("[1.0, 2.0]"), "y": array("[3.0, 4.0]")},
    **{
        f"plotting.Series.{kind}": {"x": array("[1.0, 2.0]"), "y": array("[3.0, 4.0]")}
        for kind in ("theory", "rival", "guide")
    },
    "plotting.Series.measured": {
        "x": array("[1.0]"),
        "estimates": things("[ls.Estimate(value=1.0, standard_error=0.1)]"),
    },
    **{
        f"plotting.{axes}": {"series": things("[ls.plotting.Series('a', [1.0], [3.0])]")}
        for axes in ("log_log", "log_x", "log_y")
    },
    "plotting.theory_and_runs": {"cases": things("[[ls.plotting.Series('a', [1.0], [3.0])]]")},
    "plotting.Map": {
        "x": array("[1.0, 2.0, 3.0]"),
        "y": array("[1.0, 2.0]"),
        "values": array("[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]"),
        "scale": choice("'linear'", "'log'"),
    },
    "plotting.Map.places": {"axis": choice("'x'", "'y'"), "scale": choice("'linear'", "'log'")},
    "plotting.table.Table": {
        "header": Values(("['mode', 'value']",), ("[]", "['', 'a\\nb']", "'ab'"),
            ("3", NONE, "[3, 4]", "[None, None]", "object()")),
        "rows": Values(
            ("[['1', '0.5'], ['10', '12']]", "[]"),
            ("[['1']]", "[['1', '2', '3']]", "['ab']", "[['\\x1b[2J', '']]"),
            ("3", NONE, "[3]", "[[1, 2]]", "'text'", "object()"),
        ),
        "right": Values(("()", "[1]", "{0}"), ("[5]", "[-1]", "range(2)"),
            ("3", NONE, "['a']", "[0.5]", "[None]", "object()")),
    },
    "plotting.Panel": {"series": things("[ls.plotting.Series('a', [1.0, 2.0], [3.0, 4.0])]")},
    # sweeps and claims
    "sweep.Task": {"name": text("task().name"), "settings": text("task().settings")},
    "sweep.Task.has_setting": {"name": text("'seed'")},
    "sweep.Task.with_setting": {
        "name": text("'seed'"),
        "value": Values(("3",), ("-1", "1.5"), ("object()", "float('nan')", "'a'", NONE)),
    },
    "claims.Comparison": {
        "margin": number("0.1"),
        "wrong_margin": number("0.1"),
        "kind": choice("'equal'", "'at_least'"),
        "basis": Values(("'theory'",), ("''",), ("'nonsense'", "3", "[]", "object()")),
        "scale": number("2.0", optional=True),
        "expected": choice("'supported'"),
        "near_misses": mapping("{'lr off': 1.5}"),
        "placebo": thing(NONE, "slope", odd=("3", "'a'")),
        "injected": thing(NONE, "(lambda data, size: slope(data))", odd=("3", "'a'")),
    },
    "claims.verdict.judge": {"level": number("1e-6"), "margin": number("0.1")},
    "claims.verdict.pull": {"margin": number("0.1")},
    "claims.verdict.critical_value": {"level": number("1e-6")},
    "claims.runner.plan": {"device": choice("'cpu'")},
    "claims.runner.run": {"device": choice("'cpu'")},
    "claims.runner.judge_stored": {"claims": Values(("[claim()]",), ("[]",),
        ("3", "[3]", "'fair'", "object()"))},
    "claims.authoring.write_template": {"name": choice("'paper/new_claim'"),
        "folder": path("Path('new')")},
    "claims.authoring.run_command": {"folder": path("Path('claims')")},
    "claims.report.write_report": {"output": path("Path('report')")},
}  # fmt: skip
"""Call, or pattern of calls -> parameter -> values; the most exact pattern holds."""

NAN_TAKEN: dict[str, tuple[str, ...]] = {
    "LinearRegression.*": ("theta",),
    "Perceptron.*": ("w",),
    "Potential.*": ("theta",),
    "dynamics.*": ("theta", "w"),
    "models.hinge_loss.*": ("theta", "w"),
    "models.potentials.Quadratic.*": ("theta",),
    "theory.perceptron.test_error": ("signal", "noise"),
    "measure.jackknife": ("samples",),
    "measure.autocorrelation.autocorrelation": ("series",),
    "measure.passage.first_at_or_below": ("series",),
    "measure.displacement.mean_square_displacement": ("position",),
    "measure.drift.drift_and_diffusion": ("displacement",),
    "measure.power_law.local_slopes": ("x", "y", "x_error", "y_error"),
    "plotting.Map": ("values",),
    "plotting.Series": ("x", "y", "error"),
    "plotting.Series.*": ("x", "y", "error"),
}
"""Pattern of calls -> parameters that may hold NaN, which goes on into the result: runs that
diverged, and gaps.
"""

OBJECTS: dict[str, tuple[str, ...]] = {
    "Estimate": ("estimate()", "ls.Estimate.refused('too few')"),
    "LinearRegression": ("regression()", "spectral()"),
    "Overdamped": ("linear_overdamped()", "line()"),
    "Underdamped": ("linear_underdamped()", "kramers()"),
    "Perceptron": ("perceptron()",),
    "Potential": ("double_well()",),
    "SGD.require_only": ("plain_sgd()",),
    "SGD": (
        "sgd()",
        "ls.SGD(lr=1e-300, batch_size=10**15)",
        "ls.SGD(lr=1e300, batch_size=1, momentum=1 - 1e-16)",
    ),
    "claims.Comparison": ("comparison()",),
    "claims.judgement.Judgement": ("judgement()",),
    "data.BinaryImages": ("images()",),
    "data.DepletedSign": ("synthetic()",),
    "data.given_points.GivenPoints": ("given()",),
    "data.SyntheticPoints": ("synthetic_sets()",),
    "models.hinge_loss.HingeLoss": ("hinge_loss()",),
    "dynamics.Ito": ("noise_of_state()",),
    "dynamics.Stratonovich": ("stratonovich()",),
    "dynamics.linear.LinearEquation": ("linear_equation()",),
    "dynamics.Isotropic": ("ls.dynamics.Isotropic(0.5)",),
    "dynamics.LossNoise": ("ls.dynamics.LossNoise(valley=bowl(), strength=0.1)",),
    "dynamics.LowRank": ("ls.dynamics.LowRank([[1.0], [0.5]])",),
    "dynamics.minibatch_noise.MinibatchNoise": ("minibatch_noise()",),
    "dynamics.minibatch_noise.ShapedNoise": ("shaped_noise()",),
    "models.potentials.Quadratic": ("bowl()",),
    "experiments.perceptron_exponents.ExponentFit": ("exponent_fit()",),
    "experiments.perceptron_exponents.ExponentLimit": ("exponent_limit()",),
    "experiments.GridLine": ("grid_lines()[0]",),
    "experiments.network_lazy_exponents.LazyExponents": ("lazy_exponents()",),
    "experiments.network_averages.NetworkAverages": ("network_averages()[0]",),
    "experiments.Grid": ("perceptron_grid()", "ratio_grid()", "network_grid()"),
    "training.NetworkEngine": ("ls.training.NetworkEngine()",),
    "training.PerceptronEngine": ("ls.training.PerceptronEngine()",),
    "fokker_planck.GaussianDensity": ("initial()",),
    "fokker_planck.gaussian_law.GaussianLaw": ("gaussian_law()",),
    "measure.Collapse": ("collapse()",),
    "measure.scaling_corrections.Extrapolation": ("extrapolation()",),
    "measure.power_law.LocalSlopes": ("local_slopes()",),
    "measure.power_law.PowerLaw": ("power_law()",),
    "measure.curve.Curve": ("curve()",),
    "measure.passage.Passage": ("passage()",),
    "measure.scaling_corrections.CorrectedPowerLaw": ("corrected()",),
    "theory.perceptron.derivation.Derivation": ("derivation()",),
    "theory.stability.critical.CriticalMoments": ("critical_moments()",),
    "theory.stability.InterpolatingMinimum": ("minimum()",),
    "models.networks.FullyConnected": ("small_network()",),
    "models.networks.MobileCNN": ("ls.models.networks.MobileCNN(image=(1, 8, 8), width=2)",),
    "models.networks.OwnNetwork": ("own_network()",),
    "models.networks.ResNet18": ("ls.models.networks.ResNet18(image=(1, 8, 8), width=2)",),
    "models.networks.SimpleCNN": ("convolutional()",),
    "plotting.Map": ("colours()",),
    "sde.BAOAB": ("ls.sde.BAOAB()",),
    "sde.EulerMaruyama": ("ls.sde.EulerMaruyama()",),
    "sde.ExactOrnsteinUhlenbeck": ("ls.sde.ExactOrnsteinUhlenbeck()",),
    "sde.Heun": ("ls.sde.Heun()",),
    "sde.Milstein": ("ls.sde.Milstein()",),
    "sde.OBABO": ("ls.sde.OBABO()",),
    "sde.SGDMap": ("ls.sde.SGDMap()",),
    "sde.ShiftedODE": ("ls.sde.ShiftedODE()",),
    "sweep.Store": ("store()",),
    "sweep.Task": ("task()",),
    "training.observables.KernelChange": ("ls.training.observables.KernelChange(points=8)",),
    "training.observables.TrainingKernel": ("ls.training.observables.TrainingKernel(points=8)",),
    "training.observables.margins.Margins": ("ls.training.observables.margins.Margins()",),
    "training.observables.noise_temperature.NoiseTemperature": ("noise_temperature()",),
    "training.observables.signal.Signal": ("ls.training.observables.signal.Signal()",),
    "theory.DiscreteLaw": ("discrete_law()", "law_of_data()"),
    "theory.DiscreteLaw.epochs": ("law_of_data()",),
    "theory.LangevinLaw.epochs": ("langevin_law_of_data()",),
    "theory.Gaussian": ("langevin_law().stationary()",),
    "theory.LangevinLaw": ("langevin_law()",),
    "theory.ModifiedLoss": ("modified_loss()",),
    "theory.perceptron.PhaseDiagram": ("phase_diagram()",),
}
"""Class, or one of its methods -> good objects."""


def values_of(call: Call, parameter: Parameter) -> Values:
    """Values of a parameter of a call: by the call, else by name.

    Raises
    ------
    KeyError
        For a parameter that nothing here knows.
    """
    fitting = [
        pattern
        for pattern in BY_CALL
        if fnmatchcase(call.key, pattern) and parameter.name in BY_CALL[pattern]
    ]
    exact = max(fitting, key=lambda pattern: (pattern == call.key, len(pattern)), default=None)
    values = BY_NAME[parameter.name] if exact is None else BY_CALL[exact][parameter.name]
    has_nan = any(
        fnmatchcase(call.name, pattern) and parameter.name in NAN_TAKEN[pattern]
        for pattern in NAN_TAKEN
    )
    return taken(values, *NAN) if has_nan else values
