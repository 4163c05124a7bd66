"""Kunin et al., *The Limiting Dynamics of SGD* (arXiv 2107.09133, Neural Computation 36, 151), on linear regression."""
