"""A file of weights -> tensors -> a network of torchvision, which has no config.json beside its weights.

source: the file (safetensors; .pth where pickles are allowed), a folder with one such file, or torchvision's own name
for the weights, which are looked for where torch.hub keeps them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gistchain.errors import ModelError
from gistchain.models.transformers.loading import need, reading
from gistchain.models.zoo.checkpointfiles import PICKLED, SAFE, check_safetensors, refuse_pickle


def module(who: str, name: str) -> Any:
    """The module of this name, of torchvision or a package that needs it. Raises ModelError where it can't be used."""
    packages = dict.fromkeys(("torchvision", name.partition(".")[0]))
    need(who, *packages, install="pip install torchvision lpips pytorch-fid")
    try:
        return importlib.import_module(name)
    except (ImportError, RuntimeError, OSError) as error:
        raise ModelError(
            f"{who} needs {name}, which can't be loaded ({str(error)[:120]}): install the build of torchvision that "
            "belongs to this torch"
        ) from error


def state_dict(who: str, source: str, url: Callable[[], str], *, allow_download: bool, allow_pickle: bool) -> Any:
    """Tensors by name. url: that of torchvision's weights, called only when `source` is not a path.

    Raises ModelError for weights that are missing, pickled or damaged.
    """
    import torch
    from safetensors.torch import load_file

    path = _file(who, source)
    if path is None:
        return _named(who, source, url(), allow_download=allow_download, allow_pickle=allow_pickle)
    refuse_pickle(path, allow=allow_pickle)
    with reading(who, str(path)):
        if path.suffix == SAFE:
            check_safetensors(path)
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)


def fill(who: str, source: str, network: Any, state: Any, *, unused: Sequence[str] = ()) -> Any:
    """The network with these weights, but those whose names start as `unused`. Raises ModelError if they don't fit."""
    if not isinstance(state, dict):
        raise ModelError(f"{who}: {source} holds a {type(state).__name__} instead of weights by name")
    kept = {name: tensor for name, tensor in state.items() if not str(name).startswith(tuple(unused))}
    try:
        network.load_state_dict(kept)
    except (RuntimeError, AttributeError) as error:
        told = " ".join(str(error).split())[:200]
        raise ModelError(f"{source} holds the weights of another network than {who} wants: {told}") from error
    return network.eval().requires_grad_(False)


def _file(who: str, source: str) -> Path | None:
    """The file, or None where `source` is a name and not a path."""
    path = Path(source).expanduser()
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix == SAFE or p.suffix in PICKLED)
        files = [p for p in files if p.suffix == SAFE] or files
        if len(files) != 1:
            raise ModelError(f"{who}: {path} holds {len(files)} files of weights instead of one: give the file itself")
        return files[0]
    if not path.is_file() and ("/" in source or path.suffix):
        raise ModelError(f"{who}: there is no file {source}: give the file of its weights")
    return path if path.is_file() else None


def _named(who: str, source: str, address: str, *, allow_download: bool, allow_pickle: bool) -> Any:
    """The weights that torchvision publishes at `address`, kept by torch.hub under the last part of it."""
    import torch

    kept = Path(torch.hub.get_dir()) / "checkpoints" / address.rpartition("/")[2]
    if not kept.is_file() and not allow_download:
        raise ModelError(
            f"{who}: the weights {source!r} were not fetched before. "
            "Give their file, or allow the download (--allow-download --allow-pickle)"
        )
    refuse_pickle(kept, allow=allow_pickle)
    with reading(who, source):
        return torch.hub.load_state_dict_from_url(
            address, map_location="cpu", progress=False, check_hash=True, weights_only=True
        )
