"""Data that scikit-learn carries with it: for linear regression and for the perceptron.

For regression inputs and target are centred and scaled to unit variance (divided by N), so that the
trace of the Hessian X^T X / N is the number of parameters and no intercept is needed: column by
column where columns are different quantities, by one common scale where they are pixels (a column
scale would blow up the few images with ink in an otherwise empty corner). Columns that never change
are left out.
"""

from __future__ import annotations

import numpy as np

from langevin_sgd.checks import as_array, as_count, require


def diabetes() -> tuple[np.ndarray, np.ndarray]:
    """Load the diabetes data: 442 patients, 10 measurements, disease progression after a year.

    Returns
    -------
    X
        (442, 10), standardised.
    y
        (442,), standardised.

    References
    ----------
    Efron, Hastie, Johnstone and Tibshirani, *Least angle regression*, Annals of Statistics 32
    (2004).
    """
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True, scaled=False)
    return standardise(X), standardise(y[:, None])[:, 0]


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Load 1797 handwritten digits, 8 x 8 pixels, which predict the digit as a number.

    Returns
    -------
    X
        (1797, 61), centred, of mean square one; the three pixels that are always empty are left
        out.
    y
        (1797,), standardised.

    References
    ----------
    Alpaydin and Kaynak, *Optical recognition of handwritten digits*, UCI Machine Learning
    Repository (1998).
    """
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    pixels = X[:, X.std(axis=0) > 0]
    pixels = pixels - pixels.mean(axis=0)
    return pixels / np.sqrt(np.mean(pixels**2)), standardise(y[:, None].astype(float))[:, 0]


def digit_pair(first: int, second: int) -> tuple[np.ndarray, np.ndarray]:
    """Load two classes of the handwritten digits as a problem of classification.

    All pixels are shifted by one mean and divided by one standard deviation, as Sclocchi, Geiger
    and Wyart (arXiv 2301.13703) do with MNIST, so that the mean of ||x||^2 is the dimension; the
    pixels that are always empty then act as a constant input.

    Parameters
    ----------
    first, second
        Two different digits from 0 to 9; labels +1 and -1.

    Returns
    -------
    X
        (point, 64); about 360 points.
    y
        (point,) of +-1.

    Raises
    ------
    InputError
        If a digit is not one, or both are the same.
    """
    from sklearn.datasets import load_digits

    first, second = as_count("first", first, 0, 9), as_count("second", second, 0, 9)
    require(first != second, "second", second, "must differ from first")
    X, label = load_digits(return_X_y=True)
    chosen = np.isin(label, (first, second))
    X = X[chosen]
    return (X - X.mean()) / X.std(), np.where(label[chosen] == first, 1.0, -1.0)


def standardise(X: np.ndarray) -> np.ndarray:
    """Centre columns and scale them to unit variance (divided by N).

    Columns that never change are left out.

    Parameters
    ----------
    X
        (sample, column).

    Returns
    -------
    (sample, columns that change)
    """
    X = as_array("X", X, ndim=2)
    # Not by their spread, which rounding leaves above zero where 0.1 stands throughout.
    changing = X.max(axis=0) > X.min(axis=0)
    spread = X.std(axis=0)
    return np.ascontiguousarray((X[:, changing] - X[:, changing].mean(axis=0)) / spread[changing])
