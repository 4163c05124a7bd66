"""SGD on a perceptron until it fits its points.

- `train_perceptron`: many replicas, exact stopping times, resumable (``train``).
- `one_pass_perceptron`: fresh samples at every step, as an exact chain of two variables
  (``one_pass``).

Inside: ``plain`` makes every step; ``accelerated`` skips those in which nothing can change, by the
lists of ``certificates`` and the laws of ``overlap``; ``replica`` advances one replica in slices
and ``state`` is what it carries; ``rows`` holds the innermost operations; ``result`` makes the
dataset.
"""

from langevin_sgd.training.perceptron.one_pass import one_pass_perceptron as one_pass_perceptron
from langevin_sgd.training.perceptron.train import train_perceptron as train_perceptron
