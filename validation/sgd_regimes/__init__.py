"""SGD in its training regimes: signal, noise and the end of training (Sclocchi, Geiger and Wyart, arXiv 2301.13703)."""
