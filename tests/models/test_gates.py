"""Tokens of every collection, damaged as they are on the web, get as far as the reading; photos hardly ever do."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from skimage import data

from gistchain.collection.known import dicebear
from gistchain.models.area import area_average
from gistchain.models.layered import captioner
from gistchain.models.layered.model import SIDE, Floats
from gistchain.models.layered.shelf import OnShelf, Shelf
from gistchain.types import Pixels

SHELF = Shelf()
DRAWN = [c for c in SHELF.collections if c.name != "collection-robohash-1"]
"""RoboHash comes from a package that this environment need not have."""


def _floats(image: Pixels) -> Floats:
    return area_average(image, SIDE).transpose(1, 2, 0).reshape(-1, 3)


def _jpeg(image: Pixels, quality: int) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def _damaged(image: Pixels) -> Iterator[Pixels]:
    noise = np.random.RandomState(0).normal(0, 20, image.shape)
    yield image
    yield _jpeg(image, 20)
    yield _jpeg((image + noise).round().clip(0, 255).astype(np.uint8), 75)
    yield np.asarray(Image.fromarray(image).resize((90, 90)))
    yield np.asarray(Image.fromarray(image).resize((64, 64), Image.Resampling.NEAREST))


@pytest.mark.parametrize("collection", DRAWN, ids=lambda c: c.name)
def test_no_token_is_turned_away(collection: OnShelf) -> None:
    tokens = dicebear.tokens(collection.name.removeprefix("collection-"), dicebear.held_out_seeds(2), size=192)
    for index in range(2):
        for image in _damaged(tokens.image(index)):
            picture = _floats(image)
            assert collection in SHELF.nearest(picture)
            assert captioner._may_be(collection, picture)


def test_few_readings_of_photos_are_needed() -> None:
    photos = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket(), data.retina()]
    near = [(c, _floats(photo)) for photo in photos for c in SHELF.nearest(_floats(photo))]
    assert len(near) >= 10  # the gates alone let them pass
    assert sum(captioner._may_be(collection, picture) for collection, picture in near) <= 1
