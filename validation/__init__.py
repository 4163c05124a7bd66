"""The claims: one folder per body of work, one file per claim.

Folders named in the environment variable LANGEVIN_SGD_CLAIMS (parted by ``:``) join this one, so
that claims of your own are found, and their tasks can be imported in worker processes.
"""

import os

__path__ = [*__path__, *filter(None, os.environ.get("LANGEVIN_SGD_CLAIMS", "").split(os.pathsep))]
