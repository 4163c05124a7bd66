"""SGD on a perceptron: `langevin_sgd.training.run` of a `Perceptron` or a `OnePassPerceptron`.

- ``train``: many replicas until they fit their points, exact stopping times, resumable
- ``one_pass``: fresh samples at every step, as an exact chain of two variables

Inside: ``plain`` makes every step; ``accelerated`` skips those in which nothing can change, by the
lists of ``certificates`` and the laws of ``overlap``; ``replica`` advances one replica in slices
and ``state`` is what it carries; ``rows`` holds the innermost operations; ``result`` makes the
dataset.
"""
