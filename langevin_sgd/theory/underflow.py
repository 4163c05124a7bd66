"""Numbers that vanish: what decays for long enough becomes zero, and that is no error.

A user who asks NumPy to raise on underflow (``np.seterr(all="raise")``) must not have a law stopped
by exp(-1000).
"""

import numpy as np

vanishing = np.errstate(under="ignore")
"""Decorator of functions in which a number may become smaller than float64 can hold."""
