"""Models whose loss and noise are known: linear regression."""

from langevin_sgd.models.linear_regression import LinearRegression as LinearRegression
