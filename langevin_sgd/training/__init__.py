"""Real stochastic gradient descent, compiled, on problems of linear regression and on perceptrons.

- `run`: many replicas of SGD, recorded on a schedule, resumable bit for bit (``runner``).
- `train_perceptron`, `one_pass_perceptron`: perceptrons trained until they fit their points, exactly and fast, or on
  fresh samples (``perceptron``).
- `batch_indices`, `gradient_normals`: the minibatches and the additive noise of a run, to replay it elsewhere
  (``batches``).

Inside: ``steps`` is the update rule and the compiled loop, ``problems`` prepares its arrays, ``checkpoint`` writes and
continues runs. Chunks, recorders and the dataset are those of every simulator (`langevin_sgd.recording`).
"""

from langevin_sgd.training.batches import batch_indices as batch_indices
from langevin_sgd.training.batches import gradient_normals as gradient_normals
from langevin_sgd.training.perceptron import one_pass_perceptron as one_pass_perceptron
from langevin_sgd.training.perceptron import train_perceptron as train_perceptron
from langevin_sgd.training.runner import run as run
