"""gistchain puts the meaning of an image on a blockchain instead of its pixels. Public names only."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gistchain.errors import GistchainError
    from gistchain.gist.packet import pack, unpack
    from gistchain.image import read_image
    from gistchain.opening import open
    from gistchain.pipeline import Registered, Registry
    from gistchain.settings import Settings
    from gistchain.systems import rosis
    from gistchain.types import Caption, Described, Gist, Isotope, Latent, Picture, Rareness, Rebuilt, Receipt, System

__version__ = "0.1.0"

# Loaded at first use: `import gistchain` itself costs nothing.
_WHERE = {
    "Caption": "gistchain.types",
    "Described": "gistchain.types",
    "Gist": "gistchain.types",
    "GistchainError": "gistchain.errors",
    "Isotope": "gistchain.types",
    "Latent": "gistchain.types",
    "Picture": "gistchain.types",
    "Rareness": "gistchain.types",
    "Rebuilt": "gistchain.types",
    "Receipt": "gistchain.types",
    "Registered": "gistchain.pipeline",
    "Registry": "gistchain.pipeline",
    "Settings": "gistchain.settings",
    "System": "gistchain.types",
    "open": "gistchain.opening",
    "pack": "gistchain.gist.packet",
    "read_image": "gistchain.image",
    "rosis": "gistchain.systems",
    "unpack": "gistchain.gist.packet",
}

__all__ = [
    "Caption",
    "Described",
    "Gist",
    "GistchainError",
    "Isotope",
    "Latent",
    "Picture",
    "Rareness",
    "Rebuilt",
    "Receipt",
    "Registered",
    "Registry",
    "Settings",
    "System",
    "open",
    "pack",
    "read_image",
    "rosis",
    "unpack",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'gistchain' has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)
