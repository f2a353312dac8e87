"""gistchain puts the meaning of an image on a blockchain instead of its pixels. Public names only."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gistchain.errors import GistchainError
    from gistchain.gist.packet import pack, unpack
    from gistchain.image import read_image
    from gistchain.ledger.evm import open_embedded, open_rpc
    from gistchain.pipeline import Registry, rebuild
    from gistchain.rebuild.isotope import rosis
    from gistchain.types import Caption, Gist, Isotope, Latent, Receipt

__version__ = "0.1.0"

# Loaded at first use: `import gistchain` itself costs nothing.
_WHERE = {
    "Caption": "gistchain.types",
    "Gist": "gistchain.types",
    "GistchainError": "gistchain.errors",
    "Isotope": "gistchain.types",
    "Latent": "gistchain.types",
    "Receipt": "gistchain.types",
    "Registry": "gistchain.pipeline",
    "open_embedded": "gistchain.ledger.evm",
    "open_rpc": "gistchain.ledger.evm",
    "pack": "gistchain.gist.packet",
    "read_image": "gistchain.image",
    "rebuild": "gistchain.pipeline",
    "rosis": "gistchain.rebuild.isotope",
    "unpack": "gistchain.gist.packet",
}

__all__ = [
    "Caption",
    "Gist",
    "GistchainError",
    "Isotope",
    "Latent",
    "Receipt",
    "Registry",
    "open_embedded",
    "open_rpc",
    "pack",
    "read_image",
    "rebuild",
    "rosis",
    "unpack",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'gistchain' has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)
