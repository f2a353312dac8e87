"""A model's name -> its card, and the bytes of its weights, which must be the very ones that the card names.

    NAME.json ──> card ──> sha256 ─┐
    NAME.onnx ──> bytes ───────────┴──> the same? ──> weights, or ModelError

They lie in the folder that ships with gistchain, or in any other, as `gistchain collection train` writes them.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Any

from gistchain.errors import ModelError
from gistchain.safejson import parsed

NEXT = ".next"
"""Behind the name of weights that take the place of others: the card names them already (layered/shelving.py)."""
WEIGHTS = Path(__file__).parents[1] / "weights"
"""The folder that ships."""


def card(name: str, folder: Path | None = None) -> dict[str, Any]:
    """The model card `{name}.json`: kind, data, licence, recipe, sha256 and what its code needs."""
    path = _path(name, ".json", folder)
    try:
        content = parsed(path.read_bytes())
    except FileNotFoundError as error:
        raise ModelError(f"no model {name!r}: there is no {path.name} in {path.parent}; {_remedy(folder)}") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"the model card {path} is damaged ({error}): {_remedy(folder)}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} is not a model card: {_remedy(folder)}")
    return content


def weights(name: str, folder: Path | None = None, *, suffix: str = ".onnx") -> bytes:
    """The bytes of `{name}{suffix}`. Raises ModelError where the file is missing or not the one that its card names."""
    path = _path(name, suffix, folder)
    # Twice: between the reading of the card and that of the file, another process may have replaced both.
    for _ in range(1 if folder is None else 2):
        wanted = card(name, folder).get("sha256")
        if not isinstance(wanted, str):
            raise ModelError(f"the model card of {name!r} names no sha256: {_remedy(folder)}")
        for place in (path, path.with_name(path.name + NEXT)):
            with contextlib.suppress(OSError):
                raw = place.read_bytes()
                if hashlib.sha256(raw).hexdigest() == wanted:
                    return raw
    if not path.exists():
        raise ModelError(f"the weights of {name!r} can't be read (there is no {path}): {_remedy(folder)}")
    raise ModelError(f"{path} is damaged, cut off or another file (its sha256 is not the card's): {_remedy(folder)}")


def _path(name: str, suffix: str, folder: Path | None) -> Path:
    if not name or name != Path(name).name:
        raise ModelError(f"{name!r} is not a model's name: give one without folders")
    return (folder or WEIGHTS) / f"{name}{suffix}"


def _remedy(folder: Path | None) -> str:
    return "reinstall gistchain" if folder is None else "fetch it again, or train and export it again"
