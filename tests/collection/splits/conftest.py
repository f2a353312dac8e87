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
from gistchain.collection.known.punks_pickle import pixels
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
    originals = first_punks()
    put_tokens(where, "larva", originals, side=256, licence="Larva Labs")
    mirrored = replace(
        originals, images=originals.images[:, :, ::-1], traits=replace(originals.traits, subject="Phunks")
    )
    put_tokens(where, "phunks", mirrored, side=256)
    micah = drawn("micah")
    put_tokens(where, "micah", micah, side=256, licence=dicebear.credit("micah"))
    put_tokens(where, "portraits", framed(micah), side=256)
    put_tokens(where, "planets", drawn("planets"), side=256, licence=dicebear.credit("planets"))
    for folder in sorted((where / FOLDER).iterdir()):
        caption_collection(folder, How())
    return where


def first_punks() -> Tokens:
    """As punks.tokens() has them, but with traits that left no pixel: to find those takes all 10,000, and seconds."""
    rgba = pixels(punks.package_data() / "punks.pkl")[:COUNT]
    images = np.where(rgba[..., 3:] > 0, rgba[..., :3], punks.BACKGROUND)
    names = tuple(f"punk-{n:04d}" for n in range(COUNT))
    return Tokens(punks.traits(), names, images, punks._labels(images))


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
