"""Claims about our own numerics: orders of integrators, and agreement between methods."""

from pkgutil import extend_path

# Claims of others on the same paper, in a folder of LANGEVIN_SGD_CLAIMS, join those of the package.
__path__ = extend_path(__path__, __name__)
