"""A function of loops -> the same function compiled by numba, with the same results on every machine.

Nothing is reordered or fused (fastmath is off), and the kernels only add, multiply, divide and take square roots: IEEE
754 defines those to the last bit, unlike cos, exp and log (T1.2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """The function as machine code, compiled at its first call and cached on disk; it releases the interpreter's lock.

    numba caches it in NUMBA_CACHE_DIR, beside the source or in the user's cache folder, whichever is set or writable.
    Where none is, it is compiled again in every process: slower to start, the same results.
    """
    import numba

    try:
        return cast(F, numba.njit(nogil=True, cache=True)(function))
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        return cast(F, numba.njit(nogil=True)(function))
