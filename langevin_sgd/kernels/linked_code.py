"""A compiler for functions that only kernels call; the one file built on private classes of Numba.

Such functions are linked into kernels, and machine code is made there; half of Numba's time goes
into machine code of the functions themselves, which nobody runs. Where this file cannot be imported
`langevin_sgd.kernels.compiled` goes without:
the same bits, in twice the time.
"""

from __future__ import annotations

import ctypes
from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import AnalysisPass, register_pass
from numba.core.typed_passes import NopythonTypeInference


class _NoEngine:
    """Stands in for the engine that holds machine code, which these functions never have."""

    @staticmethod
    def set_env(name: str, environment: Any) -> None:
        """Do nothing: Numba would write what belongs to a function beside its machine code."""


class _LinkedCode(JITCodeLibrary):
    """Code that is optimized for being linked into kernels, and made into machine code only
    there.
    """

    codegen = _NoEngine

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        self._ensure_finalized()
        # What Numba would call from Python: there is no machine code, so it raises TypeError
        # instead of jumping to 0.
        return ctypes.cast(ctypes.pythonapi.PyErr_BadArgument, ctypes.c_void_p).value or 0


@register_pass(mutates_CFG=False, analysis_only=True)
class _LinkOnly(AnalysisPass):
    _name = "link_only"

    def __init__(self) -> None:
        AnalysisPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        state.library = _LinkedCode(state.targetctx.codegen(), state.func_id.func_qualname)
        return False


class InlinedCompiler(CompilerBase):
    """Numba's compiler for functions that only kernels call: half of its time goes into machine
    code nobody runs.
    """

    def define_pipelines(self) -> list[Any]:
        """Return Numba's passes with one more."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(_LinkOnly, NopythonTypeInference)
        passes.finalize()
        return [passes]
