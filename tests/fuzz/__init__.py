"""Contract of input: whatever goes in, out comes a right result or one clear line.

A case is one line of Python text, so that it can be read, kept and repeated: a call of a public
name of the package, or of the command with its words. Case number n is always the same case.

Warm-up: a worker first imports all that is public (some ten seconds); objects that are made once,
and what Numba compiles, take no time of the case that needs them, which has five seconds of the
processor.

- `surface`: every public callable, found by walking the package, and every option of the command,
  found in its parser
- `made`: good objects of the package, small and quick, by name
- `values`: good, odd and wrong values for every parameter
- `cases`: the text of case n
- `rules`: what may come of a case
- `worker`, `runner`: cases run one by one in processes that may hang or die
- ``python -m tests.fuzz``: runs cases and says which failed; ``failed.txt`` keeps them
"""
