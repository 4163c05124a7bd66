"""Three regimes in the plane of batch size and learning rate, and a critical batch size that grows
as P^gamma.

Signal a at zero loss: A T, set by T = lr/B alone, for small batches; lr M/d, left by the first
step, for batches above B* = A d/M; and at small learning rates what gradient descent gives, set by
the margin alone. B* is where the first two meet, both measured: at chi = 1 and several P, signals
at a batch size far below and at one far above, of replicas that share points. For chi = 0 B* is a
third of P, and there is no room above it.

The branch lr/B grows with P as the weights do, P^gamma but for dips of the noise (`_stops`), the
branch lr does not: B* ~ P^gamma but for dips.
"""

import numpy as np
import xarray as xr
from langevin_sgd.validation.sgd_regimes import _stops as stops
from langevin_sgd.validation.sgd_regimes._runs import (
    PerceptronEnsemble,
    joined,
    parts,
    perceptron_ensemble,
)

import langevin_sgd as ls

DIMENSION, MARGIN = 64, 1 / 64
SIZES: dict[float, tuple[int, ...]] = {0.0: (), 1.0: (1024, 2048, 4096, 8192)}
"""P at which B* is measured, by chi."""
PLANE = {0.0: 1024, 1.0: 4096}
"""P of the plane."""
BATCH_SIZES = (1, 8, 64, 512)
LEARNING_RATES = (2.0**-2, 2.0, 2.0**4, 2.0**7, 2.0**10, 2.0**13)
"""lr/kappa shown in the plane."""
LOUD = 1024.0
"""T/kappa at which the margin no longer counts."""
FEW = 2
"""Batch size at which the branch lr/B is measured for every P."""
FAR = 8
"""How far from B* in batch size, and FAR^2/4 from a border in learning rate, a regime is judged."""
REPLICAS = {"quick": 192, "full": 512}
QUIET = {"quick": 16, "full": 64}
"""Replicas of gradient descent, whose weights hardly scatter between batches."""
SHOWN = 8
"""Replicas of what is only shown."""
CONSTANTS_RATIO = {0.0: 0.5 / 0.94, 1.0: 0.25 / 0.85}
"""c of the stop with noise over its middle value in gradient descent."""


PAIRED = "mean over replicas with the same points"


def diagram(chi: float, points: int) -> ls.theory.perceptron.PhaseDiagram:
    """Theory of the plane."""
    return ls.theory.perceptron.PhaseDiagram(
        chi=chi,
        margin=MARGIN,
        points=points,
        dimension=DIMENSION,
        constant=stops.CONSTANT[chi],
        constant_ratio=CONSTANTS_RATIO[chi],
    )


