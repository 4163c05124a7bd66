r"""Where two branches of a scaling law meet: crossover temperature and critical batch size.

    y = y_1 (x/x_1)^{s_1}    and    y = y_2 (x/x_2)^{s_2}    cross at

    ln x* = (ln y_1 - s_1 ln x_1 - ln y_2 + s_2 ln x_2) / (s_2 - s_1)        (derived)

Each branch has one place x_i far inside its own regime, where y_i is measured, and a slope s_i in
the log-log plane that is known. For the weights at zero loss against temperature the plateau
(slope 0) and the branch of noise (slope 1) meet at the crossover temperature T_x; against batch
size at one learning rate the branch lr/B (slope -1) and the branch of the first step (slope 0) meet
at the critical batch size B*. A crossing is exact only as an intersection of straight lines: the
measured curve bends there over about a decade.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from langevin_sgd.checks import InputError, as_array, as_positive, as_real


def branch_crossing(
    x: Sequence[float], y: Sequence[ArrayLike], *, slopes: tuple[float, float]
) -> np.ndarray:
    """Return ln x* where two power laws cross, replica by replica.

    Parameters
    ----------
    x
        Where each branch is measured, two positive numbers.
    y
        What is measured there, two positive numbers or arrays (..., replica) that go together.
        Replicas that share data keep what they share out of the crossing.
    slopes
        Of the two branches in the log-log plane, different.

    Returns
    -------
    numpy.ndarray
        ln x*, of the common shape of `y`, in the unit of `x`.

    Raises
    ------
    InputError
        If there are not two branches of different slope, or a number is not positive.

    Examples
    --------
    A plateau at 2 and a line y = x/4 meet at x = 8:

    >>> float(np.exp(branch_crossing([1.0, 100.0], [2.0, 25.0], slopes=(0.0, 1.0))).round(12))
    8.0
    """
    pairs = {"x": x, "y": y, "slopes": slopes}
    for name, pair in pairs.items():
        if len(pair) != 2:
            raise InputError(f"{name}: has {len(pair)} entries, must have 2, one for each branch")
    first, second = (as_real("slopes", slope) for slope in slopes)
    if first == second:
        raise InputError(f"slopes = {slopes}: must differ, parallel branches do not cross")
    places = np.log([as_positive("x", place) for place in x])
    values = [as_array("y", value) for value in y]
    for value in values:
        if not (value > 0).all():
            raise InputError("y: must be positive, a logarithm is taken")
    from_first = np.log(values[0]) - first * places[0]
    from_second = np.log(values[1]) - second * places[1]
    return np.asarray((from_first - from_second) / (second - first))
