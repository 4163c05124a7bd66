"""Data sets: embedded diabetes and digits, synthetic Gaussian inputs, and files of the user's own."""

from langevin_sgd.data.embedded import diabetes as diabetes
from langevin_sgd.data.embedded import digits as digits
from langevin_sgd.data.files import read_table as read_table
from langevin_sgd.data.synthetic import gaussian_inputs as gaussian_inputs
