"""The machine room: how kernels are compiled, kept, generated, and spread over the cores.

- `compiled`: the decorators of kernels, operations that compile to single instructions, threads
- `linked_code`: the compiler of functions that only kernels call; all private classes of Numba
- `generated`: source text put together at run time, kept and imported safely
- `machine`: cores, threads and folders for caches
- `products`, `tile`: matrix products of many networks at once, held in vector registers

No physics lives here, and no other room knows Numba's or LLVM's insides.
"""
