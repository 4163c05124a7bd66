"""Flat minima: alignment of SGD's noise, and the stability that selects minima (Wu, Wang and Su,
arXiv 2207.02628).
"""

from pkgutil import extend_path

# Claims of others on the same paper, in a folder of LANGEVIN_SGD_CLAIMS, join those of the package.
__path__ = extend_path(__path__, __name__)
