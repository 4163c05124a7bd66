"""Data sets: embedded ones, synthetic ones, and files of the user's own.

- `diabetes`, `digits`: for regression (``embedded``, which also has two classes of digits, for the
  perceptron)
- `gaussian_inputs`: regression with Gaussian inputs (``synthetic``)
- `DepletedSign`: separable points with a power law of density at the boundary (``depleted_sign``)
- `mnist`, `cifar10`: images of ten classes on the scale of the papers (``images``, which also has
  the small ones of scikit-learn and puts classes in two groups); `has_images`: whether the files
  are there (``image_files``)
- `BinaryImages`, `SyntheticPoints`: disjoint training and test sets for networks
  (``binary_images``, ``synthetic_points``)
- `read_table`: CSV and NPZ files (``files``)

Inside: ``given_points`` are labelled points as arrays, which problems make of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from langevin_sgd.lazy import attributes

if TYPE_CHECKING:
    from langevin_sgd.data.binary_images import BinaryImages as BinaryImages
    from langevin_sgd.data.depleted_sign import DepletedSign as DepletedSign
    from langevin_sgd.data.embedded import diabetes as diabetes
    from langevin_sgd.data.embedded import digits as digits
    from langevin_sgd.data.files import read_table as read_table
    from langevin_sgd.data.image_files import has_images as has_images
    from langevin_sgd.data.images import cifar10 as cifar10
    from langevin_sgd.data.images import mnist as mnist
    from langevin_sgd.data.synthetic import gaussian_inputs as gaussian_inputs
    from langevin_sgd.data.synthetic_points import SyntheticPoints as SyntheticPoints

# Numba comes with the laws that draw: the command reads the fields of laws without it.
__getattr__ = attributes(
    __name__,
    {
        "BinaryImages": "binary_images",
        "SyntheticPoints": "synthetic_points",
        "DepletedSign": "depleted_sign",
        "diabetes": "embedded",
        "digits": "embedded",
        "read_table": "files",
        "has_images": "image_files",
        "cifar10": "images",
        "mnist": "images",
        "gaussian_inputs": "synthetic",
    },
)
