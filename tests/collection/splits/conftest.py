"""The eyes of rareness, opened once, and collections that are drawn from one another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gistchain import systems
from gistchain.collection.captions.make import How, caption_collection
from gistchain.collection.imports.record import FOLDER
from gistchain.collection.known import dicebear, punks
from gistchain.collection.tokens import Tokens
from gistchain.rareness.check import Checker
from gistchain.settings import load
from tests.support.collections import put_tokens

COUNT = 12


@pytest.fixture(scope="session")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Checker:
    return systems.checker(load({"home": tmp_path_factory.mktemp("empty")}, {}))


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with punks, the same mirrored under other names, two styles of DiceBear and one of them framed."""
    where = tmp_path_factory.mktemp("home")
    every, ids = punks.tokens(), list(range(0, 9000, 9000 // COUNT))[:COUNT]
    originals = replace(
        every, names=tuple(every.names[k] for k in ids), images=every.images[ids], labels=every.labels[ids]
    )
    named = list(map(str, ids))
    put_tokens(where, "larva", originals, ids=named, side=256, licence="Larva Labs")
    mirrored = replace(
        originals, images=originals.images[:, :, ::-1], traits=replace(originals.traits, subject="Phunks")
    )
    put_tokens(where, "phunks", mirrored, ids=named, side=256)
    micah = drawn("micah")
    put_tokens(where, "micah", micah, side=256, licence=dicebear.credit("micah"))
    put_tokens(where, "portraits", framed(micah), side=256)
    put_tokens(where, "planets", drawn("planets"), side=256, licence=dicebear.credit("planets"))
    for folder in sorted((where / FOLDER).iterdir()):
        caption_collection(folder, How())
    return where


def drawn(style: str) -> Tokens:
    return dicebear.tokens(style, [f"train-{n}" for n in range(COUNT)], size=256)


def framed(tokens: Tokens) -> Tokens:
    """Each picture in a wide dark frame: a collection of portraits made of another."""
    size = tokens.images.shape[1]
    edge = size * 5 // 32
    images = np.full_like(tokens.images, 30)
    for at, image in enumerate(tokens.images):
        small = Image.fromarray(image).resize((size - 2 * edge, size - 2 * edge), Image.Resampling.LANCZOS)
        images[at, edge:-edge, edge:-edge] = np.asarray(small)
    return replace(tokens, images=images, traits=replace(tokens.traits, subject="Portraits"))
