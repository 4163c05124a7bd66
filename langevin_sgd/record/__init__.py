"""What to keep of a run: schedules of steps and recorders of observables.

A simulator hands over blocks of snapshots; a recorder reduces them to arrays over the recorded
steps, so that memory does not grow with the length of the run. A recorder is blind to who made the
snapshots. One of your own is a function of a `Snapshots` block that returns variables with leading
dimension ``step``:

    def kinetic_energy(block):
        return {"kinetic_energy": (("step", "replica"), (block.velocity**2).sum(-1) / 2, "1")}

- `langevin_sgd.record.schedules`: `every`, `log_spaced`
- `langevin_sgd.record.snapshots`: `Snapshots`, what a recorder sees
- `langevin_sgd.record.recorders`: observables at the recorded steps
- `langevin_sgd.record.accumulators`: averages over time, whose memory does not grow with the
  schedule
- `langevin_sgd.record.passages`: `first_passage`, seen by the simulator at every step
"""

from langevin_sgd.record.accumulators import current as current
from langevin_sgd.record.accumulators import histogram as histogram
from langevin_sgd.record.accumulators import time_averages as time_averages
from langevin_sgd.record.passages import first_passage as first_passage
from langevin_sgd.record.recorders import displacement as displacement
from langevin_sgd.record.recorders import eigenprojections as eigenprojections
from langevin_sgd.record.recorders import loss as loss
from langevin_sgd.record.recorders import moments as moments
from langevin_sgd.record.recorders import observables as observables
from langevin_sgd.record.recorders import speed as speed
from langevin_sgd.record.recorders import states as states
from langevin_sgd.record.schedules import every as every
from langevin_sgd.record.schedules import log_spaced as log_spaced
from langevin_sgd.record.snapshots import Recorder as Recorder
from langevin_sgd.record.snapshots import Snapshots as Snapshots
