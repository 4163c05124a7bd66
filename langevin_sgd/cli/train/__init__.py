"""``langevin-sgd train``: networks over a grid (``command``), and its figures (``figures``)."""

from langevin_sgd.cli.train.command import Train as Train
