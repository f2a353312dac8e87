"""py_ecc's three modules of pairings, loaded when a pairing is computed and not when the chain's code is imported.

Importing one computes tables in pure Python: six tenths of a second in all, more than the rest of py-evm takes. Only
contracts that check BLS or bn128 pairings and keystores of validators call them, and the registry is no such contract.

    import py_ecc... ── Finder ── a module whose functions, when called, load the real module and call its own
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

FUNCTIONS: dict[str, tuple[str, ...]] = {
    "py_ecc.bls12_381.bls12_381_pairing": ("final_exponentiate", "pairing"),
    "py_ecc.optimized_bls12_381.optimized_pairing": ("final_exponentiate", "normalize1", "pairing"),
    "py_ecc.optimized_bn128.optimized_pairing": ("final_exponentiate", "normalize1", "pairing"),
}
"""Module -> what other modules import from it. Any other name that is asked for loads the module at once."""


@contextmanager
def deferred() -> Iterator[None]:
    """What is imported inside loads these modules at their first call; those that are loaded already stay as they are.

    For the imports of this package alone: afterwards the program that uses it imports as it did before.
    """
    finder = Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        with suppress(ValueError):  # somebody else took it out
            sys.meta_path.remove(finder)


class Finder(MetaPathFinder):
    """Finds the modules of FUNCTIONS where Python finds them, with a loader that waits."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in FUNCTIONS:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Waiting(spec.loader, FUNCTIONS[name])
        return spec


class _Waiting(Loader):
    def __init__(self, loader: Loader, functions: tuple[str, ...]) -> None:
        self._loader, self._functions = loader, functions
        self._turn, self._loaded = threading.RLock(), False

    def __getattr__(self, name: str) -> Any:
        """What the real loader has besides: the source, the code, the name of the file."""
        if name.startswith("__") or name == "_loader":  # not there yet in a copy
            raise AttributeError(name)
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        def missing(name: str) -> Any:
            if name.startswith("__") or name not in self._load(module).__dict__:
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            return module.__dict__[name]

        self._loaded = False  # also where the module is reloaded
        module.__dict__.update({name: self._deferred(module, name) for name in self._functions}, __getattr__=missing)

    def _deferred(self, module: ModuleType, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            return getattr(self._load(module), name)(*arguments, **named)

        call.__name__ = call.__qualname__ = name
        call.__module__ = module.__name__
        return call

    def _load(self, module: ModuleType) -> ModuleType:
        with self._turn:
            if not self._loaded:
                for name in self._functions:  # the real ones take their place, as far as there are any
                    module.__dict__.pop(name, None)
                self._loader.exec_module(module)
                self._loaded = True
        return module
