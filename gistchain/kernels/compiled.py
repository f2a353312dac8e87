"""A function of loops -> the same function as machine code, with the same results on every machine.

    @compiled("f8[n], out f8[n] -> f8")           a kernel: what it reads, what it writes, what it returns
        │ first call of any kernel of a module
        ├─ an object file of these kernels is kept ────────────────────────────────────────────┐
        └─ none ──> numba compiles them (objectfile.py), some seconds ──> kept for the next ───┴──> linked, called

numba takes longer to import than the kernels run, so that only the first process loads it. Nothing is reordered or
fused (fastmath is off), and kernels only add, multiply, divide and take square roots: IEEE 754 defines those to the
last bit, unlike cos, exp and log (T1.2). They allocate nothing, because that would take numba's runtime.

A kept file is trusted as Python trusts a compiled module that lies beside it (disk/kept.py). Where nothing can be kept
every process compiles: slower to start, the same results.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar, cast

import numpy as np

from gistchain.disk.kept import kept
from gistchain.kernels import objectfile

F = TypeVar("F", bound=Callable[..., Any])
_CTYPES: dict[str, type] = {"ptr": ctypes.c_void_p, "i64": ctypes.c_int64, "double": ctypes.c_double}
_RESULTS = {"f8": "d", "i8": "q", "u8": "Q"}
"""As struct reads them."""


def compiled(layout: str) -> Callable[[F], F]:
    """Makes a function of plain loops a kernel, which releases the interpreter's lock.

    layout: its arguments, then what it returns, in numpy's names: "f8[n], i8, out f8[n, 4] -> f8, i8". Dimensions of
    one name are equal. An array is C-contiguous unless `strided` stands before it and only read unless `out` does; a
    call with another one, or with another number, is a TypeError. A division by zero is a ZeroDivisionError; indices
    are not checked. Functions of ours that a kernel calls are compiled with it; its constants are numbers.
    """
    takes, _, returns = layout.partition("->")
    arguments = tuple(Argument.read(text.strip()) for text in re.split(r",(?![^[]*\])", takes))
    results = tuple(re.findall(r"\w+", returns))

    def kernel(function: F) -> F:
        return cast(F, Kernel(cast(FunctionType, function), arguments, results))

    return kernel


@dataclass(frozen=True, slots=True)
class Argument:
    """An array, or a number where `shape` is None."""

    dtype: np.dtype[Any]
    shape: tuple[str, ...] | None
    out: bool
    strided: bool

    @staticmethod
    def read(text: str) -> Argument:
        found = re.fullmatch(r"(out )?(strided )?([fiub]\d)(?:\[(.+)\])?", text)
        if found is None:
            raise TypeError(f"{text!r} is no argument of a kernel")
        shape = None if found[4] is None else tuple(found[4].replace(" ", "").split(","))
        return Argument(np.dtype(found[3]), shape, bool(found[1]), bool(found[2]))

    @property
    def types(self) -> list[str]:
        """What numba passes, as LLVM names it: of an array owner, parent, count, item size, address, shape, strides."""
        if self.shape is None:
            return ["double" if self.dtype.kind == "f" else "i64"]
        return ["ptr", "ptr", "i64", "i64", "ptr", *["i64"] * 2 * len(self.shape)]

    def fields(self, value: Any, sizes: dict[str, int]) -> tuple[Any, ...]:
        """The same as values. sizes: of dimensions that were met. Raises TypeError where the value doesn't fit."""
        if self.shape is None:
            return (self._number(value),)
        if not isinstance(value, np.ndarray) or value.dtype != self.dtype or value.ndim != len(self.shape):
            raise TypeError(f"needed is an array of {self.dtype} with {len(self.shape)} dimensions, not {_told(value)}")
        flags = value.flags
        if not (flags.aligned and (self.strided or flags.c_contiguous) and (flags.writeable or not self.out)):
            raise TypeError(f"{_told(value)} is not aligned, not contiguous or read-only")
        for name, size in zip(self.shape, value.shape, strict=True):
            if size != (int(name) if name.isdecimal() else sizes.setdefault(name, size)):
                raise TypeError(f"{_told(value)} is not [{', '.join(self.shape)}], where {sizes}")
        # No owner: numba's runtime frees nothing.
        return (None, None, value.size, value.itemsize, value.ctypes.data, *value.shape, *value.strides)

    def _number(self, value: Any) -> float | int:
        if self.dtype == np.float64 and isinstance(value, float):
            return value
        # ctypes would cut off what is too large.
        if self.dtype == np.int64 and isinstance(value, (int, np.int64)) and -1 << 63 <= value < 1 << 63:
            return int(value)
        raise TypeError(f"needed is a number of {self.dtype}, not {_told(value)}")


def _told(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    return f"{value!r} ({type(value).__name__})"


class Kernel:
    """A function in machine code; `function` is the same in Python."""

    def __init__(self, function: FunctionType, takes: tuple[Argument, ...], returns: tuple[str, ...]) -> None:
        self.function, self.takes, self.returns = function, takes, returns
        self.__doc__ = function.__doc__
        self._results = struct.Struct("".join(_RESULTS[name] for name in returns))
        self._module = _MODULES.setdefault(function.__module__, _Module(function.__module__))
        self._module.kernels[function.__name__] = self
        self._native: Callable[..., int] | None = None

    def __call__(self, *arguments: Any) -> Any:
        if len(arguments) != len(self.takes):
            raise TypeError(f"{self.function.__name__} takes {len(self.takes)} arguments, not {len(arguments)}")
        sizes: dict[str, int] = {}
        fields = [
            field for take, value in zip(self.takes, arguments, strict=True) for field in take.fields(value, sizes)
        ]
        if self._native is None:
            native = ctypes.CFUNCTYPE(ctypes.c_int32, *map(_CTYPES.__getitem__, self.types))
            self._native = native(self._module.address(self.function.__name__))
        # numba writes an empty pointer where nothing is returned.
        results, error = ctypes.create_string_buffer(max(8, self._results.size)), ctypes.c_void_p()
        # The one error there can be: kernels raise nothing themselves, and numba checks no index.
        if self._native(results, ctypes.byref(error), *fields):
            raise ZeroDivisionError(f"{self.function.__name__} divided by zero")
        values = self._results.unpack_from(results)
        return values if len(values) > 1 else values[0] if values else None

    @property
    def types(self) -> list[str]:
        """numba's convention: address of the results, address of an error's pointer, fields of the arguments."""
        return ["ptr", "ptr", *(name for take in self.takes for name in take.types)]


class _Module:
    """The kernels of a module, which share an object file."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.kernels: dict[str, Kernel] = {}
        self._engine: Any = None

    def address(self, name: str) -> int:
        with _TURN:
            if self._engine is None:
                self._engine = self._linked()
            return cast(int, self._engine.get_function_address(name))

    def _linked(self) -> Any:
        made: list[bytes] = []

        def content() -> bytes:
            if not made:  # once, although there are two folders to be tried
                made.append(objectfile.made(self.kernels))
            return made[0]

        file = getattr(sys.modules.get(self._name), "__file__", None)
        if file is not None:
            key, folder = objectfile.key(self.kernels), Path(file).parent
            path = kept(f"{self._name}.kernels", key, lambda draft: draft.write_bytes(content()), beside=folder)
            if path is not None and not made:
                with contextlib.suppress(OSError, RuntimeError):  # thrown away a moment ago, or not whole
                    return objectfile.linked(path.read_bytes(), self.kernels)
        return objectfile.linked(content(), self.kernels)


_MODULES: dict[str, _Module] = {}
_TURN = threading.Lock()
