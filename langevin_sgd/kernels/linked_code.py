"""A compiler for functions that only kernels call; the one file built on private classes of Numba.

Such functions are linked into kernels as LLVM code, and machine code is made of the whole kernel.
Numba spends half of its time on machine code of the functions themselves, which nobody runs: this
compiler leaves it out. Where this file cannot be imported, because a version of Numba has renamed
what it is built on, `langevin_sgd.kernels.compiled` does without it: the same bits, in twice the
time.
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
    """Code that is optimized and can be linked into kernels, but has no machine code of its own."""

    codegen = _NoEngine

    def _finalize_final_module(self) -> None:
        # Numba would go on here to hand the module to LLVM's engine, which makes machine code.
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        self._ensure_finalized()
        # Numba asks for the address of the entry from Python. There is none: an address that raises
        # TypeError is better than a jump to 0.
        return ctypes.cast(ctypes.pythonapi.PyErr_BadArgument, ctypes.c_void_p).value or 0


@register_pass(mutates_CFG=False, analysis_only=True)
class _LinkOnly(AnalysisPass):
    """Sets the library into which the following passes write, before the first of them does."""

    _name = "link_only"

    def __init__(self) -> None:
        AnalysisPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        state.library = _LinkedCode(state.targetctx.codegen(), state.func_id.func_qualname)
        return False


class InlinedCompiler(CompilerBase):
    """Numba's compiler, without machine code."""

    def define_pipelines(self) -> list[Any]:
        """Return Numba's passes, and `_LinkOnly` among them."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(_LinkOnly, NopythonTypeInference)
        passes.finalize()
        return [passes]
