"""The default painter does what a Painter must do with captions of each collection that it knows."""

from __future__ import annotations

import numpy as np
import pytest

from gistchain.models.layered.shelf import Shelf
from gistchain.models.thumb8 import Thumb8
from gistchain.models.traitnet.painter import painted
from gistchain.models.zoo.registry import load
from gistchain.traits import Traits
from gistchain.types import Gist, Painter
from tests.conformance.checks import check_painter, shapes


@pytest.fixture(scope="module")
def painter() -> Painter:
    painter: Painter = load("painter", "default")
    return painter


KNOWN = [t.collection for t in painted()] + [entry.collection for entry in Shelf().collections]


@pytest.fixture(params=KNOWN)
def text(request: pytest.FixtureRequest) -> str:
    traits = _traits(request.param)
    return traits.caption([1] * len(traits.types))


def _traits(collection: str) -> Traits:
    for entry in Shelf().collections:
        if entry.collection == collection:
            return entry.layers().traits
    return next(t for t in painted() if t.collection == collection)


def test_it_paints_each_collection(painter: Painter, text: str) -> None:
    check_painter(painter, Gist((text,), (64, 64), latent=Thumb8().encode(shapes(0, (64, 64)), 192)))


def test_a_large_picture_is_painted_too(painter: Painter, text: str) -> None:
    (image,) = painter.paint(Gist((text,), (512, 512)), [7])
    assert image.shape == (512, 512, 3)
    assert image.dtype == np.uint8
