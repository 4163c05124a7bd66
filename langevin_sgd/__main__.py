"""``python -m langevin_sgd`` is the command ``langevin-sgd``."""

import sys

from langevin_sgd.cli import main

if __name__ == "__main__":
    sys.exit(main())
