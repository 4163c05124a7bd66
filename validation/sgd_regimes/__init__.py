"""SGD in its training regimes: signal, noise and the end of training (Sclocchi, Geiger and Wyart,
arXiv 2301.13703).
"""

from pkgutil import extend_path

# Claims of others on the same paper, in a folder of LANGEVIN_SGD_CLAIMS, join those of the package.
__path__ = extend_path(__path__, __name__)
