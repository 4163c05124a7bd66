"""Estimators on plain arrays: what an experiment measured, how well, and whether to trust it.

Arrays have the leading dimensions (step, replica); replicas are independent and everything within
one may be correlated, so that every error comes from the scatter of replicas. An estimator given
too little data returns an `Estimate` that is not valid and says why.

- `langevin_sgd.measure.displacement`: `displacement_curve`, `mean_square_displacement`,
  `diffusion_exponent`, `local_exponents`
- `langevin_sgd.measure.drift`: `drift_and_diffusion`, which parts a displacement into the two
- `langevin_sgd.measure.autocorrelation`: `autocorrelation`, `autocorrelation_time`,
  `effective_sample_size`
- `langevin_sgd.measure.oscillation`: `oscillation`, frequency and decay of one mode
- `langevin_sgd.measure.phase_space`: `winding_rate`, `swept_area`, `curvature`,
  `effective_temperature`
- `langevin_sgd.measure.power_law`: `fit_power_law` with errors in both variables, `varied_windows`,
  `local_slopes`
- `langevin_sgd.measure.scaling_corrections`: `correction_to_scaling`, `extrapolate` to infinite
  size
- `langevin_sgd.measure.collapse`: `collapse` and its `Collapse`, `collapse_quality`:
  curves of different sizes on one
- `langevin_sgd.measure.logarithms`: measurements as points in the log-log plane, means with errors
  or replicas
- `langevin_sgd.measure.averages`: `geometric_mean`, for times and norms
- `langevin_sgd.measure.passage`: `first_at_or_below`, first times of recorded series, and
  `escape_rate`, also where some replicas have not escaped
- `langevin_sgd.measure.jackknife`: `jackknife`, the error of any smooth function of means over
  replicas, and `share_of_effect`
- `langevin_sgd.measure.curve`: `Curve`, estimates along an axis

The names of this package are those that claims and experiments use; the others named above are
imported from their modules.
"""

from langevin_sgd.measure.averages import geometric_mean as geometric_mean
from langevin_sgd.measure.collapse import Collapse as Collapse
from langevin_sgd.measure.collapse import collapse as collapse
from langevin_sgd.measure.displacement import diffusion_exponent as diffusion_exponent
from langevin_sgd.measure.displacement import displacement_curve as displacement_curve
from langevin_sgd.measure.jackknife import jackknife as jackknife
from langevin_sgd.measure.jackknife import share_of_effect as share_of_effect
from langevin_sgd.measure.oscillation import oscillation as oscillation
from langevin_sgd.measure.passage import escape_rate as escape_rate
from langevin_sgd.measure.phase_space import winding_rate as winding_rate
from langevin_sgd.measure.power_law import fit_power_law as fit_power_law
