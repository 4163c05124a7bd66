"""``langevin-sgd train``: networks over a grid (``command``), its exponents (``scaling``) and
figures (``figures``).
"""

from langevin_sgd.cli.train.command import Train as Train
