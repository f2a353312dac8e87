"""Function of loops -> the same, compiled by numba, with the same bits on every machine.

Nothing is reassociated or fused (fastmath off), and the kernels that are compiled here add, multiply, divide and take
square roots only: IEEE 754 fixes those to the last bit, which it does not for cos, exp and log (T1.2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """The function as machine code, made at its first call and kept on disk; it runs without the interpreter's lock.

    numba keeps it in NUMBA_CACHE_DIR, beside the source or in the user's cache folder, whichever is set or writable.
    Where none is, the function is compiled again in every process: slower to start, the same results.
    """
    import numba

    try:
        return cast(F, numba.njit(nogil=True, cache=True)(function))
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        return cast(F, numba.njit(nogil=True)(function))
