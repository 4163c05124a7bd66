"""The machine room: how kernels are compiled, kept, generated, and spread over the cores.

No physics lives here, and no other room knows LLVM, private parts of Numba, or how source that is
put together at run time is imported.

What is inlined
    A kernel (`compiled.kernel`) is called from Python and compiled as one piece: all functions that
    it calls (`compiled.inlined`, `contracting`, `reassociating`, and the intrinsics) are inlined
    into it. Only then does LLVM see a whole loop over lanes and turn it into vector instructions.
    Functions reach a kernel by being imported, or as arguments bound in generated source.

What is kept, and where
    Machine code: in a folder that only this user can write to, named after a digest of every file
    that may change it (`compiled.cache_folder`, `compiled.compiled_sources`), because Numba itself
    looks at the file of the outermost function alone. Generated source: in a folder of the user,
    under the hash of its text and of the files it is built on (`generated.load`). It is compared
    with the expected text before it is run. Where there is no safe place, nothing is kept.

What is private Numba
    All private classes are in `linked_code`: a compiler that saves the time for machine code of
    functions that nobody calls from Python. Without it `compiled` takes Numba's own: the same bits,
    in twice the time. One private attribute is in `compiled`, the cache of a compiled function, so
    that its damaged files count as missing.

What callers rely on
    - The same bits for any number of threads, and for any replicas beside: threads take pieces
      (`layout`) of which each replica, or block of replicas, is computed alone.
    - The same bits from vectorised and scalar code: kernels are compiled without fast-math, and
      where two roundings may be one, the code says so by `fma`. Two decorators grant more, and are
      named for it: `contracting` may fuse a product and a sum, `reassociating` may also reorder a
      sum. Both give fixed bits on one machine type and set of versions.
    - Rows that come `padded` are read to the end of their last cache line, and their zeros stay
      zero.
    - Kernels release the interpreter lock, and raise no errors for divisions by zero: these give
      infinities and NaN, as in NumPy.

Files
    - `compiled`: the decorators, the folder of machine code, threads
    - `linked_code`: the compiler of functions that only kernels call
    - `intrinsics`: single machine instructions that Python has no name for
    - `layout`: alignment, padding, and pieces for threads
    - `exponential`: e^x as vector instructions
    - `block_code`: what a force or a noise brings to the kernels of the general engine
    - `block_functions`: source of functions that fill blocks of replicas
    - `expressions`: from expressions of sympy to such source
    - `user_functions`: a user's compiled functions in generated source
    - `generated`: how source that is put together at run time is kept and imported
    - `products`, `tile`: matrix products of many networks at once, held in vector registers
    - `machine`: cores, threads and folders for caches
"""
