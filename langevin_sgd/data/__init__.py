"""Data sets: embedded ones, synthetic ones, and files of the user's own.

- `diabetes`, `digits`: for regression; `digit_pair`: two classes of digits, for the perceptron (``embedded``)
- `gaussian_inputs`: regression with Gaussian inputs (``synthetic``)
- `DepletedSign`: separable points with a power law of density at the boundary (``depleted_sign``)
- `GivenPoints`: labelled points that are given (``given_points``)
- `read_table`: CSV and NPZ files (``files``)
"""

from langevin_sgd.data.depleted_sign import DepletedSign as DepletedSign
from langevin_sgd.data.embedded import diabetes as diabetes
from langevin_sgd.data.embedded import digit_pair as digit_pair
from langevin_sgd.data.embedded import digits as digits
from langevin_sgd.data.files import read_table as read_table
from langevin_sgd.data.given_points import GivenPoints as GivenPoints
from langevin_sgd.data.synthetic import gaussian_inputs as gaussian_inputs
