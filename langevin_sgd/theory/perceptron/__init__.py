"""Closed-form theory of the perceptron that SGD trains on the hinge loss.

Source: Sclocchi, Geiger and Wyart, arXiv 2301.13703. Two numbers describe the weights, the signal
a = w_1/sqrt(d) and the noise s = ||w_perp||/sqrt(d); a sample is unfit if a |x_1| + s z < kappa.
Time is t = lr * steps and tau = t/d; the temperature is T = lr/batch_size.

One state
    `averages`                  n, g1, gz, q over a fresh sample: every chi and margin
    `test_error`                population test error
    `increments`                mean change per step (any d, lr, B), and per unit of time in the
                                limit of large d

Along a run
    `flow`, `flow_until`        the closed equations: state at given times, first passage of a
                                fraction of unfit samples
    `finite_flow`               their corrections of order 1/d and the spread between runs
    `late_stage`                how signal and noise grow before the stop
    `quenched_noise`            noise that a fixed training set keeps up at small temperature

At the stop
    `stopping`                  weights, time and error at P n = c d; slopes at finite P
    `exponents`                 their limits gamma, b, delta; `derivation`: where they come from
    `crossover_temperature`     temperature above which noise rules
    `PhaseDiagram`              regimes in the plane of batch size and learning rate
    `step_one`                  weights after the first step

Inside: `inputs` (the data law), `half_line` (the quadrature), `late_integral` (J), `predict` (the
numbers of ``langevin-sgd perceptron theory``). Names that are
not listed here are imported from their module, as in
``from langevin_sgd.theory.perceptron.derivation import derive_exponents``.
"""

from langevin_sgd.theory.perceptron.averages import averages as averages
from langevin_sgd.theory.perceptron.averages import test_error as test_error
from langevin_sgd.theory.perceptron.finite_flow import finite_flow as finite_flow
from langevin_sgd.theory.perceptron.flow import flow as flow
from langevin_sgd.theory.perceptron.flow import flow_until as flow_until
from langevin_sgd.theory.perceptron.late_stage import exponents as exponents
from langevin_sgd.theory.perceptron.late_stage import late_integral as late_integral
from langevin_sgd.theory.perceptron.late_stage import quenched_noise as quenched_noise
from langevin_sgd.theory.perceptron.phase_diagram import PhaseDiagram as PhaseDiagram
from langevin_sgd.theory.perceptron.phase_diagram import step_one as step_one
from langevin_sgd.theory.perceptron.stopping import crossover_temperature as crossover_temperature
from langevin_sgd.theory.perceptron.stopping import stopping as stopping
