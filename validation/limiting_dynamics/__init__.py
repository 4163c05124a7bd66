"""Kunin et al., *The Limiting Dynamics of SGD* (arXiv 2107.09133), on linear regression."""

from pkgutil import extend_path

# Claims of others on the same paper, in a folder of LANGEVIN_SGD_CLAIMS, join those of the package.
__path__ = extend_path(__path__, __name__)