def cases(chi: float) -> dict[str, tuple[int, float]]:
    """Batch size and learning rate of the trainings that decide about the regimes, by name."""
    theory = diagram(chi, PLANE[chi])
    many, slow = _power_of_two(theory.critical_batch_size * FAR), FAR**2 / 4
    found = {
        "noise, B = 1": (1, LOUD * MARGIN),
        f"noise, B = {FAR}": (FAR, FAR * LOUD * MARGIN),
        "descent, B = 1": (1, theory.crossover_temperature / slow),
        "descent, many": (min(many, PLANE[chi] // 2), theory.first_step_lr / slow),
    }
    if many <= PLANE[chi] // 2:
        found["first step"] = (many, LOUD * MARGIN * many)
    return found


MEASURED = 1.0
"""chi at which there is room above B*."""


def above(points: int) -> int:
    """Batch size far above B*, at chi = 1."""
    return _power_of_two(diagram(MEASURED, points).critical_batch_size * FAR)


def _power_of_two(value: float) -> int:
    return 2 ** round(np.log2(value))


def label(chi: float, points: int, case: str) -> str:
    """Name of a training."""
    return f"chi {chi:g}, P {points}, {case}"


def plane_points(chi: float) -> list[tuple[int, float]]:
    """Batch sizes and lr/kappa shown in the plane; steps so small that gradient descent takes long
    are left out.
    """
    return [(b, lr) for b in BATCH_SIZES if b < PLANE[chi] for lr in LEARNING_RATES if lr >= b / 16]


def compared(chi: float) -> list[ls.claims.Comparison]:
    """Compare, at one chi, pairs of trainings inside each regime, and the power of P in B*."""
    theory, chosen = diagram(chi, PLANE[chi]), cases(chi)
    critical, (many, many_lr) = theory.critical_batch_size, chosen["descent, many"]
    steps = float(np.log(many_lr / chosen["descent, B = 1"][1]))
    found = [
        ls.claims.Comparison(
            name=f"ln a at one T, B = {FAR} to B = 1, chi {chi:g}",
            prediction=0.0,
            margin=np.log1p(FAR / critical),
            basis="theory",
            reason="what the first step adds, a share B/B* of the weights",
            rivals={"lr alone": np.log(FAR), "lr and the root of B": np.log(FAR) / 2},
            wrong=np.log(FAR),
            near_misses={
                "lr off by 10 %": float(np.log(1.1)),
                "lr off by 30 %": float(np.log(1.3)),
            },
            measure=lambda data: log_ratio(data, chi, f"noise, B = {FAR}", "noise, B = 1"),
            injected=lambda data, size: stops.shifted(
                log_ratio(data, chi, f"noise, B = {FAR}", "noise, B = 1"), size
            ),
        ),
        ls.claims.Comparison(
            name=f"ln a at small lr, B = {many} to B = 1, chi {chi:g}",
            prediction=0.0,
            margin=np.log1p(4 / FAR**2),
            basis="theory",
            reason="tails of the two borders, a sixteenth of the weights at a sixteenth of the "
            "border",
            rivals={
                "lr alone": steps,
                "T alone": steps - np.log(many),
                "power lr^(1/4)": steps / 4,
            },
            wrong=steps,
            near_misses={"power lr^(1/16)": steps / 16},
            measure=lambda data: log_ratio(data, chi, "descent, many", "descent, B = 1"),
            injected=lambda data, size: stops.shifted(
                log_ratio(data, chi, "descent, many", "descent, B = 1"), size
            ),
        ),
    ]
    if "first step" in chosen:
        found.append(
            ls.claims.Comparison(
                name=f"ln(a d/(lr M)) at B = {many}, chi {chi:g}",
                prediction=0.0,
                margin=np.log1p(critical / many),
                basis="theory",
                reason="what later steps add, a share B*/B of the weights",
                rivals={
                    "T alone": np.log(critical / many),
                    "lr and the root of B": float(np.log(critical / many)) / 2,
                },
                near_misses={
                    "lr off by 10 %": float(np.log(1.1)),
                    "lr off by 30 %": float(np.log(1.3)),
                },
                measure=lambda data: over_first_step(data, chi),
                injected=lambda data, size: stops.shifted(over_first_step(data, chi), size),
            )
        )
    return found


def crossing() -> list[ls.claims.Comparison]:
    """Compare the measured B* with theory: its power of P."""
    sizes = np.array(SIZES[MEASURED])
    dips = stops.dip(MEASURED, sizes / DIMENSION, DIMENSION)
    along = np.log(sizes) - np.log(sizes).mean()
    lost = float(along @ dips / (along @ along))
    gamma = ls.theory.perceptron.exponents(MEASURED).gamma
    return [
        ls.claims.Comparison(
            name=f"slope of ln B* in ln P, where measured branches cross, chi {MEASURED:g}",
            prediction=gamma + lost,
            margin=stops.TRUSTED * abs(lost),
            basis="theory",
            reason=stops.MARGIN_REASON,
            rivals={"independent of P": 0.0, "a fixed part of P": 1.0},
            wrong=1.0,
            near_misses={
                f"that of chi = {chi:g}": ls.theory.perceptron.exponents(chi).gamma + lost
                for chi in (MEASURED - 0.25, MEASURED + 0.25, MEASURED + 0.5)
            },
            measure=lambda data: ls.measure.fit_power_law(sizes, _critical(data)).exponent,
        )
    ]


def log_signal(data: ls.claims.Data, chi: float, case: str) -> np.ndarray:
    """ln of the signal at the end of a training, (replica,)."""
    return np.log(joined(data, label(chi, PLANE[chi], case), "signal"))


def log_ratio(data: ls.claims.Data, chi: float, one: str, other: str) -> ls.Estimate:
    """ln of the ratio of the signals of two trainings."""
    samples = log_signal(data, chi, one) - log_signal(data, chi, other)
    return ls.Estimate.from_samples(samples, method=PAIRED)


def over_first_step(data: ls.claims.Data, chi: float) -> ls.Estimate:
    """ln of the signal over that of the first step alone."""
    batch_size, lr = cases(chi)["first step"]
    step = ls.theory.perceptron.step_one(chi=chi, lr=lr, batch_size=batch_size, dimension=DIMENSION)
    samples = log_signal(data, chi, "first step") - np.log(step.signal)
    return ls.Estimate.from_samples(samples, method=PAIRED)


class BatchLearningRateRegimes(ls.claims.Claim):
    title = "Regimes of batch size and learning rate"
    statement = (
        "The weights at zero loss are set by lr/B for B below B*, by lr for larger batches, by "
        "neither at small lr; B*, where the first two cross, grows with the number of points as "
        "P^gamma but for dips of the noise."
    )
    formula = "a = max(A T, lr M/d, kappa A'),  B* = A d/M ~ d (P/d)^gamma,  gamma = 1/(1+chi)"
    source = "Sclocchi and Wyart, arXiv 2309.10688 (regimes); borders derived"
    validity = (
        "P/d of at least 8; regimes are judged a factor 8 in B and 16 in lr from their borders. "
        "For chi = 0 "
        "B* is a third of these P, so that the first-step regime has no room there and is judged "
        "for chi = 1."
    )
    control_statement = (
        "The learning rate alone sets the weights, and the critical batch size is a fixed part of "
        "P."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        found = {}
        for chi, sizes in SIZES.items():
            stream = ls.derive_seed(seed, self.id, chi)
            for case, (batch_size, lr) in cases(chi).items():
                replicas = (QUIET if case.startswith("descent") else REPLICAS)[tier]
                run = _run(chi, PLANE[chi], batch_size, lr, replicas, stream)
                found |= dict(parts(label(chi, PLANE[chi], case), run, 2))
            for points in reversed(sizes if chi == MEASURED else ()):
                for case, batch_size in (("few", FEW), ("many", above(points))):
                    lr = LOUD * MARGIN * batch_size
                    run = _run(chi, points, batch_size, lr, REPLICAS[tier], stream)
                    found |= dict(parts(label(chi, points, case), run, 2))
            for batch_size, lr in plane_points(chi):
                run = _run(chi, PLANE[chi], batch_size, lr * MARGIN, SHOWN, stream)
                found |= dict(
                    parts(label(chi, PLANE[chi], f"B {batch_size}, lr/kappa {lr:g}"), run)
                )
        return found

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        return [comparison for chi in SIZES for comparison in compared(chi)] + crossing()

    def out_of_range(self, data: dict[str, xr.Dataset], tier: str) -> str | None:
        return stops.unfinished(data)

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        return [panel(data, chi) for panel in (_signals, _plane) for chi in SIZES] + [_sizes(data)]


def _run(
    chi: float, points: int, batch_size: int, lr: float, replicas: int, seed: int
) -> PerceptronEnsemble:
    return perceptron_ensemble(
        points=points,
        dimension=DIMENSION,
        chi=chi,
        temperature=lr / batch_size,
        margin=MARGIN,
        batch_size=batch_size,
        replicas=replicas,
        seed=seed,
    )


def _critical(data: ls.claims.Data) -> np.ndarray:
    """B*, (size, replica): where the measured branches lr/B and lr cross, at one learning rate."""
    found = []
    for points in SIZES[MEASURED]:
        many = above(points)
        few, far = (
            joined(data, label(MEASURED, points, case), "signal") for case in ("few", "many")
        )
        # Far above the margin the signal is proportional to lr at a fixed batch size.
        found.append(
            ls.experiments.branch_crossing([FEW, many], [few / FEW, far / many], slopes=(-1.0, 0.0))
        )
    return np.exp(found)


def _mean_signal(
    data: dict[str, xr.Dataset], chi: float, batch_size: int, lr: float
) -> ls.Estimate:
    samples = joined(data, label(chi, PLANE[chi], f"B {batch_size}, lr/kappa {lr:g}"), "signal")
    return ls.measure.geometric_mean(samples / MARGIN)


def _signals(data: dict[str, xr.Dataset], chi: float) -> ls.plotting.Panel:
    """Signal against lr for every B, with the largest of the three mechanisms."""
    theory, fine, series, lines = diagram(chi, PLANE[chi]), np.geomspace(0.1, 2e4, 80), [], []
    for batch_size in BATCH_SIZES:
        rates = [lr for b, lr in plane_points(chi) if b == batch_size]
        means = [_mean_signal(data, chi, batch_size, lr) for lr in rates]
        y, error = [one.value for one in means], [one.standard_error for one in means]
        series.append(ls.plotting.Series(f"B = {batch_size}", rates, y, error))
        law = [
            max(theory.signals(batch_size=batch_size, lr=lr * MARGIN).values()) / MARGIN
            for lr in fine
        ]
        lines.append(
            ls.plotting.Series.theory("" if lines else "largest of three branches", fine, law)
        )
    return ls.plotting.log_log(
        rf"Signal at zero loss, $\chi$ = {chi:g}, P = {PLANE[chi]}, d = {DIMENSION}",
        r"$lr/\kappa$",
        r"$a^*/\kappa$",
        (*series, *lines),
    )


def _plane(data: dict[str, xr.Dataset], chi: float) -> ls.plotting.Panel:
    """The mechanism whose signal is nearest to the measured one, in the plane, with the borders of
    theory.
    """
    theory = diagram(chi, PLANE[chi])
    where: dict[str, list[tuple[float, float]]] = {"noise": [], "first_step": [], "descent": []}
    for batch_size, lr in plane_points(chi):
        signal = float(_mean_signal(data, chi, batch_size, lr).value or np.nan) * MARGIN
        branches = theory.signals(batch_size=batch_size, lr=lr * MARGIN)
        nearest = min(branches, key=lambda name: abs(np.log(signal / branches[name])))
        where[nearest].append((batch_size, lr))
    critical, step = theory.critical_batch_size, theory.first_step_lr / MARGIN
    warm = theory.crossover_temperature / MARGIN
    border = (
        [0.7, critical, 1000.0, np.nan, critical, critical],
        [0.7 * warm, step, step, np.nan, step, 2e4],
    )
    shown = {"noise": "lr/B decides", "first_step": "lr decides", "descent": "neither decides"}
    series = [ls.plotting.Series(shown[name], *np.array(at).T) for name, at in where.items() if at]
    borders = [ls.plotting.Series("borders by theory", *border, kind="theory")]
    return ls.plotting.log_log(
        rf"What sets the weights, $\chi$ = {chi:g}, P = {PLANE[chi]}, d = {DIMENSION}",
        "batch size B",
        r"$lr/\kappa$",
        (*series, *borders),
        note=f"theory: B* = {critical:.0f}",
    )


def _sizes(data: dict[str, xr.Dataset]) -> ls.plotting.Panel:
    sizes = SIZES[MEASURED]
    means = [ls.measure.geometric_mean(one) for one in _critical(data)]
    law = np.array([diagram(MEASURED, points).critical_batch_size for points in sizes])
    flat = np.full(len(sizes), means[0].value or np.nan)
    return ls.plotting.log_log(
        rf"Critical batch size, $\chi$ = {MEASURED:g}, d = {DIMENSION}",
        "P",
        "B*",
        (
            ls.plotting.Series.measured("measured branches", sizes, means),
            ls.plotting.Series.theory("theory, without dips", sizes, law),
            ls.plotting.Series.rival("independent of P", sizes, flat),
            ls.plotting.Series.rival("a fixed part of P", sizes, flat * np.array(sizes) / sizes[0]),
        ),
    )
