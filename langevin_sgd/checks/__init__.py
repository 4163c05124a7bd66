"""The door: every value a user gives is converted here, once, or refused in one line.

A refusal names the argument, shows the value and states the allowed range. What passes comes back
as a type of Python's own (``np.int64(3)`` and a 0-d array are 3) or as an array that nobody else
holds, so that nothing behind the door has to ask again: no NumPy scalar reaches a JSON document, no
list is taken for a number, no mask and no imaginary part is dropped on the way, and an object keeps
what it was made from when the caller's array changes.

- ``refusals``: what a refusal says, in one line
- ``kinds``: what a value is, whatever it calls itself: numbers, truth values, masks
- ``scalars``: numbers, one at a time
- ``objects``: texts, paths, functions, objects of the package, and the fields of dataclasses
- ``sequences``: several values in a list or a one-dimensional array
- ``arrays``: arrays of numbers: copies that nobody else holds
- ``memory``: what fits into the memory of this machine
"""

from langevin_sgd.checks.arrays import as_array as as_array
from langevin_sgd.checks.arrays import as_complex_array as as_complex_array
from langevin_sgd.checks.arrays import as_flags as as_flags
from langevin_sgd.checks.arrays import as_integers as as_integers
from langevin_sgd.checks.arrays import as_states as as_states
from langevin_sgd.checks.memory import require_memory as require_memory
from langevin_sgd.checks.objects import as_callable as as_callable
from langevin_sgd.checks.objects import as_choice as as_choice
from langevin_sgd.checks.objects import as_function as as_function
from langevin_sgd.checks.objects import as_instance as as_instance
from langevin_sgd.checks.objects import as_objects as as_objects
from langevin_sgd.checks.objects import as_path as as_path
from langevin_sgd.checks.objects import as_text as as_text
from langevin_sgd.checks.objects import convert_fields as convert_fields
from langevin_sgd.checks.refusals import InputError as InputError
from langevin_sgd.checks.refusals import printable as printable
from langevin_sgd.checks.refusals import require as require
from langevin_sgd.checks.refusals import shown as shown
from langevin_sgd.checks.scalars import LARGEST_COUNT as LARGEST_COUNT
from langevin_sgd.checks.scalars import as_chi as as_chi
from langevin_sgd.checks.scalars import as_count as as_count
from langevin_sgd.checks.scalars import as_flag as as_flag
from langevin_sgd.checks.scalars import as_fraction as as_fraction
from langevin_sgd.checks.scalars import as_not_negative as as_not_negative
from langevin_sgd.checks.scalars import as_positive as as_positive
from langevin_sgd.checks.scalars import as_real as as_real
from langevin_sgd.checks.scalars import as_seed as as_seed
from langevin_sgd.checks.scalars import is_real as is_real
from langevin_sgd.checks.sequences import as_counts as as_counts
from langevin_sgd.checks.sequences import as_tuple as as_tuple
from langevin_sgd.checks.sequences import as_window as as_window
