"""A kind and a name, as a user gives them -> the model, ready to run. The rows come from table.py and from plugins."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gistchain.errors import GistchainError, ModelError, SettingError
from gistchain.models.zoo.conformance import PROTOCOLS
from gistchain.models.zoo.inventory import imported, unmet
from gistchain.models.zoo.plugins import with_plugins
from gistchain.models.zoo.table import TABLE, ModelRow

KINDS = tuple(PROTOCOLS)
DTYPES = ("float32", "float16", "bfloat16")
PARTS = {"embedder": ("text-embedder", "minilm")}
"""Arguments of constructors that are models themselves -> the model that is loaded where the caller gives none."""
_PLACE = "device", "dtype", "allow_download", "allow_pickle"
_DEVICE = re.compile(r"cpu|mps|(cuda|xpu)(:\d+)?")


def entries() -> tuple[ModelRow, ...]:
    """All rows by kind, those of gistchain before those of plugins; rows of unknown kinds last."""
    return tuple(sorted(with_plugins(TABLE), key=lambda row: (*KINDS, row.kind).index(row.kind)))


def parse(text: str) -> tuple[str, str | None]:
    """("blip", "org/name") of "blip=org/name"; ("blip", None) of "blip". Raises SettingError where a part is empty."""
    name, equals, source = text.partition("=")
    if not name.strip() or (equals and not source.strip()):
        raise SettingError(f"{text!r} names no model: give NAME, or NAME=SOURCE with a hub id or a folder")
    return name.strip(), os.path.expanduser(source.strip()) or None


def find(kind: str, name: str) -> ModelRow:
    """The row. Raises SettingError, which lists the known ones, for an unknown kind or name."""
    if kind not in KINDS:
        raise SettingError(f"there is no kind of model {kind!r}: there are {', '.join(KINDS)}")
    for row in TABLE:  # gistchain's own names can't be taken, and need no search for plugins
        if (row.kind, row.name) == (kind, name):
            return row
    rows = [row for row in entries() if row.kind == kind]
    for row in rows:
        if row.name == name:
            return row
    others = " and a ".join(dict.fromkeys(row.kind for row in entries() if row.name == name))
    known = ", ".join(row.name for row in rows if not row.error)
    raise SettingError(
        f"there is no {kind} {name!r}{f' ({name!r} is a {others})' if others else ''}: there are {known or 'none'}"
    )


def named(name: str, kind: str | None = None) -> list[ModelRow]:
    """The rows of this name, of one kind or of all. Raises SettingError where there is none."""
    if kind is not None:
        return [find(kind, name)]
    kinds = dict.fromkeys(row.kind for row in entries() if row.name == name and row.kind in KINDS)
    if not kinds:
        raise SettingError(f"there is no model {name!r}: `gistchain models list` shows what there is")
    return [find(of, name) for of in kinds]


def load(
    kind: str,
    name: str,
    *,
    source: str | None = None,
    device: str = "cpu",
    dtype: str = "float32",
    allow_download: bool = False,
    allow_pickle: bool = False,
    folder: Path | None = None,
    parts: Mapping[str, Any] | None = None,
    query: str | None = None,
) -> Any:
    """The model, which fulfils the Protocol of its kind (conformance.PROTOCOLS).

    source: hub id or folder, for models that take one; device, dtype and the permissions are for these models too.
    folder: that of the user's own collections. parts: models to build it from, by the names of PARTS. query: what a
    captioner is asked, None for its own question. Raises
    SettingError for what can't be asked for, ModelError for what is missing or doesn't work.
    """
    row = find(kind, name)
    _check_place(device, dtype)
    if lacking := unmet(row):
        raise ModelError(f"{kind} {name!r} can't be used: {lacking}")
    model_class = _class(row)
    place = dict(zip(_PLACE, (device, dtype, allow_download, allow_pickle), strict=True))
    accepted = _accepted(model_class)
    if query is not None and "query" not in accepted:
        raise SettingError(f"{kind} {name!r} is asked nothing: leave the query out, or take a captioner such as llava")
    asked = {} if query is None else {"query": query}
    arguments = _arguments(row, accepted, source, place | asked | {"folder": folder}, parts or {})
    model = _made(row, model_class, arguments)
    if not isinstance(model, PROTOCOLS[kind]):
        raise ModelError(
            f"{kind} {name!r} of {row.distribution} is not of its kind: {row.target} lacks members of "
            f"{PROTOCOLS[kind].__name__} in gistchain.types"
        )
    return model


def _check_place(device: str, dtype: str) -> None:
    if dtype not in DTYPES:
        raise SettingError(f"dtype is {dtype!r}: give one of {', '.join(DTYPES)}")
    if not _DEVICE.fullmatch(device):
        raise SettingError(f"device is {device!r}: give cpu, cuda, cuda:1, mps or xpu")


def _arguments(
    row: ModelRow, accepted: set[str], source: str | None, given: Mapping[str, Any], parts: Mapping[str, Any]
) -> dict[str, Any]:
    """What the constructor is called with: of all that could be given, what it names."""
    if source is not None and "source" not in accepted:
        raise SettingError(f"{row.kind} {row.name!r} has weights of its own: leave out ={source}")
    every = {"source": source or row.source, **given}
    arguments = {key: value for key, value in every.items() if key in accepted} | dict(row.arguments)
    if "source" in accepted and not arguments["source"]:
        raise SettingError(
            f"{row.kind} {row.name!r} needs a checkpoint: give {row.name}=SOURCE with a hub id or a folder"
        )
    for part in PARTS.keys() & accepted:
        arguments[part] = parts.get(part) or load(*PARTS[part])
    return arguments


def _class(row: ModelRow) -> Any:
    try:
        return imported(row)
    except (ImportError, AttributeError) as error:
        raise ModelError(f"{row.kind} {row.name!r} can't be used: {row.target} is not there ({error})") from error


def _accepted(model_class: Any) -> set[str]:
    """The names of the arguments that a constructor takes."""
    try:
        parameters = inspect.signature(model_class).parameters
    except (TypeError, ValueError):  # a class written in C has no signature; it is made without arguments
        return set()
    any_name = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    return set(parameters) | (set(_PLACE) if any_name and "source" in parameters else set())


def _made(row: ModelRow, model_class: Any, arguments: Mapping[str, Any]) -> Any:
    if row.distribution == "gistchain":
        return model_class(**arguments)
    try:
        return model_class(**arguments)
    except GistchainError:
        raise
    except Exception as error:  # a plugin may raise anything
        raise ModelError(
            f"{row.kind} {row.name!r} of {row.distribution} can't be made "
            f"({type(error).__name__}: {error}): report it to its makers"
        ) from error
