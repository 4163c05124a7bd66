r"""Law of SGD itself: exact first and second moments of the discrete map on a quadratic loss.

Which noise a law is exact for:

    sampling               noise = "additive"                 noise = "minibatch"
    with_replacement       frozen at the minimum, white       state-dependent, exact on the data
    without_replacement    the same, factor (N-S)/(S(N-1))    the same
    epochs                 frozen at the minimum, anti-       there is no closed law
                           correlated within an epoch

Far from the minimum real batches make more noise than additive laws say, and in epochs the mean too
departs from them. Derived: moments of linear maps; each kind of noise is a file (`white_noise`,
`minibatch_noise`, `epoch_noise`). Additive noise of `LinearRegression.from_spectrum` is exact with
replacement. Nesterov momentum and dampening are exact in all of them; with dampening the very first
gradient of a run is not damped, so that a law from rest is not offered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Literal

import numpy as np

from langevin_sgd.checks import InputError, as_array, as_choice, as_count, convert_fields, require
from langevin_sgd.theory.gaussian import Gaussian
from langevin_sgd.theory.law import Law
from langevin_sgd.theory.sgd_map import MapOscillators, sgd_oscillators
from langevin_sgd.theory.stability import require_stable
from langevin_sgd.theory.white_noise import Fluctuations, WhiteFluctuations


@dataclass(frozen=True, eq=False)
class DiscreteLaw(Law):
    """Exact law of the SGD map; parameters and methods as in `law.Law`, whole times only.

    Parameters
    ----------
    noise
        ``"additive"`` (default): frozen at the minimiser; ``"minibatch"``: the noise of real
        batches, which depends on theta (needs data).
    epoch_phase
        For ``sampling="epochs"`` only: how many batches of the current epoch have been used where
        the stationary quantities begin, 0 ... N/S - 1; ``None`` (default) averages over the phases.
        Transients from a start begin at the start of an epoch, and so does a start in the
        stationary law.

    Raises
    ------
    InputError
        If the map is unstable (naming eigenvalue and limit) or there is no such law (saying what
        there is).

    Examples
    --------
    >>> from langevin_sgd import SGD, LinearRegression
    >>> law = DiscreteLaw(LinearRegression.from_spectrum([1.3]),
    ...     SGD(lr=0.05, batch_size=1, momentum=0.9))
    >>> round(float(law.mode_variances()[0][0]) * 0.7 / 1.3, 7)
    0.1369581
    """

    noise: Literal["additive", "minibatch"] = field(default="additive", kw_only=True)
    epoch_phase: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "noise", as_choice("noise", self.noise, ("additive", "minibatch")))
        epochs = self.settings.sampling == "epochs"
        if self.noise == "minibatch" and epochs:
            raise InputError(
                "noise = 'minibatch': "
                "with sampling = 'epochs' only noise = 'additive' has a closed law"
            )
        if self.epoch_phase is not None:
            convert_fields(self, {"epoch_phase": partial(as_count, minimum=0)})
            require(epochs, "epoch_phase", self.epoch_phase, "needs sampling = 'epochs'")
        if self.noise == "minibatch" and self.problem.X is None:
            raise InputError(
                "noise = 'minibatch': needs a problem with data; a spectrum has noise = 'additive'"
            )
        require_stable(self.settings, self.modes.eigenvalues)

    @cached_property
    def oscillators(self) -> MapOscillators:
        """One step of heavy-ball or Nesterov SGD per mode."""
        return sgd_oscillators(self.settings, self.modes.stiffness)

    @cached_property
    def fluctuations(self) -> Fluctuations:
        """Noise of the chosen kind."""
        if self.noise == "minibatch":
            from langevin_sgd.theory.minibatch_noise import MinibatchFluctuations

            return MinibatchFluctuations(self.oscillators, self.modes)
        if self.settings.sampling == "epochs":
            from langevin_sgd.theory.epoch_noise import EpochFluctuations, batches_per_epoch

            batches = batches_per_epoch(self.problem, self.settings)
            return EpochFluctuations(self.oscillators, self.modes.noise, batches, self.epoch_phase)
        return WhiteFluctuations(self.oscillators, self.modes.noise)

    def _times(self, name: str, value: np.ndarray | float) -> np.ndarray:
        allowed = "must be whole steps of zero or above"
        times = as_array(name, value, minimum=0, allowed=allowed)
        require(bool((times == np.floor(times)).all()), name, value, allowed)
        return times

    @property
    def _start_deviation(self) -> np.ndarray:
        at_rest = not isinstance(self.start, str | Gaussian)
        if self.settings.dampening and self.settings.momentum and at_rest:
            raise InputError(
                "dampening: the first gradient of a run from rest is not damped; give start = "
                "'stationary' or a Gaussian, for instance the law without dampening after one step"
            )
        return super()._start_deviation
