"""Imported collections for tests: what an import leaves in a home, made from the packages' own tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gistchain.collection.imports.record import FOLDER, About, Content, ImportedToken, Record
from gistchain.collection.tokens import Tokens
from gistchain.image.writing import png_bytes
from gistchain.types import Pixels

SIDE = 512
"""Width of the standard form."""


def put_tokens(
    home: Path,
    name: str,
    tokens: Tokens,
    *,
    ids: Sequence[str] | None = None,
    licence: str = "",
    contract: str = "",
    side: int = SIDE,
) -> Path:
    """The folder of a collection of these tokens in the home. ids: by default 0, 1, 2 ..."""
    attributes = [
        tuple((one["trait_type"], one["value"]) for one in tokens.traits.attributes(row))
        for row in tokens.labels.tolist()
    ]
    named = ids or list(map(str, range(len(tokens))))
    return put(
        home, name, tokens.images, attributes, named, subject=tokens.traits.subject, licence=licence,
        contract=contract, side=side,
    )  # fmt: skip


def put(
    home: Path,
    name: str,
    images: Sequence[Pixels] | np.ndarray,
    attributes: Sequence[tuple[tuple[str, str], ...]],
    ids: Sequence[str],
    *,
    subject: str = "",
    licence: str = "",
    contract: str = "",
    side: int = SIDE,
) -> Path:
    folder = home / FOLDER / name
    with Record(folder, write=True) as record:
        chain = "eip155:1" if contract else ""
        about = About(name, subject or name, "packaged", chain=chain, contract=contract, licence=licence)
        record.set_about(about)
        (folder / "images").mkdir(exist_ok=True)
        rows = []
        for image, said, token in zip(images, attributes, ids, strict=True):
            large = enlarged(image, side)
            data = png_bytes(large)
            picture = f"images/{token}.png"
            (folder / picture).write_bytes(data)
            height, width, _ = large.shape
            media = Content(hashlib.sha256(data).hexdigest(), len(data), "PNG", "data")
            rows.append(
                ImportedToken(
                    token, "complete", title=f"{subject} #{token}", attributes=said, media=media, picture=picture,
                    width=width, height=height,
                )
            )  # fmt: skip
        record.put(rows)
    return folder


def enlarged(image: Pixels, side: int) -> Pixels:
    """By whole factors, as pixel art is shown; at least `side` pixels wide unless it can't be."""
    times = max(1, side // image.shape[1])
    large: Pixels = np.ascontiguousarray(image.repeat(times, 0).repeat(times, 1))
    return large


def put_plain(home: Path, name: str, attributes: Sequence[tuple[tuple[str, str], ...]], *, subject: str = "") -> Path:
    """A collection whose pictures don't matter: tokens 1, 2 ... with these attributes and tiny pictures."""
    rng = np.random.default_rng(len(attributes))
    images = rng.integers(0, 256, (len(attributes), 8, 8, 3), dtype=np.uint8)
    return put(home, name, images, attributes, [str(n + 1) for n in range(len(attributes))], subject=subject, side=8)
