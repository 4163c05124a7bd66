"""Claims about our own numerics: orders of integrators, agreement of simulation, Fokker-Planck and exact laws."""
