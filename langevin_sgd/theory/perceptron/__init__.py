"""Closed-form theory of the perceptron trained by SGD on the hinge loss (Sclocchi, Geiger and
Wyart, arXiv 2301.13703).

Two numbers describe the weights, the signal a = w_1/sqrt(d) and the noise s = ||w_perp||/sqrt(d); a
sample is unfit if a |x_1| + s z < kappa. Time is t = lr * steps and tau = t/d; the temperature is T
= lr/batch_size.

One state
    `averages`, `Averages`      n, g1, gz, q over a fresh sample: every chi and margin
    `test_error`                population test error
    `mean_increments`, `noise_drift`   mean change per step (any d, lr, B) and per unit of time (d
                                       -> infinity)

Along a run
    `flow`, `flow_until`        the closed equations: state at given times, first passage of a
                                fraction of unfit samples
    `finite_flow`, `FiniteFlow` their corrections of order 1/d and the spread between runs
    `signal_growth`, `quasi_stationary_noise`   the late stage
    `quenched_noise`            noise that a fixed training set keeps up at small temperature

At the stop
    `stopping`, `StoppedFlow`          weights, time and error at P n = c d
    `local_exponents`           slopes at finite P
    `exponents`, `Exponents`    their limits gamma, b, delta; `derive_exponents`, `Derivation`:
                                where they come from
    `crossover_temperature`     temperature above which noise rules
    `PhaseDiagram`              regimes in the plane of batch size and learning rate;
                                `critical_batch_size`: B*
    `step_one`, `FirstStep`     weights after the first step

As JSON types
    `predict_perceptron`, `predict_flow`

Inside: `inputs` (the data law), `half_line` (the quadrature), `late_integral` and `late_pull` (J
and J').
"""

from langevin_sgd.theory.perceptron.averages import Averages as Averages
from langevin_sgd.theory.perceptron.averages import averages as averages
from langevin_sgd.theory.perceptron.averages import test_error as test_error
from langevin_sgd.theory.perceptron.derivation import Derivation as Derivation
from langevin_sgd.theory.perceptron.derivation import derive_exponents as derive_exponents
from langevin_sgd.theory.perceptron.finite_flow import FiniteFlow as FiniteFlow
from langevin_sgd.theory.perceptron.finite_flow import finite_flow as finite_flow
from langevin_sgd.theory.perceptron.flow import flow as flow
from langevin_sgd.theory.perceptron.flow import flow_until as flow_until
from langevin_sgd.theory.perceptron.increments import mean_increments as mean_increments
from langevin_sgd.theory.perceptron.increments import noise_drift as noise_drift
from langevin_sgd.theory.perceptron.late_stage import Exponents as Exponents
from langevin_sgd.theory.perceptron.late_stage import exponents as exponents
from langevin_sgd.theory.perceptron.late_stage import late_integral as late_integral
from langevin_sgd.theory.perceptron.late_stage import late_pull as late_pull
from langevin_sgd.theory.perceptron.late_stage import (
    quasi_stationary_noise as quasi_stationary_noise,
)
from langevin_sgd.theory.perceptron.late_stage import quenched_noise as quenched_noise
from langevin_sgd.theory.perceptron.late_stage import signal_growth as signal_growth
from langevin_sgd.theory.perceptron.phase_diagram import FirstStep as FirstStep
from langevin_sgd.theory.perceptron.phase_diagram import PhaseDiagram as PhaseDiagram
from langevin_sgd.theory.perceptron.phase_diagram import critical_batch_size as critical_batch_size
from langevin_sgd.theory.perceptron.phase_diagram import step_one as step_one
from langevin_sgd.theory.perceptron.predict import predict_flow as predict_flow
from langevin_sgd.theory.perceptron.predict import predict_perceptron as predict_perceptron
from langevin_sgd.theory.perceptron.stopping import StoppedFlow as StoppedFlow
from langevin_sgd.theory.perceptron.stopping import crossover_temperature as crossover_temperature
from langevin_sgd.theory.perceptron.stopping import local_exponents as local_exponents
from langevin_sgd.theory.perceptron.stopping import stopping as stopping
