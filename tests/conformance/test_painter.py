"""What every Painter must do, here with captions of each collection that the default one knows."""

from __future__ import annotations

import numpy as np
import pytest

from gistchain.gist.latent import encode
from gistchain.models.captioner import collections
from gistchain.models.minilm import MiniLM
from gistchain.models.painter import TraitPainter
from gistchain.traits import Traits
from gistchain.types import Gist, Painter


@pytest.fixture(scope="module")
def painter() -> Painter:
    return TraitPainter(MiniLM())


@pytest.fixture(params=[t.collection for t in collections()])
def text(request: pytest.FixtureRequest) -> str:
    traits: Traits = next(t for t in collections() if t.collection == request.param)
    return traits.caption([1] * len(traits.types))


def test_it_is_a_painter(painter: Painter) -> None:
    assert isinstance(painter, Painter)


@pytest.mark.parametrize("size", [(512, 512), (24, 24), (1, 1), (300, 40)])
def test_images_have_the_size_of_the_gist(painter: Painter, text: str, size: tuple[int, int]) -> None:
    images = painter.paint(Gist((text,), size), [7, 8])
    assert [i.shape for i in images] == [(size[1], size[0], 3)] * 2
    assert all(i.dtype == np.uint8 for i in images)


def test_a_seed_gives_the_same_bytes_alone_or_in_company(painter: Painter, text: str) -> None:
    gist = Gist((text,), (64, 64))
    assert painter.paint(gist, [3, 4, 5])[1].tobytes() == painter.paint(gist, [4])[0].tobytes()


def test_no_seeds_give_no_images(painter: Painter, text: str) -> None:
    assert painter.paint(Gist((text,), (64, 64)), []) == []


def test_it_takes_a_latent_and_every_strength(painter: Painter, text: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    gist = Gist((text,), (64, 64), latent=encode(image))
    for strength in (0.0, 0.4, 1.0):
        assert painter.paint(gist, [0], strength)[0].shape == (64, 64, 3)
