"""One command of gistchain -> where its time goes: imports, sessions, networks, kernels, files.

python -X importtime -m benchmarks.parts FIGURES.json COMMAND ...     # start_to_end.py reads its stderr, too

Sessions are made in threads beside the imports, so that the parts of a command may come to more than its time.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

_spent = {"sessions": 0.0, "networks": 0.0, "kernels": 0.0}
_count = {"sessions": 0, "networks": 0, "kernels": 0}
_read: dict[str, int] = {}
_turn = threading.Lock()


def _timed(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def timed(*arguments: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return call(*arguments, **named)
        finally:
            with _turn:
                _spent[name] += time.perf_counter() - started
                _count[name] += 1

    return timed


def _opened(event: str, arguments: tuple[Any, ...]) -> None:
    """Notes the size of every file that Python opens, once."""
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        path = os.fsdecode(arguments[0])
        if path not in _read:
            _read[path] = 0
            if os.path.isfile(path):
                _read[path] = os.path.getsize(path)


def measured(figures: Path, words: list[str]) -> None:
    """Runs the command and writes seconds and counts of its parts, also where it ends with an exit code."""
    sys.addaudithook(_opened)
    started = time.perf_counter()
    sys.meta_path.insert(0, _Watched())
    try:
        from gistchain.cli.app import app

        app(words, standalone_mode=False)
    finally:
        parts = {"seconds": _spent, "count": _count, "wall_s": time.perf_counter() - started}
        figures.write_text(json.dumps(parts | {"files": len(_read), "bytes": sum(_read.values())}), "utf-8")


class _Watched(MetaPathFinder):
    """Times sessions and kernels from the moment their modules are imported; they are not imported for it."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name not in _TIMED:
            return None
        spec = PathFinder.find_spec(name, path, target)
        assert spec is not None
        assert spec.loader is not None
        load = spec.loader.exec_module

        def loaded(module: Any) -> None:
            load(module)
            for class_name, method, part in _TIMED[name]:
                owner = getattr(module, class_name)
                setattr(owner, method, _timed(part, getattr(owner, method)))

        spec.loader.exec_module = loaded  # type: ignore[method-assign]
        return spec


_TIMED = {
    "onnxruntime.capi.onnxruntime_inference_collection": (
        ("InferenceSession", "__init__", "sessions"), ("InferenceSession", "run", "networks"),
    ),
    "gistchain.kernels.compiled": (("_Module", "_linked", "kernels"),),
}  # fmt: skip

if __name__ == "__main__":
    measured(Path(sys.argv[1]), sys.argv[2:])
