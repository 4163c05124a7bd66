"""Fokker-Planck equations on a grid: densities over time, and what follows from them.

- `langevin_sgd.fokker_planck.solve`: `solve(equation, initial=..., times=...)`, on a line, in phase
  space, in the plane
- `langevin_sgd.fokker_planck.relaxation`: `spectrum`, relaxation times and eigenfunctions
- `langevin_sgd.fokker_planck.passage`: `first_passage_time`, `escape_rate`
- `langevin_sgd.fokker_planck.gaussian_law`: the closed form of linear equations in any
  dimension
- `langevin_sgd.fokker_planck.equations`: `Diffusion`, and what is read off an equation object
- `langevin_sgd.fokker_planck.initial`: `GaussianDensity`, and other initial densities
- `langevin_sgd.fokker_planck.accuracy`: error estimates, `NotConvergedWarning`

How it is done
    `grid`, `chain`   axes and domains; the Scharfetter-Gummel scheme
    `exponential`     the exponential of a chain's generator, for any time in one go
    `line`, `line_solution`   one dimension
    `kramers`, `transport`, `phase_space_solution`   phase space by splitting
    `plane`           two overdamped dimensions by splitting
    `two_dimensional` what the latter two share
    `generators`      equations as sparse matrices
    `thermodynamics`  free energy and entropy production
"""

from langevin_sgd.fokker_planck.accuracy import NotConvergedWarning as NotConvergedWarning
from langevin_sgd.fokker_planck.equations import Diffusion as Diffusion
from langevin_sgd.fokker_planck.initial import GaussianDensity as GaussianDensity
from langevin_sgd.fokker_planck.passage import escape_rate as escape_rate
from langevin_sgd.fokker_planck.passage import first_passage_time as first_passage_time
from langevin_sgd.fokker_planck.relaxation import spectrum as spectrum
from langevin_sgd.fokker_planck.solve import solve as solve
